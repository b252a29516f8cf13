//! From solves to a table: one summary row per dataset, tolerance and row of the recipe, and who wins.

use super::analysis::{Cells, Quantity, Ratios};
use super::columns::{self, COLUMNS, ITERATIONS, SummaryRow, TOTAL_SECONDS};
use super::group::Group;
use super::measure::Solve;
use super::recipe::Target;
use super::sweep::Results;
use crate::precond::Spec;

/// Who wins on one dataset at one tolerance.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Verdict {
    /// Number of the dataset in the recipe.
    pub dataset: usize,
    /// What was to be reached.
    #[serde(flatten)]
    pub target: Target,
    /// Summary row with the fewest iterations in the mean among those that never failed, direct solves apart.
    pub fewest_iterations: Option<usize>,
    /// All with as few, in their order.
    pub as_few_iterations: Vec<usize>,
    /// Summary row with the least median time, setup included, among those that never failed.
    pub least_time: Option<usize>,
    /// It, those whose time cannot be told from its (the 95 % interval of the median ratio contains 1), and those that
    /// are faster by this ratio, though the median of their seconds is larger.
    pub as_fast: Vec<usize>,
    /// Those that are faster by the ratio.
    pub faster_by_ratio: Vec<usize>,
    /// Both in a sentence.
    pub text: String,
}

impl Verdict {
    /// Its summary rows with their numbers in `rows`.
    pub fn block<'a>(&self, rows: &'a [SummaryRow]) -> impl Iterator<Item = (usize, &'a SummaryRow)> + use<'a> {
        let of = (self.dataset, self.target);
        rows.iter().enumerate().filter(move |(_, row)| (row.dataset, row.target) == of)
    }
}

/// Dataset and target of every block of the table, in order.
fn blocks(results: &Results) -> impl Iterator<Item = (usize, Target)> {
    let targets = results.recipe.targets();
    (0..results.datasets.len()).flat_map(move |d| targets.clone().into_iter().map(move |t| (d, t)))
}

/// All summary rows, in the order of datasets, tolerances, rows; none for what an interrupt left unsolved.
pub fn summarize(results: &Results) -> Vec<SummaryRow> {
    let rows = 0..results.recipe.rows.len();
    blocks(results)
        .flat_map(|(d, target)| rows.clone().filter_map(move |r| Group::of(results, d, r, target)))
        .map(|group| SummaryRow::of(&group, COLUMNS))
        .collect()
}

/// Who wins where; rows that failed on any system do not compete, and direct solves compete in time alone.
pub fn verdicts(results: &Results, rows: &[SummaryRow]) -> Vec<Verdict> {
    let cells = Cells::new(results);
    blocks(results)
        .filter(|&(d, target)| rows.iter().any(|row| (row.dataset, row.target) == (d, target)))
        .map(|block| verdict(&cells, rows, block))
        .collect()
}

fn verdict(cells: &Cells, rows: &[SummaryRow], (dataset, target): (usize, Target)) -> Verdict {
    let results = cells.results;
    let info = &results.datasets[dataset];
    let competes = |i: &usize| {
        let row = &rows[*i];
        (row.dataset, row.target) == (dataset, target)
            && row.count(&columns::FAILURES) == 0
            && row.count(&columns::SOLVES) == info.systems
    };
    let iterative = |i: &usize| {
        let row = rows[*i].row;
        let found_direct = info.direct.get(row).copied().unwrap_or(false);
        !found_direct && !results.recipe.rows[row].pc.as_deref().is_some_and(is_direct)
    };
    let its = |i: usize| rows[i].quartiles(&ITERATIONS).map_or(f64::INFINITY, |q| q.mean);
    let time = |i: usize| rows[i].quartiles(&TOTAL_SECONDS).map_or(f64::INFINITY, |q| q.median);
    let here = || (0..rows.len()).filter(competes);
    let fewest = here().filter(iterative).min_by(|&a, &b| its(a).total_cmp(&its(b)));
    let fastest = here().min_by(|&a, &b| time(a).total_cmp(&time(b)));
    let as_few: Vec<usize> = here().filter(iterative).filter(|&i| fewest.is_some_and(|f| its(i) == its(f))).collect();
    let solves = |i: usize| cells.of(dataset, rows[i].row, target);
    // Of the other rows that are not slower, whether they are faster.
    let close: Vec<(usize, bool)> = here()
        .filter_map(|i| fastest.filter(|&f| f != i).and_then(|f| Some((i, is_faster(solves(i), solves(f))?))))
        .collect();
    let as_fast: Vec<usize> =
        here().filter(|&i| fastest == Some(i) || close.iter().any(|&(other, _)| other == i)).collect();
    let faster: Vec<usize> = close.iter().filter(|(_, faster)| *faster).map(|&(i, _)| i).collect();
    let named = |i: usize| {
        let chosen = match rows[i].count(&columns::SETTINGS) {
            0 => String::new(),
            several => format!(", best of {several} settings on these systems"),
        };
        format!("{} ({}{chosen})", rows[i].text(&columns::ROW), rows[i].text(&columns::KIND))
    };
    let iterations = fewest.map_or_else(
        || "no iterative row solved every system".into(),
        |i| match &as_few[..] {
            [_, _, ..] => format!("equally few iterations (mean), {:.1}: {}", its(i), all(&as_few, &named)),
            _ => format!("fewest iterations (mean) {} with {:.1}", named(i), its(i)),
        },
    );
    let seconds = fastest.map_or_else(
        || "no row to compare in time".into(),
        |i| {
            let timed = |i: usize| format!("{} with {:.3} ms", named(i), 1e3 * time(i));
            let alike: Vec<usize> = as_fast.iter().copied().filter(|i| !faster.contains(i)).collect();
            let alone = alike.len() == 1;
            let first = match alone {
                true if faster.is_empty() => format!("least time (setup and inference included) {}", timed(i)),
                true => format!("least median time (setup and inference included) {}", timed(i)),
                false => format!(
                    "no difference in time (setup and inference included) can be told between {}",
                    all(&alike, &timed)
                ),
            };
            match faster.is_empty() {
                true => first,
                false => {
                    let than = if alone { "it".into() } else { named(i) };
                    format!("{first}, yet faster than {than} by the median ratio {}", all(&faster, &timed))
                }
            }
        },
    );
    Verdict {
        dataset,
        target,
        fewest_iterations: fewest,
        as_few_iterations: as_few,
        least_time: fastest,
        as_fast,
        faster_by_ratio: faster,
        text: format!("{}: {iterations}, {seconds}", info.name),
    }
}

