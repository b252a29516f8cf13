//! The network's forward pass for inference on the CPU: one pass over the rows of the factor a round, the weights of
//! small widths in registers, no table between the operations of a round.
//!
//! The same function as [`Precorrector::forward`] up to the order of sums. Rows are taken in chunks of fixed size on
//! all cores: the same bits for any number of threads.

use super::layers::{NodeUpdate, Precorrector};
use crate::linalg::{Pattern, places_by_key};
use crate::nn::chunks::{side_by_side, split};
use crate::nn::fixed::{BLOCK, FixedLinear, GROUP, Lanes, Row, Work, add, relu, scale, vectorised};
use crate::nn::fixed_edges::EdgeLayers;
use crate::nn::graph::CHUNK;
use crate::nn::{Backend, Params};

/// What to add to each entry of the factor, in order: α · GNN(L₀); none for a width without a kernel.
///
/// `nodes` are (n × 2) features, `entries` those of L₀ on its pattern.
pub fn corrections<D: Backend>(
    network: &Precorrector,
    params: &Params<f32, D>,
    pattern: &Pattern,
    nodes: &[f32],
    entries: &[f32],
) -> Option<Vec<f32>> {
    Some(match network.config.width {
        4 => Fixed::<4, 1>::new(network, params).forward(pattern, nodes, entries),
        8 => Fixed::<8, 1>::new(network, params).forward(pattern, nodes, entries),
        16 => Fixed::<16, 2>::new(network, params).forward(pattern, nodes, entries),
        _ => return None,
    })
}

/// The weights of a network of width W, at most 8 V.
struct Fixed<const W: usize, const V: usize> {
    edges: FixedLinear<1, V>,
    nodes: FixedLinear<2, V>,
    rounds: Vec<(EdgeLayers<W, V>, Option<NodeLayers<W, V>>)>,
    decoder: (FixedLinear<W, V>, FixedLinear<W, 1>),
    alpha: f32,
}

/// Of a [`NodeUpdate`].
struct NodeLayers<const W: usize, const V: usize> {
    own: FixedLinear<W, V>,
    into: FixedLinear<W, V>,
    out_of: FixedLinear<W, V>,
    out: FixedLinear<W, V>,
}

impl<const W: usize, const V: usize> NodeLayers<W, V> {
    fn new<D: Backend>(update: &NodeUpdate, params: &Params<f32, D>) -> Self {
        let [own, into, out_of, out] = update.layers().map(|layer| FixedLinear::of(layer, params));
        NodeLayers { own, into, out_of, out }
    }
}

/// Features of nodes and edges between two passes.
struct Tables<const V: usize> {
    /// Of nodes.
    x: Vec<Row<V>>,
    /// What an edge's first layer takes of its target and of its source: x times their weights.
    targets: Vec<Row<V>>,
    sources: Vec<Row<V>>,
    /// Of edges.
    e: Vec<Row<V>>,
    /// Sums of e over the edges into each node.
    into: Vec<Row<V>>,
}

impl<const W: usize, const V: usize> Fixed<W, V> {
    fn new<D: Backend>(network: &Precorrector, params: &Params<f32, D>) -> Self {
        let rounds = network.rounds.iter().map(|(edge, node)| {
            (EdgeLayers::new(edge, params), node.as_ref().map(|node| NodeLayers::new(node, params)))
        });
        let [first, last] = [0, 1].map(|k| &network.decoder.layers()[k]);
        Fixed {
            edges: FixedLinear::of(&network.edges, params),
            nodes: FixedLinear::of(&network.nodes, params),
            rounds: rounds.collect(),
            decoder: (FixedLinear::of(first, params), FixedLinear::of(last, params)),
            alpha: params[network.alpha].as_vec()[0],
        }
    }

    fn forward(&self, pattern: &Pattern, nodes: &[f32], entries: &[f32]) -> Vec<f32> {
        let (n, last) = (pattern.nrows(), self.rounds.len() - 1);
        let columns = Columns::of(pattern);
        let rows = |count: usize| vec![[[0.0; GROUP]; V]; count];
        let mut tables = Tables {
            x: rows(n),
            targets: rows(n),
            sources: rows(n),
            e: rows(if last > 0 { entries.len() } else { 0 }),
            into: rows(n),
        };
        let mut out = vec![0.0; entries.len()];
        for r in 0..=last {
            self.pass_over_nodes(r, pattern, &columns, nodes, &mut tables);
            match (r == 0, r == last) {
                (true, true) => self.pass_over_edges::<true, true>(r, pattern, entries, &mut tables, &mut out),
                (true, false) => self.pass_over_edges::<true, false>(r, pattern, entries, &mut tables, &mut out),
                (false, true) => self.pass_over_edges::<false, true>(r, pattern, entries, &mut tables, &mut out),
                (false, false) => self.pass_over_edges::<false, false>(r, pattern, entries, &mut tables, &mut out),
            }
        }
        out
    }

