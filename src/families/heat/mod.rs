//! `heat`: ∂u/∂t = ∇·(w ∇u) + s on the unit square or cube or a mesh, u = 0 on its boundary, by the θ-scheme; or one
//! steady problem.
//!
//! A sample is one step of a trajectory, index = trajectory · steps + step:
//!
//! ```text
//! (M + θ Δt K) u⁺ = (M − (1 − θ) Δt K) u + Δt F
//! ```
//!
//! with K, M and F of w, 1 and s. One w, one s and one initial state are drawn for a trajectory, from the stream of its
//! number; a step is computed from the trajectory's beginning, or on from the last one this sampler made. With
//! `keep = "trajectory"` a sample is a whole trajectory: its first step, and all states in the field `trajectory`.
//!
//! With `steady = true` a sample is −∇·(w ∇u) + p² u = 1. With `cells = 301` and `discretisation = "fd"` these are the
//! heat systems of NeurKItt (Luo et al. 2024): w = exp(g) on 302² grid points, α = 2, τ = 3, p uniform in (−1, 1) at
//! each grid point, n = 300².

pub mod config;
mod trajectory;
mod verify;

use std::path::PathBuf;
use std::sync::Arc;

use rand::RngExt;
use toml::Table;

use self::config::{HeatConfig, Keep};
use self::trajectory::Trajectory;
use super::discretisation::{Discretisation, Domain, Keys, Scheme, Wanted, constant};
use super::given::{Drawn, Range, Scope, Source, nothing_drawn};
use super::solution::{self, Draw, Solved};
use super::{Family, Sampler};
use crate::entry::{self, Entry};
use crate::error::Result;
use crate::field::coefficient::Coefficient;
use crate::field::gaussian::{Workspace, range};
use crate::linalg::{Csr, Pattern, Props};
use crate::rng::{Purpose, stream};
use crate::system::{Description, Field, LinearSystem, Location, MeshData};
use crate::verify::Report;

/// The family's name in recipes.
const NAME: &str = "heat";

/// `heat` as a member of [`super::ENTRIES`].
pub static ENTRY: Entry<dyn Family> = Entry {
    name: NAME,
    help: "steps of the θ-scheme for ∂u/∂t = ∇·(w ∇u) + s, or one steady problem; w, initial state and source vary",
    source: "Luo et al. 2024 (NeurKItt), the steady one",
    needs: "",
    positional: &[],
    defaults: || entry::to_table(&HeatConfig::default().resolved()),
    schema: Some(entry::schema::<HeatConfig>),
    parse: |table, _, origin| Ok(Box::new(Heat::from_table(table, origin)?)),
};

/// The family with its discretisation made.
pub struct Heat {
    config: HeatConfig,
    on: Discretisation,
    coefficient: Coefficient,
    own: Own,
    /// What a random initial state is multiplied by at the nodes; empty where there is none.
    bubble: Vec<f64>,
    /// Values of M on the pattern.
    mass: Vec<f64>,
    /// Steps are computed by solving; steady problems are solved only if the solution is wanted.
    solver: Option<solution::Solver>,
}

/// What a recipe gives instead of random fields.
struct Own {
    w: Option<Source>,
    s: Option<Source>,
    initial: Option<Source>,
    p: Option<Source>,
}

impl Own {
    fn new(config: &HeatConfig, scope: &Scope) -> Result<Self> {
        let read = |key: &str, given: &Option<_>| given.as_ref().map(|g| scope.read(key, g, Range::Any)).transpose();
        Ok(Own {
            w: config.w.as_ref().map(|w| scope.read_steady("w", Some(w), Range::Positive)).transpose()?,
            s: read("s", &config.s)?,
            initial: read("initial", &config.initial)?,
            p: read("p", &config.p)?,
        })
    }

    fn samples(&self) -> Option<usize> {
        [&self.w, &self.s, &self.initial, &self.p].into_iter().flatten().filter_map(Source::samples).min()
    }
}

