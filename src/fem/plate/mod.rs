//! Δ(f Δu) = g with u and Δu given on the boundary, by quadratic elements and a symmetric interior penalty.
//!
//! With n the normal from the first cell to the second, \[v\] = v₁ − v₂ and {v} = (v₁ + v₂)/2 on inner facets, \[v\] =
//! {v} = v on the boundary, h the length of a facet:
//!
//! ```text
//! a(u, v) = Σ cells         ∫ f Δu Δv
//!         + Σ all facets    ∫ {∂n(f Δu)}[v] + {∂n(f Δv)}[u] + σ f h⁻³ [u][v]
//!         − Σ inner facets  ∫ {f Δu}[∂n v] + {f Δv}[∂n u] − τ f h⁻¹ [∂n u][∂n v]
//! l(v)    = ∫ g v + Σ boundary facets ∫ f Δu ∂n v + u (∂n(f Δv) + σ f h⁻³ v)
//! ```
//!
//! The same form serves both methods: on broken spaces it is the fully discontinuous one (after Mozolevski and Süli,
//! doi:10.2478/cmam-2003-0037); on continuous ones \[v\] vanishes inside and what remains is the C⁰ interior penalty
//! method (Brenner and Sung, doi:10.1007/s10915-004-4135-7, here with Laplacians in place of Hessians: the plate is
//! simply supported with ν = 1). u is held by the penalty or, where boundary nodes are eliminated, exactly.

pub mod element;
pub mod norms;
pub mod space;
mod terms;

use std::sync::Arc;

use crate::error::Result;
use crate::fem::dofs::{ELIMINATED, Order};
use crate::linalg::Pattern;
use crate::mesh::order;

use space::Space;
use terms::{Cells, Facets, Rule, Work, cell_rule, line};

/// σ punishes jumps of u, τ those of ∂n u.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Penalty {
    /// Factor of f h⁻³ \[u\] \[v\]; no unit.
    pub sigma: f64,
    /// Factor of f h⁻¹ \[∂n u\] \[∂n v\]; no unit.
    pub tau: f64,
}

/// f and ∂n f at quadrature points, of W plates side by side.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Coefficient<'a, const W: usize> {
    value: &'a [[f64; W]],
    slope: &'a [[f64; W]],
}

/// f at the quadrature points of a [`Plate`]; of W coefficients side by side.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Samples<const W: usize> {
    /// f at [`Plate::cell_points`].
    pub cells: Vec<[f64; W]>,
    /// f at [`Plate::facet_points`].
    pub facets: Vec<[f64; W]>,
    /// n · ∇f there, n being [`Plate::facet_normal`].
    pub slopes: Vec<[f64; W]>,
}

impl<const W: usize> Samples<W> {
    /// Those of one of them.
    ///
    /// # Panics
    /// If there are not so many.
    pub fn of(&self, w: usize) -> Samples<1> {
        let one = |all: &[[f64; W]]| all.iter().map(|f| [f[w]]).collect();
        Samples { cells: one(&self.cells), facets: one(&self.facets), slopes: one(&self.slopes) }
    }
}

/// Assembles matrices and right-hand sides on one mesh.
pub struct Plate {
    space: Space,
    penalty: Penalty,
    cells: Cells,
    inner: Facets,
    boundary: Facets,
    facet_points: Vec<[f64; 2]>,
    pattern: Arc<Pattern>,
    /// Places in the pattern: cells, inner facets, boundary facets, a local matrix each.
    scatter: [Vec<u32>; 3],
    load_rule: Rule<2>,
    /// Basis functions at the points of the rule, point by point.
    load_basis: Vec<f64>,
    load_points: Vec<[f64; 2]>,
}

/// Degree up to which integrals are exact: of f in the matrix, of g in the load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Degrees {
    /// Degree of f.
    pub coefficient: usize,
    /// Degree of g.
    pub source: usize,
}

