//! Meshes: points, cells, boundary; how to make them, move them and number them.

mod any;
mod conforming;
pub mod delaunay;
pub mod import;
pub mod order;
pub mod parts;
pub mod perturb;
pub mod quality;
pub mod recipe;
pub mod structured;
pub mod topology;

use crate::system::MeshData;

pub use any::AnyMesh;

/// A conforming mesh of K-cornered cells in D dimensions, all of positive orientation: triangles and quadrilaterals run
/// counter-clockwise; the fourth corner of a tetrahedron lies on the side to which the first three turn
/// right-handedly.
#[derive(Debug, Clone, PartialEq)]
pub struct Mesh<const D: usize, const K: usize> {
    /// Coordinates of each point.
    pub points: Vec<[f64; D]>,
    /// The corners of each cell.
    pub cells: Vec<[u32; K]>,
    /// Per point: whether it lies on the boundary of the domain.
    pub boundary: Vec<bool>,
}

/// Triangles in the plane.
pub type TriangleMesh = Mesh<2, 3>;

/// Quadrilaterals in the plane.
pub type QuadMesh = Mesh<2, 4>;

/// Tetrahedra.
pub type TetMesh = Mesh<3, 4>;

impl TriangleMesh {
    /// Twice the signed area of triangle t with the points where `points` says.
    pub fn double_area(&self, points: &[[f64; 2]], t: usize) -> f64 {
        let [a, b, c] = self.cells[t].map(|v| points[v as usize]);
        (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
    }

    /// The smallest angle of all triangles, in degrees; the triangles must be counter-clockwise.
    pub fn min_angle(&self, points: &[[f64; 2]]) -> f64 {
        // The smallest angle has the largest cotangent: one arctangent in all.
        let mut cotangent = f64::NEG_INFINITY;
        for tri in &self.cells {
            let p = tri.map(|v| points[v as usize]);
            let e = [0, 1, 2].map(|k: usize| [p[(k + 1) % 3][0] - p[k][0], p[(k + 1) % 3][1] - p[k][1]]);
            let scale = 1.0 / (e[0][0] * e[1][1] - e[0][1] * e[1][0]);
            for k in 0..3 {
                let (u, v) = (e[k], e[(k + 2) % 3]);
                cotangent = cotangent.max(-(u[0] * v[0] + u[1] * v[1]) * scale);
            }
        }
        1.0f64.atan2(cotangent).to_degrees()
    }
}

macro_rules! shapes {
    ($($mesh:ty, $name:literal);*) => {$(
        impl $mesh {
            /// What files call its cells.
            pub const CELL: &'static str = $name;

            /// A mesh of cells of positive orientation; which points are on the boundary follows from them.
            pub fn new(points: Vec<[f64; { <$mesh>::DIM }]>, cells: Vec<[u32; { <$mesh>::CORNERS }]>) -> Self {
                let mut mesh = Self { boundary: Vec::new(), points, cells };
                mesh.boundary = topology::boundary_points(mesh.points.len(), &mesh.facets());
                mesh
            }

            /// The mesh as files keep it; row i of the matrix belongs to point `free_dofs[i]`.
            pub fn to_data(&self, free_dofs: Vec<u32>) -> MeshData {
                MeshData {
                    dim: Self::DIM,
                    points: self.points.concat(),
                    cell_type: Self::CELL.into(),
                    cell_size: Self::CORNERS,
                    cells: self.cells.concat(),
                    point_markers: self.boundary.iter().map(|&b| u32::from(b)).collect(),
                    free_dofs,
                    grid: Vec::new(),
                    boundary_value: Some(0.0),
                }
            }
        }
    )*};
}

impl<const D: usize, const K: usize> Mesh<D, K> {
    /// Coordinates of a point.
    pub const DIM: usize = D;
    /// Corners of a cell.
    pub const CORNERS: usize = K;
}

shapes!(TriangleMesh, "triangle"; QuadMesh, "quad"; TetMesh, "tetra");

#[cfg(test)]
mod tests {
    use super::structured::unit_square;

    #[test]
    fn smallest_angles() {
        let mesh = unit_square(2);
        assert!((mesh.min_angle(&mesh.points) - 45.0).abs() < 1e-12);
        let mut points = mesh.points.clone();
        // The thinnest triangle is then (1/4, 0), (1/2, 1/4), (1/4, 0.1): 45° less the rise of 0.15 over 0.25.
        points[6] = [0.25, 0.1];
        let exact = 45.0 - 0.15f64.atan2(0.25).to_degrees();
        assert!((mesh.min_angle(&points) - exact).abs() < 1e-12);
    }
}
