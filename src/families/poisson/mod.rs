//! `poisson`: −Δu = f on the unit square, u = 0 on its boundary, on randomly perturbed regular triangulations.
//!
//! The family of Ruelmann, Geveler and Turek (2018), who move nodes by at most half the grid step. The condition
//! numbers that they print for levels 2 to 5 (5.9, 29.8, 127.3, 516) are those of shifts of up to ±0.2 h in each
//! coordinate (ours: about 6.2, 29, 124, 507), and so that is the default. Shifts of up to ±0.5 h are allowed and make
//! a much harder family: triangles come close to turning over, and κ goes into the thousands.

mod verify;

use std::f64::consts::PI;
use std::sync::Arc;

use rand_distr::{Distribution, StandardNormal};
use serde::{Deserialize, Serialize};
use toml::Table;

use super::solution::{Draw, Solved, Solver};
use super::{Family, Sampler, keys};
use crate::entry::{self, Entry};
use crate::error::{Error, Result};
use crate::fem::dofs::{Dofs, Order};
use crate::fem::p1::P1;
use crate::fem::quadrature::TriangleRule;
use crate::linalg::{Csr, Pattern, Props, SymbolicCholesky};
use crate::mesh::perturb::Perturbation;
use crate::mesh::{TriangleMesh, structured};
use crate::rng::{Purpose, stream};
use crate::stages::{Stage, during};
use crate::system::{Description, Field, LinearSystem, Location, MeshData};
use crate::verify::Report;

/// The family's name in recipes.
const NAME: &str = "poisson";

/// `poisson` as a member of [`super::ENTRIES`].
pub static ENTRY: Entry<dyn Family> = Entry {
    name: NAME,
    help: "−Δu = f; P1 on randomly perturbed regular triangulations, levels 2 to 7 (n = 9 … 16129)",
    source: "Ruelmann, Geveler, Turek 2018",
    needs: "",
    positional: &[],
    defaults: entry::defaults::<PoissonConfig>,
    schema: Some(entry::schema::<PoissonConfig>),
    parse: |table, _, origin| Ok(Box::new(Poisson::from_table(table, origin)?)),
};

/// Degree up to which a load by quadrature is exact.
const LOAD_STRENGTH: usize = 5;

/// Total degree of a random source.
const RANDOM_DEGREE: i32 = 3;

/// Levels on offer: n = (2^level − 1)² = 9, 49, 225, 961, 3969, 16129.
const LEVELS: std::ops::RangeInclusive<u32> = 2..=7;

/// The source f.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(untagged)]
pub enum Source {
    /// f constant.
    Constant(f64),
    /// "sine" or "random".
    Named(NamedSource),
}

/// Sources with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum NamedSource {
    /// f = 2π² sin πx sin πy, whose solution is u = sin πx sin πy.
    Sine,
    /// A polynomial of degree 3 with standard normal coefficients, another one in every sample.
    Random,
}

/// The `[poisson]` table of a recipe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PoissonConfig {
    /// Refinement level: (2^level)² squares.
    pub level: u32,
    /// Largest shift of an inner node in each coordinate, in units of the grid step h.
    pub perturbation: f64,
    /// The right-hand side.
    pub f: Source,
    /// Numbering of the unknowns.
    pub order: Order,
    /// Whether to store x = A⁻¹ b.
    pub solution: bool,
}

impl Default for PoissonConfig {
    fn default() -> Self {
        PoissonConfig { level: 3, perturbation: 0.2, f: Source::Constant(1.0), order: Order::Natural, solution: true }
    }
}

/// The family with its mesh, pattern and scatter map made.
pub struct Poisson {
    config: PoissonConfig,
    mesh: TriangleMesh,
    data: Arc<MeshData>,
    perturbation: Perturbation,
    p1: P1,
    solver: Option<Solver>,
    rule: TriangleRule,
}

impl Poisson {
    /// The family of a recipe's table.
    ///
    /// # Errors
    /// [`Error::Recipe`] naming the key that is unknown, of the wrong type or out of range.
    pub fn from_table(table: &Table, origin: &str) -> Result<Self> {
        check_level(table, origin)?;
        let config: PoissonConfig = entry::config(table, NAME, origin)?;
        // In units of the grid step.
        keys::within(config.perturbation, 0.0..=0.5, "poisson.perturbation", origin)?;
        if matches!(config.f, Source::Constant(f) if !f.is_finite()) {
            return Err(Error::recipe(origin, format!("{NAME}.f: must be finite")));
        }
        Self::new(config)
    }

