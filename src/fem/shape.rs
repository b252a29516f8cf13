//! Lagrange elements on reference cells, and quadrature there.
//!
//! Reference cells: the triangle (0,0), (1,0), (0,1); the square `[0, 1]²` (corners counter-clockwise from the origin);
//! the tetrahedron 0, e₁, e₂, e₃; for boundary integrals the interval `[0, 1]`.

use crate::error::{Error, Result};

/// A nodal element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Element {
    /// Linear on the interval; nodes 0, 1.
    P1Line,
    /// Quadratic on the interval; nodes 0, 1, then the middle.
    P2Line,
    /// Linear on triangles; nodes are the corners.
    P1Triangle,
    /// Quadratic on triangles; corners, then the middles of edges 01, 12, 20.
    P2Triangle,
    /// Bilinear on quadrilaterals; nodes are the corners.
    Q1,
    /// Linear on tetrahedra; nodes are the corners.
    P1Tet,
}

impl Element {
    /// Nodes of a cell.
    pub fn nodes(self) -> usize {
        match self {
            Element::P1Line => 2,
            Element::P2Line | Element::P1Triangle => 3,
            Element::Q1 | Element::P1Tet => 4,
            Element::P2Triangle => 6,
        }
    }

    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Element::P1Line | Element::P1Triangle | Element::P1Tet => "linear (P1)",
            Element::P2Line | Element::P2Triangle => "quadratic (P2)",
            Element::Q1 => "bilinear (Q1)",
        }
    }

    /// What files call its cells.
    pub fn cell_type(self) -> &'static str {
        match self {
            Element::P1Line => "line",
            Element::P2Line => "line3",
            Element::P1Triangle => "triangle",
            Element::P2Triangle => "triangle6",
            Element::Q1 => "quad",
            Element::P1Tet => "tetra",
        }
    }

    /// Dimension of the reference cell.
    pub fn dim(self) -> usize {
        match self {
            Element::P1Line | Element::P2Line => 1,
            Element::P1Tet => 3,
            _ => 2,
        }
    }

    /// The element that maps the reference cell onto a cell with straight edges.
    pub fn geometry(self) -> Element {
        match self {
            Element::P2Line => Element::P1Line,
            Element::P2Triangle => Element::P1Triangle,
            other => other,
        }
    }

    /// Whether gradients are constant on every cell.
    pub fn linear(self) -> bool {
        matches!(self, Element::P1Line | Element::P1Triangle | Element::P1Tet)
    }

    /// Values of the basis functions at a reference point (its first [`Element::dim`] coordinates count).
    pub fn values(self, p: [f64; 3]) -> Vec<f64> {
        let [x, y, z] = p;
        match self {
            Element::P1Line => vec![1.0 - x, x],
            Element::P2Line => vec![(1.0 - x) * (1.0 - 2.0 * x), x * (2.0 * x - 1.0), 4.0 * x * (1.0 - x)],
            Element::P1Triangle => vec![1.0 - x - y, x, y],
            Element::P2Triangle => {
                let l = [1.0 - x - y, x, y];
                let corner = |i: usize| l[i] * (2.0 * l[i] - 1.0);
                let edge = |i: usize, j: usize| 4.0 * l[i] * l[j];
                vec![corner(0), corner(1), corner(2), edge(0, 1), edge(1, 2), edge(2, 0)]
            }
            Element::Q1 => vec![(1.0 - x) * (1.0 - y), x * (1.0 - y), x * y, (1.0 - x) * y],
            Element::P1Tet => vec![1.0 - x - y - z, x, y, z],
        }
    }

    /// Gradients of the basis functions in reference coordinates (entries beyond the dimension are 0).
    pub fn gradients(self, p: [f64; 3]) -> Vec<[f64; 3]> {
        let [x, y, _] = p;
        match self {
            Element::P1Line => vec![[-1.0, 0.0, 0.0], [1.0, 0.0, 0.0]],
            Element::P2Line => [4.0 * x - 3.0, 4.0 * x - 1.0, 4.0 - 8.0 * x].map(|d| [d, 0.0, 0.0]).to_vec(),
            Element::P1Triangle => vec![[-1.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]],
            Element::P2Triangle => {
                let l = [1.0 - x - y, x, y];
                let g = [[-1.0, -1.0], [1.0, 0.0], [0.0, 1.0]];
                let corner = |i: usize| g[i].map(|d| d * (4.0 * l[i] - 1.0));
                let edge = |i: usize, j: usize| [0, 1].map(|d| 4.0 * (g[i][d] * l[j] + l[i] * g[j][d]));
                [corner(0), corner(1), corner(2), edge(0, 1), edge(1, 2), edge(2, 0)].map(|[a, b]| [a, b, 0.0]).to_vec()
            }
            Element::Q1 => vec![[y - 1.0, x - 1.0, 0.0], [1.0 - y, -x, 0.0], [y, x, 0.0], [-y, 1.0 - x, 0.0]],
            Element::P1Tet => vec![[-1.0, -1.0, -1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        }
    }

    /// A quadrature rule on the reference cell, exact for polynomials of degree `strength` (in each coordinate, on the
    /// square), by fenris: (points, weights that sum to the reference volume).
    ///
    /// # Errors
    /// [`Error::Argument`] if there is no rule of that strength.
    pub fn quadrature(self, strength: usize) -> Result<(Vec<[f64; 3]>, Vec<f64>)> {
        use fenris::quadrature::{tensor, total_order, univariate};
        let none = || Error::Argument(format!("no quadrature of strength {strength} on this cell"));
        // fenris' reference cells are [−1, 1]^d and the simplices with corner (−1, …, −1).
        let half = |v: f64| 0.5 * (1.0 + v);
        let gauss = strength / 2 + 1;
        let rule = match self.dim() {
            1 => {
                let (w, p) = univariate::gauss::<f64>(gauss);
                (p.iter().map(|p| [half(p.x), 0.0, 0.0]).collect(), scaled(&w, 0.5))
            }
            2 if self.geometry() == Element::Q1 => {
                let (w, p) = tensor::quadrilateral_gauss::<f64>(gauss);
                (p.iter().map(|p| [half(p.x), half(p.y), 0.0]).collect(), scaled(&w, 0.25))
            }
            2 => {
                let (w, p) = total_order::triangle::<f64>(strength).map_err(|_| none())?;
                (p.iter().map(|p| [half(p.x), half(p.y), 0.0]).collect(), scaled(&w, 0.25))
            }
            _ => {
                let (w, p) = total_order::tetrahedron::<f64>(strength).map_err(|_| none())?;
                let points = p.iter().map(|p| [half(p.x), half(p.y), half(p.z)]);
                (points.collect(), scaled(&w, 0.125))
            }
        };
        Ok(rule)
    }
}

fn scaled(weights: &[f64], factor: f64) -> Vec<f64> {
    weights.iter().map(|w| factor * w).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Element; 6] =
        [Element::P1Line, Element::P2Line, Element::P1Triangle, Element::P2Triangle, Element::Q1, Element::P1Tet];

    #[test]
    fn bases_are_partitions_of_unity_with_the_right_gradients() {
        let p = [0.2, 0.3, 0.15];
        for element in ALL {
            let values = element.values(p);
            assert_eq!(values.len(), element.nodes());
            assert!((values.iter().sum::<f64>() - 1.0).abs() < 1e-15);
            for d in 0..element.dim() {
                let h = 1e-6;
                let at = |s: f64| {
                    let mut q = p;
                    q[d] += s;
                    element.values(q)
                };
                for ((g, up), down) in element.gradients(p).iter().zip(at(h)).zip(at(-h)) {
                    assert!((g[d] - (up - down) / (2.0 * h)).abs() < 1e-9, "{element:?}");
                }
            }
        }
    }

    #[test]
    fn rules_integrate_monomials() {
        let factorial = |k: u32| (1..=k).map(f64::from).product::<f64>();
        for (element, strength) in
            [(Element::P1Line, 5), (Element::P2Triangle, 4), (Element::Q1, 3), (Element::P1Tet, 3)]
        {
            let (points, weights) = element.quadrature(strength).unwrap();
            let s = strength as u32;
            for (a, b, c) in [(0, 0, 0), (1, 0, 0), (s, 0, 0), (1, s - 1, 0), (1, 1, s - 2)] {
                let (b, c) = (if element.dim() > 1 { b } else { 0 }, if element.dim() > 2 { c } else { 0 });
                let exact = match element.geometry() {
                    Element::P1Line => 1.0 / f64::from(a + 1),
                    Element::Q1 => 1.0 / f64::from((a + 1) * (b + 1)),
                    Element::P1Triangle => factorial(a) * factorial(b) / factorial(a + b + 2),
                    _ => factorial(a) * factorial(b) * factorial(c) / factorial(a + b + c + 3),
                };
                let value = |p: &[f64; 3]| p[0].powi(a as i32) * p[1].powi(b as i32) * p[2].powi(c as i32);
                let sum: f64 = points.iter().zip(&weights).map(|(p, w)| w * value(p)).sum();
                assert!((sum - exact).abs() < 1e-14, "{element:?} {a}{b}{c}: {sum} for {exact}");
            }
        }
    }
}
