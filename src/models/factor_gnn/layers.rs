//! The layers of the network.

use super::features::{EDGE_FEATURES, NODE_FEATURES};
use super::nodes::NodeUpdate;
use super::{FactorConfig, NAME};
use crate::models::network::Description;
use crate::nn::ops::{Ops, Weights};
use crate::nn::{EdgeUpdate, Layout, Mlp};

/// Encoders of edges and nodes, rounds of message passing, a decoder of edges; nodes of the last round have no use.
pub struct FactorGnn {
    pub(super) config: FactorConfig,
    pub(super) about: Description,
    pub(super) edges: Mlp,
    pub(super) nodes: Mlp,
    pub(super) rounds: Vec<(EdgeUpdate, Option<NodeUpdate>)>,
    pub(super) decoder: Mlp,
}

impl FactorGnn {
    /// The network of these settings.
    pub fn new(config: FactorConfig) -> Self {
        let w = config.width;
        let mut layout = Layout::default();
        let pair = |layout: &mut Layout, name: &str, input: usize, output: usize| {
            Mlp::pair(layout, name, [input, w, output], [1.4, 1.0], 0.0)
        };
        let edges = pair(&mut layout, "encoder.edge", EDGE_FEATURES, w);
        let nodes = pair(&mut layout, "encoder.node", NODE_FEATURES, w);
        let mut round = |r: usize| {
            let names = ["own", "target", "source", "out"].map(|part| format!("round.{r}.edge.{part}"));
            let edge = EdgeUpdate::new(&mut layout, names, w);
            let node =
                (r + 1 < config.rounds).then(|| NodeUpdate::new(&config, &mut layout, &format!("round.{r}.node")));
            (edge, node)
        };
        let rounds = (0..config.rounds).map(&mut round).collect();
        let decoder = pair(&mut layout, "decoder", w, 1);
        FactorGnn { about: Description::new(NAME, &config, layout), config, edges, nodes, rounds, decoder }
    }

    /// The entries of L on every edge of the graph of A, those above the diagonal to be ignored: (edges, 1).
    pub fn forward<O: Ops>(
        &self,
        ops: &mut O,
        w: &Weights<O>,
        at: &O::Batch,
        nodes: &O::Value,
        edges: &O::Value,
    ) -> O::Value {
        let mut e = self.edges.forward(ops, w, edges); // (edges, width)
        let mut x = self.nodes.forward(ops, w, nodes); // (nodes, width)
        for (edge, node) in &self.rounds {
            e = edge.forward(ops, w, at, &x, &e);
            if let Some(node) = node {
                let change = node.forward(ops, w, at, &x, &e);
                x = ops.add(&x, &change);
            }
        }
        self.decoder.forward(ops, w, &e)
    }
}
