//! f and g of a sample: random polynomials, or what the recipe gives.

use rand_chacha::ChaCha8Rng;

use super::config::EllipticConfig;
use crate::error::Result;
use crate::families::given::{Drawn, Given, Range, Scope, Source};
use crate::fem::assembler::Assembler;
use crate::fem::integrals::{self, Integrals, Kind};
use crate::fem::space::Space;
use crate::field::polynomial::{self, Monomials};
use crate::field::positive::{Domain, make_positive};
use crate::linalg::lanes;
use crate::linalg::vector::axpy;
use crate::system::{Field, Location};

/// What a sample is drawn from.
pub(super) struct Drawing {
    /// Its stream, from which f is drawn, then g.
    pub rng: ChaCha8Rng,
    /// Its parameters.
    pub drawn: Drawn,
}

/// Monomials at quadrature points that are kept at most, 128 MiB; beyond they are made again for every sample.
const MOST_ENTRIES: usize = 1 << 24;

/// A given f or g is integrated as if it were a polynomial of this degree times basis functions.
const GIVEN_DEGREE: usize = 4;

/// f.
pub(super) enum Coefficient<const D: usize> {
    Random {
        monomials: Monomials<D>,
        /// The monomials at the quadrature points, unless they are too many.
        table: Option<polynomial::Table>,
        domain: Domain<D>,
        contrast: f64,
    },
    Given(Source),
}

/// Degree up to which integrals with f are exact.
pub(super) fn strength<const D: usize>(config: &EllipticConfig, space: &Space<D>) -> usize {
    // ∇φ · ∇φ is of degree 0 for linear, 2 for quadratic (and bilinear) elements.
    let own = if space.element.linear() { 0 } else { 2 };
    own + if config.f.is_some() { GIVEN_DEGREE } else { config.degree.max(1) as usize }
}

impl<const D: usize> Coefficient<D> {
    pub(super) fn new(
        config: &EllipticConfig,
        space: &Space<D>,
        stiffness: &Integrals<D>,
        scope: &Scope,
    ) -> Result<Self> {
        if let Some(given) = &config.f {
            return Ok(Coefficient::Given(scope.read("f", given, Range::Positive)?));
        }
        let monomials = Monomials::over(config.degree, &space.nodes);
        let entries = stiffness.points().len() * monomials.len();
        Ok(Coefficient::Random {
            table: (entries <= MOST_ENTRIES).then(|| monomials.table(stiffness.points())),
            domain: Domain::new(&monomials, &space.nodes, &space.cells, space.element.nodes()),
            contrast: config.contrast,
            monomials,
        })
    }

    /// `f` ← its values at the quadrature points of `stiffness`, those of one sample or of several side by side;
    /// returns what is kept of each beside its means.
    pub(super) fn draw<const W: usize>(
        &self,
        samples: &mut [Drawing],
        stiffness: &Integrals<D>,
        f: &mut [[f64; W]],
    ) -> Vec<Result<Option<Field>>> {
        match self {
            Coefficient::Random { monomials, table, domain, contrast } => {
                let mut all: Vec<Vec<f64>> = samples.iter_mut().map(|s| monomials.draw(&mut s.rng)).collect();
                let terms = lanes::together(&all);
                match table {
                    Some(table) => table.evaluate(&terms, f),
                    None => monomials.evaluate(&terms, stiffness.points(), f),
                }
                make_positive((monomials, domain), &mut all, f, *contrast);
                all.into_iter().map(|terms| Ok(Some(of_sample("coefficient_terms", terms)))).collect()
            }
            Coefficient::Given(source) => {
                let mut put = |(w, sample): (usize, &mut Drawing)| {
                    let values = source.at_quadrature(stiffness, &sample.drawn)?;
                    f.iter_mut().zip(values).for_each(|(f, value)| f[w] = value);
                    Ok(None)
                };
                samples.iter_mut().enumerate().map(&mut put).collect()
            }
        }
    }

    /// The coordinates of a random polynomial, where they are not those of the mesh.
    pub(super) fn coordinates(&self) -> Option<String> {
        match self {
            Coefficient::Random { monomials, .. } => monomials.coordinates(),
            Coefficient::Given(_) => None,
        }
    }

    pub(super) fn samples(&self) -> Option<usize> {
        match self {
            Coefficient::Given(source) => source.samples(),
            Coefficient::Random { .. } => None,
        }
    }
}

/// g.
pub(super) enum Load<const D: usize> {
    Random {
        monomials: Monomials<D>,
        /// Per monomial m: ∫ m φ_i over the unknowns.
        moments: Vec<Vec<f64>>,
    },
    Given {
        cells: Box<Integrals<D>>,
        source: Source,
    },
}

impl<const D: usize> Load<D> {
    pub(super) fn new(config: &EllipticConfig, space: &Space<D>, assembler: &Assembler, scope: &Scope) -> Result<Self> {
        if let Some(given) = &config.g {
            let basis = if space.element.linear() { 1 } else { 2 };
            let cells = Box::new(Integrals::new(space, Kind::Load, basis + GIVEN_DEGREE)?);
            return Ok(Load::Given { cells, source: scope.read("g", given, Range::Any)? });
        }
        let monomials = Monomials::over(config.source_degree, &space.nodes);
        let strength = 2 + config.source_degree as usize;
        let values = |points: &[[f64; D]], values: &mut Vec<f64>| monomials.at(points, values);
        let moments = integrals::moments(space, strength, monomials.len(), values)?;
        let moments = moments.iter().map(|nodal| assembler.restrict(nodal)).collect();
        Ok(Load::Random { monomials, moments })
    }

    /// b without boundary data, and what is kept of g.
    pub(super) fn draw(
        &self,
        Drawing { rng, drawn }: &mut Drawing,
        space: &Space<D>,
        assembler: &Assembler,
    ) -> Result<(Vec<f64>, Field)> {
        match self {
            Load::Random { monomials, moments } => {
                let terms = monomials.draw(rng);
                let mut rhs = vec![0.0; assembler.dofs().count()];
                for (c, moment) in terms.iter().zip(moments) {
                    axpy(*c, moment, &mut rhs);
                }
                Ok((rhs, of_sample("source_terms", terms)))
            }
            Load::Given { cells, source } => {
                let nodal = cells.load(&source.at_quadrature(cells, drawn)?, space.len());
                let values = source.at_nodes(&space.nodes, drawn)?;
                let field = Field { name: "source".into(), location: Location::Points, components: 1, values };
                Ok((assembler.restrict(&nodal), field))
            }
        }
    }

    pub(super) fn samples(&self) -> Option<usize> {
        match self {
            Load::Given { source, .. } => source.samples(),
            Load::Random { .. } => None,
        }
    }
}

fn of_sample(name: &str, values: Vec<f64>) -> Field {
    Field { name: name.into(), location: Location::Sample, components: values.len(), values }
}

/// f or g in words.
pub(super) fn in_words(name: &str, given: &Option<Given>, random: impl FnOnce() -> String) -> String {
    match given {
        Some(given) => format!("{name} = {given}"),
        None => format!("{name} {}", random()),
    }
}
