//! The network, what it sees of a matrix, and the factor it makes.

use super::{Base, NAME, PrecorrectorConfig};
use crate::error::Result;
use crate::linalg::Csr;
use crate::models::PredictOptions;
use crate::models::network::{Description, Network};
use crate::nn::graph::Graphs;
use crate::nn::ops::{Engine, Ops, Reduce, Weights};
use crate::nn::{Backend, EdgeUpdate, Layout, Linear, Mlp, Parameter, Start, Trained};
use crate::precond::{Icc, IctParams};
use crate::solve::Acceleration;
use crate::system::LinearSystem;

/// x_i ← x_i + out(relu(own(x_i) + into(mean of e over edges into i) + out_of(mean of e over edges out of i))).
struct NodeUpdate {
    own: Linear,
    into: Linear,
    out_of: Linear,
    out: Linear,
}

impl NodeUpdate {
    fn new(layout: &mut Layout, name: &str, width: usize) -> Self {
        let gain = (2.0f32 / 3.0).sqrt();
        let mut layer = |part: &str, gain: f32| Linear::new(layout, &format!("{name}.{part}"), width, width, gain);
        NodeUpdate {
            own: layer("in.0", gain),
            into: layer("in.1", gain),
            out_of: layer("in.2", gain),
            out: layer("out", 0.5),
        }
    }

    fn forward<O: Ops>(&self, ops: &mut O, w: &Weights<O>, at: &O::Batch, x: &O::Value, e: &O::Value) -> O::Value {
        let into = ops.aggregate(at, e, true, Reduce::Mean);
        let out_of = ops.aggregate(at, e, false, Reduce::Mean);
        let a = self.own.forward(ops, w, x, None);
        let b = self.into.forward(ops, w, &into, None);
        let c = self.out_of.forward(ops, w, &out_of, None);
        let sum = ops.add(&a, &b);
        let hidden = ops.add(&sum, &c);
        let hidden = ops.activate(&hidden, 0.0);
        let change = self.out.forward(ops, w, &hidden, None);
        ops.add(x, &change)
    }
}

/// Encoders of edges and nodes, rounds of message passing, a decoder of edges; nodes of the last round have no use.
pub struct Precorrector {
    pub(super) config: PrecorrectorConfig,
    pub(super) about: Description,
    edges: Linear,
    nodes: Linear,
    rounds: Vec<(EdgeUpdate, Option<NodeUpdate>)>,
    decoder: Mlp,
    alpha: Parameter,
}

impl Precorrector {
    /// The network of these settings.
    pub fn new(config: PrecorrectorConfig) -> Self {
        let w = config.width;
        let mut layout = Layout::default();
        let edges = Linear::new(&mut layout, "encoder.edge", 1, w, 1.0);
        let nodes = Linear::new(&mut layout, "encoder.node", 2, w, 1.0);
        let mut round = |r: usize| {
            let names = ["in.0", "in.1", "in.2", "out"].map(|part| format!("round.{r}.edge.{part}"));
            let edge = EdgeUpdate::new(&mut layout, names, w);
            let node = (r + 1 < config.rounds).then(|| NodeUpdate::new(&mut layout, &format!("round.{r}.node"), w));
            (edge, node)
        };
        let rounds = (0..config.rounds).map(&mut round).collect();
        let decoder = Mlp::pair(&mut layout, "decoder", [w, w, 1], [1.4, 1.0], 0.0);
        let alpha = layout.add("alpha", (1, 1), Start::Constant(0.0));
        Precorrector { about: Description::new(NAME, &config, layout), config, edges, nodes, rounds, decoder, alpha }
    }

    /// The corrected entries: L₀ + α · GNN(L₀). `nodes` are (nodes × 2) features, `entries` those of L₀.
    pub fn forward<O: Ops>(
        &self,
        ops: &mut O,
        w: &Weights<O>,
        at: &O::Batch,
        nodes: &O::Value,
        entries: &O::Value,
    ) -> O::Value {
        let mut e = self.edges.forward(ops, w, entries, None); // (edges, width)
        let mut x = self.nodes.forward(ops, w, nodes, None); // (nodes, width)
        for (edge, node) in &self.rounds {
            e = edge.forward(ops, w, at, &x, &e);
            if let Some(node) = node {
                x = node.forward(ops, w, at, &x, &e);
            }
        }
        let h = self.decoder.forward(ops, w, &e); // (edges, 1)
        let change = ops.scale(&h, &w[self.alpha]);
        ops.add(entries, &change)
    }

    /// The corrected factor L of A ≈ L Lᵀ.
    ///
    /// # Errors
    /// [`crate::Error::Numeric`] if A has no incomplete factor.
    pub fn factor<D: Backend>(&self, weights: &Trained<D>, a: &Csr) -> Result<Csr> {
        let seen = Seen::new(&self.config, a)?;
        let graphs = Graphs::of(&seen.factor)?;
        let out = weights.evaluate(|ops, w| {
            let at = ops.batch(&graphs);
            let nodes = ops.table(seen.nodes(), 2);
            let entries = ops.table(seen.entries(), 1);
            self.forward(ops, w, &at, &nodes, &entries)
        });
        // The correction in single precision, the factor in double; rows back to the units of A.
        let mut l = seen.factor;
        let pattern = l.pattern().clone();
        for (i, root) in seen.root.iter().enumerate() {
            for e in pattern.range(i) {
                let base = l.values()[e];
                let change = f64::from(out[e]) - f64::from(base as f32);
                l.values_mut()[e] = root * (base + change);
            }
        }
        Ok(l)
    }
}

/// An SPD system equilibrated, with its incomplete factor: what the network sees.
pub struct Seen {
    /// D^{-1/2} A D^{-1/2}.
    pub matrix: Csr,
    /// D^{1/2}.
    pub root: Vec<f64>,
    /// Lower triangular, of the equilibrated matrix.
    pub factor: Csr,
}

impl Seen {
    /// Equilibrates A and factors it.
    ///
    /// # Errors
    /// [`crate::Error::Numeric`] if A has no incomplete factor.
    pub fn new(config: &PrecorrectorConfig, a: &Csr) -> Result<Self> {
        let (matrix, root) = a.equilibrated()?;
        let base = match config.base {
            Base::Icc { levels } => Icc::new(&matrix, levels)?,
            Base::Ict { droptol, fill } => Icc::threshold(&matrix, IctParams { droptol, fill })?,
        };
        Ok(Seen { factor: base.factor()?, matrix, root })
    }

    /// Edge features: the entries of the factor.
    pub fn entries(&self) -> Vec<f32> {
        self.factor.values().iter().map(|&v| v as f32).collect()
    }

    /// Node features (nodes × 2): the factor's diagonal entry; the part of the row of A that the diagonal dominates.
    pub fn nodes(&self) -> Vec<f32> {
        let mut out = Vec::with_capacity(2 * self.root.len());
        for i in 0..self.root.len() {
            let sum: f64 = self.matrix.row(i).1.iter().map(|v| v.abs()).sum();
            out.push(self.factor.get(i, i) as f32);
            out.push((1.0 / sum) as f32);
        }
        out
    }
}

impl<D: Backend> Network<D> for Precorrector {
    fn about(&self) -> &Description {
        &self.about
    }

    /// Symmetric as it is; there is no inverse to filter.
    fn predict(&self, weights: &Trained<D>, system: &LinearSystem, options: &PredictOptions) -> Result<Acceleration> {
        options.nothing_to_filter(NAME)?;
        let l = self.factor(weights, &system.matrix)?;
        Ok(Acceleration::preconditioner(Icc::from_factor(&l)?))
    }
}
