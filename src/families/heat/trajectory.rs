//! A trajectory of the θ-scheme and the state it has reached.

use std::borrow::Cow;

use super::Heat;
use crate::error::{Error, Result};
use crate::families::given::Drawn;
use crate::families::solution;
use crate::field::gaussian::Workspace;
use crate::linalg::Csr;
use crate::rng::{Purpose, stream};

/// What all steps of a trajectory share, and where it is.
pub(super) struct Trajectory {
    pub seed: u64,
    pub number: u64,
    pub w: Vec<f64>,
    pub implicit: Csr,
    /// The state before step `step`.
    pub state: Vec<f64>,
    pub step: u64,
    pub drawn: Drawn,
    /// A random s, which is the same at all times; empty where the recipe gives s.
    source: Vec<f64>,
    explicit: Csr,
    inverse: solution::Prepared,
    /// Δt F of the random s.
    load: Vec<f64>,
}

/// What drives one step.
pub(super) struct StepLoad<'a> {
    /// θ s(t + Δt) + (1 − θ) s(t) at the nodes.
    pub source: Cow<'a, [f64]>,
    /// u at t + Δt at the nodes where it is given; None if it is 0 there.
    pub known: Option<Vec<f64>>,
    /// Δt F, boundary conditions included.
    load: Cow<'a, [f64]>,
}

impl Trajectory {
    /// Trajectory `number` from its beginning.
    pub fn begin(family: &Heat, workspace: &mut Workspace, seed: u64, number: u64) -> Result<Self> {
        let (on, own) = (&family.on, &family.own);
        let drawn = Drawn::new(&family.config.parameters, seed, number, true);
        let mut rng = stream(seed, Purpose::Sample, number);
        let (mut w, mut state, mut source) = (Vec::new(), Vec::new(), Vec::new());
        match &own.w {
            Some(given) => w = on.evaluate(given, &drawn)?,
            None => on.draw_coefficient(&family.coefficient, &mut rng, workspace, &mut w),
        }
        let gaussian = &family.coefficient.gaussian;
        match &own.initial {
            Some(given) => state = on.evaluate(given, &drawn)?,
            None => {
                on.draw(gaussian, &mut rng, workspace, &mut state);
                state.iter_mut().zip(&family.bubble).for_each(|(u, b)| *u *= b);
            }
        }
        let mut load = Vec::new();
        if own.s.is_none() {
            on.draw(gaussian, &mut rng, workspace, &mut source);
            load = on.load(&source);
            load.iter_mut().for_each(|f| *f *= family.config.dt());
        }
        let mut stiffness = on.diffusion(&w);
        on.add_conditions(&drawn, &mut stiffness)?;
        let (implicit, explicit) = family.step_matrices(&stiffness)?;
        let solver = family.solver.as_ref().ok_or_else(|| Error::Numeric("nothing to solve with".into()))?;
        let inverse = solver.prepare(&implicit)?;
        let state = on.restrict(&state);
        Ok(Trajectory { seed, number, w, implicit, state, step: 0, drawn, source, explicit, inverse, load })
    }

    /// What drives the next step.
    pub fn load(&self, family: &Heat) -> Result<StepLoad<'_>> {
        let (on, config) = (&family.on, &family.config);
        let (source, load) = (Cow::Borrowed(&self.source[..]), Cow::Borrowed(&self.load[..]));
        if family.own.s.is_none() && config.boundary.is_empty() {
            return Ok(StepLoad { source, known: None, load });
        }
        let (theta, dt) = (config.theta(), config.dt());
        let [now, then] = [self.step, self.step + 1].map(|step| self.drawn.clone().at(step as f64 * dt));
        let shares = [(&now, 1.0 - theta), (&then, theta)];
        let mut source = source.into_owned();
        let mut load = load.into_owned();
        if let Some(s) = &family.own.s {
            source = vec![0.0; on.points()];
            for (at, share) in shares {
                source.iter_mut().zip(on.evaluate(s, at)?).for_each(|(sum, s)| *sum += share * s);
            }
            load = on.load(&source);
            load.iter_mut().for_each(|f| *f *= dt);
        }
        for (at, share) in shares {
            on.add_boundary_load(at, share * dt, &mut load)?;
        }
        // Of (M + θ Δt K) u⁺ = (M − (1 − θ) Δt K) u the columns where u is given.
        let ones = vec![1.0; on.points()];
        let known = on.known(&then)?;
        if let (Some(old), Some(new)) = (on.known(&now)?, &known) {
            on.lift((&self.w, theta * dt), Some((&ones, 1.0)), &then, new, &mut load)?;
            on.lift((&self.w, (1.0 - theta) * dt), Some((&ones, -1.0)), &now, &old, &mut load)?;
        }
        Ok(StepLoad { source: source.into(), known, load: load.into() })
    }

    /// (M − (1 − θ) Δt K) u + Δt F.
    pub fn rhs(&self, load: &StepLoad) -> Vec<f64> {
        let mut rhs = vec![0.0; self.state.len()];
        self.explicit.spmv(&self.state, &mut rhs);
        rhs.iter_mut().zip(&*load.load).for_each(|(r, l)| *r += l);
        rhs
    }

    /// u⁺.
    pub fn next(&self, rhs: &[f64]) -> Result<Vec<f64>> {
        self.inverse.solve(&self.implicit, rhs)
    }

    pub fn advance(&mut self, family: &Heat) -> Result<()> {
        let load = self.load(family)?;
        let rhs = self.rhs(&load);
        self.state = self.next(&rhs)?;
        self.step += 1;
        Ok(())
    }
}
