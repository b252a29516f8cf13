//! Several graphs as one block-diagonal graph.

use std::sync::{Arc, OnceLock};

use super::edges::Edges;
use super::incidence::Incidence;
use crate::error::{Error, Result};
use crate::linalg::Csr;
use crate::nn::Real;

/// A batch of graphs: nodes of all of them in one table, edges within each. Clones share what they hold.
#[derive(Debug, Clone)]
pub struct Graphs<E> {
    offsets: Arc<Vec<usize>>,
    pub(in crate::nn) edges: Arc<Edges<E>>,
    /// The edges turned around: the same, where the weights are symmetric.
    pub(in crate::nn) reversed: Arc<Edges<E>>,
    incidence: OnceLock<Arc<Incidence>>,
}

impl<E: Real> Graphs<E> {
    /// The graph of a square matrix: an edge for every stored entry (j → i with weight a_ij), those on the diagonal
    /// included.
    ///
    /// # Errors
    /// [`Error::Shape`] if the matrix is not square.
    pub fn of(a: &Csr) -> Result<Self> {
        if a.nrows() != a.ncols() {
            return Err(Error::shape("columns of a graph's matrix", a.nrows(), a.ncols()));
        }
        let edges = Arc::new(Edges {
            indptr: a.pattern().indptr().to_vec(),
            sources: a.pattern().indices().to_vec(),
            weights: a.values().iter().map(|&v| E::narrow(v)).collect(),
        });
        let reversed = match a.is_symmetric(0.0) {
            true => edges.clone(),
            false => Arc::new(edges.transposed()),
        };
        Ok(Self::from_parts(vec![0, a.nrows()], edges, reversed))
    }

    /// Graphs one after the other as one.
    ///
    /// # Errors
    /// [`Error::Shape`] if there are 2³² edges or more.
    pub fn join(parts: &[&Self]) -> Result<Self> {
        let total: usize = parts.iter().map(|g| g.edges.len()).sum();
        if total > u32::MAX as usize {
            return Err(Error::shape("entries of a batch", "below 2^32", total));
        }
        let mut offsets = vec![0];
        for part in parts {
            let first = offsets[offsets.len() - 1];
            offsets.extend(part.offsets[1..].iter().map(|o| first + o));
        }
        let edges = Arc::new(Edges::joined(parts.iter().map(|g| &*g.edges), total));
        let reversed = match parts.iter().all(|g| Arc::ptr_eq(&g.edges, &g.reversed)) {
            true => edges.clone(),
            false => Arc::new(Edges::joined(parts.iter().map(|g| &*g.reversed), total)),
        };
        Ok(Self::from_parts(offsets, edges, reversed))
    }

    fn from_parts(offsets: Vec<usize>, edges: Arc<Edges<E>>, reversed: Arc<Edges<E>>) -> Self {
        Graphs { offsets: Arc::new(offsets), edges, reversed, incidence: OnceLock::new() }
    }

    /// The first node of each graph, and the number of all nodes.
    pub fn offsets(&self) -> &[usize] {
        &self.offsets
    }

    /// Nodes in all.
    pub fn nodes(&self) -> usize {
        self.offsets[self.offsets.len() - 1]
    }

    /// Edges in all.
    pub fn edges(&self) -> usize {
        self.edges.len()
    }

    /// The first edge of each graph, and the number of all edges.
    pub fn edge_offsets(&self) -> Vec<usize> {
        self.offsets.iter().map(|&node| self.edges.indptr[node] as usize).collect()
    }

    /// The bytes that the edges take.
    pub fn bytes(&self) -> usize {
        match Arc::ptr_eq(&self.edges, &self.reversed) {
            true => self.edges.bytes(),
            false => self.edges.bytes() + self.reversed.bytes(),
        }
    }

    /// The edges by their ends, made at the first call.
    pub fn incidence(&self) -> &Arc<Incidence> {
        self.incidence.get_or_init(|| Arc::new(Incidence::new(&self.edges)))
    }
}
