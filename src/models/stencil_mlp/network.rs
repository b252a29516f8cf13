//! The network, and the two-level method it makes.

use std::sync::Arc;

use super::normalization::{Grid, Normalization, window};
use super::{NAME, StencilConfig};
use crate::error::Result;
use crate::linalg::{Csr, Pattern};
use crate::models::PredictOptions;
use crate::models::network::{Description, Network};
use crate::models::two_level::TwoLevel;
use crate::nn::ops::Engine;
use crate::nn::{Backend, Layout, Mlp, Trained};
use crate::precond::FastPoisson;
use crate::solve::Acceleration;
use crate::system::LinearSystem;

/// The pattern of W, and for each entry its place among the network's n × outputs numbers.
pub(super) fn smoother_pattern(grid: Grid, config: &StencilConfig) -> Result<(Arc<Pattern>, Vec<u32>)> {
    let n = grid.m * grid.m;
    let outputs = config.outputs();
    let (mut indptr, mut indices, mut slots) = (vec![0u32], Vec::new(), Vec::new());
    let steps = window(config.output_radius);
    for i in 0..n {
        // Row-wise windows come in rising node order.
        for (o, &step) in steps.iter().enumerate() {
            if let Some(j) = grid.at(i, step) {
                indices.push(j as u32);
                slots.push((i * outputs + o) as u32);
            }
        }
        indptr.push(indices.len() as u32);
    }
    Ok((Arc::new(Pattern::new(n, n, indptr, indices)?), slots))
}

/// A perceptron from the patch around a node to its row of W and its entry of S.
pub(super) struct StencilMlp {
    pub(super) norm: Normalization,
    pub(super) perceptron: Mlp,
    pub(super) about: Description,
}

impl StencilMlp {
    /// With small initial weights in the last layer: training starts from damped Jacobi.
    pub(super) fn new(norm: Normalization) -> Self {
        let mut layout = Layout::default();
        let config = &norm.config;
        let (inputs, outputs) = (config.inputs(), config.outputs());
        let perceptron = Mlp::new(&mut layout, NAME, inputs, &config.hidden, outputs, 0.01);
        StencilMlp {
            about: Description { buffers: norm.buffers(), ..Description::new(NAME, &norm.config, layout) },
            norm,
            perceptron,
        }
    }

    /// W and the diagonal of S for one matrix.
    ///
    /// # Errors
    /// [`crate::Error::Argument`] unless A lives on a square grid in row-wise order.
    fn smoother<D: Backend>(&self, weights: &Trained<D>, a: &Csr) -> Result<(Csr, Vec<f64>)> {
        let grid = Grid::of(a)?;
        let config = &self.norm.config;
        let x = self.norm.features(a, grid);
        let out = weights.evaluate_dense(|ops, w| {
            let x = ops.table(x, config.inputs());
            self.perceptron.forward(ops, w, &x)
        });
        let (factor, base) = self.norm.units(a, grid);
        let value = |k: usize| f64::from(out[k] * factor[k] + base[k]);
        let (pattern, slots) = smoother_pattern(grid, config)?;
        let w = Csr::new(pattern, slots.iter().map(|&k| value(k as usize)).collect())?;
        let outputs = config.outputs();
        let s = (0..a.nrows()).map(|i| value(i * outputs + outputs - 1)).collect();
        Ok((w, s))
    }
}

impl<D: Backend> Network<D> for StencilMlp {
    fn about(&self) -> &Description {
        &self.about
    }

    /// Symmetric as it is; there are no entries to filter.
    fn predict(&self, weights: &Trained<D>, system: &LinearSystem, options: &PredictOptions) -> Result<Acceleration> {
        options.nothing_to_filter(NAME)?;
        let (w, s) = self.smoother(weights, &system.matrix)?;
        let coarse = FastPoisson::new(system.n())?;
        let two = TwoLevel::new(system.matrix.clone(), w, s, coarse);
        Ok(Acceleration::preconditioner(two))
    }
}
