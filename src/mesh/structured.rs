//! Regular triangulations.

use super::TriangleMesh;

/// The unit square in (2^level)² squares, each cut along the diagonal from lower left to upper right.
///
/// Points run row by row, x fastest; the (2^level − 1)² inner ones keep that order. The stiffness matrix of linear
/// elements has, in this order, the stored diagonals 0, 1, N, N + 1 with N = 2^level − 1.
pub fn unit_square(level: u32) -> TriangleMesh {
    let squares = 1usize << level;
    let h = 1.0 / squares as f64;
    let width = squares + 1;
    let at = |k: usize| (k % width, k / width);
    let mut triangles = Vec::with_capacity(2 * squares * squares);
    for y in 0..squares {
        for x in 0..squares {
            let a = (y * width + x) as u32;
            let (b, d) = (a + 1, a + width as u32);
            let c = d + 1;
            triangles.push([a, b, c]);
            triangles.push([a, c, d]);
        }
    }
    TriangleMesh {
        points: (0..width * width)
            .map(|k| [at(k).0 as f64 * h, at(k).1 as f64 * h])
            .collect(),
        cells: triangles,
        boundary: (0..width * width)
            .map(|k| {
                let (x, y) = at(k);
                x == 0 || y == 0 || x == squares || y == squares
            })
            .collect(),
    }
}
