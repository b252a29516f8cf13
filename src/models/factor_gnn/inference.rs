//! The network's forward pass for inference on the CPU, for the node models `mlp` and `mpnn`: one pass over nodes and
//! one over the entries of A a round, the weights of small widths in registers. The last round looks at tril(A) alone.
//!
//! The same function as [`FactorGnn::forward`] up to the order of sums, in chunks of fixed size: the same bits for any
//! number of threads.

use super::features::{EDGE_FEATURES, NODE_FEATURES, Seen};
use super::layers::FactorGnn;
use super::nodes::{Layers, NodeUpdate};
use crate::linalg::Pattern;
use crate::nn::chunks::{side_by_side, split};
use crate::nn::fixed::{
    BLOCK, FixedLinear, GROUP, Lanes, Row, Rows, Work, add, add_rows, padded, relu, scale, vectorised,
};
use crate::nn::fixed_edges::EdgeLayers;
use crate::nn::graph::CHUNK;
use crate::nn::{Backend, Mlp, Params};

/// The entries of tril(A), row by row; none for a width or a node model without a kernel.
pub fn entries<D: Backend>(
    network: &FactorGnn,
    params: &Params<f32, D>,
    pattern: &Pattern,
    seen: &Seen,
) -> Option<Vec<f32>> {
    match network.config.width {
        8 => Fixed::<8, 1>::new(network, params).map(|fixed| fixed.forward(pattern, seen)),
        16 => Fixed::<16, 2>::new(network, params).map(|fixed| fixed.forward(pattern, seen)),
        _ => None,
    }
}

/// The weights of a network of width W = 8 V.
struct Fixed<const W: usize, const V: usize> {
    edges: (FixedLinear<EDGE_FEATURES, V>, FixedLinear<W, V>),
    nodes: (FixedLinear<NODE_FEATURES, V>, FixedLinear<W, V>),
    rounds: Vec<(EdgeLayers<W, V>, Option<NodeLayers<W, V>>)>,
    decoder: (FixedLinear<W, V>, FixedLinear<W, 1>),
}

/// Of a [`NodeUpdate`].
struct NodeLayers<const W: usize, const V: usize> {
    own: FixedLinear<W, V>,
    /// Of the mean of messages; none in `mlp`.
    around: Option<Around<W, V>>,
    out: FixedLinear<W, V>,
}

/// Of the messages relu(edge(e_ij) + source(x_j)) and of their mean.
struct Around<const W: usize, const V: usize> {
    edge: FixedLinear<W, V>,
    source: FixedLinear<W, V>,
    sum: FixedLinear<W, V>,
}

impl<const W: usize, const V: usize> NodeLayers<W, V> {
    fn new<D: Backend>(update: &NodeUpdate, params: &Params<f32, D>) -> Option<Self> {
        let of = |layer| FixedLinear::of(layer, params);
        let (own, around) = match &update.layers {
            Layers::Mlp { own } => (own, None),
            Layers::Mpnn { message, own, sum } => {
                let edge = of(message.edge.0.as_ref()?);
                (own, Some(Around { edge, source: of(&message.source), sum: of(sum) }))
            }
            _ => return None,
        };
        Some(NodeLayers { own: of(own), around, out: of(&update.out) })
    }
}

/// Features of nodes and edges between two passes.
struct Tables<const V: usize> {
    /// Of nodes.
    x: Vec<Row<V>>,
    /// What an edge takes of its target, of its source, and what a message takes of its source.
    targets: Vec<Row<V>>,
    sources: Vec<Row<V>>,
    senders: Vec<Row<V>>,
    /// Of edges.
    e: Vec<Row<V>>,
    /// Sums of the messages to each node.
    received: Vec<Row<V>>,
}

impl<const W: usize, const V: usize> Fixed<W, V> {
    fn new<D: Backend>(network: &FactorGnn, params: &Params<f32, D>) -> Option<Self> {
        let rounds = network.rounds.iter().map(|(edge, node)| {
            let node = match node {
                Some(node) => Some(NodeLayers::new(node, params)?),
                None => None,
            };
            Some((EdgeLayers::new(edge, params), node))
        });
        Some(Fixed {
            edges: pair(&network.edges, params),
            nodes: pair(&network.nodes, params),
            rounds: rounds.collect::<Option<_>>()?,
            decoder: pair(&network.decoder, params),
        })
    }

