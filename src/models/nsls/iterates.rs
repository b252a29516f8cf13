//! The classical methods whose first iterates a network is shown.

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::linalg::op::Identity;
use crate::linalg::vector::{axpy, dot, norm2};
use crate::linalg::{Csr, LinOp};
use crate::precond::Icc;

/// The classical method whose first iterates are features of the nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
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
pub const DAMPING: f64 = 2.0 / 3.0;

/// A vector p and A p (n each).
pub type Pair = (Vec<f64>, Vec<f64>);

/// What some iterations of a method leave behind.
#[derive(Debug, Clone, Default)]
pub struct Ran {
    /// The iterates (n each), or the basis; where a method ends early its last one is repeated.
    pub iterates: Vec<Vec<f64>>,
    /// x that it came to (n); zero where there are no iterates of x.
    pub x: Vec<f64>,
    /// b − A x (n).
    pub residual: Vec<f64>,
    /// Search directions of conjugate gradients, which are conjugate, with pᵀ A p = 1; of other methods none.
    pub directions: Vec<Pair>,
    /// Products with A.
    pub products: usize,
}

/// `count` iterations for A (n×n) with the given diagonal and b (n).
///
/// # Errors
/// [`crate::Error::Numeric`] if IC(0) breaks down.
pub fn run(kind: Iterates, count: usize, a: &Csr, diagonal: &[f64], b: &[f64]) -> Result<Ran> {
    Ok(match kind {
        Iterates::None => Ran { x: vec![0.0; b.len()], residual: b.to_vec(), ..Ran::default() },
        Iterates::Cg => conjugate_gradients(count, a, &Identity(b.len()), b),
        Iterates::Icc => conjugate_gradients(count, a, &Icc::new(a, 0)?, b),
        Iterates::Jacobi => jacobi(count, a, diagonal, b),
        Iterates::Arnoldi => krylov_basis(count, a, b),
    })
}

fn conjugate_gradients(count: usize, a: &Csr, m: &dyn LinOp, b: &[f64]) -> Ran {
    let (mut x, mut r, mut z) = (vec![0.0; b.len()], b.to_vec(), vec![0.0; b.len()]);
    m.apply(&r, &mut z);
    let mut p = z.clone();
    let mut ap = vec![0.0; b.len()];
    let mut rr = dot(&r, &z);
    let mut ran = Ran::default();
    let mut ended = false;
    for _ in 0..count {
        if !ended {
            a.spmv(&p, &mut ap);
            ran.products += 1;
            let curvature = dot(&p, &ap);
            // Ended, or the matrix is not definite: what there is stays.
            ended = !(rr > 0.0 && curvature > 0.0);
            if !ended {
                let unit = 1.0 / curvature.sqrt();
                ran.directions.push((scaled(unit, &p), scaled(unit, &ap)));
                let alpha = rr / curvature;
                axpy(alpha, &p, &mut x);
                axpy(-alpha, &ap, &mut r);
                m.apply(&r, &mut z);
                let next = dot(&r, &z);
                let beta = next / rr;
                p.iter_mut().zip(&z).for_each(|(p, z)| *p = z + beta * *p);
                rr = next;
            }
        }
        ran.iterates.push(x.clone());
    }
    Ran { x, residual: r, ..ran }
}

fn scaled(factor: f64, v: &[f64]) -> Vec<f64> {
    v.iter().map(|x| factor * x).collect()
}

fn jacobi(count: usize, a: &Csr, diagonal: &[f64], b: &[f64]) -> Ran {
    let (mut x, mut ax) = (vec![0.0; b.len()], vec![0.0; b.len()]);
    let mut iterates = Vec::with_capacity(count);
    for _ in 0..count {
        for i in 0..b.len() {
            if diagonal[i] != 0.0 {
                x[i] += DAMPING * (b[i] - ax[i]) / diagonal[i];
            }
        }
        a.spmv(&x, &mut ax);
        iterates.push(x.clone());
    }
    let residual = b.iter().zip(&ax).map(|(b, ax)| b - ax).collect();
    Ran { iterates, x, residual, directions: Vec::new(), products: count }
}

