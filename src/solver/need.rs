//! What a method needs promised of A and M, and which method to take where it is not.

use super::stop::{Norm, Stop};
use crate::error::{Error, Result};
use crate::linalg::{LinOp, Props};

fn described(p: Props) -> &'static str {
    match (p.linear, p.symmetric, p.positive_definite) {
        (false, _, _) => "not even linear",
        (true, true, true) => "symmetric positive definite",
        (true, true, false) => "symmetric only",
        (true, false, _) => "linear only",
    }
}

fn refuse(method: &str, what: &str, need: &str, has: Props, take: &str) -> Error {
    Error::Argument(format!(
        "{method} needs {what} promised {need}; it is promised {}: take {take}",
        described(has)
    ))
}

const SPD: &str = "symmetric positive definite";

/// # Errors
/// [`Error::Argument`] unless both are promised symmetric positive definite; it names a method that can.
pub(super) fn spd(method: &str, a: &dyn LinOp, m: &dyn LinOp) -> Result<()> {
    spd_matrix(method, a)?;
    spd_preconditioner(method, m, "fcg or gmres")
}

/// # Errors
/// [`Error::Argument`] unless A is promised symmetric positive definite.
pub(super) fn spd_matrix(method: &str, a: &dyn LinOp) -> Result<()> {
    match a.props() {
        Props::SPD => Ok(()),
        p @ Props::SYMMETRIC => Err(refuse(method, "A", SPD, p, "minres or gmres")),
        p => Err(refuse(method, "A", SPD, p, "gmres or bcgs")),
    }
}

fn spd_preconditioner(method: &str, m: &dyn LinOp, take: &str) -> Result<()> {
    match m.props() {
        Props::SPD => Ok(()),
        p if !p.linear => Err(refuse(
            method,
            "the preconditioner",
            SPD,
            p,
            "fcg or fgmres, which let it vary",
        )),
        p => Err(refuse(method, "the preconditioner", SPD, p, take)),
    }
}

/// # Errors
/// [`Error::Argument`] unless A is promised symmetric and M symmetric positive definite.
pub(super) fn symmetric(method: &str, a: &dyn LinOp, m: &dyn LinOp) -> Result<()> {
    let p = a.props();
    if !(p.symmetric && p.linear) {
        return Err(refuse(method, "A", "symmetric", p, "gmres or bcgs"));
    }
    spd_preconditioner(method, m, "gmres")
}

/// # Errors
/// [`Error::Argument`] unless the rule goes by a norm that the method has, or by none.
pub(super) fn norm(method: &str, stop: &Stop, has: &[Norm]) -> Result<()> {
    if stop.norm == Norm::None || has.contains(&stop.norm) {
        return Ok(());
    }
    let names: Vec<&str> = has.iter().map(|n| n.name()).collect();
    Err(Error::Argument(format!(
        "{method} has no {} residual norm: take {} or none",
        stop.norm.name(),
        names.join(", ")
    )))
}

/// # Errors
/// [`Error::Argument`] unless both are promised linear.
pub(super) fn linear(method: &str, a: &dyn LinOp, m: &dyn LinOp) -> Result<()> {
    for (what, op) in [("A", a), ("the preconditioner", m)] {
        let p = op.props();
        if !p.linear {
            return Err(refuse(method, what, "linear", p, "fgmres, which lets it vary"));
        }
    }
    Ok(())
}
