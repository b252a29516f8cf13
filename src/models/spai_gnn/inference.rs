//! The network's forward pass for inference on the CPU: two passes a round, over nodes and over the rows of entries,
//! the weights of small widths in registers, no table between the operations of a pass.
//!
//! The same function as [`SpaiGnn::forward`] up to the order of sums, in chunks of fixed size: the same bits for any
//! number of threads.

use super::features::Seen;
use super::layers::{Ends, Round, SpaiGnn, Update};
use crate::linalg::Pattern;
use crate::nn::chunks::{side_by_side, split};
use crate::nn::fixed::{
    BLOCK, FixedLinear, FixedNorm, GROUP, Lanes, Row, Rows, Work, add, add_rows, gelu, padded, scale, vectorised,
};
use crate::nn::graph::CHUNK;
use crate::nn::{Backend, Params};

/// The entries of G, in order; none for a width without a kernel, or blocks of several unknowns.
pub fn entries<D: Backend>(network: &SpaiGnn, params: &Params<f32, D>, seen: &Seen) -> Option<Vec<f32>> {
    if network.config.block != 1 {
        return None;
    }
    Some(match network.config.width {
        8 => Fixed::<8, 1>::new(network, params).forward(seen),
        16 => Fixed::<16, 2>::new(network, params).forward(seen),
        24 => Fixed::<24, 3>::new(network, params).forward(seen),
        _ => return None,
    })
}

/// The weights of a network of width W = 8 V.
struct Fixed<const W: usize, const V: usize> {
    nodes: FixedLinear<2, V>,
    edges: FixedLinear<2, V>,
    rounds: Vec<Layers<W, V>>,
    decoder: FixedLinear<W, V>,
    ends: [FixedLinear<W, V>; 2],
    out: FixedLinear<W, 1>,
}

/// Of a [`Round`].
struct Layers<const W: usize, const V: usize> {
    edge_norm: FixedNorm<V>,
    node_norm: FixedNorm<V>,
    edge: [FixedLinear<W, V>; 3],
    ends: [FixedLinear<W, V>; 2],
    node: [FixedLinear<W, V>; 3],
    edges: FixedLinear<W, V>,
}

fn ends<const W: usize, const V: usize, D: Backend>(ends: &Ends, params: &Params<f32, D>) -> [FixedLinear<W, V>; 2] {
    [&ends.target, &ends.source].map(|layer| FixedLinear::of(layer, params))
}

impl<const W: usize, const V: usize> Layers<W, V> {
    fn new<D: Backend>(round: &Round, params: &Params<f32, D>) -> Self {
        let update = |u: &Update| [&u.own, &u.hidden, &u.out].map(|l| FixedLinear::of(l, params));
        Layers {
            edge_norm: FixedNorm::of(&round.edge_norm, params),
            node_norm: FixedNorm::of(&round.node_norm, params),
            edge: update(&round.edge),
            ends: ends(&round.ends, params),
            node: update(&round.node),
            edges: FixedLinear::of(&round.edges, params),
        }
    }
}

/// Features of nodes, and what edges take of their target and of their source.
struct Tables<const V: usize> {
    x: Vec<Row<V>>,
    targets: Vec<Row<V>>,
    sources: Vec<Row<V>>,
}

impl<const W: usize, const V: usize> Fixed<W, V> {
    fn new<D: Backend>(network: &SpaiGnn, params: &Params<f32, D>) -> Self {
        Fixed {
            nodes: FixedLinear::of(&network.nodes, params),
            edges: FixedLinear::of(&network.edges, params),
            rounds: network.rounds.iter().map(|round| Layers::new(round, params)).collect(),
            decoder: FixedLinear::of(&network.decoder, params),
            ends: ends(&network.ends, params),
            out: FixedLinear::of(&network.out, params),
        }
    }

