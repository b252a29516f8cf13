//! Six ways for a node to see its neighbours.

use serde::{Deserialize, Serialize};

use super::FactorConfig;
use crate::nn::ops::{Ops, Reduce, Weights};
use crate::nn::{Layout, Linear, Parameter, Start};

/// How nodes are updated in each round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NodeModel {
    /// A perceptron of the node alone: edges see their two ends, nodes see nothing.
    Mlp,
    /// GATv2: attention by a perceptron of the edge and its ends (Brody, Alon, Yahav 2022, arXiv:2105.14491).
    Gat,
    /// GEN: messages weighed by a softmax of themselves (Li et al. 2020, arXiv:2006.07739).
    Gen,
    /// Messages of a perceptron, their mean, a perceptron (Gilmer et al. 2017, arXiv:1704.01212).
    #[default]
    Mpnn,
    /// Dot-product attention among neighbours (Shi et al. 2021, arXiv:2009.03509).
    GraphTransformer,
    /// SGFormer: linear attention of all nodes to all, beside messages of the neighbours (Wu et al. 2023,
    /// arXiv:2306.10759).
    FastGraphTransformer,
}

impl NodeModel {
    /// All of them.
    pub const ALL: [NodeModel; 6] = [
        NodeModel::Mlp,
        NodeModel::Gat,
        NodeModel::Gen,
        NodeModel::Mpnn,
        NodeModel::GraphTransformer,
        NodeModel::FastGraphTransformer,
    ];
}

/// The layers of one node model.
pub(super) enum Layers {
    Mlp { own: Linear },
    Gat { target: Linear, source: Linear, edge: OfEdge, score: Linear },
    Gen { edge: OfEdge, own: Linear, temperature: Parameter },
    Mpnn { message: Message, own: Linear, sum: Linear },
    GraphTransformer { attention: [Linear; 3], edge: Linear, own: Linear },
    FastGraphTransformer { attention: [Linear; 3], message: Message, global: Linear, local: Linear },
}

/// relu(edge(e_ij) + source(x_j)): what an edge carries to its target, which takes the mean.
pub(super) struct Message {
    pub(super) edge: OfEdge,
    pub(super) source: Linear,
}

/// What an edge adds to a message of its source.
pub(super) struct OfEdge(pub(super) Option<Linear>);

impl OfEdge {
    /// A layer of the edge's features (edges, width); zeros where they are not looked at.
    fn forward<O: Ops>(&self, ops: &mut O, w: &Weights<O>, e: &O::Value) -> O::Value {
        match &self.0 {
            Some(layer) => layer.forward(ops, w, e, None),
            None => {
                let (edges, width) = ops.shape(e);
                ops.table(vec![O::Real::default(); edges * width], width)
            }
        }
    }
}

impl Message {
    fn mean<O: Ops>(&self, ops: &mut O, w: &Weights<O>, at: &O::Batch, x: &O::Value, e: &O::Value) -> O::Value {
        let edge = self.edge.forward(ops, w, e);
        let source = self.source.forward(ops, w, x, None);
        let message = ops.combine(at, &edge, None, &source, 0.0);
        ops.aggregate(at, &message, true, Reduce::Mean)
    }
}

/// One round of a node model: what its layers make of a node and its neighbours, activated, through a last layer.
pub(super) struct NodeUpdate {
    pub(super) layers: Layers,
    pub(super) out: Linear,
}