    fn forward(&self, pattern: &Pattern, seen: &Seen) -> Vec<f32> {
        let (n, nnz) = (pattern.nrows(), pattern.nnz());
        let rows = |count: usize| vec![[[0.0; GROUP]; V]; count];
        let mut tables = Tables {
            x: rows(n),
            targets: rows(n),
            sources: rows(n),
            senders: rows(n),
            e: rows(nnz),
            received: rows(n),
        };
        let starts = (0..n).step_by(CHUNK).map(|i| pattern.range(i).start);
        let bounds: Vec<usize> = starts.chain([nnz]).collect();
        let chunks = tables.x.chunks_mut(CHUNK).zip(seen.nodes.chunks(CHUNK * NODE_FEATURES));
        side_by_side(chunks.collect(), |_, (rows, values)| {
            vectorised(Encoder { layers: &self.nodes, values, rows });
        });
        let chunks = tables.e.chunks_mut(CHUNK).zip(seen.edges.chunks(CHUNK * EDGE_FEATURES));
        side_by_side(chunks.collect(), |_, (rows, values)| {
            vectorised(Encoder { layers: &self.edges, values, rows });
        });
        let last = self.rounds.len() - 1;
        for r in 0..=last {
            self.pass_over_nodes(r, pattern, &mut tables);
            if r < last {
                self.pass_over_edges(r, pattern, &bounds, &mut tables);
            }
        }
        self.decoded(pattern, seen, &tables)
    }

    /// Nodes updated by the messages of the round before, and what edges and messages take of them.
    fn pass_over_nodes(&self, r: usize, pattern: &Pattern, tables: &mut Tables<V>) {
        let (edge, next) = &self.rounds[r];
        let update = r.checked_sub(1).and_then(|r| self.rounds[r].1.as_ref());
        let (bias, around) = (edge.bias(), next.as_ref().and_then(|layers| layers.around.as_ref()));
        let Tables { x, targets, sources, senders, received, .. } = tables;
        let chunks = x.chunks_mut(CHUNK).zip(targets.chunks_mut(CHUNK)).zip(sources.chunks_mut(CHUNK));
        let chunks = chunks.zip(senders.chunks_mut(CHUNK)).zip(received.chunks(CHUNK));
        side_by_side(chunks.collect(), |c, ((((x, targets), sources), senders), received)| {
            let ends = Ends { edge, around, bias: &bias, targets, sources, senders };
            vectorised(NodePass { update, pattern, first: c * CHUNK, x, received, ends });
        });
    }

    /// All edges of round r, and their messages.
    fn pass_over_edges(&self, r: usize, pattern: &Pattern, bounds: &[usize], tables: &mut Tables<V>) {
        let (layers, node) = &self.rounds[r];
        let around = node.as_ref().and_then(|layers| layers.around.as_ref());
        let Tables { targets, sources, senders, e, received, .. } = tables;
        let (targets, sources, senders) = (&targets[..], &sources[..], &senders[..]);
        let chunks = split(e, bounds).into_iter().zip(received.chunks_mut(CHUNK));
        side_by_side(chunks.collect(), |c, (e, received)| {
            let from = From { pattern, targets, sources };
            let first = c * CHUNK;
            vectorised(EdgePass { layers, around, from, senders, first, e, received });
        });
    }

    /// The entries of tril(A) after the last round.
    fn decoded(&self, pattern: &Pattern, seen: &Seen, tables: &Tables<V>) -> Vec<f32> {
        let layers = &self.rounds[self.rounds.len() - 1].0;
        let from = From { pattern, targets: &tables.targets, sources: &tables.sources };
        let mut out = vec![0.0; seen.lower.len()];
        let chunks = out.chunks_mut(CHUNK).zip(seen.lower.chunks(CHUNK));
        side_by_side(chunks.collect(), |_, (out, edges)| {
            vectorised(Decoder { layers, decoder: &self.decoder, from, e: &tables.e, edges, out });
        });
        out
    }
}

