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

use toml::Table;

use super::{Family, Sampler};
use crate::entry::{self, Entry};
use crate::error::{Error, Result};
use crate::fem::plate::space::Space;
use crate::fem::plate::{Degrees, Penalty, Plate, Samples};
use crate::field::polynomial::{self, Monomials};
use crate::field::positive::{Domain, make_positive};
use crate::linalg::{Csr, Pattern, Props, SymbolicCholesky};
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
        let facets = self.plate.facet_points().len();
        Ok(Box::new(BiharmonicSampler {
            family: self,
            all: vec![0.0; self.plate.cell_points().len() + facets],
            slope: vec![0.0; facets],
            f: Samples { slopes: vec![0.0; facets], ..Samples::default() },
            g: vec![0.0; self.plate.load_points().len()],
        }))
    }
}

struct BiharmonicSampler<'a> {
    family: &'a Biharmonic,
    /// f at cell and facet points.
    all: Vec<f64>,
    /// A derivative of f at facet points.
    slope: Vec<f64>,
    f: Samples,
    g: Vec<f64>,
}

impl BiharmonicSampler<'_> {
    /// Evaluates f, made positive, and ∂n f at the quadrature points.
    fn evaluate(&mut self, terms: &mut Vec<f64>) {
        let family = self.family;
        evaluate(&family.coefficient_table, terms, &mut self.all);
        let all = self.all.as_chunks_mut::<1>().0;
        make_positive((&family.coefficient, &family.domain), std::slice::from_mut(terms), all, family.config.contrast);
        let (cells, facets) = self.all.split_at(family.plate.cell_points().len());
        self.f.cells.clear();
        self.f.cells.extend_from_slice(cells);
        self.f.facets.clear();
        self.f.facets.extend_from_slice(facets);
        self.f.slopes.fill(0.0);
        for d in 0..2 {
            let derivative = family.coefficient.derivative(terms, d);
            evaluate(&family.facet_table, &derivative, &mut self.slope);
            for (k, (sum, slope)) in self.f.slopes.iter_mut().zip(&self.slope).enumerate() {
                *sum += family.plate.facet_normal(k)[d] * slope;
            }
        }
    }
}

/// out ← one polynomial at the points of a table.
fn evaluate(table: &polynomial::Table, terms: &[f64], out: &mut [f64]) {
    table.evaluate(terms.as_chunks::<1>().0, out.as_chunks_mut::<1>().0);
}

impl Sampler for BiharmonicSampler<'_> {
    fn sample(&mut self, seed: u64, index: u64) -> Result<LinearSystem> {
        let family = self.family;
        let (plate, config) = (&family.plate, &family.config);
        let mut rng = stream(seed, Purpose::Sample, index);
        let mut coefficient = family.coefficient.draw(&mut rng);
        self.evaluate(&mut coefficient);
        let source = family.source.draw(&mut rng);
        evaluate(&family.source_table, &source, &mut self.g);

        let mut values = vec![0.0; plate.pattern().nnz()];
        during(Stage::Assemble, || plate.stiffness(&self.f, &mut values));
        let matrix = Csr::new(plate.pattern().clone(), values)?;
        let mut rhs = vec![0.0; plate.space().count()];
        plate.load(&self.g, &mut rhs);

        let mut centres = vec![0.0; family.data.cells.len() / family.data.cell_size];
        evaluate(&family.centre_table, &coefficient, &mut centres);
        let params = vec![("coefficient_mean".into(), self.f.cells.iter().sum::<f64>() / self.f.cells.len() as f64)];
        let field =
            |name: &str, location, components, values| Field { name: name.into(), location, components, values };
        let terms = |name: &str, terms: Vec<f64>| field(name, Location::Sample, terms.len(), terms);
        let mut fields = vec![
            field("coefficient", Location::Cells, 1, centres),
            terms("coefficient_terms", coefficient),
            terms("source_terms", source),
        ];
        if config.data == Data::Random {
            let [u, laplacian] = [0, 1].map(|_| family.source.draw(&mut rng));
            let value = |terms: &[f64], x| family.source.value(terms, x);
            plate.boundary_data(&self.f, |x| value(&u, x), |x| value(&laplacian, x), &mut rhs);
            if config.boundary == Hold::Strong {
                let at = family.data.points.as_chunks::<2>().0;
                let values = at.iter().map(|&x| value(&u, x)).collect();
                fields.push(field("boundary_values", Location::Points, 1, values));
            }
            fields.push(terms("boundary_terms", u));
            fields.push(terms("laplacian_terms", laplacian));
        }
        let factor = family.symbolic.factorize(&matrix).map_err(|_| {
            Error::Numeric(format!(
                "sample {index}: the matrix is not positive definite with sigma = {}, tau = {}: raise biharmonic.sigma \
                 or biharmonic.tau, refine the grid or lower the contrast",
                family.penalty.sigma, family.penalty.tau
            ))
        })?;
        let solution = config.solution.then(|| {
            let mut x = rhs.clone();
            factor.solve_in_place(&mut x);
            x
        });
        Ok(LinearSystem {
            matrix,
            rhs,
            solution,
            props: Props::SPD,
            fields,
            labels: Vec::new(),
            params,
            mesh: Some(family.data.clone()),
            index,
        })
    }
}
