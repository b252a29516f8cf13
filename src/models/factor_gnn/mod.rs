//! `factor-gnn`: a graph network that looks at A and says the entries of a triangular factor, L Lᵀ ≈ A (Trifonov, Muravleva,
//! Oseledets 2025, "Message-Passing GNNs Fail to Approximate Sparse Triangular Factorizations", arXiv:2502.01397).
//!
//! Nodes are unknowns, edges are the entries of A. Encoders make features of both; each round updates the edges by a
//! perceptron of the edge and its two ends and the nodes by one of six node models ([`NodeModel`]); a decoder reads L off
//! the edges of tril(A). Training maximises the cosine between L and a target ([`TargetKind`]), so L comes without its
//! scale, which conjugate gradients do not ask for.
//!
//! What the paper found, and this model is there to show: a factor depends on A from end to end, but k rounds of messages
//! know k neighbours.

mod features;
mod nodes;
mod target;
#[cfg(test)]
mod tests;
mod training;

use std::path::Path;

use dfdx::prelude::Cpu;
use serde::{Deserialize, Serialize};
use toml::Table;

use super::{BuiltIn, Checkpoint, Device, Model, ModelConfig, PredictOptions, Trainer};
use crate::entry::{self, Entry};
use crate::error::{Error, Result};
use crate::linalg::Csr;
use crate::models::nsls::Scaling;
use crate::nn::graph::{Fused, Ops};
use crate::nn::{Layout, Params};
use crate::precond::Icc;
use crate::solve::Acceleration;
use crate::system::LinearSystem;
use features::{EDGE_FEATURES, NODE_FEATURES, Seen};

pub use nodes::NodeModel;
pub use target::TargetKind;
pub use training::trainer;

/// The model's name in recipes.
pub const NAME: &str = "factor-gnn";

/// Pivots of a predicted factor below this part of the largest one are raised to it: the network promises no sign.
const LEAST_PIVOT: f64 = 1e-6;

/// Settings of the model: the `[factor-gnn]` table of a recipe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FactorConfig {
    /// How nodes are updated.
    pub node: NodeModel,
    /// Features of a node and of an edge.
    pub width: usize,
    /// Rounds of message passing.
    pub rounds: usize,
    /// The factor to learn.
    pub target: TargetKind,
    /// How entries of A become edge features.
    pub scaling: Scaling,
    /// Whether edges know which of their ends comes first, and nodes their place. A factor depends on the order of the
    /// unknowns; a network that does not know it gives the same for every order.
    pub order: bool,
}

impl Default for FactorConfig {
    fn default() -> Self {
        FactorConfig {
            node: NodeModel::default(),
            width: 16,
            rounds: 5,
            target: TargetKind::default(),
            scaling: Scaling::Max,
            order: true,
        }
    }
}

/// `factor-gnn` as a member of [`super::ENTRIES`].
pub static ENTRY: Entry<dyn ModelConfig> = Entry {
    name: NAME,
    help: "the entries of a triangular factor, by one of six node models",
    source: "Trifonov, Muravleva, Oseledets 2025, arXiv:2502.01397",
    needs: "A symmetric positive definite",
    positional: &[],
    defaults: entry::defaults::<FactorConfig>,
    parse: |table, origin| Ok(Box::new(super::config(NAME, table, origin, FactorConfig::check)?)),
};

impl ModelConfig for FactorConfig {
    fn table(&self) -> Table {
        entry::to_table(self)
    }

    fn trainer(&self, train: &[LinearSystem], seed: u64, device: Device) -> Result<Box<dyn Trainer>> {
        training::trainer(self, train, seed, device)
    }

    fn load(&self, checkpoint: &Checkpoint, file: &Path) -> Result<Box<dyn Model>> {
        Ok(Box::new(FactorGnn::from_checkpoint(checkpoint, file)?))
    }

    fn recipes(&self) -> &'static [BuiltIn] {
        &[
            BuiltIn {
                family: "darcy",
                path: "training/darcy-factor-gnn.toml",
                text: include_str!("../../../training/darcy-factor-gnn.toml"),
            },
            BuiltIn {
                family: "tridiagonal",
                path: "training/tridiagonal-factor-gnn.toml",
                text: include_str!("../../../training/tridiagonal-factor-gnn.toml"),
            },
        ]
    }
}

impl FactorConfig {
    /// # Errors
    /// [`Error::Argument`] naming the key that is out of range.
    pub fn check(&self) -> Result<()> {
        for (key, value, most) in [("width", self.width, 256), ("rounds", self.rounds, 64)] {
            if !(1..=most).contains(&value) {
                return Err(Error::Argument(format!(
                    "{NAME}.{key} = {value}: must be from 1 to {most}"
                )));
            }
        }
        Ok(())
    }

    /// Every parameter.
    fn layout(&self) -> Layout {
        let w = self.width;
        let mut out = Layout::default();
        out.dense("encoder.edge.0", EDGE_FEATURES, w, 1.4);
        out.dense("encoder.edge.1", w, w, 1.0);
        out.dense("encoder.node.0", NODE_FEATURES, w, 1.4);
        out.dense("encoder.node.1", w, w, 1.0);
        for r in 0..self.rounds {
            for part in ["own", "target", "source"] {
                out.dense(&format!("round.{r}.edge.{part}"), w, w, (2.0f32 / 3.0).sqrt());
            }
            out.dense(&format!("round.{r}.edge.out"), w, w, 0.5);
            if r + 1 < self.rounds {
                self.node.layout(&format!("round.{r}.node"), w, &mut out);
            }
        }
        out.dense("decoder.0", w, w, 1.4);
        out.dense("decoder.1", w, 1, 1.0);
        out
    }
}

