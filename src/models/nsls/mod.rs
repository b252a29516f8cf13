//! `nsls`: a graph network that looks at A and b and says x̂ (Grementieri & Galeone 2022, "Towards Neural Sparse Linear
//! Solvers", arXiv:2203.06944).
//!
//! Nodes are unknowns, edges are the entries of A. Features of a node: b, the diagonal, and the normalised iterates of a
//! few steps of a classical method ([`features`]); the network is a linear encoder, residual blocks
//! x ← x + conv(act(conv(norm(x)))) and a decoder of two layers. What it says is a direction: both the loss (cosines) and
//! the scale μ that is put to it afterwards are blind to the units of A and b, so that A → c A, b → d b changes x̂ to
//! (d/c) x̂.
//!
//! Beyond the paper: the graph of D^{-1/2} A D^{-1/2} instead of A / max|A| (`scaling = "jacobi"`: entries of different
//! units, forces and moments, become comparable), the scale that is best in the energy norm (`scale = "energy"`), iterates
//! preconditioned with IC(0) (`features = "icc"`), and a network that corrects the last iterate (`skip = true`) rather than
//! finding it again: without that it may end up worse than what it was shown.

pub mod features;
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
use crate::linalg::vector::dot;
use crate::nn::graph::{Fused, Graphs, Ops, Param};
use crate::nn::{Layout, Params, Start};
use crate::solve::Acceleration;
use crate::system::LinearSystem;
use features::{Iterates, Seen};

pub use training::trainer;

/// The model's name in recipes.
pub const NAME: &str = "nsls";

/// Slope of the activation below zero.
const SLOPE: f64 = 0.1;

/// How entries of A become edge weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scaling {
    /// A / max|A| (the paper's).
    #[default]
    Max,
    /// D^{-1/2} A D^{-1/2} with D the diagonal of A, which must be positive; the network then sees D^{-1/2} b and says
    /// D^{1/2} x.
    Jacobi,
}

/// What the training minimises, as cosines of directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LossKind {
    /// 1 − cos(x̃, x): needs solutions.
    Solution,
    /// 1 − cos(A x̃, b): needs none.
    Residual,
    /// The sum of both (the paper's).
    #[default]
    Both,
}

/// The factor put to the network's direction x̃.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scale {
    /// μ = ⟨A x̃, b⟩ / ‖A x̃‖²: the least residual (the paper's).
    #[default]
    Residual,
    /// μ = ⟨x̃, b⟩ / ⟨x̃, A x̃⟩: the least error in the energy norm; needs A positive definite.
    Energy,
}

/// Settings of the model: the `[nsls]` table of a recipe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NslsConfig {
    /// Features a node carries through the network.
    pub width: usize,
    /// Residual blocks.
    pub blocks: usize,
    /// The method whose iterates are features.
    pub features: Iterates,
    /// How many iterates.
    pub iterates: usize,
    pub scaling: Scaling,
    pub loss: LossKind,
    pub scale: Scale,
    /// Ours: the network says what to add to the last iterate, so that it starts from there.
    pub skip: bool,
}

impl Default for NslsConfig {
    fn default() -> Self {
        NslsConfig {
            width: 32,
            blocks: 10,
            features: Iterates::Cg,
            iterates: 14,
            scaling: Scaling::Max,
            loss: LossKind::Both,
            scale: Scale::Residual,
            skip: false,
        }
    }
}

/// `nsls` as a member of [`super::ENTRIES`].
pub static ENTRY: Entry<dyn ModelConfig> = Entry {
    name: NAME,
    help: "the solution itself, by a graph network on A with iterates as features",
    source: "Grementieri, Galeone 2022, arXiv:2201.05356",
    needs: "",
    positional: &[],
    defaults: entry::defaults::<NslsConfig>,
    parse: |table, origin| Ok(Box::new(super::config(NAME, table, origin, NslsConfig::check)?)),
};

impl ModelConfig for NslsConfig {
    fn table(&self) -> Table {
        entry::to_table(self)
    }

    fn trainer(&self, train: &[LinearSystem], seed: u64, device: Device) -> Result<Box<dyn Trainer>> {
        training::trainer(self, train, seed, device)
    }

    fn load(&self, checkpoint: &Checkpoint, file: &Path) -> Result<Box<dyn Model>> {
        Ok(Box::new(Nsls::from_checkpoint(checkpoint, file)?))
    }

    fn recipes(&self) -> &'static [BuiltIn] {
        &[BuiltIn {
            family: "frame",
            path: "training/frame-nsls.toml",
            text: include_str!("../../../training/frame-nsls.toml"),
        }]
    }
}

impl NslsConfig {
    /// # Errors
    /// [`Error::Argument`] naming the key that is out of range.
    pub fn check(&self) -> Result<()> {
        for (key, value, most) in [
            ("width", self.width, 1024),
            ("blocks", self.blocks, 100),
            ("iterates", self.iterates, 200),
        ] {
            if !(1..=most).contains(&value) {
                return Err(Error::Argument(format!(
                    "{NAME}.{key} = {value}: must be from 1 to {most}"
                )));
            }
        }
        if self.skip && self.features == Iterates::None {
            return Err(Error::Argument(format!(
                "{NAME}.skip: there is no iterate to start from with features = \"none\""
            )));
        }
        Ok(())
    }

