//! Quadratic reference elements with derivatives of any order: P2 on the triangle (0,0), (1,0), (0,1), Q2 on the unit
//! square.

use crate::mesh::topology::{QUAD_EDGES, TRIANGLE_EDGES};

/// c\[a\]\[b\]: the coefficient of ξᵃ ηᵇ.
type Polynomial = [[f64; 3]; 3];

/// Nodal quadratics. Nodes: the corners counter-clockwise, the midpoints of the edges in the order of mesh/topology
/// (edge k from corner k to corner k + 1), for Q2 the centre.
#[derive(Debug, Clone, PartialEq)]
pub struct Quadratic {
    /// Corners, so edges too.
    pub corners: usize,
    /// Reference position of each node.
    pub nodes: Vec<[f64; 2]>,
    basis: Vec<Polynomial>,
    /// The cell cut into four linear ones over its nodes.
    pub quarters: [&'static [usize]; 4],
}

impl Quadratic {
    /// Six functions of total degree 2 on the triangle.
    pub fn p2() -> Self {
        let lambda = [
            [[1.0, -1.0, 0.0], [-1.0, 0.0, 0.0], [0.0; 3]],
            [[0.0; 3], [1.0, 0.0, 0.0], [0.0; 3]],
            [[0.0, 1.0, 0.0], [0.0; 3], [0.0; 3]],
        ];
        // λ(2λ − 1) at a corner, 4 λ_a λ_b on an edge.
        let corner = |l: &Polynomial| combine(2.0, &product(l, l), -1.0, l);
        let mut basis: Vec<_> = lambda.iter().map(corner).collect();
        for [a, b] in TRIANGLE_EDGES {
            let bubble = product(&lambda[a], &lambda[b]);
            basis.push(combine(4.0, &bubble, 0.0, &bubble));
        }
        Quadratic {
            corners: 3,
            nodes: with_midpoints(&[[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]], &TRIANGLE_EDGES),
            basis,
            quarters: [&[0, 3, 5], &[3, 1, 4], &[5, 4, 2], &[3, 4, 5]],
        }
    }

    /// Nine functions of degree 2 in each variable on the square.
    pub fn q2() -> Self {
        let mut nodes = with_midpoints(&[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]], &QUAD_EDGES);
        nodes.push([0.5, 0.5]);
        // Lagrange polynomials at 0, 1/2, 1.
        let line = [[1.0, -3.0, 2.0], [0.0, 4.0, -4.0], [0.0, -1.0, 2.0]];
        let tensor = |node: &[f64; 2]| {
            let [p, q] = node.map(|t| line[(2.0 * t) as usize]);
            p.map(|a| q.map(|b| a * b))
        };
        Quadratic {
            corners: 4,
            basis: nodes.iter().map(tensor).collect(),
            nodes,
            quarters: [&[0, 4, 8, 7], &[4, 1, 5, 8], &[8, 5, 2, 6], &[7, 8, 6, 3]],
        }
    }

    /// Number of nodes, 6 or 9.
    pub fn len(&self) -> usize {
        self.basis.len()
    }

    /// Never: for clippy's sake beside [`Quadratic::len`].
    pub fn is_empty(&self) -> bool {
        self.basis.is_empty()
    }

    /// ∂ξᵃ ∂ηᵇ φ_i at a reference point.
    pub fn derivative(&self, i: usize, (a, b): (usize, usize), [x, y]: [f64; 2]) -> f64 {
        let factor = |power: usize, order: usize, t: f64| -> f64 {
            let falling: usize = (0..order).map(|k| power - k).product();
            falling as f64 * t.powi((power - order) as i32)
        };
        let mut sum = 0.0;
        for p in a..3 {
            for q in b..3 {
                sum += self.basis[i][p][q] * factor(p, a, x) * factor(q, b, y);
            }
        }
        sum
    }
}

fn with_midpoints(corners: &[[f64; 2]], edges: &[[usize; 2]]) -> Vec<[f64; 2]> {
    let middle = |&[a, b]: &[usize; 2]| [0, 1].map(|d| 0.5 * (corners[a][d] + corners[b][d]));
    corners.iter().copied().chain(edges.iter().map(middle)).collect()
}

fn product(p: &Polynomial, q: &Polynomial) -> Polynomial {
    let mut out = [[0.0; 3]; 3];
    for (i, j, k, l) in (0..81).map(|m| (m / 27, m / 9 % 3, m / 3 % 3, m % 3)) {
        if i + k < 3 && j + l < 3 {
            out[i + k][j + l] += p[i][j] * q[k][l];
        }
    }
    out
}

fn combine(a: f64, p: &Polynomial, b: f64, q: &Polynomial) -> Polynomial {
    std::array::from_fn(|i| std::array::from_fn(|j| a * p[i][j] + b * q[i][j]))
}

/// The affine map of a reference cell onto a cell: x = origin + B ξ.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Affine {
    /// Where the reference cell's origin goes.
    pub origin: [f64; 2],
    /// ∂ξ_r/∂x_i = inverse\[r\]\[i\].
    pub inverse: [[f64; 2]; 2],
    /// B by columns: the edges from the first corner.
    pub columns: [[f64; 2]; 2],
    /// |det B|.
    pub det: f64,
}

impl Affine {
    /// The map that takes (0,0), (1,0), (0,1) to `origin`, `right`, `up`.
    pub fn new(origin: [f64; 2], right: [f64; 2], up: [f64; 2]) -> Self {
        let columns = [right, up].map(|p| [p[0] - origin[0], p[1] - origin[1]]);
        let [u, v] = columns;
        let det = u[0] * v[1] - u[1] * v[0];
        Affine { origin, inverse: [[v[1] / det, -v[0] / det], [-u[1] / det, u[0] / det]], columns, det: det.abs() }
    }