/// Two layers.
fn pair<const P: usize, const U: usize, const W: usize, const V: usize, D: Backend>(
    mlp: &Mlp,
    params: &Params<f32, D>,
) -> (FixedLinear<P, U>, FixedLinear<W, V>) {
    let [first, last] = [0, 1].map(|k| &mlp.layers()[k]);
    (FixedLinear::of(first, params), FixedLinear::of(last, params))
}

/// P numbers a row → features.
struct Encoder<'a, const P: usize, const W: usize, const V: usize> {
    layers: &'a (FixedLinear<P, V>, FixedLinear<W, V>),
    values: &'a [f32],
    rows: &'a mut [Row<V>],
}

impl<const P: usize, const W: usize, const V: usize> Work for Encoder<'_, P, W, V> {
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let mut start = 0;
        while start < self.rows.len() {
            let count = BLOCK.min(self.rows.len() - start);
            let mut block: Rows<V> = [[[0.0; GROUP]; V]; BLOCK];
            let mut k = 0;
            while k < count {
                let mut p = 0;
                while p < P {
                    block[k][p / GROUP][p % GROUP] = self.values[P * (start + k) + p];
                    p += 1;
                }
                k += 1;
            }
            let mut hidden = self.layers.0.forward(lanes, &block);
            relu(lanes, &mut hidden);
            let made = self.layers.1.forward(lanes, &hidden);
            self.rows[start..start + count].copy_from_slice(&made[..count]);
            start += count;
        }
    }
}

/// What edges and messages take of a chunk of nodes.
struct Ends<'a, const W: usize, const V: usize> {
    edge: &'a EdgeLayers<W, V>,
    around: Option<&'a Around<W, V>>,
    bias: &'a Row<V>,
    targets: &'a mut [Row<V>],
    sources: &'a mut [Row<V>],
    senders: &'a mut [Row<V>],
}

/// A chunk of nodes from `first` on.
struct NodePass<'a, const W: usize, const V: usize> {
    update: Option<&'a NodeLayers<W, V>>,
    pattern: &'a Pattern,
    first: usize,
    x: &'a mut [Row<V>],
    received: &'a [Row<V>],
    ends: Ends<'a, W, V>,
}

impl<const W: usize, const V: usize> Work for NodePass<'_, W, V> {
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Ends { edge, around, bias, targets, sources, senders } = self.ends;
        let mut start = 0;
        while start < self.x.len() {
            let count = BLOCK.min(self.x.len() - start);
            let mut block = padded(&self.x[start..start + count]);
            if let Some(update) = self.update {
                let mut hidden = update.own.forward(lanes, &block);
                if let Some(around) = &update.around {
                    let mut mean = padded(&self.received[start..start + count]);
                    let mut k = 0;
                    while k < count {
                        let degree = self.pattern.range(self.first + start + k).len().max(1);
                        scale(lanes, 1.0 / degree as f32, &mut mean[k]);
                        k += 1;
                    }
                    let sum = around.sum.forward(lanes, &mean);
                    add_rows(lanes, &mut hidden, &sum);
                }
                relu(lanes, &mut hidden);
                let change = update.out.forward(lanes, &hidden);
                add_rows(lanes, &mut block, &change);
                self.x[start..start + count].copy_from_slice(&block[..count]);
            }
            let mut target = [*bias; BLOCK];
            let mut source: Rows<V> = [[[0.0; GROUP]; V]; BLOCK];
            edge.target.accumulate(lanes, &block, &mut target);
            edge.source.accumulate(lanes, &block, &mut source);
            targets[start..start + count].copy_from_slice(&target[..count]);
            sources[start..start + count].copy_from_slice(&source[..count]);
            if let Some(around) = around {
                let sender = around.source.forward(lanes, &block);
                senders[start..start + count].copy_from_slice(&sender[..count]);
            }
            start += count;
        }
    }
}

