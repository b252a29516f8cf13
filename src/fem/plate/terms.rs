//! The integrals over one cell and over one facet, with everything that does not depend on f kept.
//!
//! Each is a sum of r ⊗ s + s ⊗ r over quadrature points with r fixed and s linear in f and ∂n f there, so that what it
//! adds to the matrix is symmetric to the last bit.

use super::element::Quadratic;
use super::space::{Continuity, Space};
use super::{Coefficient, Penalty};
use crate::fem::quadrature::TriangleRule;
use crate::mesh::topology::Facet;

/// Points on a reference cell or on (0, 1), weights summing to its measure.
pub(super) struct Rule<const D: usize> {
    /// Where the integrand is taken.
    pub points: Vec<[f64; D]>,
    /// The weight of each point.
    pub weights: Vec<f64>,
}

/// Gauss–Legendre on (0, 1), exact up to `degree`.
pub(super) fn line(degree: usize) -> Rule<1> {
    let (weights, points) = fenris::quadrature::univariate::gauss::<f64>(degree / 2 + 1);
    Rule {
        points: points.iter().map(|p| [0.5 * (1.0 + p.x)]).collect(),
        weights: weights.iter().map(|w| 0.5 * w).collect(),
    }
}

/// On the reference cell, exact up to total degree `degree` (on the square: in each variable).
pub(super) fn cell_rule(element: &Quadratic, degree: usize) -> crate::error::Result<Rule<2>> {
    if element.corners == 3 {
        let rule = TriangleRule::new(degree.max(1))?;
        return Ok(Rule {
            points: rule.points.iter().map(|l| [l[1], l[2]]).collect(),
            weights: rule.weights.iter().map(|w| 0.5 * w).collect(),
        });
    }
    let gauss = line(degree);
    let pairs = || (0..gauss.points.len()).flat_map(|i| (0..gauss.points.len()).map(move |j| (i, j)));
    Ok(Rule {
        points: pairs().map(|(i, j)| [gauss.points[j][0], gauss.points[i][0]]).collect(),
        weights: pairs().map(|(i, j)| gauss.weights[i] * gauss.weights[j]).collect(),
    })
}

/// ∫ f Δu Δv over the cells.
#[derive(Debug, Clone)]
pub(super) struct Cells {
    /// Nodes and quadrature points of a cell.
    pub m: usize,
    pub q: usize,
    /// cells × q.
    pub points: Vec<[f64; 2]>,
    weights: Vec<f64>,
    /// cells × q × m.
    laplacians: Vec<f64>,
}

impl Cells {
    /// The terms of all cells of a space at the points of a rule.
    pub fn new(space: &Space, rule: &Rule<2>) -> Self {
        let (m, q) = (space.element.len(), rule.points.len());
        let mut out = Cells {
            m,
            q,
            points: Vec::with_capacity(space.maps.len() * q),
            weights: Vec::with_capacity(space.maps.len() * q),
            laplacians: Vec::with_capacity(space.maps.len() * q * m),
        };
        for map in &space.maps {
            for (&xi, w) in rule.points.iter().zip(&rule.weights) {
                out.points.push(map.forward(xi));
                out.weights.push(w * map.det);
                out.laplacians.extend((0..m).map(|i| map.laplacian(&space.element, i, xi)));
            }
        }
        out
    }

    /// local ← the matrices of cell c (m × m); f at all points.
    #[inline(always)]
    pub fn local<const W: usize>(&self, c: usize, f: &[[f64; W]], local: &mut [[f64; W]], work: &mut Work<W>) {
        let at = c * self.q..(c + 1) * self.q;
        let laplacian = |k: usize| &self.laplacians[(c * self.q + k) * self.m..][..self.m];
        work.s.clear();
        for (k, (w, f)) in self.weights[at.clone()].iter().zip(&f[at]).enumerate() {
            let scale = f.map(|f| 0.5 * w * f);
            work.s.extend(laplacian(k).iter().map(|l| scale.map(|scale| scale * l)));
        }
        sum_of_outer(local, self.m, self.q, laplacian, work);
    }
}

/// What happens at facets of one kind: all inner ones, or all of the boundary.
#[derive(Debug, Clone)]
pub(super) struct Facets {
    /// Nodes of the cells at a facet, and quadrature points of a facet.
    pub m: usize,
    pub q: usize,
    /// How many there are.
    pub count: usize,
    /// count × m.
    pub nodes: Vec<u32>,
    /// count × q.
    pub points: Vec<[f64; 2]>,
    /// The weight of each point.
    pub weights: Vec<f64>,
    pub normals: Vec<[f64; 2]>,
    lengths: Vec<f64>,
    /// \[v\], where it is not 0 anyway; count × q × m, as all that follow.
    pub jump: Option<Vec<f64>>,
    /// \[∂n v\] on inner facets; ∂n v, kept for the right-hand side alone, on the boundary.
    pub slope: Vec<f64>,
    /// {Δv}.
    pub moment: Vec<f64>,
    /// {∂n Δv}.
    pub shear: Vec<f64>,
    /// Whether \[∂n u\] is punished.
    inner: bool,
}

