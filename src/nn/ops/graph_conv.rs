//! Graph convolutions.

use dfdx::prelude::{Cpu, Device, Tape, TryMatMul};

use super::activate::ActivateOp;
use super::add::AddOp;
use super::dfdx::{DfdxOps, Table};
use super::engine::{Engine, Param};
use super::fused::{FusedOps, Value};
use super::linear::{LinearOp, layer};
use super::lists::Lists;
use super::propagate::PropagateOp;
use crate::nn::Real;
use crate::nn::graph::Graphs;

/// Graph convolutions.
pub trait GraphConvOp: Engine {
    /// y = act(x U + (A x) V + b), the graph convolution of Morris et al. (2019, doi:10.1609/aaai.v33i01.33014602) with
    /// the entries of A as edge weights.
    fn graph_conv(
        &mut self,
        at: &Self::Batch,
        x: &Self::Value,
        weights: [&Param<Self>; 3],
        slope: Option<f64>,
    ) -> Self::Value;
}

impl<E: Real, T: Tape<E, Cpu>> GraphConvOp for FusedOps<E, T> {
    fn graph_conv(
        &mut self,
        graphs: &Graphs<E>,
        x: &Value<E>,
        [own, others, bias]: [&Param<Self>; 3],
        slope: Option<f64>,
    ) -> Value<E> {
        layer(&mut self.tape, Some(graphs), x, own, Some(others), bias, slope)
    }
}

impl<E: Real, D: Device<E>, T: Tape<E, D>> GraphConvOp for DfdxOps<E, D, T> {
    fn graph_conv(
        &mut self,
        at: &Lists<E, D>,
        x: &Table<E, D>,
        [own, others, bias]: [&Param<Self>; 3],
        slope: Option<f64>,
    ) -> Table<E, D> {
        let sums = self.propagate(at, x);
        let around = self.on(&sums, |s| s.matmul(others.clone()));
        let y = self.linear(x, (own, bias), None);
        let y = self.add(&y, &around);
        slope.map_or(y.clone(), |slope| self.activate(&y, slope))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::ops::testing::{NODES, check, table};

    check!(identity, [(NODES, 3), (3, 2), (3, 2), (1, 2)], |o, at, p| {
        let x = table(o, &p[0]);
        o.graph_conv(at, &x, [&p[1], &p[2], &p[3]], None)
    });

    check!(activated, [(NODES, 3), (3, 2), (3, 2), (1, 2)], |o, at, p| {
        let x = table(o, &p[0]);
        o.graph_conv(at, &x, [&p[1], &p[2], &p[3]], Some(0.1))
    });
}
