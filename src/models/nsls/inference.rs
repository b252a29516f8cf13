//! The network's forward pass for inference on the CPU: two passes over the rows of A a block, the weights of small
//! widths in registers, sums over neighbours taken where they are used.
//!
//! The same function as [`Nsls::forward`] up to the order of sums, in chunks of fixed size: the same bits for any
//! number of threads.

use super::layers::{Block, Nsls, SLOPE};
use crate::linalg::Csr;
use crate::nn::chunks::side_by_side;
use crate::nn::fixed::{BLOCK, FixedLinear, GROUP, Lanes, Row, Rows, Work, add, add_scaled, leaky, padded, vectorised};
use crate::nn::graph::CHUNK;
use crate::nn::ops::GRAPH_NORM_EPSILON;
use crate::nn::{Backend, GraphConv, Params};

/// What the network says, nodes × outputs, row by row; none for a width without a kernel.
///
/// `features` are nodes × inputs, the last column of which is the last iterate.
pub fn outputs<D: Backend>(
    network: &Nsls,
    params: &Params<f32, D>,
    matrix: &Csr,
    features: &[f32],
) -> Option<Vec<f32>> {
    if network.config.outputs() > GROUP {
        return None;
    }
    Some(match network.config.width {
        8 => Fixed::<8, 1>::new(network, params).forward(matrix, features),
        16 => Fixed::<16, 2>::new(network, params).forward(matrix, features),
        32 => Fixed::<32, 4>::new(network, params).forward(matrix, features),
        _ => return None,
    })
}

/// The weights of a network of width W = 8 V.
struct Fixed<const W: usize, const V: usize> {
    /// A row an input, and the bias.
    encoder: (Vec<Row<V>>, Row<V>),
    blocks: Vec<Layers<W, V>>,
    decoder: (FixedLinear<W, V>, FixedLinear<W, 1>),
    outputs: usize,
    skip: bool,
}

/// Of a [`Block`].
struct Layers<const W: usize, const V: usize> {
    /// γ, β, α.
    norm: [Row<V>; 3],
    convs: [Conv<W, V>; 2],
}

/// Of a [`GraphConv`]: the bias stands with the first one.
struct Conv<const W: usize, const V: usize> {
    own: FixedLinear<W, V>,
    others: FixedLinear<W, V>,
}

impl<const W: usize, const V: usize> Conv<W, V> {
    fn new<D: Backend>(conv: &GraphConv, params: &Params<f32, D>) -> Self {
        let [own, others, bias] = conv.values(params);
        let none = vec![0.0; bias.len()];
        Conv { own: FixedLinear::from_values(&own, &bias), others: FixedLinear::from_values(&others, &none) }
    }
}

fn row<const V: usize>(values: &[f32]) -> Row<V> {
    let mut row = [[0.0; GROUP]; V];
    row.as_flattened_mut().copy_from_slice(values);
    row
}

/// Σ x and Σ x² of each feature over a chunk of nodes.
#[derive(Clone)]
struct Sums<const V: usize>([[[f64; GROUP]; V]; 2]);

impl<const V: usize> Sums<V> {
    const NONE: Self = Sums([[[0.0; GROUP]; V]; 2]);

    #[inline(always)]
    fn add(&mut self, x: &Row<V>) {
        let mut v = 0;
        while v < V {
            let mut l = 0;
            while l < GROUP {
                let t = f64::from(x[v][l]);
                self.0[0][v][l] += t;
                self.0[1][v][l] += t * t;
                l += 1;
            }
            v += 1;
        }
    }
}

/// x ↦ slope (x − shift) + offset, feature by feature.
struct Affine<const V: usize> {
    slope: Row<V>,
    shift: Row<V>,
    offset: Row<V>,
}

impl<const V: usize> Affine<V> {
    /// The normalisation of n nodes with these sums.
    fn of([gamma, beta, alpha]: &[Row<V>; 3], chunks: &[Sums<V>], n: usize) -> Self {
        let mut all = Sums::<V>::NONE;
        for chunk in chunks {
            let total = all.0.as_flattened_mut().as_flattened_mut();
            total.iter_mut().zip(chunk.0.as_flattened().as_flattened()).for_each(|(a, b)| *a += b);
        }
        let n = n.max(1) as f64;
        let mut affine = Affine { slope: *gamma, shift: *alpha, offset: *beta };
        for v in 0..V {
            for l in 0..GROUP {
                let mean = all.0[0][v][l] / n;
                let shift = f64::from(alpha[v][l]) * mean;
                let squares = all.0[1][v][l] / n - 2.0 * shift * mean + shift * shift;
                affine.slope[v][l] = (f64::from(gamma[v][l]) / (squares.max(0.0) + GRAPH_NORM_EPSILON).sqrt()) as f32;
                affine.shift[v][l] = shift as f32;
            }
        }
        affine
    }