impl NodeUpdate {
    /// With parameters named `{name}.…`.
    pub(super) fn new(config: &FactorConfig, layout: &mut Layout, name: &str) -> Self {
        let (w, sees) = (config.width, config.edge_features);
        let mut layer =
            |part: &str, width: usize, gain: f32| Linear::new(layout, &format!("{name}.{part}"), w, width, gain);
        let mut dense = |part: &str| layer(part, w, 1.0);
        let layers = match config.node {
            NodeModel::Mlp => Layers::Mlp { own: layer("own", w, 1.4) },
            NodeModel::Gat => Layers::Gat {
                target: layer("target", w, 0.8),
                source: layer("source", w, 0.8),
                edge: OfEdge(sees.then(|| layer("edge", w, 0.8))),
                score: layer("score", 1, 1.0),
            },
            NodeModel::Gen => Layers::Gen {
                edge: OfEdge(sees.then(|| dense("edge"))),
                own: dense("own"),
                temperature: layout.add(format!("{name}.temperature"), (1, 1), Start::Constant(1.0)),
            },
            NodeModel::Mpnn => Layers::Mpnn {
                message: Message { edge: OfEdge(Some(dense("edge"))), source: dense("source") },
                own: dense("own"),
                sum: dense("sum"),
            },
            NodeModel::GraphTransformer => Layers::GraphTransformer {
                attention: ["query", "key", "value"].map(&mut dense),
                edge: dense("edge"),
                own: dense("own"),
            },
            NodeModel::FastGraphTransformer => Layers::FastGraphTransformer {
                attention: ["query", "key", "value"].map(&mut dense),
                message: Message { edge: OfEdge(sees.then(|| dense("edge"))), source: dense("source") },
                global: dense("global"),
                local: dense("local"),
            },
        };
        NodeUpdate { layers, out: Linear::new(layout, &format!("{name}.out"), w, w, 0.5) }
    }

    /// What is added to the nodes x (nodes, width), given the edges e (edges, width).
    pub(super) fn forward<O: Ops>(
        &self,
        ops: &mut O,
        w: &Weights<O>,
        at: &O::Batch,
        x: &O::Value,
        e: &O::Value,
    ) -> O::Value {
        let hidden = match &self.layers {
            Layers::Mlp { own } => own.forward(ops, w, x, None),
            Layers::Gat { target, source, edge, score } => {
                let target = target.forward(ops, w, x, None);
                let source = source.forward(ops, w, x, None);
                let edge = edge.forward(ops, w, e);
                let seen = ops.combine(at, &edge, Some(&target), &source, 0.2);
                let score = score.forward(ops, w, &seen, None);
                let weight = ops.segment_softmax(at, &score);
                ops.weighted_sum(at, &weight, &source, None)
            }
            Layers::Gen { edge, own, temperature } => {
                let edge = edge.forward(ops, w, e);
                let message = ops.combine(at, &edge, None, x, 0.0);
                let score = ops.scale(&message, &w[*temperature]);
                let weight = ops.segment_softmax(at, &score);
                let weighed = ops.multiply(&weight, &message);
                let sum = ops.aggregate(at, &weighed, true, Reduce::Sum);
                let both = ops.add(x, &sum);
                own.forward(ops, w, &both, None)
            }
            Layers::Mpnn { message, own, sum } => {
                let mean = message.mean(ops, w, at, x, e);
                let own = own.forward(ops, w, x, None);
                let sum = sum.forward(ops, w, &mean, None);
                ops.add(&own, &sum)
            }
            Layers::GraphTransformer { attention, edge, own } => {
                let [query, key, value] = attention.map(|layer| layer.forward(ops, w, x, None));
                let edge = edge.forward(ops, w, e, None);
                let score = ops.scores(at, &query, &key, &edge);
                let weight = ops.segment_softmax(at, &score);
                let sum = ops.weighted_sum(at, &weight, &value, Some(&edge));
                let own = own.forward(ops, w, x, None);
                ops.add(&own, &sum)
            }
            Layers::FastGraphTransformer { attention, message, global, local } => {
                let [query, key, value] = attention.map(|layer| layer.forward(ops, w, x, None));
                let all = ops.global_attention(at, [&query, &key, &value]);
                let mean = message.mean(ops, w, at, x, e);
                let all = global.forward(ops, w, &all, None);
                let near = local.forward(ops, w, &mean, None);
                ops.add(&all, &near)
            }
        };
        let hidden = ops.activate(&hidden, 0.0);
        self.out.forward(ops, w, &hidden, None)
    }
}
