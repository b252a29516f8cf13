//! The network, what it sees of a matrix, and the factor it makes.

use super::{Base, NAME, PrecorrectorConfig, inference};
use crate::error::Result;
use crate::linalg::Csr;
use crate::models::network::{Description, Network};
use crate::models::{PredictOptions, guard};
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

/// L₀.
pub struct BaseFactor {
    /// Of A, or of the equilibrated matrix D^{-1/2} A D^{-1/2} that the network looks at, D the diagonal of A.
    factor: Icc,
    of_equilibrated: bool,
}

impl BaseFactor {
    /// Factors A.
    ///
    /// # Errors
    /// [`crate::Error::Numeric`] if A has no incomplete factor.
    pub fn new(base: Base, a: &Csr) -> Result<Self> {
        // Without a shift and without dropping, the factor of the equilibrated matrix is that of A with its rows
        // scaled; what `mic` keeps are the row sums of A itself.
        let of_a = match base {
            Base::Icc { levels } => Some(Icc::new(a, levels)?).filter(|l| l.shift().amount == 0.0),
            Base::Mic { levels, relaxation } => Some(Icc::modified(a, levels, relaxation)?.0),
            Base::Ict { .. } => None,
        };
        if let Some(factor) = of_a {
            return Ok(BaseFactor { factor, of_equilibrated: false });
        }
        let (matrix, _) = a.equilibrated()?;
        let factor = match base {
            Base::Ict { droptol, fill } => Icc::threshold(&matrix, IctParams { droptol, fill })?,
            Base::Icc { levels } | Base::Mic { levels, .. } => Icc::new(&matrix, levels)?,
        };
        Ok(BaseFactor { factor, of_equilibrated: true })
    }

    /// What the network sees of the leading block of A of so many rows.
    ///
    /// # Errors
    /// [`crate::Error::Numeric`] if an entry on the diagonal of A is not positive.
    pub fn seen(&self, a: &Csr, rows: usize) -> Result<Seen> {
        let mut factor = self.factor.leading_factor(rows)?;
        let last = (0..rows).filter_map(|i| a.row(i).0.last().copied()).max().map_or(0, |j| j as usize + 1);
        let root = a.root_of_leading_diagonal(last.max(rows))?;
        if !self.of_equilibrated {
            let pattern = factor.pattern().clone();
            for (i, r) in root[..rows].iter().enumerate() {
                factor.values_mut()[pattern.range(i)].iter_mut().for_each(|l| *l /= r);
            }
        }
        let inverse: Vec<f64> = root.iter().map(|r| 1.0 / r).collect();
        let mut nodes = Vec::with_capacity(2 * rows);
        for (i, inverse_i) in inverse[..rows].iter().enumerate() {
            let (cols, vals) = a.row(i);
            let sum: f64 = cols.iter().zip(vals).map(|(&j, v)| v.abs() * inverse[j as usize]).sum();
            // A lower triangular row ends with its diagonal.
            nodes.push(factor.row(i).1.last().copied().unwrap_or_default() as f32);
            nodes.push((1.0 / (sum * inverse_i)) as f32);
        }
        Ok(Seen { factor, nodes, root })
    }

    /// L₀ itself, in the units of A.
    ///
    /// # Errors
    /// As [`Icc::with_entries`].
    pub fn into_factor(self, a: &Csr) -> Result<Icc> {
        if !self.of_equilibrated {
            return Ok(self.factor);
        }
        let seen = self.seen(a, a.nrows())?;
        self.factor.with_entries(&seen.corrected(&vec![0.0; seen.factor.nnz()]))
    }
}

/// A block of the equilibrated matrix as the network sees it.
pub struct Seen {
    /// L₀, lower triangular: an edge an entry.
    pub factor: Csr,
    /// Node features (nodes × 2): the factor's diagonal entry; the part of the row of the equilibrated matrix that the
    /// diagonal dominates.
    pub nodes: Vec<f32>,
    /// D^{1/2}: of these rows, and of those that they reach.
    pub root: Vec<f64>,
}

impl Seen {
    /// The entries changed by these numbers (in single precision, the factor in double), in the units of A.
    pub fn corrected(&self, changes: &[f32]) -> Vec<f64> {
        let mut l = Vec::with_capacity(changes.len());
        for i in 0..self.factor.nrows() {
            let changed = self.factor.row(i).1.iter().zip(&changes[self.factor.pattern().range(i)]);
            l.extend(changed.map(|(l, c)| self.root[i] * (l + f64::from(*c))));
        }
        l
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
        let a = &system.matrix;
        let start = BaseFactor::new(self.config.base, a)?;
        let corrected = |rows: usize| {
            let seen = start.seen(a, rows)?;
            let entries = seen.corrected(&self.changes(weights, &seen)?);
            Ok((seen, entries))
        };
        if !options.unguarded {
            let (seen, entries) = corrected(guard::rows(a))?;
            let unchanged = seen.corrected(&vec![0.0; entries.len()]);
            if !guard::keeps_up(a, seen.factor.pattern(), &entries, &unchanged)? {
                let factor = start.into_factor(a)?;
                let note = Some(guard::NOTE.into());
                return Ok(Acceleration { fell_back: true, note, ..Acceleration::preconditioner(factor) });
            }
        }
        Ok(Acceleration::preconditioner(start.factor.with_entries(&corrected(a.nrows())?.1)?))
    }
}
