//! What graph networks are made of, whatever computes it.

use std::sync::Arc;

use dfdx::prelude::{Cpu, OwnedTape, Storage, Tape, Tensor};

use super::{Graphs, Real, Reduce, Value};
use crate::nn::params::{Matrix, Params};

/// A parameter on the device of some operations.
pub type Param<O> = Matrix<<O as Ops>::Real, <O as Ops>::Device>;

/// Parameters there.
pub type Weights<O> = Params<<O as Ops>::Real, <O as Ops>::Device>;

/// Weight (in × out) and bias (1 × out) of a linear layer there.
pub type Dense<'a, O> = (&'a Param<O>, &'a Param<O>);

/// A scalar with the operations that led to it.
pub type Scalar<E, D> = Tensor<(), E, D, OwnedTape<E, D>>;

/// The operations of graph networks on tables of nodes and edges. A network is a function generic over this trait; it
/// runs fused on the CPU ([`FusedOps`]), or out of dfdx's kernels on any device.
pub trait Ops {
    type Real: Real;
    type Device: Storage<Self::Real>;
    /// A table: rows of nodes or edges, columns of features.
    type Value: Clone;
    /// The graphs of a batch as the device wants them.
    type Batch;

    /// Puts the graphs of a batch on the device.
    fn batch(&mut self, graphs: &Graphs<Self::Real>) -> Self::Batch;

    /// A table of `cols` columns.
    fn table(&mut self, data: Vec<Self::Real>, cols: usize) -> Self::Value;

    /// The numbers of a table, row by row.
    fn to_host(&self, x: &Self::Value) -> Vec<Self::Real>;

    /// See [`super::linear`].
    fn linear(&mut self, x: &Self::Value, layer: Dense<Self>, slope: Option<f64>) -> Self::Value;

    /// See [`super::graph_conv`].
    fn graph_conv(
        &mut self,
        at: &Self::Batch,
        x: &Self::Value,
        weights: [&Param<Self>; 3],
        slope: Option<f64>,
    ) -> Self::Value;

    /// See [`super::propagate`].
    fn propagate(&mut self, at: &Self::Batch, x: &Self::Value) -> Self::Value;

    /// See [`super::graph_norm`].
    fn graph_norm(&mut self, at: &Self::Batch, x: &Self::Value, weights: [&Param<Self>; 3]) -> Self::Value;

    /// See [`super::add`].
    fn add(&mut self, x: &Self::Value, y: &Self::Value) -> Self::Value;

    /// See [`super::multiply`].
    fn multiply(&mut self, x: &Self::Value, y: &Self::Value) -> Self::Value;

    /// See [`super::scale`].
    fn scale(&mut self, x: &Self::Value, t: &Param<Self>) -> Self::Value;

    /// See [`super::activate`].
    fn activate(&mut self, x: &Self::Value, slope: f64) -> Self::Value;

    /// See [`super::select`].
    fn select(&mut self, x: &Self::Value, index: &Arc<Vec<u32>>) -> Self::Value;

    /// See [`super::combine`].
    fn combine(
        &mut self,
        at: &Self::Batch,
        h: &Self::Value,
        p: Option<&Self::Value>,
        q: &Self::Value,
        slope: f64,
    ) -> Self::Value;

    /// See [`super::aggregate`].
    fn aggregate(&mut self, at: &Self::Batch, h: &Self::Value, into: bool, reduce: Reduce) -> Self::Value;

    /// See [`super::scores`].
    fn scores(&mut self, at: &Self::Batch, q: &Self::Value, k: &Self::Value, h: &Self::Value) -> Self::Value;

    /// See [`super::segment_softmax`].
    fn segment_softmax(&mut self, at: &Self::Batch, x: &Self::Value) -> Self::Value;

    /// See [`super::weighted_sum`].
    fn weighted_sum(
        &mut self,
        at: &Self::Batch,
        w: &Self::Value,
        v: &Self::Value,
        h: Option<&Self::Value>,
    ) -> Self::Value;

    /// See [`super::global_attention`].
    fn global_attention(&mut self, at: &Self::Batch, qkv: [&Self::Value; 3]) -> Self::Value;

    /// See [`super::cosine_loss`].
    fn cosine_loss(
        &mut self,
        offsets: &[usize],
        x: &Self::Value,
        target: &Arc<Vec<Self::Real>>,
    ) -> Self::Value;

    /// See [`super::factor_loss`]; `offsets` are those of the nodes.
    fn factor_loss(
        &mut self,
        offsets: &[usize],
        at: &Self::Batch,
        entries: &Self::Value,
        x: &[f64],
        b: &[f64],
    ) -> Self::Value;
}

