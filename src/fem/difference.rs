//! The 5-point difference operator −∇·(w ∇u) + c u on the inner points of a regular grid, u = 0 on the boundary.

use std::sync::Arc;

use crate::error::Result;
use crate::linalg::Pattern;

/// The value of w on the face between two grid points, from its values there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
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

/// The unit square in cells×cells squares, h = 1/cells; the unknowns are the (cells − 1)² inner points row by row, x
/// fastest.
#[derive(Debug, Clone)]
pub struct FivePoint {
    cells: usize,
    faces: Faces,
    pattern: Arc<Pattern>,
}

impl FivePoint {
    /// Makes the pattern.
    ///
    /// # Errors
    /// If the grid is too large for 32-bit indices.
    pub fn new(cells: usize, faces: Faces) -> Result<Self> {
        let m = cells - 1;
        let (mut indptr, mut indices) = (vec![0u32], Vec::with_capacity(5 * m * m));
        for i in 0..m * m {
            let (x, y) = (i % m, i / m);
            let neighbours = [
                (y > 0, i.wrapping_sub(m)),
                (x > 0, i.wrapping_sub(1)),
                (true, i),
                (x + 1 < m, i + 1),
                (y + 1 < m, i + m),
            ];
            indices.extend(neighbours.iter().filter(|n| n.0).map(|n| n.1 as u32));
            indptr.push(indices.len() as u32);
        }
        let pattern = Arc::new(Pattern::new(m * m, m * m, indptr, indices)?);
        Ok(FivePoint { cells, faces, pattern })
    }

    /// The pattern: 5 entries a row, fewer beside the boundary.
    pub fn pattern(&self) -> &Arc<Pattern> {
        &self.pattern
    }

    /// values ← values + scale · (−∇·(w ∇·)), w on all (cells + 1)² grid points:
    /// Σ_faces w_face (u_i − u_neighbour)/h².
    ///
    /// # Panics
    /// If lengths do not fit.
    pub fn add_diffusion(&self, w: &[f64], scale: f64, values: &mut [f64]) {
        let (m, width) = (self.cells - 1, self.cells + 1);
        assert_eq!(w.len(), width * width, "coefficient on the grid");
        assert_eq!(values.len(), self.pattern.nnz(), "values of the pattern");
        let scale = scale * (self.cells * self.cells) as f64;
        let mut entries = values.iter_mut();
        for i in 0..m * m {
            let (x, y) = (i % m, i / m);
            let at = (y + 1) * width + x + 1;
            let face = |v: usize| scale * self.faces.mean(w[at], w[v]);
            let [south, west, east, north] = [at - width, at - 1, at + 1, at + width].map(face);
            let row = [
                (y > 0, -south),
                (x > 0, -west),
                (true, south + west + east + north),
                (x + 1 < m, -east),
                (y + 1 < m, -north),
            ];
            for (_, entry) in row.into_iter().filter(|e| e.0) {
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
        let (m, width) = (self.cells - 1, self.cells + 1);
        assert_eq!(nodal.len(), width * width, "values on the grid");
        (0..m * m).map(|i| nodal[(i / m + 1) * width + i % m + 1]).collect()
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
            FivePoint::new(2, faces).unwrap().add_diffusion(&w, scale, &mut values);
            values[0]
        };
        assert_eq!(one(Faces::Arithmetic, 1.0), 0.5 + 4.0 * (2.5 + 3.0 + 5.0 + 6.0));
        let harmonic = 8.0 / 5.0 + 16.0 / 6.0 + 48.0 / 10.0 + 64.0 / 12.0;
        assert!((one(Faces::Harmonic, 0.5) - 0.5 - 2.0 * harmonic).abs() < 1e-13);
        let operator = FivePoint::new(4, Faces::Arithmetic).unwrap();
        let mut values = vec![0.0; operator.pattern().nnz()];
        operator.add_diffusion(&[1.0; 25], 1.0, &mut values);
        operator.add_reaction(&(0..25).map(f64::from).collect::<Vec<_>>(), 10.0, &mut values);
        assert_eq!(operator.pattern().row(4), [1, 3, 4, 5, 7]);
        assert_eq!(values[operator.pattern().range(4)], [-16.0, -16.0, 64.0 + 120.0, -16.0, -16.0]);
        assert_eq!(values[operator.pattern().range(0)], [64.0 + 60.0, -16.0, -16.0]);
    }
}
