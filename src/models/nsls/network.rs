//! The network, and what it predicts.

use super::features::Seen;
use super::layers::Nsls;
use super::{NAME, Scale};
use super::{inference, iterates};
use crate::error::Result;
use crate::linalg::Csr;
use crate::linalg::vector::dot;
use crate::models::PredictOptions;
use crate::models::network::{Description, Network};
use crate::nn::graph::Graphs;
use crate::nn::ops::Engine;
use crate::nn::{Backend, Device, Trained};
use crate::solve::Acceleration;
use crate::system::LinearSystem;

impl Nsls {
    /// What the network says of a system, nodes × outputs.
    pub(super) fn say<D: Backend>(&self, weights: &Trained<D>, seen: &Seen) -> Result<Vec<f64>> {
        if D::KIND == Device::Cpu {
            let fast = |params: &_| inference::outputs(self, params, &seen.matrix, &seen.features);
            if let Some(out) = weights.read(fast) {
                return Ok(out.into_iter().map(f64::from).collect());
            }
        }
        let graphs = Graphs::of(&seen.matrix)?;
        let columns = self.config.inputs();
        let out = weights.evaluate(|ops, w| {
            let at = ops.batch(&graphs);
            let last = ops.table(seen.last(columns), 1);
            let x = ops.table(seen.features.clone(), columns);
            self.forward(ops, w, &at, &x, &last)
        });
        Ok(out.into_iter().map(f64::from).collect())
    }

    /// x̂ for a system, and the products with A that it took.
    ///
    /// # Errors
    /// If A is not square, zero, or (with Jacobi scaling) has a diagonal entry that is not positive.
    pub fn guess<D: Backend>(&self, weights: &Trained<D>, a: &Csr, b: &[f64]) -> Result<(Vec<f64>, usize)> {
        let seen = Seen::new(&self.config, a, b)?;
        let said = self.say(weights, &seen)?;
        let k = self.config.directions;
        if k == 0 {
            // Its length is that of the system itself: one product.
            let x = scaled(self.config.scale, a, b, seen.to_solution(&said));
            return Ok((x, seen.ran.products + 1));
        }
        let column = |j: usize| said.iter().skip(j).step_by(k).copied().collect();
        let x = iterates::combined(&seen.ran, &seen.matrix, (0..k).map(column).collect());
        Ok((seen.to_solution(&x), seen.ran.products + k))
    }
}

/// μ x̃ (see [`Scale`]); x̃ itself where μ is not defined.
pub fn scaled(scale: Scale, a: &Csr, b: &[f64], mut x: Vec<f64>) -> Vec<f64> {
    let mut ax = vec![0.0; b.len()];
    a.spmv(&x, &mut ax);
    let (above, below) = match scale {
        Scale::Residual => (dot(&ax, b), dot(&ax, &ax)),
        Scale::Energy => (dot(&x, b), dot(&x, &ax)),
    };
    let mu = above / below;
    if mu.is_finite() {
        x.iter_mut().for_each(|v| *v *= mu);
    }
    x
}

impl<D: Backend> Network<D> for Nsls {
    fn about(&self) -> &Description {
        &self.about
    }

    fn predict(&self, weights: &Trained<D>, system: &LinearSystem, options: &PredictOptions) -> Result<Acceleration> {
        // Nothing to symmetrize either, but a method that asks for it takes any guess.
        options.nothing_to_filter(NAME)?;
        let (a, b) = (&system.matrix, &system.rhs);
        let (x, setup_iterations) = self.guess(weights, a, b)?;
        Ok(Acceleration { setup_iterations, ..Acceleration::guess(x) })
    }
}
