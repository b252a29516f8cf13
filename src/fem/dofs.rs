//! Degrees of freedom: which unknown belongs to which mesh point after Dirichlet elimination.

use super::space::Space;
use crate::error::Result;
use crate::linalg::{Pattern, places_by_key};
use crate::mesh::{TriangleMesh, order};

/// No unknown: a point on the Dirichlet boundary.
pub const ELIMINATED: u32 = u32::MAX;

/// How unknowns are numbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// As the mesh numbers its points.
    #[default]
    Natural,
    /// Reverse Cuthill–McKee.
    Rcm,
}

/// The unknowns of a mesh's points or a space's nodes, those on the Dirichlet boundary eliminated.
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
        let inner = |v: usize| !mesh.boundary[v];
        Self::numbered(mesh.points.len(), mesh.cells.as_flattened(), 3, inner, order)
    }

    /// Numbers the nodes of a space for which `free` says so.
    ///
    /// # Errors
    /// If the space's cells name nodes that are not there.
    pub fn of_space<const D: usize>(space: &Space<D>, free: impl Fn(usize) -> bool, order: Order) -> Result<Self> {
        Self::numbered(space.len(), &space.cells, space.element.nodes(), free, order)
    }

    /// Numbers the free ones of `total` nodes; `cells` has k nodes a cell.
    fn numbered(total: usize, cells: &[u32], k: usize, free: impl Fn(usize) -> bool, order: Order) -> Result<Self> {
        let of = |points: Vec<u32>| Dofs { of_point: inverse(&points, total), points };
        let natural = of((0..total as u32).filter(|&v| free(v as usize)).collect());
        if order == Order::Natural {
            return Ok(natural);
        }
        let permutation = order::reverse_cuthill_mckee(&natural.pattern(cells, k)?);
        Ok(of(permutation.iter().map(|&i| natural.points[i as usize]).collect()))
    }

    /// Number of unknowns.
    pub fn count(&self) -> usize {
        self.points.len()
    }

    /// Which unknowns share a cell (count × count); `cells` has k nodes a cell.
    ///
    /// # Errors
    /// If the cells name nodes that are not there.
    pub fn pattern(&self, cells: &[u32], k: usize) -> Result<Pattern> {
        let (starts, places) = places_by_key(cells, self.of_point.len());
        Pattern::from_rows(self.count(), |i, row| {
            let point = self.points[i] as usize;
            for &place in &places[starts[point] as usize..starts[point + 1] as usize] {
                let first = place as usize / k * k;
                let unknowns = cells[first..first + k].iter().map(|&v| self.of_point[v as usize]);
                row.extend(unknowns.filter(|&j| j != ELIMINATED));
            }
        })
    }
}

fn inverse(points: &[u32], total: usize) -> Vec<u32> {
    let mut of_point = vec![ELIMINATED; total];
    for (i, &v) in points.iter().enumerate() {
        of_point[v as usize] = i as u32;
    }
    of_point
}