/// Whether one row is faster than another by the median of their ratios; None if it is slower.
fn is_faster(ours: &[Solve], theirs: &[Solve]) -> Option<bool> {
    let pairs: Vec<(&Solve, &Solve)> = ours.iter().zip(theirs).collect();
    let ratio = Ratios::of(&pairs, Quantity::Seconds).interval()?;
    (ratio.low <= 1.0).then_some(ratio.high < 1.0)
}

/// Several rows as a list.
fn all(rows: &[usize], named: &dyn Fn(usize) -> String) -> String {
    let names: Vec<String> = rows.iter().map(|&i| named(i)).collect();
    match &names[..] {
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        names => names.join(""),
    }
}

/// Whether it is a preconditioner that is the solution.
fn is_direct(pc: &str) -> bool {
    pc.parse::<Spec>().is_ok_and(|spec| spec.is_direct())
}

#[cfg(test)]
mod tests {
    use super::super::sample::{results, solve};
    use super::*;
    use crate::evaluate::columns::{FAILURES, SOLVES};
    use crate::evaluate::seconds::Seconds;

    #[test]
    fn failures_are_counted_and_enter_every_statistic() {
        // Row 0: 10, 20 and a failure. Row 1: 4, 5, 6. Row 2 (direct): 1, 1, 1.
        let rows = summarize(&results());
        assert_eq!(rows.len(), 3);
        assert_eq!((rows[0].count(&SOLVES), rows[0].count(&FAILURES)), (3, 1));
        let q = rows[0].quartiles(&ITERATIONS).unwrap();
        // The failed solve stopped after 50 iterations, of 10,000 that it had.
        assert_eq!((q.mean, q.median, q.max), (10_030.0 / 3.0, 20.0, 10_000.0));
        let mut slow = results();
        slow.solves[2].solve_seconds = 1.0;
        slow.recipe.right_hand_sides = 2;
        let row = &summarize(&slow)[0];
        assert_eq!(row.quartiles(&ITERATIONS).unwrap().max, 20_000.0);
        assert_eq!(row.quartiles(&TOTAL_SECONDS).unwrap().max, 1.001);
        assert_eq!(rows[1].quartiles(&ITERATIONS).unwrap().mean, 5.0);
        // Setup and solve of row 1 are 2 ms and 3 ms.
        assert!((rows[1].quartiles(&TOTAL_SECONDS).unwrap().median - 5e-3).abs() < 1e-15);
    }

    #[test]
    fn the_classical_row_wins_where_it_does() {
        let results = results();
        let v = &verdicts(&results, &summarize(&results))[0];
        // The direct row has the fewest iterations and the least time; it may only win the time.
        assert_eq!((v.fewest_iterations, v.least_time), (Some(1), Some(2)));
        assert!(v.text.contains("fewest iterations (mean) cg + icc (classical) with 5.0"), "{}", v.text);
        assert!(v.text.contains("cg + cholesky (classical) with 1.000 ms"), "{}", v.text);
    }

