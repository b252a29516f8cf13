//! Real numbers in JSON bit for bit, NaN and infinity among them, for `#[serde(with = "exact")]`.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What is written as the bits of some numbers.
pub trait Reals: Sized {
    /// Its numbers.
    fn reals(&self) -> Vec<f64>;
    /// Out of them; none where they are too many or too few.
    fn of(reals: Vec<f64>) -> Option<Self>;
}

impl Reals for f64 {
    fn reals(&self) -> Vec<f64> {
        vec![*self]
    }
    fn of(reals: Vec<f64>) -> Option<Self> {
        <[f64; 1]>::try_from(reals).ok().map(|[one]| one)
    }
}

impl Reals for Option<f64> {
    fn reals(&self) -> Vec<f64> {
        Vec::from_iter(*self)
    }
    fn of(reals: Vec<f64>) -> Option<Self> {
        (reals.len() < 2).then(|| reals.first().copied())
    }
}

impl Reals for Vec<f64> {
    fn reals(&self) -> Vec<f64> {
        self.clone()
    }
    fn of(reals: Vec<f64>) -> Option<Self> {
        Some(reals)
    }
}

/// As serde wants it.
///
/// # Errors
/// Those of the serializer.
pub fn serialize<T: Reals, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    value.reals().into_iter().map(f64::to_bits).collect::<Vec<u64>>().serialize(serializer)
}

/// As serde wants it.
///
/// # Errors
/// Those of the deserializer, and for another number of numbers.
pub fn deserialize<'de, T: Reals, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    let bits = Vec::<u64>::deserialize(deserializer)?;
    T::of(bits.into_iter().map(f64::from_bits).collect()).ok_or_else(|| D::Error::custom("another number of numbers"))
}
