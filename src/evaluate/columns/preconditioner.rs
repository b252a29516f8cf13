//! What stands beside A: its size, and condition numbers without and with it.

use super::column::Format::{By, Fixed, Plain};
use super::column::Place::{Console, Html, ResultsCsv, SummaryCsv, SummaryJson};
use super::column::{Column, Of, Summary, SummaryRow, Value, at};
use crate::evaluate::statistics::Quartiles;
use crate::evaluate::statistics::Statistic::Whole;

pub static PC_NNZ: Column = Column {
    name: "pc_nnz",
    unit: "",
    help: "Stored numbers of the preconditioner",
    of: Of::Solve(|s, _| Value::Count(s.pc_nnz), Summary::None),
    shown: &[at(ResultsCsv, Whole, Plain)],
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

pub static KAPPA_BEFORE: Column = Column {
    name: "kappa_before",
    unit: "",
    help: "κ₂(A), median over the systems where it was computed",
    of: Of::Row(|g| median(g.info().kappa.clone())),
    shown: &[
        at(SummaryCsv, Whole, Plain),
        at(SummaryJson, Whole, Plain),
        at(Html, Whole, Fixed(1)).named("κ(A)").optional(),
    ],
};

pub static KAPPA_AFTER: Column = Column {
    name: "kappa_after",
    unit: "",
    help: "κ(M A), of what is left beside a deflated space: λmax/λmin where M is symmetric positive definite, \
           else σmax/σmin",
    of: Of::Row(|g| median(g.conditions().iter().map(|c| c.kappa).collect())),
    shown: &[
        at(SummaryCsv, Whole, Plain),
        at(SummaryCsv, Whole, By(|row| by_what(row, "eigenvalues", "singular values").into())).named("kappa_after_by"),
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
        .named("κ(MA)")
        .optional(),
    ],
};

pub static SPECTRAL: Column = Column {
    name: "spectral",
    unit: "",
    help: "Whether κ(M A) is of eigenvalues",
    of: Of::Row(|g| Value::Flag(g.conditions().iter().all(|c| c.spectral))),
    shown: &[at(SummaryJson, Whole, Plain)],
};

pub static CONTRACTION: Column = Column {
    name: "contraction",
    unit: "",
    help: "ρ(I − ω M A) of a Richardson iteration, median over the systems where it was computed",
    of: Of::Row(|g| median(g.conditions().iter().filter_map(|c| c.contraction).collect())),
    shown: &[
        at(SummaryCsv, Whole, Plain),
        at(SummaryJson, Whole, Plain),
        at(Console, Whole, Fixed(4)).named("rho(I-wMA)"),
        at(Html, Whole, Fixed(4)).named("ρ(I − ωMA)").optional(),
    ],
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
        if v < 1000.0 { format!("{v:.1}") } else { format!("{v:.2e}") }
    };
    match (row.number(&KAPPA_BEFORE), row.number(&KAPPA_AFTER)) {
        (Some(before), Some(after)) => {
            format!("{} -> {}{}", short(before), short(after), by_what(row, "", " (sigma)"))
        }
        _ => String::new(),
    }
}
