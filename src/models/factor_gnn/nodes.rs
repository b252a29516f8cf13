//! Six ways for a node to listen to its neighbours.

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::nn::graph::{Ops, Reduce};
use crate::nn::{Layout, Params, Start};

/// How nodes are updated in each round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
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
    /// SGFormer: linear attention of all nodes to all, beside messages of the neighbours (Wu et al. 2023, arXiv:2306.10759).
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

    /// The parameters of one round, named `{prefix}.…`.
    pub(super) fn layout(self, prefix: &str, w: usize, out: &mut Layout) {
        let mut dense = |names: &[&str], gain: f32| {
            for name in names {
                out.dense(&format!("{prefix}.{name}"), w, w, gain);
            }
        };
        match self {
            NodeModel::Mlp => dense(&["own"], 1.4),
            NodeModel::Gat => dense(&["target", "source", "edge"], 0.8),
            NodeModel::Gen => dense(&["edge", "own"], 1.0),
            NodeModel::Mpnn => {
                dense(&["edge", "source"], 1.0);
                dense(&["own", "sum"], 1.0);
            }
            NodeModel::GraphTransformer => dense(&["query", "key", "value", "edge", "own"], 1.0),
            NodeModel::FastGraphTransformer => {
                dense(
                    &["query", "key", "value", "edge", "source", "global", "local"],
                    1.0,
                );
            }
        }
        match self {
            NodeModel::Gat => out.dense(&format!("{prefix}.score"), w, 1, 1.0),
            NodeModel::Gen => out.add(format!("{prefix}.temperature"), (1, 1), Start::Constant(1.0)),
            _ => {}
        }
        out.dense(&format!("{prefix}.out"), w, w, 0.5);
    }

    /// What is added to the nodes x (nodes, width), given the edges e (edges, width).
    pub(super) fn update<O: Ops>(
        self,
        params: &Params<O::Real, O::Device>,
        prefix: &str,
        ops: &mut O,
        at: &O::Batch,
        x: &O::Value,
        e: &O::Value,
    ) -> Result<O::Value> {
        let layer = |part: &str| params.dense(&format!("{prefix}.{part}"));
        let hidden = match self {
            NodeModel::Mlp => ops.linear(x, layer("own")?, None),
            NodeModel::Gat => {
                let target = ops.linear(x, layer("target")?, None);
                let source = ops.linear(x, layer("source")?, None);
                let edge = ops.linear(e, layer("edge")?, None);
                let seen = ops.combine(at, &edge, Some(&target), &source, 0.2);
                let score = ops.linear(&seen, layer("score")?, None);
                let weight = ops.segment_softmax(at, &score);
                ops.weighted_sum(at, &weight, &source, None)
            }
            NodeModel::Gen => {
                let edge = ops.linear(e, layer("edge")?, None);
                let message = ops.combine(at, &edge, None, x, 0.0);
                let score = ops.scale(&message, params.get(&format!("{prefix}.temperature"))?);
                let weight = ops.segment_softmax(at, &score);
                let weighed = ops.multiply(&weight, &message);
                let sum = ops.aggregate(at, &weighed, true, Reduce::Sum);
                let both = ops.add(x, &sum);
                ops.linear(&both, layer("own")?, None)
            }
            NodeModel::Mpnn => {
                let edge = ops.linear(e, layer("edge")?, None);
                let source = ops.linear(x, layer("source")?, None);
                let message = ops.combine(at, &edge, None, &source, 0.0);
                let mean = ops.aggregate(at, &message, true, Reduce::Mean);
                let own = ops.linear(x, layer("own")?, None);
                let sum = ops.linear(&mean, layer("sum")?, None);
                ops.add(&own, &sum)
            }
            NodeModel::GraphTransformer => {
                let query = ops.linear(x, layer("query")?, None);
                let key = ops.linear(x, layer("key")?, None);
                let value = ops.linear(x, layer("value")?, None);
                let edge = ops.linear(e, layer("edge")?, None);
                let score = ops.scores(at, &query, &key, &edge);
                let weight = ops.segment_softmax(at, &score);
                let sum = ops.weighted_sum(at, &weight, &value, Some(&edge));
                let own = ops.linear(x, layer("own")?, None);
                ops.add(&own, &sum)
            }
            NodeModel::FastGraphTransformer => {
                let query = ops.linear(x, layer("query")?, None);
                let key = ops.linear(x, layer("key")?, None);
                let value = ops.linear(x, layer("value")?, None);
                let all = ops.global_attention(at, [&query, &key, &value]);
                let edge = ops.linear(e, layer("edge")?, None);
                let source = ops.linear(x, layer("source")?, None);
                let message = ops.combine(at, &edge, None, &source, 0.0);
                let mean = ops.aggregate(at, &message, true, Reduce::Mean);
                let all = ops.linear(&all, layer("global")?, None);
                let near = ops.linear(&mean, layer("local")?, None);
                ops.add(&all, &near)
            }
        };
        let hidden = ops.activate(&hidden, 0.0);
        Ok(ops.linear(&hidden, layer("out")?, None))
    }
}
