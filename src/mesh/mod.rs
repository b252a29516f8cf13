//! Meshes: points, cells, boundary; how to make them, move them and number them.

pub mod order;
pub mod perturb;
pub mod structured;

use crate::system::MeshData;

/// A conforming triangulation of a plane domain; triangles run counter-clockwise.
#[derive(Debug, Clone, PartialEq)]
pub struct Mesh {
    pub points: Vec<[f64; 2]>,
    pub triangles: Vec<[u32; 3]>,
    /// Per point: whether it lies on the boundary of the domain.
    pub boundary: Vec<bool>,
}

impl Mesh {
    /// Twice the signed area of triangle t with the points where `points` says.
    pub fn double_area(&self, points: &[[f64; 2]], t: usize) -> f64 {
        let [a, b, c] = self.triangles[t].map(|v| points[v as usize]);
        (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
    }

    /// The smallest angle of all triangles, in degrees.
    pub fn min_angle(&self, points: &[[f64; 2]]) -> f64 {
        let mut least = f64::INFINITY;
        for tri in &self.triangles {
            let p = tri.map(|v| points[v as usize]);
            for k in 0..3 {
                let (o, a, b) = (p[k], p[(k + 1) % 3], p[(k + 2) % 3]);
                let (u, v) = ([a[0] - o[0], a[1] - o[1]], [b[0] - o[0], b[1] - o[1]]);
                let (cross, dot) = (u[0] * v[1] - u[1] * v[0], u[0] * v[0] + u[1] * v[1]);
                least = least.min(cross.atan2(dot));
            }
        }
        least.to_degrees()
    }

    /// The mesh as files keep it; row i of the matrix belongs to point `free_dofs[i]`.
    pub fn to_data(&self, free_dofs: Vec<u32>) -> MeshData {
        MeshData {
            dim: 2,
            points: self.points.concat(),
            cell_type: "triangle".into(),
            cell_size: 3,
            cells: self.triangles.concat(),
            point_markers: self.boundary.iter().map(|&b| u32::from(b)).collect(),
            free_dofs,
        }
    }
}
