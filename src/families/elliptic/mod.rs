//! `elliptic`: −∇·(f ∇u) = g with u = 0 on the boundary, f a random positive polynomial, g a random polynomial, on one
//! mesh a dataset (Li, Wang, Jimack 2022: P1 on a Delaunay mesh of the unit square, n up to 1873).

mod verify;

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use toml::Table;

use super::{Family, Sampler, keys, solution};
use crate::entry::{self, Entry};
use crate::error::{Error, Result};
use crate::fem::assembler::{Assembler, Scatter};
use crate::fem::dofs::{Dofs, Order};
use crate::fem::integrals::{self, Integrals, Kind};
use crate::fem::space::Space;
use crate::field::polynomial::{self, Domain, Monomials, make_positive};
use crate::linalg::vector::axpy;
use crate::linalg::{Csr, Pattern, Props, SideBySide};
use crate::mesh::AnyMesh;
use crate::mesh::recipe::MeshRecipe;
use crate::rng::{Purpose, stream};
use crate::system::{Description, Field, LinearSystem, Location, MeshData};
use crate::verify::Report;

/// The family's name in recipes.
const NAME: &str = "elliptic";

/// `elliptic` as a member of [`super::ENTRIES`].
pub static ENTRY: Entry<dyn Family> = Entry {
    name: NAME,
    help: "−∇·(f ∇u) = g; P1, P2, Q1; square, L-shape, disc, grids, cube, Gmsh; f a positive random polynomial, \
           g another",
    source: "Li, Wang, Jimack 2022",
    needs: "",
    positional: &[],
    defaults: entry::defaults::<EllipticConfig>,
    schema: Some(entry::schema::<EllipticConfig>),
    parse: |table, _, origin| build(table, origin),
};

/// Degree of the elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Degree {
    /// Linear on simplices, bilinear on quadrilaterals.
    #[default]
    Linear,
    /// Quadratic, triangles only.
    Quadratic,
}

/// The `[elliptic]` table of a recipe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EllipticConfig {
    /// The domain and its mesh.
    pub mesh: MeshRecipe,
    /// Linear or quadratic.
    pub elements: Degree,
    /// Total degree of f.
    pub degree: u32,
    /// max f / min f over the quadrature points; f is positive in between too, see [`Monomials::keep_positive`].
    pub contrast: f64,
    /// Total degree of g.
    pub source_degree: u32,
    /// Numbering of the unknowns.
    pub order: Order,
    /// Whether to store x = A⁻¹ b, and how it is found.
    pub solution: solution::Wanted,
}

impl Default for EllipticConfig {
    fn default() -> Self {
        EllipticConfig {
            mesh: MeshRecipe::default(),
            elements: Degree::Linear,
            degree: 3,
            contrast: 10.0,
            source_degree: 3,
            order: Order::Rcm,
            solution: solution::Wanted::default(),
        }
    }
}

/// Highest degree of a polynomial.
const MOST_DEGREE: u32 = 8;

/// Largest contrast.
const MOST_CONTRAST: f64 = 1e8;

/// Monomials at quadrature points that are kept at most, 128 MiB; beyond they are made again for every sample.
const MOST_ENTRIES: usize = 1 << 24;

