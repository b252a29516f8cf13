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

use crate::error::{Error, Result};
use crate::families::grid::{Elements, Grid};
use crate::fem::assembler::Scatter;
use crate::fem::integrals::Integrals;
use crate::linalg::{Csr, Pattern};

/// Exact for k times two basis functions, and accurate for waves along an edge.
const STRENGTH: usize = 5;

/// The block system of a grid.
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

/// One side of the square.
struct Side {
    normal: [f64; 2],
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
    /// Makes the pattern of a grid whose boundary points are unknowns.
    ///
    /// # Errors
    /// [`Error::Argument`] for a grid of differences.
    pub fn new(grid: &Grid) -> Result<Self> {
        let elements = grid
            .elements()
            .ok_or_else(|| Error::Argument("absorbing boundaries need the discretisation p1 or q1".into()))?;
        let sides = [[0.0, -1.0], [1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]]
            .into_iter()
            .map(|normal| Side::new(elements, normal))
            .collect::<Result<Vec<_>>>()?;
        let one = grid.pattern();
        let mut edge = vec![0.0; one.nnz()];
        for side in &sides {
            side.add(elements, &vec![1.0; grid.side() * grid.side()], &mut edge);
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

    /// The block matrix of S (values on the grid's pattern) and k (on the grid).
    pub fn matrix(&self, elements: &Elements, s: &[f64], k: &[f64]) -> Vec<f64> {
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

    /// [Re F; −Im F] of the boundary data g = ∂w/∂n − i k w of a wave w, k on the grid.
    pub fn incoming(&self, elements: &Elements, wave: PlaneWave, k: &[f64]) -> Vec<f64> {
        let n = elements.space.len();
        let mut rhs = vec![0.0; 2 * n];
        for side in &self.sides {
            let k = side.integrals.at_points(k);
            let slope = wave.k * (wave.direction[0] * side.normal[0] + wave.direction[1] * side.normal[1]);
            // ∂w/∂n − i k w = i (slope − k) w.
            let parts: Vec<[f64; 2]> = side
                .integrals
                .points()
                .iter()
                .zip(&k)
                .map(|(&x, k)| {
                    let [re, im] = wave.at(x);
                    [-(slope - k) * im, (slope - k) * re]
                })
                .collect();
            for (part, sign) in [(0, 1.0), (1, -1.0)] {
                let g: Vec<f64> = parts.iter().map(|p| p[part]).collect();
                let load = side.integrals.load(&g, n);
                let to = rhs[part * n..(part + 1) * n].iter_mut();
                to.zip(load).for_each(|(r, l)| *r += sign * l);
            }
        }
        rhs
    }
}

impl Side {
    fn new(elements: &Elements, normal: [f64; 2]) -> Result<Self> {
        let space = &elements.space;
        // The points of the side with normal ν are those with ν·(x − centre) = 1/2.
        let here = |v: u32| {
            let x = space.nodes[v as usize];
            normal[0] * (x[0] - 0.5) + normal[1] * (x[1] - 0.5) > 0.5 - 1e-9
        };
        let corners = space.facet_element.nodes();
        let chosen = |f: usize| space.facets[f * corners..(f + 1) * corners].iter().all(|&v| here(v));
        let integrals = Integrals::on_facets(space, STRENGTH, &chosen)?;
        Ok(Side { normal, scatter: elements.assembler.scatter(&integrals), integrals })
    }

    /// values ← values + ∫ k φ_i φ_j over the side.
    fn add(&self, elements: &Elements, k: &[f64], values: &mut [f64]) {
        let coefficient = self.integrals.at_points(k);
        elements.assembler.add(&self.integrals, &self.scatter, &coefficient, values);
    }
}