impl Heat {
    /// The family of a recipe's table.
    ///
    /// # Errors
    /// [`crate::Error::Recipe`] naming the key that is unknown, of the wrong type or out of range.
    pub fn from_table(table: &Table, origin: &str) -> Result<Self> {
        let mut config: HeatConfig = entry::config(table, NAME, origin)?;
        config.check(table, origin)?;
        let HeatConfig { dim, cells, discretisation: scheme, faces, .. } = config;
        let mesh = config.mesh.as_ref();
        let keys = Keys { family: NAME, table, origin, mesh, dim, cells, scheme, faces };
        let domain = Domain::new(keys, &config.boundary)?;
        (config.dim, config.discretisation) = (domain.dim() as i64, domain.scheme());
        let (dim, shape) = (domain.dim(), domain.shape());
        let coefficient = config.medium_keys().coefficient(cells as usize + 1, dim, NAME, origin)?;
        let scope = Scope::new(NAME, origin, dim, domain.nodes(&shape), &config.parameters, !config.steady)?;
        let own = Own::new(&config, &scope)?;
        let on = domain.discretise(Wanted { mass: true, boundary: false }, &config.boundary, &scope, "w du/dn")?;
        if let Some(reason) = on.singular()
            && config.steady
            && own.p.as_ref().is_some_and(Source::is_zero_everywhere)
        {
            return Err(scope.bad("boundary", reason));
        }
        scope.finish()?;
        let bubble = if config.steady || own.initial.is_some() { Vec::new() } else { on.bubble()? };
        let mut mass = vec![0.0; on.pattern().nnz()];
        on.add_reaction(&vec![1.0; on.points()], 1.0, &mut mass)?;
        let solver = match config.solution.is_stored() || config.steady {
            true => config.solution.solver(on.pattern())?,
            false => Some(solution::Solver::for_pattern(on.pattern())?),
        };
        let stored = config.solution.resolved(solver.as_ref());
        let config = HeatConfig { solution: stored, ..config.resolved() };
        Ok(Heat { config, on, coefficient, own, bubble, mass, solver })
    }

    /// M + scale · K, with the mass already there.
    fn combine(&self, stiffness: &[f64], scale: f64) -> Result<Csr> {
        let values = self.mass.iter().zip(stiffness).map(|(m, k)| m + scale * k);
        Csr::new(self.on.pattern().clone(), values.collect())
    }

    /// One θ-step's matrices: (M + θ Δt K, M − (1 − θ) Δt K), for K's values.
    ///
    /// # Errors
    /// Never for values of the family's pattern.
    pub fn step_matrices(&self, stiffness: &[f64]) -> Result<(Csr, Csr)> {
        let (theta, dt) = (self.config.theta(), self.config.dt());
        Ok((self.combine(stiffness, theta * dt)?, self.combine(stiffness, (theta - 1.0) * dt)?))
    }

    /// What the family discretises with.
    pub fn discretisation(&self) -> &Discretisation {
        &self.on
    }

    /// A sample with its coefficient's contrast as the first parameter.
    fn system(
        &self,
        matrix: Csr,
        rhs: Vec<f64>,
        solution: Option<Vec<f64>>,
        fields: Vec<Field>,
        params: Vec<(String, f64)>,
        index: u64,
    ) -> LinearSystem {
        let (low, high) = range(&fields[0].values);
        let mut all = vec![("contrast".into(), high / low)];
        all.extend(params);
        LinearSystem {
            matrix,
            rhs,
            solution,
            props: Props::SPD,
            fields,
            labels: Vec::new(),
            params: all,
            mesh: Some(self.on.data.clone()),
            index,
        }
    }
}

impl Family for Heat {
    fn parameters(&self) -> Table {
        self.config.table()
    }