fn krylov_basis(count: usize, a: &Csr, b: &[f64]) -> Ran {
    let mut ran = Ran { x: vec![0.0; b.len()], residual: b.to_vec(), ..Ran::default() };
    let out = &mut ran.iterates;
    let mut v = b.to_vec();
    for k in 0..count {
        let before = norm2(&v);
        for _ in 0..2 {
            for q in out.iter() {
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
        if k + 1 < count {
            let mut next = vec![0.0; b.len()];
            a.spmv(&v, &mut next);
            ran.products += 1;
            v = next;
        }
    }
    ran
}

/// x + the combination of the given vectors (n each) and of the directions of `ran` that is nearest to A⁻¹ b in the
/// energy norm; one product with A a vector. A vector that adds nothing to the others is left away.
pub fn combined(ran: &Ran, a: &Csr, vectors: Vec<Vec<f64>>) -> Vec<f64> {
    let (mut x, mut r) = (ran.x.clone(), ran.residual.clone());
    let mut kept: Vec<Pair> = Vec::with_capacity(vectors.len());
    for mut d in vectors {
        let mut ad = vec![0.0; d.len()];
        a.spmv(&d, &mut ad);
        let before = dot(&d, &ad);
        // Conjugate to all others, twice because of rounding.
        for _ in 0..2 {
            for (p, ap) in ran.directions.iter().chain(&kept) {
                let c = dot(ap, &d);
                axpy(-c, p, &mut d);
                axpy(-c, ap, &mut ad);
            }
        }
        let energy = dot(&d, &ad);
        if !(energy > 1e-12 * before && energy.is_finite()) {
            continue;
        }
        let unit = 1.0 / energy.sqrt();
        let (d, ad) = (scaled(unit, &d), scaled(unit, &ad));
        // The minimiser along d: x is not moved where its residual is orthogonal to d.
        let step = dot(&d, &r);
        axpy(step, &d, &mut x);
        axpy(-step, &ad, &mut r);
        kept.push((d, ad));
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::testing::rising_tridiagonal;

    fn times(a: &Csr, x: &[f64]) -> Vec<f64> {
        let mut b = vec![0.0; x.len()];
        a.spmv(x, &mut b);
        b
    }

    #[test]
    fn conjugate_gradients_end_at_the_solution() {
        let a = rising_tridiagonal(6);
        let x = [1.0, -2.0, 0.5, 3.0, 0.0, 1.0];
        let b = times(&a, &x);
        for m in [&Identity(6) as &dyn LinOp, &Icc::new(&a, 0).unwrap()] {
            let ran = conjugate_gradients(8, &a, m, &b);
            assert!(ran.x.iter().zip(x).all(|(a, b)| (a - b).abs() < 1e-10));
            assert_eq!(ran.iterates.len(), 8);
        }
        let q = krylov_basis(4, &a, &b).iterates;
        for i in 0..4 {
            for j in 0..4 {
                assert!((dot(&q[i], &q[j]) - f64::from(u8::from(i == j))).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn whatever_is_added_the_error_does_not_grow_in_the_energy_norm() {
        let n = 30;
        let a = rising_tridiagonal(n);
        let exact: Vec<f64> = (0..n).map(|i| (0.3 * i as f64).sin()).collect();
        let b = times(&a, &exact);
        let energy = |x: &[f64]| {
            let e: Vec<f64> = x.iter().zip(&exact).map(|(x, e)| x - e).collect();
            dot(&e, &times(&a, &e)).sqrt()
        };
        for kind in [Iterates::None, Iterates::Cg, Iterates::Icc, Iterates::Jacobi, Iterates::Arnoldi] {
            let ran = run(kind, 3, &a, &a.diagonal(), &b).unwrap();
            let r: Vec<f64> = b.iter().zip(times(&a, &ran.x)).map(|(b, ax)| b - ax).collect();
            assert!(r.iter().zip(&ran.residual).all(|(a, b)| (a - b).abs() < 1e-12), "{kind:?}");
            let start = energy(&ran.x);
            let bad =
                vec![vec![1e6; n], (0..n).map(|i| f64::from(u8::from(i == 4))).collect(), vec![1e6; n], vec![0.0; n]];
            let after = energy(&combined(&ran, &a, bad));
            // IC(0) of a tridiagonal matrix is exact.
            assert!(after < start || start < 1e-12, "{kind:?}: {after} from {start}");
            // A vector that is the error, up to a factor and what the method knows, gives the solution.
            let mut error: Vec<f64> = exact.iter().zip(&ran.x).map(|(e, x)| -7.0 * (e - x)).collect();
            if let Some((p, _)) = ran.directions.first() {
                axpy(3.0, p, &mut error);
            }
            let solved = energy(&combined(&ran, &a, vec![error]));
            assert!(solved < 1e-10, "{kind:?}: {solved}");
            // What is not finite, or nothing at all, changes nothing.
            assert_eq!(combined(&ran, &a, vec![vec![f64::NAN; n]]), ran.x);
        }
    }
}
