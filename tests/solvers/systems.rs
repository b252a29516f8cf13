//! Small systems with known properties.

use fempipe::linalg::Csr;
use fempipe::rng::{Purpose, stream};
use rand::RngExt;

/// The 5-point Laplacian on k×k inner nodes: SPD.
pub fn poisson(k: usize) -> Csr {
    let mut entries = Vec::new();
    for i in 0..k * k {
        let (row, col) = (i / k, i % k);
        entries.push((i, i, 4.0));
        for (inside, j) in
            [(row > 0, i.wrapping_sub(k)), (row + 1 < k, i + k), (col > 0, i.wrapping_sub(1)), (col + 1 < k, i + 1)]
        {
            if inside {
                entries.push((i, j, -1.0));
            }
        }
    }
    Csr::from_triplets(k * k, k * k, &entries).expect("indices are in range")
}

/// The Laplacian with upwind convection: diagonally dominant, not symmetric.
pub fn convection(k: usize) -> Csr {
    let a = poisson(k);
    let mut entries = Vec::new();
    for i in 0..a.nrows() {
        let (cols, vals) = a.row(i);
        for (&j, &v) in cols.iter().zip(vals) {
            entries.push((i, j as usize, if (j as usize) < i { 1.8 * v } else { v }));
        }
        entries.push((i, i, 1.6));
    }
    Csr::from_triplets(a.nrows(), a.nrows(), &entries).expect("indices are in range")
}

/// A dense-ish random SPD matrix B Bᵀ + I in sparse storage, and not an M-matrix.
pub fn random_spd(n: usize) -> Csr {
    let mut rng = stream(5, Purpose::Measure, n as u64);
    let b: Vec<f64> = (0..n * n).map(|_| rng.random_range(-1.0..1.0)).collect();
    let mut entries = Vec::new();
    for i in 0..n {
        for j in 0..n {
            let dot: f64 = (0..n).map(|k| b[i * n + k] * b[j * n + k]).sum();
            entries.push((i, j, dot + if i == j { 1.0 } else { 0.0 }));
        }
    }
    Csr::from_triplets(n, n, &entries).expect("indices are in range")
}

/// The Laplacian of a path with free ends: singular, null space the constants.
pub fn neumann(n: usize) -> Csr {
    let mut entries = Vec::new();
    for i in 0..n - 1 {
        entries.extend([(i, i, 1.0), (i + 1, i + 1, 1.0), (i, i + 1, -1.0), (i + 1, i, -1.0)]);
    }
    Csr::from_triplets(n, n, &entries).expect("indices are in range")
}

/// A vector of numbers between −1 and 1.
pub fn random_vector(n: usize, index: u64) -> Vec<f64> {
    let mut rng = stream(11, Purpose::Measure, index);
    (0..n).map(|_| rng.random_range(-1.0..1.0)).collect()
}

/// ‖b − A x‖₂ computed plainly.
pub fn residual(a: &Csr, b: &[f64], x: &[f64]) -> f64 {
    (0..a.nrows())
        .map(|i| {
            let (cols, vals) = a.row(i);
            let ax: f64 = cols.iter().zip(vals).map(|(&j, &v)| v * x[j as usize]).sum();
            (b[i] - ax).powi(2)
        })
        .sum::<f64>()
        .sqrt()
}
