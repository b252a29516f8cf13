//! Vector kernels. Sums run in eight interleaved partial sums: fast, and the same bits on every run.

const LANES: usize = 8;

/// Σ xᵢ yᵢ.
pub fn dot(x: &[f64], y: &[f64]) -> f64 {
    debug_assert_eq!(x.len(), y.len());
    let mut acc = [0.0; LANES];
    let (xc, xr) = x.as_chunks::<LANES>();
    let (yc, yr) = y.as_chunks::<LANES>();
    for (a, b) in xc.iter().zip(yc) {
        for l in 0..LANES {
            acc[l] += a[l] * b[l];
        }
    }
    let tail: f64 = xr.iter().zip(yr).map(|(a, b)| a * b).sum();
    acc.iter().sum::<f64>() + tail
}

/// ‖x‖₂.
pub fn norm2(x: &[f64]) -> f64 {
    dot(x, x).sqrt()
}

/// maxᵢ |xᵢ|, 0 for an empty vector; NaN if any entry is.
pub fn norm_inf(x: &[f64]) -> f64 {
    let mut most = [0.0; LANES];
    let mut nan = false;
    let (xc, xr) = x.as_chunks::<LANES>();
    for x in xc {
        for l in 0..LANES {
            nan |= x[l].is_nan();
            most[l] = if x[l].abs() > most[l] { x[l].abs() } else { most[l] };
        }
    }
    nan |= xr.iter().any(|v| v.is_nan());
    match nan {
        true => f64::NAN,
        false => most.iter().chain(xr).fold(0.0, |m, v| v.abs().max(m)),
    }
}

/// y ← y + a x.
pub fn axpy(a: f64, x: &[f64], y: &mut [f64]) {
    debug_assert_eq!(x.len(), y.len());
    for (yi, xi) in y.iter_mut().zip(x) {
        *yi += a * xi;
    }
}

/// y ← x + b y.
pub fn xpby(x: &[f64], b: f64, y: &mut [f64]) {
    debug_assert_eq!(x.len(), y.len());
    for (yi, xi) in y.iter_mut().zip(x) {
        *yi = xi + b * *yi;
    }
}

/// x ← a x.
pub fn scale(a: f64, x: &mut [f64]) {
    for xi in x {
        *xi *= a;
    }
}

/// Whether every entry is finite.
pub fn all_finite(x: &[f64]) -> bool {
    // Without a way out inside a chunk, so that it runs in lanes.
    let whole = |c: &[f64]| c.iter().fold(true, |ok, v| ok & v.is_finite());
    x.chunks(1024).all(whole)
}
