//! `mean-fsai`: the entrywise mean of the FSAI factors of training systems.

use std::sync::Arc;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Constant, Fitted};
use crate::entry::{self, Entry};
use crate::error::{Error, Result};
use crate::linalg::Csr;
use crate::models::PredictOptions;
use crate::precond::{FactoredInverse, check_fsai_pattern, fsai_pattern};
use crate::solve::Acceleration;
use crate::solver::Need;
use crate::system::{LinearSystem, Parts, SampleSource};

/// A factored inverse that knows no system: what a network that learned nothing but a constant would say.
pub static ENTRY: Entry<dyn Constant> = Entry {
    name: "mean-fsai",
    help: "Mean of the FSAI factors of training systems, M = R Rᵀ",
    source: "the best constant factor in the mean of ||R - R_FSAI||_F^2 (Kolotilina & Yeremin 1993)",
    needs: "training systems of one pattern, symmetric positive definite",
    positional: &["samples", "power"],
    defaults: entry::defaults::<MeanFsai>,
    schema: None,
    parse: |table, name, origin| Ok(Box::new(entry::checked(table, name, origin, MeanFsai::check)?)),
};

/// Its settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MeanFsai {
    /// At most this many training systems.
    pub samples: usize,
    /// The factors are on the lower triangle of the pattern of A^power.
    pub power: usize,
    /// Entries beyond it, as a share of its own: the largest of A^(power + 1), A being the mean of the training systems
    /// of unit diagonal.
    pub extra: f64,
}

impl Default for MeanFsai {
    fn default() -> Self {
        MeanFsai { samples: 256, power: 1, extra: 0.0 }
    }
}

impl MeanFsai {
    fn check(&self) -> Result<()> {
        if self.samples == 0 {
            return Err(Error::Argument("mean-fsai: samples = 0 must be at least 1".into()));
        }
        check_fsai_pattern("mean-fsai", self.power, self.extra)
    }
}

impl Constant for MeanFsai {
    fn needs(&self) -> Need {
        Need::Spd
    }

    fn fit(&self, source: &dyn SampleSource, ids: &[u32], _options: &PredictOptions) -> Result<Fitted> {
        let ids = &ids[..ids.len().min(self.samples)];
        // Further entries are chosen by the values of all; the pattern alone is that of any.
        let seen = if self.extra > 0.0 { ids } else { &ids[..ids.len().min(1)] };
        let mean = mean(source, seen, |s| Ok(s.matrix.equilibrated()?.0))?;
        let pattern = fsai_pattern(&mean, self.power, self.extra)?;
        let factor = |s: &LinearSystem| match s.matrix.pattern() == mean.pattern() {
            true => Ok(FactoredInverse::fsai(&s.matrix, &pattern)?.factor().clone()),
            false => Err(mixed()),
        };
        let op = Arc::new(FactoredInverse::new(self::mean(source, ids, factor)?, 0.0, None)?);
        Ok(Box::new(move |_: &LinearSystem| Ok(Acceleration::preconditioner(op.clone()))))
    }
}

fn mixed() -> Error {
    Error::Argument("mean-fsai needs training systems of one pattern".into())
}

/// The mean over systems of matrices of one pattern.
fn mean(source: &dyn SampleSource, ids: &[u32], matrix: impl Fn(&LinearSystem) -> Result<Csr> + Sync) -> Result<Csr> {
    let mut mean: Option<Csr> = None;
    for group in ids.chunks(8) {
        let systems = source.load(group, &Parts::matrix())?;
        let matrices = systems.par_iter().map(|s| matrix(s)).collect::<Result<Vec<_>>>()?;
        for one in matrices {
            let Some(sum) = &mut mean else {
                mean = Some(one);
                continue;
            };
            if sum.pattern() != one.pattern() {
                return Err(mixed());
            }
            sum.values_mut().iter_mut().zip(one.values()).for_each(|(s, v)| *s += v);
        }
    }
    let mut mean = mean.ok_or_else(|| Error::Argument("mean-fsai needs training systems".into()))?;
    mean.values_mut().iter_mut().for_each(|v| *v /= ids.len() as f64);
    Ok(mean)
}

#[cfg(test)]
mod tests {
    use super::super::Spec;
    use super::*;
    use crate::linalg::Props;

    #[test]
    fn is_the_mean_of_the_factors() {
        let diagonal = |values: &[f64]| {
            let entries: Vec<_> = values.iter().enumerate().map(|(i, &v)| (i, i, v)).collect();
            let matrix = Csr::from_triplets(values.len(), values.len(), &entries).unwrap();
            LinearSystem::plain(matrix, vec![1.0; values.len()], Props::SPD)
        };
        // Factors 1/√a: 1 and 1/2, 1/2 and 1/4.
        let train = vec![diagonal(&[1.0, 4.0]), diagonal(&[4.0, 16.0])];
        let spec: Spec = "mean-fsai".parse().unwrap();
        let same = spec.member().fit(&train, &[0, 1], &PredictOptions::default()).unwrap();
        let mut z = [0.0; 2];
        same.make(&train[0]).unwrap().preconditioner.unwrap().apply(&[1.0, 1.0], &mut z);
        assert_eq!(z, [0.75 * 0.75, 0.375 * 0.375]);
        let mixed = vec![diagonal(&[1.0]), diagonal(&[2.0, 4.0])];
        for ids in [&[0, 1][..], &[]] {
            assert!(spec.member().fit(&mixed, ids, &PredictOptions::default()).is_err());
        }
        assert!("mean-fsai(0)".parse::<Spec>().is_err());
    }
}
