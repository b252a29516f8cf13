//! The geometry of a space, integrated once: quadrature points and the parts of element matrices that no coefficient
//! changes.

use rayon::prelude::*;

use super::shape::Element;
use super::space::Space;
use crate::error::{Error, Result};

/// Which integral over cells (or boundary facets).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// ∫ c ∇φ_i · ∇φ_j over the cells.
    Stiffness,
    /// ∫ c φ_i φ_j over the cells.
    Mass,
    /// ∫ c φ_i φ_j over the boundary.
    BoundaryMass,
    /// ∫ c φ_i over the cells: of no matrix, so that nothing is kept for one.
    Load,
}

/// Cells (or facets) with their nodes, quadrature points and weights, basis values there, and for each point the upper
/// triangle of the element matrix of a coefficient that is 1 there and 0 at the others.
#[derive(Debug, Clone)]
pub struct Integrals<const D: usize> {
    pub(super) kind: Kind,
    pub(super) element: Element,
    /// Nodes a cell.
    pub(super) nodes: Vec<u32>,
    /// cells × points: where the coefficient is evaluated.
    points: Vec<[f64; D]>,
    /// cells × points: weight times volume element.
    pub(super) weights: Vec<f64>,
    /// points × nodes: basis values.
    pub(super) basis: Vec<f64>,
    /// cells × parts × pairs (i ≤ j, row by row): parts are points, or one where gradients are constant.
    pub(super) unit: Vec<f64>,
    /// Points a cell.
    pub(super) rule: usize,
    /// Whether `unit` has one part a cell, for the weighted mean of the coefficient.
    pub(super) averaged: bool,
    /// points: weights of that mean, which sum to 1.
    pub(super) shares: Vec<f64>,
}

/// Whether the facets count, and which.
type Chosen<'a> = Option<&'a (dyn Fn(usize) -> bool + Sync)>;

impl<const D: usize> Integrals<D> {
    /// Integrals over all cells (or all boundary facets) by a rule of the given strength.
    ///
    /// # Errors
    /// [`Error::Argument`] if there is no such rule, [`Error::Numeric`] if a cell is degenerate or turned over.
    pub fn new(space: &Space<D>, kind: Kind, strength: usize) -> Result<Self> {
        Self::build(space, kind, strength, None)
    }

    /// Integrals over the boundary facets that `chosen` says by number (the order of [`Space::facets`]).
    ///
    /// # Errors
    /// As [`Integrals::new`].
    pub fn on_facets(space: &Space<D>, strength: usize, chosen: &(dyn Fn(usize) -> bool + Sync)) -> Result<Self> {
        Self::build(space, Kind::BoundaryMass, strength, Some(chosen))
    }

    fn build(space: &Space<D>, kind: Kind, strength: usize, chosen: Chosen) -> Result<Self> {
        let (element, all) = match kind {
            Kind::BoundaryMass => (space.facet_element, &space.facets),
            _ => (space.element, &space.cells),
        };
        let k = element.nodes();
        let (reference, reference_weights) = element.quadrature(strength)?;
        let averaged = kind == Kind::Stiffness && element.linear();
        let volume: f64 = reference_weights.iter().sum();
        let mut out = Integrals {
            kind,
            element,
            nodes: Vec::new(),
            points: Vec::new(),
            weights: Vec::new(),
            basis: reference.iter().flat_map(|&p| element.values(p)).collect(),
            unit: Vec::new(),
            rule: reference.len(),
            averaged,
            shares: reference_weights.iter().map(|w| w / volume).collect(),
        };
        // Cells, by threads that share them, in order.
        let pieces = all.par_chunks(k * AT_ONCE).enumerate().map(|(piece, cells)| {
            let mut own = Integrals { basis: out.basis.clone(), ..out.empty() };
            for (c, nodes) in (piece * AT_ONCE..).zip(cells.chunks_exact(k)) {
                if chosen.is_none_or(|chosen| chosen(c)) {
                    own.push_cell(space, (c, nodes), (&reference, &reference_weights))?;
                }
            }
            Ok(own)
        });
        let pieces: Vec<Result<Self>> = pieces.collect();
        for piece in pieces {
            let piece = piece?;
            out.nodes.extend(piece.nodes);
            out.points.extend(piece.points);
            out.weights.extend(piece.weights);
            out.unit.extend(piece.unit);
        }
        Ok(out)
    }