/// The family of a recipe's table.
///
/// # Errors
/// [`Error::Recipe`] naming the key that is unknown, of the wrong type or out of range.
fn build(table: &Table, origin: &str) -> Result<Box<dyn Family>> {
    let config: EllipticConfig = entry::config(table, NAME, origin)?;
    keys::within(config.degree, 0..=MOST_DEGREE, "elliptic.degree", origin)?;
    keys::within(config.source_degree, 0..=MOST_DEGREE, "elliptic.source_degree", origin)?;
    keys::within(config.contrast, 1.0..=MOST_CONTRAST, "elliptic.contrast", origin)?;
    let quadratic = config.elements == Degree::Quadratic;
    match config.mesh.build("elliptic.mesh", origin)? {
        AnyMesh::Triangles(mesh) if quadratic => Ok(Box::new(Elliptic::new(config, Space::p2(&mesh))?)),
        AnyMesh::Triangles(mesh) => Ok(Box::new(Elliptic::new(config, Space::p1(&mesh))?)),
        _ if quadratic => {
            Err(Error::recipe(origin, "elliptic.elements = \"quadratic\": on triangles only; take \"linear\""))
        }
        AnyMesh::Quads(mesh) => Ok(Box::new(Elliptic::new(config, Space::q1(&mesh))?)),
        AnyMesh::Tetrahedra(mesh) => Ok(Box::new(Elliptic::new(config, Space::p1_tet(&mesh))?)),
    }
}

/// The family on one space, all that samples share made.
pub struct Elliptic<const D: usize> {
    config: EllipticConfig,
    assembler: Assembler,
    stiffness: Integrals<D>,
    scatter: Scatter,
    coefficient: Monomials<D>,
    /// The monomials of f at the quadrature points, unless they are too many.
    coefficient_table: Option<polynomial::Table>,
    domain: Domain<D>,
    source: Monomials<D>,
    /// Per monomial m of g: ∫ m φ_i over the unknowns.
    moments: Vec<Vec<f64>>,
    solver: Option<solution::Solver>,
    data: Arc<MeshData>,
    what: &'static str,
}

impl<const D: usize> Elliptic<D> {
    /// The family with parameters in range.
    ///
    /// # Errors
    /// If the mesh has a degenerate cell or no inner node.
    pub fn new(config: EllipticConfig, space: Space<D>) -> Result<Self> {
        let dofs = Dofs::of_space(&space, |v| !space.boundary[v], config.order)?;
        if dofs.count() == 0 {
            return Err(Error::Argument(format!("{NAME}.mesh: has no inner node: make it finer")));
        }
        // ∇φ · ∇φ is of degree 0 for linear, 2 for quadratic (and bilinear) elements.
        let own = if space.element.linear() { 0 } else { 2 };
        let stiffness = Integrals::new(&space, Kind::Stiffness, own + config.degree.max(1) as usize)?;
        let monomials = |degree| Monomials::over(degree, &space.nodes);
        let (coefficient, source) = (monomials(config.degree), monomials(config.source_degree));
        let assembler = Assembler::new(&space, dofs)?;
        let strength = 2 + config.source_degree as usize;
        let moments = integrals::moments(&space, strength, source.len(), |points, values| source.at(points, values))?;
        let moments = moments.iter().map(|nodal| assembler.restrict(nodal)).collect();
        let entries = stiffness.points().len() * coefficient.len();
        let solver = config.solution.solver(assembler.pattern())?;
        let stored = config.solution.resolved(solver.as_ref());
        Ok(Elliptic {
            scatter: assembler.scatter(&stiffness),
            solver,
            data: Arc::new(space.to_data(assembler.dofs().points.clone())),
            coefficient_table: (entries <= MOST_ENTRIES).then(|| coefficient.table(stiffness.points())),
            domain: Domain::new(&coefficient, &space.nodes, &space.cells, space.element.nodes()),
            moments,
            what: space.element.name(),
            config: EllipticConfig { solution: stored, ..config },
            assembler,
            stiffness,
            coefficient,
            source,
        })
    }
}

impl<const D: usize> Family for Elliptic<D> {
    fn parameters(&self) -> Table {
        let mut table = entry::to_table(&self.config);
        table.insert("mesh".into(), self.config.mesh.to_table().into());
        table
    }

