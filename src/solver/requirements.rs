//! What a method needs promised of A and M, and which method to take where it is not.

use super::stop::{Norm, Stop};
use crate::error::{Error, Result};
use crate::linalg::{LinOp, Props};

/// What an operator must be promised to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// Nothing: it may differ from call to call.
    Nothing,
    /// The same linear map at every call.
    Linear,
    /// Linear and symmetric.
    Symmetric,
    /// Linear, symmetric and positive definite.
    Spd,
}

impl Need {
    /// In words; "" for nothing.
    pub fn words(self) -> &'static str {
        match self {
            Need::Nothing => "",
            Need::Linear => "linear",
            Need::Symmetric => "symmetric",
            Need::Spd => "symmetric positive definite",
        }
    }

    /// Whether an operator of these properties will do.
    pub fn met_by(self, p: Props) -> bool {
        match self {
            Need::Nothing => true,
            Need::Linear => p.linear,
            Need::Symmetric => p.linear && p.symmetric,
            Need::Spd => p == Props::SPD,
        }
    }

    /// Refuses a matrix of less than these properties; `who` needs them.
    ///
    /// # Errors
    /// [`Error::Unsuitable`] saying what is needed and what is promised.
    pub fn check_matrix(self, who: &str, p: Props) -> Result<()> {
        match self.met_by(p) {
            true => Ok(()),
            false => Err(Error::Unsuitable(refusal(who, "A", self, p))),
        }
    }
}

/// What a method needs: its own refusal, recipes and listings read it here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Requirements {
    /// The method's name in messages.
    pub method: &'static str,
    /// Of A.
    pub matrix: Need,
    /// Of M.
    pub preconditioner: Need,
    /// The norms of the residual that it can stop by, beside [`Norm::None`].
    pub norms: &'static [Norm],
}

impl Requirements {
    /// Of a method that stops by ‖b − A x‖₂ only.
    pub const fn of(method: &'static str, matrix: Need, preconditioner: Need) -> Self {
        Requirements { method, matrix, preconditioner, norms: &[Norm::Unpreconditioned] }
    }

    /// Whether M must be symmetric, so that a model's is to be made so.
    pub fn symmetric_preconditioner(&self) -> bool {
        self.preconditioner >= Need::Symmetric
    }

    /// Refuses what the method cannot use.
    ///
    /// # Errors
    /// [`Error::Unsuitable`] where A, [`Error::Argument`] where M promises less than the method needs, naming one that
    /// can take it, or where the rule goes by a norm that the method does not have.
    pub fn check(&self, a: &dyn LinOp, m: &dyn LinOp, stop: &Stop) -> Result<()> {
        self.check_matrix(a.props())?;
        self.check_preconditioner(m.props())?;
        self.check_norm(stop.norm)
    }

    /// Refuses a matrix that promises less than the method needs.
    ///
    /// # Errors
    /// [`Error::Unsuitable`], naming a method that can take it.
    pub fn check_matrix(&self, p: Props) -> Result<()> {
        let take = match (self.matrix, p) {
            (need, p) if need.met_by(p) => return Ok(()),
            (Need::Linear, _) => "fgmres, which lets it vary",
            (Need::Spd, Props::SYMMETRIC) => "minres or gmres",
            _ => "gmres or bcgs",
        };
        Err(Error::Unsuitable(self.refused("A", self.matrix, p, take)))
    }

    fn check_preconditioner(&self, p: Props) -> Result<()> {
        let take = match (self.preconditioner, self.matrix) {
            (need, _) if need.met_by(p) => return Ok(()),
            (Need::Linear, _) => "fgmres, which lets it vary",
            _ if !p.linear => "fcg or fgmres, which let it vary",
            (_, Need::Spd) => "fcg or gmres",
            _ => "gmres",
        };
        Err(Error::Argument(self.refused("the preconditioner", self.preconditioner, p, take)))
    }

    fn refused(&self, what: &str, need: Need, has: Props, take: &str) -> String {
        format!("{}: take {take}", refusal(self.method, what, need, has))
    }

    fn check_norm(&self, norm: Norm) -> Result<()> {
        if norm == Norm::None || self.norms.contains(&norm) {
            return Ok(());
        }
        let names: Vec<&str> = self.norms.iter().map(|n| n.name()).collect();
        Err(Error::Argument(format!(
            "{} has no {} residual norm: take {} or none",
            self.method,
            norm.name(),
            names.join(", ")
        )))
    }
}

fn refusal(who: &str, what: &str, need: Need, has: Props) -> String {
    format!("{who} needs {what} promised {}; it is promised {}", need.words(), described(has))
}

fn described(p: Props) -> &'static str {
    match (p.linear, p.symmetric, p.positive_definite) {
        (false, _, _) => "not even linear",
        (true, true, true) => "symmetric positive definite",
        (true, true, false) => "symmetric only",
        (true, false, _) => "linear only",
    }
}
