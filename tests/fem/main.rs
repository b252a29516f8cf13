//! Meshes, finite elements and families against theory, against fenris and against scikit-fem.

mod p1;
mod poisson;
