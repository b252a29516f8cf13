//! The difference operator −∇·(w ∇u) + c u on a regular grid in two or three dimensions (5 or 7 points): on the inner
//! points, u = 0 on the boundary, or with unknowns on the boundary too.

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

/// The unit square (or cube) in cells a side, h = 1/cells; the unknowns are grid points, x fastest: the (cells − 1)^dim
/// inner ones, or others on the boundary too.
///
/// An equation is the balance of the box of side h around its point over the volume h^dim of a whole one. At a point of
/// the boundary the part of the box within the domain counts: half of it and of those faces that a side cuts, which
/// keeps the matrix symmetric and the order 2 (LeVeque 2007, Finite Difference Methods, section 2.12, for one
/// dimension).
#[derive(Debug, Clone)]
pub struct Differences {
    cells: usize,
    dim: usize,
    faces: Faces,
    /// The grid point of each unknown.
    points: Vec<u32>,
    pattern: Arc<Pattern>,
}

/// A grid point that is no unknown.
const NONE: u32 = u32::MAX;

impl Differences {
    /// Makes the pattern of the inner points; `dim` is 2 or 3.
    ///
    /// # Errors
    /// If the grid is too large for 32-bit indices.
    pub fn new(cells: usize, dim: usize, faces: Faces) -> Result<Self> {
        let grid = GridOf { cells, dim };
        Self::with_unknowns(cells, dim, faces, |v| grid.at(v)[..dim].iter().all(|&k| 0 < k && k < cells))
    }

    /// Makes the pattern of the grid points for which `free` says so.
    ///
    /// # Errors
    /// If the grid is too large for 32-bit indices.
    pub fn with_unknowns(cells: usize, dim: usize, faces: Faces, free: impl Fn(usize) -> bool) -> Result<Self> {
        let grid = GridOf { cells, dim };
        let total = (cells + 1).pow(dim as u32);
        let mut number = vec![NONE; total];
        let points: Vec<u32> = (0..total).filter(|&v| free(v)).map(|v| v as u32).collect();
        (0..).zip(&points).for_each(|(i, &v)| number[v as usize] = i);
        let (mut indptr, mut indices) = (vec![0u32], Vec::with_capacity((2 * dim + 1) * points.len()));
        for (i, &v) in (0u32..).zip(&points) {
            let (below, above) = grid.around(v as usize);
            let other = |v: &Option<usize>| v.map(|v| number[v]).filter(|&j| j != NONE);
            indices.extend(below[..dim].iter().rev().filter_map(other).chain([i]));
            indices.extend(above[..dim].iter().filter_map(other));
            indptr.push(indices.len() as u32);
        }
        let pattern = Arc::new(Pattern::new(points.len(), points.len(), indptr, indices)?);
        Ok(Differences { cells, dim, faces, points, pattern })
    }

    fn grid(&self) -> GridOf {
        GridOf { cells: self.cells, dim: self.dim }
    }

    /// The pattern: 2 dim + 1 entries a row, fewer beside the boundary.
    pub fn pattern(&self) -> &Arc<Pattern> {
        &self.pattern
    }

    /// The grid point of each unknown.
    pub fn points(&self) -> &[u32] {
        &self.points
    }

    /// What a density on the side across `axis` adds to the equation of a point on it: the share of a whole face that
    /// belongs to the point, over h.
    pub fn on_side(&self, point: usize, axis: usize) -> f64 {
        self.grid().share(self.grid().at(point), Some(axis)) * self.cells as f64
    }

