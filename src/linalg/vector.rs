//! Vector kernels. Sums run in eight interleaved partial sums, long ones along a fixed tree: fast, and the same bits on
//! every run and on any number of threads.

const LANES: usize = 8;

/// Longer vectors are cut in halves, and these again, for threads to take; sums follow the same tree on any number.
const PIECE: usize = 1 << 16;

/// Where to cut a long vector: at a multiple of the lanes.
fn middle(n: usize) -> usize {
    (n / 2).next_multiple_of(LANES)
}

/// Where to cut a vector of n entries for [`both`], if it is long.
pub(crate) fn cut(n: usize) -> Option<usize> {
    (n > PIECE).then(|| middle(n))
}

/// Both at once, if there is a thread for the second.
pub(crate) fn both<A: Send, B: Send>(a: impl FnOnce() -> A + Send, b: impl FnOnce() -> B + Send) -> (A, B) {
    if rayon::current_num_threads() == 1 { (a(), b()) } else { rayon::join(a, b) }
}

/// The sum over pieces of four vectors, the first two of them changed, along the tree.
fn sum_over_pieces(
    x: &mut [f64],
    r: &mut [f64],
    p: &[f64],
    ap: &[f64],
    piece: &(impl Fn(&mut [f64], &mut [f64], &[f64], &[f64]) -> f64 + Sync),
) -> f64 {
    if x.len() <= PIECE {
        return piece(x, r, p, ap);
    }
    let cut = middle(x.len());
    let ((xa, xb), (ra, rb)) = (x.split_at_mut(cut), r.split_at_mut(cut));
    let ((pa, pb), (aa, ab)) = (p.split_at(cut), ap.split_at(cut));
    let (first, second) = both(|| sum_over_pieces(xa, ra, pa, aa, piece), || sum_over_pieces(xb, rb, pb, ab, piece));
    first + second
}

/// Σ xᵢ yᵢ.
pub fn dot(x: &[f64], y: &[f64]) -> f64 {
    debug_assert_eq!(x.len(), y.len());
    if x.len() <= PIECE {
        return dot_piece(x, y);
    }
    let cut = middle(x.len());
    let ((xa, xb), (ya, yb)) = (x.split_at(cut), y.split_at(cut));
    let (first, second) = both(|| dot(xa, ya), || dot(xb, yb));
    first + second
}

