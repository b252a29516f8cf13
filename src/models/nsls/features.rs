//! What the network sees of a system.

use super::NslsConfig;
use super::iterates::{self, Ran};
use crate::error::{Error, Result};
use crate::linalg::Csr;
use crate::models::scaling::Scaling;

/// A system as the network sees it.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The scaled matrix: edge weights.
    pub matrix: Csr,
    /// The scaled right-hand side.
    pub rhs: Vec<f64>,
    /// Node features, node by node: b, the diagonal, with [`NslsConfig::directions`] the residual of the last iterate
    /// and the last search direction, and the iterates, each divided by its largest entry.
    pub features: Vec<f32>,
    /// What the method whose iterates are shown came to, on the scaled system.
    pub ran: Ran,
    /// The scaled system's unknown is x_i · `weights[i]`.
    weights: Vec<f64>,
}

impl Seen {
    /// Scales a system and computes its features.
    ///
    /// # Errors
    /// [`Error::Shape`] if A is not square or b does not fit, [`Error::Argument`] if A is zero or not finite,
    /// [`Error::Numeric`] if (Jacobi scaling) a diagonal entry is not positive.
    pub fn new(config: &NslsConfig, a: &Csr, b: &[f64]) -> Result<Self> {
        let n = a.nrows();
        if a.ncols() != n || b.len() != n {
            return Err(Error::shape("rows, columns of A and entries of b", n, b.len()));
        }
        let (matrix, rhs, weights) = scale(config.scaling, a, b)?;
        let diagonal = matrix.diagonal();
        let mut columns = vec![rhs.clone(), diagonal.clone()];
        let ran = iterates::run(config.features, config.iterates, &matrix, &diagonal, &rhs)?;
        if config.directions > 0 {
            columns.push(ran.residual.clone());
            columns.push(ran.directions.last().map_or_else(|| vec![0.0; n], |last| last.0.clone()));
        }
        columns.extend(ran.iterates.iter().cloned());
        columns.iter_mut().for_each(|c| normalise(c));
        let features = (0..n).flat_map(|i| columns.iter().map(move |c| c[i] as f32)).collect();
        Ok(Seen { matrix, rhs, features, ran, weights })
    }

    /// The last iterate over its largest entry, with `columns` features a node.
    pub fn last(&self, columns: usize) -> Vec<f32> {
        self.features.chunks_exact(columns).map(|row| row[columns - 1]).collect()
    }

    /// The unknown of the scaled system → that of the system.
    pub fn to_solution(&self, scaled: &[f64]) -> Vec<f64> {
        scaled.iter().zip(&self.weights).map(|(x, w)| x / w).collect()
    }

    /// A solution of the system → that of the scaled one.
    pub fn from_solution(&self, x: &[f64]) -> Vec<f64> {
        x.iter().zip(&self.weights).map(|(x, w)| x * w).collect()
    }
}

/// (scaled A, scaled b, weights of the unknowns).
fn scale(scaling: Scaling, a: &Csr, b: &[f64]) -> Result<(Csr, Vec<f64>, Vec<f64>)> {
    let largest = a.max_abs();
    if !(largest > 0.0 && largest.is_finite()) {
        return Err(Error::Argument(format!(
            "{}: the largest entry of A is {largest}: must be positive and finite",
            super::NAME
        )));
    }
    match scaling {
        Scaling::Max => {
            let values = a.values().iter().map(|v| v / largest).collect();
            Ok((Csr::new(a.pattern().clone(), values)?, b.to_vec(), vec![largest; b.len()]))
        }
        Scaling::Jacobi => {
            let (matrix, weights) = a.equilibrated()?;
            let rhs = b.iter().zip(&weights).map(|(b, w)| b / w).collect();
            Ok((matrix, rhs, weights))
        }
    }
}

/// Divides by the largest entry.
fn normalise(v: &mut [f64]) {
    let largest = v.iter().fold(0.0f64, |m, x| m.max(x.abs()));
    if largest > 0.0 && largest.is_finite() {
        v.iter_mut().for_each(|x| *x /= largest);
    } else {
        v.fill(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::vector::norm2;
    use crate::models::testing::rising_tridiagonal;

    #[test]
    fn scalings_know_the_way_back() {
        let a = rising_tridiagonal(5);
        let x = [1.0, -2.0, 0.5, 3.0, 0.25];
        let mut b = vec![0.0; 5];
        a.spmv(&x, &mut b);
        for scaling in [Scaling::Max, Scaling::Jacobi] {
            let config = NslsConfig { scaling, ..Default::default() };
            let seen = Seen::new(&config, &a, &b).unwrap();
            let y = seen.from_solution(&x);
            let mut ay = vec![0.0; 5];
            seen.matrix.spmv(&y, &mut ay);
            let left: Vec<f64> = ay.iter().zip(&seen.rhs).map(|(a, b)| a - b).collect();
            assert!(norm2(&left) < 1e-12 * norm2(&seen.rhs));
            assert!(seen.to_solution(&y).iter().zip(x).all(|(a, b)| (a - b).abs() < 1e-12));
            assert_eq!(seen.features.len(), 5 * config.inputs());
        }
    }

    #[test]
    fn what_cannot_be_scaled_is_refused() {
        let config = NslsConfig { scaling: Scaling::Jacobi, ..Default::default() };
        let a = Csr::from_triplets(2, 2, &[(0, 0, 1.0), (1, 1, -1.0)]).unwrap();
        let message = Seen::new(&config, &a, &[1.0, 1.0]).unwrap_err().to_string();
        assert!(message.contains("diagonal entry 1 is -1"), "{message}");
        assert!(Seen::new(&config, &a, &[1.0]).is_err());
    }
}
