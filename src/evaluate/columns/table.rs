//! The columns, in the order in which every place shows them. Files keep the order of their columns: new ones come last.

use super::column::Format::{By, Exponent, Fixed, Milliseconds, Plain, Scientific, Short};
use super::column::Place::{Console, Html, Note, ResultsCsv, SummaryCsv, SummaryJson};
use super::column::{Column, Mark, Of, Shown, Summary, SummaryRow, Value, at};
use crate::evaluate::group::Group;
use crate::evaluate::measure::Solve;
use crate::evaluate::statistics::Quartiles;
use crate::evaluate::statistics::Statistic::{Max, Mean, Median, Min, Q1, Q3, Range, Whole};

/// Every column.
pub static COLUMNS: &[&Column] = &[
    &DATASET,
    &DATASET_NUMBER,
    &FAMILY,
    &N,
    &SAMPLE,
    &ROW,
    &ROW_NUMBER,
    &KIND,
    &KSP,
    &RTOL,
    &SOLVES,
    &FAILURES,
    &CONVERGED,
    &REASON,
    &ITERATIONS,
    &FAILED,
    &SETUP_SECONDS,
    &SOLVE_SECONDS,
    &TOTAL_SECONDS,
    &FILL,
    &RELATIVE_RESIDUAL,
    &KAPPA_BEFORE,
    &KAPPA_AFTER,
    &SPECTRAL,
    &CONTRACTION,
    &MEASURE_OF_ROW,
    &RELATIVE_ERROR,
    &GUESS_ERROR,
    &GUESS_MEAN_ERROR,
    &ITERATIONS_CHANGE,
    &LABEL_COSINE,
    &PC_NNZ,
    &NOTE,
    &MEASURE,
];

/// Where a statistic of solves is shown if nothing speaks for other places: in every file, and in the report's tables of
/// rows that have it.
pub const STATISTIC: &[Shown] = &[
    at(ResultsCsv, Whole, Exponent),
    at(SummaryCsv, Mean, Plain),
    at(SummaryCsv, Median, Plain),
    at(SummaryCsv, Max, Plain),
    at(SummaryJson, Whole, Plain),
    at(Html, Mean, Scientific(2)).optional(),
    at(Html, Max, Scientific(2)).optional(),
];

static DATASET: Column = Column {
    name: "dataset",
    unit: "",
    help: "Name of the dataset",
    of: Of::Solve(|s, r| r.datasets[s.dataset].name.as_str().into(), Summary::Same),
    shown: &[at(ResultsCsv, Whole, Plain), at(SummaryCsv, Whole, Plain)],
};

static DATASET_NUMBER: Column = Column {
    name: "dataset",
    unit: "",
    help: "Number of the dataset in the recipe, from 0",
    of: Of::Row(|g| Value::Count(g.dataset)),
    shown: &[at(SummaryJson, Whole, Plain)],
};

static FAMILY: Column = Column {
    name: "family",
    unit: "",
    help: "Family of the dataset",
    of: Of::Solve(|s, r| r.datasets[s.dataset].family.as_str().into(), Summary::None),
    shown: &[at(ResultsCsv, Whole, Plain)],
};

static N: Column = Column {
    name: "n",
    unit: "",
    help: "Unknowns: of the system, of the largest system of a dataset",
    of: Of::Solve(
        |s, _| Value::Count(s.n),
        Summary::By(|g| Value::Count(g.info().n)),
    ),
    shown: &[at(ResultsCsv, Whole, Plain), at(SummaryCsv, Whole, Plain)],
};

static SAMPLE: Column = Column {
    name: "sample",
    unit: "",
    help: "Number of the system in its dataset",
    of: Of::Solve(|s, _| Value::Count(s.sample as usize), Summary::None),
    shown: &[at(ResultsCsv, Whole, Plain)],
};

/// What the row is called.
pub static ROW: Column = Column {
    name: "row",
    unit: "",
    help: "Label of the row",
    of: Of::Solve(|s, r| r.recipe.rows[s.row].name().as_str().into(), Summary::Same),
    shown: &[
        at(ResultsCsv, Whole, Plain),
        at(SummaryCsv, Whole, Plain),
        at(SummaryJson, Whole, Plain).named("label"),
        at(Console, Whole, Plain).named("method"),
        at(Html, Whole, Plain).named("method"),
    ],
};

