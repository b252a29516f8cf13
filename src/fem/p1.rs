//! Linear elements on triangles: stiffness and load by a scatter map into a pattern made once per mesh.

use std::sync::Arc;

use super::dofs::{Dofs, ELIMINATED};
use super::quadrature::TriangleRule;
use crate::error::Result;
use crate::linalg::Pattern;
use crate::mesh::TriangleMesh;

/// Where the six different entries of an element matrix go: (0,0), (1,1), (2,2), both places of (0,1), (1,2), (2,0).
type Scatter = [u32; 9];

/// Assembles on one mesh topology; positions may differ from call to call.
#[derive(Debug, Clone)]
pub struct P1 {
    triangles: Vec<[u32; 3]>,
    unknowns: Vec<[u32; 3]>,
    scatter: Vec<Scatter>,
    pattern: Arc<Pattern>,
}

impl P1 {
    /// Makes pattern and scatter map.
    ///
    /// # Errors
    /// If the mesh has triangles with points that are not there.
    pub fn new(mesh: &TriangleMesh, dofs: &Dofs) -> Result<Self> {
        let pattern = dofs.pattern(mesh.cells.as_flattened(), 3)?;
        let place = |i: u32, j: u32| {
            if i == ELIMINATED || j == ELIMINATED {
                return ELIMINATED;
            }
            pattern.find(i as usize, j as usize).map_or(ELIMINATED, |k| k as u32)
        };
        let unknowns: Vec<[u32; 3]> = mesh.cells.iter().map(|t| t.map(|v| dofs.of_point[v as usize])).collect();
        let scatter = unknowns
            .iter()
            .map(|&[a, b, c]| {
                [
                    place(a, a),
                    place(b, b),
                    place(c, c),
                    place(a, b),
                    place(b, a),
                    place(b, c),
                    place(c, b),
                    place(c, a),
                    place(a, c),
                ]
            })
            .collect();
        Ok(P1 { triangles: mesh.cells.clone(), unknowns, scatter, pattern: Arc::new(pattern) })
    }

    /// The pattern of the stiffness matrix.
    pub fn pattern(&self) -> &Arc<Pattern> {
        &self.pattern
    }

    /// values ← ∫ ∇φ_i · ∇φ_j over the free unknowns, in the order of the pattern.
    ///
    /// With e_k the edge opposite vertex k, the element matrix is e_i · e_j / (4 |T|).
    ///
    /// # Panics
    /// If `values` has not one entry per entry of the pattern.
    pub fn stiffness(&self, points: &[[f64; 2]], values: &mut [f64]) {
        assert_eq!(values.len(), self.pattern.nnz(), "stiffness: length of values");
        values.fill(0.0);
        for (tri, to) in self.triangles.iter().zip(&self.scatter) {
            let [a, b, c] = tri.map(|v| points[v as usize]);
            let (ex, ey) = ([c[0] - b[0], a[0] - c[0], b[0] - a[0]], [c[1] - b[1], a[1] - c[1], b[1] - a[1]]);
            let scale = 0.5 / (ex[2] * -ey[1] - ey[2] * -ex[1]);
            let dot = |i: usize, j: usize| scale * (ex[i] * ex[j] + ey[i] * ey[j]);
            let (ab, bc, ca) = (dot(0, 1), dot(1, 2), dot(2, 0));
            let entries = [dot(0, 0), dot(1, 1), dot(2, 2), ab, ab, bc, bc, ca, ca];
            for (&k, v) in to.iter().zip(entries) {
                if k != ELIMINATED {
                    values[k as usize] += v;
                }
            }
        }
    }

    /// rhs ← ∫ f φ_i over the free unknowns for constant f (exact).
    ///
    /// # Panics
    /// If `rhs` has not one entry per unknown.
    pub fn load_constant(&self, points: &[[f64; 2]], f: f64, rhs: &mut [f64]) {
        assert_eq!(rhs.len(), self.pattern.nrows(), "load: length of rhs");
        rhs.fill(0.0);
        for (tri, to) in self.triangles.iter().zip(&self.unknowns) {
            let third = f * double_area(tri.map(|v| points[v as usize])) / 6.0;
            for &i in to {
                if i != ELIMINATED {
                    rhs[i as usize] += third;
                }
            }
        }
    }

    /// rhs ← ∫ f φ_i over the free unknowns by quadrature.
    ///
    /// # Panics
    /// If `rhs` has not one entry per unknown.
    pub fn load(&self, points: &[[f64; 2]], rule: &TriangleRule, f: impl Fn([f64; 2]) -> f64, rhs: &mut [f64]) {
        assert_eq!(rhs.len(), self.pattern.nrows(), "load: length of rhs");
        rhs.fill(0.0);
        for (tri, to) in self.triangles.iter().zip(&self.unknowns) {
            let p = tri.map(|v| points[v as usize]);
            let area = 0.5 * double_area(p);
            let mut sums = [0.0; 3];
            for (l, w) in rule.points.iter().zip(&rule.weights) {
                let at = |d: usize| l[0] * p[0][d] + l[1] * p[1][d] + l[2] * p[2][d];
                let value = area * w * f([at(0), at(1)]);
                for k in 0..3 {
                    sums[k] += value * l[k];
                }
            }
            for (&i, s) in to.iter().zip(sums) {
                if i != ELIMINATED {
                    rhs[i as usize] += s;
                }
            }
        }
    }
}

fn double_area([a, b, c]: [[f64; 2]; 3]) -> f64 {
    (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
}
