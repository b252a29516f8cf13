//! Expressions of the coordinates and of named numbers, such as `1 + a*exp(-x^2)*(y < 0.5)`: read once, evaluated at
//! many points.
//!
//! The rules are Python's: `^` and `**` are the power, which binds more tightly than a sign before it (`-x^2` is
//! −(x²)) and groups to the right; comparisons give 1 or 0. All numbers are real.
//!
//! Our own because of `-x^2`, the heart of every Gaussian bump, which `exmex` 0.21, `fasteval` 0.2.4 and `mathexpr`
//! 0.1.1 take for (−x)² without a word; `exmex` reads no `1e-3` either, and none of them says at which character of
//! the text an error is. `evalexpr` is under the AGPL since version 12, `rhai` is a whole scripting language.

mod evaluate;
mod parse;

pub use evaluate::Expression;
pub use parse::{Malformed, is_reserved};

/// Points that are evaluated together: their intermediate values stay in the cache.
const BLOCK: usize = 64;

/// One step of a machine with a stack.
#[derive(Debug, Clone, Copy)]
enum Step {
    Number(f64),
    /// A coordinate: 0, 1 or 2.
    Coordinate(usize),
    /// A named number, by its place.
    Name(usize),
    /// The topmost value replaced by a function of it.
    One(fn(f64) -> f64),
    /// The two topmost values replaced by a function of them.
    Two(fn(f64, f64) -> f64),
    /// The three topmost values replaced by a function of them.
    Three(fn(f64, f64, f64) -> f64),
}