static ROW_NUMBER: Column = Column {
    name: "row",
    unit: "",
    help: "Number of the row in the recipe, from 0",
    of: Of::Row(|g| Value::Count(g.row)),
    shown: &[at(SummaryJson, Whole, Plain)],
};

/// "classical", "constant" or "learned".
pub static KIND: Column = Column {
    name: "kind",
    unit: "",
    help: "classical, constant or learned",
    of: Of::Solve(
        |s, r| r.recipe.rows[s.row].kind().map_or("", |k| k.name()).into(),
        Summary::Same,
    ),
    shown: &[
        at(ResultsCsv, Whole, Plain),
        at(SummaryCsv, Whole, Plain),
        at(SummaryJson, Whole, Plain),
        at(Console, Whole, Plain),
        at(Html, Whole, Plain),
    ],
};

static KSP: Column = Column {
    name: "ksp",
    unit: "",
    help: "Krylov method with its options",
    of: Of::Solve(
        |s, r| Value::Text(r.recipe.rows[s.row].ksp.to_string()),
        Summary::Same,
    ),
    shown: &[at(ResultsCsv, Whole, Plain)],
};

static RTOL: Column = Column {
    name: "rtol",
    unit: "",
    help: "Relative tolerance",
    of: Of::Solve(|s, _| Value::Number(s.target.rtol), Summary::Same),
    shown: &[
        at(ResultsCsv, Whole, Exponent),
        at(SummaryCsv, Whole, Exponent),
        at(SummaryJson, Whole, Plain),
    ],
};

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

static CONVERGED: Column = Column {
    name: "converged",
    unit: "",
    help: "Whether the tolerance was reached",
    of: Of::Solve(|s, _| Value::Flag(s.converged), Summary::None),
    shown: &[at(ResultsCsv, Whole, Plain)],
};

static REASON: Column = Column {
    name: "reason",
    unit: "",
    help: "PETSc's name of why the solve ended; SETUP_FAILED where the preconditioner could not be made",
    of: Of::Solve(|s, _| s.reason.as_str().into(), Summary::None),
    shown: &[at(ResultsCsv, Whole, Plain)],
};

/// Iterations of the solves that converged.
pub static ITERATIONS: Column = Column {
    name: "iterations",
    unit: "",
    help: "Iterations of the Krylov method, over the solves that converged",
    of: Of::Solve(|s, _| Value::Count(s.iterations), Summary::Converged),
    shown: &[
        at(ResultsCsv, Whole, Plain),
        at(SummaryCsv, Mean, Plain),
        at(SummaryCsv, Q1, Plain),
        at(SummaryCsv, Median, Plain),
        at(SummaryCsv, Q3, Plain),
        at(SummaryCsv, Max, Plain),
        at(SummaryJson, Whole, Plain),
        at(Console, Mean, Fixed(1))
            .named("mean it")
            .marked(Mark::FewestIterations),
        at(Console, Median, Short).named("median"),
        at(Console, Range, Short).named("q1-q3"),
        at(Console, Max, Short).named("worst"),
        at(Html, Mean, Fixed(1))
            .named("mean it")
            .marked(Mark::FewestIterations),
        at(Html, Median, Fixed(1)).named("median"),
        at(Html, Range, Fixed(1)).named("q1–q3"),
        at(Html, Max, Fixed(1)).named("worst"),
    ],
};

static FAILED: Column = Column {
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
    ],
};

/// Seconds of setup of the solves that converged.
pub static SETUP_SECONDS: Column = Column {
    name: "setup_seconds",
    unit: "s",
    help: "Setup of the preconditioner, a model's inference included",
    of: Of::Solve(|s, _| Value::Number(s.setup_seconds), Summary::Converged),
    shown: &[
        at(ResultsCsv, Whole, Exponent),
        at(SummaryCsv, Median, Plain),
        at(SummaryJson, Whole, Plain).named("setup"),
        at(Console, Median, Milliseconds).named("setup ms"),
        at(Html, Median, Milliseconds).named("setup ms"),
    ],
};

