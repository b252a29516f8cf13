//! −Δu − k² u = f with the impedance condition ∂u/∂n − i k u = g, as a real symmetric system.
//!
//! With S = ∫ ∇φ_i·∇φ_j − ∫ k² φ_i φ_j, B = ∫_Γ k φ_i φ_j and F_i = ∫ f φ_i + ∫_Γ g φ_i the unknowns are those of
//! (S − iB) u = F. Real and imaginary part, the second times −1:
//!
//! ```text
//! | S   B | | Re u |   |  Re F |
//! | B  −S | | Im u | = | −Im F |
//! ```
//!
//! Symmetric; turned by (Re, Im) → (Im, −Re) it changes sign, so its eigenvalues come in pairs ±λ and its inertia is
//! (n, n, 0). Without the factor −1 ([`turn`]) it is [[S, B], [−B, S]] with right-hand side (Re F, Im F) and the same
//! solution: not symmetric, its eigenvalues those of S − iB and their conjugates, in one half-plane. At 48² squares and
//! k = 20 GMRES without a preconditioner needs 1053 iterations there and over 5000 here; a preconditioner made of A
//! (Jacobi, ILU) undoes the signs: the same iterations for both. Forms: Day & Heroux (2001),
//! doi:10.1137/S1064827500372262 (their K1 is the second).

use std::sync::Arc;

use crate::error::Result;
use crate::families::discretisation::Elements;
use crate::fem::assembler::Scatter;
use crate::fem::integrals::Integrals;
use crate::fem::space::Space;
use crate::linalg::{Csr, Pattern};

/// Exact for k times two basis functions, and accurate for waves along an edge.
const STRENGTH: usize = 5;

/// The block system of a grid or a mesh of the plane.
pub struct Absorbing {
    sides: Vec<Side>,
    pattern: Arc<Pattern>,
    /// Per stored entry: which block it is from and where in that block's values.
    from: Vec<(Block, u32)>,
}

/// The symmetric system ↔ the general one: the rows of the imaginary part times −1.
pub fn turn(matrix: &mut Csr, rhs: &mut [f64]) {
    let n = rhs.len() / 2;
    let second = matrix.pattern().range(n).start;
    matrix.values_mut()[second..].iter_mut().for_each(|v| *v = -*v);
    rhs[n..].iter_mut().for_each(|v| *v = -*v);
}

/// The directions that sides of the square face.
const FACING: [[f64; 2]; 4] = [[0.0, -1.0], [1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]];

/// The edges of the boundary that face one direction more than the others.
struct Side {
    /// The outer normal of each edge.
    normals: Vec<[f64; 2]>,
    integrals: Integrals<2>,
    scatter: Scatter,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Block {
    S,
    MinusS,
    B,
}

/// A plane wave exp(ik d·x).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlaneWave {
    /// Its wave number.
    pub k: f64,
    /// d, of length 1.
    pub direction: [f64; 2],
}

impl PlaneWave {
    /// Wave number k, direction at `angle` to the x axis.
    pub fn new(k: f64, angle: f64) -> Self {
        PlaneWave { k, direction: [angle.cos(), angle.sin()] }
    }

    /// (Re, Im) at a point.
    pub fn at(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        let (s, c) = (self.k * (self.direction[0] * x + self.direction[1] * y)).sin_cos();
        [c, s]
    }
}

impl Absorbing {
    /// Makes the pattern of elements whose boundary points are unknowns.
    ///
    /// # Errors
    /// If the pattern is too large for 32-bit indices.
    pub fn new(elements: &Elements<2>) -> Result<Self> {
        let sides = (0..FACING.len()).map(|side| Side::new(elements, side)).collect::<Result<Vec<_>>>()?;
        let one = elements.assembler.pattern();
        let mut edge = vec![0.0; one.nnz()];
        for side in &sides {
            side.add(elements, &vec![1.0; elements.space.len()], &mut edge);
        }
        let n = one.nrows();
        let (mut indptr, mut indices, mut from) = (vec![0u32], Vec::new(), Vec::new());
        for block_row in 0..2 {
            for i in 0..n {
                for block_column in 0..2 {
                    let block = match (block_row, block_column) {
                        (0, 0) => Block::S,
                        (1, 1) => Block::MinusS,
                        _ => Block::B,
                    };
                    for k in one.range(i) {
                        if block != Block::B || edge[k] != 0.0 {
                            indices.push(one.indices()[k] + (block_column * n) as u32);
                            from.push((block, k as u32));
                        }
                    }
                }
                indptr.push(indices.len() as u32);
            }
        }
        Ok(Absorbing { sides, pattern: Arc::new(Pattern::new(2 * n, 2 * n, indptr, indices)?), from })
    }