/// What edges read of nodes.
#[derive(Clone, Copy)]
struct From<'a, const V: usize> {
    pattern: &'a Pattern,
    targets: &'a [Row<V>],
    sources: &'a [Row<V>],
}

/// The edges into a chunk of nodes from `first` on, and their messages.
struct EdgePass<'a, const W: usize, const V: usize> {
    layers: &'a EdgeLayers<W, V>,
    around: Option<&'a Around<W, V>>,
    from: From<'a, V>,
    senders: &'a [Row<V>],
    first: usize,
    e: &'a mut [Row<V>],
    received: &'a mut [Row<V>],
}

impl<const W: usize, const V: usize> Work for EdgePass<'_, W, V> {
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let From { pattern, targets, sources } = self.from;
        let (indptr, columns) = (pattern.indptr(), pattern.indices());
        let offset = indptr[self.first] as usize;
        self.received.fill([[0.0; GROUP]; V]);
        let (mut row, mut place) = (self.first, 0);
        while place < self.e.len() {
            let count = BLOCK.min(self.e.len() - place);
            let mut rows = [row; BLOCK];
            let mut hidden: Rows<V> = [[[0.0; GROUP]; V]; BLOCK];
            let mut message = hidden;
            let mut k = 0;
            while k < count {
                while indptr[row + 1] as usize <= offset + place + k {
                    row += 1;
                }
                rows[k] = row;
                let j = columns[offset + place + k] as usize;
                hidden[k] = targets[row];
                add(lanes, &mut hidden[k], &sources[j]);
                if self.around.is_some() {
                    message[k] = self.senders[j];
                }
                k += 1;
            }
            let mut block = padded(&self.e[place..place + count]);
            self.layers.own.accumulate(lanes, &block, &mut hidden);
            self.layers.finish(lanes, hidden, &mut block);
            self.e[place..place + count].copy_from_slice(&block[..count]);
            if let Some(around) = self.around {
                let of_edge = around.edge.forward(lanes, &block);
                add_rows(lanes, &mut message, &of_edge);
                relu(lanes, &mut message);
                let mut k = 0;
                while k < count {
                    add(lanes, &mut self.received[rows[k] - self.first], &message[k]);
                    k += 1;
                }
            }
            place += count;
        }
    }
}

/// Some edges of tril(A) in the last round, and what they say.
struct Decoder<'a, const W: usize, const V: usize> {
    layers: &'a EdgeLayers<W, V>,
    decoder: &'a (FixedLinear<W, V>, FixedLinear<W, 1>),
    from: From<'a, V>,
    e: &'a [Row<V>],
    edges: &'a [u32],
    out: &'a mut [f32],
}

impl<const W: usize, const V: usize> Work for Decoder<'_, W, V> {
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let From { pattern, targets, sources } = self.from;
        let (indptr, columns) = (pattern.indptr(), pattern.indices());
        // The row of the first edge.
        let mut row = indptr.partition_point(|&start| start <= self.edges[0]) - 1;
        let mut start = 0;
        while start < self.out.len() {
            let count = BLOCK.min(self.out.len() - start);
            let mut hidden: Rows<V> = [[[0.0; GROUP]; V]; BLOCK];
            let mut block = hidden;
            let mut k = 0;
            while k < count {
                let e = self.edges[start + k];
                while indptr[row + 1] <= e {
                    row += 1;
                }
                hidden[k] = targets[row];
                add(lanes, &mut hidden[k], &sources[columns[e as usize] as usize]);
                block[k] = self.e[e as usize];
                k += 1;
            }
            self.layers.own.accumulate(lanes, &block, &mut hidden);
            self.layers.finish(lanes, hidden, &mut block);
            let mut hidden = self.decoder.0.forward(lanes, &block);
            relu(lanes, &mut hidden);
            let said = self.decoder.1.forward(lanes, &hidden);
            let mut k = 0;
            while k < count {
                self.out[start + k] = said[k][0][0];
                k += 1;
            }
            start += count;
        }
    }
}
