//! The layers of the network.

use std::sync::Arc;

use super::{NAME, SpaiGnnConfig};
use crate::models::network::Description;
use crate::nn::ops::{Ops, Reduce, Weights};
use crate::nn::{LayerNorm, Layout, Linear};

/// A perceptron of two hidden layers on what an update sees, the first layer's parts made apart.
pub(super) struct Update {
    pub(super) own: Linear,
    pub(super) hidden: Linear,
    pub(super) out: Linear,
}

impl Update {
    /// `tables`: how many are summed into the first layer.
    fn new(layout: &mut Layout, name: &str, width: usize, tables: usize) -> Self {
        let gain = (1.0 / tables as f32).sqrt();
        Update {
            own: Linear::new(layout, &format!("{name}.own"), width, width, gain),
            hidden: Linear::new(layout, &format!("{name}.hidden"), width, width, 1.4),
            out: Linear::new(layout, &format!("{name}.out"), width, width, 0.5),
        }
    }

    /// What comes after the first layer's sum.
    fn rest<O: Ops>(&self, ops: &mut O, w: &Weights<O>, sum: &O::Value) -> O::Value {
        let h = ops.gelu(sum);
        let h = self.hidden.forward(ops, w, &h, None);
        let h = ops.gelu(&h);
        self.out.forward(ops, w, &h, None)
    }
}

/// Two linear layers of node features, for the two ends of an edge.
pub(super) struct Ends {
    pub(super) target: Linear,
    pub(super) source: Linear,
}

impl Ends {
    fn new(layout: &mut Layout, name: &str, width: usize) -> Self {
        let gain = (1.0f32 / 3.0).sqrt();
        let mut layer = |end: &str| Linear::new(layout, &format!("{name}.{end}"), width, width, gain);
        Ends { target: layer("target"), source: layer("source") }
    }

    /// h_e + target(x_i) + source(x_j).
    fn add<O: Ops>(&self, ops: &mut O, w: &Weights<O>, at: &O::Batch, h: &O::Value, x: &O::Value) -> O::Value {
        let target = self.target.forward(ops, w, x, None);
        let source = self.source.forward(ops, w, x, None);
        // A slope of one below zero: no activation.
        ops.combine(at, h, Some(&target), &source, 1.0)
    }
}

/// e ← e + MLP(ē, x̄_i, x̄_j), then x ← x + MLP(x̄, mean of e over the edges into i), ē and x̄ normalised row by row.
pub(super) struct Round {
    pub(super) edge_norm: LayerNorm,
    pub(super) node_norm: LayerNorm,
    pub(super) edge: Update,
    pub(super) ends: Ends,
    pub(super) node: Update,
    pub(super) edges: Linear,
}

impl Round {
    fn new(layout: &mut Layout, r: usize, width: usize) -> Self {
        let name = |part: &str| format!("round.{r}.{part}");
        Round {
            edge_norm: LayerNorm::new(layout, &name("edge.norm"), width),
            node_norm: LayerNorm::new(layout, &name("node.norm"), width),
            edge: Update::new(layout, &name("edge"), width, 3),
            ends: Ends::new(layout, &name("edge"), width),
            node: Update::new(layout, &name("node"), width, 2),
            edges: Linear::new(layout, &name("node.edges"), width, width, 0.5f32.sqrt()),
        }
    }

    fn forward<O: Ops>(&self, ops: &mut O, w: &Weights<O>, at: &O::Batch, [x, e]: [O::Value; 2]) -> [O::Value; 2] {
        let xn = self.node_norm.forward(ops, w, &x);
        let en = self.edge_norm.forward(ops, w, &e);
        let h = self.edge.own.forward(ops, w, &en, None);
        let h = self.ends.add(ops, w, at, &h, &xn);
        let change = self.edge.rest(ops, w, &h);
        let e = ops.add(&e, &change);
        let mean = ops.aggregate(at, &e, true, Reduce::Mean);
        let mean = self.edges.forward(ops, w, &mean, None);
        let own = self.node.own.forward(ops, w, &xn, None);
        let h = ops.add(&own, &mean);
        let change = self.node.rest(ops, w, &h);
        [ops.add(&x, &change), e]
    }
}

/// Encoders of nodes and edges, rounds, a decoder of edges and their ends.
pub struct SpaiGnn {
    pub(super) config: SpaiGnnConfig,
    pub(super) about: Description,
    pub(super) nodes: Linear,
    pub(super) edges: Linear,
    pub(super) rounds: Vec<Round>,
    pub(super) decoder: Linear,
    pub(super) ends: Ends,
    pub(super) out: Linear,
}

impl SpaiGnn {
    /// The network of these settings.
    pub fn new(config: SpaiGnnConfig) -> Self {
        let w = config.width;
        let mut layout = Layout::default();
        let nodes = Linear::new(&mut layout, "encoder.node", config.node_features(), w, 1.0);
        let edges = Linear::new(&mut layout, "encoder.edge", config.edge_features(), w, 1.0);
        let rounds = (0..config.rounds).map(|r| Round::new(&mut layout, r, w)).collect();
        let decoder = Linear::new(&mut layout, "decoder.own", w, w, (1.0f32 / 3.0).sqrt());
        let ends = Ends::new(&mut layout, "decoder", w);
        let out = Linear::new(&mut layout, "decoder.out", w, config.block * config.block, 0.0);
        SpaiGnn { about: Description::new(NAME, &config, layout), config, nodes, edges, rounds, decoder, ends, out }
    }

    /// The entries of G, row by row: base + what the decoder says. `nodes`, `edges`, `base` (edges × b²) and `places`
    /// as in [`Seen`].
    pub fn forward<O: Ops>(
        &self,
        ops: &mut O,
        w: &Weights<O>,
        at: &O::Batch,
        places: &Arc<Vec<u32>>,
        [nodes, edges, base]: [&O::Value; 3],
    ) -> O::Value {
        let x = self.nodes.forward(ops, w, nodes, None);
        let e = self.edges.forward(ops, w, edges, None);
        let [x, e] = self.rounds.iter().fold([x, e], |state, round| round.forward(ops, w, at, state));
        let h = self.decoder.forward(ops, w, &e, None);
        let h = self.ends.add(ops, w, at, &h, &x);
        let h = ops.gelu(&h);
        let change = self.out.forward(ops, w, &h, None);
        let g = ops.add(base, &change);
        match self.config.block {
            1 => g,
            _ => ops.gather(&g, places, 1, 1),
        }
    }
}
