//! Which random streams the samples of a dataset come from, as the recipe in its header says, so that two datasets can
//! be told to share them.

use std::collections::BTreeSet;

use toml::{Table, Value};

use super::split::{Sizes, split};

/// Stands between the recipes of several datasets in one text: the record separator of ASCII.
pub const NEXT: &str = "\u{1e}";

/// The random streams behind a dataset: sample i is drawn from stream i of its seed, its family and the family's
/// parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawn {
    /// The family.
    pub family: String,
    /// The seed of all streams.
    pub seed: u64,
    /// The family's parameters, without those that only say what is stored.
    parameters: Table,
    samples: usize,
    group: usize,
    sizes: Sizes,
}

impl Drawn {
    /// Out of the resolved recipe (TOML) in a dataset's header; None if the samples were not drawn, as those of an
    /// import.
    pub fn of(recipe: &str) -> Option<Self> {
        let table: Table = recipe.parse().ok()?;
        let number = |key: &str| table.get(key).and_then(Value::as_integer).and_then(|v| u64::try_from(v).ok());
        let sets = table.get("split")?.as_table()?;
        let sizes = match sets.values().any(Value::is_integer) {
            true => Sizes::Counts(
                sets.iter()
                    .map(|(name, v)| Some((name.clone(), usize::try_from(v.as_integer()?).ok()?)))
                    .collect::<Option<_>>()?,
            ),
            false => Sizes::Fractions(
                sets.iter().map(|(name, v)| Some((name.clone(), v.as_float()?))).collect::<Option<_>>()?,
            ),
        };
        let family = table.get("family")?.as_str()?;
        let mut parameters = table.get(family).and_then(Value::as_table).cloned().unwrap_or_default();
        parameters.remove("solution");
        Some(Drawn {
            family: family.into(),
            parameters,
            seed: number("seed")?,
            samples: usize::try_from(number("samples")?).ok()?,
            // Older recipes know no groups.
            group: number("split_group").map_or(Some(1), |g| usize::try_from(g).ok())?,
            sizes,
        })
    }

    /// Whether both are drawn from one distribution: the same family and parameters, whatever the seed.
    pub fn distributed_as(&self, other: &Drawn) -> bool {
        (&self.family, &self.parameters) == (&other.family, &other.parameters)
    }

    /// How many of the given samples of another dataset come from the streams of the training or validation samples of
    /// this one.
    pub fn shared(&self, other: &Drawn, ids: &[u32]) -> usize {
        if (&self.family, self.seed, &self.parameters) != (&other.family, other.seed, &other.parameters) {
            return 0;
        }
        let Ok(mut sets) = split(&self.sizes, self.samples, self.group, self.seed) else {
            return 0;
        };
        let mut seen = BTreeSet::new();
        for name in ["train", "validation"] {
            seen.extend(sets.remove(name).unwrap_or_default());
        }
        ids.iter().filter(|id| seen.contains(id)).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETS: &str = "[split]\ntrain = 0.8\nvalidation = 0.1\ntest = 0.1\n";

    #[test]
    fn samples_of_the_same_streams_are_counted() {
        let of = |family: &str, seed: u64, samples: usize, more: &str| {
            let text = format!("family = \"{family}\"\nseed = {seed}\nsamples = {samples}\n{more}{SETS}");
            Drawn::of(&text).unwrap()
        };
        let train = of("darcy", 1, 100, "");
        let sets = split(&Sizes::default(), 100, 1, 1).unwrap();
        // Its own test set is another one than its training set.
        assert_eq!(train.shared(&train, &sets["test"]), 0);
        assert_eq!(train.shared(&train, &sets["train"]), 80);
        // The same streams, fewer samples, where the sets are dealt out otherwise.
        let small = split(&Sizes::default(), 40, 1, 1).unwrap();
        let ids = &small["test"];
        let seen = ids.iter().filter(|id| !sets["test"].contains(id)).count();
        assert!(seen > 0);
        assert_eq!(train.shared(&of("darcy", 1, 40, ""), ids), seen);
        let coarse = format!("family = \"darcy\"\nseed = 1\nsamples = 40\n{SETS}[darcy]\ncells = 8");
        for other in [of("darcy", 2, 40, ""), of("heat", 1, 40, ""), Drawn::of(&coarse).unwrap()] {
            assert_eq!(train.shared(&other, ids), 0);
        }
        let groups = of("darcy", 1, 100, "split_group = 10\n");
        assert_eq!(groups.shared(&groups, &split(&Sizes::default(), 100, 10, 1).unwrap()["test"]), 0);
        assert_eq!(Drawn::of("family = \"x\""), None);
    }
}