    /// The family with these parameters, which must be in range.
    ///
    /// # Errors
    /// If the mesh or its pattern cannot be made.
    pub fn new(config: PoissonConfig) -> Result<Self> {
        let mesh = structured::unit_square(config.level);
        let dofs = Dofs::new(&mesh, config.order)?;
        let p1 = P1::new(&mesh, &dofs)?;
        let solver = match config.solution {
            true => Some(Solver::Cholesky(SymbolicCholesky::new(p1.pattern())?)),
            false => None,
        };
        let step = 1.0 / f64::from(1u32 << config.level);
        let mut data = mesh.to_data(dofs.points);
        data.grid = vec![(1 << config.level) + 1; 2];
        Ok(Poisson {
            perturbation: Perturbation::new(&mesh, config.perturbation * step),
            solver,
            data: Arc::new(data),
            rule: TriangleRule::new(LOAD_STRENGTH)?,
            config,
            mesh,
            p1,
        })
    }
}

/// A level out of range, with the range; serde would only say that −1 is no u32.
fn check_level(table: &Table, origin: &str) -> Result<()> {
    match table.get("level") {
        Some(toml::Value::Integer(level)) if u32::try_from(*level).is_ok_and(|l| LEVELS.contains(&l)) => Ok(()),
        None => Ok(()),
        Some(other) => Err(Error::recipe(
            origin,
            format!("{NAME}.level = {other}: must be a whole number from {} to {}", LEVELS.start(), LEVELS.end()),
        )),
    }
}

impl Family for Poisson {
    fn parameters(&self) -> Table {
        entry::to_table(&self.config)
    }

    fn description(&self) -> Description {
        let f = match &self.config.f {
            Source::Constant(f) => format!("f = {f}"),
            Source::Named(NamedSource::Sine) => "f = 2 pi^2 sin(pi x) sin(pi y)".into(),
            Source::Named(NamedSource::Random) => {
                format!("f a random polynomial of degree {RANDOM_DEGREE} (field source)")
            }
        };
        Description {
            weak_form: "find u in V: integral(grad u . grad v) = integral(f v) for all v in V, V = continuous \
                        piecewise linear functions (P1) on the perturbed triangulation, 0 on the boundary"
                .into(),
            boundary_conditions: "u = 0 on the whole boundary, eliminated".into(),
            ..Description::new(NAME, format!("-laplace(u) = f in (0,1)^2, {f}"), Props::SPD)
        }
    }

    fn mesh(&self) -> Option<Arc<MeshData>> {
        Some(self.data.clone())
    }

    fn pattern(&self) -> Option<Arc<Pattern>> {
        Some(self.p1.pattern().clone())
    }

    fn measure(&self) -> Result<Report> {
        verify::measure()
    }

    fn sampler(&self) -> Result<Box<dyn Sampler + '_>> {
        let draw = PoissonSampler { family: self, points: Vec::new() };
        Ok(Box::new(Solved::new(draw, self.solver.as_ref())))
    }
}

struct PoissonSampler<'a> {
    family: &'a Poisson,
    points: Vec<[f64; 2]>,
}

impl Draw for PoissonSampler<'_> {
    fn draw(&mut self, seed: u64, index: u64) -> Result<LinearSystem> {
        let family = self.family;
        let mut rng = stream(seed, Purpose::Sample, index);
        family.perturbation.draw(&family.mesh, &mut rng, &mut self.points)?;
        let points = &self.points;
        let mut values = vec![0.0; family.p1.pattern().nnz()];
        during(Stage::Assemble, || family.p1.stiffness(points, &mut values));
        let mut rhs = vec![0.0; family.p1.pattern().nrows()];
        let mut fields =
            vec![Field { name: "points".into(), location: Location::Points, components: 2, values: points.concat() }];
        match family.config.f {
            Source::Constant(f) => family.p1.load_constant(points, f, &mut rhs),
            Source::Named(NamedSource::Sine) => {
                let f = |x: [f64; 2]| 2.0 * PI * PI * (PI * x[0]).sin() * (PI * x[1]).sin();
                family.p1.load(points, &family.rule, f, &mut rhs);
            }
            Source::Named(NamedSource::Random) => {
                let terms = random_polynomial(&mut rng);
                let f = |x: [f64; 2]| terms.iter().map(|&(i, j, c)| c * x[0].powi(i) * x[1].powi(j)).sum();
                family.p1.load(points, &family.rule, f, &mut rhs);
                fields.push(Field {
                    name: "source".into(),
                    location: Location::Sample,
                    components: terms.len(),
                    values: terms.iter().map(|t| t.2).collect(),
                });
            }
        }
        let matrix = Csr::new(family.p1.pattern().clone(), values)?;
        Ok(LinearSystem {
            matrix,
            rhs,
            solution: None,
            props: Props::SPD,
            fields,
            labels: Vec::new(),
            params: vec![("min_angle".into(), family.mesh.min_angle(points))],
            mesh: Some(family.data.clone()),
            index,
        })
    }
}

/// (power of x, power of y, coefficient), by rising degree.
fn random_polynomial(rng: &mut rand_chacha::ChaCha8Rng) -> Vec<(i32, i32, f64)> {
    (0..=RANDOM_DEGREE)
        .flat_map(|degree| (0..=degree).map(move |j| (degree - j, j)))
        .map(|(i, j)| (i, j, StandardNormal.sample(&mut *rng)))
        .collect()
}
