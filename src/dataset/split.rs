//! Which samples are for training, validation and test: decided by the seed alone.

use std::collections::BTreeMap;

use rand::seq::SliceRandom;

use crate::error::{Error, Result};
use crate::rng::{self, Purpose};

/// The names every dataset has, in the order in which they take their share; others follow by alphabet.
const FIRST: [&str; 3] = ["train", "validation", "test"];

/// How large the sets are.
#[derive(Debug, Clone, PartialEq)]
pub enum Sizes {
    /// Shares of all samples, together at most 1.
    Fractions(BTreeMap<String, f64>),
    /// Numbers of samples, together at most all.
    Counts(BTreeMap<String, usize>),
}

impl Default for Sizes {
    /// 80 % train, 10 % validation, 10 % test.
    fn default() -> Self {
        let shares = [("train", 0.8), ("validation", 0.1), ("test", 0.1)];
        Sizes::Fractions(shares.map(|(n, v)| (n.to_string(), v)).into())
    }
}

/// Named sets of sample ids, each rising.
pub type Split = BTreeMap<String, Vec<u32>>;

/// The split of `samples` samples: a seeded shuffle cut at the cumulative sizes (rounded to the nearest sample).
///
/// # Errors
/// [`Error::Argument`] if a size is negative or not finite, or all together exceed the samples.
pub fn split(sizes: &Sizes, samples: usize, seed: u64) -> Result<Split> {
    let cuts = cuts(sizes, samples)?;
    let mut ids: Vec<u32> = (0..samples as u32).collect();
    ids.shuffle(&mut rng::stream(seed, Purpose::Split, 0));
    let mut out = Split::new();
    let mut start = 0;
    for (name, end) in cuts {
        let mut set = ids[start..end].to_vec();
        set.sort_unstable();
        out.insert(name, set);
        start = end;
    }
    Ok(out)
}

/// Whether so many samples can be split so; nothing is shuffled.
///
/// # Errors
/// As [`split`].
pub fn check(sizes: &Sizes, samples: usize) -> Result<()> {
    cuts(sizes, samples).map(drop)
}

/// Where each set ends in the shuffled order.
fn cuts(sizes: &Sizes, samples: usize) -> Result<Vec<(String, usize)>> {
    let mut out = Vec::new();
    match sizes {
        Sizes::Fractions(map) => {
            let mut sum = 0.0;
            for (name, &share) in ordered(map) {
                if !(0.0..=1.0).contains(&share) {
                    return Err(Error::Argument(format!("split.{name} = {share}: a share is 0 to 1")));
                }
                sum += share;
                let end = (sum * samples as f64).round() as usize;
                out.push((name.clone(), end.min(samples)));
            }
            if sum > 1.0 + 1e-9 {
                return Err(Error::Argument(format!("split: shares sum to {sum}, more than 1")));
            }
        }
        Sizes::Counts(map) => {
            let mut sum = 0usize;
            for (name, &count) in ordered(map) {
                sum = sum.saturating_add(count);
                out.push((name.clone(), sum));
            }
            if sum > samples {
                return Err(Error::Argument(format!("split: {sum} samples asked for, {samples} there")));
            }
        }
    }
    Ok(out)
}

/// The sets in the order in which people name them.
pub fn ordered<T>(map: &BTreeMap<String, T>) -> Vec<(&String, &T)> {
    let mut entries: Vec<_> = map.iter().collect();
    let rank = |n: &String| FIRST.iter().position(|f| f == n).unwrap_or(FIRST.len());
    entries.sort_by_key(|(n, _)| rank(n));
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_split_covers_all_once() {
        for samples in [1, 2, 7, 10, 1001] {
            let s = split(&Sizes::default(), samples, 3).unwrap();
            let mut all: Vec<u32> = s.values().flatten().copied().collect();
            all.sort_unstable();
            assert_eq!(all, (0..samples as u32).collect::<Vec<_>>());
        }
        let s = split(&Sizes::default(), 1000, 3).unwrap();
        assert_eq!((s["train"].len(), s["validation"].len(), s["test"].len()), (800, 100, 100));
    }

    #[test]
    fn seed_decides() {
        let of = |seed| split(&Sizes::default(), 100, seed).unwrap();
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
    }

    #[test]
    fn bad_sizes_are_refused() {
        let fractions = |v: &[(&str, f64)]| Sizes::Fractions(v.iter().map(|(n, s)| (n.to_string(), *s)).collect());
        for bad in [
            fractions(&[("train", -0.1)]),
            fractions(&[("train", f64::NAN)]),
            fractions(&[("train", 0.9), ("test", 0.2)]),
            Sizes::Counts([("train".to_string(), 11)].into()),
        ] {
            assert!(split(&bad, 10, 0).is_err(), "{bad:?}");
        }
    }
}
