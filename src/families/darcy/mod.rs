//! `darcy`: −∇·(w ∇u) = f on the unit square or cube, u = 0 on its boundary, w a random field on a regular grid.
//!
//! With `discretisation = "fd"`, `cells = 401` and the rest at its default these are the systems of NeurKItt (Luo et
//! al. 2024, NeurIPS): w = exp(Gaussian field, α = 2, τ = 3) on 402² grid points, arithmetic means on the faces,
//! 400² unknowns, f = 1. `medium = "two-phase"` is the flow of Li et al. (2021, arXiv:2010.08895).
//!
//! With a `[darcy.mesh]` table, as that of `elliptic`, it is posed on any mesh instead; the Gaussian field is drawn on
//! a grid over its bounding box and interpolated to the nodes.

mod config;
mod mesh;
mod verify;

use std::path::PathBuf;
use std::sync::Arc;

use toml::Table;

pub use self::config::DarcyConfig;
use super::given::{Drawn, Nodes, Range, Scope, Source};
use super::grid::conditions::Keys;
use super::grid::{self, CELLS, CUBES, Grid, Scheme};
use super::solution::{self, Draw, Solved};
use super::{Family, Sampler, keys};
use crate::entry::{self, Entry};
use crate::error::Result;
use crate::field::coefficient::Coefficient;
use crate::field::gaussian::{Workspace, range};
use crate::linalg::{Csr, Pattern, Props};
use crate::rng::{Purpose, stream};
use crate::system::{Description, LinearSystem, MeshData};
use crate::verify::Report;

/// The family's name in recipes.
const NAME: &str = "darcy";

/// `darcy` as a member of [`super::ENTRIES`].
pub static ENTRY: Entry<dyn Family> = Entry {
    name: NAME,
    help: "−∇·(w ∇u) = f; P1, Q1, 5-point; w the exponential of a Gaussian random field, of set contrast, \
           or two phases; or your own w, f and boundary conditions",
    source: "Li et al. 2021, arXiv:2010.08895; Luo et al. 2024 (NeurKItt)",
    needs: "",
    positional: &[],
    defaults: || entry::to_table(&DarcyConfig::default().resolved()),
    schema: Some(entry::schema::<DarcyConfig>),
    parse: |table, _, origin| build(table, origin),
};

/// w: drawn or given.
enum Medium {
    Random(Coefficient),
    Given(Source),
}

impl Medium {
    /// The medium of a table; random fields are drawn on side^dim points.
    fn new(config: &DarcyConfig, side: usize, dim: usize, scope: &Scope, origin: &str) -> Result<Self> {
        match &config.w {
            Some(w) => Ok(Medium::Given(scope.read("w", w, Range::Positive)?)),
            None => Ok(Medium::Random(config.medium_keys().coefficient(side, dim, NAME, origin)?)),
        }
    }

    fn samples(&self) -> Option<usize> {
        match self {
            Medium::Given(source) => source.samples(),
            Medium::Random(_) => None,
        }
    }
}

/// The family with its grid and pattern made.
pub struct Darcy {
    config: DarcyConfig,
    grid: Grid,
    medium: Medium,
    f: Source,
    /// Of a number f, which all samples share.
    rhs: Option<Vec<f64>>,
    solver: Option<solution::Solver>,
}

/// The family of a recipe's table.
///
/// # Errors
/// [`crate::Error::Recipe`] naming the key that is unknown, of the wrong type or out of range.
fn build(table: &Table, origin: &str) -> Result<Box<dyn Family>> {
    let config = DarcyConfig::read(table, origin)?;
    if config.mesh.is_some() {
        return mesh::build(config, table, origin);
    }
    keys::within(config.dim, 2..=3, "darcy.dim", origin)?;
    keys::within(config.cells, if config.dim == 3 { CUBES } else { CELLS }, "darcy.cells", origin)?;
    Ok(Box::new(Darcy::new(config, origin)?))
}

impl Darcy {
    /// The family on a regular grid, its keys in range but those of the coefficient.
    fn new(config: DarcyConfig, origin: &str) -> Result<Self> {
        let faces = grid::faces(config.faces, config.discretisation, NAME, origin)?;
        let (cells, dim) = (config.cells as usize, config.dim as usize);
        let shape = vec![cells + 1; dim];
        let nodes = Nodes { count: shape.iter().product(), grid: &shape };
        let scope = Scope::new(NAME, origin, dim, nodes, &config.parameters, false)?;
        let medium = Medium::new(&config, cells + 1, dim, &scope, origin)?;
        let f = scope.read("f", &config.f, Range::Any)?;
        let keys = Keys { dim, cells, scheme: config.discretisation, faces, mass: false };
        let grid = Grid::with_conditions(keys, &config.boundary, &scope, "w du/dn")?;
        if grid.boundary().is_some_and(|b| b.leaves_a_constant()) {
            return Err(scope.bad("boundary", super::boundary::SINGULAR));
        }
        scope.finish()?;
        let solver = config.solution.solver(grid.pattern())?;
        let stored = config.solution.resolved(solver.as_ref());
        Ok(Darcy {
            rhs: f.number().map(|f| grid.load(&vec![f; grid.points()])),
            config: DarcyConfig { solution: stored, ..config.resolved() },
            grid,
            medium,
            f,
            solver,
        })
    }
}

