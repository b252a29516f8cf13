//! Named trainable matrices of runtime size.

use std::ops::Index;

use dfdx::prelude::{Device, Dtype, HasShape, Storage, Tensor};

/// A matrix of runtime size: the one shape parameters have (a bias is 1×n).
pub type Matrix<E, D> = Tensor<(usize, usize), E, D>;

/// A named host array, row-major: how parameters are saved.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedArray {
    /// Unique among the arrays of its kind.
    pub name: String,
    /// Rows and columns.
    pub shape: (usize, usize),
    /// rows × columns numbers, row by row.
    pub data: Vec<f32>,
}

impl NamedArray {
    /// A single row.
    pub fn row(name: &str, data: Vec<f32>) -> Self {
        NamedArray { name: name.into(), shape: (1, data.len()), data }
    }
}

/// One parameter of a network: its place in its [`super::Layout`], and so among its [`Params`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameter(pub(super) usize);

/// The parameters of a network on a device, in the order of its [`super::Layout`].
#[derive(Debug, Clone)]
pub struct Params<E: Dtype, D: Storage<E>> {
    device: D,
    names: Vec<String>,
    tensors: Vec<Matrix<E, D>>,
}

impl<E: Dtype, D: Storage<E>> Index<Parameter> for Params<E, D> {
    type Output = Matrix<E, D>;

    fn index(&self, parameter: Parameter) -> &Matrix<E, D> {
        &self.tensors[parameter.0]
    }
}

impl<E: Dtype, D: Device<E>> Params<E, D> {
    /// Parameters with the given values on a device.
    pub fn from_arrays(device: &D, arrays: &[NamedArray]) -> Self {
        let cast = |x: f32| E::from_f32(x).unwrap_or_default();
        Params {
            device: device.clone(),
            names: arrays.iter().map(|a| a.name.clone()).collect(),
            tensors: arrays
                .iter()
                .map(|a| device.tensor_from_vec(a.data.iter().map(|&x| cast(x)).collect(), a.shape))
                .collect(),
        }
    }

    /// Where they are.
    pub fn device(&self) -> &D {
        &self.device
    }

    /// Their names.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    pub(super) fn tensors(&self) -> &[Matrix<E, D>] {
        &self.tensors
    }

    pub(super) fn tensors_mut(&mut self) -> &mut [Matrix<E, D>] {
        &mut self.tensors
    }

    /// (rows, columns) of parameter i.
    pub fn shape(&self, i: usize) -> (usize, usize) {
        *self.tensors[i].shape()
    }

    /// How many numbers there are to train.
    pub fn count(&self) -> usize {
        self.tensors.iter().map(|t| t.shape().0 * t.shape().1).sum()
    }

    /// Host copies, to save.
    pub fn to_arrays(&self) -> Vec<NamedArray> {
        self.names
            .iter()
            .zip(&self.tensors)
            .map(|(name, t)| NamedArray {
                name: name.clone(),
                shape: *t.shape(),
                data: t.as_vec().into_iter().map(|x| x.to_f32().unwrap_or(f32::NAN)).collect(),
            })
            .collect()
    }
}
