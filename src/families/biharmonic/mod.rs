//! `biharmonic`: Δ(f Δu) = g with u and Δu given on the boundary (a simply supported plate), f a random positive
//! polynomial, g a random polynomial.
//!
//! The family of Li, Wang and Jimack (2022), whose n = 1089 can be had both ways: fully discontinuous Q2 on 11 × 11
//! squares (121 · 9, the default), or the 33² nodes of continuous P2 on 16 × 16 × 2 triangles, those on the boundary
//! included, where the penalty holds u (`discretisation = "c0ip"`). The form is that of [`crate::fem::plate`].
//!
//! That A is positive definite depends on the penalties. So every sample is factorised, asked for its solution or not,
//! and one that is not definite is an error which says so.

mod config;
mod verify;

use std::path::PathBuf;
use std::sync::Arc;

use rand_chacha::ChaCha8Rng;
use toml::Table;

use super::{Family, Sampler};
use crate::entry::{self, Entry};
use crate::error::{Error, Result};
use crate::fem::plate::space::Space;
use crate::fem::plate::{Degrees, Penalty, Plate, Samples};
use crate::field::polynomial::{self, Monomials};
use crate::field::positive::{Domain, make_positive};
use crate::linalg::lanes::{self, LANES};
use crate::linalg::{Csr, Pattern, Props, SideBySide, SymbolicCholesky};
use crate::rng::{Purpose, stream};
use crate::stages::{Stage, during};
use crate::system::{Description, Field, LinearSystem, Location, MeshData};
use crate::verify::Report;

pub use config::{BiharmonicConfig, Cells, Data, Discretisation, Hold};

/// The family's name in recipes.
const NAME: &str = "biharmonic";

/// `biharmonic` as a member of [`super::ENTRIES`].
pub static ENTRY: Entry<dyn Family> = Entry {
    name: NAME,
    help: "Δ(f Δu) = g, a simply supported plate: dg P2 or Q2, c0ip; f a positive random polynomial, g another",
    source: "Li, Wang, Jimack 2022",
    needs: "",
    positional: &[],
    defaults: || entry::to_table(&BiharmonicConfig::default().resolved(false)),
    schema: Some(entry::schema::<BiharmonicConfig>),
    parse: |table, _, origin| Ok(Box::new(Biharmonic::from_table(table, origin)?)),
};

/// The family with all made that samples share.
pub struct Biharmonic {
    config: BiharmonicConfig,
    penalty: Penalty,
    plate: Plate,
    symbolic: SymbolicCholesky,
    coefficient: Monomials<2>,
    domain: Domain<2>,
    /// At the cell points, then the facet points.
    coefficient_table: polynomial::Table,
    facet_table: polynomial::Table,
    /// At the centres of the cells of `data`.
    centre_table: polynomial::Table,
    source: Monomials<2>,
    source_table: polynomial::Table,
    data: Arc<MeshData>,
}

impl Biharmonic {
    /// The family of a recipe's table.
    ///
    /// # Errors
    /// [`Error::Recipe`] naming the key that is unknown, of the wrong type or out of range.
    pub fn from_table(table: &Table, origin: &str) -> Result<Self> {
        let config: BiharmonicConfig = entry::config(table, NAME, origin)?;
        config.check(origin)?;
        let space = config.space(origin)?;
        Self::new(config, space)
    }

    /// The family on one space, with parameters in range.
    ///
    /// # Errors
    /// If the pattern cannot be made or analysed.
    pub fn new(config: BiharmonicConfig, space: Space) -> Result<Self> {
        let triangles = space.element.corners == 3;
        let (penalty, config) = (config.penalty(triangles), config.resolved(triangles));
        let degrees = Degrees { coefficient: config.degree.max(1) as usize, source: config.source_degree as usize };
        let plate = Plate::new(space, config.order, penalty, degrees)?;
        let mut data = plate.space().to_data();
        if config.data == Data::Random {
            // Another one at every point of every sample: in a field of its own.
            data.boundary_value = None;
        }
        let points = data.points.as_chunks::<2>().0;
        let monomials = |degree| Monomials::over(degree, points);
        let (coefficient, source) = (monomials(config.degree), monomials(config.source_degree));
        let all = [plate.cell_points(), plate.facet_points()].concat();
        Ok(Biharmonic {
            symbolic: SymbolicCholesky::new(plate.pattern())?,
            coefficient_table: coefficient.table(&all),
            facet_table: coefficient.table(plate.facet_points()),
            centre_table: coefficient.table(&centres(&data)),
            source_table: source.table(plate.load_points()),
            domain: Domain::new(&coefficient, points, &data.cells, data.cell_size),
            data: Arc::new(data),
            config,
            penalty,
            plate,
            coefficient,
            source,
        })
    }
}

/// The centres of the cells.
fn centres(mesh: &MeshData) -> Vec<[f64; 2]> {
    let centre = |cell: &[u32]| {
        let coordinate = |d: usize| cell.iter().map(|&v| mesh.points[2 * v as usize + d]).sum::<f64>();
        [0, 1].map(|d| coordinate(d) / cell.len() as f64)
    };
    mesh.cells.chunks_exact(mesh.cell_size).map(centre).collect()
}