    /// Nodes encoded (before the first round) or updated by the edges of the round before, and what edges take of them.
    fn pass_over_nodes(&self, r: usize, pattern: &Pattern, columns: &Columns, nodes: &[f32], tables: &mut Tables<V>) {
        let edge = &self.rounds[r].0;
        let update = r.checked_sub(1).and_then(|r| self.rounds[r].1.as_ref());
        let bias = edge.bias();
        let Tables { x, targets, sources, e, into } = tables;
        let (e, into) = (&e[..], &into[..]);
        let ends = targets.chunks_mut(CHUNK).zip(sources.chunks_mut(CHUNK));
        side_by_side(x.chunks_mut(CHUNK).zip(ends).collect(), |c, (x, (targets, sources))| {
            let (encoder, first) = (&self.nodes, c * CHUNK);
            let at = Neighbours { pattern, columns, nodes, e, into };
            vectorised(NodePass { encoder, update, edge, bias: &bias, at, first, x, targets, sources });
        });
    }

    /// Edges of round r; the first one encodes them, the last one decodes them into `out`.
    fn pass_over_edges<const FIRST: bool, const LAST: bool>(
        &self,
        r: usize,
        pattern: &Pattern,
        entries: &[f32],
        tables: &mut Tables<V>,
        out: &mut [f32],
    ) {
        let layers = &self.rounds[r].0;
        // Encoding is linear: the first layer on what it makes of an entry is a layer on the entry. The bias of the
        // layer itself stands with the targets already.
        let mut of_entry = layers.own.after(&self.edges);
        let own = layers.own.bias.as_flattened();
        of_entry.bias.as_flattened_mut().iter_mut().zip(own).for_each(|(a, b)| *a -= b);
        let Tables { targets, sources, e, into, .. } = tables;
        let (targets, sources) = (&targets[..], &sources[..]);
        let starts = (0..pattern.nrows()).step_by(CHUNK).map(|i| pattern.range(i).start);
        let bounds: Vec<usize> = starts.chain([entries.len()]).collect();
        // What a round does not touch is cut into nothing.
        let nowhere = vec![0; bounds.len()];
        let e = split(e, if FIRST && LAST { &nowhere } else { &bounds });
        let out = split(out, if LAST { &bounds } else { &nowhere });
        let chunks = e.into_iter().zip(out).zip(into.chunks_mut(CHUNK));
        side_by_side(chunks.collect(), |c, ((e, out), into)| {
            vectorised(EdgePass::<FIRST, LAST, W, V> {
                network: self,
                layers,
                of_entry: &of_entry,
                pattern,
                entries,
                targets,
                sources,
                first: c * CHUNK,
                range: [bounds[c], bounds[c + 1]],
                e,
                into,
                out,
            });
        });
    }
}

/// What nodes read.
#[derive(Clone, Copy)]
struct Neighbours<'a, const V: usize> {
    pattern: &'a Pattern,
    columns: &'a Columns,
    nodes: &'a [f32],
    e: &'a [Row<V>],
    into: &'a [Row<V>],
}

/// A chunk of nodes from `first` on.
struct NodePass<'a, const W: usize, const V: usize> {
    encoder: &'a FixedLinear<2, V>,
    update: Option<&'a NodeLayers<W, V>>,
    edge: &'a EdgeLayers<W, V>,
    bias: &'a Row<V>,
    at: Neighbours<'a, V>,
    first: usize,
    x: &'a mut [Row<V>],
    targets: &'a mut [Row<V>],
    sources: &'a mut [Row<V>],
}

