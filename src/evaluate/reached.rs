//! How fast a solve got where: what is kept of the residual history of every solve.
//!
//! Of 100 000 solves no histories can be kept. The iterations after which the residual first fell below each of some
//! levels are few numbers, and say what bands of histories and curves of time to tolerance need.

/// Levels a decade.
const PER_DECADE: i32 = 4;

/// Levels at most: down to 1e-14.
const MOST: usize = 56;

/// The k-th level: 10^(−(k + 1)/4).
pub fn level(k: usize) -> f64 {
    10f64.powf(-f64::from(k as u32 + 1) / f64::from(PER_DECADE))
}

/// For each level in turn the iterations after which a history is first at or below it, as far as it comes; `every` is
/// the number of iterations from one entry to the next, and `before` those that precede the first entry.
pub fn levels(history: &[f64], every: usize, before: usize) -> Vec<u32> {
    let mut out: Vec<u32> = Vec::new();
    for (i, &r) in history.iter().enumerate() {
        while out.len() < MOST && r <= level(out.len()) * (1.0 + 1e-12) {
            out.push((before + i * every) as u32);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_iteration_below_each_level() {
        assert!((level(3) - 0.1).abs() < 1e-15 && (level(7) - 1e-2).abs() < 1e-15);
        // 10^(-1/4) = 0.562, 10^(-1/2) = 0.316, 10^(-3/4) = 0.178, 0.1.
        assert_eq!(levels(&[1.0, 0.5, 0.6, 0.1, f64::NAN, 0.2], 1, 0), [1, 3, 3, 3]);
        assert_eq!(levels(&[1.0, 0.5, 0.1], 10, 7), [17, 27, 27, 27]);
        assert_eq!(levels(&[0.0], 1, 0).len(), MOST);
        assert!(levels(&[], 1, 0).is_empty() && levels(&[1.0], 1, 0).is_empty());
    }
}
