//! What the network sees of a system.

use serde::{Deserialize, Serialize};

use super::NslsConfig;
use crate::error::{Error, Result};
use crate::linalg::op::Identity;
use crate::linalg::vector::{axpy, dot, norm2};
use crate::linalg::{Csr, LinOp};
use crate::models::scaling::Scaling;
use crate::precond::Icc;

/// The classical method whose first iterates are features of the nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Iterates {
    /// No iterates: b and the diagonal alone.
    None,
    /// Conjugate gradients from zero.
    #[default]
    Cg,
    /// Damped Jacobi from zero, ω = 2/3.
    Jacobi,
    /// An orthonormal basis of the Krylov space of A and b.
    Arnoldi,
    /// Ours: conjugate gradients preconditioned with IC(0); these depend on the order of the unknowns.
    Icc,
}

/// Damping of the Jacobi iteration.
const DAMPING: f64 = 2.0 / 3.0;

/// A system as the network sees it.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The scaled matrix: edge weights.
    pub matrix: Csr,
    /// The scaled right-hand side.
    pub rhs: Vec<f64>,
    /// Node features, node by node: b/‖b‖∞, diagonal/max, iterates, each divided by its largest entry.
    pub features: Vec<f32>,
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
        columns.extend(iterates(config.features, config.iterates, &matrix, &diagonal, &rhs)?);
        columns.iter_mut().for_each(|c| normalise(c));
        let features = (0..n).flat_map(|i| columns.iter().map(move |c| c[i] as f32)).collect();
        Ok(Seen { matrix, rhs, features, weights })
    }

    /// The last iterate over its largest entry, with `columns` features a node.
    pub fn last(&self, columns: usize) -> Vec<f32> {
        self.features.chunks_exact(columns).map(|row| row[columns - 1]).collect()
    }

    /// The unknown of the scaled system → that of the system (but for a factor).
    pub fn to_solution(&self, scaled: &[f64]) -> Vec<f64> {
        scaled.iter().zip(&self.weights).map(|(x, w)| x / w).collect()
    }

    /// A solution of the system → that of the scaled one (but for a factor).
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
            Ok((Csr::new(a.pattern().clone(), values)?, b.to_vec(), vec![1.0; b.len()]))
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

/// `count` vectors; where a method ends early its last one is repeated.
fn iterates(kind: Iterates, count: usize, a: &Csr, diagonal: &[f64], b: &[f64]) -> Result<Vec<Vec<f64>>> {
    Ok(match kind {
        Iterates::None => Vec::new(),
        Iterates::Cg => conjugate_gradients(count, a, &Identity(b.len()), b),
        Iterates::Icc => conjugate_gradients(count, a, &Icc::new(a, 0)?, b),
        Iterates::Jacobi => jacobi(count, a, diagonal, b),
        Iterates::Arnoldi => krylov_basis(count, a, b),
    })
}

fn conjugate_gradients(count: usize, a: &Csr, m: &dyn LinOp, b: &[f64]) -> Vec<Vec<f64>> {
    let (mut x, mut r, mut z) = (vec![0.0; b.len()], b.to_vec(), vec![0.0; b.len()]);
    m.apply(&r, &mut z);
    let mut p = z.clone();
    let mut ap = vec![0.0; b.len()];
    let mut rr = dot(&r, &z);
    let mut out = Vec::with_capacity(count);
    for _ in 0..count {
        a.spmv(&p, &mut ap);
        let curvature = dot(&p, &ap);
        // Ended, or the matrix is not definite: what there is stays.
        if rr > 0.0 && curvature > 0.0 {
            let alpha = rr / curvature;
            axpy(alpha, &p, &mut x);
            axpy(-alpha, &ap, &mut r);
            m.apply(&r, &mut z);
            let next = dot(&r, &z);
            let beta = next / rr;
            p.iter_mut().zip(&z).for_each(|(p, z)| *p = z + beta * *p);
            rr = next;
        }
        out.push(x.clone());
    }
    out
}

fn jacobi(count: usize, a: &Csr, diagonal: &[f64], b: &[f64]) -> Vec<Vec<f64>> {
    let (mut x, mut ax) = (vec![0.0; b.len()], vec![0.0; b.len()]);
    let mut out = Vec::with_capacity(count);
    for _ in 0..count {
        a.spmv(&x, &mut ax);
        for i in 0..b.len() {
            if diagonal[i] != 0.0 {
                x[i] += DAMPING * (b[i] - ax[i]) / diagonal[i];
            }
        }
        out.push(x.clone());
    }
    out
}

fn krylov_basis(count: usize, a: &Csr, b: &[f64]) -> Vec<Vec<f64>> {
    let mut out: Vec<Vec<f64>> = Vec::with_capacity(count);
    let mut v = b.to_vec();
    for _ in 0..count {
        let before = norm2(&v);
        for _ in 0..2 {
            for q in &out {
                let c = dot(q, &v);
                axpy(-c, q, &mut v);
            }
        }
        let norm = norm2(&v);
        if norm <= 1e-12 * before || norm == 0.0 {
            out.push(out.last().cloned().unwrap_or_else(|| vec![0.0; b.len()]));
            continue;
        }
        v.iter_mut().for_each(|x| *x /= norm);
        out.push(v.clone());
        let mut next = vec![0.0; b.len()];
        a.spmv(&v, &mut next);
        v = next;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn laplacian(n: usize) -> Csr {
        let mut entries = Vec::new();
        for i in 0..n {
            entries.push((i, i, 2.0 + i as f64));
            if i + 1 < n {
                entries.extend([(i, i + 1, -1.0), (i + 1, i, -1.0)]);
            }
        }
        Csr::from_triplets(n, n, &entries).unwrap()
    }

    #[test]
    fn conjugate_gradients_end_at_the_solution() {
        let a = laplacian(6);
        let x = [1.0, -2.0, 0.5, 3.0, 0.0, 1.0];
        let mut b = vec![0.0; 6];
        a.spmv(&x, &mut b);
        for m in [&Identity(6) as &dyn LinOp, &Icc::new(&a, 0).unwrap()] {
            let last = conjugate_gradients(8, &a, m, &b).pop().unwrap();
            assert!(last.iter().zip(x).all(|(a, b)| (a - b).abs() < 1e-10));
        }
        let q = krylov_basis(4, &a, &b);
        for i in 0..4 {
            for j in 0..4 {
                assert!((dot(&q[i], &q[j]) - f64::from(u8::from(i == j))).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn scalings_know_the_way_back() {
        let a = laplacian(5);
        let x = [1.0, -2.0, 0.5, 3.0, 0.25];
        let mut b = vec![0.0; 5];
        a.spmv(&x, &mut b);
        for scaling in [Scaling::Max, Scaling::Jacobi] {
            let config = NslsConfig { scaling, ..Default::default() };
            let seen = Seen::new(&config, &a, &b).unwrap();
            let y = seen.from_solution(&x);
            let mut ay = vec![0.0; 5];
            seen.matrix.spmv(&y, &mut ay);
            // Parallel to the scaled right-hand side.
            let cosine = dot(&ay, &seen.rhs) / (norm2(&ay) * norm2(&seen.rhs));
            assert!((cosine - 1.0).abs() < 1e-12);
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
