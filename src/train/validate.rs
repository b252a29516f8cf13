//! The solver in the loop: the network's worth is the iterations it leaves to do.

use rayon::prelude::*;

use super::metrics::SolverMetrics;
use super::recipe::Validation;
use crate::error::{Error, Result};
use crate::models::{Model, PredictOptions};
use crate::solve::Problem;
use crate::solver::{Quiet, Stop, Workspace};
use crate::system::{Cached, LinearSystem, for_each_chunk};

/// The systems that training does not see.
pub struct HeldOut {
    /// Where they come from.
    pub source: Cached,
    /// Their ids there.
    pub ids: Vec<u32>,
    /// Bytes of systems that are solved together while the next ones are loaded.
    pub chunk_bytes: usize,
}

/// Solves every system with the model's prediction.
///
/// # Errors
/// If there is no system, one cannot be loaded, the model cannot predict for it, or the solver cannot use what it
/// predicts.
pub fn validate(model: &dyn Model, held_out: &HeldOut, how: &Validation) -> Result<SolverMetrics> {
    let HeldOut { source, ids, .. } = held_out;
    let mut solves = Vec::with_capacity(ids.len());
    for_each_chunk(source, ids, source.parts(), held_out.chunk_bytes, |systems| {
        let chunk = systems
            .par_iter()
            .map_init(Workspace::default, |ws, system| solve(ws, model, system, how))
            .collect::<Result<Vec<_>>>()?;
        solves.extend(chunk);
        Ok(())
    })?;
    if solves.is_empty() {
        return Err(Error::Argument("validation needs at least one held-out system".into()));
    }
    let failures = solves.iter().filter(|s| !s.1).count();
    let mut counts: Vec<f64> = solves.iter().map(|&(its, ok)| if ok { its } else { how.max_it } as f64).collect();
    counts.sort_by(f64::total_cmp);
    let n = counts.len();
    Ok(SolverMetrics {
        iterations_mean: counts.iter().sum::<f64>() / n as f64,
        iterations_median: 0.5 * (counts[(n - 1) / 2] + counts[n / 2]),
        iterations_worst: counts[n - 1],
        failures,
        systems: n,
    })
}

/// (iterations, those of features included, converged) of one system.
fn solve(ws: &mut Workspace, model: &dyn Model, system: &LinearSystem, how: &Validation) -> Result<(usize, bool)> {
    // Some methods need a symmetric preconditioner; the other methods take what the network says.
    // It is the network that is judged, not what stands in where it fails.
    let symmetrize = how.ksp.requirements().symmetric_preconditioner();
    let options = PredictOptions { symmetrize, unguarded: true, ..Default::default() };
    // Recycling methods must not carry a space from whatever system this thread solved before.
    ws.forget();
    let stop = Stop { max_it: how.max_it, ..Stop::rtol(how.rtol) };
    let problem = Problem::new(system, how.ksp.clone(), stop);
    let mut acceleration = model.predict(system, &options)?;
    if let Some(pc) = &how.pc {
        let beside = acceleration.and(pc.build(&system.matrix)?.into());
        acceleration = beside.map_err(|e| Error::Argument(format!("validation.pc = \"{pc}\": {e}")))?;
    }
    let prepared = problem.prepare(acceleration)?;
    let outcome = problem.solve(ws, &prepared, &mut Quiet)?.outcome;
    Ok((prepared.setup_iterations + outcome.iterations, outcome.converged()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::families;
    use crate::models::testing::SineModes;
    use crate::system::Parts;

    #[test]
    fn a_predicted_space_is_for_the_methods_that_use_one() {
        let family = families::build("poisson", &toml::toml! { level = 4 }, "test").unwrap();
        let mut sampler = family.sampler().unwrap();
        let systems: Vec<_> = (0..3).map(|i| sampler.sample(1, i).unwrap()).collect();
        let held_out = HeldOut {
            source: Cached::new(Arc::new(systems), Parts::all(), 1 << 20),
            ids: vec![0, 1, 2],
            chunk_bytes: 1 << 20,
        };
        let run = |method: &str, modes| {
            let how = Validation { ksp: method.parse().unwrap(), ..Validation::default() };
            validate(&SineModes(modes), &held_out, &how)
        };
        for method in ["cg", "gcrodr(30, 10)"] {
            let [none, some] = [0, 10].map(|modes| run(method, modes).unwrap());
            assert!(some.failures == 0 && some.systems == 3);
            assert!(some.iterations_worst < none.iterations_mean, "{method}: {some:?} {none:?}");
        }
        let beside = |pc: &str| {
            let how = Validation { ksp: "cg".parse().unwrap(), pc: pc.parse().ok(), ..Validation::default() };
            validate(&SineModes(10), &held_out, &how).unwrap().iterations_mean
        };
        assert!(beside("icc") < run("cg", 10).unwrap().iterations_mean && beside("icc(1)") < beside("icc"));
        let error = run("richardson", 10).unwrap_err().to_string();
        assert!(error.contains("take cg, minres or gcrodr"), "{error}");
    }
}