impl Facets {
    /// Inner facets, or those of the boundary.
    pub fn new(space: &Space, inner: bool, rule: &Rule<1>) -> Self {
        let n = space.element.len();
        let facets: Vec<usize> = (0..space.facets.len()).filter(|&f| space.facets[f].on_boundary() != inner).collect();
        let m = match (inner, space.continuity) {
            (false, _) => n,
            (true, Continuity::Broken) => 2 * n,
            // Neighbours share the three nodes of the facet.
            (true, _) => 2 * n - 3,
        };
        let jumps = match space.continuity {
            Continuity::Broken => true,
            Continuity::Weak => !inner,
            Continuity::Strong => false,
        };
        let (q, count) = (rule.points.len(), facets.len());
        let mut out = Facets {
            m,
            q,
            count,
            nodes: Vec::with_capacity(count * m),
            points: Vec::with_capacity(count * q),
            weights: Vec::with_capacity(count * q),
            normals: Vec::with_capacity(count),
            lengths: Vec::with_capacity(count),
            jump: jumps.then(|| vec![0.0; count * q * m]),
            slope: vec![0.0; count * q * m],
            moment: vec![0.0; count * q * m],
            shear: vec![0.0; count * q * m],
            inner,
        };
        for f in facets {
            out.push(space, f, rule);
        }
        out
    }

    fn push(&mut self, space: &Space, f: usize, rule: &Rule<1>) {
        let facet = &space.facets[f];
        let [a, b] = space.ends[f];
        let d = [b[0] - a[0], b[1] - a[1]];
        let length = d[0].hypot(d[1]);
        let normal = [d[1] / length, -d[0] / length];
        let first = self.normals.len() * self.q;
        self.lengths.push(length);
        self.normals.push(normal);
        for ([t], w) in rule.points.iter().zip(&rule.weights) {
            self.points.push([a[0] + t * d[0], a[1] + t * d[1]]);
            self.weights.push(w * length);
        }
        let slots = self.slots(space, facet);
        for (side, slots) in slots.iter().enumerate() {
            let map = &space.maps[facet.cells[side] as usize];
            let (sign, half) = match self.inner {
                true => (1.0 - 2.0 * side as f64, 0.5),
                false => (1.0, 1.0),
            };
            for k in first..first + self.q {
                let xi = map.back(self.points[k]);
                for (i, &slot) in slots.iter().enumerate() {
                    let at = k * self.m + slot;
                    let g = map.gradient(&space.element, i, xi);
                    if let Some(jump) = &mut self.jump {
                        jump[at] += sign * space.element.derivative(i, (0, 0), xi);
                    }
                    self.slope[at] += sign * (g[0] * normal[0] + g[1] * normal[1]);
                    self.moment[at] += half * map.laplacian(&space.element, i, xi);
                    self.shear[at] += half * map.laplacian_slope(&space.element, i, xi, normal);
                }
            }
        }
    }

    /// Takes the facet's nodes in; for each cell at it: where its nodes stand among them.
    fn slots(&mut self, space: &Space, facet: &Facet<2>) -> Vec<Vec<usize>> {
        let first = self.nodes.len();
        let sides = if self.inner { 2 } else { 1 };
        let mut slots = Vec::with_capacity(sides);
        for side in 0..sides {
            let nodes = space.nodes_of(facet.cells[side] as usize);
            let mut place = |&v: &u32| {
                let known = self.nodes[first..].iter().position(|&w| w == v);
                known.unwrap_or_else(|| {
                    self.nodes.push(v);
                    self.nodes.len() - 1 - first
                })
            };
            slots.push(nodes.iter().map(&mut place).collect());
        }
        slots
    }

    /// Whether they add to the matrix.
    pub fn couple(&self) -> bool {
        self.inner || self.jump.is_some()
    }

