//! Triangles of sparse matrices, and how to substitute with them fast.

mod schedule;
mod substitution;
mod supernodes;
mod triangle;

pub use substitution::TriangularSolve;
pub use triangle::StrictTriangle;