/// Seconds in the Krylov method of the solves that converged.
pub static SOLVE_SECONDS: Column = Column {
    name: "solve_seconds",
    unit: "s",
    help: "Time in the Krylov method",
    of: Of::Solve(|s, _| Value::Number(s.solve_seconds), Summary::Converged),
    shown: &[
        at(ResultsCsv, Whole, Exponent),
        at(SummaryCsv, Median, Plain),
        at(SummaryJson, Whole, Plain).named("solve"),
        at(Console, Median, Milliseconds).named("solve ms"),
        at(Html, Median, Milliseconds).named("solve ms"),
    ],
};

/// Both.
pub static TOTAL_SECONDS: Column = Column {
    name: "total_seconds",
    unit: "s",
    help: "Setup and solve together",
    of: Of::Solve(
        |s, _| Value::Number(s.setup_seconds + s.solve_seconds),
        Summary::Converged,
    ),
    shown: &[
        at(SummaryCsv, Median, Plain),
        at(SummaryJson, Whole, Plain).named("total"),
        at(Console, Median, Milliseconds)
            .named("total ms")
            .marked(Mark::LeastTime),
        at(Html, Median, Milliseconds)
            .named("total ms")
            .marked(Mark::LeastTime),
    ],
};

/// Stored numbers of the preconditioner over those of A.
pub static FILL: Column = Column {
    name: "fill",
    unit: "",
    help: "Stored numbers of the preconditioner (median) over those of A",
    of: Of::Row(|g| {
        let stored = g.quartiles(|s| Some(s.pc_nnz as f64)).map_or(0.0, |q| q.median);
        Value::Number(stored / g.info().nnz.max(1) as f64)
    }),
    shown: &[
        at(SummaryCsv, Whole, Fixed(4)),
        at(SummaryJson, Whole, Plain),
        at(Console, Whole, Fixed(2)).named("pc nnz/nnz(A)"),
        at(Html, Whole, Fixed(2)).named("nnz(M)/nnz(A)"),
    ],
};

static RELATIVE_RESIDUAL: Column = Column {
    name: "relative_residual",
    unit: "",
    help: "‖b − A x‖₂ / ‖b‖₂, recomputed; of a row the worst of the solves that converged",
    of: Of::Solve(
        |s, _| Value::Number(s.relative_residual),
        Summary::By(|g| {
            let good = g.solves.iter().filter(|s| s.converged);
            Value::Number(good.map(|s| s.relative_residual).fold(0.0, f64::max))
        }),
    ),
    shown: &[
        at(ResultsCsv, Whole, Exponent),
        at(SummaryCsv, Whole, Exponent).named("worst_residual"),
        at(SummaryJson, Whole, Plain).named("worst_residual"),
        at(Html, Whole, Scientific(1)).named("worst residual"),
    ],
};

static KAPPA_BEFORE: Column = Column {
    name: "kappa_before",
    unit: "",
    help: "κ₂(A), median over the systems where it was computed",
    of: Of::Row(|g| median(g.info().kappa.clone())),
    shown: &[
        at(SummaryCsv, Whole, Plain),
        at(SummaryJson, Whole, Plain),
        at(Html, Whole, Fixed(1)).named("κ(A)"),
    ],
};

static KAPPA_AFTER: Column = Column {
    name: "kappa_after",
    unit: "",
    help: "κ(M A): λmax/λmin where M is symmetric positive definite, else σmax/σmin",
    of: Of::Row(|g| median(g.conditions().iter().map(|c| c.kappa).collect())),
    shown: &[
        at(SummaryCsv, Whole, Plain),
        at(
            SummaryCsv,
            Whole,
            By(|row| by_what(row, "eigenvalues", "singular values").into()),
        )
        .named("kappa_after_by"),
        at(SummaryJson, Whole, Plain),
        at(Console, Whole, By(kappas)).named("kappa(A) -> kappa(MA)"),
        at(
            Html,
            Whole,
            By(|row| {
                let kappa = row.number(&KAPPA_AFTER).map(|k| format!("{k:.1}"));
                kappa.unwrap_or_default() + by_what(row, "", " (σ)")
            }),
        )
        .named("κ(MA)"),
    ],
};

