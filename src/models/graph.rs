//! Batches of graphs: samples one after the other.

use std::sync::Arc;

use crate::error::Result;
use crate::nn::graph::Graphs;

/// The graphs of samples as one, its incidence made ready too if the network works on edges.
///
/// # Errors
/// [`crate::Error::Shape`] if there are 2³² edges or more.
pub fn join<T>(items: &[Arc<T>], graph: fn(&T) -> &Graphs<f32>, edges: bool) -> Result<Graphs<f32>> {
    let parts: Vec<_> = items.iter().map(|i| graph(i)).collect();
    let graphs = Graphs::join(&parts)?;
    if edges {
        graphs.incidence();
    }
    Ok(graphs)
}

/// A table of each sample, one after the other.
pub fn concat<T>(items: &[Arc<T>], part: fn(&T) -> &[f32]) -> Vec<f32> {
    items.iter().flat_map(|i| part(i).iter().copied()).collect()
}
