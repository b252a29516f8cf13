//! What dfdx lacks: parameters of runtime size, layers over them, graph operations and sparse products with
//! derivatives, Adam.
//!
//! This module alone names dfdx, so that a change of engine stays a change of one module.

pub mod adam;
pub mod chunks;
pub mod dense;
pub mod device;
pub mod fixed;
pub mod fixed_edges;
pub mod fourier;
pub mod graph;
pub mod image;
pub mod layers;
pub mod layout;
pub mod learner;
pub mod operator;
pub mod ops;
pub mod params;
pub mod real;
pub mod sparse;
#[cfg(test)]
pub mod testing;

pub use adam::{AdamConfig, AdamState};
pub use device::{Backend, Cpu, Device, Loss, Trained};
pub use layers::{EdgeUpdate, GraphConv, GraphNorm, LayerNorm, Linear, Mlp};
pub use layout::{Layout, Start};
pub use learner::{Learner, StepReport};
pub use params::{NamedArray, Parameter, Params};
pub use real::Real;
