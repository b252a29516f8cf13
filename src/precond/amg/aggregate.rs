//! Which nodes are strongly connected, and which belong together.

use std::sync::Arc;

use crate::error::Result;
use crate::linalg::{Csr, Pattern};

/// Each node's aggregate, or none for a node without neighbours.
#[derive(Debug)]
pub(super) struct Aggregates {
    /// Aggregate of each node; `u32::MAX` for none.
    pub(super) of: Vec<u32>,
    pub(super) count: usize,
}

/// The graph of strong connections between nodes of `block` unknowns: max |a_ij| of the block at least
/// θ √(aᵢ aⱼ), aᵢ the largest diagonal entry of node i. Without self-loops.
pub(super) fn strong(a: &Csr, block: usize, theta: f64) -> Result<Arc<Pattern>> {
    let nodes = a.nrows() / block;
    let diagonal = a.diagonal();
    let size = |node: usize| {
        let own = &diagonal[node * block..(node + 1) * block];
        own.iter().fold(0.0, |m: f64, d| m.max(d.abs()))
    };
    let sizes: Vec<f64> = (0..nodes).map(size).collect();
    let mut indptr = Vec::with_capacity(nodes + 1);
    indptr.push(0);
    let mut indices: Vec<u32> = Vec::with_capacity(a.nnz() / (block * block));
    let mut row: Vec<u32> = Vec::new();
    for node in 0..nodes {
        row.clear();
        for i in node * block..(node + 1) * block {
            let (cols, vals) = a.row(i);
            for (&j, v) in cols.iter().zip(vals) {
                let other = j as usize / block;
                let bound = theta * (sizes[node] * sizes[other]).sqrt();
                if other != node && *v != 0.0 && v.abs() >= bound {
                    row.push(other as u32);
                }
            }
        }
        row.sort_unstable();
        row.dedup();
        indices.extend_from_slice(&row);
        indptr.push(indices.len() as u32);
    }
    Ok(Arc::new(Pattern::new(nodes, nodes, indptr, indices)?))
}

const NONE: u32 = u32::MAX;

/// Standard aggregation in three passes: whole neighbourhoods, then the rest joins them, then what is left among
/// itself.
pub(super) fn standard(graph: &Pattern) -> Aggregates {
    let n = graph.nrows();
    let mut of = vec![NONE; n];
    let mut count = 0;
    for i in 0..n {
        let row = graph.row(i);
        if of[i] != NONE || row.is_empty() || row.iter().any(|&j| of[j as usize] != NONE) {
            continue;
        }
        of[i] = count;
        row.iter().for_each(|&j| of[j as usize] = count);
        count += 1;
    }
    // Decided on the first pass alone, so that aggregates do not grow into chains.
    let joins: Vec<(usize, u32)> = (0..n)
        .filter(|&i| of[i] == NONE)
        .filter_map(|i| {
            let neighbour = graph.row(i).iter().find(|&&j| of[j as usize] != NONE)?;
            Some((i, of[*neighbour as usize]))
        })
        .collect();
    for (i, aggregate) in joins {
        of[i] = aggregate;
    }
    for i in 0..n {
        if of[i] != NONE || graph.row(i).is_empty() {
            continue;
        }
        of[i] = count;
        for &j in graph.row(i) {
            if of[j as usize] == NONE {
                of[j as usize] = count;
            }
        }
        count += 1;
    }
    Aggregates { of, count: count as usize }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_cut_into_threes() {
        let pairs: Vec<(u32, u32)> = (0..8).flat_map(|i| [(i, i + 1), (i + 1, i)]).collect();
        let graph = Pattern::from_pairs(10, 10, &pairs).unwrap();
        let aggregates = standard(&graph);
        assert_eq!(aggregates.of[..9], [0, 0, 1, 1, 1, 2, 2, 2, 2]);
        assert_eq!((aggregates.of[9], aggregates.count), (NONE, 3), "a lone node has none");
    }
}