    /// values ← values + scale · (−∇·(w ∇·)), w on all (cells + 1)^dim grid points:
    /// Σ_faces w_face (u_i − u_neighbour)/h².
    ///
    /// # Panics
    /// If lengths do not fit.
    pub fn add_diffusion(&self, w: &[f64], scale: f64, values: &mut [f64]) {
        assert_eq!(w.len(), (self.cells + 1).pow(self.dim as u32), "coefficient on the grid");
        assert_eq!(values.len(), self.pattern.nnz(), "values of the pattern");
        let grid = self.grid();
        let mut entries = values.iter_mut();
        for (i, &v) in self.points.iter().enumerate() {
            let (below, above) = grid.around(v as usize);
            let at = grid.at(v as usize);
            let face = |axis: usize, to: usize| self.face(w, scale, (at, v as usize), axis, to);
            // In the order of the columns, the diagonal between those below and those above.
            let sides = (0..self.dim).rev().map(|axis| (axis, below[axis]));
            let sides = sides.chain((0..self.dim).map(|axis| (axis, above[axis])));
            let faces: [Option<(usize, f64)>; 6] = {
                let mut all = [None; 6];
                all.iter_mut().zip(sides).for_each(|(out, (axis, to))| *out = to.map(|to| (to, face(axis, to))));
                all
            };
            let diagonal: f64 = faces.iter().flatten().map(|(_, face)| face).sum();
            let mut off = faces.iter().flatten();
            for &j in self.pattern.row(i) {
                let column = self.points[j as usize] as usize;
                // One value a stored entry, by construction of the pattern.
                let Some(value) = entries.next() else { break };
                *value += match column == v as usize {
                    true => diagonal,
                    // Faces run in the order of the columns, those of points that are no unknowns among them.
                    false => off.find(|(to, _)| *to == column).map_or(0.0, |(_, face)| -face),
                };
            }
        }
    }

    fn face(&self, w: &[f64], scale: f64, (at, v): ([usize; 3], usize), axis: usize, to: usize) -> f64 {
        let scale = self.grid().share(at, Some(axis)) * (scale * (self.cells * self.cells) as f64);
        scale * self.faces.mean(w[v], w[to])
    }

    /// rhs ← rhs − scale · (−∇·(w ∇g)) for the values g of points that are no unknowns; w and g on all grid points.
    ///
    /// # Panics
    /// If lengths do not fit.
    pub fn lift(&self, w: &[f64], scale: f64, g: &[f64], rhs: &mut [f64]) {
        let grid = self.grid();
        let mut free = vec![false; g.len()];
        self.points.iter().for_each(|&v| free[v as usize] = true);
        for (r, &v) in rhs.iter_mut().zip(&self.points) {
            let (below, above) = grid.around(v as usize);
            let at = grid.at(v as usize);
            for (axis, to) in below.iter().enumerate().chain(above.iter().enumerate()) {
                if let Some(to) = to.filter(|&to| !free[to]) {
                    *r += self.face(w, scale, (at, v as usize), axis, to) * g[to];
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
        for (i, c) in self.load(c).into_iter().enumerate() {
            if let Some(k) = self.pattern.find(i, i) {
                values[k] += scale * c;
            }
        }
    }

    /// Values on all grid points → those of the unknowns, each times the share of its box within the domain.
    ///
    /// # Panics
    /// If there is not one value a grid point.
    pub fn load(&self, nodal: &[f64]) -> Vec<f64> {
        assert_eq!(nodal.len(), (self.cells + 1).pow(self.dim as u32), "values on the grid");
        let grid = self.grid();
        self.points.iter().map(|&v| grid.share(grid.at(v as usize), None) * nodal[v as usize]).collect()
    }
}

/// A grid of so many cells a side.
#[derive(Debug, Clone, Copy)]
struct GridOf {
    cells: usize,
    dim: usize,
}

impl GridOf {
    /// The place of a point along each axis; 0 along those that are not there.
    fn at(self, point: usize) -> [usize; 3] {
        let width = self.cells + 1;
        let rest = point / width;
        match self.dim {
            3 => [point % width, rest % width, rest / width],
            _ => [point % width, rest, 0],
        }
    }

    /// The points below and above along each axis.
    fn around(self, point: usize) -> ([Option<usize>; 3], [Option<usize>; 3]) {
        let (at, width) = (self.at(point), self.cells + 1);
        let (mut below, mut above, mut step) = ([None; 3], [None; 3], 1);
        for (&at, (below, above)) in at.iter().zip(below.iter_mut().zip(&mut above)).take(self.dim) {
            *below = (at > 0).then(|| point - step);
            *above = (at < self.cells).then(|| point + step);
            step *= width;
        }
        (below, above)
    }

    /// The share of the box around a point that lies within the domain, or of its face across an axis.
    fn share(self, at: [usize; 3], across: Option<usize>) -> f64 {
        let cut = |axis: &usize| across != Some(*axis) && (at[*axis] == 0 || at[*axis] == self.cells);
        (0..self.dim).filter(cut).fold(1.0, |share, _| 0.5 * share)
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
        let inner = operator.load(&u);
        let terms = operator.pattern().range(13).map(|e| values[e] * inner[operator.pattern().indices()[e] as usize]);
        assert!((terms.sum::<f64>() + 1.0).abs() < 1e-12);
    }
}
