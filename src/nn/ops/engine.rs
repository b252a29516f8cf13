//! How tables, graphs and parameters are held, and on which device.

use dfdx::prelude::{OwnedTape, Storage, Tensor};

use crate::nn::Real;
use crate::nn::graph::Graphs;
use crate::nn::params::{Matrix, Params};

/// A parameter on the device of some operations.
pub type Param<O> = Matrix<<O as Engine>::Real, <O as Engine>::Device>;

/// Parameters there.
pub type Weights<O> = Params<<O as Engine>::Real, <O as Engine>::Device>;

/// A scalar with the operations that led to it.
pub type Scalar<E, D> = Tensor<(), E, D, OwnedTape<E, D>>;

/// What every operation needs: the types it works on, and ways to and from the host.
pub trait Engine {
    /// f32, or f64 in tests.
    type Real: Real;
    /// Where the parameters are.
    type Device: Storage<Self::Real>;
    /// A table: rows of nodes or edges, columns of features.
    type Value: Clone;
    /// The graphs of a batch as the device wants them.
    type Batch;

    /// Puts the graphs of a batch on the device.
    fn batch(&mut self, graphs: &Graphs<Self::Real>) -> Self::Batch;

    /// A table of `cols` columns.
    fn table(&mut self, data: Vec<Self::Real>, cols: usize) -> Self::Value;

    /// Rows and columns of a table.
    fn shape(&self, x: &Self::Value) -> (usize, usize);

    /// The numbers of a table, row by row.
    fn to_host(&self, x: &Self::Value) -> Vec<Self::Real>;
}

/// Operations that remember how to go back.
pub trait Taped: super::Ops + Sized {
    /// The scalar that training minimises, out of the one entry of `value`, with all that led to it.
    fn finish(self, value: &Self::Value) -> Scalar<Self::Real, Self::Device>;
}
