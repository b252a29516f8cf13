//! Which epoch is kept as the best.

use super::metrics::SolverMetrics;
use crate::models::checkpoint::{Progress, Validated};

/// Notes a validation in the progress of a run and says whether it is the best so far: the one with the fewest
/// iterations (mean, a failure counted as the limit) or, as long as no solve of any validation has succeeded, the one
/// with the least validation loss, which then tells more than iterations that are all at the limit. Epoch 0, before the
/// first step, is one of them; what early stopping waits for is a better one than those of the epochs after it.
pub fn note(progress: &mut Progress, epoch: u64, solver: &SolverMetrics, loss: f64) -> bool {
    let all_failed = solver.failures == solver.systems;
    // JSON has no word for what is not finite.
    let loss = all_failed.then_some(if loss.is_finite() { loss } else { f64::MAX });
    let found = Validated { epoch, iterations: solver.iterations_mean, loss };
    let better = |than: Option<Validated>| than.is_none_or(|than| found.beats(&than));
    let (best, learned) = (better(progress.best_validated()), epoch > 0 && better(progress.best_learned()));
    if learned {
        (progress.best_learned, progress.stale) = ((!best).then_some(found), 0);
    } else if epoch > 0 {
        progress.stale += 1;
    }
    if best {
        (progress.best, progress.best_loss, progress.best_epoch) = (Some(found.iterations), loss, epoch);
    }
    best
}

/// What there is to say of a run that is over if nothing that it learned is better than what it started from: the
/// untrained network or, with `init`, the weights of another checkpoint.
pub fn finding(progress: &Progress, init: bool) -> Option<String> {
    let start = progress.best_validated().filter(|best| best.epoch == 0)?;
    let learned = progress.best_learned()?;
    let what = if init { "the network that training started from" } else { "the untrained network" };
    let epoch = learned.epoch;
    let figures = match (start.loss, learned.loss) {
        (Some(start), Some(learned)) => {
            format!("validation loss {start:.3e}, at best {learned:.3e} (epoch {epoch}), no held-out system solved")
        }
        (_, Some(_)) => {
            format!("{:.2} iterations on held-out systems (mean), none solved after any epoch", start.iterations)
        }
        (_, None) => format!(
            "{:.2} iterations on held-out systems (mean), at best {:.2} (epoch {epoch})",
            start.iterations, learned.iterations
        ),
    };
    Some(format!("no epoch beat {what}: {figures}; best.safetensors is {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_that_is_no_number_can_be_written_and_read() {
        let mut progress = Progress::default();
        let solver = SolverMetrics {
            iterations_mean: 9.0,
            iterations_median: 9.0,
            iterations_worst: 9.0,
            failures: 1,
            systems: 1,
        };
        assert!(note(&mut progress, 1, &solver, f64::NAN));
        let text = serde_json::to_string(&progress).unwrap();
        assert_eq!(serde_json::from_str::<Progress>(&text).unwrap(), progress);
        assert!(note(&mut progress, 2, &solver, 3.0));
    }

    #[test]
    fn the_loss_decides_until_a_solve_succeeds_and_iterations_from_then_on() {
        let mut progress = Progress::default();
        let mut validate = |epoch, iterations_mean: f64, failures, loss| {
            let (iterations_median, iterations_worst) = (iterations_mean, iterations_mean);
            let solver = SolverMetrics { iterations_mean, iterations_median, iterations_worst, failures, systems: 4 };
            note(&mut progress, epoch, &solver, loss)
        };
        let all_fail = [(0.5, true), (0.6, false), (0.4, true), (f64::NAN, false), (0.45, false)];
        for (epoch, (loss, best)) in (1..).zip(all_fail) {
            assert_eq!(validate(epoch, 100.0, 4, loss), best, "epoch {epoch}");
        }
        // One of four is solved, with a larger loss.
        assert!(validate(6, 99.0, 3, 0.9));
        assert!(!validate(7, 100.0, 4, 0.1));
        assert!(!validate(8, 99.5, 3, 0.1));
        assert!(validate(9, 20.0, 0, 0.8));
        assert_eq!((progress.best, progress.best_loss, progress.best_epoch, progress.stale), (Some(20.0), None, 9, 0));
    }

    #[test]
    fn the_untrained_network_is_a_candidate_that_early_stopping_does_not_wait_for() {
        let mut progress = Progress::default();
        let validate = |progress: &mut Progress, epoch, iterations_mean: f64, failures| {
            let (iterations_median, iterations_worst) = (iterations_mean, iterations_mean);
            let solver = SolverMetrics { iterations_mean, iterations_median, iterations_worst, failures, systems: 4 };
            note(progress, epoch, &solver, 1.0 / (1.0 + epoch as f64))
        };
        assert!(validate(&mut progress, 0, 20.0, 0) && progress.is_untrained_best());
        assert_eq!(finding(&progress, false), None, "nothing was trained yet");
        assert!(!validate(&mut progress, 1, 100.0, 4) && progress.stale == 0);
        let text = finding(&progress, false).unwrap();
        assert!(text.starts_with("no epoch beat the untrained network: 20.00 iterations"), "{text}");
        assert!(text.contains("none solved after any epoch"), "{text}");
        // Better than what was learned so far, then not, then as good as the start, which is not better.
        assert!(!validate(&mut progress, 2, 25.0, 0) && progress.stale == 0);
        assert!(!validate(&mut progress, 3, 26.0, 0) && progress.stale == 1);
        assert!(!validate(&mut progress, 4, 20.0, 0) && progress.stale == 0);
        let text = finding(&progress, true).unwrap();
        let words = "no epoch beat the network that training started from: 20.00";
        assert!(text.starts_with(words) && text.contains("(epoch 4)"), "{text}");
        let stored: Progress = serde_json::from_str(&serde_json::to_string(&progress).unwrap()).unwrap();
        assert_eq!(stored, progress);
        assert!(validate(&mut progress, 5, 19.0, 0));
        assert_eq!((progress.best_epoch, progress.best_learned, finding(&progress, false)), (5, None, None));
        assert!(!validate(&mut progress, 6, 19.0, 0) && progress.stale == 1);
    }
}
