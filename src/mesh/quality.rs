//! What a mesh is like: sizes, angles, bandwidth; and its renumbering.

use super::order::reverse_cuthill_mckee;
use super::{AnyMesh, Mesh, QuadMesh, TetMesh, TriangleMesh};
use crate::error::Result;
use crate::linalg::Pattern;
use crate::system::BoundaryPart;

/// A mesh in numbers.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Quality {
    /// How many points there are.
    pub points: usize,
    /// How many cells there are.
    pub cells: usize,
    /// Points that are not on the boundary.
    pub inner_points: usize,
    /// Area (in space: volume) of the domain.
    pub size: f64,
    /// Area (in space: volume) of the smallest cell.
    pub smallest_cell: f64,
    /// Area (in space: volume) of the largest cell.
    pub largest_cell: f64,
    /// Smallest angle of a cell in degrees; in space, between two faces.
    pub smallest_angle: f64,
    /// max |i − j| over the points i, j of a cell.
    pub bandwidth: usize,
}

impl AnyMesh {
    /// The mesh in numbers.
    pub fn quality(&self) -> Quality {
        match self {
            AnyMesh::Triangles(m) => quality(m, polygon),
            AnyMesh::Quads(m) => quality(m, polygon),
            AnyMesh::Tetrahedra(m) => quality(m, tetrahedron),
        }
    }

    /// The same mesh with its points in reverse Cuthill–McKee order, cells by their lowest point; `parts` follow.
    ///
    /// # Errors
    /// If the cells name points that are not there.
    pub fn reordered(self, parts: &mut [BoundaryPart]) -> Result<Self> {
        Ok(match self {
            AnyMesh::Triangles(m) => {
                let (points, cells) = reordered(m, parts)?;
                AnyMesh::Triangles(TriangleMesh::new(points, cells))
            }
            AnyMesh::Quads(m) => {
                let (points, cells) = reordered(m, parts)?;
                AnyMesh::Quads(QuadMesh::new(points, cells))
            }
            AnyMesh::Tetrahedra(m) => {
                let (points, cells) = reordered(m, parts)?;
                AnyMesh::Tetrahedra(TetMesh::new(points, cells))
            }
        })
    }
}

type Parted<const D: usize, const K: usize> = (Vec<[f64; D]>, Vec<[u32; K]>);

fn reordered<const D: usize, const K: usize>(mesh: Mesh<D, K>, parts: &mut [BoundaryPart]) -> Result<Parted<D, K>> {
    let n = mesh.points.len();
    let pairs: Vec<(u32, u32)> =
        mesh.cells.iter().flat_map(|cell| cell.iter().flat_map(move |&i| cell.iter().map(move |&j| (i, j)))).collect();
    let order = reverse_cuthill_mckee(&Pattern::from_pairs(n, n, &pairs)?);
    let mut number = vec![0u32; n];
    for (new, &old) in (0u32..).zip(&order) {
        number[old as usize] = new;
    }
    for v in parts.iter_mut().flat_map(|p| p.facets.iter_mut().flatten()) {
        *v = number[*v as usize];
    }
    let mut cells: Vec<[u32; K]> = mesh.cells.iter().map(|c| c.map(|v| number[v as usize])).collect();
    cells.sort_by_key(|c| c.iter().copied().min());
    let points = order.iter().map(|&old| mesh.points[old as usize]).collect();
    Ok((points, cells))
}

/// `measure`: size and smallest angle (degrees) of a cell.
fn quality<const D: usize, const K: usize>(
    mesh: &Mesh<D, K>,
    measure: impl Fn(&[[f64; D]; K]) -> (f64, f64),
) -> Quality {
    let mut out = Quality {
        points: mesh.points.len(),
        cells: mesh.cells.len(),
        inner_points: mesh.boundary.iter().filter(|&&b| !b).count(),
        size: 0.0,
        smallest_cell: f64::INFINITY,
        largest_cell: 0.0,
        smallest_angle: 180.0,
        bandwidth: 0,
    };
    for cell in &mesh.cells {
        let (size, angle) = measure(&cell.map(|v| mesh.points[v as usize]));
        out.size += size;
        out.smallest_cell = out.smallest_cell.min(size);
        out.largest_cell = out.largest_cell.max(size);
        out.smallest_angle = out.smallest_angle.min(angle);
        let (low, high) = cell.iter().fold((u32::MAX, 0), |(l, h), &v| (l.min(v), h.max(v)));
        out.bandwidth = out.bandwidth.max((high - low) as usize);
    }
    out
}

fn polygon<const K: usize>(p: &[[f64; 2]; K]) -> (f64, f64) {
    let cross = |u: [f64; 2], v: [f64; 2]| u[0] * v[1] - u[1] * v[0];
    let from = |a: [f64; 2], b: [f64; 2]| [b[0] - a[0], b[1] - a[1]];
    let mut angle = 180.0f64;
    let mut twice = 0.0;
    for k in 0..K {
        let (u, v) = (from(p[k], p[(k + 1) % K]), from(p[k], p[(k + K - 1) % K]));
        angle = angle.min(cross(u, v).atan2(u[0] * v[0] + u[1] * v[1]).to_degrees());
        twice += cross(from(p[0], p[k]), from(p[0], p[(k + 1) % K]));
    }
    (0.5 * twice, angle)
}

fn tetrahedron(p: &[[f64; 3]; 4]) -> (f64, f64) {
    let from = |a: usize, b: usize| [0, 1, 2].map(|d| p[b][d] - p[a][d]);
    let cross =
        |u: [f64; 3], v: [f64; 3]| [0, 1, 2].map(|d| u[(d + 1) % 3] * v[(d + 2) % 3] - u[(d + 2) % 3] * v[(d + 1) % 3]);
    let dot = |u: [f64; 3], v: [f64; 3]| u[0] * v[0] + u[1] * v[1] + u[2] * v[2];
    let normals = super::topology::TET_FACES.map(|[a, b, c]| cross(from(a, b), from(a, c)));
    let mut angle = 180.0f64;
    for i in 0..4 {
        for j in 0..i {
            // Outward normals: the angle between the faces is π less theirs.
            let cosine =
                -dot(normals[i], normals[j]) / (dot(normals[i], normals[i]) * dot(normals[j], normals[j])).sqrt();
            angle = angle.min(cosine.clamp(-1.0, 1.0).acos().to_degrees());
        }
    }
    (dot(from(0, 1), cross(from(0, 2), from(0, 3))) / 6.0, angle)
}
