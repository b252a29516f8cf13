//! How solves ended: convergence, iterations, failures.

use super::column::Format::{By, Fixed, Plain, Short};
use super::column::Place::{Console, Html, Note, Paper, ResultsCsv, SummaryCsv, SummaryJson};
use super::column::{Column, Mark, Of, Summary, Value, at};
use super::labels::{KSP, PC, ROW};
use crate::evaluate::group::Group;
use crate::evaluate::measure::Solve;
use crate::evaluate::row::{Row, RowKind};
use crate::evaluate::settings::settings;
use crate::evaluate::statistics::Statistic::{High, Low, Max, Mean, Median, MedianInterval, Q1, Q3, Range, Whole};
use crate::models::constants::is_named;
use crate::precond::Spec;

/// Solves of the row.
pub static SOLVES: Column = Column {
    name: "solves",
    unit: "",
    help: "Systems that the row tried",
    of: Of::Row(|g| Value::Count(g.solves.len())),
    shown: &[at(SummaryCsv, Whole, Plain), at(SummaryJson, Whole, Plain)],
};

/// Those that did not converge.
pub static FAILURES: Column = Column {
    name: "failures",
    unit: "",
    help: "Systems that it did not solve",
    of: Of::Row(|g| Value::Count(g.failures())),
    shown: &[at(SummaryCsv, Whole, Plain), at(SummaryJson, Whole, Plain)],
};

pub static FAILED: Column = Column {
    name: "failed",
    unit: "",
    help: "Systems that the row did not solve, of those that it tried",
    of: Of::Row(|g| Value::Text(format!("{} of {}", g.failures(), g.solves.len()))),
    shown: &[
        at(
            Console,
            Whole,
            By(|row| match row.count(&FAILURES) {
                0 => "0".into(),
                _ => row.text(&FAILED).into(),
            }),
        ),
        at(Html, Whole, Plain).marked(Mark::Failures),
        at(Paper, Whole, Plain),
    ],
};

pub static CONVERGED: Column = Column {
    name: "converged",
    unit: "",
    help: "Whether the tolerance was reached",
    of: Of::Solve(|s, _| Value::Flag(s.converged), Summary::None),
    shown: &[at(ResultsCsv, Whole, Plain)],
};

pub static REASON: Column = Column {
    name: "reason",
    unit: "",
    help: "PETSc's name of why the solve ended; SETUP_FAILED where the preconditioner could not be made, UNSUITABLE \
           where the system is of another kind than the method or the model is for",
    of: Of::Solve(|s, _| s.reason.as_str().into(), Summary::None),
    shown: &[at(ResultsCsv, Whole, Plain)],
};

/// Where a model's own answer was not used.
pub static FELL_BACK: Column = Column {
    name: "fell_back",
    unit: "",
    help: "Systems for which a model's answer was worse than what it started from, so that the start was taken",
    of: Of::Solve(
        |s, _| Value::Flag(s.fell_back),
        Summary::By(|g| match g.solves.iter().filter(|s| s.fell_back).count() {
            0 => Value::Missing,
            count => Value::Count(count),
        }),
    ),
    shown: &[
        at(ResultsCsv, Whole, Plain),
        at(SummaryCsv, Whole, Plain),
        at(SummaryJson, Whole, Plain),
        at(
            Note,
            Whole,
            By(|row| match row.count(&FELL_BACK) {
                0 => String::new(),
                count => {
                    let (row, solves) = (row.text(&ROW), row.count(&SOLVES));
                    format!("{row}: fell back on its start for {count} of {solves} systems")
                }
            }),
        ),
    ],
};

pub static FIRST_FAILURE: Column = Column {
    name: "first_failure",
    unit: "",
    help: "Why the first of the systems that the row did not solve was not solved",
    of: Of::Row(|g| g.solves.iter().find(|s| !s.converged).map_or(Value::Missing, |s| Value::Text(failure(s)))),
    shown: &[
        at(SummaryJson, Whole, Plain),
        at(
            Note,
            Whole,
            By(|row| match row.text(&FIRST_FAILURE) {
                "" => String::new(),
                why => format!("{}: {} not solved, the first: {why}", row.text(&ROW), row.text(&FAILED)),
            }),
        ),
    ],
};

/// Sample and reason; what setup said, or how far the iteration came.
fn failure(s: &Solve) -> String {
    let how = match (&s.note, s.iterations) {
        (Some(note), 0) => note.clone(),
        (_, its) => format!("after {its} iterations, relative residual {:.1e}", s.relative_residual),
    };
    format!("sample {}, {}: {how}", s.sample, s.reason)
}

/// Iterations; a solve that failed, of whatever reason, counts with the most that were allowed.
pub static ITERATIONS: Column = Column {
    name: "iterations",
    unit: "",
    help: "Iterations, those of features and guess before the method began included, added up over right-hand sides; \
           in the statistics of a row a failed solve counts with max_it for each of them",
    of: Of::Solve(
        |s, _| Value::Count(s.iterations),
        Summary::AtLeast(|_, r| Value::Count(r.recipe.max_it * r.recipe.right_hand_sides)),
    ),
    shown: &[
        at(ResultsCsv, Whole, Plain),
        at(SummaryCsv, Mean, Plain),
        at(SummaryCsv, Q1, Plain),
        at(SummaryCsv, Median, Plain),
        at(SummaryCsv, Q3, Plain),
        at(SummaryCsv, Max, Plain),
        at(SummaryJson, Whole, Plain),
        at(Console, Mean, Fixed(1)).named("mean it").marked(Mark::FewestIterations),
        at(Console, Median, Short).named("median"),
        at(Console, Range, Short).named("q1-q3"),
        at(Console, Max, Short).named("worst"),
        at(Html, Mean, Fixed(1)).named("mean it").marked(Mark::FewestIterations),
        at(Html, MedianInterval, Fixed(1)).named("median it [95 %]"),
        at(Html, Range, Fixed(1)).named("q1–q3"),
        at(Html, Max, Fixed(1)).named("worst"),
        at(Paper, MedianInterval, Short).named("iterations"),
        at(Paper, Max, Short).named("worst"),
    ],
};

