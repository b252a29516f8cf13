//! Derivatives of whole networks, for the tests of those who build them.

use dfdx::prelude::{Backward, OwnedTape};

use super::device::Cpu;
use super::ops::{DfdxOps, FusedOps, Taped};
use super::params::{NamedArray, Params};

/// Fused operations in double precision, with an empty tape.
pub fn fused() -> FusedOps<f64, OwnedTape<f64, Cpu>> {
    FusedOps::default()
}

/// dfdx's operations in double precision, with an empty tape.
pub fn composed() -> DfdxOps<f64, Cpu> {
    DfdxOps::new(Cpu::default())
}

/// The one number that a network makes, then its derivative by every entry of every parameter.
pub fn value_and_gradient<O: Taped<Real = f64, Device = Cpu>>(
    mut ops: O,
    weights: &[NamedArray],
    network: impl Fn(&mut O, &Params<f64, Cpu>) -> O::Value,
) -> Vec<f64> {
    let params = Params::from_arrays(&Cpu::default(), weights);
    let value = network(&mut ops, &params);
    let scalar = ops.finish(&value);
    let mut all = scalar.as_vec();
    let grads = scalar.backward();
    all.extend(params.tensors().iter().flat_map(|t| grads.get(t).as_vec()));
    all
}

/// Compares every derivative d with central differences f over steps of `h`: |d − f| < tolerance (floor + |f|). Returns
/// how many there are, and how many are not 0.
pub fn match_differences<O: Taped<Real = f64, Device = Cpu>>(
    ops: impl Fn() -> O,
    weights: &[NamedArray],
    [h, tolerance, floor]: [f64; 3],
    network: impl Fn(&mut O, &Params<f64, Cpu>) -> O::Value,
) -> (usize, usize) {
    let all = value_and_gradient(ops(), weights, &network);
    let mut gradient = all[1..].iter();
    let (mut checked, mut moving) = (0, 0);
    for (k, array) in weights.iter().enumerate() {
        for i in 0..array.data.len() {
            let at = |d: f64| {
                let mut moved = weights.to_vec();
                // Weights are kept in f32: the step is what survives rounding there.
                moved[k].data[i] += d as f32;
                let params = Params::from_arrays(&Cpu::default(), &moved);
                let mut ops = ops();
                let value = network(&mut ops, &params);
                (ops.to_host(&value)[0], f64::from(moved[k].data[i]))
            };
            let ((up, wu), (down, wd)) = (at(h), at(-h));
            let difference = (up - down) / (wu - wd);
            let g = *gradient.next().expect("a derivative for each entry");
            assert!(
                (difference - g).abs() < tolerance * (floor + difference.abs()),
                "{}[{i}]: {difference} by differences, {g}",
                array.name
            );
            checked += 1;
            moving += usize::from(g != 0.0);
        }
    }
    assert!(gradient.next().is_none());
    (checked, moving)
}
