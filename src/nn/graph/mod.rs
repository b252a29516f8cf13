//! Graphs of matrices, several as one: what graph networks work on.

mod batch;
mod edges;
mod incidence;

pub use batch::Graphs;
pub use edges::Edges;
pub use incidence::{CHUNK, Incidence};
