//! Solvers and preconditioners: every method walks through the same zoo, every preconditioner keeps its promises.

mod command;
mod krylov;
mod memory;
mod precond;
mod side;
mod systems;
mod textbook;
mod torture;
mod zoo;
