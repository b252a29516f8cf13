//! `precorrector`: a graph network that corrects an incomplete Cholesky factor, L = L₀ + α · GNN(L₀) (Trifonov, Rudikov,
//! Iliev, Oseledets, Muravleva 2024, "Learning from Linear Algebra: A Graph Neural Network Approach to Preconditioner
//! Design for Conjugate Gradient Solvers", arXiv:2405.15557).
//!
//! L₀ comes from `icc` or `ict`; the network works on its graph (an edge an entry) and says what to add to each entry;
//! α starts from 0, so that training starts from L₀. The loss is ‖L Lᵀ x − b‖² with x = A⁻¹ b: unlike ‖L Lᵀ − A‖ it weighs the
//! low end of the spectrum, where incomplete factors fail.
//!
//! Ours: everything happens for D^{-1/2} A D^{-1/2} (D the diagonal of A), where entries are free of units and of the jumps of
//! coefficients, and nodes listen to both ends of their edges; b of the loss are random vectors, and x comes from one sparse
//! Cholesky factorisation a training sample.

mod training;

use std::path::Path;

use dfdx::prelude::Cpu;
use serde::{Deserialize, Serialize};
use toml::Table;

use super::{BuiltIn, Checkpoint, Device, Model, ModelConfig, PredictOptions, Trainer};
use crate::entry::{self, Entry};
use crate::error::{Error, Result};
use crate::linalg::Csr;
use crate::nn::graph::{Fused, Graphs, Ops, Reduce};
use crate::nn::{Layout, Params, Start};
use crate::precond::{Icc, IctParams};
use crate::solve::Acceleration;
use crate::system::LinearSystem;

pub use training::trainer;

/// The model's name in recipes.
pub const NAME: &str = "precorrector";

/// The factor that is corrected.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub enum Base {
    /// Incomplete Cholesky with `levels` of fill.
    Icc {
        #[serde(default)]
        levels: usize,
    },
    /// By threshold, as in [`IctParams`].
    Ict {
        droptol: f64,
        #[serde(default)]
        fill: usize,
    },
}

impl Default for Base {
    fn default() -> Self {
        Base::Icc { levels: 0 }
    }
}

/// Settings of the model: the `[precorrector]` table of a recipe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PrecorrectorConfig {
    /// Features of a node and of an edge.
    pub width: usize,
    /// Rounds of message passing.
    pub rounds: usize,
    /// Random right-hand sides per training sample; 0 takes the sample's own b and x.
    pub pairs: usize,
    pub base: Base,
}

impl Default for PrecorrectorConfig {
    fn default() -> Self {
        PrecorrectorConfig {
            width: 8,
            rounds: 3,
            pairs: 4,
            base: Base::default(),
        }
    }
}

/// The rounds' perceptrons: name, then how many tables of features each takes.
const PERCEPTRONS: [(&str, usize); 2] = [("edge", 3), ("node", 3)];

/// `precorrector` as a member of [`super::ENTRIES`].
pub static ENTRY: Entry<dyn ModelConfig> = Entry {
    name: NAME,
    help: "corrections to an incomplete Cholesky factor, by message passing on its graph",
    source: "Trifonov et al. 2024, arXiv:2405.15557",
    needs: "A symmetric positive definite",
    positional: &[],
    defaults: entry::defaults::<PrecorrectorConfig>,
    parse: |table, origin| {
        Ok(Box::new(super::config(
            NAME,
            table,
            origin,
            PrecorrectorConfig::check,
        )?))
    },
};

impl ModelConfig for PrecorrectorConfig {
    fn table(&self) -> Table {
        entry::to_table(self)
    }

    fn trainer(&self, train: &[LinearSystem], seed: u64, device: Device) -> Result<Box<dyn Trainer>> {
        training::trainer(self, train, seed, device)
    }

    fn load(&self, checkpoint: &Checkpoint, file: &Path) -> Result<Box<dyn Model>> {
        Ok(Box::new(Precorrector::from_checkpoint(checkpoint, file)?))
    }

    fn recipes(&self) -> &'static [BuiltIn] {
        &[BuiltIn {
            family: "darcy",
            path: "training/darcy-precorrector.toml",
            text: include_str!("../../../training/darcy-precorrector.toml"),
        }]
    }
}

impl PrecorrectorConfig {
    /// # Errors
    /// [`Error::Argument`] naming the key that is out of range.
    pub fn check(&self) -> Result<()> {
        for (key, value, least, most) in [
            ("width", self.width, 1, 256),
            ("rounds", self.rounds, 1, 32),
            ("pairs", self.pairs, 0, 1024),
        ] {
            if !(least..=most).contains(&value) {
                return Err(Error::Argument(format!(
                    "{NAME}.{key} = {value}: must be from {least} to {most}"
                )));
            }
        }
        match self.base {
            Base::Ict { droptol, fill } => IctParams { droptol, fill }.check(),
            Base::Icc { levels } if levels > 16 => Err(Error::Argument(format!(
                "{NAME}.base.levels = {levels}: must be from 0 to 16"
            ))),
            Base::Icc { .. } => Ok(()),
        }
    }