    fn description(&self) -> Description {
        let c = &self.config;
        let (domain, w, space) = (self.on.domain_in_words(), c.w_in_words(), self.on.space_in_words());
        let bubble = match (self.on.is_on_mesh(), self.on.dim) {
            (true, _) => "v/max v, -laplace(v) = 1, v = 0 on the boundary",
            (_, 3) => "64 x (1 - x) y (1 - y) z (1 - z)",
            _ => "16 x (1 - x) y (1 - y)",
        };
        let drawn = if c.draws_fields() { self.on.drawn_in_words() } else { String::new() };
        let text = |name: &str, given: &Option<super::given::Given>, random: String| match given {
            Some(given) => format!("{name} = {given}"),
            None => random,
        };
        let s = text("s", &c.s, "s a Gaussian random field".into());
        let (equation, weak_form) = if c.steady {
            let right = c.s.as_ref().map_or("1".into(), ToString::to_string);
            let load = c.s.as_ref().map_or("v".into(), |s| format!("({s}) v"));
            let p = text(
                "p",
                &c.p,
                format!("p uniform in (-1, 1) at each {}", if self.on.is_on_mesh() { "node" } else { "grid point" }),
            );
            (
                format!("-div(w grad u) + p^2 u = {right} {domain}, {w}, {p}{drawn}"),
                format!("integral(w grad u . grad v + p^2 u v) = integral({load}) for all v in V, V = {space}"),
            )
        } else {
            let initial = text("u(0)", &c.initial, format!("u(0) one times {bubble}"));
            (
                format!("du/dt = div(w grad u) + s {domain}, {w}, {s}, {initial}{drawn}"),
                format!(
                    "(M + theta dt K) u+ = (M - (1 - theta) dt K) u + dt F, theta = {}, dt = {}, K = integral(w \
                     grad u . grad v), M = integral(u v), F = integral(s v), V = {space}",
                    c.theta(),
                    c.dt()
                ),
            )
        };
        Description {
            weak_form: match c.discretisation {
                Scheme::Fd if c.boundary.is_empty() => {
                    format!("{weak_form} (M the identity, K the difference operator)")
                }
                Scheme::Fd => format!(
                    "{weak_form} (M diagonal with the share of the box around each point that lies within the domain, \
                     K the difference operator on these boxes)"
                ),
                _ => weak_form,
            },
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
        let arrays = [self.own.samples(), self.on.condition_samples()];
        // One field a trajectory.
        arrays.into_iter().flatten().min().map(|fields| fields * self.group())
    }

    /// The steps of a trajectory.
    fn group(&self) -> usize {
        match (self.config.steady, self.config.keep.unwrap_or_default()) {
            (false, Keep::Step) => self.config.steps() as usize,
            _ => 1,
        }
    }

    fn nothing_drawn(&self) -> Option<String> {
        let c = &self.config;
        let constant = match c.w {
            Some(_) => None,
            None => Some(constant(self.coefficient.shape, self.on.points(), NAME)?),
        };
        let random: &[&str] = if c.steady { &["w", "p"] } else { &["w", "s", "initial"] };
        let given = if c.steady { c.p.is_some() } else { c.s.is_some() && c.initial.is_some() };
        let same = given && c.parameters.is_empty() && self.samples().is_none();
        same.then(|| nothing_drawn(NAME, constant.as_deref(), &random[usize::from(constant.is_some())..]))
    }

    fn measure(&self) -> Result<Report> {
        verify::measure()
    }

    fn sampler(&self) -> Result<Box<dyn Sampler + '_>> {
        let workspace = Workspace::default();
        Ok(match self.config.steady {
            true => Box::new(Solved::new(SteadySampler { family: self, workspace }, self.solver.as_ref())),
            false => Box::new(HeatSampler { family: self, workspace, current: None }),
        })
    }
}

/// Draws steady problems.
struct SteadySampler<'a> {
    family: &'a Heat,
    workspace: Workspace,
}

