//! One verb for matrices, preconditioners and deflated operators: `y ← A x`.

use std::any::Any;
use std::sync::Arc;

/// What an operator promises. Solvers refuse an operator that does not promise what they rely on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Props {
    /// A = Aᵀ up to rounding.
    pub symmetric: bool,
    /// xᵀ A x > 0 for x ≠ 0.
    pub positive_definite: bool,
    /// The same linear map at every call; false for inner iterations to a tolerance.
    pub linear: bool,
}

impl Props {
    /// Linear, symmetric, positive definite.
    pub const SPD: Props = Props { symmetric: true, positive_definite: true, linear: true };
    /// Linear and symmetric.
    pub const SYMMETRIC: Props = Props { symmetric: true, positive_definite: false, linear: true };
    /// Linear, nothing more.
    pub const GENERAL: Props = Props { symmetric: false, positive_definite: false, linear: true };

    /// What files call a matrix of these properties: "spd", "symmetric" or "general".
    pub fn name(self) -> &'static str {
        match (self.symmetric, self.positive_definite) {
            (true, true) => "spd",
            (true, false) => "symmetric",
            _ => "general",
        }
    }

    /// The properties called `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        [Props::SPD, Props::SYMMETRIC, Props::GENERAL].into_iter().find(|p| p.name() == name)
    }
}

/// A linear map given by its action.
pub trait LinOp: Sync {
    /// (rows, columns).
    fn shape(&self) -> (usize, usize);

    /// What the operator promises.
    fn props(&self) -> Props;

    /// y ← A x, with x of `ncols` and y of `nrows` entries; y is overwritten.
    fn apply(&self, x: &[f64], y: &mut [f64]);

    /// Stored non-zeros of the representation, for tables; 0 where nothing is stored.
    fn nnz(&self) -> usize {
        0
    }

    /// The two halves of a symmetric positive definite operator that has them.
    fn halves(&self) -> Option<&dyn Halves> {
        None
    }

    /// Columns and values of row i, where they are stored: rising columns.
    fn stored_row(&self, _i: usize) -> Option<(&[u32], &[f64])> {
        None
    }

    /// The parts of a preconditioner that shares the triangles of the matrix it is for.
    fn eisenstat(&self) -> Option<&dyn Eisenstat> {
        None
    }

    /// The operator as its own type, where others may take its parts out.
    fn as_any(&self) -> Option<&dyn Any> {
        None
    }
}

/// M = c (P + U)⁻¹ P (P + L)⁻¹ for A = L + D + U, L and U strict triangles, P diagonal and positive: with such an M a
/// product with A costs no more than a look at L, beside a substitution that reads L anyway.
///
/// Reference: Eisenstat (1981), doi:10.1137/0902001.
pub trait Eisenstat: Sync {
    /// The diagonal of P (n).
    fn pivots(&self) -> &[f64];

    /// w ← (P + L)⁻¹ r.
    fn forward(&self, r: &[f64], w: &mut [f64]);

    /// u ← (P + U)⁻¹ P p.
    fn backward(&self, p: &[f64], u: &mut [f64]);

    /// q ← A u and t ← (P + L)⁻¹ A u − u for the u of [`Eisenstat::backward`]; returns uᵀ A u.
    fn product(&self, p: &[f64], u: &[f64], q: &mut [f64], t: &mut [f64]) -> f64;
}

/// A symmetric positive definite operator M = Fᵀ F, one factor at a time.
pub trait Halves: Sync {
    /// y ← F x.
    fn left(&self, x: &[f64], y: &mut [f64]);

    /// y ← Fᵀ x.
    fn right(&self, x: &[f64], y: &mut [f64]);
}

/// A pointer to an operator is that operator.
macro_rules! forwards {
    ($pointer:ty $(, $more:ident)?) => {
        impl<T: LinOp + ?Sized $(+ $more)?> LinOp for $pointer {
            fn shape(&self) -> (usize, usize) {
                (**self).shape()
            }
            fn props(&self) -> Props {
                (**self).props()
            }
            fn apply(&self, x: &[f64], y: &mut [f64]) {
                (**self).apply(x, y);
            }
            fn nnz(&self) -> usize {
                (**self).nnz()
            }
            fn halves(&self) -> Option<&dyn Halves> {
                (**self).halves()
            }
            fn stored_row(&self, i: usize) -> Option<(&[u32], &[f64])> {
                (**self).stored_row(i)
            }
            fn eisenstat(&self) -> Option<&dyn Eisenstat> {
                (**self).eisenstat()
            }
            fn as_any(&self) -> Option<&dyn Any> {
                (**self).as_any()
            }
        }
    };
}

forwards!(&T);
forwards!(Box<T>);
forwards!(Arc<T>, Send);

/// The identity: the preconditioner `none`.
#[derive(Debug, Clone, Copy)]
pub struct Identity(pub usize);

impl LinOp for Identity {
    fn shape(&self) -> (usize, usize) {
        (self.0, self.0)
    }
    fn props(&self) -> Props {
        Props::SPD
    }
    fn apply(&self, x: &[f64], y: &mut [f64]) {
        y.copy_from_slice(x);
    }
    fn halves(&self) -> Option<&dyn Halves> {
        Some(self)
    }
}

impl Halves for Identity {
    fn left(&self, x: &[f64], y: &mut [f64]) {
        y.copy_from_slice(x);
    }
    fn right(&self, x: &[f64], y: &mut [f64]) {
        y.copy_from_slice(x);
    }
}

/// A matrix or operator together with promises its owner makes for it.
///
/// [`crate::linalg::Csr`] alone promises only linearity: whether it is SPD is known by who made it.
pub struct Promised<'a> {
    /// The operator.
    pub op: &'a dyn LinOp,
    /// What its owner promises.
    pub props: Props,
}

impl LinOp for Promised<'_> {
    fn shape(&self) -> (usize, usize) {
        self.op.shape()
    }
    fn props(&self) -> Props {
        self.props
    }
    fn apply(&self, x: &[f64], y: &mut [f64]) {
        self.op.apply(x, y);
    }
    fn nnz(&self) -> usize {
        self.op.nnz()
    }
    fn stored_row(&self, i: usize) -> Option<(&[u32], &[f64])> {
        self.op.stored_row(i)
    }
}
