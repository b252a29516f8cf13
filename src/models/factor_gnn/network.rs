//! The network, and the factor it makes.

use super::features::{EDGE_FEATURES, NODE_FEATURES, Seen};
use super::layers::FactorGnn;
use super::{NAME, inference, lower};
use crate::error::{Error, Result};
use crate::linalg::{Csr, Pattern};
use crate::models::PredictOptions;
use crate::models::network::{Description, Network};
use crate::nn::ops::Engine;
use crate::nn::{Backend, Device, Trained};
use crate::precond::Icc;
use crate::solve::Acceleration;
use crate::system::{LinearSystem, Names};

/// Pivots of a predicted factor below this part of the largest one are raised to it: the network promises no sign.
const LEAST_PIVOT: f64 = 1e-6;

impl FactorGnn {
    /// All entries that the network predicts, (edges).
    pub(super) fn all<D: Backend>(&self, weights: &Trained<D>, seen: &Seen) -> Vec<f32> {
        weights.evaluate(|ops, w| {
            let at = ops.batch(&seen.graph);
            let nodes = ops.table(seen.nodes.clone(), NODE_FEATURES);
            let edges = ops.table(seen.edges.clone(), EDGE_FEATURES);
            self.forward(ops, w, &at, &nodes, &edges)
        })
    }

    /// The entries of tril(A), row by row, of the scaled matrix.
    fn entries<D: Backend>(&self, weights: &Trained<D>, pattern: &Pattern, seen: &Seen) -> Vec<f32> {
        if D::KIND == Device::Cpu
            && let Some(entries) = weights.read(|params| inference::entries(self, params, pattern, seen))
        {
            return entries;
        }
        let all = self.all(weights, seen);
        seen.lower.iter().map(|&e| all[e as usize]).collect()
    }

    /// L on the pattern of tril(A), with positive diagonal; its scale means nothing.
    ///
    /// # Errors
    /// [`Error::Shape`] if A is not square, [`Error::Numeric`] if it cannot be scaled or an entry is no number.
    pub fn factor<D: Backend>(&self, weights: &Trained<D>, a: &Csr) -> Result<Csr> {
        let seen = Seen::new(&self.config, a)?;
        let entries = self.entries(weights, a.pattern(), &seen);
        if let Some(bad) = entries.iter().find(|v| !v.is_finite()) {
            return Err(Error::Numeric(format!("{NAME} predicts an entry {bad}")));
        }
        let l = lower(a, entries.iter().map(|&v| f64::from(v)))?;
        let largest = l.diagonal().iter().fold(0.0f64, |m, d| m.max(d.abs()));
        let mut values = l.values().to_vec();
        for i in 0..l.nrows() {
            let range = l.pattern().range(i);
            // The diagonal entry is the last of its row.
            let pivot = &mut values[range.end - 1];
            *pivot = pivot.max(LEAST_PIVOT * largest);
            if let Some(root) = &seen.root {
                values[range].iter_mut().for_each(|v| *v *= root[i]);
            }
        }
        Csr::new(l.pattern().clone(), values)
    }
}

impl<D: Backend> Network<D> for FactorGnn {
    fn about(&self) -> &Description {
        &self.about
    }

    /// Symmetric as it is; there is no inverse to filter.
    fn predict(&self, weights: &Trained<D>, system: &LinearSystem, options: &PredictOptions) -> Result<Acceleration> {
        options.nothing_to_filter(NAME)?;
        let l = self.factor(weights, &system.matrix)?;
        Ok(Acceleration::preconditioner(Icc::from_factor(&l)?))
    }

    fn labels(&self) -> Names {
        self.config.target.labels()
    }

    /// cos(L, L*) over the entries of tril(A), both for the matrix as the network sees it.
    fn agreement(&self, weights: &Trained<D>, system: &LinearSystem) -> Result<Option<f64>> {
        let seen = Seen::new(&self.config, &system.matrix)?;
        let target = seen.target(self.config.target, system)?;
        let (mut lt, mut ll, mut tt) = (0.0, 0.0, 0.0);
        for (l, t) in self.entries(weights, system.matrix.pattern(), &seen).iter().zip(target) {
            let (l, t) = (f64::from(*l), f64::from(t));
            lt += l * t;
            ll += l * l;
            tt += t * t;
        }
        Ok(Some(lt / (ll * tt).sqrt()))
    }
}
