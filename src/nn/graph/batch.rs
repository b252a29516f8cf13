//! Several graphs as one block-diagonal graph.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use super::{Incidence, Real};
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

    fn bytes(&self) -> usize {
        size_of_val(&*self.indptr) + size_of_val(&*self.sources) + size_of_val(&*self.weights)
    }

    /// Whether there is no edge.
    pub fn is_empty(&self) -> bool {
        self.sources.is_empty()
    }

    /// The edges of graphs one after the other, their nodes counted on.
    fn joined<'a>(parts: impl Iterator<Item = &'a Edges<E>>, total: usize) -> Edges<E> {
        let mut out = Edges {
            indptr: vec![0],
            sources: Vec::with_capacity(total),
            weights: Vec::with_capacity(total),
        };
        for part in parts {
            let (node, edge) = (out.indptr.len() as u32 - 1, out.sources.len() as u32);
            out.indptr.extend(part.indptr[1..].iter().map(|e| e + edge));
            out.sources.extend(part.sources.iter().map(|j| j + node));
            out.weights.extend_from_slice(&part.weights);
        }
        out
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

/// A batch of graphs: nodes of all of them in one table, edges within each. Clones share what they hold.
#[derive(Debug, Clone)]
pub struct Graphs<E> {
    offsets: Arc<Vec<usize>>,
    pub(super) edges: Arc<Edges<E>>,
    /// The edges turned around: the same, where the weights are symmetric.
    pub(super) reversed: Arc<Edges<E>>,
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
        Graphs {
            offsets: Arc::new(offsets),
            edges,
            reversed,
            incidence: OnceLock::new(),
        }
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

    /// The bytes that the edges take.
    pub fn bytes(&self) -> usize {
        match Arc::ptr_eq(&self.edges, &self.reversed) {
            true => self.edges.bytes(),
            false => self.edges.bytes() + self.reversed.bytes(),
        }
    }

    /// The edges by their ends, made at the first call.
    pub fn incidence(&self) -> &Arc<Incidence> {
        self.incidence.get_or_init(|| Arc::new(Incidence::new(self)))
    }
}
