//! [`SplitOperator`]: A between the halves of a preconditioner M = L⁻ᵀ L⁻¹, which has the eigenvalues of M A and is
//! symmetric.

use super::Csr;
use crate::error::{Error, Result};

/// C = L⁻¹ A L⁻ᵀ (n×n): if C u = λ u, then M A v = λ v for v = L⁻ᵀ u.
pub struct SplitOperator<'a> {
    a: &'a Csr,
    l: &'a Csr,
}

impl<'a> SplitOperator<'a> {
    /// A (n×n) and a lower triangular L of the same size.
    ///
    /// # Errors
    /// [`Error::Shape`] if the sizes differ; [`Error::Argument`] unless each row of L ends with an entry on the
    /// diagonal that is not zero.
    pub fn new(a: &'a Csr, l: &'a Csr) -> Result<Self> {
        if l.nrows() != a.nrows() || l.ncols() != a.nrows() {
            return Err(Error::shape("triangular factor", a.nrows(), l.nrows()));
        }
        let proper = |i: usize| {
            let (columns, values) = l.row(i);
            columns.last().zip(values.last()).is_some_and(|(&j, &d)| j as usize == i && d != 0.0)
        };
        match (0..l.nrows()).all(proper) {
            true => Ok(SplitOperator { a, l }),
            false => Err(Error::Argument("the triangular factor has no full diagonal, or is not lower".into())),
        }
    }

    /// y ← C x.
    pub fn apply(&self, x: &[f64], y: &mut [f64]) {
        let mut v = x.to_vec();
        self.solve_transposed(&mut v);
        self.a.spmv(&v, y);
        for i in 0..y.len() {
            let (columns, values) = self.l.row(i);
            let (last, before) = (columns.len() - 1, &columns[..columns.len() - 1]);
            let known: f64 = before.iter().zip(values).map(|(&j, l)| l * y[j as usize]).sum();
            y[i] = (y[i] - known) / values[last];
        }
    }

    /// X ← C⁻¹ X = Lᵀ A⁻¹ L X for some columns, one after the other, `solve` being X ← A⁻¹ X.
    ///
    /// # Errors
    /// Those of `solve`.
    pub fn solve(&self, x: &mut [f64], solve: &dyn Fn(&mut [f64]) -> Result<()>) -> Result<()> {
        let n = self.a.nrows().max(1);
        let mut y = vec![0.0; x.len()];
        x.chunks_exact(n).zip(y.chunks_exact_mut(n)).for_each(|(x, y)| self.l.spmv(x, y));
        solve(&mut y)?;
        for (x, y) in x.chunks_exact_mut(n).zip(y.chunks_exact_mut(n)) {
            self.multiply_transposed(y);
            x.copy_from_slice(y);
        }
        Ok(())
    }

    /// x ← Lᵀ x: from eigenvectors of M A to those of C.
    pub fn multiply_transposed(&self, x: &mut [f64]) {
        // Row i of L changes what stands before i, and i itself, which no later row reads.
        for i in 0..x.len() {
            let (columns, values) = self.l.row(i);
            let (last, own) = (columns.len() - 1, x[i]);
            x[i] = values[last] * own;
            columns[..last].iter().zip(values).for_each(|(&j, l)| x[j as usize] += l * own);
        }
    }

    /// x ← L⁻ᵀ x: from eigenvectors of C to those of M A.
    pub fn solve_transposed(&self, x: &mut [f64]) {
        for i in (0..x.len()).rev() {
            let (columns, values) = self.l.row(i);
            let last = columns.len() - 1;
            x[i] /= values[last];
            let known = x[i];
            columns[..last].iter().zip(values).for_each(|(&j, l)| x[j as usize] -= l * known);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_inverse_undoes_it_and_the_exact_factor_makes_it_the_identity() {
        // A = L Lᵀ with L = [[2, 0], [1, 3]].
        let l = Csr::from_triplets(2, 2, &[(0, 0, 2.0), (1, 0, 1.0), (1, 1, 3.0)]).unwrap();
        let a = Csr::from_triplets(2, 2, &[(0, 0, 4.0), (0, 1, 2.0), (1, 0, 2.0), (1, 1, 10.0)]).unwrap();
        let mut y = [0.0; 2];
        SplitOperator::new(&a, &l).unwrap().apply(&[5.0, -7.0], &mut y);
        assert!((y[0] - 5.0).abs() < 1e-14 && (y[1] + 7.0).abs() < 1e-14);
        // Another L: C⁻¹ C = I. A⁻¹ by Cramer's rule.
        let l = Csr::from_triplets(2, 2, &[(0, 0, 1.0), (1, 0, -0.5), (1, 1, 2.0)]).unwrap();
        let split = SplitOperator::new(&a, &l).unwrap();
        split.apply(&[5.0, -7.0], &mut y);
        let inverse = |x: &mut [f64]| {
            (x[0], x[1]) = ((10.0 * x[0] - 2.0 * x[1]) / 36.0, (4.0 * x[1] - 2.0 * x[0]) / 36.0);
            Ok(())
        };
        split.solve(&mut y, &inverse).unwrap();
        assert!((y[0] - 5.0).abs() < 1e-13 && (y[1] + 7.0).abs() < 1e-13);
        assert!(SplitOperator::new(&l, &a).is_err(), "A is not lower triangular");
    }
}
