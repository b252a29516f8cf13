//! Timed solves repeated in rounds: all rows, then all rows again, so that what else the machine does meets each of
//! them alike (A B C A B C, not A A B B C C).

use super::bootstrap;
use super::measure::Solve;

/// Rounds that each of some solves has; 0 where a single one was timed.
pub fn of_all<'a>(solves: impl Iterator<Item = &'a Solve>) -> usize {
    solves.map(|s| s.rounds.len()).min().unwrap_or(0)
}

/// One solve of each system out of those of several rounds, in the order of the first: its seconds are the medians, the
/// spread is that of their sum, and those of each round are kept. What is no time has to be the same in each; where
/// it is not, the note says so.
pub fn combined(rounds: Vec<Vec<Solve>>) -> Vec<Solve> {
    let mut rounds = rounds.into_iter();
    let Some(first) = rounds.next() else { return Vec::new() };
    let others: Vec<Vec<Solve>> = rounds.collect();
    first
        .into_iter()
        .enumerate()
        .map(|(i, solve)| {
            let again: Vec<&Solve> = others.iter().filter_map(|round| round.get(i)).collect();
            one(solve, &again)
        })
        .collect()
}

fn one(mut solve: Solve, again: &[&Solve]) -> Solve {
    if again.is_empty() {
        return solve;
    }
    if let Some(other) = again.iter().find(|s| (s.iterations, s.converged) != (solve.iterations, solve.converged)) {
        let differs = format!("{} iterations in one round, {} in another", solve.iterations, other.iterations);
        solve.note = Some(solve.note.map_or_else(|| differs.clone(), |note| format!("{note}; {differs}")));
    }
    let all = |of: fn(&Solve) -> f64| {
        let mut values: Vec<f64> = again.iter().map(|s| of(s)).chain([of(&solve)]).collect();
        values.sort_by(f64::total_cmp);
        values
    };
    // There is one number at least.
    let median = |rising: &[f64]| bootstrap::median(rising).unwrap_or_default();
    let totals = all(|s| s.setup_seconds + s.solve_seconds);
    let [inference, setup, solving] =
        [all(|s| s.inference_seconds), all(|s| s.setup_seconds), all(|s| s.solve_seconds)].map(|v| median(&v));
    solve.rounds = [&solve].into_iter().chain(again.iter().copied()).map(Solve::seconds).collect();
    let (least, most) = (totals[0], totals[totals.len() - 1]);
    solve.spread = Some(0.5 * (most - least) / median(&totals)).filter(|s| s.is_finite());
    (solve.inference_seconds, solve.setup_seconds, solve.solve_seconds) = (inference, setup, solving);
    solve
}

#[cfg(test)]
mod tests {
    use super::super::sample::solve;
    use super::*;

    fn timed(setup: f64, solving: f64) -> Solve {
        Solve { setup_seconds: setup, solve_seconds: solving, note: None, ..solve(0, 7, Some(3)) }
    }

    #[test]
    fn seconds_are_medians_and_their_spread_is_told() {
        let [a, b, c] = [timed(1.0, 5.0), timed(2.0, 4.0), timed(9.0, 3.0)];
        let done = combined(vec![vec![a.clone()], vec![b], vec![c]]);
        assert_eq!((done[0].setup_seconds, done[0].solve_seconds), (2.0, 4.0));
        // Totals are 6, 6 and 12.
        assert_eq!(done[0].spread, Some(0.5));
        assert_eq!(
            done[0].rounds.iter().map(|s| (s.setup, s.solving)).collect::<Vec<_>>(),
            [(1.0, 5.0), (2.0, 4.0), (9.0, 3.0)]
        );
        assert_eq!(done[0].note, None);
        assert_eq!(combined(vec![vec![a.clone()]])[0].spread, None);
        // A round that was cut short gives what it has.
        assert_eq!(combined(vec![vec![a.clone(), a.clone()], vec![a.clone()]])[1].spread, None);
        assert!(combined(Vec::new()).is_empty());
    }

    #[test]
    fn counts_that_differ_between_rounds_are_told() {
        let other = Solve { iterations: 5, ..timed(1.0, 1.0) };
        let done = combined(vec![vec![timed(1.0, 1.0)], vec![other]]);
        assert_eq!(done[0].note.as_deref(), Some("3 iterations in one round, 5 in another"));
    }
}