impl Family for Biharmonic {
    fn parameters(&self) -> Table {
        let mut table = entry::to_table(&self.config);
        if let Some(mesh) = &self.config.mesh {
            table.insert("mesh".into(), mesh.to_table().into());
        }
        table
    }

    fn description(&self) -> Description {
        let c = &self.config;
        let element = if self.plate.space().element.corners == 3 { "P2" } else { "Q2" };
        let space = match c.discretisation {
            Discretisation::Dg => format!("{element} on every cell, discontinuous"),
            Discretisation::C0ip => format!("continuous, {element} on every cell"),
        };
        let Penalty { sigma, tau } = self.penalty;
        let data = match c.data {
            Data::Zero => "u = 0 and laplace(u) = 0 on the boundary",
            Data::Random => {
                "u = p and laplace(u) = q on the boundary, p and q random polynomials (fields boundary_terms, \
                 laplacian_terms)"
            }
        };
        let hold = match c.boundary {
            Hold::Weak => "u held by the penalty, no unknown eliminated",
            Hold::Strong => "boundary nodes eliminated",
        };
        let equation = format!(
            "laplace(f laplace(u)) = g, f a random polynomial of degree {}, positive with max f / min f = {}, g a \
                 random polynomial of degree {}{}",
            c.degree,
            c.contrast,
            c.source_degree,
            self.coefficient.coordinates().map_or(String::new(), |x| format!(", both in {x}"))
        );
        Description {
            weak_form: format!(
                "find u in V: sum over cells of integral(f laplace(u) laplace(v)) + sum over all facets of \
                 integral({{d_n(f laplace u)}}[v] + {{d_n(f laplace v)}}[u] + {sigma} f h^-3 [u][v]) - sum over inner \
                 facets of integral({{f laplace u}}[d_n v] + {{f laplace v}}[d_n u] - {tau} f h^-1 [d_n u][d_n v]) = \
                 integral(g v) + boundary data, h the length of the facet; V = {space}; points are the nodes, each \
                 quadratic cell cut into four linear ones"
            ),
            boundary_conditions: format!("{data}; {hold}"),
            ..Description::new(NAME, equation, Props::SPD)
        }
    }

    fn mesh(&self) -> Option<Arc<MeshData>> {
        Some(self.data.clone())
    }

    fn pattern(&self) -> Option<Arc<Pattern>> {
        Some(self.plate.pattern().clone())
    }

    fn files(&self) -> Vec<PathBuf> {
        self.config.mesh.iter().filter_map(|mesh| mesh.file.clone()).collect()
    }

    fn measure(&self) -> Result<Report> {
        verify::measure()
    }

    fn sampler(&self) -> Result<Box<dyn Sampler + '_>> {
        Ok(Box::new(BiharmonicSampler {
            family: self,
            alone: Workspace::default(),
            beside: Workspace::default(),
            factors: SideBySide::default(),
        }))
    }
}

struct BiharmonicSampler<'a> {
    family: &'a Biharmonic,
    alone: Workspace<1>,
    beside: Workspace<LANES>,
    factors: SideBySide,
}

/// Of samples side by side: f and its derivatives, and the matrices.
#[derive(Default)]
struct Workspace<const W: usize> {
    /// f at cell and facet points.
    all: Vec<[f64; W]>,
    /// A derivative of f at facet points.
    slope: Vec<[f64; W]>,
    f: Samples<W>,
    values: Vec<[f64; W]>,
}

impl<const W: usize> Workspace<W> {
    /// Evaluates every f, made positive, and ∂n f at the quadrature points.
    fn evaluate(&mut self, family: &Biharmonic, terms: &mut [Vec<f64>]) {
        let facets = family.plate.facet_points().len();
        self.all.resize(family.plate.cell_points().len() + facets, [0.0; W]);
        family.coefficient_table.evaluate(&lanes::together(terms), &mut self.all);
        make_positive((&family.coefficient, &family.domain), terms, &mut self.all, family.config.contrast);
        let (at_cells, at_facets) = self.all.split_at(family.plate.cell_points().len());
        self.f.cells.clear();
        self.f.cells.extend_from_slice(at_cells);
        self.f.facets.clear();
        self.f.facets.extend_from_slice(at_facets);
        self.f.slopes.clear();
        self.f.slopes.resize(facets, [0.0; W]);
        self.slope.resize(facets, [0.0; W]);
        for d in 0..2 {
            let derivatives: Vec<Vec<f64>> =
                terms.iter().map(|terms| family.coefficient.derivative(terms, d)).collect();
            family.facet_table.evaluate(&lanes::together(&derivatives), &mut self.slope);
            for (k, (sum, slope)) in self.f.slopes.iter_mut().zip(&self.slope).enumerate() {
                let normal = family.plate.facet_normal(k)[d];
                for w in 0..W {
                    sum[w] += normal * slope[w];
                }
            }
        }
    }

