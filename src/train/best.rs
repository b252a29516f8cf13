//! Which epoch is kept as the best.

use super::metrics::SolverMetrics;
use crate::models::checkpoint::Progress;

/// Notes a validation in the progress of a run and says whether it is the best so far: the one with the fewest
/// iterations (mean, a failure counted as the limit) or, as long as no solve of any validation has succeeded, the one
/// with the least validation loss, which then tells more than iterations that are all at the limit.
pub fn note(progress: &mut Progress, epoch: u64, solver: &SolverMetrics, loss: f64) -> bool {
    let all_failed = solver.failures == solver.systems;
    let best = match (progress.best, progress.best_loss) {
        (None, _) => true,
        (Some(_), Some(least)) => !all_failed || loss < least,
        (Some(fewest), None) => !all_failed && solver.iterations_mean < fewest,
    };
    if best {
        progress.best = Some(solver.iterations_mean);
        // JSON has no word for what is not finite.
        progress.best_loss = all_failed.then_some(if loss.is_finite() { loss } else { f64::MAX });
        progress.best_epoch = epoch;
        progress.stale = 0;
    } else {
        progress.stale += 1;
    }
    best
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
}
