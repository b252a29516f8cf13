//! `tridiagonal`: A = L Lᵀ with a random bidiagonal L whose inverse is rank-1 semiseparable, so that the exact factor
//! depends on A from end to end although both are as local as can be (Trifonov, Muravleva, Oseledets 2025,
//! "Message-Passing GNNs Fail to Approximate Sparse Triangular Factorizations", arXiv:2502.01397, section 5.1).
//!
//! L⁻¹ = tril(u vᵀ) with l_ii = 1/(u_i v_i), l_{i,i−1} = −1/(u_{i−1} v_i). Three ways to draw them:
//! - `walk`: ln u_i is a random walk of normal steps of deviation `spread`, and l_ii = exp(`spread` · normal), which
//!   leaves v_i = 1/(u_i l_ii) and l_{i,i−1} = −l_ii u_i/u_{i−1}: entries stay near 1 whatever n is;
//! - `independent`: ln u_i and ln v_i are normal with deviation `spread`, each for itself: entries of L, and even more
//!   of A, differ by orders of magnitude;
//! - `normal`: u_i and v_i themselves are normal with deviation `spread`, columns of L with a negative diagonal entry
//!   turned round: a few entries of L, where a u_i v_i is near 0, are far larger than all others.
//!
//! `corner` is then added to a_11, A + corner · e₁e₁ᵀ: the change of one entry that changes every entry of the factor,
//! which follows by a rank-one update (Golub & Van Loan 2013, section 6.5.4).
//!
//! With `rhs = "product"` x is drawn and b = A x. Where A is nearly singular, as `normal` draws often are, no x in
//! double precision has a small residual for a b that is drawn: its rounding alone changes A x too much.

mod verify;

use std::sync::Arc;

use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};
use toml::Table;

use super::{Family, Sampler, keys};
use crate::entry::{self, Entry};
use crate::error::Result;
use crate::linalg::{Csr, LinOp, Pattern, Props};
use crate::rng::{Purpose, stream};
use crate::system::{Description, Field, LinearSystem, Location};
use crate::verify::Report;

/// The family's name in recipes.
const NAME: &str = "tridiagonal";

/// `tridiagonal` as a member of [`super::ENTRIES`].
pub static ENTRY: Entry<dyn Family> = Entry {
    name: NAME,
    help: "A = L Lᵀ, L bidiagonal with semiseparable inverse; L varies",
    source: "Trifonov, Muravleva, Oseledets 2025, arXiv:2502.01397, section 5.1",
    needs: "",
    positional: &[],
    defaults: entry::defaults::<TridiagonalConfig>,
    schema: Some(entry::schema::<TridiagonalConfig>),
    parse: |table, _, origin| build(table, origin),
};

/// The `[tridiagonal]` table of a recipe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TridiagonalConfig {
    /// Rows.
    pub n: usize,
    /// Standard deviation of what is drawn.
    pub spread: f64,
    /// How u and v are drawn.
    pub draw: Draw,
    /// What is added to a_11.
    pub corner: f64,
    /// Where b comes from.
    pub rhs: RightHandSide,
}

/// How u and v are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Draw {
    /// ln u_i is a random walk, the diagonal of L is drawn for itself.
    #[default]
    Walk,
    /// All ln u_i and ln v_i are independent.
    Independent,
    /// All u_i and v_i are independent.
    Normal,
}

/// Where b comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RightHandSide {
    /// b is drawn from N(0, 1), x solves A x = b.
    #[default]
    Normal,
    /// x is drawn from N(0, 1), b = A x.
    Product,
}

impl Default for TridiagonalConfig {
    fn default() -> Self {
        TridiagonalConfig { n: 100, spread: 0.1, draw: Draw::Walk, corner: 0.0, rhs: RightHandSide::Normal }
    }
}

/// The family.
pub struct Tridiagonal {
    config: TridiagonalConfig,
    pattern: Arc<Pattern>,
}

/// The family of a recipe's table.
///
/// # Errors
/// [`crate::Error::Recipe`] naming the key that is unknown, of the wrong type or out of range.
fn build(table: &Table, origin: &str) -> Result<Box<dyn Family>> {
    let config: TridiagonalConfig = entry::config(table, NAME, origin)?;
    keys::within(config.n, 2..=10_000_000, "tridiagonal.n", origin)?;
    // u_i = v_i = 0 is no factor.
    let least = if config.draw == Draw::Normal { f64::MIN_POSITIVE } else { 0.0 };
    keys::within(config.spread, least..=2.0, "tridiagonal.spread", origin)?;
    keys::within(config.corner, 0.0..=1e12, "tridiagonal.corner", origin)?;
    let n = config.n as u32;
    let pairs: Vec<(u32, u32)> = (0..n)
        .flat_map(|i| [i.checked_sub(1), Some(i), (i + 1 < n).then_some(i + 1)].map(|j| (i, j)))
        .filter_map(|(i, j)| Some((i, j?)))
        .collect();
    let pattern = Arc::new(Pattern::from_pairs(config.n, config.n, &pairs)?);
    Ok(Box::new(Tridiagonal { config, pattern }))
}

