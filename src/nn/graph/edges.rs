//! The weighted edges of a graph.

use std::ops::Range;

use crate::nn::Real;

/// Weighted edges by target: row i holds the neighbours of node i.
#[derive(Debug, Clone, PartialEq)]
pub struct Edges<E> {
    pub(in crate::nn) indptr: Vec<u32>,
    pub(in crate::nn) sources: Vec<u32>,
    pub(in crate::nn) weights: Vec<E>,
}

impl<E: Real> Edges<E> {
    /// Where the edges into node i lie.
    pub(in crate::nn) fn range(&self, i: usize) -> Range<usize> {
        self.indptr[i] as usize..self.indptr[i + 1] as usize
    }

    /// Number of edges.
    pub fn len(&self) -> usize {
        self.sources.len()
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.indptr) + size_of_val(&*self.sources) + size_of_val(&*self.weights)
    }

    /// Whether there is no edge.
    pub fn is_empty(&self) -> bool {
        self.sources.is_empty()
    }

    /// The edges of graphs one after the other, their nodes counted on.
    pub(super) fn joined<'a>(parts: impl Iterator<Item = &'a Edges<E>>, total: usize) -> Edges<E> {
        let mut out = Edges { indptr: vec![0], sources: Vec::with_capacity(total), weights: Vec::with_capacity(total) };
        for part in parts {
            let (node, edge) = (out.indptr.len() as u32 - 1, out.sources.len() as u32);
            out.indptr.extend(part.indptr[1..].iter().map(|e| e + edge));
            out.sources.extend(part.sources.iter().map(|j| j + node));
            out.weights.extend_from_slice(&part.weights);
        }
        out
    }

    pub(super) fn transposed(&self) -> Edges<E> {
        let n = self.indptr.len() - 1;
        let mut indptr = vec![0u32; n + 1];
        for &j in &self.sources {
            indptr[j as usize + 1] += 1;
        }
        for i in 0..n {
            indptr[i + 1] += indptr[i];
        }
        let mut next = indptr.clone();
        let (mut sources, mut weights) = (vec![0; self.len()], vec![E::default(); self.len()]);
        for i in 0..n {
            for e in self.range(i) {
                let at = &mut next[self.sources[e] as usize];
                sources[*at as usize] = i as u32;
                weights[*at as usize] = self.weights[e];
                *at += 1;
            }
        }
        Edges { indptr, sources, weights }
    }
}