impl<const W: usize, const V: usize> Work for NodePass<'_, W, V> {
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let Neighbours { pattern, columns, nodes, e, into } = self.at;
        let mut start = 0;
        while start < self.x.len() {
            let count = BLOCK.min(self.x.len() - start);
            let node = self.first + start;
            let mut block = [[[0.0; GROUP]; V]; BLOCK];
            match self.update {
                None => {
                    let mut k = 0;
                    while k < count {
                        block[k][0][0] = nodes[2 * (node + k)];
                        block[k][0][1] = nodes[2 * (node + k) + 1];
                        k += 1;
                    }
                    block = self.encoder.forward(lanes, &block);
                }
                Some(update) => {
                    let mut inward = block;
                    let mut outward = block;
                    let mut k = 0;
                    while k < count {
                        block[k] = self.x[start + k];
                        inward[k] = into[node + k];
                        scale(lanes, 1.0 / pattern.range(node + k).len().max(1) as f32, &mut inward[k]);
                        let places = columns.of_column(node + k);
                        let mut p = 0;
                        while p < places.len() {
                            add(lanes, &mut outward[k], &e[places[p] as usize]);
                            p += 1;
                        }
                        scale(lanes, 1.0 / places.len().max(1) as f32, &mut outward[k]);
                        k += 1;
                    }
                    let mut hidden = update.own.forward(lanes, &block);
                    let mut k = 0;
                    while k < BLOCK {
                        add(lanes, &mut hidden[k], &update.into.bias);
                        add(lanes, &mut hidden[k], &update.out_of.bias);
                        add(lanes, &mut block[k], &update.out.bias);
                        k += 1;
                    }
                    update.into.accumulate(lanes, &inward, &mut hidden);
                    update.out_of.accumulate(lanes, &outward, &mut hidden);
                    relu(lanes, &mut hidden);
                    update.out.accumulate(lanes, &hidden, &mut block);
                }
            }
            let mut target = [*self.bias; BLOCK];
            let mut source = [[[0.0; GROUP]; V]; BLOCK];
            self.edge.target.accumulate(lanes, &block, &mut target);
            self.edge.source.accumulate(lanes, &block, &mut source);
            let mut k = 0;
            while k < count {
                self.x[start + k] = block[k];
                self.targets[start + k] = target[k];
                self.sources[start + k] = source[k];
                k += 1;
            }
            start += count;
        }
    }
}

/// The edges into a chunk of nodes from `first` on: entries `range` of the pattern.
struct EdgePass<'a, const FIRST: bool, const LAST: bool, const W: usize, const V: usize> {
    network: &'a Fixed<W, V>,
    layers: &'a EdgeLayers<W, V>,
    of_entry: &'a FixedLinear<1, V>,
    pattern: &'a Pattern,
    entries: &'a [f32],
    targets: &'a [Row<V>],
    sources: &'a [Row<V>],
    first: usize,
    range: [usize; 2],
    e: &'a mut [Row<V>],
    into: &'a mut [Row<V>],
    out: &'a mut [f32],
}

impl<const FIRST: bool, const LAST: bool, const W: usize, const V: usize> Work for EdgePass<'_, FIRST, LAST, W, V> {
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let [start, end] = self.range;
        let (indptr, columns) = (self.pattern.indptr(), self.pattern.indices());
        let mut row = self.first;
        if !LAST {
            self.into.fill([[0.0; GROUP]; V]);
        }
        let mut place = start;
        while place < end {
            let count = BLOCK.min(end - place);
            let mut rows = [row; BLOCK];
            let mut hidden = [[[0.0; GROUP]; V]; BLOCK];
            let mut block = hidden;
            let mut k = 0;
            while k < count {
                while indptr[row + 1] as usize <= place + k {
                    row += 1;
                }
                rows[k] = row;
                hidden[k] = self.targets[row];
                add(lanes, &mut hidden[k], &self.sources[columns[place + k] as usize]);
                match FIRST {
                    true => block[k][0][0] = self.entries[place + k],
                    false => block[k] = self.e[place - start + k],
                }
                k += 1;
            }
            if FIRST {
                let mut k = 0;
                while k < BLOCK {
                    add(lanes, &mut hidden[k], &self.of_entry.bias);
                    k += 1;
                }
                self.of_entry.accumulate(lanes, &block, &mut hidden);
                block = self.network.edges.forward(lanes, &block);
            } else {
                self.layers.own.accumulate(lanes, &block, &mut hidden);
            }
            self.layers.finish(lanes, hidden, &mut block);
            if LAST {
                let (first, last) = &self.network.decoder;
                let mut hidden = first.forward(lanes, &block);
                relu(lanes, &mut hidden);
                let change = last.forward(lanes, &hidden);
                let mut k = 0;
                while k < count {
                    self.out[place - start + k] = self.network.alpha * change[k][0][0];
                    k += 1;
                }
            } else {
                let mut k = 0;
                while k < count {
                    self.e[place - start + k] = block[k];
                    add(lanes, &mut self.into[rows[k] - self.first], &block[k]);
                    k += 1;
                }
            }
            place += count;
        }
    }
}

/// Where the entries of each column stand among those of a pattern, which runs by rows.
struct Columns {
    starts: Vec<u32>,
    places: Vec<u32>,
}

impl Columns {
    fn of(pattern: &Pattern) -> Self {
        let (starts, places) = places_by_key(pattern.indices(), pattern.ncols());
        Columns { starts, places }
    }

    fn of_column(&self, j: usize) -> &[u32] {
        &self.places[self.starts[j] as usize..self.starts[j + 1] as usize]
    }
}
