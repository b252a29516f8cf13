//! The network, what it sees of a matrix, and the factor it makes.

use super::{Base, NAME, PrecorrectorConfig, inference};
use crate::error::Result;
use crate::linalg::Csr;
use crate::models::{PredictOptions, guard};
use crate::models::network::{Description, Network};
use crate::nn::graph::Graphs;
use crate::nn::ops::{Engine, Ops, Reduce, Weights};
use crate::nn::{Backend, Device, EdgeUpdate, Layout, Linear, Mlp, Parameter, Start, Trained};
use crate::precond::{Icc, IctParams};
use crate::solve::Acceleration;
use crate::system::LinearSystem;

/// x_i ← x_i + out(relu(own(x_i) + into(mean of e over edges into i) + out_of(mean of e over edges out of i))).
pub(super) struct NodeUpdate {
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

    /// own, into, out_of and out.
    pub(super) fn layers(&self) -> [&Linear; 4] {
        [&self.own, &self.into, &self.out_of, &self.out]
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
    pub(super) edges: Linear,
    pub(super) nodes: Linear,
    pub(super) rounds: Vec<(EdgeUpdate, Option<NodeUpdate>)>,
    pub(super) decoder: Mlp,
    pub(super) alpha: Parameter,
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
        Ok(seen.with(&self.changes(weights, &seen)?))
    }

    /// What to add to each entry of the factor of the equilibrated matrix.
    fn changes<D: Backend>(&self, weights: &Trained<D>, seen: &Seen) -> Result<Vec<f32>> {
        let (nodes, entries) = (&seen.nodes, seen.entries());
        if D::KIND == Device::Cpu {
            let fast = |params: &_| inference::corrections(self, params, seen.factor.pattern(), nodes, &entries);
            if let Some(changes) = weights.read(fast) {
                return Ok(changes);
            }
        }
        let graphs = Graphs::of(&seen.factor)?;
        let corrected = weights.evaluate(|ops, w| {
            let at = ops.batch(&graphs);
            let nodes = ops.table(nodes.clone(), 2);
            let entries = ops.table(entries.clone(), 1);
            self.forward(ops, w, &at, &nodes, &entries)
        });
        Ok(corrected.iter().zip(&entries).map(|(c, e)| c - e).collect())
    }
}

/// An SPD matrix as the network sees it: equilibrated, D^{-1/2} A D^{-1/2}, with its incomplete factor.
pub struct Seen {
    /// D^{1/2}.
    pub root: Vec<f64>,
    /// Lower triangular, of the equilibrated matrix.
    pub factor: Csr,
    /// Node features (nodes × 2): the factor's diagonal entry; the part of the row of the equilibrated matrix that the
    /// diagonal dominates.
    pub nodes: Vec<f32>,
}

impl Seen {
    /// Equilibrates A and factors it.
    ///
    /// # Errors
    /// [`crate::Error::Numeric`] if A has no incomplete factor.
    pub fn new(config: &PrecorrectorConfig, a: &Csr) -> Result<Self> {
        let root = a.root_of_diagonal()?;
        let of_a = match config.base {
            Base::Icc { levels } => Some(Icc::new(a, levels)?).filter(|base| base.shift().amount == 0.0),
            _ => None,
        };
        {
            if let Some(base) = of_a {
                // Without a shift and without dropping, the factor of the equilibrated matrix is that of A with its
                // rows scaled: the matrix need not be copied.
                let mut factor = base.factor()?;
                let pattern = factor.pattern().clone();
                for (i, r) in root.iter().enumerate() {
                    factor.values_mut()[pattern.range(i)].iter_mut().for_each(|l| *l /= r);
                }
                return Ok(Self::of_factor(a, root, factor));
            }
        }
        let (matrix, _) = a.equilibrated()?;
        let factor = match config.base {
            Base::Icc { levels } => Icc::new(&matrix, levels)?,
            Base::Mic { levels, relaxation } => Icc::modified(&matrix, levels, relaxation)?.0,
            Base::Ict { droptol, fill } => Icc::threshold(&matrix, IctParams { droptol, fill })?,
        };
        Ok(Self::of_factor(a, root, factor.factor()?))
    }

    fn of_factor(a: &Csr, root: Vec<f64>, factor: Csr) -> Self {
        let inverse: Vec<f64> = root.iter().map(|r| 1.0 / r).collect();
        let mut nodes = Vec::with_capacity(2 * root.len());
        for (i, inverse_i) in inverse.iter().enumerate() {
            let (cols, vals) = a.row(i);
            let sum: f64 = cols.iter().zip(vals).map(|(&j, v)| v.abs() * inverse[j as usize]).sum();
            // A lower triangular row ends with its diagonal.
            nodes.push(factor.row(i).1.last().copied().unwrap_or_default() as f32);
            nodes.push((1.0 / (sum * inverse_i)) as f32);
        }
        Seen { root, factor, nodes }
    }

    /// The factor in the units of A, changed by these numbers (those of its entries, in order): the changes in single
    /// precision, the factor in double.
    pub fn with(&self, changes: &[f32]) -> Csr {
        let mut l = self.factor.clone();
        let pattern = l.pattern().clone();
        for (i, root) in self.root.iter().enumerate() {
            let row = pattern.range(i);
            for (l, c) in l.values_mut()[row.clone()].iter_mut().zip(&changes[row]) {
                *l = root * (*l + f64::from(*c));
            }
        }
        l
    }

    /// The factor in the units of A as it is.
    pub fn start(&self) -> Csr {
        self.with(&vec![0.0; self.factor.nnz()])
    }

    /// Edge features: the entries of the factor.
    pub fn entries(&self) -> Vec<f32> {
        self.factor.values().iter().map(|&v| v as f32).collect()
    }
}

impl<D: Backend> Network<D> for Precorrector {
    fn about(&self) -> &Description {
        &self.about
    }

    /// Symmetric as it is; there is no inverse to filter.
    fn predict(&self, weights: &Trained<D>, system: &LinearSystem, options: &PredictOptions) -> Result<Acceleration> {
        options.nothing_to_filter(NAME)?;
        let seen = Seen::new(&self.config, &system.matrix)?;
        let l = seen.with(&self.changes(weights, &seen)?);
        if options.unguarded {
            return Ok(Acceleration::preconditioner(Icc::from_factor(&l)?));
        }
        let (factor, fell_back) = guard::better(&system.matrix, &l, &seen.start())?;
        let note = fell_back.then(|| guard::NOTE.into());
        Ok(Acceleration { fell_back, note, ..Acceleration::preconditioner(factor) })
    }
}
