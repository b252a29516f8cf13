//! Meshes, finite elements and families against theory, against fenris and against scikit-fem.

mod biharmonic;
mod common;
mod darcy;
mod elements;
mod elliptic;
mod field;
mod frame;
mod heat;
mod helmholtz;
mod own;
mod own_mesh;
mod p1;
mod plate;
mod poisson;
mod python;
mod regular;
mod scikit;
mod tridiagonal;
