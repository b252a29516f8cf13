//! `darcy`: −∇·(w ∇u) = f on the unit square or cube, u = 0 on its boundary, w a random field on a regular grid.
//!
//! With `discretisation = "fd"`, `cells = 401` and the rest at its default these are the systems of NeurKItt (Luo et
//! al. 2024, NeurIPS): w = exp(Gaussian field, α = 2, τ = 3) on 402² grid points, arithmetic means on the faces,
//! 400² unknowns, f = 1. `medium = "two-phase"` is the flow of Li et al. (2021, arXiv:2010.08895).
//!
//! With a `[darcy.mesh]` table, as that of `elliptic`, it is posed on any mesh instead; the Gaussian field is drawn on
//! a grid over its bounding box and interpolated to the nodes.

mod config;
mod verify;

use std::path::PathBuf;
use std::sync::Arc;

use toml::Table;

pub use self::config::DarcyConfig;
use super::discretisation::{Discretisation, Domain, Keys, Scheme, Wanted, constant};
use super::given::{Drawn, Range, Scope, Source, nothing_drawn};
use super::solution::{self, Draw, Solved};
use super::{Family, Sampler};
use crate::entry::{self, Entry};
use crate::error::Result;
use crate::field::coefficient::Coefficient;
use crate::field::gaussian::{Workspace, range};
use crate::linalg::{Pattern, Props, lanes};
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
    parse: |table, _, origin| Ok(Box::new(Darcy::from_table(table, origin)?)),
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

/// The family with its discretisation made.
pub struct Darcy {
    config: DarcyConfig,
    on: Discretisation,
    medium: Medium,
    f: Source,
    /// Of a number f, which all samples share.
    rhs: Option<Vec<f64>>,
    solver: Option<solution::Solver>,
}

