//! **fempipe**: finite-element systems in, learned solvers out, judged in the same Krylov loop as the classical methods.
#![warn(missing_docs)]
#![allow(missing_docs)]

pub mod cli;
pub mod dataset;
pub mod error;
pub mod evaluate;
pub mod families;
pub mod fem;
pub mod generate;
pub mod interrupt;
pub mod linalg;
pub mod mesh;
pub mod models;
pub mod nn;
pub mod notation;
pub mod precond;
pub mod rng;
pub mod solver;
pub mod system;
pub mod train;

pub use error::{Error, Result};
