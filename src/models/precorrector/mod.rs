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

use dfdx::prelude::{Cpu, HasShape, NoneTape, Tape};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::{Checkpoint, Model, PredictOptions, Prediction};
use crate::error::{Error, Result};
use crate::linalg::{Csr, LinOp};
use crate::nn::Params;
use crate::nn::graph::{Graphs, Incidence, Real, Value, activate, add, aggregate, combine, correct, linear};
use crate::nn::params::{Matrix, NamedArray, constant, uniform};
use crate::precond::{Icc, IctParams};
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

    /// Every parameter: name, shape, bound of its uniform initial values (0 for zeros).
    fn layout(&self) -> Vec<(String, (usize, usize), f32)> {
        let w = self.width;
        let mut out = Vec::new();
        let mut dense = |name: &str, input: usize, output: usize, gain: f32| {
            out.push((
                format!("{name}.weight"),
                (input, output),
                gain * (3.0 / input as f32).sqrt(),
            ));
            out.push((format!("{name}.bias"), (1, output), 0.0));
        };
        dense("encoder.edge", 1, w, 1.0);
        dense("encoder.node", 2, w, 1.0);
        for r in 0..self.rounds {
            for (name, tables) in PERCEPTRONS {
                for k in 0..tables {
                    dense(
                        &format!("round.{r}.{name}.in.{k}"),
                        w,
                        w,
                        (2.0 / tables as f32).sqrt(),
                    );
                }
                dense(&format!("round.{r}.{name}.out"), w, w, 0.5);
            }
        }
        dense("decoder.0", w, w, 1.4);
        dense("decoder.1", w, 1, 1.0);
        out.push(("alpha".into(), (1, 1), 0.0));
        out
    }

    /// Initial parameters.
    fn weights(&self, rng: &mut ChaCha8Rng) -> Vec<NamedArray> {
        let make = |(name, shape, bound): (String, (usize, usize), f32)| match bound > 0.0 {
            true => uniform(&name, shape, bound, rng),
            false => constant(&name, shape, 0.0),
        };
        self.layout().into_iter().map(make).collect()
    }
}

/// A dense layer's weight and bias.
type Dense<'a, E> = (&'a Matrix<E, Cpu>, &'a Matrix<E, Cpu>);

fn dense<'a, E: Real>(params: &'a Params<E, Cpu>, name: &str) -> Result<Dense<'a, E>> {
    Ok((
        params.get(&format!("{name}.weight"))?,
        params.get(&format!("{name}.bias"))?,
    ))
}

/// The corrected entries: L₀ + α · GNN(L₀). `nodes` are (nodes × 2) features, `entries` those of L₀.
fn network<E: Real, T: Tape<E, Cpu>>(
    config: &PrecorrectorConfig,
    params: &Params<E, Cpu>,
    tape: &mut T,
    at: &std::sync::Arc<Incidence>,
    nodes: &Value<E>,
    entries: &Value<E>,
) -> Result<Value<E>> {
    let mut e = linear(tape, entries, dense(params, "encoder.edge")?, None); // (edges, width)
    let mut x = linear(tape, nodes, dense(params, "encoder.node")?, None); // (nodes, width)
    for r in 0..config.rounds {
        let layer = |part: &str| dense(params, &format!("round.{r}.{part}"));
        let own = linear(tape, &e, layer("edge.in.0")?, None);
        let target = linear(tape, &x, layer("edge.in.1")?, None);
        let source = linear(tape, &x, layer("edge.in.2")?, None);
        let hidden = combine(tape, at, &own, &target, &source, 0.0);
        let change = linear(tape, &hidden, layer("edge.out")?, None);
        e = add(tape, &e, &change);
        let into = aggregate(tape, at, &e, true);
        let out_of = aggregate(tape, at, &e, false);
        let a = linear(tape, &x, layer("node.in.0")?, None);
        let b = linear(tape, &into, layer("node.in.1")?, None);
        let c = linear(tape, &out_of, layer("node.in.2")?, None);
        let sum = add(tape, &a, &b);
        let hidden = add(tape, &sum, &c);
        let hidden = activate(tape, &hidden, 0.0);
        let change = linear(tape, &hidden, layer("node.out")?, None);
        x = add(tape, &x, &change);
    }
    let h = linear(tape, &e, dense(params, "decoder.0")?, Some(0.0));
    let h = linear(tape, &h, dense(params, "decoder.1")?, None); // (edges, 1)
    Ok(correct(tape, entries.data(), &h, params.get("alpha")?))
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
        let diagonal = a.diagonal();
        if let Some(i) = diagonal.iter().position(|&d| d.is_nan() || d <= 0.0) {
            return Err(Error::Numeric(format!(
                "{NAME} needs a positive definite matrix: diagonal entry {i} is {}",
                diagonal[i]
            )));
        }
        let root: Vec<f64> = diagonal.iter().map(|d| d.sqrt()).collect();
        let mut values = a.values().to_vec();
        for i in 0..a.nrows() {
            for e in a.pattern().range(i) {
                values[e] /= root[i] * root[a.pattern().indices()[e] as usize];
            }
        }
        let matrix = Csr::new(a.pattern().clone(), values)?;
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
    fn nodes<E: Real>(&self) -> Vec<E> {
        let mut out = Vec::with_capacity(2 * self.root.len());
        for i in 0..self.root.len() {
            let sum: f64 = self.matrix.row(i).1.iter().map(|v| v.abs()).sum();
            out.push(E::narrow(self.factor.get(i, i)));
            out.push(E::narrow(1.0 / sum));
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
        let config: PrecorrectorConfig = toml::from_str(&checkpoint.config)
            .map_err(|e| Error::file(file, format!("settings of the model: {}", e.message())))?;
        config.check().map_err(|e| Error::file(file, e.to_string()))?;
        let params = Params::from_arrays(&Cpu::default(), &checkpoint.weights);
        for (name, shape, _) in config.layout() {
            let found = *params
                .get(&name)
                .map_err(|e| Error::file(file, e.to_string()))?
                .shape();
            if found != shape {
                return Err(Error::file(
                    file,
                    format!("weights {name} are {found:?}, the settings make them {shape:?}"),
                ));
            }
        }
        Ok(Precorrector { config, params })
    }

    /// The corrected factor L of A ≈ L Lᵀ.
    ///
    /// # Errors
    /// [`Error::Numeric`] if A has no incomplete factor.
    pub fn factor(&self, a: &Csr) -> Result<Csr> {
        let seen = Seen::new(&self.config, a)?;
        let graphs = Graphs::<f32>::new(&[&seen.factor], &[1.0])?;
        let at = Incidence::new(&graphs);
        let entries: Vec<f32> = seen.factor.values().iter().map(|&v| v as f32).collect();
        let out = network(
            &self.config,
            &self.params,
            &mut NoneTape,
            &at,
            &Value::new(seen.nodes(), 2),
            &Value::new(entries, 1),
        )?;
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
    fn predict(&self, system: &LinearSystem, options: &PredictOptions) -> Result<Prediction> {
        if options.filter > 0.0 {
            return Err(Error::Argument(format!(
                "{NAME} makes no explicit inverse: filter = {} has nothing to drop",
                options.filter
            )));
        }
        let l = self.factor(&system.matrix)?;
        let op: Box<dyn LinOp + Send> = Box::new(Icc::from_factor(&l)?);
        Ok(Prediction::Preconditioner(op))
    }
}
