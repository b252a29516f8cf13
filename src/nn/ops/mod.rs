//! The operations of networks: [`Ops`], which networks are written against, and two ways to compute them.
//!
//! An operation is one file: a trait, its fused form with its derivative on the CPU ([`FusedOps`]), its form out of
//! dfdx's kernels on any device ([`DfdxOps`]), and tests of both.

mod activate;
mod add;
mod aggregate;
mod combine;
mod cosine_loss;
pub mod dfdx;
mod engine;
mod factor_loss;
mod factored_inverse_loss;
mod fused;
mod gate;
mod gather;
mod gaussian;
pub(in crate::nn) mod gelu;
mod gemm;
mod global_attention;
mod graph_conv;
mod graph_norm;
mod instance_norm;
pub(in crate::nn) mod layer_norm;
mod linear;
mod lists;
mod multiply;
mod pool;
mod propagate;
mod scale;
mod scores;
mod segment_softmax;
mod sparse_inverse_loss;
mod spectral;
mod subspace_loss;
#[cfg(test)]
pub(in crate::nn) mod testing;
mod trial;
mod weighted_sum;

use ::dfdx::prelude::{Cpu, Device, Tape};

use super::Real;

pub use activate::ActivateOp;
pub use add::AddOp;
pub use aggregate::AggregateOp;
pub use aggregate::Reduce;
pub use combine::CombineOp;
pub use cosine_loss::CosineLossOp;
pub use dfdx::DfdxOps;
pub use engine::{Engine, Param, Scalar, Taped, Weights};
pub use factor_loss::FactorLossOp;
pub use factored_inverse_loss::FactoredInverseLossOp;
pub use fused::{FusedOps, Value};
pub use gate::GateOp;
pub use gather::{GatherOp, NO_ROW};
pub use gaussian::GaussianOp;
pub use gelu::GeluOp;
pub use global_attention::GlobalAttentionOp;
pub use graph_conv::GraphConvOp;
pub use graph_norm::{EPSILON as GRAPH_NORM_EPSILON, GraphNormOp};
pub use instance_norm::InstanceNormOp;
pub use layer_norm::LayerNormOp;
pub use linear::LinearOp;
pub use lists::Lists;
pub use multiply::MultiplyOp;
pub use pool::PoolOp;
pub use propagate::PropagateOp;
pub use scale::ScaleOp;
pub use scores::ScoresOp;
pub use segment_softmax::SegmentSoftmaxOp;
pub use sparse_inverse_loss::SparseInverseLossOp;
pub use spectral::{Images, SpectralOp};
pub use subspace_loss::{SubspaceLoss, SubspaceLossOp, Vectors};
pub use trial::Trial;
pub use weighted_sum::WeightedSumOp;

/// All operations. A network is a function generic over this trait; it runs fused on the CPU, or out of dfdx's kernels
/// on any device.
pub trait Ops:
    Engine
    + ActivateOp
    + AddOp
    + AggregateOp
    + CombineOp
    + CosineLossOp
    + FactorLossOp
    + FactoredInverseLossOp
    + GateOp
    + GatherOp
    + GaussianOp
    + GeluOp
    + GlobalAttentionOp
    + GraphConvOp
    + GraphNormOp
    + InstanceNormOp
    + LayerNormOp
    + LinearOp
    + MultiplyOp
    + PoolOp
    + PropagateOp
    + ScaleOp
    + ScoresOp
    + SegmentSoftmaxOp
    + SparseInverseLossOp
    + SpectralOp
    + SubspaceLossOp
    + WeightedSumOp
{
}

impl<E: Real, T: Tape<E, Cpu>> Ops for FusedOps<E, T> {}

impl<E: Real, D: Device<E>, T: Tape<E, D>> Ops for DfdxOps<E, D, T> {}