    /// Of x, and of a sum of rows whose weights add up to `weight`.
    #[inline(always)]
    fn apply<L: Lanes>(&self, lanes: L, weight: f32, x: &mut Row<V>) {
        let less = lanes.splat(-weight);
        let (more, zero) = (lanes.splat(weight), lanes.splat(0.0));
        let mut v = 0;
        while v < V {
            let centred = lanes.multiply_add(less, lanes.load(&self.shift[v]), lanes.load(&x[v]));
            let offset = lanes.multiply_add(more, lanes.load(&self.offset[v]), zero);
            lanes.store(lanes.multiply_add(centred, lanes.load(&self.slope[v]), offset), &mut x[v]);
            v += 1;
        }
    }
}

impl<const W: usize, const V: usize> Fixed<W, V> {
    fn new<D: Backend>(network: &Nsls, params: &Params<f32, D>) -> Self {
        let (weight, bias) = network.encoder.values(params);
        let layers = |block: &Block| Layers {
            norm: block.norm.values(params).each_ref().map(|values| row(values)),
            convs: block.convs.each_ref().map(|conv| Conv::new(conv, params)),
        };
        let [first, last] = [0, 1].map(|k| &network.decoder.layers()[k]);
        Fixed {
            encoder: (weight.chunks_exact(W).map(row).collect(), row(&bias)),
            blocks: network.blocks.iter().map(layers).collect(),
            decoder: (FixedLinear::of(first, params), FixedLinear::of(last, params)),
            outputs: network.config.outputs(),
            skip: network.config.skip,
        }
    }

    fn forward(&self, matrix: &Csr, features: &[f32]) -> Vec<f32> {
        let (n, inputs) = (matrix.nrows(), self.encoder.0.len());
        let values: Vec<f32> = matrix.values().iter().map(|&v| v as f32).collect();
        let a = Edges { matrix, values: &values };
        let mut h = vec![[[0.0; GROUP]; V]; n];
        let mut t = h.clone();
        let mut sums = vec![Sums::<V>::NONE; n.div_ceil(CHUNK)];
        let chunks = h.chunks_mut(CHUNK).zip(&mut sums).zip(features.chunks(CHUNK * inputs));
        side_by_side(chunks.collect(), |_, ((h, sums), features)| {
            vectorised(Encoder { layer: &self.encoder, features, h, sums });
        });
        for layers in &self.blocks {
            let affine = Affine::of(&layers.norm, &sums, n);
            let from = &h[..];
            side_by_side(t.chunks_mut(CHUNK).collect(), |c, t| {
                vectorised(First { conv: &layers.convs[0], affine: &affine, a, h: from, first: c * CHUNK, t });
            });
            let from = &t[..];
            side_by_side(h.chunks_mut(CHUNK).zip(&mut sums).collect(), |c, (h, sums)| {
                vectorised(Second { conv: &layers.convs[1], a, t: from, first: c * CHUNK, h, sums });
            });
        }
        let mut out = vec![0.0; n * self.outputs];
        let chunks = out.chunks_mut(CHUNK * self.outputs).zip(h.chunks(CHUNK)).zip(features.chunks(CHUNK * inputs));
        side_by_side(chunks.collect(), |_, ((out, h), features)| {
            vectorised(Decoder { network: self, features, inputs, h, out });
        });
        out
    }
}

/// A in single precision.
#[derive(Clone, Copy)]
struct Edges<'a> {
    matrix: &'a Csr,
    values: &'a [f32],
}

impl Edges<'_> {
    /// Σ_j a_ij x_j of row i, and Σ_j a_ij.
    #[inline(always)]
    fn gather<L: Lanes, const V: usize>(self, lanes: L, i: usize, x: &[Row<V>]) -> (Row<V>, f32) {
        let (indptr, columns) = (self.matrix.pattern().indptr(), self.matrix.pattern().indices());
        let (mut sum, mut weight) = ([[0.0; GROUP]; V], 0.0);
        let (mut e, end) = (indptr[i] as usize, indptr[i + 1] as usize);
        while e < end {
            add_scaled(lanes, &mut sum, self.values[e], &x[columns[e] as usize]);
            weight += self.values[e];
            e += 1;
        }
        (sum, weight)
    }
}