impl Family for Tridiagonal {
    fn parameters(&self) -> Table {
        entry::to_table(&self.config)
    }

    fn description(&self) -> Description {
        Description::new(NAME, "A x = b, A = L L^T, L bidiagonal with L^-1 = tril(u v^T)", Props::SPD)
    }

    fn pattern(&self) -> Option<Arc<Pattern>> {
        Some(self.pattern.clone())
    }

    fn measure(&self) -> Result<Report> {
        verify::measure()
    }

    fn sampler(&self) -> Result<Box<dyn Sampler + '_>> {
        Ok(Box::new(TridiagonalSampler(self)))
    }
}

struct TridiagonalSampler<'a>(&'a Tridiagonal);

impl Sampler for TridiagonalSampler<'_> {
    fn sample(&mut self, seed: u64, index: u64) -> Result<LinearSystem> {
        let (n, spread) = (self.0.config.n, self.0.config.spread);
        let mut rng = stream(seed, Purpose::Sample, index);
        let mut normal = || -> f64 { StandardNormal.sample(&mut rng) };
        let mut sign_before = 1.0;
        // step = ln(u_i/u_{i−1}); the walk itself is kept from 0 on.
        let (mut diagonal, mut below, mut log_u) = (vec![0.0; n], vec![0.0; n], vec![0.0; n]);
        for i in 0..n {
            let step = spread * normal();
            let other = spread * normal();
            let before = if i > 0 { log_u[i - 1] } else { 0.0 };
            match self.0.config.draw {
                Draw::Walk => {
                    log_u[i] = if i > 0 { before + step } else { 0.0 };
                    diagonal[i] = other.exp();
                }
                Draw::Independent => {
                    log_u[i] = step;
                    diagonal[i] = (-step - other).exp();
                }
                Draw::Normal => {
                    log_u[i] = step.abs().ln();
                    diagonal[i] = 1.0 / (step * other).abs();
                }
            }
            // With positive diagonal the sign below it is that of −v_{i−1} v_i.
            let sign = if self.0.config.draw == Draw::Normal { other.signum() } else { 1.0 };
            if i > 0 {
                below[i] = -sign_before * sign * diagonal[i] * (log_u[i] - before).exp();
            }
            sign_before = sign;
        }
        update(&mut diagonal, &mut below, self.0.config.corner.sqrt());
        let drawn: Vec<f64> = (0..n).map(|_| normal()).collect();

        let (mut values, mut lower) = (Vec::with_capacity(3 * n), Vec::with_capacity(2 * n));
        for i in 0..n {
            if i > 0 {
                values.push(below[i] * diagonal[i - 1]);
                lower.push(below[i]);
            }
            values.push(diagonal[i].powi(2) + below[i].powi(2));
            lower.push(diagonal[i]);
            if i + 1 < n {
                values.push(below[i + 1] * diagonal[i]);
            }
        }
        let matrix = Csr::new(self.0.pattern.clone(), values)?;
        let (rhs, x) = match self.0.config.rhs {
            RightHandSide::Normal => {
                let x = solve(&diagonal, &below, &drawn);
                (drawn, x)
            }
            RightHandSide::Product => {
                let mut b = vec![0.0; n];
                matrix.apply(&drawn, &mut b);
                (b, drawn)
            }
        };
        Ok(LinearSystem {
            matrix,
            rhs,
            solution: Some(x),
            props: Props::SPD,
            fields: vec![Field { name: "log_u".into(), location: Location::Dofs, components: 1, values: log_u }],
            labels: vec![Field { name: "cholesky".into(), location: Location::Lower, components: 1, values: lower }],
            params: Vec::new(),
            mesh: None,
            index,
        })
    }
}

/// L⁻ᵀ L⁻¹ b.
fn solve(diagonal: &[f64], below: &[f64], b: &[f64]) -> Vec<f64> {
    let n = b.len();
    let mut x = b.to_vec();
    for i in 0..n {
        let before = if i > 0 { below[i] * x[i - 1] } else { 0.0 };
        x[i] = (x[i] - before) / diagonal[i];
    }
    for i in (0..n).rev() {
        let after = if i + 1 < n { below[i + 1] * x[i + 1] } else { 0.0 };
        x[i] = (x[i] - after) / diagonal[i];
    }
    x
}

/// Makes the factor of A + w² e₁e₁ᵀ out of that of A (diagonal and the entries before it).
fn update(diagonal: &mut [f64], below: &mut [f64], mut w: f64) {
    for (i, d) in diagonal.iter_mut().enumerate() {
        let pivot = d.hypot(w);
        let (c, s) = (pivot / *d, w / *d);
        *d = pivot;
        if let Some(next) = below.get_mut(i + 1) {
            *next /= c;
            w = -s * *next;
        }
    }
}
