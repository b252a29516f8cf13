//! A mesh by description: the `[family.mesh]` table of a recipe.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::import::{self, Imported};
use super::{AnyMesh, delaunay, parts, structured};
use crate::entry;
use crate::error::{Error, Result};
use crate::system::BoundaryPart;

/// What is meshed, and with which cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// The unit square, Delaunay triangles.
    #[default]
    Square,
    /// The unit square without its upper right quarter, Delaunay triangles.
    LShape,
    /// The disc of diameter 1 around (1/2, 1/2), Delaunay triangles.
    Disc,
    /// The unit square, `cells` × `cells` squares cut along the diagonal.
    Triangles,
    /// The unit square, `cells` × `cells` squares.
    Quads,
    /// The unit cube, `cells`³ cubes in six tetrahedra each.
    Cube,
}

/// A mesh by description.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MeshRecipe {
    /// What is meshed.
    pub shape: Shape,
    /// A Gmsh file instead of a shape; a relative path starts at the recipe's directory or, where it is not there, at
    /// the current one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// Makes nodes of the file that coincide one, where parts were meshed apart.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub merge_nodes: bool,
    /// Largest area of a Delaunay triangle.
    pub area: f64,
    /// Smallest angle of a Delaunay triangle, degrees.
    pub angle: f64,
    /// Cells along a side of a structured mesh.
    pub cells: usize,
}

impl Default for MeshRecipe {
    fn default() -> Self {
        MeshRecipe { shape: Shape::Square, file: None, merge_nodes: false, area: 4e-4, angle: 25.0, cells: 32 }
    }
}

/// Most cells along a side.
const MOST_CELLS: usize = 2048;

/// Most cubes along a side.
const MOST_CUBES: usize = 128;

impl MeshRecipe {
    /// What decides the mesh, every key written out: a file alone, or all of a shape.
    pub fn to_table(&self) -> toml::Table {
        let mut table = entry::to_table(self);
        table.retain(|key, _| self.file.is_none() || key == "file" || key == "merge_nodes");
        table
    }

    fn read(&self, path: &Path) -> Result<Imported> {
        if self.merge_nodes { import::read_merged(path) } else { import::read(path) }
    }

    /// The mesh; `table` and `origin` say where the keys stand, for errors.
    ///
    /// # Errors
    /// [`Error::Recipe`] naming the key that is out of range.
    /// [`Error::Io`] or [`Error::File`] for a mesh file that cannot be read.
    pub fn build(&self, table: &str, origin: &str) -> Result<AnyMesh> {
        Ok(self.make(table, origin)?.mesh)
    }

    /// The mesh with the parts of its boundary, and notes on what was repaired.
    ///
    /// The parts are the physical groups of a file; without any, and for shapes, the sides of the bounding box
    /// ([`parts::sides`]): the circle of a disc and the notch of an L-shape are "other".
    ///
    /// # Errors
    /// As [`MeshRecipe::build`].
    pub fn build_with_parts(&self, table: &str, origin: &str) -> Result<(AnyMesh, Vec<BoundaryPart>, Vec<String>)> {
        let Imported { mesh, mut parts, notes } = self.make(table, origin)?;
        if parts.is_empty() {
            parts = parts::sides(&mesh);
            if self.shape == Shape::Disc {
                // Sides of the polygon may lie on those of the bounding box.
                let facets = parts.drain(..).flat_map(|p| p.facets).collect();
                parts.push(BoundaryPart { name: "other".into(), facets });
            }
        }
        Ok((mesh, parts, notes))
    }

    /// The mesh; with parts and notes if it comes from a file.
    fn make(&self, table: &str, origin: &str) -> Result<Imported> {
        if let Some(path) = &self.file {
            let usual = MeshRecipe::default();
            for (key, same) in [
                ("shape", self.shape == usual.shape),
                ("area", self.area == usual.area),
                ("angle", self.angle == usual.angle),
                ("cells", self.cells == usual.cells),
            ] {
                if !same {
                    return Err(Error::recipe(
                        origin,
                        format!("{table}.file and {table}.{key}: take one of them; a file is taken as it is"),
                    ));
                }
            }
            return self.read(path);
        }
        if self.merge_nodes {
            return Err(Error::recipe(origin, format!("{table}.merge_nodes: goes with {table}.file")));
        }
        let most = if self.shape == Shape::Cube { MOST_CUBES } else { MOST_CELLS };
        if !(2..=most).contains(&self.cells) {
            return Err(Error::recipe(origin, format!("{table}.cells = {}: must be from 2 to {most}", self.cells)));
        }
        let polygon = |corners: &[[f64; 2]]| {
            delaunay::polygon(corners, self.area, self.angle)
                .map(AnyMesh::Triangles)
                .map_err(|e| Error::recipe(origin, format!("{table}.{e}")))
        };
        let mesh = match self.shape {
            Shape::Square => polygon(&delaunay::square()),
            Shape::LShape => polygon(&delaunay::l_shape()),
            // An area out of range is told by the triangulation.
            Shape::Disc => polygon(&delaunay::disc(self.area.max(delaunay::LEAST_AREA))),
            Shape::Triangles => Ok(AnyMesh::Triangles(structured::triangles(self.cells, self.cells))),
            Shape::Quads => Ok(AnyMesh::Quads(structured::quads(self.cells, self.cells))),
            Shape::Cube => Ok(AnyMesh::Tetrahedra(structured::tetrahedra(self.cells))),
        }?;
        Ok(Imported { mesh, parts: Vec::new(), notes: Vec::new() })
    }
}
