//! Degrees of freedom: which unknown belongs to which mesh point after Dirichlet elimination.

use super::assembler::Assembler;
use super::space::Space;
use crate::error::Result;
use crate::linalg::Pattern;
use crate::mesh::{TriangleMesh, order};

/// No unknown: a point on the Dirichlet boundary.
pub const ELIMINATED: u32 = u32::MAX;

/// How unknowns are numbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// As the mesh numbers its points.
    #[default]
    Natural,
    /// Reverse Cuthill–McKee.
    Rcm,
}

/// The unknowns of linear elements with homogeneous Dirichlet conditions on the whole boundary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dofs {
    /// Unknown of each point, or [`ELIMINATED`].
    pub of_point: Vec<u32>,
    /// Point of each unknown.
    pub points: Vec<u32>,
}

impl Dofs {
    /// Numbers the inner points.
    ///
    /// # Errors
    /// If the mesh has triangles with points that are not there.
    pub fn new(mesh: &TriangleMesh, order: Order) -> Result<Self> {
        let points: Vec<u32> = (0..mesh.points.len() as u32)
            .filter(|&v| !mesh.boundary[v as usize])
            .collect();
        let natural = Dofs {
            of_point: inverse(&points, mesh.points.len()),
            points,
        };
        if order == Order::Natural {
            return Ok(natural);
        }
        let permutation = order::reverse_cuthill_mckee(&natural.pattern(mesh)?);
        let points: Vec<u32> = permutation.iter().map(|&i| natural.points[i as usize]).collect();
        Ok(Dofs {
            of_point: inverse(&points, mesh.points.len()),
            points,
        })
    }

    /// Numbers the nodes of a space for which `free` says so.
    ///
    /// # Errors
    /// If the space's cells name nodes that are not there.
    pub fn of_space<const D: usize>(
        space: &Space<D>,
        free: impl Fn(usize) -> bool,
        order: Order,
    ) -> Result<Self> {
        let points: Vec<u32> = (0..space.len() as u32).filter(|&v| free(v as usize)).collect();
        let natural = Dofs {
            of_point: inverse(&points, space.len()),
            points,
        };
        if order == Order::Natural {
            return Ok(natural);
        }
        let graph = Assembler::new(space, natural.clone())?;
        let permutation = order::reverse_cuthill_mckee(graph.pattern());
        let points: Vec<u32> = permutation.iter().map(|&i| natural.points[i as usize]).collect();
        Ok(Dofs {
            of_point: inverse(&points, space.len()),
            points,
        })
    }

    /// Number of unknowns.
    pub fn count(&self) -> usize {
        self.points.len()
    }

    /// Which unknowns share a triangle.
    ///
    /// # Errors
    /// If the mesh has triangles with points that are not there.
    pub fn pattern(&self, mesh: &TriangleMesh) -> Result<Pattern> {
        let mut pairs = Vec::with_capacity(9 * mesh.cells.len());
        for tri in &mesh.cells {
            let dofs = tri.map(|v| self.of_point[v as usize]);
            for i in dofs {
                for j in dofs {
                    if i != ELIMINATED && j != ELIMINATED {
                        pairs.push((i, j));
                    }
                }
            }
        }
        Pattern::from_pairs(self.count(), self.count(), &pairs)
    }
}

fn inverse(points: &[u32], total: usize) -> Vec<u32> {
    let mut of_point = vec![ELIMINATED; total];
    for (i, &v) in points.iter().enumerate() {
        of_point[v as usize] = i as u32;
    }
    of_point
}
