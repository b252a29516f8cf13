//! Matrices by a scatter map into a pattern made once per mesh.

use std::sync::Arc;

use rayon::prelude::*;

use super::dofs::{Dofs, ELIMINATED};
use super::integrals::Integrals;
use super::shape::Element;
use super::space::Space;
use crate::error::Result;
use crate::linalg::Pattern;
use crate::stages::{Stage, during};

/// Cells whose places are found by one thread at least.
const PIECE: usize = 1 << 10;

/// The unknowns of a space and the pattern that all its matrices share.
#[derive(Debug, Clone)]
pub struct Assembler {
    dofs: Dofs,
    pattern: Arc<Pattern>,
}

/// Where the element matrices of some [`Integrals`] go.
#[derive(Debug, Clone)]
pub struct Scatter {
    /// cells × pairs (i ≤ j): the places of (i, j) and (j, i); the second is [`ELIMINATED`] on the diagonal, both where
    /// an unknown is eliminated.
    places: Vec<[u32; 2]>,
}

impl Assembler {
    /// Numbers the unknowns and makes the pattern of all pairs that share a cell.
    ///
    /// # Errors
    /// If the space's cells name nodes that are not there.
    pub fn new<const D: usize>(space: &Space<D>, dofs: Dofs) -> Result<Self> {
        let pattern = Arc::new(dofs.pattern(&space.cells, space.element.nodes())?);
        Ok(Assembler { dofs, pattern })
    }

    /// The pattern of all matrices.
    pub fn pattern(&self) -> &Arc<Pattern> {
        &self.pattern
    }

    /// The unknowns.
    pub fn dofs(&self) -> &Dofs {
        &self.dofs
    }

    /// The scatter map of these integrals, made once.
    pub fn scatter<const D: usize>(&self, integrals: &Integrals<D>) -> Scatter {
        let k = integrals.element.nodes();
        let place = |i: u32, j: u32| match i == ELIMINATED || j == ELIMINATED {
            true => ELIMINATED,
            false => self.pattern.find(i as usize, j as usize).map_or(ELIMINATED, |e| e as u32),
        };
        let of_cell = |cell: &[u32]| {
            let mut places = Vec::with_capacity(k * (k + 1) / 2);
            for a in 0..k {
                for b in a..k {
                    let i = self.dofs.of_point[cell[a] as usize];
                    let j = self.dofs.of_point[cell[b] as usize];
                    let second = if a == b { ELIMINATED } else { place(j, i) };
                    places.push([place(i, j), second]);
                }
            }
            places
        };
        let places = integrals.nodes.par_chunks_exact(k).with_min_len(PIECE).flat_map_iter(of_cell).collect();
        Scatter { places }
    }

    /// values ← values + the matrix of these integrals with the given coefficient at their quadrature points.
    ///
    /// # Panics
    /// If lengths do not fit.
    pub fn add<const D: usize>(
        &self,
        integrals: &Integrals<D>,
        scatter: &Scatter,
        coefficient: &[f64],
        values: &mut [f64],
    ) {
        self.add_each(integrals, scatter, coefficient.as_chunks::<1>().0, values.as_chunks_mut::<1>().0);
    }

    /// As [`Assembler::add`] for W matrices side by side.
    ///
    /// # Panics
    /// If lengths do not fit.
    pub fn add_each<const W: usize, const D: usize>(
        &self,
        integrals: &Integrals<D>,
        scatter: &Scatter,
        coefficient: &[[f64; W]],
        values: &mut [[f64; W]],
    ) {
        assert_eq!(coefficient.len(), integrals.points().len(), "coefficient at quadrature points");
        assert_eq!(values.len(), self.pattern.nnz(), "values of the pattern");
        during(Stage::Assemble, || {
            pulp::Arch::new().dispatch(
                #[inline(always)]
                || match (integrals.averaged, integrals.element) {
                    (true, Element::P1Triangle) => add_means::<6, W, D>(integrals, scatter, coefficient, values),
                    (true, Element::P1Tet) => add_means::<10, W, D>(integrals, scatter, coefficient, values),
                    _ => add_points(integrals, scatter, coefficient, values),
                },
            );
        });
    }

