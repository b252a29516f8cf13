//! Direct solves of symmetric systems: Cholesky where A is promised definite, L D Lᵀ elsewhere.

use std::sync::Arc;

use super::{Cholesky, Csr, Inertia, Ldlt, Pattern, Props, SymbolicCholesky, SymbolicLdlt};
use crate::error::Result;
use crate::stages::{Stage, during};

/// The analysis of a pattern, for all matrices that have it.
#[derive(Debug, Clone)]
pub enum SymbolicDirect {
    /// For positive definite matrices.
    Cholesky(SymbolicCholesky),
    /// For symmetric ones.
    Ldlt(SymbolicLdlt),
}

impl SymbolicDirect {
    /// Analyses a structurally symmetric pattern; `props` is what its matrices promise.
    ///
    /// # Errors
    /// [`crate::Error::Shape`] if it is not square.
    pub fn new(pattern: &Arc<Pattern>, props: Props) -> Result<Self> {
        Ok(match props.positive_definite {
            true => SymbolicDirect::Cholesky(SymbolicCholesky::new(pattern)?),
            false => SymbolicDirect::Ldlt(SymbolicLdlt::new(pattern)?),
        })
    }

    /// Factorises a matrix of this pattern.
    ///
    /// # Errors
    /// As [`SymbolicCholesky::factorize`] and [`SymbolicLdlt::factorize`].
    pub fn factorize(&self, a: &Csr) -> Result<Direct> {
        Ok(match self {
            SymbolicDirect::Cholesky(symbolic) => Direct::Cholesky(symbolic.factorize(a)?),
            SymbolicDirect::Ldlt(symbolic) => Direct::Ldlt(during(Stage::Factorise, || symbolic.factorize(a))?),
        })
    }
}

/// A factorised symmetric matrix.
#[derive(Debug)]
pub enum Direct {
    /// A = L Lᵀ.
    Cholesky(Cholesky),
    /// P A Pᵀ = L D Lᵀ.
    Ldlt(Ldlt),
}

impl Direct {
    /// x ← A⁻¹ x.
    ///
    /// # Errors
    /// As [`Ldlt::solve_in_place`].
    pub fn solve_in_place(&self, x: &mut [f64]) -> Result<()> {
        match self {
            Direct::Cholesky(factor) => {
                factor.solve_in_place(x);
                Ok(())
            }
            Direct::Ldlt(factor) => during(Stage::Solve, || factor.solve_in_place(x)),
        }
    }

    /// X ← A⁻¹ X for some columns of n, one after the other.
    ///
    /// # Errors
    /// As [`Ldlt::solve_in_place`].
    pub fn solve_columns_in_place(&self, x: &mut [f64], n: usize) -> Result<()> {
        match self {
            Direct::Cholesky(factor) => {
                factor.solve_columns_in_place(x);
                Ok(())
            }
            Direct::Ldlt(factor) => x.chunks_exact_mut(n).try_for_each(|x| factor.solve_in_place(x)),
        }
    }

    /// Signs of A's eigenvalues, where the factorisation tells them.
    pub fn inertia(&self) -> Option<Inertia> {
        match self {
            Direct::Cholesky(_) => None,
            Direct::Ldlt(factor) => Some(factor.inertia()),
        }
    }
}
