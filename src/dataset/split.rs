//! Which samples are for training, validation and test: decided by the seed alone.

use std::collections::BTreeMap;
use std::str::FromStr;

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

impl Sizes {
    /// As the `[split]` table of a recipe.
    pub fn table(&self) -> toml::Table {
        match self {
            Sizes::Fractions(m) => m.iter().map(|(n, &v)| (n.clone(), toml::Value::Float(v))).collect(),
            Sizes::Counts(m) => m.iter().map(|(n, &v)| (n.clone(), toml::Value::Integer(v as i64))).collect(),
        }
    }
}

impl FromStr for Sizes {
    type Err = Error;

    /// Three sizes of train, validation and test, `0.8,0.1,0.1`, or sizes of named sets, `train=0.9,test=0.1`; all are
    /// shares or all are numbers of samples.
    fn from_str(text: &str) -> Result<Self> {
        let bad = || {
            Error::Argument(
                "must be three shares or numbers of samples, for train, validation and test, as in 0.8,0.1,0.1 or \
                 400,50,50; or those of named sets, as in train=0.9,test=0.1"
                    .into(),
            )
        };
        let parts: Vec<&str> = text.split(',').map(str::trim).collect();
        let named = parts.iter().all(|part| part.contains('='));
        if !named && (parts.len() != FIRST.len() || parts.iter().any(|part| part.contains('='))) {
            return Err(bad());
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let mut sizes: BTreeMap<String, &str> = BTreeMap::new();
        for (k, part) in parts.iter().enumerate() {
            let (name, size) = part.split_once('=').unwrap_or((FIRST.get(k).copied().unwrap_or_default(), part));
            let name = name.trim();
            if name.is_empty() || !name.chars().all(plain) || sizes.insert(name.into(), size.trim()).is_some() {
                return Err(bad());
            }
        }
        let counts = sizes.iter().map(|(name, size)| Some((name.clone(), size.parse().ok()?)));
        if let Some(counts) = counts.collect() {
            return Ok(Sizes::Counts(counts));
        }
        let shares = sizes.iter().map(|(name, size)| Some((name.clone(), size.parse().ok()?)));
        let shares: BTreeMap<String, f64> = shares.collect::<Option<_>>().ok_or_else(bad)?;
        // With 1 the number one could be meant.
        match sizes.values().all(|size| size.contains(['.', 'e']) || *size == "0") {
            true => Ok(Sizes::Fractions(shares)),
            false => Err(bad()),
        }
    }
}

/// Named sets of sample ids, each rising.
pub type Split = BTreeMap<String, Vec<u32>>;

/// The split of `samples` samples into sets of whole groups, each of `group` samples after another (the last may have
/// fewer): a seeded shuffle of the groups, cut where the number of samples is nearest to the cumulative sizes. With
/// groups of one the sizes are met to the nearest sample.
///
/// # Errors
/// [`Error::Argument`] if a size is negative or not finite, or all together exceed the samples.
pub fn split(sizes: &Sizes, samples: usize, group: usize, seed: u64) -> Result<Split> {
    let cuts = cuts(sizes, samples)?;
    let group = group.max(1);
    let mut groups: Vec<u32> = (0..samples.div_ceil(group) as u32).collect();
    groups.shuffle(&mut rng::stream(seed, Purpose::Split, 0));
    let members = |g: u32| g as usize * group..samples.min((g as usize + 1) * group);
    // Samples before each group in the shuffled order, and in all.
    let mut before = vec![0];
    before.extend(groups.iter().scan(0, |sum, &g| {
        *sum += members(g).len();
        Some(*sum)
    }));
    let nearest = |size: usize| {
        let above = before.partition_point(|&b| b < size);
        let below = above.saturating_sub(1);
        if before[above] - size <= size - before[below].min(size) { above } else { below }
    };
    let mut out = Split::new();
    let mut start = 0;
    for (name, end) in cuts {
        let end = nearest(end);
        let mut set: Vec<u32> = groups[start..end].iter().flat_map(|&g| members(g)).map(|i| i as u32).collect();
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
            let s = split(&Sizes::default(), samples, 1, 3).unwrap();
            let mut all: Vec<u32> = s.values().flatten().copied().collect();
            all.sort_unstable();
            assert_eq!(all, (0..samples as u32).collect::<Vec<_>>());
        }
        let s = split(&Sizes::default(), 1000, 1, 3).unwrap();
        assert_eq!((s["train"].len(), s["validation"].len(), s["test"].len()), (800, 100, 100));
    }

    #[test]
    fn groups_stay_whole_and_sizes_are_met_to_the_nearest_group() {
        let counts = |v: &[(&str, usize)]| Sizes::Counts(v.iter().map(|(n, c)| (n.to_string(), *c)).collect());
        for (sizes, samples, group, expected) in [
            (Sizes::default(), 1000, 20, [800, 100, 100]),
            // The last group has 5 samples.
            (Sizes::default(), 105, 10, [0, 0, 0]),
            (Sizes::default(), 40, 20, [40, 0, 0]),
            (counts(&[("train", 29), ("test", 11)]), 100, 20, [20, 0, 20]),
            (Sizes::default(), 3, 7, [3, 0, 0]),
        ] {
            let s = split(&sizes, samples, group, 5).unwrap();
            let mut owner = vec![None; samples.div_ceil(group)];
            for (name, ids) in &s {
                for &id in ids {
                    let first = *owner[id as usize / group].get_or_insert(name);
                    assert_eq!(first, name, "group {} is in two sets", id as usize / group);
                }
            }
            let len = |name: &str| s.get(name).map_or(0, Vec::len);
            let found = [len("train"), len("validation"), len("test")];
            if expected != [0; 3] {
                assert_eq!(found, expected, "{samples} in groups of {group}");
            }
            if sizes == Sizes::default() {
                assert_eq!(found.iter().sum::<usize>(), samples);
                let asked = [0.8, 0.9, 1.0].map(|share| share * samples as f64);
                let got = [found[0], found[0] + found[1], samples];
                assert!(asked.iter().zip(got).all(|(a, g)| (a - g as f64).abs() <= 0.5 * group as f64 + 0.5));
            }
        }
    }

    #[test]
    fn sizes_are_read_from_a_line() {
        let read = |text: &str| text.parse::<Sizes>();
        assert_eq!(read("0.8,0.1,0.1").unwrap(), Sizes::default());
        let table = read("400, 50,50").unwrap().table();
        assert_eq!(
            table,
            toml::toml! { train = 400
            validation = 50
            test = 50 }
        );
        assert_eq!(read("train=0.9,hard-test=0.1").unwrap().table()["hard-test"].as_float(), Some(0.1));
        for bad in ["0.8,0.2", "0.8,0.1,test=0.1", "a,b,c", "train=0.5,train=0.5", "a b=0.5", "", "0.5,1,2", "=0.5"] {
            let error = read(bad).unwrap_err().to_string();
            assert!(error.contains("as in 0.8,0.1,0.1"), "{bad}: {error}");
        }
    }

    #[test]
    fn seed_decides() {
        let of = |seed| split(&Sizes::default(), 100, 1, seed).unwrap();
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
            assert!(split(&bad, 10, 1, 0).is_err(), "{bad:?}");
        }
    }
}
