//! Factored approximate inverses M = S (R Rᵀ + ε I) S ≈ A⁻¹ as operators: products only, positive definite as they are.

use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::{Error, Result};
use crate::linalg::{Csr, LinOp, Props};

/// z = S (R Rᵀ + ε I) S r with R (n×m) sparse and S diagonal.
#[derive(Debug, Clone)]
pub struct FactoredInverse {
    factor: Csr,
    transpose: Csr,
    shift: f64,
    /// The diagonal of S; the identity where there is none.
    scale: Option<Vec<f64>>,
    /// S r (empty where S is the identity), Rᵀ S r.
    scratch: Arc<Mutex<(Vec<f64>, Vec<f64>)>>,
}

impl FactoredInverse {
    /// From R, ε and the diagonal of S. With ε = 0 it is the caller's to know that the rows of R are independent, as
    /// those of a triangular one with a full diagonal are; else M is semidefinite.
    ///
    /// # Errors
    /// [`Error::Numeric`] if an entry is not finite, or M is singular because ε = 0 and a row of R is empty;
    /// [`Error::Argument`] if ε is negative; [`Error::Shape`] if S is not of the rows of R.
    pub fn new(factor: Csr, shift: f64, scale: Option<Vec<f64>>) -> Result<Self> {
        let n = factor.nrows();
        if let Some(s) = &scale
            && s.len() != n
        {
            return Err(Error::shape("the diagonal of S", n, s.len()));
        }
        if !(shift >= 0.0 && shift.is_finite()) {
            return Err(Error::Argument(format!("factored inverse: shift = {shift} must be 0 or positive")));
        }
        for i in 0..n {
            let (cols, values) = factor.row(i);
            if let Some(k) = values.iter().position(|v| !v.is_finite()) {
                return Err(Error::Numeric(format!(
                    "factored inverse: entry ({i}, {}) of the factor is {}",
                    cols[k], values[k]
                )));
            }
            if shift == 0.0 && values.iter().all(|&v| v == 0.0) {
                return Err(Error::Numeric(format!("factored inverse: row {i} of the factor is zero")));
            }
        }
        let scratch = Arc::new(Mutex::new((vec![0.0; scale.as_ref().map_or(0, Vec::len)], vec![0.0; factor.ncols()])));
        Ok(FactoredInverse { transpose: factor.transpose(), factor, shift, scale, scratch })
    }

    /// R.
    pub fn factor(&self) -> &Csr {
        &self.factor
    }

    /// G = S R and the diagonal of D = ε S², with which M = G Gᵀ + D.
    pub fn unscaled(&self) -> (Csr, Vec<f64>) {
        let n = self.factor.nrows();
        let scale = self.scale.clone().unwrap_or_else(|| vec![1.0; n]);
        let mut factor = self.factor.clone();
        for (i, s) in scale.iter().enumerate() {
            let row = factor.pattern().range(i);
            factor.values_mut()[row].iter_mut().for_each(|v| *v *= s);
        }
        (factor, scale.iter().map(|s| self.shift * s * s).collect())
    }
}

impl LinOp for FactoredInverse {
    fn shape(&self) -> (usize, usize) {
        (self.factor.nrows(), self.factor.nrows())
    }
    fn props(&self) -> Props {
        Props::SPD
    }
    fn apply(&self, x: &[f64], y: &mut [f64]) {
        // The scratch holds nothing between calls, so that a panic elsewhere cannot have spoiled it.
        let mut scratch = self.scratch.lock().unwrap_or_else(PoisonError::into_inner);
        let (scaled, between) = &mut *scratch;
        let x = match &self.scale {
            Some(s) => {
                scaled.iter_mut().zip(x.iter().zip(s)).for_each(|(scaled, (x, s))| *scaled = x * s);
                &*scaled
            }
            None => x,
        };
        self.transpose.par_spmv(x, between);
        self.factor.par_spmv(between, y);
        if self.shift != 0.0 {
            y.iter_mut().zip(x).for_each(|(y, x)| *y += self.shift * x);
        }
        if let Some(s) = &self.scale {
            y.iter_mut().zip(s).for_each(|(y, s)| *y *= s);
        }
    }
    fn nnz(&self) -> usize {
        self.factor.nnz()
    }
    fn as_any(&self) -> Option<&dyn Any> {
        Some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_its_product_written_out() {
        let r = Csr::from_triplets(2, 2, &[(0, 0, 2.0), (0, 1, 1.0), (1, 1, 3.0)]).unwrap();
        let m = FactoredInverse::new(r.clone(), 0.5, Some(vec![2.0, 0.5])).unwrap();
        // R Rᵀ + I/2 = [5.5 3; 3 9.5], scaled from both sides.
        let mut y = [0.0; 2];
        m.apply(&[1.0, 0.0], &mut y);
        assert_eq!(y, [22.0, 3.0]);
        m.apply(&[0.0, 1.0], &mut y);
        assert_eq!(y, [3.0, 2.375]);
        // The same without S: M = G Gᵀ + D.
        let (g, d) = m.unscaled();
        let product = g.matmul(&g.transpose()).unwrap();
        assert_eq!((product.get(0, 0) + d[0], product.get(1, 0), product.get(1, 1) + d[1]), (22.0, 3.0, 2.375));
        assert!(FactoredInverse::new(r.clone(), -1.0, None).is_err());
        assert!(FactoredInverse::new(r, 0.0, Some(vec![1.0])).is_err());
        let bad = Csr::from_triplets(1, 1, &[(0, 0, f64::NAN)]).unwrap();
        assert!(FactoredInverse::new(bad, 0.0, None).err().unwrap().to_string().contains("(0, 0)"));
    }
}
