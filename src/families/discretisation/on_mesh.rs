//! What a mesh has that a grid does not: places of its nodes in the grid that random fields are drawn on, cells of
//! various sizes.

use crate::fem::space::Space;

/// What a mesh has that a grid does not.
pub(super) struct OnMesh {
    pub places: Places,
    /// The space on a cell in words.
    pub element: &'static str,
    pub longest_edge: f64,
}

impl OnMesh {
    pub(super) fn new<const D: usize>(space: &Space<D>, cells: usize) -> Self {
        let corners = space.element.geometry().nodes();
        let square = |a: u32, b: u32| -> f64 {
            let (a, b) = (space.nodes[a as usize], space.nodes[b as usize]);
            (0..D).map(|d| (a[d] - b[d]).powi(2)).sum()
        };
        // The diagonals of a quadrilateral are none of its edges.
        let is_edge = |a: usize, b: usize| D == 3 || corners == 3 || b - a != 2;
        let pairs = || (0..corners).flat_map(|a| (a + 1..corners).map(move |b| (a, b))).filter(|&(a, b)| is_edge(a, b));
        let edges = space.cells.chunks_exact(space.element.nodes());
        let longest = edges.flat_map(|cell| pairs().map(|(a, b)| square(cell[a], cell[b]))).fold(0.0, f64::max);
        OnMesh { places: Places::new(&space.nodes, cells), element: space.element.name(), longest_edge: longest.sqrt() }
    }
}

/// Where the nodes of a mesh stand in a grid of `cells` a side over the cube whose side is the longest one of the
/// mesh's bounding box: for each the corners of its cell with their weights, linear in each coordinate.
pub(super) struct Places(Vec<Vec<(u32, f64)>>);

impl Places {
    pub(super) fn new<const D: usize>(nodes: &[[f64; D]], cells: usize) -> Self {
        let least = |d: usize| nodes.iter().map(|x| x[d]).fold(f64::INFINITY, f64::min);
        let most = |d: usize| nodes.iter().map(|x| x[d]).fold(f64::NEG_INFINITY, f64::max);
        let low: [f64; D] = std::array::from_fn(least);
        let length = (0..D).map(|d| most(d) - low[d]).fold(0.0, f64::max);
        let place = |x: &[f64; D]| {
            let mut corners = vec![(0, 1.0)];
            for d in (0..D).rev() {
                let at = (x[d] - low[d]) / length * cells as f64;
                let first = (at as usize).min(cells - 1);
                let share = at - first as f64;
                let ends = [(first, 1.0 - share), (first + 1, share)];
                let next = |&(index, weight): &(u32, f64)| {
                    ends.map(|(at, share)| (index * (cells as u32 + 1) + at as u32, weight * share))
                };
                corners = corners.iter().flat_map(next).collect();
            }
            corners
        };
        Places(nodes.iter().map(place).collect())
    }

    /// Values on the grid → at the nodes.
    pub(super) fn interpolate(&self, grid: &[f64]) -> Vec<f64> {
        let at = |corners: &Vec<(u32, f64)>| corners.iter().map(|&(i, weight)| weight * grid[i as usize]).sum();
        self.0.iter().map(at).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linear_functions_are_interpolated_exactly() {
        let nodes = [[2.0, -1.0, 0.5], [4.0, 1.0, 0.5], [3.2, 0.3, 0.9], [2.5, -0.9, 1.0]];
        let cells = 5;
        // Values of 1 + x − 2 y + 3 z on the grid over the cube of side 2 that starts at (2, −1, 1/2).
        let f = |x: [f64; 3]| 1.0 + x[0] - 2.0 * x[1] + 3.0 * x[2];
        let mut grid = Vec::new();
        for k in 0..=cells {
            for j in 0..=cells {
                for i in 0..=cells {
                    let step = |k: usize| 2.0 * k as f64 / cells as f64;
                    grid.push(f([2.0 + step(i), -1.0 + step(j), 0.5 + step(k)]));
                }
            }
        }
        for (sum, node) in Places::new(&nodes, cells).interpolate(&grid).into_iter().zip(nodes) {
            assert!((sum - f(node)).abs() < 1e-13, "{sum} at {node:?}");
        }
    }
}
