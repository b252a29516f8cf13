//! Several graphs as one block-diagonal graph.

use std::ops::Range;
use std::sync::Arc;

use super::Real;
use crate::error::{Error, Result};
use crate::linalg::Csr;

/// Weighted edges by target: row i holds the neighbours of node i.
#[derive(Debug, Clone, PartialEq)]
pub struct Edges<E> {
    pub(super) indptr: Vec<u32>,
    pub(super) sources: Vec<u32>,
    pub(super) weights: Vec<E>,
}

impl<E: Real> Edges<E> {
    /// Where the edges into node i lie.
    pub(super) fn range(&self, i: usize) -> Range<usize> {
        self.indptr[i] as usize..self.indptr[i + 1] as usize
    }

    /// Number of edges.
    pub fn len(&self) -> usize {
        self.sources.len()
    }

    /// Whether there is no edge.
    pub fn is_empty(&self) -> bool {
        self.sources.is_empty()
    }

    fn transposed(&self) -> Edges<E> {
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
        Edges {
            indptr,
            sources,
            weights,
        }
    }
}

/// A batch of graphs: nodes of all of them in one table, edges within each.
#[derive(Debug, Clone)]
pub struct Graphs<E> {
    offsets: Vec<usize>,
    pub(super) edges: Arc<Edges<E>>,
    /// The edges turned around: the same, where the weights are symmetric.
    pub(super) reversed: Arc<Edges<E>>,
}

impl<E: Real> Graphs<E> {
    /// The graphs of square matrices: an edge for every stored entry (j → i with weight a_ij / `scales`), those on the
    /// diagonal included.
    ///
    /// # Errors
    /// [`Error::Shape`] if a matrix is not square, there is not one scale a matrix, or there are 2³² entries or more.
    pub fn new(matrices: &[&Csr], scales: &[f64]) -> Result<Self> {
        if matrices.len() != scales.len() {
            return Err(Error::shape("scales of matrices", matrices.len(), scales.len()));
        }
        let total: usize = matrices.iter().map(|a| a.nnz()).sum();
        if total > u32::MAX as usize {
            return Err(Error::shape("entries of a batch", "below 2^32", total));
        }
        let mut offsets = vec![0];
        let (mut indptr, mut sources, mut weights) =
            (vec![0], Vec::with_capacity(total), Vec::with_capacity(total));
        let mut symmetric = true;
        for (a, scale) in matrices.iter().zip(scales) {
            if a.nrows() != a.ncols() {
                return Err(Error::shape("columns of a graph's matrix", a.nrows(), a.ncols()));
            }
            symmetric = symmetric && a.is_symmetric(0.0);
            let first = offsets[offsets.len() - 1];
            for i in 0..a.nrows() {
                let (cols, vals) = a.row(i);
                sources.extend(cols.iter().map(|j| j + first as u32));
                weights.extend(vals.iter().map(|v| E::narrow(v / scale)));
                indptr.push(sources.len() as u32);
            }
            offsets.push(first + a.nrows());
        }
        let edges = Arc::new(Edges {
            indptr,
            sources,
            weights,
        });
        let reversed = match symmetric {
            true => edges.clone(),
            false => Arc::new(edges.transposed()),
        };
        Ok(Graphs {
            offsets,
            edges,
            reversed,
        })
    }

    /// The first node of each graph, and the number of all nodes.
    pub fn offsets(&self) -> &[usize] {
        &self.offsets
    }

    /// Nodes in all.
    pub fn nodes(&self) -> usize {
        self.offsets[self.offsets.len() - 1]
    }
}