    /// Columns of the node features.
    fn inputs(&self) -> usize {
        2 + match self.features {
            Iterates::None => 0,
            _ => self.iterates,
        }
    }

    /// Every parameter.
    fn layout(&self) -> Layout {
        let w = self.width;
        let mut out = Layout::default();
        out.dense("encoder", self.inputs(), w, 1.0);
        out.dense("decoder.0", w, w, 1.0);
        // With a skip it is to start from the iterate, nearly.
        out.dense("decoder.1", w, 1, if self.skip { 0.01 } else { 1.0 });
        for b in 0..self.blocks {
            for (part, start) in [("gamma", 1.0), ("beta", 0.0), ("alpha", 1.0)] {
                out.add(format!("block.{b}.norm.{part}"), (1, w), Start::Constant(start));
            }
            for conv in 0..2 {
                // A node sums over itself and its neighbours: half the variance each.
                let bound = (1.5 / w as f32).sqrt();
                for part in ["own", "others"] {
                    let name = format!("block.{b}.conv.{conv}.{part}");
                    out.add(name, (w, w), Start::Uniform(bound));
                }
                out.add(
                    format!("block.{b}.conv.{conv}.bias"),
                    (1, w),
                    Start::Constant(0.0),
                );
            }
        }
        out
    }
}

/// Node features and their last column → one number a node.
fn network<O: Ops>(
    config: &NslsConfig,
    params: &Params<O::Real, O::Device>,
    ops: &mut O,
    at: &O::Batch,
    x: &O::Value,
    last: &O::Value,
) -> Result<O::Value> {
    let mut h = ops.linear(x, params.dense("encoder")?, None); // (nodes, width)
    for b in 0..config.blocks {
        let norm = |part: &str| params.get(&format!("block.{b}.norm.{part}"));
        let conv = |c: usize| -> Result<[&Param<O>; 3]> {
            let part = |name: &str| params.get(&format!("block.{b}.conv.{c}.{name}"));
            Ok([part("own")?, part("others")?, part("bias")?])
        };
        let t = ops.graph_norm(at, &h, [norm("gamma")?, norm("beta")?, norm("alpha")?]);
        let t = ops.graph_conv(at, &t, conv(0)?, Some(SLOPE));
        let t = ops.graph_conv(at, &t, conv(1)?, None);
        h = ops.add(&h, &t);
    }
    let h = ops.linear(&h, params.dense("decoder.0")?, Some(SLOPE));
    let out = ops.linear(&h, params.dense("decoder.1")?, None); // (nodes, 1)
    Ok(if config.skip { ops.add(&out, last) } else { out })
}

/// The trained network.
pub struct Nsls {
    config: NslsConfig,
    params: Params<f32, Cpu>,
}

impl Nsls {
    /// The network of a checkpoint read from `file`.
    ///
    /// # Errors
    /// [`Error::File`] if the checkpoint is not one of this model.
    pub fn from_checkpoint(checkpoint: &Checkpoint, file: &Path) -> Result<Self> {
        let (config, params) = checkpoint.network(file, NslsConfig::check, NslsConfig::layout)?;
        Ok(Nsls { config, params })
    }

    /// The direction x̃ for a system, in its own units but for a factor.
    ///
    /// # Errors
    /// If A is not square, zero, or (with Jacobi scaling) has a diagonal entry that is not positive.
    pub fn direction(&self, a: &Csr, b: &[f64]) -> Result<Vec<f64>> {
        let seen = Seen::new(&self.config, a, b)?;
        let graphs = Graphs::of(&seen.matrix)?;
        let mut ops = Fused::forward();
        let columns = self.config.inputs();
        let last = ops.table(seen.last(columns), 1);
        let x = ops.table(seen.features.clone(), columns);
        let out = network(&self.config, &self.params, &mut ops, &graphs, &x, &last)?;
        let tilde: Vec<f64> = out.data().iter().map(|&v| f64::from(v)).collect();
        Ok(seen.to_solution(&tilde))
    }
}

/// μ x̃ (see [`Scale`]); x̃ itself where μ is not defined.
pub fn scaled(scale: Scale, a: &Csr, b: &[f64], mut x: Vec<f64>) -> Vec<f64> {
    let mut ax = vec![0.0; b.len()];
    a.spmv(&x, &mut ax);
    let (above, below) = match scale {
        Scale::Residual => (dot(&ax, b), dot(&ax, &ax)),
        Scale::Energy => (dot(&x, b), dot(&x, &ax)),
    };
    let mu = above / below;
    if mu.is_finite() {
        x.iter_mut().for_each(|v| *v *= mu);
    }
    x
}

impl Model for Nsls {
    fn name(&self) -> &'static str {
        NAME
    }

    fn parameters(&self) -> usize {
        self.params.count()
    }

    fn predict(&self, system: &LinearSystem, options: &PredictOptions) -> Result<Acceleration> {
        // Nothing to symmetrize either, but a method that asks for it takes any guess.
        options.nothing_to_filter(NAME)?;
        let (a, b) = (&system.matrix, &system.rhs);
        let x = self.direction(a, b)?;
        Ok(Acceleration::guess(scaled(self.config.scale, a, b, x)))
    }
}