    /// local ← the matrices of facet e (m × m); f and ∂n f at the points of these facets.
    #[inline(always)]
    pub fn local<const W: usize>(
        &self,
        e: usize,
        c: Coefficient<W>,
        penalty: Penalty,
        local: &mut [[f64; W]],
        work: &mut Work<W>,
    ) {
        let h = self.lengths[e];
        let at = |k: usize| (e * self.q + k) * self.m..(e * self.q + k + 1) * self.m;
        work.s.clear();
        for k in 0..self.q {
            let (weight, f, df) = (self.weights[e * self.q + k], &c.value[e * self.q + k], &c.slope[e * self.q + k]);
            let moment = &self.moment[at(k)];
            if let Some(jump) = &self.jump {
                let (jump, shear) = (&jump[at(k)], &self.shear[at(k)]);
                let (a, b) = (df.map(|df| weight * df), f.map(|f| weight * f));
                let p = f.map(|f| 0.5 * weight * penalty.sigma * f / (h * h * h));
                work.s.extend(
                    (0..self.m).map(|i| std::array::from_fn(|w| a[w] * moment[i] + b[w] * shear[i] + p[w] * jump[i])),
                );
            }
            if self.inner {
                let slope = &self.slope[at(k)];
                let (a, p) = (f.map(|f| weight * f), f.map(|f| 0.5 * weight * penalty.tau * f / h));
                work.s.extend((0..self.m).map(|i| std::array::from_fn(|w| p[w] * slope[i] - a[w] * moment[i])));
            }
        }
        match &self.jump {
            Some(jump) if self.inner => {
                let r = |t: usize| &if t.is_multiple_of(2) { jump } else { &self.slope }[at(t / 2)];
                sum_of_outer(local, self.m, 2 * self.q, r, work);
            }
            Some(jump) => sum_of_outer(local, self.m, self.q, |t| &jump[at(t)], work),
            None => sum_of_outer(local, self.m, self.q, |t| &self.slope[at(t)], work),
        }
    }

    /// Calls `add(node, value)` with what boundary data put on the right-hand side:
    /// ∫ f m ∂n v + g (∂n(f Δv) + σ f h⁻³ v), m being Δu and g being u there.
    pub fn data(
        &self,
        c: Coefficient<1>,
        penalty: Penalty,
        u: impl Fn([f64; 2]) -> f64,
        laplacian: impl Fn([f64; 2]) -> f64,
        mut add: impl FnMut(u32, f64),
    ) {
        for (k, &x) in self.points.iter().enumerate() {
            let e = k / self.q;
            let (w, [f], [df], h) = (self.weights[k], c.value[k], c.slope[k], self.lengths[e]);
            let moment = w * f * laplacian(x);
            let g = self.jump.as_ref().map(|jump| (w * u(x), jump));
            for (i, &node) in self.nodes[e * self.m..(e + 1) * self.m].iter().enumerate() {
                let at = k * self.m + i;
                let mut value = moment * self.slope[at];
                if let Some((g, jump)) = g {
                    let held = df * self.moment[at] + f * self.shear[at];
                    value += g * (held + penalty.sigma * f / (h * h * h) * jump[at]);
                }
                add(node, value);
            }
        }
    }
}

/// Memory for the sums of one cell or facet.
#[derive(Debug, Default)]
pub(super) struct Work<const W: usize> {
    /// terms × m: s of each term.
    s: Vec<[f64; W]>,
    /// One number of r of each term.
    r: Vec<f64>,
}

/// a ← Σ r ⊗ s + s ⊗ r over the terms, m × m.
#[inline(always)]
fn sum_of_outer<'a, const W: usize>(
    a: &mut [[f64; W]],
    m: usize,
    terms: usize,
    r: impl Fn(usize) -> &'a [f64],
    work: &mut Work<W>,
) {
    let Work { s, r: of_row } = work;
    if W == 1 {
        // The numbers of a row beside each other.
        a.fill([0.0; W]);
        for (t, s) in s.chunks_exact(m).enumerate() {
            for (row, r) in a.chunks_exact_mut(m).zip(r(t)) {
                row.iter_mut().zip(s).for_each(|(a, s)| a[0] += r * s[0]);
            }
        }
    } else {
        for (i, row) in a.chunks_exact_mut(m).enumerate() {
            of_row.clear();
            of_row.extend((0..terms).map(|t| r(t)[i]));
            for (j, a) in row.iter_mut().enumerate() {
                let mut sum = [0.0; W];
                for (r, s) in of_row.iter().zip(s[j..].iter().step_by(m)) {
                    for w in 0..W {
                        sum[w] += r * s[w];
                    }
                }
                *a = sum;
            }
        }
    }
    symmetrise(a, m);
}

/// a ← a + aᵀ.
#[inline(always)]
fn symmetrise<const W: usize>(a: &mut [[f64; W]], m: usize) {
    for i in 0..m {
        for j in 0..=i {
            let (upper, lower) = (a[i * m + j], a[j * m + i]);
            let sum = std::array::from_fn(|w| upper[w] + lower[w]);
            a[i * m + j] = sum;
            a[j * m + i] = sum;
        }
    }
}
