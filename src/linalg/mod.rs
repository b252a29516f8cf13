//! Sparse and dense linear algebra: patterns, CSR matrices, the [`LinOp`] verb, vectors, direct solves.
//!
//! Own kernels where fempipe is about speed (CSR products); faer behind [`dense`] and [`cholesky`];
//! conversions to and from nalgebra-sparse for everything else.

pub mod cholesky;
pub mod coarse_space;
pub mod csr;
pub mod dense;
pub mod direct;
pub mod eigen;
pub mod extend;
pub mod lanes;
pub mod ldlt;
pub mod op;
pub mod pattern;
mod pseudo_inverse;
pub mod refine;
mod simplicial;
pub mod space;
mod split_operator;
mod spmv;
pub mod submatrix;
pub mod vector;

pub use cholesky::{Cholesky, SideBySide, SymbolicCholesky};
pub use coarse_space::{CoarseFactor, CoarseSpace, Columns};
pub use csr::{Csr, SYMMETRY};
pub use direct::{Direct, SymbolicDirect};
pub use ldlt::{Inertia, Ldlt, SymbolicLdlt};
pub use op::{LinOp, Props};
pub use pattern::{Pattern, places_by_key};
pub use pseudo_inverse::PseudoInverse;
pub use space::{Partition, Space};
pub use split_operator::SplitOperator;
pub(crate) use spmv::gather_dot;
