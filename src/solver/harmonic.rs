//! Harmonic Ritz vectors of smallest modulus, and the space they renew.

use faer::Mat;
use faer::linalg::solvers::{Qr, SolveLstsqCore};

use crate::linalg::vector;

/// A cycle of [`super::gcrodr`] that has ended: A M V = V₊ H̄ + C B with the recycled space U, as the workspace names
/// them.
pub(super) struct Cycle<'a> {
    pub(super) v: &'a [Vec<f64>],
    pub(super) z: &'a [Vec<f64>],
    pub(super) c: &'a [Vec<f64>],
    pub(super) u: &'a [Vec<f64>],
    pub(super) u_hat: &'a [Vec<f64>],
    pub(super) h: &'a [Vec<f64>],
    pub(super) b: &'a [Vec<f64>],
    /// U was given from outside: there is no Û.
    pub(super) given: bool,
    /// Columns that count.
    pub(super) steps: usize,
}

/// C, U and Û of the space of the k harmonic Ritz vectors of smallest modulus of the cycle.
///
/// With V̂ = [C V₊], Ŵ = [Û V] (or, for a space given from outside, W = [U Z] and A in the place of A M) and A M Ŵ =
/// V̂ Ḡ, they are Ŵ g for the g of largest |μ| in Ḡ⁺ V̂ᵀ Ŵ g = μ g, μ = 1/θ. `None` where the small problem is
/// degenerate.
pub(super) fn renewed(ws: &Cycle, k: usize) -> Option<[Vec<Vec<f64>>; 3]> {
    let (old, steps) = (ws.c.len(), ws.steps);
    let size = old + steps;
    if steps == 0 || size == 0 {
        return None;
    }
    let (g, products) = small_matrices(ws, old, steps);
    let p = largest_eigenvectors(&g, &products, k.min(size))?;
    let image = &g * &p;
    let qr = Qr::new(image.as_ref());
    let r = qr.thin_R();
    let diagonal: Vec<f64> = (0..p.ncols()).map(|j| r[(j, j)].abs()).collect();
    let top = diagonal.iter().copied().fold(0.0, f64::max);
    if diagonal.iter().any(|&d| d.is_nan() || d <= 1e-12 * top) {
        return None;
    }
    // P R⁻¹, column by column.
    let mut combination: Mat<f64> = Mat::zeros(size, p.ncols());
    for j in 0..p.ncols() {
        for i in 0..size {
            let known: f64 = (0..j).map(|l| combination[(i, l)] * r[(l, j)]).sum();
            combination[(i, j)] = (p[(i, j)] - known) / r[(j, j)];
        }
    }
    let q = qr.compute_thin_Q();
    let c = combine(&[ws.c, &ws.v[..=steps]], &q);
    let u_hat = match ws.given {
        true => Vec::new(),
        false => combine(&[ws.u_hat, &ws.v[..steps]], &combination),
    };
    let u = combine(&[ws.u, &ws.z[..steps]], &combination);
    Some([c, u, u_hat])
}

/// Ḡ = [I B; 0 H̄] ((old + steps + 1) × (old + steps)) and V̂ᵀ Ŵ of the same shape.
fn small_matrices(ws: &Cycle, old: usize, steps: usize) -> (Mat<f64>, Mat<f64>) {
    let size = old + steps;
    let mut g = Mat::zeros(size + 1, size);
    let mut products = Mat::zeros(size + 1, size);
    for j in 0..old {
        g[(j, j)] = 1.0;
        for (i, row) in ws.c.iter().chain(&ws.v[..=steps]).enumerate() {
            let known = if ws.given { &ws.u[j] } else { &ws.u_hat[j] };
            products[(i, j)] = vector::dot(row, known);
        }
    }
    for j in 0..steps {
        for (i, &b) in ws.b[j].iter().enumerate() {
            g[(i, old + j)] = b;
        }
        for (i, &h) in ws.h[j].iter().enumerate() {
            g[(old + i, old + j)] = h;
        }
        if ws.given {
            for (i, row) in ws.c.iter().chain(&ws.v[..=steps]).enumerate() {
                products[(i, old + j)] = vector::dot(row, &ws.z[j]);
            }
        } else {
            products[(old + j, old + j)] = 1.0;
        }
    }
    (g, products)
}

/// A real basis (k columns at most) of the eigenvectors of Ḡ⁺ (V̂ᵀ Ŵ) with the largest eigenvalues.
fn largest_eigenvectors(g: &Mat<f64>, products: &Mat<f64>, k: usize) -> Option<Mat<f64>> {
    let size = g.ncols();
    let mut s = products.clone();
    Qr::new(g.as_ref()).solve_lstsq_in_place_with_conj(faer::Conj::No, s.as_mut());
    let s = s.as_ref().subrows(0, size).to_owned();
    if (0..size).any(|j| (0..size).any(|i| !s[(i, j)].is_finite())) {
        return None;
    }
    let eigen = s.eigen().ok()?;
    let (values, vectors) = (eigen.S().column_vector(), eigen.U());
    let mut order: Vec<usize> = (0..size).collect();
    order.sort_by(|&i, &j| values[j].norm().total_cmp(&values[i].norm()));
    let mut columns: Vec<Vec<f64>> = Vec::with_capacity(k + 1);
    for j in order {
        if columns.len() >= k {
            break;
        }
        // Of a complex pair the member with positive imaginary part stands for both: its real and imaginary parts.
        if values[j].im < 0.0 {
            continue;
        }
        columns.push((0..size).map(|i| vectors[(i, j)].re).collect());
        if values[j].im > 0.0 && columns.len() < k {
            columns.push((0..size).map(|i| vectors[(i, j)].im).collect());
        }
    }
    Some(Mat::from_fn(size, columns.len(), |i, j| columns[j][i]))
}

/// Columns of [parts…] · coefficients.
fn combine(parts: &[&[Vec<f64>]], coefficients: &Mat<f64>) -> Vec<Vec<f64>> {
    let n = parts.iter().flat_map(|p| p.first()).map(Vec::len).next();
    let mut out = vec![vec![0.0; n.unwrap_or(0)]; coefficients.ncols()];
    for (j, out) in out.iter_mut().enumerate() {
        for (i, vector) in parts.iter().flat_map(|p| p.iter()).enumerate() {
            vector::axpy(coefficients[(i, j)], vector, out);
        }
    }
    out
}
