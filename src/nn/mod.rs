//! What dfdx lacks: named parameters of runtime size, layers over them, sparse products with derivatives, Adam.
//!
//! Only this room and [`crate::models`] name dfdx, so that a change of engine stays a change of two rooms.

pub mod adam;
pub mod backend;
pub mod graph;
pub mod layers;
pub mod layout;
pub mod operator;
pub mod params;
pub mod sparse;

pub use adam::{Adam, AdamState};
pub use backend::Backend;
pub use layout::{Layout, Start};
pub use params::{NamedArray, Params};
