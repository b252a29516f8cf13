//! Residuals and errors, of solutions and of what models predict.

use super::column::Format::{By, Exponent, Fixed, Plain, Scientific};
use super::column::Place::{Html, Note, ResultsCsv, SummaryCsv, SummaryJson};
use super::column::{Column, Of, STATISTIC, Summary, SummaryRow, Value, at};
use super::labels::ROW;
use crate::evaluate::statistics::Statistic::{Max, Mean, Median, Min, Whole};

pub static RELATIVE_RESIDUAL: Column = Column {
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

pub static RELATIVE_ERROR: Column = Column {
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

pub static GUESS_MEAN_ERROR: Column = Column {
    name: "guess_mean_error",
    unit: "that of x",
    help: "‖x̂ − x*‖₁ / n of a model's guess, before any iteration",
    of: Of::Solve(|s, _| s.guess_mean_error.into(), Summary::All),
    shown: STATISTIC,
};

pub static LABEL_COSINE: Column = Column {
    name: "label_cosine",
    unit: "",
    help: "cos(L, L*) between what a model says and the label that it was trained on; of a space that of the largest \
           principal angle to the stored eigenvectors",
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
                        "{}: cosine with its target mean {:.4}, median {:.4}, worst {:.4}",
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
