//! Random vectors that approximate inverses are tried on.

use std::sync::Arc;

use dfdx::prelude::{Device, Tape};

use super::add::AddOp;
use super::dfdx::{DfdxOps, Table, narrow};
use super::lists::Lists;
use crate::nn::Real;

/// Matrices A on the edges of a batch, and the vectors that a predicted inverse is tried on.
#[derive(Debug, Clone)]
pub struct Trial {
    /// First node of each graph, and the number of nodes.
    pub offsets: Vec<usize>,
    /// Entries of A, one an edge.
    pub matrix: Arc<Vec<f64>>,
    /// Vectors over all nodes, one after the other.
    pub vectors: Arc<Vec<f64>>,
    /// ε of M = G Gᵀ + ε I.
    pub shift: f64,
}

impl Trial {
    /// Nodes of all graphs, at least 1.
    fn nodes(&self) -> usize {
        self.offsets.last().copied().unwrap_or(0).max(1)
    }

    /// Vector by vector.
    pub(super) fn vectors(&self) -> impl Iterator<Item = &[f64]> {
        self.vectors.chunks_exact(self.nodes())
    }

    /// Graphs times vectors.
    fn count(&self) -> usize {
        (self.offsets.len() - 1) * (self.vectors.len() / self.nodes())
    }

    /// 1 / (graphs · vectors · n) of each graph.
    pub(super) fn by_nodes(&self) -> Vec<f64> {
        let weight = |r: &[usize]| 1.0 / (self.count() * (r[1] - r[0])).max(1) as f64;
        self.offsets.windows(2).map(weight).collect()
    }

    /// 1 / (graphs · vectors · ‖w_g‖²) of each graph of a vector.
    pub(super) fn by_squares(&self, w: &[f64]) -> Vec<f64> {
        let weight = |r: &[usize]| 1.0 / (self.count() as f64 * square(&w[r[0]..r[1]])).max(f64::MIN_POSITIVE);
        self.offsets.windows(2).map(weight).collect()
    }
}

/// ‖v‖².
pub(super) fn square(v: &[f64]) -> f64 {
    v.iter().map(|v| v * v).sum()
}

/// Σ_g weight_g ‖r_g‖² over graphs; r becomes its derivative, 2 weight_g r_g.
pub(super) fn weigh(offsets: &[usize], weights: &[f64], r: &mut [f64]) -> f64 {
    let mut total = 0.0;
    for (range, weight) in offsets.windows(2).zip(weights) {
        let part = &mut r[range[0]..range[1]];
        total += weight * square(part);
        part.iter_mut().for_each(|r| *r *= 2.0 * weight);
    }
    total
}

impl<E: Real, D: Device<E>, T: Tape<E, D>> DfdxOps<E, D, T> {
    /// A column of constants.
    pub(super) fn column(&self, data: impl IntoIterator<Item = f64>) -> Table<E, D> {
        self.constant(narrow(data.into_iter()), 1)
    }

    /// Σ_g weight_g ‖r_g‖² over graphs: (1, 1).
    pub(super) fn weighed(&mut self, at: &Lists<E, D>, r: &Table<E, D>, weights: Vec<f64>) -> Table<E, D> {
        let weights = self.column(weights);
        let squares = self.on(r, |r| r.square());
        let squares = self.sums(&squares, &at.graphs);
        let weighed = self.times(&squares, &weights);
        self.total(&weighed)
    }

    /// Σ of (1, 1) tables, one a vector.
    pub(super) fn over_vectors(
        &mut self,
        trial: &Trial,
        mut loss: impl FnMut(&mut Self, &[f64]) -> Table<E, D>,
    ) -> Table<E, D> {
        let mut total: Option<Table<E, D>> = None;
        for w in trial.vectors() {
            let one = loss(self, w);
            total = Some(match total {
                None => one,
                Some(total) => self.add(&total, &one),
            });
        }
        total.unwrap_or_else(|| self.column([0.0]))
    }
}
