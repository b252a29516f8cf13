//! The operations of graph networks: [`Ops`], which networks are written against, and two ways to compute them.
//!
//! - [`FusedOps`], on the CPU: the functions of this module. A table has one row a node (or an edge) and one column a
//!   feature; several graphs lie in one table, one after the other. Every operation takes the tape it is recorded on,
//!   runs over chunks of rows on all cores with sums in a fixed order (the same bits for any number of threads), and
//!   keeps only what its derivative needs. Weights are dfdx tensors of [`super::Params`]; gradients arrive in dfdx's
//!   `Gradients`.
//! - [`DfdxOps`], on any device: dfdx's own kernels.

mod attention;
mod batch;
pub mod composed;
mod conv;
mod cosine;
mod edges;
mod factor;
mod gemm;
mod global;
mod incidence;
mod norm;
mod ops;
#[cfg(test)]
mod testing;
mod value;

pub use attention::{scores, segment_softmax, weighted_sum};
pub use batch::{Edges, Graphs};
pub use composed::DfdxOps;
pub use conv::{graph_conv, linear, propagate};
pub use cosine::cosine_loss;
pub use edges::{Reduce, aggregate, combine};
pub use factor::factor_loss;
pub use gemm::Real;
pub use global::global_attention;
pub use incidence::Incidence;
pub use norm::graph_norm;
pub use ops::{Dense, FusedOps, Ops, Param, Scalar, Taped, Weights};
pub use value::{Value, activate, add, finish, multiply, scale, select};
