//! Linear elements on the unit cube in cells³ cubes of six tetrahedra each ([`crate::mesh::structured::tetrahedra`]),
//! assembled row by row of their stencil: nothing is stored a cell, so that a million unknowns need little more memory
//! than their matrix.

use std::sync::Arc;

use crate::error::Result;
use crate::linalg::Pattern;
use crate::mesh::structured::KUHN;

/// A tetrahedron at a node, seen from it.
#[derive(Debug, Clone)]
struct Part {
    /// Its corners among the grid points, counted from the node.
    corners: [isize; 4],
    /// Which of them is the node.
    own: usize,
    /// The places of its corners in the stencil.
    places: [usize; 4],
    /// Row of the element's stiffness matrix for the node, with a coefficient of 1.
    stiffness: [f64; 4],
}

/// The unknowns are the (cells − 1)³ inner points, x fastest; coefficients are the linear functions of their values at
/// all (cells + 1)³ grid points and are integrated exactly.
#[derive(Debug, Clone)]
pub struct CubeElements {
    cells: usize,
    parts: Vec<Part>,
    /// Neighbours of a node, itself among them, in the order of their columns.
    stencil: Vec<[isize; 3]>,
    pattern: Arc<Pattern>,
}

impl CubeElements {
    /// Makes the stencil and the pattern.
    ///
    /// # Errors
    /// If the grid is too large for 32-bit indices.
    pub fn new(cells: usize) -> Result<Self> {
        let width = cells as isize + 1;
        let away = |a: [usize; 3], b: [usize; 3]| [0, 1, 2].map(|d| b[d] as isize - a[d] as isize);
        let pairs = KUHN.iter().flat_map(|t| t.iter().flat_map(|&a| t.iter().map(move |&b| away(a, b))));
        let mut stencil: Vec<[isize; 3]> = pairs.collect();
        stencil.sort_by_key(|&[x, y, z]| (z, y, x));
        stencil.dedup();
        let mut parts = Vec::with_capacity(24);
        for corners in &KUHN {
            let gradients = gradients(corners);
            for own in 0..4 {
                let from = corners.map(|c| away(corners[own], c));
                let product = |k: usize| (0..3).map(|d| gradients[own][d] * gradients[k][d]).sum::<f64>();
                parts.push(Part {
                    corners: from.map(|[x, y, z]| x + width * (y + width * z)),
                    own,
                    places: from.map(|f| stencil.iter().position(|&s| s == f).unwrap_or_default()),
                    // The volume h³/6 times gradients of length 1/h.
                    stiffness: [0, 1, 2, 3].map(|k| product(k) / (6.0 * cells as f64)),
                });
            }
        }
        let m = cells as isize - 1;
        let n = (m * m * m) as usize;
        let (mut indptr, mut indices) = (vec![0u32], Vec::with_capacity(stencil.len() * n));
        for i in 0..n as isize {
            let at = [i % m, i / m % m, i / (m * m)];
            let inside = |s: &&[isize; 3]| (0..3).all(|d| (0..m).contains(&(at[d] + s[d])));
            indices.extend(stencil.iter().filter(inside).map(|[x, y, z]| (i + x + m * (y + m * z)) as u32));
            indptr.push(indices.len() as u32);
        }
        Ok(CubeElements { cells, parts, stencil, pattern: Arc::new(Pattern::new(n, n, indptr, indices)?) })
    }

    /// The pattern: 15 entries a row, fewer beside the boundary.
    pub fn pattern(&self) -> &Arc<Pattern> {
        &self.pattern
    }

    /// Where unknown i stands among all grid points.
    pub fn on_grid(&self, i: usize) -> usize {
        let (m, width) = (self.cells - 1, self.cells + 1);
        (i % m + 1) + width * ((i / m % m + 1) + width * (i / (m * m) + 1))
    }

    /// Adds to the rows of the matrix what `row` writes into the stencil of the grid point it is given.
    fn add(&self, values: &mut [f64], row: impl Fn(usize, &mut [f64])) {
        assert_eq!(values.len(), self.pattern.nnz(), "values of the pattern");
        let m = self.cells as isize - 1;
        let mut entries = values.iter_mut();
        let mut own = vec![0.0; self.stencil.len()];
        for i in 0..self.pattern.nrows() {
            own.fill(0.0);
            row(self.on_grid(i), &mut own);
            let i = i as isize;
            let at = [i % m, i / m % m, i / (m * m)];
            for (s, v) in self.stencil.iter().zip(&own) {
                if (0..3).all(|d| (0..m).contains(&(at[d] + s[d]))) {
                    // One value a stored entry, by construction of the pattern.
                    if let Some(value) = entries.next() {
                        *value += v;
                    }
                }
            }
        }
    }

