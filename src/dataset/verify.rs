//! Recomputes what a dataset claims: every digest and every residual.

use rayon::prelude::*;

use super::digest;
use super::reader::Dataset;
use super::record::{self, RESIDUAL_LIMIT};
use crate::error::{Error, Result};
use crate::interrupt;
use crate::system::{LinearSystem, Parts};

/// How far a recomputed residual may be from the recorded one (both come from the same sums in the same order).
const RESIDUAL_DRIFT: f64 = 1e-12;

/// What is wrong with a sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// The sample's row in the file.
    pub sample: usize,
    /// In words.
    pub reason: String,
}

/// What a verification found.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Samples checked.
    pub samples: usize,
    /// The largest recomputed ‖b − A x‖₂ / ‖b‖₂; 0 where no solutions are stored.
    pub worst_residual: f64,
    /// All samples that do not hold what is recorded.
    pub faults: Vec<Fault>,
}

/// Checks every sample (the rest of the file was checked when it was opened): its digest and, where a solution is
/// stored, ‖b − A x‖₂ / ‖b‖₂ against the recorded one and against [`RESIDUAL_LIMIT`]. `progress`
/// is told how many samples are done.
///
/// # Errors
/// [`Error::File`] if rows cannot be read at all, [`Error::Interrupted`] on Ctrl-C. Faults are not errors.
pub fn verify(data: &Dataset, progress: &dyn Fn(usize)) -> Result<Report> {
    let mut report = Report { samples: data.len(), worst_residual: 0.0, faults: Vec::new() };
    let mut first = 0;
    while first < data.len() {
        if interrupt::requested() {
            return Err(Error::Interrupted(format!("{first} of {} samples checked", data.len())));
        }
        let last = (first + data.block_len()).min(data.len());
        check_block(data, first, last, &mut report);
        first = last;
        progress(last);
    }
    Ok(report)
}

fn check_block(data: &Dataset, first: usize, last: usize, report: &mut Report) {
    let systems = match data.unchecked(first, last, &Parts::all()) {
        Ok(systems) => systems,
        Err(e) if last == first + 1 => {
            let reason = e.to_string();
            return report.faults.push(Fault { sample: first, reason });
        }
        // Some row of the block is not even readable: find which.
        Err(_) => return (first..last).for_each(|i| check_block(data, i, i + 1, report)),
    };
    let checked: Vec<(f64, Option<String>)> =
        systems.par_iter().enumerate().map(|(k, s)| check(data, first + k, s)).collect();
    for (k, (residual, fault)) in checked.into_iter().enumerate() {
        report.worst_residual = report.worst_residual.max(residual);
        if let Some(reason) = fault {
            let sample = first + k;
            report.faults.push(Fault { sample, reason });
        }
    }
}

/// v > limit, or v is not a number.
fn exceeds(v: f64, limit: f64) -> bool {
    v.is_nan() || v > limit
}

/// The recomputed residual (0 without a solution) and what is wrong.
fn check(data: &Dataset, i: usize, s: &LinearSystem) -> (f64, Option<String>) {
    let found = record::relative_residual(s);
    let residual = if s.solution.is_some() { found } else { 0.0 };
    let (digest, recorded) = (digest::sample(s), data.digests()[i]);
    let drift = (residual - data.residuals()[i]).abs();
    let copied = if i == 0 { data.check_copy(s) } else { Ok(()) };
    let fault = if let Err(what) = copied {
        Some(format!("is not what /pattern says it is: {what}"))
    } else if digest != recorded {
        Some(format!("was altered: its digest is {digest:016x}, recorded is {recorded:016x}"))
    } else if s.solution.is_some() && exceeds(residual, RESIDUAL_LIMIT) {
        Some(format!("has relative residual {residual:.1e}, above {RESIDUAL_LIMIT:.0e}"))
    } else if s.solution.is_some() && exceeds(drift, RESIDUAL_DRIFT) {
        let recorded = data.residuals()[i];
        Some(format!("has relative residual {residual:.3e}, recorded is {recorded:.3e}"))
    } else {
        None
    };
    (residual, fault)
}