impl Plate {
    /// Makes pattern, scatter map and all terms that do not depend on f.
    ///
    /// # Errors
    /// If there is no quadrature of that degree on triangles.
    pub fn new(mut space: Space, order: Order, penalty: Penalty, degrees: Degrees) -> Result<Self> {
        // Laplacians are constant on triangles, biquadratic on parallelograms.
        let own = if space.element.corners == 3 { 0 } else { 4 };
        let cells = Cells::new(&space, &cell_rule(&space.element, own + degrees.coefficient)?);
        let facet_rule = line(4 + degrees.coefficient);
        let [inner, boundary] = [true, false].map(|inner| Facets::new(&space, inner, &facet_rule));
        if order == Order::Rcm {
            let natural = pattern(&space, [&inner, &boundary])?;
            space.renumber(&order::reverse_cuthill_mckee(&natural));
        }
        let pattern = pattern(&space, [&inner, &boundary])?;
        let load_rule = cell_rule(&space.element, 2 + degrees.source)?;
        let value = |xi: &[f64; 2]| {
            let (xi, element) = (*xi, &space.element);
            (0..element.len()).map(move |i| element.derivative(i, (0, 0), xi))
        };
        Ok(Plate {
            load_basis: load_rule.points.iter().flat_map(value).collect(),
            load_points: space.maps.iter().flat_map(|map| load_rule.points.iter().map(|&xi| map.forward(xi))).collect(),
            facet_points: [&inner.points[..], &boundary.points[..]].concat(),
            scatter: [
                scatter(&space, &pattern, &space.nodes, cells.m),
                scatter(&space, &pattern, &inner.nodes, inner.m),
                match boundary.couple() {
                    true => scatter(&space, &pattern, &boundary.nodes, boundary.m),
                    false => Vec::new(),
                },
            ],
            pattern: Arc::new(pattern),
            space,
            penalty,
            cells,
            inner,
            boundary,
            load_rule,
        })
    }

    /// Nodes and unknowns.
    pub fn space(&self) -> &Space {
        &self.space
    }

    /// The pattern of the matrix.
    pub fn pattern(&self) -> &Arc<Pattern> {
        &self.pattern
    }

    /// Quadrature points in the cells, the same number in each, cell by cell.
    pub fn cell_points(&self) -> &[[f64; 2]] {
        &self.cells.points
    }

    /// Quadrature points on the facets.
    pub fn facet_points(&self) -> &[[f64; 2]] {
        &self.facet_points
    }

    /// The normal at facet point k.
    pub fn facet_normal(&self, k: usize) -> [f64; 2] {
        match k.checked_sub(self.inner.points.len()) {
            None => self.inner.normals[k / self.inner.q],
            Some(k) => self.boundary.normals[k / self.boundary.q],
        }
    }

    /// f, given as value and gradient, at all quadrature points.
    pub fn samples(&self, f: impl Fn([f64; 2]) -> (f64, [f64; 2])) -> Samples<1> {
        let slope = |(k, &x): (usize, &[f64; 2])| {
            let (g, n) = (f(x).1, self.facet_normal(k));
            [g[0] * n[0] + g[1] * n[1]]
        };
        Samples {
            cells: self.cell_points().iter().map(|&x| [f(x).0]).collect(),
            facets: self.facet_points.iter().map(|&x| [f(x).0]).collect(),
            slopes: self.facet_points.iter().enumerate().map(slope).collect(),
        }
    }

