//! The parameters of a network before it has any: names, shapes, initial values.

use dfdx::prelude::{Device, Dtype};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::params::{NamedArray, Parameter, Params};
use crate::error::{Error, Result};

/// Initial values of a parameter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Start {
    /// U(−bound, bound).
    Uniform(f32),
    /// Every entry this.
    Constant(f32),
}

/// Parameters in a fixed order: layers add theirs as they are made, and keep the places.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Layout(Vec<(String, (usize, usize), Start)>);

impl Layout {
    /// Adds one of (rows, columns).
    pub fn add(&mut self, name: impl Into<String>, shape: (usize, usize), start: Start) -> Parameter {
        self.0.push((name.into(), shape, start));
        Parameter(self.0.len() - 1)
    }

    /// Initial values, drawn in the order of the layout.
    pub fn initial(&self, rng: &mut ChaCha8Rng) -> Vec<NamedArray> {
        let mut data = |(rows, cols): (usize, usize), start: Start| match start {
            Start::Uniform(bound) => (0..rows * cols).map(|_| (rng.random::<f32>() * 2.0 - 1.0) * bound).collect(),
            Start::Constant(value) => vec![value; rows * cols],
        };
        self.0
            .iter()
            .map(|(name, shape, start)| NamedArray { name: name.clone(), shape: *shape, data: data(*shape, *start) })
            .collect()
    }

    /// Saved arrays in the order of the layout; further ones are passed over.
    ///
    /// # Errors
    /// [`Error::Argument`] naming the one that is missing, [`Error::Shape`] the one of another shape.
    pub fn pick(&self, arrays: &[NamedArray]) -> Result<Vec<NamedArray>> {
        let find = |(name, shape, _): &(String, (usize, usize), Start)| {
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
            Ok(array.clone())
        };
        self.0.iter().map(find).collect()
    }

    /// Parameters on a device out of saved arrays.
    ///
    /// # Errors
    /// As [`Layout::pick`].
    pub fn load<E: Dtype, D: Device<E>>(&self, device: &D, arrays: &[NamedArray]) -> Result<Params<E, D>> {
        Ok(Params::from_arrays(device, &self.pick(arrays)?))
    }
}
