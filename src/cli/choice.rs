//! Arguments that are one of a few named values of the library.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use crate::models::Device;

/// Where networks run.
pub const DEVICES: [Choice<Device>; 2] = [
    (Device::Cpu, "cpu", "The processor's cores"),
    (Device::Cuda, "cuda", "An NVIDIA GPU, in builds with the feature cuda"),
];

/// A value with its name and its line of help.
pub type Choice<T> = (T, &'static str, &'static str);

/// The parser of an argument that takes one of these.
pub fn one_of<T: Copy + Send + Sync + 'static>(choices: &'static [Choice<T>]) -> impl TypedValueParser<Value = T> {
    let names = choices.iter().map(|c| PossibleValue::new(c.1).help(c.2));
    PossibleValuesParser::new(names).try_map(|name| {
        let known = choices.iter().find(|c| c.1 == name);
        known.map(|c| c.0).ok_or("unknown")
    })
}