    fn description(&self) -> Description {
        let c = &self.config;
        let equation = format!(
            "-div(f grad u) = g, f a random polynomial of degree {}, positive with max f / min f = {}, g a random \
                 polynomial of degree {}{}",
            c.degree,
            c.contrast,
            c.source_degree,
            self.coefficient.coordinates().map_or(String::new(), |x| format!(", both in {x}"))
        );
        Description {
            weak_form: format!(
                "find u in V: integral(f grad u . grad v) = integral(g v) for all v in V, V = continuous functions on \
                 the mesh, {} on every cell, 0 on the boundary",
                self.what
            ),
            boundary_conditions: "u = 0 on the whole boundary, eliminated".into(),
            ..Description::new(NAME, equation, Props::SPD)
        }
    }

    fn mesh(&self) -> Option<Arc<MeshData>> {
        Some(self.data.clone())
    }

    fn pattern(&self) -> Option<Arc<Pattern>> {
        Some(self.assembler.pattern().clone())
    }

    fn files(&self) -> Vec<PathBuf> {
        self.config.mesh.file.iter().cloned().collect()
    }

    fn measure(&self) -> Result<Report> {
        verify::measure()
    }

    fn sampler(&self) -> Result<Box<dyn Sampler + '_>> {
        let f = vec![0.0; self.stiffness.points().len()];
        Ok(Box::new(EllipticSampler { family: self, f, beside: SideBySide::default() }))
    }
}

struct EllipticSampler<'a, const D: usize> {
    family: &'a Elliptic<D>,
    f: Vec<f64>,
    beside: SideBySide,
}

impl<const D: usize> Sampler for EllipticSampler<'_, D> {
    fn sample(&mut self, seed: u64, index: u64) -> Result<LinearSystem> {
        self.samples(seed, &[index]).remove(0)
    }

    fn lanes(&self) -> usize {
        solution::lanes(self.family.solver.as_ref())
    }

    fn samples(&mut self, seed: u64, indices: &[u64]) -> Vec<Result<LinearSystem>> {
        let drawn = indices.iter().map(|&index| self.draw(seed, index)).collect();
        solution::complete(self.family.solver.as_ref(), &mut self.beside, drawn)
    }
}

impl<const D: usize> EllipticSampler<'_, D> {
    /// The sample without its solution.
    fn draw(&mut self, seed: u64, index: u64) -> Result<LinearSystem> {
        let family = self.family;
        let mut rng = stream(seed, Purpose::Sample, index);
        let mut coefficient = family.coefficient.draw(&mut rng);
        match &family.coefficient_table {
            Some(table) => table.evaluate(&coefficient, &mut self.f),
            None => family.coefficient.evaluate(&coefficient, family.stiffness.points(), &mut self.f),
        }
        make_positive(&mut coefficient, &mut self.f, family.config.contrast);
        family.coefficient.keep_positive(&family.domain, &mut coefficient, &mut self.f, family.config.contrast);
        let source = family.source.draw(&mut rng);

        let mut values = vec![0.0; family.assembler.pattern().nnz()];
        family.assembler.add(&family.stiffness, &family.scatter, &self.f, &mut values);
        let matrix = Csr::new(family.assembler.pattern().clone(), values)?;
        let mut rhs = vec![0.0; matrix.nrows()];
        for (c, moment) in source.iter().zip(&family.moments) {
            axpy(*c, moment, &mut rhs);
        }
        let field =
            |name: &str, location, components, values| Field { name: name.into(), location, components, values };
        let by_cell = self.f.chunks_exact(family.stiffness.rule_len());
        let means: Vec<f64> = by_cell.map(|f| f.iter().sum::<f64>() / f.len() as f64).collect();
        let params = vec![("coefficient_mean".into(), means.iter().sum::<f64>() / means.len() as f64)];
        Ok(LinearSystem {
            matrix,
            rhs,
            solution: None,
            props: Props::SPD,
            fields: vec![
                field("coefficient", Location::Cells, 1, means),
                field("coefficient_terms", Location::Sample, coefficient.len(), coefficient),
                field("source_terms", Location::Sample, source.len(), source),
            ],
            labels: Vec::new(),
            params,
            mesh: Some(family.data.clone()),
            index,
        })
    }
}