    fn forward(&self, seen: &Seen) -> Vec<f32> {
        let pattern = seen.blocks.pattern();
        let (n, nnz) = (pattern.nrows(), seen.base.len());
        let rows = |count: usize| vec![[[0.0; GROUP]; V]; count];
        let mut tables = Tables { x: rows(n), targets: rows(n), sources: rows(n) };
        let mut e = rows(nnz);
        let starts = (0..n).step_by(CHUNK).map(|i| pattern.range(i).start);
        let bounds: Vec<usize> = starts.chain([nnz]).collect();
        let features = |values: &[f32], table: &mut [Row<V>], layer: &FixedLinear<2, V>| {
            side_by_side(table.chunks_mut(CHUNK).collect(), |c, rows| {
                vectorised(Encoder { layer, values: &values[2 * c * CHUNK..], rows });
            });
        };
        features(&seen.nodes, &mut tables.x, &self.nodes);
        features(&seen.edges, &mut e, &self.edges);
        for layers in &self.rounds {
            over_nodes(Some(&layers.node_norm), &layers.ends, &layers.edge[0].bias, &mut tables);
            let Tables { x, targets, sources } = &mut tables;
            let (targets, sources) = (&targets[..], &sources[..]);
            let chunks = split(&mut e, &bounds).into_iter().zip(x.chunks_mut(CHUNK));
            side_by_side(chunks.collect(), |c, (e, x)| {
                vectorised(RoundPass { layers, pattern, targets, sources, first: c * CHUNK, e, x });
            });
        }
        over_nodes(None, &self.ends, &self.decoder.bias, &mut tables);
        let Tables { targets, sources, .. } = &tables;
        let mut out = vec![0.0; nnz];
        let chunks = split(&mut out, &bounds).into_iter().zip(split(&mut e, &bounds));
        side_by_side(chunks.collect(), |c, (out, e)| {
            let (base, first) = (&seen.base[bounds[c]..], c * CHUNK);
            vectorised(Decoder { network: self, pattern, targets, sources, base, first, e, out });
        });
        out
    }
}

/// What edges take of nodes, normalised or as they are, the biases of the sum standing with the target.
fn over_nodes<const W: usize, const V: usize>(
    norm: Option<&FixedNorm<V>>,
    ends: &[FixedLinear<W, V>; 2],
    own_bias: &Row<V>,
    tables: &mut Tables<V>,
) {
    let mut bias = ends[0].bias;
    for other in [&ends[1].bias, own_bias] {
        bias.as_flattened_mut().iter_mut().zip(other.as_flattened()).for_each(|(a, b)| *a += b);
    }
    let Tables { x, targets, sources } = tables;
    let chunks = x.chunks(CHUNK).zip(targets.chunks_mut(CHUNK).zip(sources.chunks_mut(CHUNK)));
    side_by_side(chunks.collect(), |_, (x, (targets, sources))| {
        vectorised(NodePass { norm, ends, bias: &bias, x, targets, sources });
    });
}

/// Two numbers a row → features.
struct Encoder<'a, const V: usize> {
    layer: &'a FixedLinear<2, V>,
    values: &'a [f32],
    rows: &'a mut [Row<V>],
}

impl<const V: usize> Work for Encoder<'_, V> {
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let mut start = 0;
        while start < self.rows.len() {
            let count = BLOCK.min(self.rows.len() - start);
            let mut block = [[[0.0; GROUP]; V]; BLOCK];
            let mut k = 0;
            while k < count {
                block[k][0][0] = self.values[2 * (start + k)];
                block[k][0][1] = self.values[2 * (start + k) + 1];
                k += 1;
            }
            let made = self.layer.forward(lanes, &block);
            self.rows[start..start + count].copy_from_slice(&made[..count]);
            start += count;
        }
    }
}

/// A chunk of nodes.
struct NodePass<'a, const W: usize, const V: usize> {
    norm: Option<&'a FixedNorm<V>>,
    ends: &'a [FixedLinear<W, V>; 2],
    bias: &'a Row<V>,
    x: &'a [Row<V>],
    targets: &'a mut [Row<V>],
    sources: &'a mut [Row<V>],
}

impl<const W: usize, const V: usize> Work for NodePass<'_, W, V> {
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let mut start = 0;
        while start < self.x.len() {
            let count = BLOCK.min(self.x.len() - start);
            let mut block = padded(&self.x[start..start + count]);
            if let Some(norm) = self.norm {
                block = norm.forward(lanes, &block);
            }
            let mut target = [*self.bias; BLOCK];
            let mut source = [[[0.0; GROUP]; V]; BLOCK];
            self.ends[0].accumulate(lanes, &block, &mut target);
            self.ends[1].accumulate(lanes, &block, &mut source);
            self.targets[start..start + count].copy_from_slice(&target[..count]);
            self.sources[start..start + count].copy_from_slice(&source[..count]);
            start += count;
        }
    }
}

/// The edges into a chunk of nodes from `first` on, and then these.
struct RoundPass<'a, const W: usize, const V: usize> {
    layers: &'a Layers<W, V>,
    pattern: &'a Pattern,
    targets: &'a [Row<V>],
    sources: &'a [Row<V>],
    first: usize,
    e: &'a mut [Row<V>],
    x: &'a mut [Row<V>],
}

