//! `factor-gnn`: a graph network that looks at A and says the entries of a triangular factor, L Lᵀ ≈ A (Trifonov,
//! Muravleva, Oseledets 2025, "Message-Passing GNNs Fail to Approximate Sparse Triangular Factorizations",
//! arXiv:2502.01397).
//!
//! Nodes are unknowns, edges are the entries of A. Encoders make features of both; each round updates the edges by a
//! perceptron of the edge and its two ends and the nodes by one of six node models ([`NodeModel`]); a decoder reads L
//! off the edges of tril(A). Training maximises the cosine between L and a target ([`TargetKind`]), so L comes without
//! its scale, which conjugate gradients do not ask for.
//!
//! What the paper found, and this model is there to show: a factor depends on A from end to end, but k rounds of
//! messages know k neighbours.

mod features;
mod inference;
mod layers;
mod network;
mod nodes;
mod target;
#[cfg(test)]
mod tests;
mod training;

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::dense_arrays::{DenseArrays, INVERSE};
use super::{BuiltIn, Checkpoint, Device, Model, ModelConfig, Trainer, TrainingSet, network as models};
use crate::entry::{self, Entry};
use crate::error::{Error, Result};
use crate::linalg::Csr;
use crate::models::scaling::Scaling;
use crate::solver::Need;
use crate::system::{Names, Parts};
use layers::FactorGnn;

pub use nodes::NodeModel;
pub use target::TargetKind;

/// The model's name in recipes.
pub const NAME: &str = "factor-gnn";

/// Settings of the model: the `[factor-gnn]` table of a recipe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
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
    /// Whether nodes know the degrees around them; in the paper they do not.
    pub degrees: bool,
    /// Whether the node models `gat`, `gen` and `fast-graph-transformer` see the features of edges; in the paper they
    /// do not. The others always do (`mlp` looks at no neighbour).
    pub edge_features: bool,
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
            degrees: true,
            edge_features: true,
        }
    }
}

/// Training systems of the mean factor beside a network: without labels each costs n³ operations.
const MEAN_OF: usize = 64;

/// `factor-gnn` as a member of [`super::ENTRIES`].
pub static ENTRY: Entry<dyn ModelConfig> = Entry {
    name: NAME,
    help: "the entries of a triangular factor, by one of six node models",
    source: "Trifonov, Muravleva, Oseledets 2025, arXiv:2502.01397",
    needs: "A symmetric positive definite",
    positional: &[],
    defaults: entry::defaults::<FactorConfig>,
    schema: Some(entry::schema::<FactorConfig>),
    parse: |table, name, origin| Ok(Box::new(super::config(name, table, origin, FactorConfig::check)?)),
};

impl ModelConfig for FactorConfig {
    fn trainer(&self, set: &TrainingSet, seed: u64, device: Device) -> Result<Box<dyn Trainer>> {
        training::trainer(self, set, seed, device)
    }

    fn dense_arrays(&self, set: &TrainingSet, _batch: usize) -> Result<Option<DenseArrays>> {
        const LABEL: &str = "koptimal";
        if !matches!(self.target, TargetKind::Koptimal | TargetKind::Better) {
            return Ok(None);
        }
        let labels = Names::Only(vec![LABEL.into()]);
        if self.target == TargetKind::Koptimal
            && set.first(&Parts { labels, ..Parts::default() })?.label(LABEL).is_some()
        {
            return Ok(None);
        }
        let n = set.largest()?.0;
        let threads = rayon::current_num_threads().min(set.ids.len()) as f64;
        Ok(Some(DenseArrays {
            n,
            parts: vec![("inverses", INVERSE * threads * (n as f64).powi(2))],
            instead: "set factor-gnn.target = \"icc\", or make the dataset with [labels] koptimal = true",
        }))
    }

    fn needs(&self) -> Need {
        Need::Spd
    }

    fn load(&self, checkpoint: &Checkpoint, file: &Path, on: Device) -> Result<Box<dyn Model>> {
        models::load(FactorGnn::new(self.clone()), checkpoint, file, on)
    }

    fn trivial(&self) -> Vec<String> {
        let (target, scaling) = (self.target.name(), self.scaling.name());
        vec![
            format!("mean-factor({target}, {scaling}, {MEAN_OF})"),
            format!("simple-factor(column, target = {target}, scaling = {scaling})"),
            "icc".into(),
        ]
    }

    fn recipes(&self) -> &'static [BuiltIn] {
        &[
            BuiltIn {
                family: "darcy",
                path: "training/darcy-factor-gnn.toml",
                text: include_str!("../../../training/darcy-factor-gnn.toml"),
                dataset: include_str!("../../../datasets/darcy-koptimal.toml"),
            },
            BuiltIn {
                family: "tridiagonal",
                path: "training/tridiagonal-factor-gnn.toml",
                text: include_str!("../../../training/tridiagonal-factor-gnn.toml"),
                dataset: include_str!("../../../datasets/tridiagonal-independent.toml"),
            },
            BuiltIn {
                family: "frame",
                path: "training/frame-factor-gnn.toml",
                text: include_str!("../../../training/frame-factor-gnn.toml"),
                dataset: include_str!("../../../datasets/frame-koptimal.toml"),
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
                return Err(Error::Argument(format!("{NAME}.{key} = {value}: must be from 1 to {most}")));
            }
        }
        Ok(())
    }
}

/// A lower triangular matrix on the stored entries of tril(A), from its values row by row.
pub(in crate::models) fn lower(a: &Csr, values: impl Iterator<Item = f64>) -> Result<Csr> {
    let places = (0..a.nrows()).flat_map(|i| {
        let below = a.row(i).0.iter().filter(move |&&j| j as usize <= i);
        below.map(move |&j| (i, j as usize))
    });
    let entries: Vec<_> = places.zip(values).map(|((i, j), v)| (i, j, v)).collect();
    Csr::from_triplets(a.nrows(), a.ncols(), &entries)
}
