//! The difference operator −∇·(w ∇u) + c u on the inner points of a regular grid in two or three dimensions (5 or 7
//! points), u = 0 on the boundary.

use std::sync::Arc;

use crate::error::Result;
use crate::linalg::Pattern;

/// The value of w on the face between two grid points, from its values there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Faces {
    /// (a + b)/2.
    #[default]
    Arithmetic,
    /// 2ab/(a + b): exact for layers of different w in one dimension.
    Harmonic,
}

impl Faces {
    fn mean(self, a: f64, b: f64) -> f64 {
        match self {
            Faces::Arithmetic => 0.5 * (a + b),
            Faces::Harmonic => 2.0 * a * b / (a + b),
        }
    }
}

/// The unit square (or cube) in cells a side, h = 1/cells; the unknowns are the (cells − 1)^dim inner points, x
/// fastest.
#[derive(Debug, Clone)]
pub struct Differences {
    cells: usize,
    dim: usize,
    faces: Faces,
    pattern: Arc<Pattern>,
}

impl Differences {
    /// Makes the pattern; `dim` is 2 or 3.
    ///
    /// # Errors
    /// If the grid is too large for 32-bit indices.
    pub fn new(cells: usize, dim: usize, faces: Faces) -> Result<Self> {
        let m = cells - 1;
        let n = m.pow(dim as u32);
        let (mut indptr, mut indices) = (vec![0u32], Vec::with_capacity((2 * dim + 1) * n));
        for i in 0..n {
            let place = |axis: usize| i / m.pow(axis as u32) % m;
            let below = (0..dim).rev().filter(|&axis| place(axis) > 0).map(|axis| i - m.pow(axis as u32));
            let above = (0..dim).filter(|&axis| place(axis) + 1 < m).map(|axis| i + m.pow(axis as u32));
            indices.extend(below.chain([i]).chain(above).map(|j| j as u32));
            indptr.push(indices.len() as u32);
        }
        let pattern = Arc::new(Pattern::new(n, n, indptr, indices)?);
        Ok(Differences { cells, dim, faces, pattern })
    }

    /// The pattern: 2 dim + 1 entries a row, fewer beside the boundary.
    pub fn pattern(&self) -> &Arc<Pattern> {
        &self.pattern
    }

    /// Where inner point i stands among all grid points.
    fn on_grid(&self, i: usize) -> usize {
        let (m, width) = (self.cells - 1, self.cells + 1);
        (0..self.dim).map(|axis| (i / m.pow(axis as u32) % m + 1) * width.pow(axis as u32)).sum()
    }

    /// values ← values + scale · (−∇·(w ∇·)), w on all (cells + 1)^dim grid points:
    /// Σ_faces w_face (u_i − u_neighbour)/h².
    ///
    /// # Panics
    /// If lengths do not fit.
    pub fn add_diffusion(&self, w: &[f64], scale: f64, values: &mut [f64]) {
        let (m, width) = (self.cells - 1, self.cells + 1);
        assert_eq!(w.len(), width.pow(self.dim as u32), "coefficient on the grid");
        assert_eq!(values.len(), self.pattern.nnz(), "values of the pattern");
        let scale = scale * (self.cells * self.cells) as f64;
        let mut entries = values.iter_mut();
        for i in 0..self.pattern.nrows() {
            let at = self.on_grid(i);
            let place = |axis: usize| i / m.pow(axis as u32) % m;
            let face = |v: usize| scale * self.faces.mean(w[at], w[v]);
            let below = |axis: usize| face(at - width.pow(axis as u32));
            let above = |axis: usize| face(at + width.pow(axis as u32));
            let diagonal: f64 = (0..self.dim).rev().map(below).chain((0..self.dim).map(above)).sum();
            let before = (0..self.dim).rev().filter(|&axis| place(axis) > 0).map(|axis| -below(axis));
            let after = (0..self.dim).filter(|&axis| place(axis) + 1 < m).map(|axis| -above(axis));
            for entry in before.chain([diagonal]).chain(after) {
                // One value a stored entry, by construction of the pattern.
                if let Some(value) = entries.next() {
                    *value += entry;
                }
            }
        }
    }

