//! Named trainable matrices of runtime size.

use dfdx::prelude::{Cpu, Device, Dtype, HasShape, Storage, Tensor};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::error::{Error, Result};

/// A matrix of runtime size: the one shape parameters have (a bias is 1×n).
pub type Matrix<E, D> = Tensor<(usize, usize), E, D>;

/// Weight (in × out) and bias (1 × out) of a dense layer.
pub type Dense<'a, E, D> = (&'a Matrix<E, D>, &'a Matrix<E, D>);

/// A named host array, row-major: how parameters are saved.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedArray {
    pub name: String,
    pub shape: (usize, usize),
    pub data: Vec<f32>,
}

/// The parameters of a network, in a fixed order.
#[derive(Debug, Clone)]
pub struct Params<E: Dtype, D: Storage<E>> {
    names: Vec<String>,
    tensors: Vec<Matrix<E, D>>,
}

impl<E: Dtype, D: Storage<E>> Params<E, D> {
    /// The parameter called `name`.
    ///
    /// # Errors
    /// [`Error::Argument`] if there is none.
    pub fn get(&self, name: &str) -> Result<&Matrix<E, D>> {
        self.names
            .iter()
            .position(|n| n == name)
            .map(|i| &self.tensors[i])
            .ok_or_else(|| Error::Argument(format!("the network has no parameter called {name}")))
    }

    /// `{name}.weight` and `{name}.bias`.
    ///
    /// # Errors
    /// As [`Params::get`].
    pub fn dense(&self, name: &str) -> Result<Dense<'_, E, D>> {
        Ok((
            self.get(&format!("{name}.weight"))?,
            self.get(&format!("{name}.bias"))?,
        ))
    }
}

impl<E: Dtype, D: Device<E>> Params<E, D> {
    /// Parameters with the given values on a device.
    pub fn from_arrays(device: &D, arrays: &[NamedArray]) -> Self {
        let cast = |x: f32| E::from_f32(x).unwrap_or_default();
        Params {
            names: arrays.iter().map(|a| a.name.clone()).collect(),
            tensors: arrays
                .iter()
                .map(|a| device.tensor_from_vec(a.data.iter().map(|&x| cast(x)).collect(), a.shape))
                .collect(),
        }
    }

    pub fn names(&self) -> &[String] {
        &self.names
    }

    pub fn tensors(&self) -> &[Matrix<E, D>] {
        &self.tensors
    }

    pub fn tensors_mut(&mut self) -> &mut [Matrix<E, D>] {
        &mut self.tensors
    }

    /// (rows, columns) of parameter i.
    pub fn shape(&self, i: usize) -> (usize, usize) {
        *self.tensors[i].shape()
    }

    /// How many numbers there are to train.
    pub fn count(&self) -> usize {
        (0..self.tensors.len())
            .map(|i| self.shape(i).0 * self.shape(i).1)
            .sum()
    }

    /// Host copies, to save.
    pub fn to_arrays(&self) -> Vec<NamedArray> {
        self.names
            .iter()
            .zip(&self.tensors)
            .map(|(name, t)| NamedArray {
                name: name.clone(),
                shape: *t.shape(),
                data: t
                    .as_vec()
                    .into_iter()
                    .map(|x| x.to_f32().unwrap_or(f32::NAN))
                    .collect(),
            })
            .collect()
    }
}

impl Params<f32, Cpu> {
    /// The same parameters on another device.
    pub fn to_device<D: Device<f32>>(&self, device: &D) -> Params<f32, D> {
        Params::from_arrays(device, &self.to_arrays())
    }
}

/// A rows×cols matrix from U(−bound, bound).
pub fn uniform(name: &str, shape: (usize, usize), bound: f32, rng: &mut ChaCha8Rng) -> NamedArray {
    NamedArray {
        name: name.into(),
        shape,
        data: (0..shape.0 * shape.1)
            .map(|_| (rng.random::<f32>() * 2.0 - 1.0) * bound)
            .collect(),
    }
}

/// A matrix with every entry `value`.
pub fn constant(name: &str, shape: (usize, usize), value: f32) -> NamedArray {
    NamedArray {
        name: name.into(),
        shape,
        data: vec![value; shape.0 * shape.1],
    }
}
