//! The parameters of a network before it has any: names, shapes, initial values.

use dfdx::prelude::Cpu;
use rand_chacha::ChaCha8Rng;

use super::params::{NamedArray, Params, constant, uniform};
use crate::error::{Error, Result};

/// Initial values of a parameter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Start {
    /// U(−bound, bound).
    Uniform(f32),
    Constant(f32),
}

/// Parameters in a fixed order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Layout(Vec<(String, (usize, usize), Start)>);

impl Layout {
    /// Adds one.
    pub fn add(&mut self, name: impl Into<String>, shape: (usize, usize), start: Start) {
        self.0.push((name.into(), shape, start));
    }

    /// Adds `{name}.weight` (in × out) from U(−b, b) with b = gain √(3/in), which keeps the variance of its input times
    /// gain², and `{name}.bias` (1 × out), zeros.
    pub fn dense(&mut self, name: &str, input: usize, output: usize, gain: f32) {
        let bound = gain * (3.0 / input as f32).sqrt();
        self.add(format!("{name}.weight"), (input, output), Start::Uniform(bound));
        self.add(format!("{name}.bias"), (1, output), Start::Constant(0.0));
    }

    /// Initial values.
    pub fn initial(&self, rng: &mut ChaCha8Rng) -> Vec<NamedArray> {
        let make = |(name, shape, start): &(String, (usize, usize), Start)| match *start {
            Start::Uniform(bound) => uniform(name, *shape, bound, rng),
            Start::Constant(value) => constant(name, *shape, value),
        };
        self.0.iter().map(make).collect()
    }

    /// Parameters out of saved arrays.
    ///
    /// # Errors
    /// [`Error::Argument`] naming the one that is missing, [`Error::Shape`] the one of another shape.
    pub fn load(&self, arrays: &[NamedArray]) -> Result<Params<f32, Cpu>> {
        let mut found = Vec::with_capacity(self.0.len());
        for (name, shape, _) in &self.0 {
            let array = arrays
                .iter()
                .find(|a| a.name == *name)
                .ok_or_else(|| Error::Argument(format!("the weights {name} of the network are missing")))?;
            if array.shape != *shape {
                return Err(Error::shape(
                    "weights of the network",
                    format!("{name} {shape:?}"),
                    format!("{:?}", array.shape),
                ));
            }
            found.push(array.clone());
        }
        Ok(Params::from_arrays(&Cpu::default(), &found))
    }
}
