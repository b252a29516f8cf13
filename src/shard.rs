//! Dividing the work over processes: from `--shard i/N`, or from what schedulers put into the environment.

use crate::error::{Error, Result};

/// One process's share of the parts (or cells): every `count`-th, starting with `index`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// From 0 to count − 1.
    pub index: usize,
    /// At least 1.
    pub count: usize,
}

/// Variables that say (rank from 0, size), by scheduler. Slurm's size is that of the step: a batch script itself
/// has a rank too, but is alone.
const RANKS: [(&str, &str); 3] = [
    ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS"),
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
    ("PMI_RANK", "PMI_SIZE"),
];

impl Shard {
    /// Parses "i/N", i from 1 to N.
    ///
    /// # Errors
    /// [`Error::Argument`] otherwise.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = || Error::Argument(format!("--shard {text}: must be i/N with i from 1 to N, e.g. --shard 1/4"));
        let (i, n) = text.split_once('/').ok_or_else(wrong)?;
        let (i, n): (usize, usize) = (i.parse().map_err(|_| wrong())?, n.parse().map_err(|_| wrong())?);
        if (1..=n).contains(&i) { Ok(Shard { index: i - 1, count: n }) } else { Err(wrong()) }
    }

    /// The share that a scheduler gave this process ([`Shard::from_environment`]).
    pub fn here() -> Option<Self> {
        Shard::from_environment(|name| std::env::var(name).ok())
    }

    /// The share a scheduler gave this process, if it started several: `srun`, `mpirun`, a Slurm array.
    pub fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let number = |name: &str| variable(name)?.trim().parse::<usize>().ok();
        let task = || {
            let first = number("SLURM_ARRAY_TASK_MIN")?;
            let index = number("SLURM_ARRAY_TASK_ID")?.checked_sub(first)?;
            Some((index, number("SLURM_ARRAY_TASK_COUNT")?))
        };
        let ranks = RANKS.iter().filter_map(|(r, s)| Some((number(r)?, number(s)?)));
        ranks
            .chain(task())
            .find(|&(index, count)| count > 1 && index < count)
            .map(|(index, count)| Shard { index, count })
    }

    /// Whether part `number` belongs to this share.
    pub fn has(&self, number: usize) -> bool {
        number % self.count == self.index
    }
}

impl std::fmt::Display for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.index + 1, self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_from_one_to_n() {
        let shard = Shard::parse("2/4").unwrap();
        assert_eq!((shard.index, shard.count), (1, 4));
        assert_eq!(shard.to_string(), "2/4");
        for bad in ["0/4", "5/4", "1", "a/b", "1/0", "-1/4"] {
            assert!(Shard::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn shards_cover_every_part_once() {
        for part in 0..20 {
            let owners = (0..3).filter(|&index| Shard { index, count: 3 }.has(part));
            assert_eq!(owners.count(), 1);
        }
    }

    #[test]
    fn environments_of_schedulers() {
        let of = |vars: &[(&str, &str)]| {
            Shard::from_environment(|name| {
                let found = vars.iter().find(|(n, _)| *n == name);
                found.map(|(_, v)| v.to_string())
            })
        };
        let second_of_four = Some(Shard { index: 1, count: 4 });
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[("SLURM_PROCID", "0"), ("SLURM_NTASKS", "4")]), None, "a batch script");
        assert_eq!(of(&[("SLURM_PROCID", "1"), ("SLURM_STEP_NUM_TASKS", "4")]), second_of_four);
        assert_eq!(of(&[("PMI_RANK", "1"), ("PMI_SIZE", "4")]), second_of_four);
        assert_eq!(
            of(&[
                ("SLURM_ARRAY_TASK_ID", "2"),
                ("SLURM_ARRAY_TASK_MIN", "1"),
                ("SLURM_ARRAY_TASK_COUNT", "4"),
                ("SLURM_PROCID", "0"),
                ("SLURM_STEP_NUM_TASKS", "1"),
            ]),
            second_of_four
        );
    }
}
