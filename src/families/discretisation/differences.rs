//! Differences on a grid, with conditions on its sides.

use std::sync::Arc;

use super::operator::Operator;
use crate::error::Result;
use crate::families::boundary::{Condition, Kind, Pieces, Said, claim, in_words};
use crate::families::given::{Drawn, Scope, Source};
use crate::fem::difference::{Differences, Faces};
use crate::linalg::Pattern;
use crate::mesh::parts::SIDES;
use crate::system::BoundaryPart;

/// Differences whose unknowns are all grid points but those where u is given.
pub(super) struct OnSides<const D: usize> {
    differences: Differences,
    points: Vec<[f64; D]>,
    /// The unknown of each grid point, if it is one.
    number: Vec<Option<u32>>,
    data: Vec<Data>,
    words: String,
    /// The grid as the one piece that it is.
    pieces: Pieces,
}

/// A condition and the grid points where it holds.
struct Data {
    said: Said,
    points: Vec<u32>,
    /// What a density there adds to their equations.
    weights: Vec<f64>,
}

impl Data {
    /// The grid points where a Robin condition makes u tend to something: alpha is above 0.
    fn tending<const D: usize>(&self, points: &[[f64; D]], drawn: &Drawn) -> Result<Vec<u32>> {
        let Said::Robin { alpha, .. } = &self.said else {
            return Ok(Vec::new());
        };
        let alpha = alpha.at_some(points, &self.points, drawn)?;
        Ok(self.points.iter().zip(alpha).filter(|(_, alpha)| *alpha > 0.0).map(|(&v, _)| v).collect())
    }
}

impl<const D: usize> OnSides<D> {
    /// # Errors
    /// As [`Condition::read`] and [`claim`]; if the grid is too large.
    pub fn new(cells: usize, faces: Faces, conditions: &[Condition], scope: &Scope, flow: &str) -> Result<Self> {
        // Side k is a facet with the one corner k.
        let names: Vec<&str> = SIDES[..D].iter().flatten().copied().collect();
        let corners: Vec<u32> = (0..names.len() as u32).collect();
        let part = |(k, name): (&u32, &&str)| BoundaryPart { name: (*name).into(), facets: vec![vec![*k]] };
        let parts: Vec<BoundaryPart> = corners.iter().zip(&names).map(part).collect();
        let claimed = claim(conditions, corners.chunks_exact(1), &parts, scope)?;
        let width = cells + 1;
        let at = |v: usize| -> [usize; D] { std::array::from_fn(|axis| v / width.pow(axis as u32) % width) };
        let on = |v: usize, side: usize| at(v)[side / 2] == if side.is_multiple_of(2) { 0 } else { cells };
        let gives = |c: Option<usize>| c.is_none_or(|c| conditions[c].condition == Kind::Dirichlet);
        let total = width.pow(D as u32);
        let free = |v: usize| (0..2 * D).all(|side| !on(v, side) || !gives(claimed[side]));
        let differences = Differences::with_unknowns(cells, D, faces, free)?;
        let mut number = vec![None; total];
        (0u32..).zip(differences.points()).for_each(|(i, &v)| number[v as usize] = Some(i));
        let mut data = Vec::new();
        for (c, condition) in conditions.iter().enumerate() {
            let said = condition.read(c, scope)?;
            let given = matches!(said, Said::Dirichlet(_));
            let (mut points, mut weights) = (Vec::new(), Vec::new());
            for side in (0..2 * D).filter(|&side| claimed[side] == Some(c)) {
                for v in (0..total).filter(|&v| on(v, side) && (given || number[v].is_some())) {
                    points.push(v as u32);
                    weights.push(differences.on_side(v, side / 2));
                }
            }
            data.push(Data { said, points, weights });
        }
        let points: Vec<[f64; D]> = (0..total).map(|v| at(v).map(|k| k as f64 / cells as f64)).collect();
        let mut pieces = Pieces::new(vec![0; total], &points, scope);
        if claimed.iter().any(|&c| gives(c)) {
            pieces.hold(0, false);
        }
        for said in &data {
            if let Said::Robin { alpha, .. } = &said.said {
                pieces.hold_robin(alpha, |drawn| said.tending(&points, drawn), said.points.iter().copied());
            }
        }
        Ok(OnSides {
            words: in_words(conditions, claimed.contains(&None), flow),
            points,
            differences,
            number,
            data,
            pieces,
        })
    }

    /// The grid point of each unknown.
    pub fn unknowns(&self) -> &[u32] {
        self.differences.points()
    }