/// Whether iterations say nothing, since M is a direct solver.
pub static DIRECT: Column = Column {
    name: "direct",
    unit: "",
    help: "Whether the preconditioner is a direct solver on these systems, as amg is where A is not larger than its \
           coarsest level: iterations are then not compared",
    of: Of::Solve(|s, _| Value::Flag(s.direct), Summary::By(|g| Value::Flag(g.solves.iter().all(|s| s.direct)))),
    shown: &[
        at(ResultsCsv, Whole, Plain),
        at(SummaryCsv, Whole, Plain),
        at(SummaryJson, Whole, Plain),
        at(
            Note,
            Whole,
            By(|row| {
                let known = row.text(&PC).parse::<Spec>().is_ok_and(|spec| spec.is_direct());
                match row.value(&DIRECT) {
                    Value::Flag(true) if !known => {
                        let why = "a direct solver at this size: compared in time, not in iterations";
                        format!("{}: {why}", row.text(&ROW))
                    }
                    _ => String::new(),
                }
            }),
        ),
    ],
};

/// Of how many the row is one.
pub static SETTINGS: Column = Column {
    name: "settings",
    unit: "",
    help: "Settings of this method that the recipe tries on these systems (drop tolerances, damping, filters), where \
           they are several: the best of them is chosen on the systems that it is tested on",
    of: Of::Row(|g| match settings(&g.results.recipe, g.row) {
        1 => Value::Missing,
        several => Value::Count(several),
    }),
    shown: &[
        at(SummaryCsv, Whole, Plain),
        at(SummaryJson, Whole, Plain),
        at(Html, Whole, Plain).named("settings tried").optional(),
    ],
};

/// How sure the median of the iterations is.
pub static ITERATIONS_INTERVAL: Column = Column {
    name: "iterations_median",
    unit: "",
    help: "95 % interval of the median iterations, by the bootstrap",
    of: Of::Solve(
        |s, _| Value::Count(s.iterations),
        Summary::AtLeast(|_, r| Value::Count(r.recipe.max_it * r.recipe.right_hand_sides)),
    ),
    shown: &[at(SummaryCsv, Low, Plain), at(SummaryCsv, High, Plain)],
};

/// Iterations before the method began.
pub static SETUP_ITERATIONS: Column = Column {
    name: "setup_iterations",
    unit: "",
    help: "Of the iterations those before the method began: of a classical method whose iterates are a model's \
           features or the guess, and one for each further product with A that the guess takes",
    of: Of::Solve(|s, _| Some(s.setup_iterations as f64).filter(|&its| its > 0.0).into(), Summary::Converged),
    shown: &[
        at(ResultsCsv, Whole, Plain),
        at(SummaryCsv, Mean, Plain),
        at(SummaryJson, Whole, Plain),
        at(Console, Mean, Fixed(1)).named("in setup").optional(),
        at(Html, Mean, Fixed(1)).named("of them in setup").optional(),
    ],
};

pub static ITERATIONS_CHANGE: Column = Column {
    name: "iterations_change",
    unit: "",
    help: "Mean iterations with a guess, its own included, over those of the same method and preconditioner from \
           zero, less one",
    of: Of::Row(change),
    shown: &[
        at(SummaryCsv, Whole, Plain),
        at(SummaryJson, Whole, Plain),
        at(
            Note,
            Whole,
            By(|row| {
                row.number(&ITERATIONS_CHANGE).map_or_else(String::new, |change| {
                    let pc = match row.text(&PC) {
                        "" | "none" => String::new(),
                        pc if is_named(pc) => String::new(),
                        pc => format!(" + {pc}"),
                    };
                    format!(
                        "{} against {}{pc} from zero: {:+.1} % iterations (mean)",
                        row.text(&ROW),
                        row.text(&KSP),
                        1e2 * change
                    )
                })
            }),
        ),
        at(Html, Whole, Fixed(3)).named("change of iterations").optional(),
    ],
};

/// The change of the mean iterations of a row with guesses against the same method and preconditioner from zero, where
/// both solved every system; −0.4 is 40 % fewer.
fn change(group: &Group) -> Value {
    let solved = |g: &Group| {
        let its = g.quartiles(|s: &Solve| Some(s.iterations as f64))?;
        (g.failures() == 0).then_some(its.mean)
    };
    let rows = &group.results.recipe.rows;
    let plain = || {
        let with = &rows[group.row];
        let text = with.pc.as_deref().filter(|pc| !is_named(pc)).unwrap_or("none");
        let pc = text.parse::<Spec>().ok()?;
        let from_zero =
            |row: &Row| row.ksp == with.ksp && matches!(row.kind(), Ok(RowKind::Classical(plain)) if plain == pc);
        let r = rows.iter().position(from_zero)?;
        Group::of(group.results, group.dataset, r, group.target)
    };
    let guesses = group.solves.iter().any(|s| s.guess_error.is_some());
    let pair = guesses.then(|| Some((solved(group)?, solved(&plain()?)?))).flatten();
    pair.filter(|(_, without)| *without > 0.0).map(|(with, without)| with / without - 1.0).into()
}
