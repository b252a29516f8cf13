//! The sparse factor that a preconditioner is made of, for whoever wants to have it.

use super::{FactoredInverse, Icc};
use crate::error::Result;
use crate::linalg::{Csr, LinOp};

/// A preconditioner M by its sparse factor (n×n).
#[derive(Debug, Clone)]
pub enum Factored {
    /// M⁻¹ = L Lᵀ ≈ A, L lower triangular with positive diagonal.
    Matrix(Csr),
    /// M = G Gᵀ + D ≈ A⁻¹.
    Inverse {
        /// G.
        factor: Csr,
        /// The diagonal of D (n).
        diagonal: Vec<f64>,
    },
}

impl Factored {
    /// The factor of M; None where M is made of something else, or its pivots have two signs.
    ///
    /// # Errors
    /// As [`Icc::factor`].
    pub fn of(m: &dyn LinOp) -> Result<Option<Self>> {
        let Some(m) = m.as_any() else { return Ok(None) };
        if let Some(icc) = m.downcast_ref::<Icc>() {
            return icc.props().positive_definite.then(|| icc.factor().map(Factored::Matrix)).transpose();
        }
        let inverse = m.downcast_ref::<FactoredInverse>().map(|inverse| {
            let (factor, diagonal) = inverse.unscaled();
            Factored::Inverse { factor, diagonal }
        });
        Ok(inverse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::precond::Spec;

    #[test]
    fn factors_are_those_of_the_operator_behind_any_pointer() {
        let a = Csr::from_triplets(2, 2, &[(0, 0, 4.0), (0, 1, -2.0), (1, 0, -2.0), (1, 1, 5.0)]).unwrap();
        let of = |spec: &str| Factored::of(&spec.parse::<Spec>().unwrap().build(&a).unwrap().op).unwrap();
        match of("icc") {
            Some(Factored::Matrix(l)) => assert_eq!((l.get(0, 0), l.get(1, 0), l.get(1, 1)), (2.0, -1.0, 2.0)),
            other => panic!("{other:?}"),
        }
        match of("fsai") {
            Some(Factored::Inverse { factor, diagonal }) => {
                assert_eq!((factor.nrows(), diagonal.as_slice()), (2, &[0.0, 0.0][..]));
            }
            other => panic!("{other:?}"),
        }
        assert!(of("jacobi").is_none() && of("sor").is_none());
    }
}
