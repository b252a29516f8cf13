//! From aggregates and near-null-space vectors to the prolongator.

use std::sync::Arc;

use rand::RngExt;

use super::aggregate::Aggregates;
use crate::error::{Error, Result};
use crate::linalg::dense::{self, Dense};
use crate::linalg::{Csr, Pattern, vector};
use crate::precond::Sor;
use crate::rng::{Purpose, stream};

/// Gauss–Seidel sweeps that bend the candidates to A's own near-null space.
const IMPROVE_SWEEPS: usize = 4;
/// Lanczos steps for ρ(D⁻¹ A).
const LANCZOS_STEPS: usize = 15;

/// Columns of a dense matrix, row-major.
pub(super) fn rows(b: &Dense) -> Vec<f64> {
    let mut out = Vec::with_capacity(b.nrows() * b.ncols());
    for i in 0..b.nrows() {
        out.extend((0..b.ncols()).map(|j| b[(i, j)]));
    }
    out
}

/// Symmetric Gauss–Seidel on A B = 0 from the given B (n×m, row-major).
pub(super) fn improve(sor: &Sor, b: &mut [f64], m: usize) {
    let n = b.len() / m.max(1);
    let (zero, mut scratch) = (vec![0.0; n], vec![0.0; n]);
    for j in 0..m {
        let mut column: Vec<f64> = b.iter().skip(j).step_by(m).copied().collect();
        for _ in 0..IMPROVE_SWEEPS {
            sor.relax(&zero, &mut column, &mut scratch);
        }
        b.iter_mut().skip(j).step_by(m).zip(column).for_each(|(b, c)| *b = c);
    }
}

/// T with TᵀT = I and T B_c = B on every aggregate (QR of B's rows there), and B_c (row-major).
///
/// A candidate that depends on the others on an aggregate gets a zero column there.
pub(super) fn tentative(b: &[f64], m: usize, block: usize, aggregates: &Aggregates) -> Result<(Csr, Vec<f64>)> {
    let nodes = aggregates.of.len();
    let n = nodes * block;
    let mut members = vec![Vec::new(); aggregates.count];
    for (node, &g) in aggregates.of.iter().enumerate() {
        if g != u32::MAX {
            members[g as usize].push(node);
        }
    }
    let mut q = b.to_vec();
    let mut coarse = vec![0.0; aggregates.count * m * m];
    for (g, members) in members.iter().enumerate() {
        let unknowns: Vec<usize> = members.iter().flat_map(|&node| node * block..(node + 1) * block).collect();
        for j in 0..m {
            let norm = |q: &[f64], j: usize| {
                let sum: f64 = unknowns.iter().map(|&i| q[i * m + j].powi(2)).sum();
                sum.sqrt()
            };
            let before = norm(&q, j);
            for l in 0..j {
                let along: f64 = unknowns.iter().map(|&i| q[i * m + l] * q[i * m + j]).sum();
                unknowns.iter().for_each(|&i| q[i * m + j] -= along * q[i * m + l]);
                coarse[(g * m + l) * m + j] = along;
            }
            let left = norm(&q, j);
            let inverse = if left > 1e-10 * before { 1.0 / left } else { 0.0 };
            unknowns.iter().for_each(|&i| q[i * m + j] *= inverse);
            coarse[(g * m + j) * m + j] = if inverse > 0.0 { left } else { 0.0 };
        }
    }
    let (mut indptr, mut indices, mut values) = (vec![0u32], Vec::with_capacity(n * m), Vec::with_capacity(n * m));
    for i in 0..n {
        let g = aggregates.of[i / block];
        if g != u32::MAX {
            indices.extend((0..m as u32).map(|j| g * m as u32 + j));
            values.extend_from_slice(&q[i * m..(i + 1) * m]);
        }
        indptr.push(indices.len() as u32);
    }
    let pattern = Pattern::new(n, aggregates.count * m, indptr, indices)?;
    Ok((Csr::new(Arc::new(pattern), values)?, coarse))
}

/// P = (I − ω/ρ D⁻¹ A) T, ρ the spectral radius of D⁻¹ A; `symmetric` says that A is, with D > 0.
pub(super) fn smoothed(a: &Csr, t: &Csr, omega: f64, symmetric: bool) -> Result<Csr> {
    if omega == 0.0 {
        return Ok(t.clone());
    }
    let diagonal = a.diagonal();
    let scale = omega
        / match symmetric {
            true => spectral_radius(a, &diagonal)?,
            false => spectral_radius_by_arnoldi(a, &diagonal)?,
        };
    // A has its diagonal, so that the pattern of A T holds that of T.
    let mut p = a.matmul(t)?;
    let pattern = p.pattern().clone();
    let values = p.values_mut();
    for (i, d) in diagonal.iter().enumerate() {
        let factor = -scale / d;
        values[pattern.range(i)].iter_mut().for_each(|v| *v *= factor);
        let (cols, vals) = t.row(i);
        for (&j, v) in cols.iter().zip(vals) {
            if let Some(k) = pattern.find(i, j as usize) {
                values[k] += v;
            }
        }
    }
    Ok(p)
}