/// The features of a chunk of nodes encoded.
struct Encoder<'a, const V: usize> {
    layer: &'a (Vec<Row<V>>, Row<V>),
    features: &'a [f32],
    h: &'a mut [Row<V>],
    sums: &'a mut Sums<V>,
}

impl<const V: usize> Work for Encoder<'_, V> {
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let inputs = self.layer.0.len();
        *self.sums = Sums::NONE;
        let mut i = 0;
        while i < self.h.len() {
            let mut row = self.layer.1;
            let mut k = 0;
            while k < inputs {
                add_scaled(lanes, &mut row, self.features[i * inputs + k], &self.layer.0[k]);
                k += 1;
            }
            self.h[i] = row;
            self.sums.add(&row);
            i += 1;
        }
    }
}

/// t = act(conv(norm(h))) for a chunk of nodes from `first` on.
struct First<'a, const W: usize, const V: usize> {
    conv: &'a Conv<W, V>,
    affine: &'a Affine<V>,
    a: Edges<'a>,
    h: &'a [Row<V>],
    first: usize,
    t: &'a mut [Row<V>],
}

impl<const W: usize, const V: usize> Work for First<'_, W, V> {
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let mut start = 0;
        while start < self.t.len() {
            let count = BLOCK.min(self.t.len() - start);
            let node = self.first + start;
            let mut own = padded(&self.h[node..node + count]);
            let mut others: Rows<V> = [[[0.0; GROUP]; V]; BLOCK];
            let mut k = 0;
            while k < count {
                self.affine.apply(lanes, 1.0, &mut own[k]);
                let (mut sum, weight) = self.a.gather(lanes, node + k, self.h);
                self.affine.apply(lanes, weight, &mut sum);
                others[k] = sum;
                k += 1;
            }
            let mut out = self.conv.own.forward(lanes, &own);
            self.conv.others.accumulate(lanes, &others, &mut out);
            leaky(lanes, SLOPE as f32, &mut out);
            self.t[start..start + count].copy_from_slice(&out[..count]);
            start += count;
        }
    }
}

/// h ← h + conv(t) for a chunk of nodes from `first` on, and its sums.
struct Second<'a, const W: usize, const V: usize> {
    conv: &'a Conv<W, V>,
    a: Edges<'a>,
    t: &'a [Row<V>],
    first: usize,
    h: &'a mut [Row<V>],
    sums: &'a mut Sums<V>,
}

impl<const W: usize, const V: usize> Work for Second<'_, W, V> {
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        *self.sums = Sums::NONE;
        let mut start = 0;
        while start < self.h.len() {
            let count = BLOCK.min(self.h.len() - start);
            let node = self.first + start;
            let own = padded(&self.t[node..node + count]);
            let mut others: Rows<V> = [[[0.0; GROUP]; V]; BLOCK];
            let mut k = 0;
            while k < count {
                others[k] = self.a.gather(lanes, node + k, self.t).0;
                k += 1;
            }
            let mut out = self.conv.own.forward(lanes, &own);
            self.conv.others.accumulate(lanes, &others, &mut out);
            let mut k = 0;
            while k < count {
                add(lanes, &mut self.h[start + k], &out[k]);
                self.sums.add(&self.h[start + k]);
                k += 1;
            }
            start += count;
        }
    }
}

/// What a chunk of nodes says.
struct Decoder<'a, const W: usize, const V: usize> {
    network: &'a Fixed<W, V>,
    features: &'a [f32],
    inputs: usize,
    h: &'a [Row<V>],
    out: &'a mut [f32],
}

impl<const W: usize, const V: usize> Work for Decoder<'_, W, V> {
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let ((first, last), outputs) = (&self.network.decoder, self.network.outputs);
        let mut start = 0;
        while start < self.h.len() {
            let count = BLOCK.min(self.h.len() - start);
            let mut hidden = first.forward(lanes, &padded(&self.h[start..start + count]));
            leaky(lanes, SLOPE as f32, &mut hidden);
            let said = last.forward(lanes, &hidden);
            let mut k = 0;
            while k < count {
                let i = start + k;
                let skipped = if self.network.skip { self.features[(i + 1) * self.inputs - 1] } else { 0.0 };
                let mut o = 0;
                while o < outputs {
                    self.out[i * outputs + o] = said[k][0][o] + skipped;
                    o += 1;
                }
                k += 1;
            }
            start += count;
        }
    }
}
