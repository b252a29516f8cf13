//! Meshes whose shape of cells is known at run time only.

use super::{QuadMesh, TetMesh, TriangleMesh};
use crate::system::MeshData;

/// A mesh of one of the shapes of cells.
#[derive(Debug, Clone, PartialEq)]
pub enum AnyMesh {
    /// Triangles in the plane.
    Triangles(TriangleMesh),
    /// Quadrilaterals in the plane.
    Quads(QuadMesh),
    /// Tetrahedra.
    Tetrahedra(TetMesh),
}

impl AnyMesh {
    /// Which points are on the boundary.
    pub fn boundary(&self) -> &[bool] {
        match self {
            AnyMesh::Triangles(m) => &m.boundary,
            AnyMesh::Quads(m) => &m.boundary,
            AnyMesh::Tetrahedra(m) => &m.boundary,
        }
    }

    /// The mesh as files keep it, all inner points free.
    pub fn to_data(&self) -> MeshData {
        let inner = (0u32..).zip(self.boundary()).filter(|(_, b)| !**b);
        let free = inner.map(|(v, _)| v).collect();
        match self {
            AnyMesh::Triangles(m) => m.to_data(free),
            AnyMesh::Quads(m) => m.to_data(free),
            AnyMesh::Tetrahedra(m) => m.to_data(free),
        }
    }
}
