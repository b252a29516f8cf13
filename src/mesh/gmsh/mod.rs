//! Gmsh's `.msh` files, ASCII, versions 2.2 and 4.1: read with every mistake named by its line, written in both versions.
//!
//! Format: <https://gmsh.info/doc/texinfo/gmsh.html#Gmsh-file-formats>.

mod check;
mod lines;
mod parse;
mod write;

use std::path::Path;

use super::parts::Part;
use super::recipe::AnyMesh;
use crate::error::{Error, Result};

pub use write::{Version, write};

/// A mesh from a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    pub mesh: AnyMesh,
    /// Physical groups of the facets.
    pub parts: Vec<Part>,
    /// What was repaired: cells turned round, nodes that no cell uses left out.
    pub notes: Vec<String>,
}

/// Reads a mesh of triangles or quadrilaterals in the plane z = 0, or of tetrahedra. Cells of negative orientation are
/// turned round, nodes without a cell left out; `notes` says so.
///
/// # Errors
/// [`Error::Io`] if the file cannot be read, [`Error::File`] naming the line that is wrong: another version, a binary file, a
/// truncated one, elements of other kinds, nodes that are not there, degenerate cells, facets of three cells.
pub fn read(path: &Path) -> Result<Imported> {
    let bytes = std::fs::read(path).map_err(|e| Error::io(path, "read", e))?;
    let text = String::from_utf8_lossy(&bytes);
    let found = parse::parse(&mut lines::Lines::new(path, &text))?;
    check::mesh(path, found)
}
