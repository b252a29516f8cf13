//! `iterates`: what a classical method has after a few iterations, as an initial guess; what a network that is shown
//! these iterates has to beat.

use serde::{Deserialize, Serialize};

use super::{Constant, Fitted, Part};
use crate::entry::{self, Entry};
use crate::error::{Error, Result};
use crate::models::PredictOptions;
use crate::precond::{self, Spec};
use crate::solve::{Acceleration, Problem};
use crate::solver::{Method, Norm, Stop};
use crate::system::{LinearSystem, SampleSource};

const NAME: &str = "iterates";

/// The guess that costs no training; its iterations are counted as those of the solve.
pub static ENTRY: Entry<dyn Constant> = Entry {
    name: NAME,
    help: "the iterate of a classical method after some iterations, an initial guess; they are counted",
    source: "the method and the preconditioner that it names",
    needs: "what the method and its preconditioner need",
    positional: &["steps"],
    defaults: entry::defaults::<Iterates>,
    schema: None,
    parse: |table, name, origin| Ok(Box::new(entry::checked(table, name, origin, Iterates::check)?)),
};

/// Most iterations of a guess.
const MOST: usize = 100_000;

/// Its settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Iterates {
    /// Iterations, from zero.
    pub steps: usize,
    /// The method.
    pub ksp: Method,
    /// Its preconditioner.
    pub pc: Spec,
}

impl Default for Iterates {
    fn default() -> Self {
        Iterates { steps: 14, ksp: Method::cg(), pc: precond::no_preconditioner() }
    }
}

impl Iterates {
    fn check(&self) -> Result<()> {
        match self.steps {
            1..=MOST => Ok(()),
            steps => Err(Error::Argument(format!("{NAME}: steps = {steps} must be from 1 to {MOST}"))),
        }
    }
}

impl Constant for Iterates {
    fn fit(&self, _source: &dyn SampleSource, _ids: &[u32], _options: &PredictOptions) -> Result<Fitted> {
        let Iterates { steps, ksp, pc } = self.clone();
        Ok(Box::new(move |system: &LinearSystem| {
            let stop = Stop { max_it: steps, norm: Norm::None, ..Stop::default() };
            let solution = Problem::new(system, ksp.clone(), stop).solve_once(pc.build(&system.matrix)?)?;
            let setup_iterations = solution.outcome.iterations;
            Ok(Acceleration { setup_iterations, ..Acceleration::guess(solution.x) })
        }))
    }

    fn is_fitted(&self) -> bool {
        false
    }

    fn part(&self) -> Part {
        Part::Guess
    }
}

#[cfg(test)]
mod tests {
    use super::super::Spec as Constants;
    use super::*;
    use crate::families;

    #[test]
    fn the_iterate_is_that_of_the_method_and_its_iterations_are_counted() {
        let family = families::build("poisson", &toml::toml! { level = 4 }, "test").unwrap();
        let system = family.sampler().unwrap().sample(1, 0).unwrap();
        let none: Vec<LinearSystem> = Vec::new();
        for (text, ksp, pc) in
            [("iterates(5, pc = icc)", "cg", "icc"), ("iterates(5, ksp = richardson)", "richardson", "none")]
        {
            let spec: Constants = text.parse().unwrap();
            let fitted = spec.member().fit(&none, &[], &PredictOptions::default()).unwrap();
            let given = fitted.make(&system).unwrap();
            let stop = Stop { max_it: 5, ..Stop::rtol(1e-12) };
            let problem = Problem::new(&system, ksp.parse().unwrap(), stop);
            let same = problem.solve_once(pc.parse::<Spec>().unwrap().build(&system.matrix).unwrap()).unwrap();
            assert_eq!((given.guess.unwrap(), given.setup_iterations), (same.x, 5));
        }
        assert!(
            "iterates(0)".parse::<Constants>().is_err() && "iterates(5, pc = nothing)".parse::<Constants>().is_err()
        );
    }
}