/// ρ(D⁻¹ A), from below, by Lanczos on D^−½ A D^−½.
fn spectral_radius(a: &Csr, diagonal: &[f64]) -> Result<f64> {
    let n = a.nrows();
    let root: Vec<f64> = diagonal.iter().map(|d| 1.0 / d.sqrt()).collect();
    let mut rng = stream(0, Purpose::Measure, n as u64);
    let mut v: Vec<f64> = (0..n).map(|_| rng.random_range(-1.0..1.0)).collect();
    let size = vector::norm2(&v);
    vector::scale(1.0 / size, &mut v);
    let (mut old, mut scaled, mut w) = (vec![0.0; n], vec![0.0; n], vec![0.0; n]);
    let steps = LANCZOS_STEPS.min(n);
    let mut t = Dense::zeros(steps, steps);
    let (mut beta, mut used) = (0.0, 0);
    for k in 0..steps {
        for ((s, v), r) in scaled.iter_mut().zip(&v).zip(&root) {
            *s = r * v;
        }
        a.par_spmv(&scaled, &mut w);
        for ((w, r), old) in w.iter_mut().zip(&root).zip(&old) {
            *w = *w * r - beta * old;
        }
        let alpha = vector::dot(&v, &w);
        vector::axpy(-alpha, &v, &mut w);
        t[(k, k)] = alpha;
        used = k + 1;
        beta = vector::norm2(&w);
        if used == steps || beta <= 1e-12 * alpha.abs() {
            break;
        }
        (t[(k + 1, k)], t[(k, k + 1)]) = (beta, beta);
        std::mem::swap(&mut old, &mut v);
        for (v, w) in v.iter_mut().zip(&w) {
            *v = w / beta;
        }
    }
    let values = dense::eigenvalues_symmetric(&t.as_ref().submatrix(0, 0, used, used).to_owned())?;
    positive(values.last().copied())
}

/// ρ(D⁻¹ A), from below, by Arnoldi on any A.
fn spectral_radius_by_arnoldi(a: &Csr, diagonal: &[f64]) -> Result<f64> {
    let n = a.nrows();
    let mut rng = stream(0, Purpose::Measure, n as u64);
    let mut v: Vec<f64> = (0..n).map(|_| rng.random_range(-1.0..1.0)).collect();
    let size = vector::norm2(&v);
    vector::scale(1.0 / size, &mut v);
    let steps = LANCZOS_STEPS.min(n);
    let mut h = Dense::zeros(steps, steps);
    let (mut basis, mut used) = (vec![v], 0);
    for k in 0..steps {
        let mut w = vec![0.0; n];
        a.par_spmv(&basis[k], &mut w);
        w.iter_mut().zip(diagonal).for_each(|(w, d)| *w /= d);
        let before = vector::norm2(&w);
        for (i, v) in basis.iter().enumerate() {
            h[(i, k)] = vector::dot(v, &w);
            vector::axpy(-h[(i, k)], v, &mut w);
        }
        used = k + 1;
        let norm = vector::norm2(&w);
        if used == steps || norm <= 1e-12 * before {
            break;
        }
        h[(k + 1, k)] = norm;
        vector::scale(1.0 / norm, &mut w);
        basis.push(w);
    }
    positive(dense::spectral_radius(&h.as_ref().submatrix(0, 0, used, used).to_owned()).ok())
}

fn positive(rho: Option<f64>) -> Result<f64> {
    match rho {
        Some(rho) if rho > 0.0 && rho.is_finite() => Ok(rho),
        _ => Err(Error::Numeric("amg: the spectral radius of D⁻¹ A is not positive".into())),
    }
}

/// A with a one on the diagonal of rows that have none: unknowns that no candidate reaches.
pub(super) fn with_unit_where_empty(a: &Csr) -> Result<Csr> {
    let size = a.max_abs();
    let empty = |i: &usize| a.get(*i, *i).abs() <= 1e-14 * size;
    let missing: Vec<usize> = (0..a.nrows()).filter(empty).collect();
    if missing.is_empty() {
        return Ok(a.clone());
    }
    let mut entries: Vec<(usize, usize, f64)> = missing.iter().map(|&i| (i, i, 1.0)).collect();
    for i in 0..a.nrows() {
        let (cols, vals) = a.row(i);
        entries.extend(cols.iter().zip(vals).map(|(&j, &v)| (i, j as usize, v)));
    }
    Csr::from_triplets(a.nrows(), a.nrows(), &entries)
}