impl Draw for SteadySampler<'_> {
    fn draw(&mut self, seed: u64, index: u64) -> Result<LinearSystem> {
        let family = self.family;
        let on = &family.on;
        let drawn = Drawn::new(&family.config.parameters, seed, index, false);
        let mut rng = stream(seed, Purpose::Sample, index);
        let mut w = Vec::new();
        match &family.own.w {
            Some(source) => w = on.evaluate(source, &drawn)?,
            None => on.draw_coefficient(&family.coefficient, &mut rng, &mut self.workspace, &mut w),
        }
        let p: Vec<f64> = match &family.own.p {
            Some(source) => on.evaluate(source, &drawn)?,
            None => w.iter().map(|_| rng.random_range(-1.0..1.0)).collect(),
        };
        let squares: Vec<f64> = p.iter().map(|p| p * p).collect();
        let source = family.own.s.as_ref().map(|s| on.evaluate(s, &drawn)).transpose()?;
        let mut rhs = on.load(source.as_ref().unwrap_or(&vec![1.0; w.len()]));
        let (matrix, known) = on.assemble((&w, on.diffusion(&w)), Some((&squares, 1.0)), &drawn, &mut rhs)?;
        let mut fields = vec![on.field("w", w), on.field("p", p)];
        fields.extend(source.map(|s| on.field("source", s)));
        fields.extend(known.map(|u| on.field("boundary_values", u)));
        let params = drawn.named(&family.config.parameters).collect();
        Ok(family.system(matrix, rhs, None, fields, params, index))
    }
}

struct HeatSampler<'a> {
    family: &'a Heat,
    workspace: Workspace,
    current: Option<Trajectory>,
}

impl HeatSampler<'_> {
    /// The trajectory just before a step: on from where it is, or from its beginning.
    fn before(&mut self, seed: u64, number: u64, step: u64) -> Result<Trajectory> {
        let mut trajectory = match self.current.take() {
            Some(t) if (t.seed, t.number) == (seed, number) && t.step <= step => t,
            _ => Trajectory::begin(self.family, &mut self.workspace, seed, number)?,
        };
        while trajectory.step < step {
            trajectory.advance(self.family)?;
        }
        Ok(trajectory)
    }
}

/// A field with one value (or `components`) an unknown.
fn on_unknowns(name: &str, components: usize, values: Vec<f64>) -> Field {
    Field { name: name.into(), location: Location::Dofs, components, values }
}

impl Sampler for HeatSampler<'_> {
    fn sample(&mut self, seed: u64, index: u64) -> Result<LinearSystem> {
        let config = &self.family.config;
        let steps = config.steps();
        let (number, step) = match config.keep.unwrap_or_default() {
            Keep::Step => (index / steps, index % steps),
            Keep::Trajectory => (index, 0),
        };
        let family = self.family;
        let mut trajectory = self.before(seed, number, step)?;
        let load = trajectory.load(family)?;
        let rhs = trajectory.rhs(&load);
        let next = trajectory.next(&rhs)?;
        let mut fields = vec![
            family.on.field("w", trajectory.w.clone()),
            family.on.field("source", load.source.into_owned()),
            on_unknowns("state", 1, trajectory.state.clone()),
        ];
        fields.extend(load.known.map(|u| family.on.field("boundary_values", u)));
        if config.keep == Some(Keep::Trajectory) {
            let mut states = vec![trajectory.state.clone()];
            for _ in 0..steps {
                trajectory.advance(family)?;
                states.push(trajectory.state.clone());
            }
            let rows = (0..rhs.len()).flat_map(|i| states.iter().map(move |s| s[i]));
            fields.push(on_unknowns("trajectory", states.len(), rows.collect()));
        } else {
            // The next index is most often the next step.
            trajectory.state.clone_from(&next);
            trajectory.step += 1;
        }
        let mut params = vec![
            ("trajectory".into(), number as f64),
            ("step".into(), step as f64),
            ("time".into(), step as f64 * config.dt()),
        ];
        params.extend(trajectory.drawn.named(&config.parameters));
        let solution = config.solution.is_stored().then_some(next);
        let matrix = trajectory.implicit.clone();
        self.current = Some(trajectory);
        Ok(family.system(matrix, rhs, solution, fields, params, index))
    }

    /// The steps of a trajectory: another thread would have to begin it anew.
    fn lanes(&self) -> usize {
        self.family.group()
    }
}