impl Family for Darcy {
    fn parameters(&self) -> Table {
        self.config.table()
    }

    fn description(&self) -> Description {
        let (scheme, f, dim) = (self.config.discretisation, &self.config.f, self.grid.dim);
        let weak_form = match scheme {
            Scheme::Fd => {
                let faces = self.config.faces.unwrap_or_default();
                format!("{}, w on faces the {faces:?} mean of the two grid points", scheme.in_words(dim)).to_lowercase()
            }
            _ => format!(
                "find u in V: integral(w grad u . grad v) = integral({f} v){} for all v in V, V = {}, 0 {}; w the \
                 function of the same space with the values of the field w",
                natural(&self.config),
                scheme.in_words(dim),
                where_given(&self.config)
            ),
        };
        let equation = format!("-div(w grad u) = {f} in (0,1)^{dim}, {}", self.config.w_in_words());
        Description {
            weak_form,
            boundary_conditions: self.grid.conditions_in_words().into(),
            ..Description::new(NAME, equation, Props::SPD)
        }
    }

    fn mesh(&self) -> Option<Arc<MeshData>> {
        Some(self.grid.data.clone())
    }

    fn pattern(&self) -> Option<Arc<Pattern>> {
        Some(self.grid.pattern().clone())
    }

    fn files(&self) -> Vec<PathBuf> {
        self.config.files()
    }

    fn samples(&self) -> Option<usize> {
        let boundary = self.grid.boundary().and_then(super::boundary::Boundary::samples);
        [self.medium.samples(), self.f.samples(), boundary].into_iter().flatten().min()
    }

    fn measure(&self) -> Result<Report> {
        verify::measure()
    }

    fn sampler(&self) -> Result<Box<dyn Sampler + '_>> {
        let draw = DarcySampler { family: self, workspace: Workspace::default() };
        Ok(Box::new(Solved::new(draw, self.solver.as_ref())))
    }
}

/// What natural conditions add to the weak form.
fn natural(config: &DarcyConfig) -> &'static str {
    if config.boundary.is_empty() { "" } else { " + boundary terms" }
}

/// Where functions of the space are 0.
fn where_given(config: &DarcyConfig) -> &'static str {
    if config.boundary.is_empty() { "on the boundary" } else { "where u is given" }
}

struct DarcySampler<'a> {
    family: &'a Darcy,
    workspace: Workspace,
}

impl Draw for DarcySampler<'_> {
    fn draw(&mut self, seed: u64, index: u64) -> Result<LinearSystem> {
        let Darcy { config, grid, .. } = self.family;
        let drawn = Drawn::new(&config.parameters, seed, index, false);
        let mut rng = stream(seed, Purpose::Sample, index);
        let mut w = Vec::new();
        match &self.family.medium {
            Medium::Random(coefficient) => coefficient.draw(&mut rng, &mut self.workspace, &mut w),
            Medium::Given(source) => w = grid.evaluate(source, &drawn)?,
        }
        let mut source = None;
        let mut rhs = match &self.family.rhs {
            Some(rhs) => rhs.clone(),
            None => grid.load(source.insert(grid.evaluate(&self.family.f, &drawn)?)),
        };
        let mut values = vec![0.0; grid.pattern().nnz()];
        grid.add_diffusion(&w, 1.0, &mut values);
        grid.add_conditions(&drawn, &mut values)?;
        grid.add_boundary_load(&drawn, 1.0, &mut rhs)?;
        let known = grid.known(&drawn)?;
        if let Some(known) = &known {
            grid.lift((&w, 1.0), None, &drawn, known, &mut rhs)?;
        }
        let matrix = Csr::new(grid.pattern().clone(), values)?;
        let (low, high) = range(&w);
        let mut params = vec![("contrast".into(), high / low)];
        params.extend(drawn.named(&config.parameters));
        let mut fields = vec![grid::field("w", w)];
        fields.extend(source.map(|f| grid::field("f", f)));
        fields.extend(known.map(|u| grid::field("boundary_values", u)));
        Ok(LinearSystem {
            matrix,
            rhs,
            solution: None,
            props: Props::SPD,
            fields,
            labels: Vec::new(),
            params,
            mesh: Some(grid.data.clone()),
            index,
        })
    }
}