    /// values ← values + scale · c on the diagonal, c on all grid points.
    ///
    /// # Panics
    /// If lengths do not fit.
    pub fn add_reaction(&self, c: &[f64], scale: f64, values: &mut [f64]) {
        assert_eq!(values.len(), self.pattern.nnz(), "values of the pattern");
        for (i, c) in self.inner(c).into_iter().enumerate() {
            if let Some(k) = self.pattern.find(i, i) {
                values[k] += scale * c;
            }
        }
    }

    /// Values on all grid points → those on the inner ones.
    ///
    /// # Panics
    /// If there is not one value a grid point.
    pub fn inner(&self, nodal: &[f64]) -> Vec<f64> {
        assert_eq!(nodal.len(), (self.cells + 1).pow(self.dim as u32), "values on the grid");
        (0..self.pattern.nrows()).map(|i| nodal[self.on_grid(i)]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_by_hand() {
        // One inner point, h = 1/2: the faces to the points below, left, right, above.
        let w = [9.0, 1.0, 9.0, 2.0, 4.0, 6.0, 9.0, 8.0, 9.0];
        let one = |faces, scale| {
            let mut values = vec![0.5];
            Differences::new(2, 2, faces).unwrap().add_diffusion(&w, scale, &mut values);
            values[0]
        };
        assert_eq!(one(Faces::Arithmetic, 1.0), 0.5 + 4.0 * (2.5 + 3.0 + 5.0 + 6.0));
        let harmonic = 8.0 / 5.0 + 16.0 / 6.0 + 48.0 / 10.0 + 64.0 / 12.0;
        assert!((one(Faces::Harmonic, 0.5) - 0.5 - 2.0 * harmonic).abs() < 1e-13);
        let operator = Differences::new(4, 2, Faces::Arithmetic).unwrap();
        let mut values = vec![0.0; operator.pattern().nnz()];
        operator.add_diffusion(&[1.0; 25], 1.0, &mut values);
        operator.add_reaction(&(0..25).map(f64::from).collect::<Vec<_>>(), 10.0, &mut values);
        assert_eq!(operator.pattern().row(4), [1, 3, 4, 5, 7]);
        assert_eq!(values[operator.pattern().range(4)], [-16.0, -16.0, 64.0 + 120.0, -16.0, -16.0]);
        assert_eq!(values[operator.pattern().range(0)], [64.0 + 60.0, -16.0, -16.0]);
    }

    #[test]
    fn seven_points_by_hand() {
        // u = x + 2 y + 3 z is harmonic; w = 1 + x: -div(w grad u) = -1.
        let cells = 4;
        let operator = Differences::new(cells, 3, Faces::Arithmetic).unwrap();
        let at = |k: usize| [k % 5, k / 5 % 5, k / 25].map(|i| i as f64 / 4.0);
        let w: Vec<f64> = (0..125).map(|k| 1.0 + at(k)[0]).collect();
        let u: Vec<f64> = (0..125).map(|k| at(k)[0] + 2.0 * at(k)[1] + 3.0 * at(k)[2]).collect();
        let mut values = vec![0.0; operator.pattern().nnz()];
        operator.add_diffusion(&w, 1.0, &mut values);
        // The point in the middle has inner neighbours only.
        assert_eq!(operator.pattern().row(13), [4, 10, 12, 13, 14, 16, 22]);
        let inner = operator.inner(&u);
        let terms = operator.pattern().range(13).map(|e| values[e] * inner[operator.pattern().indices()[e] as usize]);
        assert!((terms.sum::<f64>() + 1.0).abs() < 1e-12);
    }
}