/// The entries of L on every edge of the graph of A, those above the diagonal to be ignored: (edges, 1).
fn network<O: Ops>(
    config: &FactorConfig,
    params: &Params<O::Real, O::Device>,
    ops: &mut O,
    at: &O::Batch,
    nodes: &O::Value,
    edges: &O::Value,
) -> Result<O::Value> {
    let perceptron = |ops: &mut O, name: &str, x: &O::Value| -> Result<O::Value> {
        let h = ops.linear(x, params.dense(&format!("{name}.0"))?, Some(0.0));
        Ok(ops.linear(&h, params.dense(&format!("{name}.1"))?, None))
    };
    let mut e = perceptron(ops, "encoder.edge", edges)?; // (edges, width)
    let mut x = perceptron(ops, "encoder.node", nodes)?; // (nodes, width)
    for r in 0..config.rounds {
        let layer = |part: &str| params.dense(&format!("round.{r}.edge.{part}"));
        let own = ops.linear(&e, layer("own")?, None);
        let target = ops.linear(&x, layer("target")?, None);
        let source = ops.linear(&x, layer("source")?, None);
        let hidden = ops.combine(at, &own, Some(&target), &source, 0.0);
        let change = ops.linear(&hidden, layer("out")?, None);
        e = ops.add(&e, &change);
        // Nobody listens to the nodes after the last round.
        if r + 1 < config.rounds {
            let prefix = format!("round.{r}.node");
            let change = config.node.update(params, &prefix, ops, at, &x, &e)?;
            x = ops.add(&x, &change);
        }
    }
    perceptron(ops, "decoder", &e)
}

/// The trained network.
pub struct FactorGnn {
    config: FactorConfig,
    params: Params<f32, Cpu>,
}

impl FactorGnn {
    /// The network of a checkpoint read from `file`.
    ///
    /// # Errors
    /// [`Error::File`] if the checkpoint is not one of this model.
    pub fn from_checkpoint(checkpoint: &Checkpoint, file: &Path) -> Result<Self> {
        let (config, params) = checkpoint.network(file, FactorConfig::check, FactorConfig::layout)?;
        Ok(FactorGnn { config, params })
    }

    /// What the network says for the entries of tril(A), row by row, of the scaled matrix.
    fn entries(&self, seen: &Seen) -> Result<Vec<f32>> {
        let mut ops = Fused::forward();
        let nodes = ops.table(seen.nodes.clone(), NODE_FEATURES);
        let edges = ops.table(seen.edges.clone(), EDGE_FEATURES);
        let all = network(&self.config, &self.params, &mut ops, &seen.graph, &nodes, &edges)?;
        Ok(seen.lower.iter().map(|&e| all.data()[e as usize]).collect())
    }

    /// L on the pattern of tril(A), with positive diagonal; its scale means nothing.
    ///
    /// # Errors
    /// [`Error::Shape`] if A is not square, [`Error::Numeric`] if it cannot be scaled or the network says no number.
    pub fn factor(&self, a: &Csr) -> Result<Csr> {
        let seen = Seen::new(&self.config, a)?;
        let entries = self.entries(&seen)?;
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

/// A lower triangular matrix on the stored entries of tril(A), from its values row by row.
fn lower(a: &Csr, values: impl Iterator<Item = f64>) -> Result<Csr> {
    let places = (0..a.nrows()).flat_map(|i| {
        let below = a.row(i).0.iter().filter(move |&&j| j as usize <= i);
        below.map(move |&j| (i, j as usize))
    });
    let entries: Vec<_> = places.zip(values).map(|((i, j), v)| (i, j, v)).collect();
    Csr::from_triplets(a.nrows(), a.ncols(), &entries)
}

impl Model for FactorGnn {
    fn name(&self) -> &'static str {
        NAME
    }

    fn parameters(&self) -> usize {
        self.params.count()
    }

    /// Symmetric as it is; there is no inverse to filter.
    fn predict(&self, system: &LinearSystem, options: &PredictOptions) -> Result<Acceleration> {
        options.nothing_to_filter(NAME)?;
        let l = self.factor(&system.matrix)?;
        Ok(Acceleration::preconditioner(Icc::from_factor(&l)?))
    }

    /// cos(L, L*) over the entries of tril(A), both for the matrix as the network sees it.
    fn agreement(&self, system: &LinearSystem) -> Result<Option<f64>> {
        let seen = Seen::new(&self.config, &system.matrix)?;
        let target = seen.target(self.config.target, system)?;
        let (mut lt, mut ll, mut tt) = (0.0, 0.0, 0.0);
        for (l, t) in self.entries(&seen)?.iter().zip(target) {
            let (l, t) = (f64::from(*l), f64::from(t));
            lt += l * t;
            ll += l * l;
            tt += t * t;
        }
        Ok(Some(lt / (ll * tt).sqrt()))
    }
}