    /// x of ξ.
    pub fn forward(&self, [s, t]: [f64; 2]) -> [f64; 2] {
        let [u, v] = self.columns;
        [0, 1].map(|d| self.origin[d] + s * u[d] + t * v[d])
    }

    /// ξ of x.
    pub fn back(&self, x: [f64; 2]) -> [f64; 2] {
        let y = [x[0] - self.origin[0], x[1] - self.origin[1]];
        self.inverse.map(|row| row[0] * y[0] + row[1] * y[1])
    }

    /// ∇φ_i in x at ξ.
    pub fn gradient(&self, element: &Quadratic, i: usize, xi: [f64; 2]) -> [f64; 2] {
        let d = [(1, 0), (0, 1)].map(|order| element.derivative(i, order, xi));
        [0, 1].map(|k| self.inverse[0][k] * d[0] + self.inverse[1][k] * d[1])
    }

    /// (φ_xx, φ_xy, φ_yy) at ξ.
    pub fn hessian(&self, element: &Quadratic, i: usize, xi: [f64; 2]) -> [f64; 3] {
        let d = [(2, 0), (1, 1), (0, 2)].map(|order| element.derivative(i, order, xi));
        let [g, h] = self.inverse;
        [(0, 0), (0, 1), (1, 1)]
            .map(|(k, l)| g[k] * g[l] * d[0] + (g[k] * h[l] + h[k] * g[l]) * d[1] + h[k] * h[l] * d[2])
    }

    /// Δφ_i at ξ.
    pub fn laplacian(&self, element: &Quadratic, i: usize, xi: [f64; 2]) -> f64 {
        let [xx, _, yy] = self.hessian(element, i, xi);
        xx + yy
    }

    /// n · ∇Δφ_i at ξ.
    pub fn laplacian_slope(&self, element: &Quadratic, i: usize, xi: [f64; 2], n: [f64; 2]) -> f64 {
        let [g, h] = self.inverse;
        let metric = [g[0] * g[0] + g[1] * g[1], 2.0 * (g[0] * h[0] + g[1] * h[1]), h[0] * h[0] + h[1] * h[1]];
        let along = |(da, db): (usize, usize)| -> f64 {
            [(2, 0), (1, 1), (0, 2)]
                .iter()
                .zip(metric)
                .map(|(&(a, b), m)| m * element.derivative(i, (a + da, b + db), xi))
                .sum()
        };
        let [r, s] = self.inverse.map(|row| row[0] * n[0] + row[1] * n[1]);
        r * along((1, 0)) + s * along((0, 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodal_and_a_partition_of_unity() {
        for element in [Quadratic::p2(), Quadratic::q2()] {
            for (j, &node) in element.nodes.iter().enumerate() {
                for i in 0..element.len() {
                    let value = element.derivative(i, (0, 0), node);
                    assert!((value - f64::from(u8::from(i == j))).abs() < 1e-15, "φ_{i}(x_{j})");
                }
            }
            for order in [(0, 0), (1, 0), (0, 1), (1, 1), (2, 0), (0, 2), (2, 1)] {
                let sum: f64 = (0..element.len()).map(|i| element.derivative(i, order, [0.3, 0.4])).sum();
                assert!((sum - f64::from(u8::from(order == (0, 0)))).abs() < 1e-13);
            }
        }
    }

    #[test]
    fn mapped_derivatives_of_a_quartic_on_a_parallelogram() {
        // p = s²t² with s = 2x + y, t = y − x: in Q2 on the parallelogram whose edges are the axes of s and t.
        let map = Affine::new([0.0, 0.0], [1.0 / 3.0, 1.0 / 3.0], [-1.0 / 3.0, 2.0 / 3.0]);
        let element = Quadratic::q2();
        let p = |x: [f64; 2]| (2.0 * x[0] + x[1]).powi(2) * (x[1] - x[0]).powi(2);
        let at = [0.35, 0.2];
        let x = map.forward(at);
        assert!((0..2).all(|d| (map.back(x)[d] - at[d]).abs() < 1e-15));
        let sum =
            |term: &dyn Fn(usize) -> f64| -> f64 { (0..9).map(|i| p(map.forward(element.nodes[i])) * term(i)).sum() };
        let (s, t) = (2.0 * x[0] + x[1], x[1] - x[0]);
        let gx = 4.0 * s * t * t - 2.0 * s * s * t;
        let xx = 8.0 * t * t - 16.0 * s * t + 2.0 * s * s;
        let xy = 4.0 * t * t + 4.0 * s * t - 2.0 * s * s;
        let yy = 2.0 * t * t + 8.0 * s * t + 2.0 * s * s;
        assert!((sum(&|i| map.gradient(&element, i, at)[0]) - gx).abs() < 1e-13);
        for (k, exact) in [xx, xy, yy].into_iter().enumerate() {
            assert!((sum(&|i| map.hessian(&element, i, at)[k]) - exact).abs() < 1e-12);
        }
        // Δp = 10 t² − 8 s t + 4 s²; ∂x Δp = −20 t − 16 t + 8 s + 16 s, ∂y Δp = 20 t − 8 t − 8 s + 8 s.
        let exact = 0.6 * (24.0 * s - 36.0 * t) + 0.8 * (12.0 * t);
        let slope = sum(&|i| map.laplacian_slope(&element, i, at, [0.6, 0.8]));
        assert!((slope - exact).abs() < 1e-11, "{slope} against {exact}");
        assert!((sum(&|i| map.laplacian(&element, i, at)) - (xx + yy)).abs() < 1e-12);
    }
}
