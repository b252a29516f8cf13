//! Regular triangulations.

use super::{QuadMesh, TetMesh, TriangleMesh};

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
        points: (0..width * width).map(|k| [at(k).0 as f64 * h, at(k).1 as f64 * h]).collect(),
        cells: triangles,
        boundary: (0..width * width)
            .map(|k| {
                let (x, y) = at(k);
                x == 0 || y == 0 || x == squares || y == squares
            })
            .collect(),
    }
}

/// The unit square in nx × ny rectangles, each cut along the diagonal from lower left to upper right; points row by
/// row, x fastest.
pub fn triangles(nx: usize, ny: usize) -> TriangleMesh {
    let cells = rectangles(nx, ny);
    let cut = cells.iter().flat_map(|&[a, b, c, d]| [[a, b, c], [a, c, d]]);
    TriangleMesh::new(grid_points(nx, ny), cut.collect())
}

/// The unit square in nx × ny rectangles; points row by row, x fastest.
pub fn quads(nx: usize, ny: usize) -> QuadMesh {
    QuadMesh::new(grid_points(nx, ny), rectangles(nx, ny))
}

/// The six tetrahedra of a cube around the diagonal from its lowest to its highest corner, each by the corners
/// (x, y, z) of the cube, of positive orientation.
pub const KUHN: [[[usize; 3]; 4]; 6] = [
    [[0, 0, 0], [1, 0, 0], [1, 1, 0], [1, 1, 1]],
    [[0, 0, 0], [0, 1, 0], [0, 1, 1], [1, 1, 1]],
    [[0, 0, 0], [0, 0, 1], [1, 0, 1], [1, 1, 1]],
    [[0, 0, 0], [1, 1, 0], [0, 1, 0], [1, 1, 1]],
    [[0, 0, 0], [1, 0, 1], [1, 0, 0], [1, 1, 1]],
    [[0, 0, 0], [0, 1, 1], [0, 0, 1], [1, 1, 1]],
];

/// The unit cube in n³ cubes, each in six tetrahedra around the diagonal from its lowest to its highest corner; points
/// in planes and rows, x fastest.
pub fn tetrahedra(n: usize) -> TetMesh {
    let (width, h) = (n + 1, 1.0 / n as f64);
    let points =
        (0..width * width * width).map(|k| [k % width, k / width % width, k / (width * width)].map(|i| i as f64 * h));
    let mut cells = Vec::with_capacity(6 * n * n * n);
    for k in 0..n * n * n {
        let lowest = [k % n, k / n % n, k / (n * n)];
        let point = |c: [usize; 3]| [0, 1, 2].map(|d| lowest[d] + c[d]);
        let number = |[x, y, z]: [usize; 3]| (x + width * (y + width * z)) as u32;
        cells.extend(KUHN.map(|corners| corners.map(|c| number(point(c)))));
    }
    TetMesh::new(points.collect(), cells)
}

fn grid_points(nx: usize, ny: usize) -> Vec<[f64; 2]> {
    (0..(nx + 1) * (ny + 1)).map(|k| [(k % (nx + 1)) as f64 / nx as f64, (k / (nx + 1)) as f64 / ny as f64]).collect()
}

fn rectangles(nx: usize, ny: usize) -> Vec<[u32; 4]> {
    let width = nx as u32 + 1;
    (0..nx * ny)
        .map(|k| {
            let a = (k % nx) as u32 + (k / nx) as u32 * width;
            [a, a + 1, a + 1 + width, a + width]
        })
        .collect()
}
