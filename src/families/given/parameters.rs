//! Named numbers that are drawn for each sample: what makes a family of an expression.
//!
//! ```toml
//! [elliptic.parameters]
//! a = { uniform = [0.0, 1.0] }
//! k = { log_uniform = [1.0, 1e4] }
//! s = { normal = [0.0, 0.5] }     # mean and standard deviation
//! m = { integer = [1, 5] }        # both ends among them
//! c = { choice = [1.0, 2.0, 5.0] }
//! ```

use std::collections::BTreeMap;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution as _, StandardNormal};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::field::expression;
use crate::rng::{Purpose, stream};

/// What a parameter is drawn from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case", expecting = "must be e.g. { uniform = [0.0, 1.0] }")]
pub enum Distribution {
    /// Uniform from the first number to the second.
    Uniform([f64; 2]),
    /// The exponential of a uniform number: from the first number to the second, both positive.
    LogUniform([f64; 2]),
    /// Normal, of this mean and standard deviation.
    Normal([f64; 2]),
    /// A whole number from the first to the second, each as likely.
    Integer([i64; 2]),
    /// One of these numbers, each as likely.
    Choice(Vec<f64>),
}

/// Parameters by name.
pub type Parameters = BTreeMap<String, Distribution>;

impl Distribution {
    fn check(&self) -> std::result::Result<(), &'static str> {
        let finite = |range: &[f64; 2]| range.iter().all(|v| v.is_finite());
        match self {
            Distribution::Uniform(range) if finite(range) && range[0] <= range[1] => Ok(()),
            Distribution::Uniform(_) => Err("uniform = [least, most]: must be two numbers, the lower one first"),
            Distribution::LogUniform(range) if finite(range) && 0.0 < range[0] && range[0] <= range[1] => Ok(()),
            Distribution::LogUniform(_) => {
                Err("log_uniform = [least, most]: must be two positive numbers, the lower one first")
            }
            Distribution::Normal(of) if finite(of) && of[1] >= 0.0 => Ok(()),
            Distribution::Normal(_) => Err("normal = [mean, deviation]: must be two numbers, the second not negative"),
            // A double holds whole numbers up to 2^53.
            Distribution::Integer([low, high]) if low <= high && low.abs().max(high.abs()) < 1 << 53 => Ok(()),
            Distribution::Integer(_) => Err("integer = [least, most]: must be two whole numbers, the lower one first"),
            Distribution::Choice(of) if !of.is_empty() && of.iter().all(|v| v.is_finite()) => Ok(()),
            Distribution::Choice(_) => Err("choice: must be one number or more"),
        }
    }

    fn draw(&self, rng: &mut ChaCha8Rng) -> f64 {
        let between = |[low, high]: [f64; 2], share: f64| low + (high - low) * share;
        match self {
            Distribution::Uniform(range) => between(*range, rng.random()),
            Distribution::LogUniform(range) => {
                // Rounding must not leave the range.
                between(range.map(f64::ln), rng.random()).exp().clamp(range[0], range[1])
            }
            Distribution::Normal([mean, deviation]) => {
                let z: f64 = StandardNormal.sample(rng);
                mean + deviation * z
            }
            Distribution::Integer([low, high]) => rng.random_range(*low..=*high) as f64,
            Distribution::Choice(of) => of[rng.random_range(0..of.len())],
        }
    }
}

/// Checks names and ranges of the table `family`.parameters.
///
/// # Errors
/// [`Error::Recipe`] naming the parameter.
pub(super) fn check(parameters: &Parameters, family: &str, origin: &str) -> Result<()> {
    for (name, distribution) in parameters {
        let bad = |reason: &str| Err(Error::recipe(origin, format!("{family}.parameters.{name}: {reason}")));
        let plain = |c: char| c.is_alphanumeric() || c == '_';
        if !name.starts_with(|c: char| c.is_alphabetic() || c == '_') || !name.chars().all(plain) {
            return bad("must be a name of letters, digits and _, as expressions have it");
        }
        if expression::is_reserved(name) {
            return bad("has a meaning in expressions already: take another name");
        }
        if let Err(reason) = distribution.check() {
            return bad(reason);
        }
    }
    Ok(())
}

/// The parameters of one sample, in the order of their names: from a stream of their own, so that they change nothing
/// else that is drawn.
pub(super) fn draw(parameters: &Parameters, seed: u64, index: u64) -> Vec<f64> {
    let mut rng = stream(seed, Purpose::Parameters, index);
    parameters.values().map(|distribution| distribution.draw(&mut rng)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(text: &str) -> Parameters {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn numbers_have_the_distributions_asked_for() {
        let p = parameters(
            "a = { uniform = [2.0, 4.0] }\nb = { log_uniform = [1, 10000] }\nc = { normal = [1.0, 0.5] }\n\
             d = { integer = [1, 3] }\ne2 = { choice = [5.0, 7.0] }",
        );
        check(&p, "elliptic", "r.toml").unwrap();
        let draws: Vec<Vec<f64>> = (0..4000).map(|index| draw(&p, 3, index)).collect();
        let column = |k: usize| draws.iter().map(move |d| d[k]);
        let mean = |k: usize| column(k).sum::<f64>() / 4000.0;
        assert!(column(0).all(|v| (2.0..4.0).contains(&v)) && (mean(0) - 3.0).abs() < 0.05);
        // Half of the logarithmic draws lie below 100.
        let below = column(1).filter(|v| *v < 100.0).count();
        assert!(column(1).all(|v| (1.0..=1e4).contains(&v)) && below.abs_diff(2000) < 150, "{below}");
        let variance = column(2).map(|v| (v - 1.0).powi(2)).sum::<f64>() / 4000.0;
        assert!((mean(2) - 1.0).abs() < 0.05 && (variance - 0.25).abs() < 0.03);
        assert!((1..=3).all(|k| column(3).any(|v| v == f64::from(k))) && column(3).all(|v| v == v.round()));
        assert!(column(4).all(|v| v == 5.0 || v == 7.0));
        assert_eq!(draw(&p, 3, 7), draws[7]);
        assert_ne!(draw(&p, 4, 7), draws[7]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, part) in [
            ("a = { uniform = [1.0, 0.0] }", "f.parameters.a: uniform = [least, most]"),
            ("a = { log_uniform = [0.0, 1.0] }", "two positive numbers"),
            ("a = { choice = [] }", "one number or more"),
            ("x = { choice = [1.0] }", "f.parameters.x: has a meaning"),
            ("t = { choice = [1.0] }", "has a meaning"),
            ("sin = { choice = [1.0] }", "has a meaning"),
            ("\"a b\" = { choice = [1.0] }", "letters, digits"),
        ] {
            let message = check(&parameters(text), "f", "r.toml").unwrap_err().to_string();
            assert!(message.starts_with("r.toml: ") && message.contains(part), "{message}");
        }
    }
}
