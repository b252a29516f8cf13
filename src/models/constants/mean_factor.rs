//! `mean-factor`: the entrywise mean of the factors of training systems.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::factor_targets::{cosine, preconditioner, target};
use super::{Constant, Fit, Fitted};
use crate::entry::{self, Entry};
use crate::error::{Error, Result};
use crate::linalg::Pattern;
use crate::models::PredictOptions;
use crate::models::factor_gnn::TargetKind;
use crate::models::scaling::Scaling;
use crate::solve::Acceleration;
use crate::solver::Need;
use crate::system::{LinearSystem, Names, Parts, SampleSource};

const NAME: &str = "mean-factor";

/// A factor that knows no system but its diagonal: what `factor-gnn` would say if it learned nothing but a constant.
pub static ENTRY: Entry<dyn Constant> = Entry {
    name: NAME,
    help: "mean of the factors that training systems have as targets, L Lᵀ ≈ A",
    source: "the best constant factor in the mean cosine: the mean of L*/‖L*‖",
    needs: "training systems of one pattern, symmetric positive definite",
    positional: &["target", "scaling", "samples"],
    defaults: entry::defaults::<MeanFactor>,
    schema: None,
    parse: |table, name, origin| Ok(Box::new(entry::checked(table, name, origin, MeanFactor::check)?)),
};

/// Its settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MeanFactor {
    /// Which factors.
    pub target: TargetKind,
    /// Of A, or of A with unit diagonal, to which the mean is then scaled back.
    pub scaling: Scaling,
    /// At most this many training systems.
    pub samples: usize,
}

impl Default for MeanFactor {
    fn default() -> Self {
        MeanFactor { target: TargetKind::default(), scaling: Scaling::default(), samples: 1000 }
    }
}

impl MeanFactor {
    fn check(&self) -> Result<()> {
        match self.samples {
            0 => Err(Error::Argument(format!("{NAME}: samples = 0 must be at least 1"))),
            _ => Ok(()),
        }
    }
}

impl Constant for MeanFactor {
    fn needs(&self) -> Need {
        Need::Spd
    }

    fn fit(&self, source: &dyn SampleSource, ids: &[u32], _options: &PredictOptions) -> Result<Fitted> {
        let ids = &ids[..ids.len().min(self.samples)];
        let parts = Parts { rhs: true, labels: self.target.labels(), ..Parts::matrix() };
        let mut mean: Option<(Arc<Pattern>, Vec<f64>)> = None;
        for group in ids.chunks(8) {
            for system in source.load(group, &parts)? {
                let mut entries = target(self.target, self.scaling, &system)?;
                let norm = cosine_norm(&entries)?;
                entries.iter_mut().for_each(|v| *v /= norm);
                let Some((pattern, sum)) = &mut mean else {
                    mean = Some((system.matrix.pattern().clone(), entries));
                    continue;
                };
                check_pattern(pattern, &system)?;
                sum.iter_mut().zip(entries).for_each(|(s, v)| *s += v);
            }
        }
        let (pattern, entries) = mean.ok_or_else(|| Error::Argument(format!("{NAME} needs training systems")))?;
        Ok(Box::new(Mean { settings: self.clone(), pattern, entries }))
    }

    fn compared_with(&self) -> Names {
        self.target.labels()
    }
}

/// ‖v‖₂.
fn cosine_norm(v: &[f64]) -> Result<f64> {
    match crate::linalg::vector::norm2(v) {
        norm if norm > 0.0 && norm.is_finite() => Ok(norm),
        norm => Err(Error::Numeric(format!("{NAME}: the norm of a factor is {norm}"))),
    }
}

fn check_pattern(pattern: &Arc<Pattern>, system: &LinearSystem) -> Result<()> {
    match system.matrix.pattern() == pattern {
        true => Ok(()),
        false => Err(Error::Unsuitable(format!("{NAME} is for systems of one pattern"))),
    }
}

struct Mean {
    settings: MeanFactor,
    pattern: Arc<Pattern>,
    /// On tril(A), row by row; up to a factor.
    entries: Vec<f64>,
}

impl Fit for Mean {
    fn make(&self, system: &LinearSystem) -> Result<Acceleration> {
        check_pattern(&self.pattern, system)?;
        preconditioner(&system.matrix, self.entries.clone(), self.settings.scaling)
    }

    fn agreement(&self, system: &LinearSystem) -> Result<Option<f64>> {
        check_pattern(&self.pattern, system)?;
        let MeanFactor { target: kind, scaling, .. } = self.settings;
        Ok(Some(cosine(&self.entries, &target(kind, scaling, system)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Spec;
    use super::*;
    use crate::families;

    fn systems() -> Vec<LinearSystem> {
        let keys = toml::toml! { n = 20 spread = 0.3 };
        let family = families::build("tridiagonal", &keys, "test").unwrap();
        let mut sampler = family.sampler().unwrap();
        (0..6).map(|i| sampler.sample(1, i).unwrap()).collect()
    }

    #[test]
    fn the_mean_of_one_is_its_factor_and_of_more_as_near_as_a_constant_comes() {
        let systems = systems();
        for scaling in ["max", "jacobi"] {
            let fit = |count: usize| {
                let spec: Spec = format!("mean-factor(cholesky, {scaling}, {count})").parse().unwrap();
                spec.member().fit(&systems, &[0, 1, 2, 3, 4, 5], &PredictOptions::default()).unwrap()
            };
            let one = fit(1);
            assert!((one.agreement(&systems[0]).unwrap().unwrap() - 1.0).abs() < 1e-14);
            // L Lᵀ = A up to a factor.
            let made = one.make(&systems[0]).unwrap().preconditioner.unwrap();
            let (b, mut z) = (&systems[0].rhs, vec![0.0; 20]);
            made.apply(b, &mut z);
            assert!((cosine(&z, systems[0].solution.as_ref().unwrap()) - 1.0).abs() < 1e-12);
            // The mean of normalised factors has the largest mean cosine of all constants.
            let mean =
                |fitted: &Fitted| systems.iter().map(|s| fitted.agreement(s).unwrap().unwrap()).sum::<f64>() / 6.0;
            let all = fit(6);
            assert!(mean(&all) > mean(&one) && mean(&all) < 1.0, "{scaling}");
        }
        let other = families::build("tridiagonal", &toml::toml! { n = 21 }, "test").unwrap();
        let other = other.sampler().unwrap().sample(1, 0).unwrap();
        let spec: Spec = "mean-factor".parse().unwrap();
        let fitted = spec.member().fit(&systems, &[0], &PredictOptions::default()).unwrap();
        assert!(matches!(fitted.make(&other), Err(Error::Unsuitable(_))));
        assert!("mean-factor(samples = 0)".parse::<Spec>().is_err());
    }
}