    /// No cell, and no rule, of the same kind.
    fn empty(&self) -> Self {
        Integrals {
            nodes: Vec::new(),
            points: Vec::new(),
            weights: Vec::new(),
            basis: Vec::new(),
            unit: Vec::new(),
            shares: Vec::new(),
            ..*self
        }
    }

    fn push_cell(
        &mut self,
        space: &Space<D>,
        (c, nodes): (usize, &[u32]),
        (reference, reference_weights): (&[[f64; 3]], &[f64]),
    ) -> Result<()> {
        let (element, geometry) = (self.element, self.element.geometry());
        self.nodes.extend_from_slice(nodes);
        let corners: Vec<[f64; D]> = nodes[..geometry.nodes()].iter().map(|&v| space.nodes[v as usize]).collect();
        let mut total = 0.0;
        for (q, (&p, w)) in reference.iter().zip(reference_weights).enumerate() {
            let at = Map::new(&corners, geometry, p);
            let size = at.checked_size(element.dim(), c)?;
            self.points.push(at.point);
            self.weights.push(w * size);
            total += w * size;
            if !self.averaged && self.kind != Kind::Load {
                self.push_unit(&at, p, q, w * size);
            }
        }
        if self.averaged {
            self.push_unit(&Map::new(&corners, geometry, reference[0]), reference[0], 0, total);
        }
        Ok(())
    }

    /// Adds weight × (∇φ_i · ∇φ_j or φ_i φ_j) for i ≤ j.
    fn push_unit(&mut self, at: &Map<D>, p: [f64; 3], q: usize, weight: f64) {
        let k = self.element.nodes();
        if self.kind == Kind::Stiffness {
            let gradients: Vec<[f64; D]> = self.element.gradients(p).iter().map(|g| at.gradient(g)).collect();
            for i in 0..k {
                for j in i..k {
                    let dot: f64 = (0..D).map(|d| gradients[i][d] * gradients[j][d]).sum();
                    self.unit.push(weight * dot);
                }
            }
        } else {
            for i in 0..k {
                for j in i..k {
                    self.unit.push(weight * self.basis[q * k + i] * self.basis[q * k + j]);
                }
            }
        }
    }

    /// Where a coefficient is to be evaluated: cell by cell, [`Integrals::rule_len`] points each.
    pub fn points(&self) -> &[[f64; D]] {
        &self.points
    }

    /// Quadrature points a cell.
    pub fn rule_len(&self) -> usize {
        self.rule
    }

    /// The nodes of each cell (or facet).
    pub fn each_nodes(&self) -> impl Iterator<Item = &[u32]> {
        self.nodes.chunks_exact(self.element.nodes())
    }

    /// Cells (or facets) integrated over.
    pub fn cells(&self) -> usize {
        self.nodes.len() / self.element.nodes()
    }

    /// Nodal values of a function of the space → its values at the quadrature points.
    pub fn at_points(&self, nodal: &[f64]) -> Vec<f64> {
        let mut out = vec![0.0; self.points.len()];
        self.at_points_each(nodal.as_chunks::<1>().0, out.as_chunks_mut::<1>().0);
        out
    }

    /// As [`Integrals::at_points`] for W functions side by side, into `out`.
    ///
    /// # Panics
    /// If there is not one entry a node and one a point.
    pub fn at_points_each<const W: usize>(&self, nodal: &[[f64; W]], out: &mut [[f64; W]]) {
        assert_eq!(out.len(), self.points.len(), "functions at quadrature points");
        let k = self.element.nodes();
        pulp::Arch::new().dispatch(
            #[inline(always)]
            || {
                for (nodes, out) in self.nodes.chunks_exact(k).zip(out.chunks_exact_mut(self.rule)) {
                    for (basis, out) in self.basis.chunks_exact(k).zip(out) {
                        // What a sum of floating-point numbers starts from.
                        let mut sum = [-0.0; W];
                        for (&v, b) in nodes.iter().zip(basis) {
                            let nodal = &nodal[v as usize];
                            for w in 0..W {
                                sum[w] += nodal[w] * b;
                            }
                        }
                        *out = sum;
                    }
                }
            },
        );
    }