    /// At most W samples without their solutions.
    fn draw(&mut self, family: &Biharmonic, seed: u64, indices: &[u64]) -> Vec<Result<LinearSystem>> {
        let mut rngs: Vec<ChaCha8Rng> = indices.iter().map(|&index| stream(seed, Purpose::Sample, index)).collect();
        let mut terms: Vec<Vec<f64>> = rngs.iter_mut().map(|rng| family.coefficient.draw(rng)).collect();
        self.evaluate(family, &mut terms);
        self.values.resize(family.plate.pattern().nnz(), [0.0; W]);
        during(Stage::Assemble, || family.plate.stiffness(&self.f, &mut self.values));
        let values = lanes::apart(&mut self.values, indices.len());
        let parts = indices.iter().zip(&mut rngs).zip(terms.into_iter().zip(values)).enumerate();
        parts.map(|(w, ((&index, rng), own))| family.complete(index, rng, own, (&self.f, w))).collect()
    }
}

/// out ← one polynomial at the points of a table.
fn evaluate(table: &polynomial::Table, terms: &[f64], out: &mut [f64]) {
    table.evaluate(terms.as_chunks::<1>().0, out.as_chunks_mut::<1>().0);
}

impl Biharmonic {
    /// A sample without its solution, out of the terms of f, the numbers of its matrix, and f at all points, the w-th
    /// of those side by side.
    fn complete<const W: usize>(
        &self,
        index: u64,
        rng: &mut ChaCha8Rng,
        (coefficient, values): (Vec<f64>, Vec<f64>),
        (f, w): (&Samples<W>, usize),
    ) -> Result<LinearSystem> {
        let (plate, config) = (&self.plate, &self.config);
        let source = self.source.draw(rng);
        let mut g = vec![0.0; plate.load_points().len()];
        evaluate(&self.source_table, &source, &mut g);
        let matrix = Csr::new(plate.pattern().clone(), values)?;
        let mut rhs = vec![0.0; plate.space().count()];
        plate.load(&g, &mut rhs);

        let mut centres = vec![0.0; self.data.cells.len() / self.data.cell_size];
        evaluate(&self.centre_table, &coefficient, &mut centres);
        let mean = f.cells.iter().map(|f| f[w]).sum::<f64>() / f.cells.len() as f64;
        let field =
            |name: &str, location, components, values| Field { name: name.into(), location, components, values };
        let terms = |name: &str, terms: Vec<f64>| field(name, Location::Sample, terms.len(), terms);
        let mut fields = vec![
            field("coefficient", Location::Cells, 1, centres),
            terms("coefficient_terms", coefficient),
            terms("source_terms", source),
        ];
        if config.data == Data::Random {
            let [u, laplacian] = [0, 1].map(|_| self.source.draw(rng));
            let value = |terms: &[f64], x| self.source.value(terms, x);
            plate.boundary_data(&f.of(w), |x| value(&u, x), |x| value(&laplacian, x), &mut rhs);
            if config.boundary == Hold::Strong {
                let at = self.data.points.as_chunks::<2>().0;
                let values = at.iter().map(|&x| value(&u, x)).collect();
                fields.push(field("boundary_values", Location::Points, 1, values));
            }
            fields.push(terms("boundary_terms", u));
            fields.push(terms("laplacian_terms", laplacian));
        }
        Ok(LinearSystem {
            matrix,
            rhs,
            solution: None,
            props: Props::SPD,
            fields,
            labels: Vec::new(),
            params: vec![("coefficient_mean".into(), mean)],
            mesh: Some(self.data.clone()),
            index,
        })
    }

    /// Why a sample is none.
    fn indefinite(&self, index: u64) -> Error {
        Error::Numeric(format!(
            "sample {index}: the matrix is not positive definite with sigma = {}, tau = {}: raise biharmonic.sigma or \
             biharmonic.tau, refine the grid or lower the contrast",
            self.penalty.sigma, self.penalty.tau
        ))
    }
}

impl Sampler for BiharmonicSampler<'_> {
    fn sample(&mut self, seed: u64, index: u64) -> Result<LinearSystem> {
        self.samples(seed, &[index]).remove(0)
    }

    fn lanes(&self) -> usize {
        lanes::for_numbers(self.family.plate.pattern().nnz())
    }

    fn samples(&mut self, seed: u64, indices: &[u64]) -> Vec<Result<LinearSystem>> {
        let family = self.family;
        let systems = lanes::groups(indices, |group| match group.len() {
            1 => self.alone.draw(family, seed, group),
            _ => self.beside.draw(family, seed, group),
        });
        let made: Vec<(&Csr, &[f64])> = systems.iter().flatten().map(|s| (&s.matrix, &s.rhs[..])).collect();
        let mut solved = family.symbolic.solve_each(&mut self.factors, &made).into_iter();
        let complete = |(&index, system): (&u64, Result<LinearSystem>)| {
            let mut system = system?;
            let solution = solved.next().transpose().map_err(|_| family.indefinite(index))?;
            system.solution = solution.filter(|_| family.config.solution);
            Ok(system)
        };
        indices.iter().zip(systems).map(complete).collect()
    }
}
