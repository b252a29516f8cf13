//! Files, as other programs write and read them: matrices, meshes, charts; each written whole or not at all.

pub mod atomic;
pub mod charts;
pub mod gmsh;
pub mod matrix_market;
pub mod npy;
pub mod npz;
pub mod petsc;
pub mod vtk;