    /// Σ weight · f(point) · φ_i: ∫ f φ_i for each node i of the space; `f` at the quadrature points.
    pub fn load(&self, f: &[f64], nodes: usize) -> Vec<f64> {
        let k = self.element.nodes();
        let mut out = vec![0.0; nodes];
        let values = f.chunks_exact(self.rule).zip(self.weights.chunks_exact(self.rule));
        for (nodes, (f, w)) in self.nodes.chunks_exact(k).zip(values) {
            for (q, (f, w)) in f.iter().zip(w).enumerate() {
                for (&v, b) in nodes.iter().zip(&self.basis[q * k..(q + 1) * k]) {
                    out[v as usize] += w * f * b;
                }
            }
        }
        out
    }
}

/// Cells whose values are found by one thread at a time, and those that are in memory at once.
const PIECE: usize = 64;
const AT_ONCE: usize = 32 * PIECE;

/// ∫ f φ_i over the cells for each of some functions f (outer) and each node i (inner), by a rule of the given
/// strength. `values` writes the functions at some points, function by function. Nothing is kept a cell. Threads share
/// the cells, then the functions: the order of sums, and with it the bits, does not depend on how many there are.
///
/// # Errors
/// As [`Integrals::new`].
pub fn moments<const D: usize>(
    space: &Space<D>,
    strength: usize,
    functions: usize,
    values: impl Fn(&[[f64; D]], &mut Vec<f64>) + Sync,
) -> Result<Vec<Vec<f64>>> {
    let element = space.element;
    let (reference, reference_weights) = element.quadrature(strength)?;
    let basis: Vec<Vec<f64>> = reference.iter().map(|&p| element.values(p)).collect();
    let (k, rule) = (element.nodes(), reference.len());
    // Weight times function, cell by cell, function by function.
    let weighted = |first: usize, cells: &[u32]| -> Result<Vec<f64>> {
        let geometry = element.geometry();
        let (mut points, mut weights, mut f, mut corners) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut out = Vec::with_capacity(cells.len() / k * functions * rule);
        for (c, nodes) in cells.chunks_exact(k).enumerate() {
            corners.clear();
            corners.extend(nodes[..geometry.nodes()].iter().map(|&v| space.nodes[v as usize]));
            points.clear();
            weights.clear();
            for (&p, w) in reference.iter().zip(&reference_weights) {
                let at = Map::new(&corners, geometry, p);
                points.push(at.point);
                weights.push(w * at.checked_size(element.dim(), first + c)?);
            }
            values(&points, &mut f);
            for f in f.chunks_exact(rule) {
                out.extend(f.iter().zip(&weights).map(|(f, w)| w * f));
            }
        }
        Ok(out)
    };
    let mut out = vec![vec![0.0; space.len()]; functions];
    for (block, cells) in space.cells.chunks(AT_ONCE * k).enumerate() {
        let pieces = cells.par_chunks(PIECE * k).enumerate();
        let found: Vec<Result<Vec<f64>>> =
            pieces.map(|(p, cells)| weighted(block * AT_ONCE + p * PIECE, cells)).collect();
        let found: Vec<Vec<f64>> = found.into_iter().collect::<Result<_>>()?;
        out.par_iter_mut().enumerate().for_each(|(function, out)| {
            for (cells, f) in cells.chunks(PIECE * k).zip(&found) {
                for (nodes, f) in cells.chunks_exact(k).zip(f.chunks_exact(functions * rule)) {
                    for (f, basis) in f[function * rule..(function + 1) * rule].iter().zip(&basis) {
                        for (&v, b) in nodes.iter().zip(basis) {
                            out[v as usize] += f * b;
                        }
                    }
                }
            }
        });
    }
    Ok(out)
}

/// The map from the reference cell to a cell at one point.
struct Map<const D: usize> {
    point: [f64; D],
    /// jacobian[r][d] = ∂x_d/∂ξ_r.
    jacobian: [[f64; D]; 3],
    dim: usize,
}

impl<const D: usize> Map<D> {
    fn new(corners: &[[f64; D]], geometry: Element, p: [f64; 3]) -> Self {
        let mut point = [0.0; D];
        let mut jacobian = [[0.0; D]; 3];
        let values = geometry.values(p);
        for ((corner, value), gradient) in corners.iter().zip(values).zip(geometry.gradients(p)) {
            for d in 0..D {
                point[d] += value * corner[d];
                for r in 0..3 {
                    jacobian[r][d] += gradient[r] * corner[d];
                }
            }
        }
        Map { point, jacobian, dim: geometry.dim() }
    }

