//! Learning-rate schedules: the factor on the base rate as a function of the step alone.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// How the learning rate moves; after `warmup` steps of linear rise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Schedule {
    /// The base rate throughout.
    Constant {
        /// Steps in which the rate rises from 0.
        #[serde(default)]
        warmup: u64,
    },
    /// Half a cosine from 1 down to `end` over the whole run.
    Cosine {
        /// Steps in which the rate rises from 0.
        #[serde(default)]
        warmup: u64,
        /// Share of the rate that is left at the end.
        #[serde(default = "default_end")]
        end: f64,
    },
    /// Times `gamma` every `epochs` epochs.
    Step {
        /// Steps in which the rate rises from 0.
        #[serde(default)]
        warmup: u64,
        /// Epochs between two steps down.
        epochs: u64,
        /// Factor of a step down.
        #[serde(default = "default_gamma")]
        gamma: f64,
    },
    /// Times `gamma` after each of some epochs.
    MultiStep {
        /// Steps in which the rate rises from 0.
        #[serde(default)]
        warmup: u64,
        /// Epochs after which the rate steps down, rising.
        milestones: Vec<u64>,
        /// Factor of a step down.
        #[serde(default = "default_gamma")]
        gamma: f64,
    },
}

fn default_end() -> f64 {
    0.01
}

fn default_gamma() -> f64 {
    0.5
}

impl Default for Schedule {
    fn default() -> Self {
        Schedule::Cosine { warmup: 0, end: default_end() }
    }
}

impl Schedule {
    /// # Errors
    /// [`Error::Argument`] naming the key that is out of range.
    pub fn check(&self) -> Result<()> {
        match self {
            Schedule::Cosine { end, .. } if !(0.0..=1.0).contains(end) => {
                Err(Error::Argument("schedule.end: must be between 0 and 1".into()))
            }
            Schedule::Step { epochs: 0, .. } => Err(Error::Argument("schedule.epochs: must be at least 1".into())),
            Schedule::MultiStep { milestones, .. }
                if milestones.first() == Some(&0) || milestones.windows(2).any(|w| w[0] >= w[1]) =>
            {
                Err(Error::Argument("schedule.milestones: must be rising epochs from 1 on".into()))
            }
            Schedule::Step { gamma, .. } | Schedule::MultiStep { gamma, .. } if !(*gamma > 0.0 && *gamma <= 1.0) => {
                Err(Error::Argument("schedule.gamma: must be above 0 and at most 1".into()))
            }
            _ => Ok(()),
        }
    }

    /// The factor for `step` (from 0) of a run of `total` steps, `per_epoch` of them an epoch.
    pub fn factor(&self, step: u64, total: u64, per_epoch: u64) -> f64 {
        let (warmup, factor) = match self {
            &Schedule::Constant { warmup } => (warmup, 1.0),
            &Schedule::Cosine { warmup, end } => {
                let span = total.saturating_sub(warmup).max(1) as f64;
                let t = (step.saturating_sub(warmup) as f64 / span).min(1.0);
                (warmup, end + (1.0 - end) * 0.5 * (1.0 + (std::f64::consts::PI * t).cos()))
            }
            &Schedule::Step { warmup, epochs, gamma } => {
                let drops = step / (per_epoch.max(1) * epochs);
                (warmup, gamma.powi(i32::try_from(drops).unwrap_or(i32::MAX)))
            }
            Schedule::MultiStep { warmup, milestones, gamma } => {
                let epoch = step / per_epoch.max(1);
                let drops = milestones.iter().filter(|&&m| m <= epoch).count();
                (*warmup, gamma.powi(i32::try_from(drops).unwrap_or(i32::MAX)))
            }
        };
        if step < warmup { factor * (step + 1) as f64 / warmup as f64 } else { factor }
    }
}

#[cfg(test)]
mod tests {
    use super::Schedule;

    #[test]
    fn cosine_starts_at_one_and_ends_at_end() {
        let s = Schedule::Cosine { warmup: 0, end: 0.1 };
        assert_eq!(s.factor(0, 100, 10), 1.0);
        assert!((s.factor(50, 100, 10) - 0.55).abs() < 1e-12);
        assert!((s.factor(100, 100, 10) - 0.1).abs() < 1e-12);
    }

    #[test]
    fn warmup_rises_and_steps_halve() {
        let s = Schedule::Step { warmup: 4, epochs: 2, gamma: 0.5 };
        assert_eq!(s.factor(0, 100, 10), 0.25);
        assert_eq!(s.factor(19, 100, 10), 1.0);
        assert_eq!(s.factor(20, 100, 10), 0.5);
        assert_eq!(s.factor(40, 100, 10), 0.25);
    }

    #[test]
    fn milestones_step_down_once_each() {
        let s = Schedule::MultiStep { warmup: 0, milestones: vec![4, 6], gamma: 0.5 };
        let at = [0, 39, 40, 59, 60, 99].map(|step| s.factor(step, 100, 10));
        assert_eq!(at, [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]);
        s.check().unwrap();
        for milestones in [vec![0, 4], vec![4, 4]] {
            let s = Schedule::MultiStep { warmup: 0, milestones, gamma: 0.5 };
            assert!(s.check().unwrap_err().to_string().contains("milestones"));
        }
        let read: Schedule = toml::from_str("kind = 'multi-step'\nmilestones = [40, 45]\ngamma = 0.1").unwrap();
        assert!((read.factor(450, 500, 10) - 0.01).abs() < 1e-15);
    }
}
