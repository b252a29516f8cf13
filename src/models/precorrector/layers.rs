//! The layers of the network.

use super::{NAME, PrecorrectorConfig};
use crate::models::network::Description;
use crate::nn::ops::{Ops, Reduce, Weights};
use crate::nn::{EdgeUpdate, Layout, Linear, Mlp, Parameter, Start};

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
}
