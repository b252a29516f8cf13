//! `heat`: ∂u/∂t = ∇·(w ∇u) + s on the unit square or cube, u = 0 on its boundary, by the θ-scheme; or one steady
//! problem.
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
use super::boundary::Boundary;
use super::given::{Drawn, Nodes, Range, Scope, Source};
use super::grid::conditions::Keys;
use super::grid::{self, Grid, Scheme};
use super::{Family, Sampler, solution};
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

/// The family with its grid and pattern made.
pub struct Heat {
    config: HeatConfig,
    grid: Grid,
    coefficient: Coefficient,
    own: Own,
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
        let config: HeatConfig = entry::config(table, NAME, origin)?;
        config.check(origin)?;
        let faces = grid::faces(config.faces, config.discretisation, NAME, origin)?;
        let (cells, dim) = (config.cells as usize, config.dim as usize);
        let coefficient = config.medium_keys().coefficient(cells + 1, dim, NAME, origin)?;
        let shape = vec![cells + 1; dim];
        let nodes = Nodes { count: shape.iter().product(), grid: &shape };
        let scope = Scope::new(NAME, origin, dim, nodes, &config.parameters, !config.steady)?;
        let own = Own::new(&config, &scope)?;
        let keys = Keys { dim, cells, scheme: config.discretisation, faces, mass: true };
        let grid = Grid::with_conditions(keys, &config.boundary, &scope, "w du/dn")?;
        if config.steady
            && own.p.as_ref().is_some_and(Source::is_zero)
            && grid.boundary().is_some_and(Boundary::leaves_a_constant)
        {
            return Err(scope.bad("boundary", super::boundary::SINGULAR));
        }
        scope.finish()?;
        let mut mass = vec![0.0; grid.pattern().nnz()];
        grid.add_reaction(&vec![1.0; grid.points()], 1.0, &mut mass)?;
        let solver = match config.solution.is_stored() || config.steady {
            true => config.solution.solver(grid.pattern())?,
            false => Some(solution::Solver::for_pattern(grid.pattern())?),
        };
        let stored = config.solution.resolved(solver.as_ref());
        let config = HeatConfig { solution: stored, ..config.resolved() };
        Ok(Heat { config, grid, coefficient, own, mass, solver })
    }

    /// M + scale · K, with the mass already there.
    fn combine(&self, stiffness: &[f64], scale: f64) -> Result<Csr> {
        let values = self.mass.iter().zip(stiffness).map(|(m, k)| m + scale * k);
        Csr::new(self.grid.pattern().clone(), values.collect())
    }

    /// One θ-step's matrices: (M + θ Δt K, M − (1 − θ) Δt K), for K's values.
    ///
    /// # Errors
    /// Never for values of the grid's pattern.
    pub fn step_matrices(&self, stiffness: &[f64]) -> Result<(Csr, Csr)> {
        let (theta, dt) = (self.config.theta(), self.config.dt());
        Ok((self.combine(stiffness, theta * dt)?, self.combine(stiffness, (theta - 1.0) * dt)?))
    }

    /// The grid that the family discretises on.
    pub fn grid(&self) -> &Grid {
        &self.grid
    }
}

impl Family for Heat {
    fn parameters(&self) -> Table {
        entry::to_table(&self.config)
    }