    /// values ← values + scale · ∫ w ∇φ_i·∇φ_j.
    ///
    /// # Panics
    /// If lengths do not fit.
    pub fn add_diffusion(&self, w: &[f64], scale: f64, values: &mut [f64]) {
        self.check(w);
        self.add(values, |point, own| {
            for part in &self.parts {
                let sum: f64 = part.corners.iter().map(|&c| w[point.wrapping_add_signed(c)]).sum();
                let mean = 0.25 * scale * sum;
                for (&place, s) in part.places.iter().zip(&part.stiffness) {
                    own[place] += mean * s;
                }
            }
        });
    }

    /// values ← values + scale · ∫ c φ_i φ_j.
    ///
    /// # Panics
    /// If lengths do not fit.
    pub fn add_reaction(&self, c: &[f64], scale: f64, values: &mut [f64]) {
        self.check(c);
        // ∫ λ_i λ_j λ_k over a tetrahedron of volume V: V/20 if all are one, V/60 if two are, V/120 else.
        let unit = scale / (720.0 * (self.cells as f64).powi(3));
        self.add(values, |point, own| {
            for part in &self.parts {
                let at = part.corners.map(|c_k| c[point.wrapping_add_signed(c_k)]);
                let sum: f64 = at.iter().sum();
                for (k, &place) in part.places.iter().enumerate() {
                    let two = match k == part.own {
                        true => 2.0 * (sum + 2.0 * at[k]),
                        false => sum + at[k] + at[part.own],
                    };
                    own[place] += unit * two;
                }
            }
        });
    }

    /// ∫ f φ_i, f the linear function of these values at the grid points.
    ///
    /// # Panics
    /// If there is not one value a grid point.
    pub fn load(&self, f: &[f64]) -> Vec<f64> {
        self.check(f);
        // ∫ λ_i λ_k over a tetrahedron of volume V: V/10 if both are one, V/20 else.
        let unit = 1.0 / (120.0 * (self.cells as f64).powi(3));
        let row = |i: usize| {
            let point = self.on_grid(i);
            let part = |part: &Part| {
                let sum: f64 = part.corners.iter().map(|&c| f[point.wrapping_add_signed(c)]).sum();
                unit * (sum + f[point])
            };
            self.parts.iter().map(part).sum()
        };
        (0..self.pattern.nrows()).map(row).collect()
    }

    fn check(&self, nodal: &[f64]) {
        assert_eq!(nodal.len(), (self.cells + 1).pow(3), "values on the grid");
    }
}

/// Gradients of the four linear basis functions on a tetrahedron of volume 1/6.
fn gradients(corners: &[[usize; 3]; 4]) -> [[f64; 3]; 4] {
    let edge = |k: usize| [0, 1, 2].map(|d| corners[k][d] as f64 - corners[0][d] as f64);
    let e = [edge(1), edge(2), edge(3)];
    let cross =
        |a: [f64; 3], b: [f64; 3]| [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
    let volume: f64 = cross(e[0], e[1]).iter().zip(&e[2]).map(|(c, e)| c * e).sum();
    let rows = [cross(e[1], e[2]), cross(e[2], e[0]), cross(e[0], e[1])].map(|row| row.map(|v| v / volume));
    let first = [0, 1, 2].map(|d| -rows[0][d] - rows[1][d] - rows[2][d]);
    [first, rows[0], rows[1], rows[2]]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fem::assembler::Assembler;
    use crate::fem::dofs::{Dofs, Order};
    use crate::fem::integrals::{Integrals, Kind};
    use crate::fem::space::Space;
    use crate::mesh::structured;

    /// Against the general assembly on the same mesh.
    #[test]
    fn equals_the_general_assembly() {
        let cells = 5;
        let cube = CubeElements::new(cells).unwrap();
        let space = Space::p1_tet(&structured::tetrahedra(cells));
        let dofs = Dofs::of_space(&space, |v| !space.boundary[v], Order::Natural).unwrap();
        assert!((0..dofs.count()).all(|i| dofs.points[i] as usize == cube.on_grid(i)));
        let assembler = Assembler::new(&space, dofs).unwrap();
        assert_eq!(assembler.pattern().indices(), cube.pattern().indices());
        let w = space.interpolate(|[x, y, z]| (3.0 * x - y * z).exp() + x * y);
        let close = |a: &[f64], b: &[f64]| {
            let size = b.iter().fold(0.0f64, |m, v| m.max(v.abs()));
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-14 * size)
        };
        for kind in [Kind::Stiffness, Kind::Mass] {
            let integrals = Integrals::new(&space, kind, 3).unwrap();
            let mut general = vec![0.0; cube.pattern().nnz()];
            let at = integrals.at_points(&w);
            assembler.add(&integrals, &assembler.scatter(&integrals), &at, &mut general);
            let mut values = vec![0.0; cube.pattern().nnz()];
            match kind {
                Kind::Mass => cube.add_reaction(&w, 1.0, &mut values),
                _ => cube.add_diffusion(&w, 1.0, &mut values),
            }
            assert!(close(&values, &general), "{kind:?}");
            if kind == Kind::Mass {
                assert!(close(&cube.load(&w), &assembler.restrict(&integrals.load(&at, space.len()))));
            }
        }
    }
}
