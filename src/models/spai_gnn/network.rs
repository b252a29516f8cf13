//! What the network predicts.

use std::sync::Arc;

use super::features::Seen;
use super::layers::SpaiGnn;
use super::{NAME, inference};
use crate::error::Result;
use crate::linalg::{Csr, Pattern};
use crate::models::PredictOptions;
use crate::models::network::{Description, Network};
use crate::nn::graph::Graphs;
use crate::nn::ops::Engine;
use crate::nn::{Backend, Device, Trained};
use crate::precond::FactoredInverse;
use crate::solve::Acceleration;
use crate::system::LinearSystem;

impl SpaiGnn {
    /// M ≈ A⁻¹.
    ///
    /// # Errors
    /// As [`Seen::new`].
    pub fn inverse<D: Backend>(&self, weights: &Trained<D>, a: &Csr) -> Result<FactoredInverse> {
        let seen = Seen::new(&self.config, a)?;
        if D::KIND == Device::Cpu
            && let Some(entries) = weights.read(|params| inference::entries(self, params, &seen))
        {
            return self.made_of(&entries, seen.matrix.pattern(), seen.scale);
        }
        let Seen { matrix, scale, blocks, nodes, edges, base, places } = seen;
        let (graphs, places) = (Graphs::of(&blocks)?, Arc::new(places));
        let entries = weights.evaluate(|ops, w| {
            let at = ops.batch(&graphs);
            let nodes = ops.table(nodes, self.config.node_features());
            let edges = ops.table(edges, self.config.edge_features());
            let base = ops.table(base, self.config.block * self.config.block);
            self.forward(ops, w, &at, &places, [&nodes, &edges, &base])
        });
        self.made_of(&entries, matrix.pattern(), scale)
    }

    /// G Gᵀ + ε I for the entries of G, in the units of A.
    fn made_of(&self, entries: &[f32], pattern: &Arc<Pattern>, scale: Vec<f64>) -> Result<FactoredInverse> {
        let factor = Csr::new(pattern.clone(), entries.iter().map(|&v| f64::from(v)).collect())?;
        FactoredInverse::new(factor, self.config.shift, Some(scale))
    }
}

impl<D: Backend> Network<D> for SpaiGnn {
    fn about(&self) -> &Description {
        &self.about
    }

    /// Symmetric as it is.
    fn predict(&self, weights: &Trained<D>, system: &LinearSystem, options: &PredictOptions) -> Result<Acceleration> {
        options.nothing_to_filter(NAME)?;
        Ok(Acceleration::preconditioner(self.inverse(weights, &system.matrix)?))
    }
}
