//! Solvers and preconditioners: every method walks through the same zoo, every preconditioner keeps its promises.

mod acceleration;
mod command;
mod examples;
mod factors;
mod faults;
mod frame;
mod krylov;
mod memory;
mod multilevel;
mod precond;
mod recycling;
mod side;
mod systems;
mod tables;
mod textbook;
mod torture;
mod zoo;