    /// The pattern of the block matrix (2n×2n).
    pub fn pattern(&self) -> &Arc<Pattern> {
        &self.pattern
    }

    /// The block matrix of S (values on the pattern of the elements) and k (at the nodes).
    pub fn matrix(&self, elements: &Elements<2>, s: &[f64], k: &[f64]) -> Vec<f64> {
        let mut b = vec![0.0; s.len()];
        for side in &self.sides {
            side.add(elements, k, &mut b);
        }
        let value = |&(block, at): &(Block, u32)| match block {
            Block::S => s[at as usize],
            Block::MinusS => -s[at as usize],
            Block::B => b[at as usize],
        };
        self.from.iter().map(value).collect()
    }

    /// [Re F; −Im F] of the boundary data g = ∂w/∂n − i k w of a wave w, k at the nodes.
    pub fn incoming(&self, elements: &Elements<2>, wave: PlaneWave, k: &[f64]) -> Vec<f64> {
        let n = elements.space.len();
        let mut rhs = vec![0.0; 2 * n];
        for side in &self.sides {
            let k = side.integrals.at_points(k);
            let [x, y] = wave.direction;
            let slopes: Vec<f64> = side.normals.iter().map(|n| wave.k * (x * n[0] + y * n[1])).collect();
            // ∂w/∂n − i k w = i (slope − k) w.
            let parts: Vec<[f64; 2]> = side
                .integrals
                .points()
                .iter()
                .zip(&k)
                .enumerate()
                .map(|(q, (&x, k))| {
                    let [re, im] = wave.at(x);
                    let slope = slopes[q / side.integrals.rule_len()];
                    [-(slope - k) * im, (slope - k) * re]
                })
                .collect();
            for (part, sign) in [(0, 1.0), (1, -1.0)] {
                let g: Vec<f64> = parts.iter().map(|p| p[part]).collect();
                let load = elements.assembler.restrict(&side.integrals.load(&g, n));
                let to = rhs[part * n..(part + 1) * n].iter_mut();
                to.zip(load).for_each(|(r, l)| *r += sign * l);
            }
        }
        rhs
    }
}

impl Side {
    fn new(elements: &Elements<2>, side: usize) -> Result<Self> {
        let space = &elements.space;
        let corners = space.facet_element.nodes();
        let edges = space.facets.chunks_exact(corners);
        let normals: Vec<[f64; 2]> = edges.map(|edge| outer_normal(space, edge)).collect();
        let faces = |normal: &[f64; 2], k: usize| normal[0] * FACING[k][0] + normal[1] * FACING[k][1];
        // The first one, where two are as near.
        let nearest =
            |normal: &[f64; 2]| (1..4).fold(0, |a, b| if faces(normal, b) > faces(normal, a) { b } else { a });
        let integrals = Integrals::on_facets(space, STRENGTH, &|f| nearest(&normals[f]) == side)?;
        let normals = normals.iter().filter(|normal| nearest(normal) == side).copied().collect();
        Ok(Side { normals, scatter: elements.assembler.scatter(&integrals), integrals })
    }

    /// values ← values + ∫ k φ_i φ_j over the side.
    fn add(&self, elements: &Elements<2>, k: &[f64], values: &mut [f64]) {
        let coefficient = self.integrals.at_points(k);
        elements.assembler.add(&self.integrals, &self.scatter, &coefficient, values);
    }
}

/// Of an edge that runs as its cell runs around it: to its right.
fn outer_normal(space: &Space<2>, edge: &[u32]) -> [f64; 2] {
    let (a, b) = (space.nodes[edge[0] as usize], space.nodes[edge[1] as usize]);
    let [x, y] = [b[0] - a[0], b[1] - a[1]];
    let length = x.hypot(y);
    [y / length, -x / length]
}