    #[test]
    fn rows_that_cannot_be_told_apart_win_together() {
        let mut results = results();
        // Row 0 solves every system with the iterations of row 1, and now faster than row 1, now slower.
        let its = [4, 5, 6];
        for s in results.solves.iter_mut().filter(|s| s.row == 0) {
            (s.converged, s.iterations) = (true, its[s.sample as usize]);
            (s.setup_seconds, s.solve_seconds) = (1e-3, 1e-3 * [3.0, 4.0, 5.0][s.sample as usize]);
        }
        results.solves.retain(|s| s.row < 2);
        let v = &verdicts(&results, &summarize(&results))[0];
        assert_eq!((&v.as_few_iterations[..], &v.as_fast[..]), (&[0, 1][..], &[0, 1][..]));
        let text = "p: equally few iterations (mean), 5.0: cg + none (classical) and cg + icc (classical), no \
                    difference in time (setup and inference included) can be told between cg + none (classical) with \
                    5.000 ms and \
                    cg + icc (classical) with 5.000 ms";
        assert_eq!(v.text, text);
        // Rounds that move far: twice as fast on every system is then no difference.
        let alone = |seconds: f64| Seconds { solving: seconds, ..Seconds::default() };
        for s in &mut results.solves {
            let factor = if s.row == 0 { 1.0 } else { 2.0 };
            s.setup_seconds = 0.0;
            s.solve_seconds = 1e-3 * factor;
        }
        assert_eq!(verdicts(&results, &summarize(&results))[0].as_fast, [0]);
        for (moves, told) in [([0.99, 1.0, 1.01], true), ([0.5, 1.0, 2.0], false)] {
            for s in &mut results.solves {
                s.rounds = moves.map(|m| alone(s.solve_seconds * if s.row == 0 { 1.0 } else { m })).to_vec();
            }
            assert_eq!(verdicts(&results, &summarize(&results))[0].as_fast.len() == 1, told);
        }
    }

    #[test]
    fn a_row_that_is_faster_by_the_ratio_is_named_beside_the_one_with_the_least_median() {
        // Row 1 takes nine tenths of the time of row 0 on all systems but one in the middle, where it takes so long
        // that its median is larger.
        let mut results = results();
        let systems = 21;
        results.datasets[0].systems = systems;
        let seconds = |row: usize, s: usize| match (row, s) {
            (0, s) => 1e-3 * if s <= 10 { 1.0 } else { 4.0 },
            (_, 10) => 3e-3,
            (_, s) => 0.9 * 1e-3 * if s < 10 { 1.0 } else { 4.0 },
        };
        let one = |row: usize, s: usize| Solve {
            setup_seconds: 0.0,
            solve_seconds: seconds(row, s),
            ..solve(row, s as u64, Some(5))
        };
        results.solves = (0..2).flat_map(|row| (0..systems).map(move |s| one(row, s))).collect();
        let rows = summarize(&results);
        let v = &verdicts(&results, &rows)[0];
        assert_eq!((v.least_time, &v.as_fast[..], &v.faster_by_ratio[..]), (Some(0), &[0, 1][..], &[1][..]));
        let text = "least median time (setup and inference included) cg + none (classical) with 1.000 ms, yet faster \
                    than it by the median ratio cg + icc (classical) with 3.000 ms";
        assert!(v.text.ends_with(text), "{}", v.text);
        let table = crate::evaluate::console(&results, &rows, std::slice::from_ref(v));
        assert!(table.contains("what cannot be told from it, or is faster by the median ratio"), "{table}");
        // And beside a third one that cannot be told from the first.
        results.solves.extend((0..systems).map(|s| Solve { solve_seconds: seconds(0, s), ..one(2, s) }));
        results.recipe.rows[2].pc = Some("jacobi".into());
        let v = &verdicts(&results, &summarize(&results))[0];
        assert_eq!((&v.as_fast[..], &v.faster_by_ratio[..]), (&[0, 1, 2][..], &[1][..]));
        let text = "can be told between cg + none (classical) with 1.000 ms and cg + jacobi (classical) with 1.000 ms, \
                    yet faster than cg + none (classical) by the median ratio cg + icc (classical) with 3.000 ms";
        assert!(v.text.ends_with(text), "{}", v.text);
    }

    #[test]
    fn where_all_fail_nobody_wins() {
        let mut results = results();
        results.solves = vec![solve(0, 0, None), solve(1, 0, None), solve(2, 0, None)];
        let rows = summarize(&results);
        let failed =
            |row: &SummaryRow| row.count(&FAILURES) == 1 && row.quartiles(&ITERATIONS).unwrap().mean == 10_000.0;
        assert!(rows.iter().all(failed));
        let v = &verdicts(&results, &rows)[0];
        assert_eq!((v.fewest_iterations, v.least_time), (None, None));
        assert!(v.text.contains("no iterative row solved every system"), "{}", v.text);
        results.solves.clear();
        assert!(verdicts(&results, &summarize(&results)).is_empty());
    }
}
