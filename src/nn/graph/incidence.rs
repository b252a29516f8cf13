//! Edges by their ends.

use std::ops::Range;

use rayon::prelude::*;

use super::edges::Edges;
use crate::linalg::places_by_key;
use crate::nn::Real;

/// Rows per task: fixed, so that sums have the same bits for any number of threads; a chunk stays in cache.
pub const CHUNK: usize = 512;

/// The edges of a batch by target and, as positions among these, by source.
#[derive(Debug, Clone)]
pub struct Incidence {
    /// Edge e runs into node `target[e]`.
    pub(in crate::nn) target: Vec<u32>,
    pub(in crate::nn) source: Vec<u32>,
    /// Edges into node i: by_target[i] .. by_target[i + 1].
    by_target: Vec<u32>,
    /// Edges out of node j: out_edges[by_source[j] .. by_source[j + 1]].
    by_source: Vec<u32>,
    out_edges: Vec<u32>,
}

impl Incidence {
    /// The incidence of a batch's edges, made once a batch.
    pub(super) fn new<E: Real>(edges: &Edges<E>) -> Self {
        let n = edges.indptr.len() - 1;
        let mut target = Vec::with_capacity(edges.len());
        for i in 0..n {
            target.extend(edges.range(i).map(|_| i as u32));
        }
        let (by_source, out_edges) = places_by_key(&edges.sources, n);
        Incidence { target, source: edges.sources.clone(), by_target: edges.indptr.clone(), by_source, out_edges }
    }

    /// Number of edges.
    pub fn edges(&self) -> usize {
        self.target.len()
    }

    /// (target, source) of each edge.
    pub fn ends(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        self.target.iter().zip(&self.source).map(|(&i, &j)| (i, j))
    }

    /// Number of nodes.
    pub fn nodes(&self) -> usize {
        self.by_target.len() - 1
    }

    /// The edges into node i.
    pub(in crate::nn) fn edges_into(&self, i: usize) -> Range<usize> {
        self.by_target[i] as usize..self.by_target[i + 1] as usize
    }

    /// The edges out of node j.
    pub(in crate::nn) fn edges_out_of(&self, j: usize) -> &[u32] {
        &self.out_edges[self.by_source[j] as usize..self.by_source[j + 1] as usize]
    }

    /// Σ of the rows of the edges into (or out of) each node.
    pub(in crate::nn) fn sums<E: Real>(&self, table: &[E], width: usize, into: bool) -> Vec<E> {
        let mut out = vec![E::default(); self.nodes() * width];
        out.par_chunks_mut(CHUNK * width).enumerate().for_each(|(c, rows)| {
            for (k, row) in rows.chunks_exact_mut(width).enumerate() {
                let i = c * CHUNK + k;
                let mut add = |e: usize| {
                    let from = &table[e * width..(e + 1) * width];
                    row.iter_mut().zip(from).for_each(|(r, &v)| *r += v);
                };
                if into {
                    self.edges_into(i).for_each(&mut add);
                } else {
                    self.edges_out_of(i).iter().for_each(|&e| add(e as usize));
                }
            }
        });
        out
    }

    /// L y for the matrix L of these entries, one an edge.
    pub(in crate::nn) fn product(&self, l: &[f64], y: &[f64]) -> Vec<f64> {
        let row = |i: usize| self.edges_into(i).map(|e| l[e] * y[self.source[e] as usize]).sum();
        (0..self.nodes()).map(row).collect()
    }

    /// Lᵀ x.
    pub(in crate::nn) fn transposed_product(&self, l: &[f64], x: &[f64]) -> Vec<f64> {
        let column =
            |j: usize| self.edges_out_of(j).iter().map(|&e| l[e as usize] * x[self.target[e as usize] as usize]).sum();
        (0..self.nodes()).map(column).collect()
    }

    /// a bᵀ + c dᵀ where there are edges.
    pub(in crate::nn) fn outer_products<'a>(
        &'a self,
        [a, b]: [&'a [f64]; 2],
        [c, d]: [&'a [f64]; 2],
    ) -> impl Iterator<Item = f64> + 'a {
        let ends = self.target.iter().zip(&self.source);
        ends.map(move |(&i, &j)| a[i as usize] * b[j as usize] + c[i as usize] * d[j as usize])
    }

    /// Edges into (or out of) node i.
    pub fn degree(&self, i: usize, into: bool) -> usize {
        match into {
            true => self.edges_into(i).len(),
            false => self.edges_out_of(i).len(),
        }
    }
}