    /// Whether u is 0 wherever it is given.
    pub fn is_homogeneous(&self) -> bool {
        !self.data.iter().any(|d| d.said.lifts())
    }

    /// Calls `add` with the unknown, the weight and the values of some fields at each point of a condition.
    fn each<const N: usize>(
        &self,
        data: &Data,
        fields: [&Source; N],
        drawn: &Drawn,
        mut add: impl FnMut(usize, f64, [f64; N]),
    ) -> Result<()> {
        let mut values = Vec::with_capacity(N);
        for field in fields {
            values.push(field.at_some(&self.points, &data.points, drawn)?);
        }
        for (k, (&v, &weight)) in data.points.iter().zip(&data.weights).enumerate() {
            if let Some(i) = self.number[v as usize] {
                add(i as usize, weight, std::array::from_fn(|n| values[n][k]));
            }
        }
        Ok(())
    }
}

impl Operator for Differences {
    fn pattern(&self) -> &Arc<Pattern> {
        self.pattern()
    }

    fn add_diffusion(&self, w: &[f64], scale: f64, values: &mut [f64]) {
        self.add_diffusion(w, scale, values);
    }

    fn add_reaction(&self, c: &[f64], scale: f64, values: &mut [f64]) -> Result<()> {
        self.add_reaction(c, scale, values);
        Ok(())
    }

    fn load(&self, f: &[f64]) -> Vec<f64> {
        self.load(f)
    }
}

impl<const D: usize> Operator for OnSides<D> {
    fn pattern(&self) -> &Arc<Pattern> {
        self.differences.pattern()
    }

    fn add_diffusion(&self, w: &[f64], scale: f64, values: &mut [f64]) {
        self.differences.add_diffusion(w, scale, values);
    }

    fn add_reaction(&self, c: &[f64], scale: f64, values: &mut [f64]) -> Result<()> {
        self.differences.add_reaction(c, scale, values);
        Ok(())
    }

    fn load(&self, f: &[f64]) -> Vec<f64> {
        self.differences.load(f)
    }

    fn conditions_in_words(&self) -> &str {
        &self.words
    }

    fn condition_samples(&self) -> Option<usize> {
        self.data.iter().filter_map(|d| d.said.samples()).min()
    }

    fn singular(&self) -> Option<&str> {
        self.pieces.singular()
    }

    fn check_regular(&self, reaction: Option<&[f64]>, drawn: &Drawn) -> Result<()> {
        self.pieces.check(reaction, drawn, || {
            let nodes = self.data.iter().map(|data| data.tending(&self.points, drawn));
            Ok(nodes.collect::<Result<Vec<_>>>()?.concat())
        })
    }

    fn known(&self, drawn: &Drawn) -> Result<Option<Vec<f64>>> {
        if self.is_homogeneous() {
            return Ok(None);
        }
        let mut nodal = vec![0.0; self.points.len()];
        for data in &self.data {
            if let Said::Dirichlet(value) = &data.said {
                let values = value.at_some(&self.points, &data.points, drawn)?;
                data.points.iter().zip(values).for_each(|(&v, u)| nodal[v as usize] = u);
            }
        }
        Ok(Some(nodal))
    }

    fn add_conditions(&self, drawn: &Drawn, values: &mut [f64]) -> Result<()> {
        for data in &self.data {
            if let Said::Robin { alpha, .. } = &data.said {
                self.each(data, [alpha], drawn, |i, weight, [alpha]| {
                    if let Some(diagonal) = self.pattern().find(i, i) {
                        values[diagonal] += weight * alpha;
                    }
                })?;
            }
        }
        Ok(())
    }

    fn add_boundary_load(&self, drawn: &Drawn, scale: f64, rhs: &mut [f64]) -> Result<()> {
        for data in &self.data {
            match &data.said {
                Said::Dirichlet(_) => {}
                Said::Neumann(flux) => {
                    self.each(data, [flux], drawn, |i, weight, [flux]| rhs[i] += scale * weight * flux)?;
                }
                Said::Robin { alpha, value } => {
                    let add =
                        |i: usize, weight: f64, [alpha, value]: [f64; 2]| rhs[i] += scale * weight * alpha * value;
                    self.each(data, [alpha, value], drawn, add)?;
                }
            }
        }
        Ok(())
    }

    /// Robin conditions and reactions stand on the diagonal: only faces reach points where u is given.
    fn lift(
        &self,
        (w, scale): (&[f64], f64),
        _reaction: Option<(&[f64], f64)>,
        _: &Drawn,
        known: &[f64],
        rhs: &mut [f64],
    ) -> Result<()> {
        self.differences.lift(w, scale, known, rhs);
        Ok(())
    }
}
