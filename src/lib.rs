//! **fempipe**: finite-element systems in, learned solvers out, judged in the same Krylov loop as the classical
//! methods.
//!
//! A learned method looks at a linear system `A x = b` and hands the solver a [`solve::Acceleration`]: a
//! preconditioner, a guess, a subspace, or several of them. A classical preconditioner makes one too, and parts of
//! different origin combine. Everything learned meets everything numerical at that one type: the evaluator knows no
//! model by name, a solver knows no network.
//!
//! # The modules
//!
//! | module | what is in it |
//! |---|---|
//! | [`cli`] | the command line; alone prints |
//! | [`generate`] | dataset recipes, parallel sampling, resuming, shards, estimates |
//! | [`train`] | training recipes, the loop with the real solver in it, run directories |
//! | [`evaluate`] | rows × datasets × tolerances, statistics, condition numbers, table, plots, report |
//! | [`models`] | learned systems, one a folder → [`solve::Acceleration`]; checkpoints |
//! | [`nn`] | what dfdx lacks: parameters of runtime size, sparse products with derivatives, Adam |
//! | [`families`] | PDE families, one a folder: `(seed, index)` → [`system::LinearSystem`] |
//! | [`verify`] | what families claim, measured: orders of convergence, known values |
//! | [`transfer`] | imports of matrix files, exports of samples |
//! | [`draw`] | pictures of samples |
//! | [`dataset`] | the HDF5 file: schema, parts, reader, splits, digests |
//! | [`field`] | random coefficient fields: polynomial, Gaussian, two-phase |
//! | [`fem`], [`mesh`] | elements on a reused pattern, quadrature, error norms; meshes |
//! | [`solve`] | what stands beside A, and the one way to solve with it |
//! | [`solver`], [`precond`] | Krylov methods and preconditioners under PETSc's names |
//! | [`io`] | files as other programs have them: matrices, meshes, charts; atomic writes |
//! | [`linalg`] | patterns, CSR, [`linalg::LinOp`], direct solves |
//! | [`system`] | what families make, datasets hold and models see |
//! | [`entry`] | open sets: entries, registries |
//! | [`rng`], [`error`], [`interrupt`], [`notation`] | streams, errors, Ctrl-C, `name(option = value)` |
//! | [`stages`] | seconds of a thread's work by stage |
//!
//! Modules import downwards only (`tests/architecture.rs` checks it):
//!
//! ```text
//! cli → generate → families → fem, field → mesh
//!     → train, evaluate → models → nn
//!                       → dataset, solve → solver, precond        all → linalg, error, rng
//! ```
//!
//! # One system, three lines
//!
//! ```
//! # use fempipe::{families, precond::Spec, solve::Problem, solver::Stop};
//! let system = families::build("poisson", &toml::toml! { level = 4 }, "doc")?.sampler()?.sample(1, 0)?;
//! let problem = Problem::new(&system, "cg".parse()?, Stop::rtol(1e-5));
//! let solution = problem.solve_once("icc".parse::<Spec>()?.build(&system.matrix)?)?;
//! assert!(solution.outcome.converged() && solution.outcome.iterations < 20);
//! # Ok::<(), fempipe::Error>(())
//! ```

#![warn(missing_docs)]

pub mod cli;
pub mod dataset;
pub mod draw;
pub mod entry;
pub mod error;
pub mod evaluate;
pub mod families;
pub mod fem;
pub mod field;
pub mod generate;
pub mod interrupt;
pub mod io;
pub mod linalg;
pub mod mesh;
pub mod models;
pub mod nn;
pub mod notation;
pub mod precond;
pub mod rng;
pub mod shard;
pub mod solve;
pub mod solver;
pub mod stages;
pub mod system;
pub mod train;
pub mod transfer;
pub mod verify;

pub use error::{Error, Result};