impl Darcy {
    /// The family of a recipe's table.
    ///
    /// # Errors
    /// [`crate::Error::Recipe`] naming the key that is unknown, of the wrong type or out of range.
    pub fn from_table(table: &Table, origin: &str) -> Result<Self> {
        let mut config = DarcyConfig::read(table, origin)?;
        let DarcyConfig { dim, cells, discretisation: scheme, faces, .. } = config;
        let mesh = config.mesh.as_ref();
        let keys = Keys { family: NAME, table, origin, mesh, dim, cells, scheme, faces };
        let domain = Domain::new(keys, &config.boundary)?;
        (config.dim, config.discretisation) = (domain.dim() as i64, domain.scheme());
        let (dim, shape) = (domain.dim(), domain.shape());
        let scope = Scope::new(NAME, origin, dim, domain.nodes(&shape), &config.parameters, false)?;
        let medium = Medium::new(&config, cells as usize + 1, dim, &scope, origin)?;
        let f = scope.read("f", &config.f, Range::Any)?;
        let wanted = Wanted { mass: false, boundary: false };
        let on = domain.discretise(wanted, &config.boundary, &scope, "w du/dn")?;
        if let Some(reason) = on.singular() {
            return Err(scope.bad("boundary", reason));
        }
        scope.finish()?;
        let solver = config.solution.solver(on.pattern())?;
        let stored = config.solution.resolved(solver.as_ref());
        Ok(Darcy {
            rhs: f.number().map(|f| on.load(&vec![f; on.points()])),
            config: DarcyConfig { solution: stored, ..config.resolved() },
            on,
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
        let (scheme, f) = (self.config.discretisation, &self.config.f);
        let space = self.on.space_in_words();
        let weak_form = match scheme {
            Scheme::Fd => {
                let faces = self.config.faces.unwrap_or_default();
                format!("{space}, w on faces the {faces:?} mean of the two grid points").to_lowercase()
            }
            _ => format!(
                "find u in V: integral(w grad u . grad v) = integral({f} v){} for all v in V, V = {space}, 0 {}; w the \
                 function of the same space with the values of the field w",
                natural(&self.config),
                where_given(&self.config)
            ),
        };
        let drawn = match self.medium {
            Medium::Given(_) => String::new(),
            Medium::Random(_) => self.on.drawn_in_words(),
        };
        let equation =
            format!("-div(w grad u) = {f} {}, {}{drawn}", self.on.domain_in_words(), self.config.w_in_words());
        Description {
            weak_form,
            boundary_conditions: self.on.conditions_in_words().into(),
            ..Description::new(NAME, equation, Props::SPD)
        }
    }

    fn mesh(&self) -> Option<Arc<MeshData>> {
        Some(self.on.data.clone())
    }

    fn pattern(&self) -> Option<Arc<Pattern>> {
        Some(self.on.pattern().clone())
    }

    fn files(&self) -> Vec<PathBuf> {
        self.config.files()
    }

    fn samples(&self) -> Option<usize> {
        [self.medium.samples(), self.f.samples(), self.on.condition_samples()].into_iter().flatten().min()
    }

    fn nothing_drawn(&self) -> Option<String> {
        let constant = match &self.medium {
            Medium::Random(w) => Some(constant(w.shape, self.on.points(), NAME)?),
            Medium::Given(_) => None,
        };
        let random: &[&str] = if constant.is_none() { &["w"] } else { &[] };
        let same = self.config.parameters.is_empty() && self.samples().is_none();
        same.then(|| nothing_drawn(NAME, constant.as_deref(), random))
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
        self.draw_each(seed, &[index]).remove(0)
    }

    fn lanes(&self) -> usize {
        lanes::for_numbers(self.family.on.pattern().nnz())
    }

    fn draw_each(&mut self, seed: u64, indices: &[u64]) -> Vec<Result<LinearSystem>> {
        let media: Vec<Result<(Drawn, Vec<f64>)>> = indices.iter().map(|&index| self.medium(seed, index)).collect();
        let made: Vec<&[f64]> = media.iter().flatten().map(|(_, w)| &w[..]).collect();
        let mut diffusion = self.family.on.diffusion_each(&made).into_iter();
        let complete = |(&index, medium): (&u64, Result<(Drawn, Vec<f64>)>)| {
            let (drawn, w) = medium?;
            // One a medium.
            self.family.complete(index, drawn, w, diffusion.next().unwrap_or_default())
        };
        indices.iter().zip(media).map(complete).collect()
    }
}

impl DarcySampler<'_> {
    /// The parameters of a sample, and its w at the nodes.
    fn medium(&mut self, seed: u64, index: u64) -> Result<(Drawn, Vec<f64>)> {
        let Darcy { config, on, medium, .. } = self.family;
        let drawn = Drawn::new(&config.parameters, seed, index, false);
        let mut w = Vec::new();
        match medium {
            Medium::Random(coefficient) => {
                let mut rng = stream(seed, Purpose::Sample, index);
                on.draw_coefficient(coefficient, &mut rng, &mut self.workspace, &mut w);
            }
            Medium::Given(source) => w = on.evaluate(source, &drawn)?,
        }
        Ok((drawn, w))
    }
}

impl Darcy {
    /// A sample out of w and the numbers of −∇·(w ∇·).
    fn complete(&self, index: u64, drawn: Drawn, w: Vec<f64>, diffusion: Vec<f64>) -> Result<LinearSystem> {
        let on = &self.on;
        let mut source = None;
        let mut rhs = match &self.rhs {
            Some(rhs) => rhs.clone(),
            None => on.load(source.insert(on.evaluate(&self.f, &drawn)?)),
        };
        let (matrix, known) = on.assemble((&w, diffusion), None, &drawn, &mut rhs)?;
        let (low, high) = range(&w);
        let mut params = vec![("contrast".into(), high / low)];
        params.extend(drawn.named(&self.config.parameters));
        let mut fields = vec![on.field("w", w)];
        fields.extend(source.map(|f| on.field("f", f)));
        fields.extend(known.map(|u| on.field("boundary_values", u)));
        Ok(LinearSystem {
            matrix,
            rhs,
            solution: None,
            props: Props::SPD,
            fields,
            labels: Vec::new(),
            params,
            mesh: Some(on.data.clone()),
            index,
        })
    }
}