    /// rhs ← rhs − A g for the eliminated unknowns, whose values are `nodal` (one a node; others are not read).
    pub fn lift<const D: usize>(&self, integrals: &Integrals<D>, coefficient: &[f64], nodal: &[f64], rhs: &mut [f64]) {
        let k = integrals.element.nodes();
        let pairs = k * (k + 1) / 2;
        let parts = if integrals.averaged { 1 } else { integrals.rule };
        for (c, cell) in integrals.nodes.chunks_exact(k).enumerate() {
            let free = |a: usize| self.dofs.of_point[cell[a] as usize];
            if (0..k).all(|a| free(a) != ELIMINATED) {
                continue;
            }
            let at = c * integrals.rule..(c + 1) * integrals.rule;
            let mut weights = coefficient[at].to_vec();
            if integrals.averaged {
                let terms = weights.iter().zip(&integrals.shares);
                weights = vec![terms.map(|(c, w)| c * w).sum()];
            }
            let mut pair = 0;
            for a in 0..k {
                for b in a..k {
                    let unit = |q: usize| integrals.unit[(c * parts + q) * pairs + pair];
                    let entry: f64 = weights.iter().enumerate().map(|(q, w)| w * unit(q)).sum();
                    pair += 1;
                    for (i, j) in [(a, b), (b, a)] {
                        if free(i) != ELIMINATED && free(j) == ELIMINATED {
                            rhs[free(i) as usize] -= entry * nodal[cell[j] as usize];
                        }
                        if a == b {
                            break;
                        }
                    }
                }
            }
        }
    }

    /// Nodal numbers → those of the unknowns.
    pub fn restrict(&self, nodal: &[f64]) -> Vec<f64> {
        self.dofs.points.iter().map(|&v| nodal[v as usize]).collect()
    }

    /// Unknowns → nodal numbers, `nodal` giving those of the eliminated ones.
    pub fn prolong(&self, unknowns: &[f64], mut nodal: Vec<f64>) -> Vec<f64> {
        for (&v, x) in self.dofs.points.iter().zip(unknowns) {
            nodal[v as usize] = *x;
        }
        nodal
    }
}

/// values[place] += v, for both places that are there.
#[inline(always)]
fn put<const W: usize>(values: &mut [[f64; W]], to: &[u32; 2], v: &[f64; W]) {
    for &place in to {
        if place != ELIMINATED {
            let value = &mut values[place as usize];
            for w in 0..W {
                value[w] += v[w];
            }
        }
    }
}

/// Constant gradients: one element matrix of PAIRS entries a cell, times the weighted mean of the coefficient.
#[inline(always)]
fn add_means<const PAIRS: usize, const W: usize, const D: usize>(
    integrals: &Integrals<D>,
    scatter: &Scatter,
    coefficient: &[[f64; W]],
    values: &mut [[f64; W]],
) {
    let (places, _) = scatter.places.as_chunks::<PAIRS>();
    let (units, _) = integrals.unit.as_chunks::<PAIRS>();
    let cells = coefficient.chunks_exact(integrals.rule);
    for ((c, to), unit) in cells.zip(places).zip(units) {
        // What a sum of floating-point numbers starts from.
        let mut mean = [-0.0; W];
        for (c, share) in c.iter().zip(&integrals.shares) {
            for w in 0..W {
                mean[w] += c[w] * share;
            }
        }
        for (to, u) in to.iter().zip(unit) {
            put(values, to, &mean.map(|mean| mean * u));
        }
    }
}

/// The general case: element matrices summed over the points, then scattered.
#[inline(always)]
fn add_points<const W: usize, const D: usize>(
    integrals: &Integrals<D>,
    scatter: &Scatter,
    coefficient: &[[f64; W]],
    values: &mut [[f64; W]],
) {
    let k = integrals.element.nodes();
    let pairs = k * (k + 1) / 2;
    let mut local = vec![[0.0; W]; pairs];
    let cells = coefficient.chunks_exact(integrals.rule).zip(scatter.places.chunks_exact(pairs));
    for ((c, to), unit) in cells.zip(integrals.unit.chunks_exact(pairs * integrals.rule)) {
        local.fill([0.0; W]);
        for (c, unit) in c.iter().zip(unit.chunks_exact(pairs)) {
            for (local, u) in local.iter_mut().zip(unit) {
                for w in 0..W {
                    local[w] += c[w] * u;
                }
            }
        }
        to.iter().zip(&local).for_each(|(to, v)| put(values, to, v));
    }
}