    /// Splits what is given at facet points: inner facets, boundary.
    fn at_facets<'a, const W: usize>(&self, f: &'a Samples<W>) -> [Coefficient<'a, W>; 2] {
        assert_eq!(f.cells.len(), self.cells.points.len(), "f at the cell points");
        assert_eq!(f.facets.len(), self.facet_points.len(), "f at the facet points");
        assert_eq!(f.slopes.len(), self.facet_points.len(), "slopes at the facet points");
        let (v, w) = f.facets.split_at(self.inner.points.len());
        let (p, q) = f.slopes.split_at(self.inner.points.len());
        [Coefficient { value: v, slope: p }, Coefficient { value: w, slope: q }]
    }

    /// values ← a(φ_j, φ_i) over the unknowns, in the order of the pattern; for each f.
    ///
    /// # Panics
    /// If `f` or `values` have not the lengths of this space.
    pub fn stiffness<const W: usize>(&self, f: &Samples<W>, values: &mut [[f64; W]]) {
        assert_eq!(values.len(), self.pattern.nnz(), "stiffness: length of values");
        values.fill([0.0; W]);
        pulp::Arch::new().dispatch(
            #[inline(always)]
            || {
                self.locals(
                    f,
                    #[inline(always)]
                    |group, k, m, local| {
                        let to = &self.scatter[group][k * m * m..(k + 1) * m * m];
                        for (&k, v) in to.iter().zip(local).filter(|(k, _)| **k != ELIMINATED) {
                            let value = &mut values[k as usize];
                            for w in 0..W {
                                value[w] += v[w];
                            }
                        }
                    },
                );
            },
        );
    }

    /// Calls `visit(group, k, m, local)` with every local matrix (m × m): group 0 has the cells, 1 the inner facets, 2
    /// those of the boundary.
    #[inline(always)]
    fn locals<const W: usize>(&self, f: &Samples<W>, mut visit: impl FnMut(usize, usize, usize, &[[f64; W]])) {
        let most = self.inner.m.max(self.cells.m);
        let (mut local, mut work) = (vec![[0.0; W]; most * most], Work::default());
        let m = self.cells.m;
        for c in 0..self.space.maps.len() {
            self.cells.local(c, &f.cells, &mut local[..m * m], &mut work);
            visit(0, c, m, &local[..m * m]);
        }
        let coefficients = self.at_facets(f);
        for (group, (facets, c)) in [&self.inner, &self.boundary].into_iter().zip(coefficients).enumerate() {
            let m = facets.m;
            for e in (0..facets.count).filter(|_| facets.couple()) {
                facets.local(e, c, self.penalty, &mut local[..m * m], &mut work);
                visit(1 + group, e, m, &local[..m * m]);
            }
        }
    }

    /// Quadrature points of the load, cell by cell.
    pub fn load_points(&self) -> &[[f64; 2]] {
        &self.load_points
    }

    /// rhs ← ∫ g v, g given at [`Plate::load_points`].
    ///
    /// # Panics
    /// If `g` has not one entry a point, or `rhs` not one per unknown.
    pub fn load(&self, g: &[f64], rhs: &mut [f64]) {
        assert_eq!(g.len(), self.load_points.len(), "load: g at its points");
        assert_eq!(rhs.len(), self.space.count(), "load: length of rhs");
        rhs.fill(0.0);
        let (m, q) = (self.cells.m, self.load_rule.weights.len());
        let mut sums = vec![0.0; m];
        for (c, g) in g.chunks_exact(q).enumerate() {
            sums.fill(0.0);
            let rows = self.load_basis.chunks_exact(m);
            for ((g, w), basis) in g.iter().zip(&self.load_rule.weights).zip(rows) {
                let scale = w * self.space.maps[c].det * g;
                sums.iter_mut().zip(basis).for_each(|(s, v)| *s += scale * v);
            }
            for (&node, s) in self.space.nodes_of(c).iter().zip(&sums) {
                add_to(rhs, self.space.unknown_of[node as usize], *s);
            }
        }
    }

    /// rhs ← rhs + what given u and Δu on the boundary put there.
    ///
    /// # Panics
    /// If `f` or `rhs` have not the lengths of this space.
    pub fn boundary_data(
        &self,
        f: &Samples<1>,
        u: impl Fn([f64; 2]) -> f64,
        laplacian: impl Fn([f64; 2]) -> f64,
        rhs: &mut [f64],
    ) {
        assert_eq!(rhs.len(), self.space.count(), "boundary data: length of rhs");
        let unknown = |node: u32| self.space.unknown_of[node as usize];
        let [_, at_boundary] = self.at_facets(f);
        self.boundary.data(at_boundary, self.penalty, &u, laplacian, |node, value| {
            add_to(rhs, unknown(node), value);
        });
        if self.space.free.len() == self.space.points.len() {
            return;
        }
        // Eliminated nodes have their values: to the right with them.
        self.locals(f, |group, k, m, local| {
            let all = [&self.space.nodes, &self.inner.nodes, &self.boundary.nodes][group];
            let nodes = &all[k * m..(k + 1) * m];
            for (j, &v) in nodes.iter().enumerate().filter(|(_, v)| unknown(**v) == ELIMINATED) {
                let known = u(self.space.points[v as usize]);
                for (i, &w) in nodes.iter().enumerate() {
                    add_to(rhs, unknown(w), -known * local[i * m + j][0]);
                }
            }
        });
    }
}

fn add_to(rhs: &mut [f64], unknown: u32, value: f64) {
    if unknown != ELIMINATED {
        rhs[unknown as usize] += value;
    }
}

/// Which unknowns meet in a cell or at a facet.
fn pattern(space: &Space, facets: [&Facets; 2]) -> Result<Pattern> {
    let mut pairs = Vec::new();
    let groups = facets.iter().filter(|f| f.couple()).flat_map(|f| f.nodes.chunks_exact(f.m));
    for nodes in space.nodes.chunks_exact(space.element.len()).chain(groups) {
        let unknowns = || {
            let all = nodes.iter().map(|&v| space.unknown_of[v as usize]);
            all.filter(|&i| i != ELIMINATED)
        };
        pairs.extend(unknowns().flat_map(|i| unknowns().map(move |j| (i, j))));
    }
    Pattern::from_pairs(space.count(), space.count(), &pairs)
}

/// Places of the local matrices over groups of m nodes in the pattern.
fn scatter(space: &Space, pattern: &Pattern, nodes: &[u32], m: usize) -> Vec<u32> {
    let mut out = Vec::with_capacity(nodes.len() * m);
    for group in nodes.chunks_exact(m) {
        for i in group.iter().map(|&v| space.unknown_of[v as usize]) {
            for j in group.iter().map(|&v| space.unknown_of[v as usize]) {
                let place = match i == ELIMINATED || j == ELIMINATED {
                    true => None,
                    false => pattern.find(i as usize, j as usize),
                };
                out.push(place.map_or(ELIMINATED, |k| k as u32));
            }
        }
    }
    out
}