impl<const W: usize, const V: usize> Work for RoundPass<'_, W, V> {
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Layers { edge_norm, node_norm, edge, node, edges, .. } = self.layers;
        let (indptr, columns) = (self.pattern.indptr(), self.pattern.indices());
        let offset = indptr[self.first] as usize;
        let mut sums = [[[0.0; GROUP]; V]; CHUNK];
        let (mut row, mut place) = (self.first, 0);
        while place < self.e.len() {
            let count = BLOCK.min(self.e.len() - place);
            let mut rows = [row; BLOCK];
            let mut hidden = [[[0.0; GROUP]; V]; BLOCK];
            let mut k = 0;
            while k < count {
                while indptr[row + 1] as usize <= offset + place + k {
                    row += 1;
                }
                rows[k] = row;
                hidden[k] = self.targets[row];
                add(lanes, &mut hidden[k], &self.sources[columns[offset + place + k] as usize]);
                k += 1;
            }
            let mut block = padded(&self.e[place..place + count]);
            edge[0].accumulate(lanes, &edge_norm.forward(lanes, &block), &mut hidden);
            rest(lanes, edge, hidden, &mut block);
            let mut k = 0;
            while k < count {
                self.e[place + k] = block[k];
                add(lanes, &mut sums[rows[k] - self.first], &block[k]);
                k += 1;
            }
            place += count;
        }
        let mut start = 0;
        while start < self.x.len() {
            let count = BLOCK.min(self.x.len() - start);
            let mut block = padded(&self.x[start..start + count]);
            let mut mean = [[[0.0; GROUP]; V]; BLOCK];
            let mut k = 0;
            while k < count {
                mean[k] = sums[start + k];
                let degree = self.pattern.range(self.first + start + k).len().max(1);
                scale(lanes, 1.0 / degree as f32, &mut mean[k]);
                k += 1;
            }
            let mut hidden = node[0].forward(lanes, &node_norm.forward(lanes, &block));
            let around = edges.forward(lanes, &mean);
            add_rows(lanes, &mut hidden, &around);
            rest(lanes, node, hidden, &mut block);
            self.x[start..start + count].copy_from_slice(&block[..count]);
            start += count;
        }
    }
}

/// block ← block + out(gelu(hidden(gelu(sum)))), the layers but the first one of an update.
#[inline(always)]
fn rest<L: Lanes, const W: usize, const V: usize>(
    lanes: L,
    [_, hidden, out]: &[FixedLinear<W, V>; 3],
    mut sum: Rows<V>,
    block: &mut Rows<V>,
) {
    gelu(&mut sum);
    let mut inner = hidden.forward(lanes, &sum);
    gelu(&mut inner);
    let mut k = 0;
    while k < BLOCK {
        add(lanes, &mut block[k], &out.bias);
        k += 1;
    }
    out.accumulate(lanes, &inner, block);
}

/// The entries into a chunk of nodes from `first` on.
struct Decoder<'a, const W: usize, const V: usize> {
    network: &'a Fixed<W, V>,
    pattern: &'a Pattern,
    targets: &'a [Row<V>],
    sources: &'a [Row<V>],
    base: &'a [f32],
    first: usize,
    e: &'a [Row<V>],
    out: &'a mut [f32],
}

impl<const W: usize, const V: usize> Work for Decoder<'_, W, V> {
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let (indptr, columns) = (self.pattern.indptr(), self.pattern.indices());
        let offset = indptr[self.first] as usize;
        let (mut row, mut place) = (self.first, 0);
        while place < self.e.len() {
            let count = BLOCK.min(self.e.len() - place);
            let mut hidden = [[[0.0; GROUP]; V]; BLOCK];
            let mut k = 0;
            while k < count {
                while indptr[row + 1] as usize <= offset + place + k {
                    row += 1;
                }
                hidden[k] = self.targets[row];
                add(lanes, &mut hidden[k], &self.sources[columns[offset + place + k] as usize]);
                k += 1;
            }
            self.network.decoder.accumulate(lanes, &padded(&self.e[place..place + count]), &mut hidden);
            gelu(&mut hidden);
            let change = self.network.out.forward(lanes, &hidden);
            let mut k = 0;
            while k < count {
                self.out[place + k] = self.base[place + k] + change[k][0][0];
                k += 1;
            }
            place += count;
        }
    }
}
