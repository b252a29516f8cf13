//! Orthogonalisation of a vector against an orthonormal basis.

use crate::linalg::vector;

/// Vectors taken at once.
const BLOCK: usize = 4;

/// w ← w − V Vᵀ w with V = [v₀ … v_{h.len()−1}], the coefficients into h; returns ‖w‖.
///
/// Gram–Schmidt, classical within blocks of four and modified from block to block: nearly the memory traffic of the
/// first with the stability of the second, as the four are orthonormal among themselves.
pub(super) fn orthogonalize<'a>(v: impl Fn(usize) -> &'a [f64], w: &mut [f64], h: &mut [f64]) -> f64 {
    let (blocks, rest) = h.as_chunks_mut::<BLOCK>();
    let tail = blocks.len() * BLOCK;
    for (b, h) in blocks.iter_mut().enumerate() {
        let four: [&[f64]; BLOCK] = std::array::from_fn(|l| v(BLOCK * b + l));
        *h = dots(&four, w);
        subtract(&four, h, w);
    }
    for (l, h) in rest.iter_mut().enumerate() {
        let v = v(tail + l);
        *h = vector::dot(v, w);
        vector::axpy(-*h, v, w);
    }
    vector::norm2(w)
}

/// The four products vₗᵀ w in one pass.
fn dots(v: &[&[f64]; BLOCK], w: &[f64]) -> [f64; BLOCK] {
    let Some(cut) = vector::cut(w.len()) else {
        return dots_piece(v, w);
    };
    let (wa, wb) = w.split_at(cut);
    let (a, b) = vector::both(|| dots(&v.map(|v| &v[..cut]), wa), || dots(&v.map(|v| &v[cut..cut + wb.len()]), wb));
    std::array::from_fn(|l| a[l] + b[l])
}

fn dots_piece(v: &[&[f64]; BLOCK], w: &[f64]) -> [f64; BLOCK] {
    const LANES: usize = 4;
    let mut sums = [[0.0; LANES]; BLOCK];
    let (wc, wr) = w.as_chunks::<LANES>();
    let chunks = v.map(|v| v[..w.len()].as_chunks::<LANES>());
    for (k, w) in wc.iter().enumerate() {
        for (sum, v) in sums.iter_mut().zip(&chunks) {
            for l in 0..LANES {
                sum[l] += v.0[k][l] * w[l];
            }
        }
    }
    std::array::from_fn(|i| {
        let tail: f64 = chunks[i].1.iter().zip(wr).map(|(v, w)| v * w).sum();
        sums[i].iter().sum::<f64>() + tail
    })
}

/// w ← w − Σ hₗ vₗ in one pass.
fn subtract(v: &[&[f64]; BLOCK], h: &[f64; BLOCK], w: &mut [f64]) {
    let n = w.len();
    if let Some(cut) = vector::cut(n).filter(|_| rayon::current_num_threads() > 1) {
        let (wa, wb) = w.split_at_mut(cut);
        vector::both(|| subtract(&v.map(|v| &v[..cut]), h, wa), || subtract(&v.map(|v| &v[cut..n]), h, wb));
        return;
    }
    let [a, b, c, d] = v.map(|v| &v[..n]);
    for (i, w) in w.iter_mut().enumerate() {
        *w -= (h[0] * a[i] + h[1] * b[i]) + (h[2] * c[i] + h[3] * d[i]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_orthogonal_and_the_coefficients_are_the_products() {
        // Columns of the cosine basis, orthonormal.
        let n = 13;
        let column = |k: usize| -> Vec<f64> {
            let scale = if k == 0 { 1.0 } else { 2.0f64 } / n as f64;
            let angle = |i: usize| std::f64::consts::PI * (i as f64 + 0.5) * k as f64 / n as f64;
            (0..n).map(|i| scale.sqrt() * angle(i).cos()).collect()
        };
        for count in 0..=9 {
            let basis: Vec<Vec<f64>> = (0..count).map(column).collect();
            let before: Vec<f64> = (0..n).map(|i| ((i * i) as f64).sin()).collect();
            let (mut w, mut h) = (before.clone(), vec![0.0; count]);
            let norm = orthogonalize(|k| &basis[k], &mut w, &mut h);
            assert!((norm - vector::norm2(&w)).abs() < 1e-15);
            for (v, h) in basis.iter().zip(&h) {
                assert!(vector::dot(v, &w).abs() < 1e-14);
                assert!((vector::dot(v, &before) - h).abs() < 1e-14);
            }
        }
    }
}
