//! Facets: the edges of plane cells and the faces of tetrahedra, with the cells on either side.

use std::collections::HashMap;

use super::{Mesh, QuadMesh, TetMesh, TriangleMesh};

/// No cell: beyond the boundary.
pub const OUTSIDE: u32 = u32::MAX;

/// A facet with F corners.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facet<const F: usize> {
    /// As the first cell runs around them: seen from it, the outward normal is to the right of an edge.
    pub corners: [u32; F],
    /// The cells on either side; the second is [`OUTSIDE`] for a facet of the boundary.
    pub cells: [u32; 2],
    /// Which facet of each cell it is.
    pub local: [u8; 2],
}

impl<const F: usize> Facet<F> {
    /// Whether there is a cell on one side only.
    pub fn on_boundary(&self) -> bool {
        self.cells[1] == OUTSIDE
    }
}

/// Edge k of a triangle runs from corner k to corner k + 1.
pub const TRIANGLE_EDGES: [[usize; 2]; 3] = [[0, 1], [1, 2], [2, 0]];

/// Edge k of a quadrilateral runs from corner k to corner k + 1.
pub const QUAD_EDGES: [[usize; 2]; 4] = [[0, 1], [1, 2], [2, 3], [3, 0]];

/// Face k of a tetrahedron lies opposite corner k; its right-handed normal points outwards.
pub const TET_FACES: [[usize; 3]; 4] = [[1, 2, 3], [0, 3, 2], [0, 1, 3], [0, 2, 1]];

impl TriangleMesh {
    /// All edges, in the order in which the cells first name them.
    pub fn facets(&self) -> Vec<Facet<2>> {
        facets(self, &TRIANGLE_EDGES)
    }
}

impl QuadMesh {
    /// All edges, in the order in which the cells first name them.
    pub fn facets(&self) -> Vec<Facet<2>> {
        facets(self, &QUAD_EDGES)
    }
}

impl TetMesh {
    /// All faces, in the order in which the cells first name them.
    pub fn facets(&self) -> Vec<Facet<3>> {
        facets(self, &TET_FACES)
    }
}

/// Matches the facets of all cells by their corners.
fn facets<const D: usize, const K: usize, const F: usize>(mesh: &Mesh<D, K>, local: &[[usize; F]]) -> Vec<Facet<F>> {
    let mut known: HashMap<[u32; F], usize> = HashMap::with_capacity(mesh.cells.len() * 2);
    let mut out: Vec<Facet<F>> = Vec::with_capacity(mesh.cells.len() * 2);
    for (c, cell) in mesh.cells.iter().enumerate() {
        for (k, corners) in local.iter().enumerate() {
            let corners = corners.map(|i| cell[i]);
            let mut key = corners;
            key.sort_unstable();
            match known.get(&key) {
                Some(&f) => {
                    out[f].cells[1] = c as u32;
                    out[f].local[1] = k as u8;
                }
                None => {
                    known.insert(key, out.len());
                    out.push(Facet { corners, cells: [c as u32, OUTSIDE], local: [k as u8, 0] });
                }
            }
        }
    }
    out
}

/// Per point: whether a facet with a cell on one side only touches it.
pub(super) fn boundary_points<const F: usize>(points: usize, facets: &[Facet<F>]) -> Vec<bool> {
    let mut boundary = vec![false; points];
    for f in facets.iter().filter(|f| f.on_boundary()) {
        for v in f.corners {
            boundary[v as usize] = true;
        }
    }
    boundary
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mesh::structured::unit_square;

    #[test]
    fn a_disc_of_triangles_satisfies_euler() {
        let mesh = unit_square(3);
        let facets = mesh.facets();
        assert_eq!(mesh.points.len() + mesh.cells.len(), facets.len() + 1);
        assert_eq!(facets.iter().filter(|f| f.on_boundary()).count(), 32);
        assert_eq!(boundary_points(mesh.points.len(), &facets), mesh.boundary);
        // Seen from the second cell, an edge runs the other way.
        for f in facets.iter().filter(|f| !f.on_boundary()) {
            let other = mesh.cells[f.cells[1] as usize];
            let [a, b] = TRIANGLE_EDGES[f.local[1] as usize].map(|i| other[i]);
            assert_eq!([b, a], f.corners);
        }
    }

    #[test]
    fn faces_of_a_tetrahedron_look_outwards() {
        let mesh = TetMesh::new(vec![[0., 0., 0.], [1., 0., 0.], [0., 1., 0.], [0., 0., 1.]], vec![[0, 1, 2, 3]]);
        assert_eq!(mesh.boundary, [true; 4]);
        for f in mesh.facets() {
            let [a, b, c] = f.corners.map(|v| mesh.points[v as usize]);
            let (u, v) = ([0, 1, 2].map(|d| b[d] - a[d]), [0, 1, 2].map(|d| c[d] - a[d]));
            let normal = [0, 1, 2].map(|d| u[(d + 1) % 3] * v[(d + 2) % 3] - u[(d + 2) % 3] * v[(d + 1) % 3]);
            let away: f64 = (0..3).map(|d| normal[d] * (a[d] - 0.25)).sum();
            assert!(away > 0.0);
        }
    }
}