fn dot_piece(x: &[f64], y: &[f64]) -> f64 {
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

/// ‖x‖₂, also where the squares under- or overflow.
pub fn norm2(x: &[f64]) -> f64 {
    from_square(dot(x, x), x)
}

/// ‖x‖₂ from Σ xᵢ²; where that is too small or too large to be trusted, from x scaled by a power of two.
fn from_square(square: f64, x: &[f64]) -> f64 {
    // Squares that underflow next to a sum as large as this one are below its rounding.
    const SMALLEST: f64 = f64::MIN_POSITIVE / (f64::EPSILON * f64::EPSILON);
    if (SMALLEST..f64::INFINITY).contains(&square) {
        return square.sqrt();
    }
    let size = norm_inf(x);
    if size == 0.0 || !size.is_finite() {
        return size;
    }
    // Divided by it, as its inverse may overflow.
    let unit = power_of_two_below(size);
    let sum: f64 = x.iter().map(|v| (v / unit).powi(2)).sum();
    sum.sqrt() * unit
}

/// The largest power of two not above a positive number: a factor that scales without rounding.
pub fn power_of_two_below(size: f64) -> f64 {
    // Subnormal numbers are read after a scaling that makes them normal.
    const SHIFT: f64 = (1u64 << 60) as f64;
    let (value, back) = if size < f64::MIN_POSITIVE { (size * SHIFT, 1.0 / SHIFT) } else { (size, 1.0) };
    f64::from_bits(value.to_bits() & (0x7ff << 52)) * back
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
    pieces(x, y, &|x, y| {
        for (yi, xi) in y.iter_mut().zip(x) {
            *yi += a * xi;
        }
    });
}

/// `work` on pieces of x and y; alone where one thread would do it all.
fn pieces(x: &[f64], y: &mut [f64], work: &(impl Fn(&[f64], &mut [f64]) + Sync)) {
    if x.len() <= PIECE || rayon::current_num_threads() == 1 {
        return work(x, y);
    }
    let cut = middle(x.len());
    let ((xa, xb), (ya, yb)) = (x.split_at(cut), y.split_at_mut(cut));
    rayon::join(|| pieces(xa, ya, work), || pieces(xb, yb, work));
}

/// y ← x + b y.
pub fn xpby(x: &[f64], b: f64, y: &mut [f64]) {
    debug_assert_eq!(x.len(), y.len());
    pieces(x, y, &|x, y| {
        for (yi, xi) in y.iter_mut().zip(x) {
            *yi = xi + b * *yi;
        }
    });
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

/// x ← x + α p, r ← r − α q in one pass, q = A p; returns ‖r‖.
pub fn advance(alpha: f64, p: &[f64], ap: &[f64], x: &mut [f64], r: &mut [f64]) -> f64 {
    let square = sum_over_pieces(x, r, p, ap, &|x, r, p, ap| advance_piece(alpha, p, ap, x, r));
    from_square(square, r)
}

/// A piece of [`advance`]; returns its part of ‖r‖².
fn advance_piece(alpha: f64, p: &[f64], ap: &[f64], x: &mut [f64], r: &mut [f64]) -> f64 {
    let mut sums = [0.0; LANES];
    let (xc, xr) = x.as_chunks_mut::<LANES>();
    let (rc, rr) = r.as_chunks_mut::<LANES>();
    let (pc, pr) = p.as_chunks::<LANES>();
    let (ac, ar) = ap.as_chunks::<LANES>();
    for (((x, r), p), ap) in xc.iter_mut().zip(rc).zip(pc).zip(ac) {
        for l in 0..LANES {
            x[l] += alpha * p[l];
            r[l] -= alpha * ap[l];
            sums[l] += r[l] * r[l];
        }
    }
    let mut sum: f64 = sums.iter().sum();
    for (((x, r), p), ap) in xr.iter_mut().zip(rr).zip(pr).zip(ar) {
        *x += alpha * p;
        *r -= alpha * ap;
        sum += *r * *r;
    }
    sum
}

/// w ← w − α (u + t) in one pass; returns Σ pᵢ wᵢ².
pub fn advance_weighted(alpha: f64, u: &[f64], t: &[f64], w: &mut [f64], p: &[f64]) -> f64 {
    if w.len() <= PIECE {
        return advance_weighted_piece(alpha, u, t, w, p);
    }
    let cut = middle(w.len());
    let (wa, wb) = w.split_at_mut(cut);
    let [(ua, ub), (ta, tb), (pa, pb)] = [u, t, p].map(|v| v.split_at(cut));
    let (first, second) = both(|| advance_weighted(alpha, ua, ta, wa, pa), || advance_weighted(alpha, ub, tb, wb, pb));
    first + second
}

/// A piece of [`advance_weighted`].
fn advance_weighted_piece(alpha: f64, u: &[f64], t: &[f64], w: &mut [f64], p: &[f64]) -> f64 {
    let mut sums = [0.0; LANES];
    let (wc, wr) = w.as_chunks_mut::<LANES>();
    let ((uc, ur), (tc, tr), (pc, pr)) = (u.as_chunks::<LANES>(), t.as_chunks::<LANES>(), p.as_chunks::<LANES>());
    for (((w, u), t), p) in wc.iter_mut().zip(uc).zip(tc).zip(pc) {
        for l in 0..LANES {
            w[l] -= alpha * (u[l] + t[l]);
            sums[l] += p[l] * w[l] * w[l];
        }
    }
    let mut sum: f64 = sums.iter().sum();
    for (((w, u), t), p) in wr.iter_mut().zip(ur).zip(tr).zip(pr) {
        *w -= alpha * (u + t);
        sum += p * *w * *w;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn norms_neither_under_nor_overflow() {
        let x = [3.0, -4.0, 12.0, 0.0, 84.0];
        for size in [1e-300, 1e-200, 1e-160, 1e-150, 1.0, 1e150, 1e160, 1e300] {
            let scaled = x.map(|v| v * size);
            assert!((norm2(&scaled) / (85.0 * size) - 1.0).abs() < 1e-15, "{size:e}: {}", norm2(&scaled));
            let mut r = [0.0; 5];
            let norm = advance(-1.0, &scaled, &scaled, &mut [0.0; 5], &mut r);
            assert_eq!((norm, r), (norm2(&scaled), scaled), "{size:e}");
        }
        // As exact as subnormal numbers are.
        assert_eq!(norm2(&[3.0 * 5e-324, 4.0 * 5e-324]), 5.0 * 5e-324);
        assert_eq!((norm2(&[]), norm2(&[0.0; 9]), norm2(&[1.0, f64::INFINITY])), (0.0, 0.0, f64::INFINITY));
        assert!(norm2(&[1e200, f64::NAN]).is_nan() && norm2(&[1.0, f64::NAN]).is_nan());
        for (size, power) in [(1.0, 1.0), (7.9, 4.0), (0.3, 0.25), (3.0 * 5e-324, 2.0 * 5e-324)] {
            assert_eq!(power_of_two_below(size), power);
        }
    }

    #[test]
    fn long_vectors_have_the_same_bits_on_any_number_of_threads() {
        let n = 5 * PIECE + 13;
        let x: Vec<f64> = (0..n).map(|i| (i as f64).sin()).collect();
        let results = [1, 2, 3].map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            pool.unwrap().install(|| {
                let (mut y, mut z) = (x.clone(), x.clone());
                axpy(0.3, &x, &mut y);
                xpby(&x, 0.7, &mut z);
                let sum = sum_over_pieces(&mut y, &mut z, &x, &x, &|y, z, x, _| {
                    y[0] += 1.0;
                    dot(z, x)
                });
                (dot(&y, &z), sum, y, z)
            })
        });
        assert!(results[0] == results[1] && results[0] == results[2]);
        let plain: f64 = x.iter().map(|v| v * v).sum();
        assert!((dot(&x, &x) - plain).abs() <= 1e-12 * plain);
    }
}