static SPECTRAL: Column = Column {
    name: "spectral",
    unit: "",
    help: "Whether κ(M A) is of eigenvalues",
    of: Of::Row(|g| Value::Flag(g.conditions().iter().all(|c| c.spectral))),
    shown: &[at(SummaryJson, Whole, Plain)],
};

static CONTRACTION: Column = Column {
    name: "contraction",
    unit: "",
    help: "ρ(I − ω M A) of a Richardson iteration, median over the systems where it was computed",
    of: Of::Row(|g| median(g.conditions().iter().filter_map(|c| c.contraction).collect())),
    shown: &[
        at(SummaryCsv, Whole, Plain),
        at(SummaryJson, Whole, Plain),
        at(Console, Whole, Fixed(4)).named("rho(I-wMA)"),
        at(Html, Whole, Fixed(4)).named("ρ(I − ωMA)"),
    ],
};

/// Of a summary row; [`MEASURE`] is that of a solve, which stands elsewhere in its file.
static MEASURE_OF_ROW: Column = Column {
    name: "measure",
    unit: "",
    help: "What the tolerance is of: residual or error",
    of: Of::Row(|g| g.target.measure.name().into()),
    shown: &[at(SummaryCsv, Whole, Plain), at(SummaryJson, Whole, Plain)],
};

static RELATIVE_ERROR: Column = Column {
    name: "relative_error",
    unit: "",
    help: "‖x − x*‖₂ / ‖x*‖₂ against the stored solution, over the solves that converged",
    of: Of::Solve(|s, _| s.relative_error.into(), Summary::Converged),
    shown: STATISTIC,
};

/// Relative errors of a model's guesses.
pub static GUESS_ERROR: Column = Column {
    name: "guess_error",
    unit: "",
    help: "‖x̂ − x*‖₂ / ‖x*‖₂ of a model's guess, before any iteration",
    of: Of::Solve(|s, _| s.guess_error.into(), Summary::All),
    shown: &[
        at(ResultsCsv, Whole, Exponent),
        at(SummaryCsv, Mean, Plain),
        at(SummaryCsv, Median, Plain),
        at(SummaryCsv, Max, Plain),
        at(SummaryJson, Whole, Plain),
        at(Note, Whole, By(guess)),
        at(Html, Mean, Fixed(4)).optional(),
        at(Html, Max, Fixed(4)).optional(),
    ],
};

static GUESS_MEAN_ERROR: Column = Column {
    name: "guess_mean_error",
    unit: "that of x",
    help: "‖x̂ − x*‖₁ / n of a model's guess, before any iteration",
    of: Of::Solve(|s, _| s.guess_mean_error.into(), Summary::All),
    shown: STATISTIC,
};

