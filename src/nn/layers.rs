//! Layers over [`Params`]: linear maps and the multilayer perceptron.

use dfdx::prelude::{
    Axis, BroadcastTo, Device, Dtype, HasShape, Merge, NoneTape, ReshapeTo, Tape, Tensor, TryMatMul,
};
use rand_chacha::ChaCha8Rng;

use super::params::{NamedArray, Params, constant, uniform};
use crate::error::{Error, Result};

/// Rows of a batch: (batch, features).
pub type Rows<E, D, T> = Tensor<(usize, usize), E, D, T>;

/// y = x W + b with W `{name}.weight` (in×out) and b `{name}.bias` (1×out); x: (batch, in) → (batch, out).
///
/// # Errors
/// If the parameters are not there.
pub fn linear<E: Dtype, D: Device<E>, T: Tape<E, D> + Merge<NoneTape>>(
    params: &Params<E, D>,
    name: &str,
    x: Rows<E, D, T>,
) -> Result<Rows<E, D, T>> {
    let weight = params.get(&format!("{name}.weight"))?.clone();
    let bias = params.get(&format!("{name}.bias"))?;
    let batch = x.shape().0;
    let out = weight.shape().1;
    let y = x.matmul(weight);
    let (y, tape) = dfdx::prelude::SplitTape::split_tape(y);
    let bias = dfdx::prelude::PutTape::put_tape(bias.clone(), tape)
        .reshape_like(&(out,))
        .broadcast_like::<_, Axis<0>>(&(batch, out));
    Ok(dfdx::prelude::add(bias, y))
}

/// A multilayer perceptron: `hidden` layers of ReLU named `{name}.0` …, then a linear layer `{name}.out`.
///
/// x: (batch, in) → (batch, out).
///
/// # Errors
/// If the parameters are not there.
pub fn mlp<E: Dtype, D: Device<E>, T: Tape<E, D> + Merge<NoneTape>>(
    params: &Params<E, D>,
    name: &str,
    hidden: usize,
    mut x: Rows<E, D, T>,
) -> Result<Rows<E, D, T>> {
    for layer in 0..hidden {
        x = linear(params, &format!("{name}.{layer}"), x)?.relu(); // (batch, width)
    }
    linear(params, &format!("{name}.out"), x) // (batch, out)
}

/// Checks that the parameters are those of an [`mlp`] of these widths, so that using them cannot fail.
///
/// # Errors
/// [`Error::Shape`] naming the parameter of another shape, [`Error::Argument`] naming a missing one.
pub fn check_mlp<E: Dtype, D: Device<E>>(
    params: &Params<E, D>,
    name: &str,
    input: usize,
    hidden: &[usize],
    output: usize,
) -> Result<()> {
    let mut fan_in = input;
    for layer in 0..=hidden.len() {
        let (label, width) = match hidden.get(layer) {
            Some(&width) => (layer.to_string(), width),
            None => ("out".to_string(), output),
        };
        for (kind, shape) in [("weight", (fan_in, width)), ("bias", (1, width))] {
            let full = format!("{name}.{label}.{kind}");
            let found = *params.get(&full)?.shape();
            if found != shape {
                return Err(Error::shape(
                    "weights of the network",
                    format!("{full} {shape:?}"),
                    format!("{found:?}"),
                ));
            }
        }
        fan_in = width;
    }
    Ok(())
}

/// Initial parameters of [`mlp`]: He's uniform bound √(6/in) in the hidden layers, `out_gain` times
/// √(3/in) in the last one, zero biases.
pub fn init_mlp(
    name: &str,
    input: usize,
    hidden: &[usize],
    output: usize,
    out_gain: f32,
    rng: &mut ChaCha8Rng,
) -> Vec<NamedArray> {
    let mut arrays = Vec::new();
    let mut fan_in = input;
    for (layer, &width) in hidden.iter().enumerate() {
        let bound = (6.0 / fan_in as f32).sqrt();
        arrays.push(uniform(
            &format!("{name}.{layer}.weight"),
            (fan_in, width),
            bound,
            rng,
        ));
        arrays.push(constant(&format!("{name}.{layer}.bias"), (1, width), 0.0));
        fan_in = width;
    }
    let bound = out_gain * (3.0 / fan_in as f32).sqrt();
    arrays.push(uniform(
        &format!("{name}.out.weight"),
        (fan_in, output),
        bound,
        rng,
    ));
    arrays.push(constant(&format!("{name}.out.bias"), (1, output), 0.0));
    arrays
}

#[cfg(test)]
mod tests {
    use dfdx::prelude::{Backward, Cpu, SumTo, TensorFromVec, Trace};

    use super::*;
    use crate::rng::{Purpose, stream};

    #[test]
    fn mlp_derivatives_match_finite_differences() {
        let dev = Cpu::default();
        let mut rng = stream(5, Purpose::Weights, 0);
        let arrays = init_mlp("net", 3, &[4, 4], 2, 1.0, &mut rng);
        let x = vec![0.3, -0.2, 0.9, -0.4, 0.8, 0.1];
        let loss = |arrays: &[NamedArray]| {
            let params: Params<f64, Cpu> = Params::from_arrays(&dev, arrays);
            let x = dev.tensor_from_vec(x.clone(), (2, 3));
            mlp(&params, "net", 2, x)
                .unwrap()
                .as_vec()
                .iter()
                .map(|y| y * y)
                .sum::<f64>()
        };
        let params: Params<f64, Cpu> = Params::from_arrays(&dev, &arrays);
        let traced = dev.tensor_from_vec(x.clone(), (2, 3)).leaky_traced();
        let grads = mlp(&params, "net", 2, traced).unwrap().square().sum().backward();
        // Weights are kept in f32: the step must survive rounding there.
        let h = 1.0 / 1024.0;
        let mut checked = 0;
        for (a, t) in params.tensors().iter().enumerate() {
            let grad = grads.get(t).as_vec();
            for (i, g) in grad.iter().enumerate() {
                let at = |d: f32| {
                    let mut moved = arrays.clone();
                    moved[a].data[i] += d;
                    (loss(&moved), f64::from(moved[a].data[i]))
                };
                let ((up, wu), (down, wd)) = (at(h), at(-h));
                let fd = (up - down) / (wu - wd);
                assert!(
                    (fd - g).abs() < 2e-3 * (1.0 + fd.abs()),
                    "{}[{i}]: {fd} against {g}",
                    params.names()[a]
                );
                checked += 1;
            }
        }
        assert_eq!(checked, params.count());
    }
}