/// Operations that remember how to go back.
pub trait Taped: Ops + Sized {
    /// The scalar that training minimises, out of the one entry of `value`, with all that led to it.
    fn finish(self, value: &Self::Value) -> Scalar<Self::Real, Self::Device>;
}

/// The fused operations of this module on the CPU, with an empty tape at first.
#[derive(Default)]
pub struct FusedOps<E: Real, T: Tape<E, Cpu>> {
    tape: T,
    numbers: std::marker::PhantomData<E>,
}

impl<E: Real> Taped for FusedOps<E, OwnedTape<E, Cpu>> {
    fn finish(self, value: &Value<E>) -> Scalar<E, Cpu> {
        super::finish(self.tape, value)
    }
}

impl<E: Real, T: Tape<E, Cpu>> Ops for FusedOps<E, T> {
    type Real = E;
    type Device = Cpu;
    type Value = Value<E>;
    type Batch = Graphs<E>;

    fn batch(&mut self, graphs: &Graphs<E>) -> Graphs<E> {
        graphs.clone()
    }

    fn table(&mut self, data: Vec<E>, cols: usize) -> Value<E> {
        Value::new(data, cols)
    }

    fn to_host(&self, x: &Value<E>) -> Vec<E> {
        x.data().to_vec()
    }

    fn linear(&mut self, x: &Value<E>, layer: Dense<Self>, slope: Option<f64>) -> Value<E> {
        super::linear(&mut self.tape, x, layer, slope)
    }

    fn graph_conv(
        &mut self,
        at: &Graphs<E>,
        x: &Value<E>,
        weights: [&Param<Self>; 3],
        slope: Option<f64>,
    ) -> Value<E> {
        super::graph_conv(&mut self.tape, at, x, weights, slope)
    }

    fn propagate(&mut self, at: &Graphs<E>, x: &Value<E>) -> Value<E> {
        super::propagate(&mut self.tape, at, x)
    }

    fn graph_norm(&mut self, at: &Graphs<E>, x: &Value<E>, weights: [&Param<Self>; 3]) -> Value<E> {
        super::graph_norm(&mut self.tape, at, x, weights)
    }

    fn add(&mut self, x: &Value<E>, y: &Value<E>) -> Value<E> {
        super::add(&mut self.tape, x, y)
    }

    fn multiply(&mut self, x: &Value<E>, y: &Value<E>) -> Value<E> {
        super::multiply(&mut self.tape, x, y)
    }

    fn scale(&mut self, x: &Value<E>, t: &Param<Self>) -> Value<E> {
        super::scale(&mut self.tape, x, t)
    }

    fn activate(&mut self, x: &Value<E>, slope: f64) -> Value<E> {
        super::activate(&mut self.tape, x, slope)
    }

    fn select(&mut self, x: &Value<E>, index: &Arc<Vec<u32>>) -> Value<E> {
        super::select(&mut self.tape, x, index)
    }

    fn combine(
        &mut self,
        at: &Graphs<E>,
        h: &Value<E>,
        p: Option<&Value<E>>,
        q: &Value<E>,
        slope: f64,
    ) -> Value<E> {
        super::combine(&mut self.tape, at.incidence(), h, p, q, slope)
    }

    fn aggregate(&mut self, at: &Graphs<E>, h: &Value<E>, into: bool, reduce: Reduce) -> Value<E> {
        super::aggregate(&mut self.tape, at.incidence(), h, into, reduce)
    }

    fn scores(&mut self, at: &Graphs<E>, q: &Value<E>, k: &Value<E>, h: &Value<E>) -> Value<E> {
        super::scores(&mut self.tape, at.incidence(), q, k, h)
    }

    fn segment_softmax(&mut self, at: &Graphs<E>, x: &Value<E>) -> Value<E> {
        super::segment_softmax(&mut self.tape, at.incidence(), x)
    }

    fn weighted_sum(&mut self, at: &Graphs<E>, w: &Value<E>, v: &Value<E>, h: Option<&Value<E>>) -> Value<E> {
        super::weighted_sum(&mut self.tape, at.incidence(), w, v, h)
    }

    fn global_attention(&mut self, at: &Graphs<E>, qkv: [&Value<E>; 3]) -> Value<E> {
        super::global_attention(&mut self.tape, at.offsets(), qkv)
    }

    fn cosine_loss(&mut self, offsets: &[usize], x: &Value<E>, target: &Arc<Vec<E>>) -> Value<E> {
        super::cosine_loss(&mut self.tape, offsets, x, target)
    }

    fn factor_loss(
        &mut self,
        offsets: &[usize],
        at: &Graphs<E>,
        entries: &Value<E>,
        x: &[f64],
        b: &[f64],
    ) -> Value<E> {
        super::factor_loss(&mut self.tape, offsets, at.incidence(), entries, x, b)
    }
}
