//! Files as other programs write and read them: matrices, meshes, charts; tables of text, dates; how a file is written
//! whole or not at all.

pub mod assignments;
pub mod atomic;
pub mod charts;
mod claims;
pub mod date;
pub mod gmsh;
pub mod input;
pub mod matrix_market;
pub mod npy;
pub mod npz;
pub mod outputs;
pub mod petsc;
pub mod plain;
pub mod recipe_kind;
pub(crate) mod reserve;
pub mod shell;
pub mod text;
pub mod toml_file;
mod unpack;
pub mod vtk;

pub use unpack::Unpack;