    fn description(&self) -> Description {
        let c = &self.config;
        let (dim, w) = (self.grid.dim, c.w_in_words());
        let space = c.discretisation.in_words(dim);
        let bubble = if dim == 3 { "64 x (1 - x) y (1 - y) z (1 - z)" } else { "16 x (1 - x) y (1 - y)" };
        let text = |name: &str, given: &Option<super::given::Given>, random: String| match given {
            Some(given) => format!("{name} = {given}"),
            None => random,
        };
        let s = text("s", &c.s, "s a Gaussian random field".into());
        let (equation, weak_form) = if c.steady {
            let right = c.s.as_ref().map_or("1".into(), ToString::to_string);
            let load = c.s.as_ref().map_or("v".into(), |s| format!("({s}) v"));
            let p = text("p", &c.p, "p uniform in (-1, 1) at each grid point".into());
            (
                format!("-div(w grad u) + p^2 u = {right} in (0,1)^{dim}, {w}, {p}"),
                format!("integral(w grad u . grad v + p^2 u v) = integral({load}) for all v in V, V = {space}"),
            )
        } else {
            let initial = text("u(0)", &c.initial, format!("u(0) one times {bubble}"));
            (
                format!("du/dt = div(w grad u) + s in (0,1)^{dim}, {w}, {s}, {initial}"),
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
                Scheme::Fd => format!("{weak_form} (M the identity, K the difference operator)"),
                _ => weak_form,
            },
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
        let arrays = [self.own.samples(), self.grid.boundary().and_then(Boundary::samples)];
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

    fn measure(&self) -> Result<Report> {
        verify::measure()
    }

    fn sampler(&self) -> Result<Box<dyn Sampler + '_>> {
        Ok(Box::new(HeatSampler { family: self, workspace: Workspace::default(), current: None }))
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

    fn steady(&mut self, seed: u64, index: u64) -> Result<LinearSystem> {
        let family = self.family;
        let grid = &family.grid;
        let drawn = Drawn::new(&family.config.parameters, seed, index, false);
        let mut rng = stream(seed, Purpose::Sample, index);
        let mut w = Vec::new();
        match &family.own.w {
            Some(source) => w = grid.evaluate(source, &drawn)?,
            None => family.coefficient.draw(&mut rng, &mut self.workspace, &mut w),
        }
        let p: Vec<f64> = match &family.own.p {
            Some(source) => grid.evaluate(source, &drawn)?,
            None => w.iter().map(|_| rng.random_range(-1.0..1.0)).collect(),
        };
        let mut values = vec![0.0; grid.pattern().nnz()];
        grid.add_diffusion(&w, 1.0, &mut values);
        grid.add_conditions(&drawn, &mut values)?;
        let squares: Vec<f64> = p.iter().map(|p| p * p).collect();
        grid.add_reaction(&squares, 1.0, &mut values)?;
        let matrix = Csr::new(grid.pattern().clone(), values)?;
        let source = family.own.s.as_ref().map(|s| grid.evaluate(s, &drawn)).transpose()?;
        let mut rhs = grid.load(source.as_ref().unwrap_or(&vec![1.0; w.len()]));
        grid.add_boundary_load(&drawn, 1.0, &mut rhs)?;
        let known = grid.known(&drawn)?;
        if let Some(known) = &known {
            grid.lift((&w, 1.0), Some((&squares, 1.0)), &drawn, known, &mut rhs)?;
        }
        let solution = family.solver.as_ref().map(|solver| solver.solve(&matrix, &rhs)).transpose()?;
        let mut fields = vec![grid::field("w", w), grid::field("p", p)];
        fields.extend(source.map(|s| grid::field("source", s)));
        fields.extend(known.map(|u| grid::field("boundary_values", u)));
        let params = drawn.named(&family.config.parameters).collect();
        Ok(self.system(matrix, rhs, solution, fields, params, index))
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
            mesh: Some(self.family.grid.data.clone()),
            index,
        }
    }
}

/// A field with one value (or `components`) an unknown.
fn on_unknowns(name: &str, components: usize, values: Vec<f64>) -> Field {
    Field { name: name.into(), location: Location::Dofs, components, values }
}

impl Sampler for HeatSampler<'_> {
    fn sample(&mut self, seed: u64, index: u64) -> Result<LinearSystem> {
        let config = &self.family.config;
        if config.steady {
            return self.steady(seed, index);
        }
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
            grid::field("w", trajectory.w.clone()),
            grid::field("source", load.source.into_owned()),
            on_unknowns("state", 1, trajectory.state.clone()),
        ];
        fields.extend(load.known.map(|u| grid::field("boundary_values", u)));
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
        Ok(self.system(matrix, rhs, solution, fields, params, index))
    }
}
