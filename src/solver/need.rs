//! What a method needs promised of A and M, and which method to take where it is not.

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

/// # Errors
/// [`Error::Argument`] unless both are promised symmetric positive definite; it names a method that can.
pub(super) fn spd(method: &str, a: &dyn LinOp, m: &dyn LinOp) -> Result<()> {
    for (what, op) in [("A", a), ("the preconditioner", m)] {
        let p = op.props();
        if p != Props::SPD {
            return Err(Error::Argument(format!(
                "{method} needs {what} promised symmetric positive definite; it is promised {}: take gmres",
                described(p)
            )));
        }
    }
    Ok(())
}

/// # Errors
/// [`Error::Argument`] unless both are promised linear.
pub(super) fn linear(method: &str, a: &dyn LinOp, m: &dyn LinOp) -> Result<()> {
    for (what, op) in [("A", a), ("the preconditioner", m)] {
        if !op.props().linear {
            return Err(Error::Argument(format!(
                "{method} needs {what} promised linear; it is not: take richardson"
            )));
        }
    }
    Ok(())
}