static ITERATIONS_CHANGE: Column = Column {
    name: "iterations_change",
    unit: "",
    help: "Mean iterations with a guess over those of the same method from zero without a preconditioner, less one",
    of: Of::Row(change),
    shown: &[
        at(SummaryCsv, Whole, Plain),
        at(SummaryJson, Whole, Plain),
        at(
            Note,
            Whole,
            By(|row| {
                row.number(&ITERATIONS_CHANGE).map_or_else(String::new, |change| {
                    format!(
                        "{} against {} from zero: {:+.1} % iterations (mean)",
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

static LABEL_COSINE: Column = Column {
    name: "label_cosine",
    unit: "",
    help: "cos(L, L*) between what a model says and the label that it was trained on",
    of: Of::Solve(|s, _| s.label_cosine.into(), Summary::All),
    shown: &[
        at(ResultsCsv, Whole, Fixed(6)),
        at(SummaryCsv, Mean, Plain),
        at(SummaryCsv, Median, Plain),
        at(SummaryCsv, Min, Plain),
        at(SummaryJson, Whole, Plain),
        at(
            Note,
            Whole,
            By(|row| {
                row.quartiles(&LABEL_COSINE).map_or_else(String::new, |q| {
                    format!(
                        "factor of {}: cosine with its target mean {:.4}, median {:.4}, worst {:.4}",
                        row.text(&ROW),
                        q.mean,
                        q.median,
                        q.min
                    )
                })
            }),
        ),
        at(Html, Mean, Fixed(4)).optional(),
        at(Html, Min, Fixed(4)).optional(),
    ],
};

static PC_NNZ: Column = Column {
    name: "pc_nnz",
    unit: "",
    help: "Stored numbers of the preconditioner",
    of: Of::Solve(|s, _| Value::Count(s.pc_nnz), Summary::None),
    shown: &[at(ResultsCsv, Whole, Plain)],
};

static NOTE: Column = Column {
    name: "note",
    unit: "",
    help: "What setup had to say, such as a shift that was needed",
    of: Of::Solve(
        |s, _| s.note.as_deref().map_or(Value::Missing, Value::from),
        Summary::None,
    ),
    shown: &[at(ResultsCsv, Whole, Plain)],
};

static MEASURE: Column = Column {
    name: "measure",
    unit: "",
    help: "What the tolerance is of: residual or error",
    of: Of::Solve(|s, _| s.target.measure.name().into(), Summary::None),
    shown: &[at(ResultsCsv, Whole, Plain)],
};

fn median(values: Vec<f64>) -> Value {
    Quartiles::of(&values).map(|q| q.median).into()
}

/// Which of two texts says what κ after was computed from; "" where it was not.
fn by_what(row: &SummaryRow, eigenvalues: &'static str, singular_values: &'static str) -> &'static str {
    match (row.number(&KAPPA_AFTER), row.value(&SPECTRAL)) {
        (None, _) => "",
        (_, Value::Flag(true)) => eigenvalues,
        _ => singular_values,
    }
}

/// "29.8 -> 3.1 (sigma)".
fn kappas(row: &SummaryRow) -> String {
    let short = |v: f64| {
        if v < 1000.0 {
            format!("{v:.1}")
        } else {
            format!("{v:.2e}")
        }
    };
    match (row.number(&KAPPA_BEFORE), row.number(&KAPPA_AFTER)) {
        (Some(before), Some(after)) => {
            format!(
                "{} -> {}{}",
                short(before),
                short(after),
                by_what(row, "", " (sigma)")
            )
        }
        _ => String::new(),
    }
}

/// The errors of a model's guesses in a sentence.
fn guess(row: &SummaryRow) -> String {
    row.quartiles(&GUESS_ERROR).map_or_else(String::new, |q| {
        format!(
            "guess of {}: relative error mean {:.4}, median {:.4}, worst {:.4}; mean absolute error {:.3e}",
            row.text(&ROW),
            q.mean,
            q.median,
            q.max,
            row.quartiles(&GUESS_MEAN_ERROR).map_or(f64::NAN, |e| e.mean)
        )
    })
}

/// The change of the mean iterations of a row with guesses against the same method from zero without a preconditioner,
/// where both solved every system; −0.4 is 40 % fewer.
fn change(group: &Group) -> Value {
    let solved = |g: &Group| {
        let its = g.quartiles(|s: &Solve| Some(s.iterations as f64))?;
        (g.failures() == 0).then_some(its.mean)
    };
    let rows = &group.results.recipe.rows;
    let plain = || {
        let ksp = &rows[group.row].ksp;
        let same = |r: &usize| rows[*r].pc.as_deref() == Some("none") && rows[*r].ksp == *ksp;
        let r = (0..rows.len()).find(same)?;
        Group::of(group.results, group.dataset, r, group.target)
    };
    let guesses = group.solves.iter().any(|s| s.guess_error.is_some());
    let pair = guesses
        .then(|| Some((solved(group)?, solved(&plain()?)?)))
        .flatten();
    pair.filter(|(_, without)| *without > 0.0)
        .map(|(with, without)| with / without - 1.0)
        .into()
}