    /// [`Map::size`] of cell c, which must be positive.
    fn checked_size(&self, dim: usize, c: usize) -> Result<f64> {
        match self.size(dim) {
            size if size > 0.0 => Ok(size),
            _ => Err(Error::Numeric(format!("cell {c} of the mesh is degenerate or turned over"))),
        }
    }

    /// The determinant, or for facets the length or area element.
    fn size(&self, dim: usize) -> f64 {
        let j = &self.jacobian;
        if dim == D {
            return self.determinant();
        }
        let dot = |a: usize, b: usize| (0..D).map(|d| j[a][d] * j[b][d]).sum::<f64>();
        match dim {
            1 => dot(0, 0).sqrt(),
            _ => (dot(0, 0) * dot(1, 1) - dot(0, 1).powi(2)).sqrt(),
        }
    }

    fn determinant(&self) -> f64 {
        let j = &self.jacobian;
        match D {
            1 => j[0][0],
            2 => j[0][0] * j[1][1] - j[0][1] * j[1][0],
            _ => (0..3).map(|d| j[0][d] * self.cofactor(0, d)).sum(),
        }
    }

    /// Cofactor of ∂x_d/∂ξ_r, three dimensions.
    fn cofactor(&self, r: usize, d: usize) -> f64 {
        let j = &self.jacobian;
        let (r1, r2, d1, d2) = ((r + 1) % 3, (r + 2) % 3, (d + 1) % 3, (d + 2) % 3);
        j[r1][d1] * j[r2][d2] - j[r1][d2] * j[r2][d1]
    }

    /// A gradient in reference coordinates → in space: J⁻ᵀ g.
    fn gradient(&self, g: &[f64; 3]) -> [f64; D] {
        debug_assert_eq!(self.dim, D);
        let j = &self.jacobian;
        let inverse = 1.0 / self.determinant();
        let mut out = [0.0; D];
        match D {
            1 => out[0] = g[0] * inverse,
            2 => {
                out[0] = inverse * (j[1][1] * g[0] - j[0][1] * g[1]);
                out[1] = inverse * (j[0][0] * g[1] - j[1][0] * g[0]);
            }
            _ => {
                for (d, o) in out.iter_mut().enumerate() {
                    *o = inverse * (0..3).map(|r| self.cofactor(r, d) * g[r]).sum::<f64>();
                }
            }
        }
        out
    }
}

/// (‖u − u_h‖ in L², |u − u_h| in H¹) of the function with these nodal values.
///
/// # Errors
/// As [`Integrals::new`].
pub fn errors<const D: usize>(
    space: &Space<D>,
    nodal: &[f64],
    u: impl Fn([f64; D]) -> f64,
    gradient: impl Fn([f64; D]) -> [f64; D],
) -> Result<(f64, f64)> {
    /// Well above twice the degree of any element here.
    const STRENGTH: usize = 8;
    let element = space.element;
    let (k, geometry) = (element.nodes(), element.geometry());
    let (reference, weights) = element.quadrature(STRENGTH)?;
    let (mut l2, mut h1) = (0.0, 0.0);
    for nodes in space.cells.chunks_exact(k) {
        let corners: Vec<[f64; D]> = nodes[..geometry.nodes()].iter().map(|&v| space.nodes[v as usize]).collect();
        for (&p, w) in reference.iter().zip(&weights) {
            let at = Map::new(&corners, geometry, p);
            let w = w * at.size(D);
            let (mut value, mut slope) = (0.0, [0.0; D]);
            let basis = element.values(p).into_iter().zip(element.gradients(p));
            for (&v, (b, g)) in nodes.iter().zip(basis) {
                let g = at.gradient(&g);
                value += nodal[v as usize] * b;
                (0..D).for_each(|d| slope[d] += nodal[v as usize] * g[d]);
            }
            let exact = gradient(at.point);
            l2 += w * (value - u(at.point)).powi(2);
            h1 += w * (0..D).map(|d| (slope[d] - exact[d]).powi(2)).sum::<f64>();
        }
    }
    Ok((l2.sqrt(), h1.sqrt()))
}