    /// Every parameter.
    fn layout(&self) -> Layout {
        let w = self.width;
        let mut out = Layout::default();
        out.dense("encoder.edge", 1, w, 1.0);
        out.dense("encoder.node", 2, w, 1.0);
        for r in 0..self.rounds {
            // Nobody listens to the nodes after the last round.
            let last = r + 1 == self.rounds;
            for (name, tables) in &PERCEPTRONS[..if last { 1 } else { 2 }] {
                let gain = (2.0 / *tables as f32).sqrt();
                for k in 0..*tables {
                    out.dense(&format!("round.{r}.{name}.in.{k}"), w, w, gain);
                }
                out.dense(&format!("round.{r}.{name}.out"), w, w, 0.5);
            }
        }
        out.dense("decoder.0", w, w, 1.4);
        out.dense("decoder.1", w, 1, 1.0);
        out.add("alpha", (1, 1), Start::Constant(0.0));
        out
    }
}

/// The corrected entries: L₀ + α · GNN(L₀). `nodes` are (nodes × 2) features, `entries` those of L₀.
fn network<O: Ops>(
    config: &PrecorrectorConfig,
    params: &Params<O::Real, O::Device>,
    ops: &mut O,
    at: &O::Batch,
    nodes: &O::Value,
    entries: &O::Value,
) -> Result<O::Value> {
    let mut e = ops.linear(entries, params.dense("encoder.edge")?, None); // (edges, width)
    let mut x = ops.linear(nodes, params.dense("encoder.node")?, None); // (nodes, width)
    for r in 0..config.rounds {
        let layer = |part: &str| params.dense(&format!("round.{r}.{part}"));
        let own = ops.linear(&e, layer("edge.in.0")?, None);
        let target = ops.linear(&x, layer("edge.in.1")?, None);
        let source = ops.linear(&x, layer("edge.in.2")?, None);
        let hidden = ops.combine(at, &own, Some(&target), &source, 0.0);
        let change = ops.linear(&hidden, layer("edge.out")?, None);
        e = ops.add(&e, &change);
        if r + 1 == config.rounds {
            break;
        }
        let into = ops.aggregate(at, &e, true, Reduce::Mean);
        let out_of = ops.aggregate(at, &e, false, Reduce::Mean);
        let a = ops.linear(&x, layer("node.in.0")?, None);
        let b = ops.linear(&into, layer("node.in.1")?, None);
        let c = ops.linear(&out_of, layer("node.in.2")?, None);
        let sum = ops.add(&a, &b);
        let hidden = ops.add(&sum, &c);
        let hidden = ops.activate(&hidden, 0.0);
        let change = ops.linear(&hidden, layer("node.out")?, None);
        x = ops.add(&x, &change);
    }
    let h = ops.linear(&e, params.dense("decoder.0")?, Some(0.0));
    let h = ops.linear(&h, params.dense("decoder.1")?, None); // (edges, 1)
    let change = ops.scale(&h, params.get("alpha")?);
    Ok(ops.add(entries, &change))
}

/// An SPD system equilibrated, with its incomplete factor: what the network sees.
struct Seen {
    /// D^{-1/2} A D^{-1/2}.
    matrix: Csr,
    /// D^{1/2}.
    root: Vec<f64>,
    /// Lower triangular, of the equilibrated matrix.
    factor: Csr,
}

impl Seen {
    fn new(config: &PrecorrectorConfig, a: &Csr) -> Result<Self> {
        let (matrix, root) = a.equilibrated()?;
        let base = match config.base {
            Base::Icc { levels } => Icc::new(&matrix, levels)?,
            Base::Ict { droptol, fill } => Icc::threshold(&matrix, IctParams { droptol, fill })?,
        };
        Ok(Seen {
            factor: base.factor()?,
            matrix,
            root,
        })
    }

    /// Node features: the factor's diagonal entry; the part of the row of A that the diagonal dominates.
    fn nodes(&self) -> Vec<f32> {
        let mut out = Vec::with_capacity(2 * self.root.len());
        for i in 0..self.root.len() {
            let sum: f64 = self.matrix.row(i).1.iter().map(|v| v.abs()).sum();
            out.push(self.factor.get(i, i) as f32);
            out.push((1.0 / sum) as f32);
        }
        out
    }
}

/// The trained network.
pub struct Precorrector {
    config: PrecorrectorConfig,
    params: Params<f32, Cpu>,
}

impl Precorrector {
    /// The network of a checkpoint read from `file`.
    ///
    /// # Errors
    /// [`Error::File`] if the checkpoint is not one of this model.
    pub fn from_checkpoint(checkpoint: &Checkpoint, file: &Path) -> Result<Self> {
        let (config, params) =
            checkpoint.network(file, PrecorrectorConfig::check, PrecorrectorConfig::layout)?;
        Ok(Precorrector { config, params })
    }

    /// The corrected factor L of A ≈ L Lᵀ.
    ///
    /// # Errors
    /// [`Error::Numeric`] if A has no incomplete factor.
    pub fn factor(&self, a: &Csr) -> Result<Csr> {
        let seen = Seen::new(&self.config, a)?;
        let graphs = Graphs::of(&seen.factor)?;
        let entries: Vec<f32> = seen.factor.values().iter().map(|&v| v as f32).collect();
        let mut ops = Fused::forward();
        let nodes = ops.table(seen.nodes(), 2);
        let entries = ops.table(entries, 1);
        let out = network(&self.config, &self.params, &mut ops, &graphs, &nodes, &entries)?;
        // The correction in single precision, the factor in double; rows back to the units of A.
        let mut l = seen.factor;
        let pattern = l.pattern().clone();
        for (i, root) in seen.root.iter().enumerate() {
            for e in pattern.range(i) {
                let base = l.values()[e];
                let change = f64::from(out.data()[e]) - f64::from(base as f32);
                l.values_mut()[e] = root * (base + change);
            }
        }
        Ok(l)
    }
}

impl Model for Precorrector {
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
}
