//! Gmsh's `.msh` files: versions 2 to 2.2 and 4.1 are read, text and binary, with every mistake named by its line (or
//! byte); 2.2 and 4.1 are written as text.
//!
//! What is read is what stands in the file; [`crate::mesh::import`] makes a mesh of it. Our own because `mshio` 0.4
//! reads version 4.1 alone (not two of the three files in `meshes/`), drops the names of physical groups, names no line
//! in its errors and writes nothing. Format: <https://gmsh.info/doc/texinfo/gmsh.html#Gmsh-file-formats>.

mod input;
mod parse;
mod write;

use std::path::Path;

use crate::error::Result;

pub use input::at_line;
pub use parse::{Element, Found};
pub use write::{Version, write};

/// Reads the nodes, elements and physical groups of a file.
///
/// # Errors
/// [`crate::Error::Io`] if the file cannot be read, [`crate::Error::File`] naming the line that is wrong: another
/// version, a truncated file, elements of other kinds.
pub fn read(path: &Path) -> Result<Found> {
    from_bytes(&super::input::bytes(path)?, path)
}

/// As [`read`], of the bytes of a file; `path` names it in errors.
///
/// # Errors
/// [`crate::Error::File`] as [`read`].
pub fn from_bytes(bytes: &[u8], path: &Path) -> Result<Found> {
    parse::parse(&mut input::Input::new(path, bytes))
}
