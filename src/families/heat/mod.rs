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
mod verify;

use std::sync::Arc;

use rand::RngExt;
use toml::Table;

use self::config::{HeatConfig, Keep};
use super::grid::{self, Grid, Scheme, Wanted};
use super::{Family, Sampler, solution};
use crate::entry::{self, Entry};
use crate::error::{Error, Result};
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
    /// Values of M on the pattern.
    mass: Vec<f64>,
    /// Steps are computed by solving; steady problems are solved only if the solution is wanted.
    solver: Option<solution::Solver>,
}

impl Heat {
    /// The family of a recipe's table.
    ///
    /// # Errors
    /// [`Error::Recipe`] naming the key that is unknown, of the wrong type or out of range.
    pub fn from_table(table: &Table, origin: &str) -> Result<Self> {
        let config: HeatConfig = entry::config(table, NAME, origin)?;
        config.check(origin)?;
        let faces = grid::faces(config.faces, config.discretisation, NAME, origin)?;
        let cells = config.cells as usize;
        let coefficient = config.medium_keys().coefficient(cells + 1, config.dim as usize, NAME, origin)?;
        let wanted = Wanted { mass: true, boundary: false };
        let grid = match config.dim {
            3 => Grid::cube(cells, config.discretisation, faces)
                .map_err(|e| Error::recipe(origin, format!("heat.discretisation: {e}")))?,
            _ => Grid::new(cells, config.discretisation, faces, wanted)?,
        };
        let mut mass = vec![0.0; grid.pattern().nnz()];
        grid.add_reaction(&vec![1.0; grid.points()], 1.0, &mut mass)?;
        let solver = match config.solution.is_stored() || config.steady {
            true => config.solution.solver(grid.pattern())?,
            false => Some(solution::Solver::for_pattern(grid.pattern())?),
        };
        let stored = config.solution.resolved(solver.as_ref());
        let config = HeatConfig { solution: stored, ..config.resolved() };
        Ok(Heat { config, grid, coefficient, mass, solver })
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
        let (dim, w) = (self.grid.dim, c.medium_keys().in_words());
        let space = c.discretisation.in_words(dim);
        let bubble = if dim == 3 { "64 x (1 - x) y (1 - y) z (1 - z)" } else { "16 x (1 - x) y (1 - y)" };
        let (equation, weak_form) = if c.steady {
            (
                format!("-div(w grad u) + p^2 u = 1 in (0,1)^{dim}, {w}, p uniform in (-1, 1) at each grid point"),
                format!("integral(w grad u . grad v + p^2 u v) = integral(v) for all v in V, V = {space}"),
            )
        } else {
            (
                format!(
                    "du/dt = div(w grad u) + s in (0,1)^{dim}, {w}, s a Gaussian random field, u(0) one times \
                     {bubble}"
                ),
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
            boundary_conditions: "u = 0 on the whole boundary, eliminated".into(),
            ..Description::new(NAME, equation, Props::SPD)
        }
    }

    fn mesh(&self) -> Option<Arc<MeshData>> {
        Some(self.grid.data.clone())
    }

    fn pattern(&self) -> Option<Arc<Pattern>> {
        Some(self.grid.pattern().clone())
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

/// A trajectory and the state it has reached.
struct Trajectory {
    seed: u64,
    number: u64,
    w: Vec<f64>,
    source: Vec<f64>,
    implicit: Csr,
    explicit: Csr,
    inverse: solution::Prepared,
    /// Δt F.
    load: Vec<f64>,
    /// The state before step `step`.
    state: Vec<f64>,
    step: u64,
}

impl Trajectory {
    /// (M − (1 − θ) Δt K) u + Δt F.
    fn rhs(&self) -> Vec<f64> {
        let mut rhs = vec![0.0; self.state.len()];
        self.explicit.spmv(&self.state, &mut rhs);
        rhs.iter_mut().zip(&self.load).for_each(|(r, l)| *r += l);
        rhs
    }

    /// u⁺.
    fn next(&self, rhs: &[f64]) -> Result<Vec<f64>> {
        self.inverse.solve(&self.implicit, rhs)
    }

    fn advance(&mut self) -> Result<()> {
        self.state = self.next(&self.rhs())?;
        self.step += 1;
        Ok(())
    }
}

impl HeatSampler<'_> {
    /// Trajectory `number` from its beginning.
    fn begin(&mut self, seed: u64, number: u64) -> Result<Trajectory> {
        let family = self.family;
        let grid = &family.grid;
        let mut rng = stream(seed, Purpose::Sample, number);
        let (mut w, mut state, mut source) = (Vec::new(), Vec::new(), Vec::new());
        family.coefficient.draw(&mut rng, &mut self.workspace, &mut w);
        let gaussian = &family.coefficient.gaussian;
        gaussian.draw(&mut rng, &mut self.workspace, &mut state);
        gaussian.draw(&mut rng, &mut self.workspace, &mut source);
        let scale = 4f64.powi(grid.dim as i32);
        let bubble = |x: &[f64]| x.iter().fold(scale, |product, x| product * x * (1.0 - x));
        let bubble: Vec<f64> = grid.data.points.chunks_exact(grid.dim).map(bubble).collect();
        state.iter_mut().zip(bubble).for_each(|(u, b)| *u *= b);
        let mut stiffness = vec![0.0; grid.pattern().nnz()];
        grid.add_diffusion(&w, 1.0, &mut stiffness);
        let (implicit, explicit) = family.step_matrices(&stiffness)?;
        let solver = family.solver.as_ref().ok_or_else(|| Error::Numeric("nothing to solve with".into()))?;
        let inverse = solver.prepare(&implicit)?;
        let mut load = grid.load(&source);
        load.iter_mut().for_each(|f| *f *= family.config.dt());
        Ok(Trajectory {
            seed,
            number,
            w,
            source,
            implicit,
            explicit,
            inverse,
            load,
            state: grid.restrict(&state),
            step: 0,
        })
    }

    /// The trajectory just before a step: on from where it is, or from its beginning.
    fn before(&mut self, seed: u64, number: u64, step: u64) -> Result<Trajectory> {
        let mut trajectory = match self.current.take() {
            Some(t) if (t.seed, t.number) == (seed, number) && t.step <= step => t,
            _ => self.begin(seed, number)?,
        };
        while trajectory.step < step {
            trajectory.advance()?;
        }
        Ok(trajectory)
    }

    fn steady(&mut self, seed: u64, index: u64) -> Result<LinearSystem> {
        let family = self.family;
        let grid = &family.grid;
        let mut rng = stream(seed, Purpose::Sample, index);
        let mut w = Vec::new();
        family.coefficient.draw(&mut rng, &mut self.workspace, &mut w);
        let p: Vec<f64> = w.iter().map(|_| rng.random_range(-1.0..1.0)).collect();
        let mut values = vec![0.0; grid.pattern().nnz()];
        grid.add_diffusion(&w, 1.0, &mut values);
        let squares: Vec<f64> = p.iter().map(|p| p * p).collect();
        grid.add_reaction(&squares, 1.0, &mut values)?;
        let matrix = Csr::new(grid.pattern().clone(), values)?;
        let rhs = grid.load(&vec![1.0; w.len()]);
        let solution = family.solver.as_ref().map(|solver| solver.solve(&matrix, &rhs)).transpose()?;
        let fields = vec![grid::field("w", w), grid::field("p", p)];
        Ok(self.system(matrix, rhs, solution, fields, Vec::new(), index))
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
        let mut trajectory = self.before(seed, number, step)?;
        let rhs = trajectory.rhs();
        let next = trajectory.next(&rhs)?;
        let mut fields = vec![
            grid::field("w", trajectory.w.clone()),
            grid::field("source", trajectory.source.clone()),
            on_unknowns("state", 1, trajectory.state.clone()),
        ];
        if config.keep == Some(Keep::Trajectory) {
            let mut states = vec![trajectory.state.clone()];
            for _ in 0..steps {
                trajectory.advance()?;
                states.push(trajectory.state.clone());
            }
            let rows = (0..rhs.len()).flat_map(|i| states.iter().map(move |s| s[i]));
            fields.push(on_unknowns("trajectory", states.len(), rows.collect()));
        } else {
            // The next index is most often the next step.
            trajectory.state.clone_from(&next);
            trajectory.step += 1;
        }
        let params = vec![
            ("trajectory".into(), number as f64),
            ("step".into(), step as f64),
            ("time".into(), step as f64 * config.dt()),
        ];
        let solution = config.solution.is_stored().then_some(next);
        let matrix = trajectory.implicit.clone();
        self.current = Some(trajectory);
        Ok(self.system(matrix, rhs, solution, fields, params, index))
    }
}
