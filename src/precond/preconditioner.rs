//! What a preconditioner is before it meets a matrix, and what it becomes.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::time::Instant;

use super::ENTRIES;
use crate::entry::{Configuration, Registry};
use crate::error::{Error, Result};
use crate::linalg::dense::Dense;
use crate::linalg::{Csr, LinOp, Props};
use crate::notation::{self, Kind};

/// A preconditioner and its parameters, one of [`ENTRIES`].
///
/// Written `none`, `jacobi`, `sor(1.5)`, `ssor(1, sweeps = 2)`, `icc(1)`, `bjacobi(8, inner = ict(0.02))`, or as a
/// table `{ type = "sor", omega = 1.5 }`; `fempipe preconditioners` lists all. Names and defaults are PETSc's, but
/// that `sor` is the forward sweep and `ssor` the symmetric one (PETSc's `-pc_type sor` is our `ssor`), and that
/// `bjacobi` and `asm` have 8 blocks where PETSc has one a process. `amg` is PyAMG's smoothed aggregation.
///
/// ```
/// use fempipe::precond::Spec;
/// let spec: Spec = "icc".parse()?;
/// assert_eq!((spec.name(), spec.to_string().as_str()), ("icc", "icc(0)"));
/// # Ok::<(), fempipe::Error>(())
/// ```
pub type Spec = notation::Spec<dyn Preconditioner>;

/// The parameters of a preconditioner: what its table in a recipe becomes.
pub trait Preconditioner: Configuration + fmt::Debug + Send + Sync {
    /// Sets the preconditioner up for A (n×n); `reuse` keeps what matrices of one pattern have in common.
    ///
    /// # Errors
    /// [`Error::Shape`] unless A is square; [`Error::Argument`] for a parameter out of range; [`Error::Numeric`] where
    /// A does not allow this preconditioner (zero diagonal, not symmetric, not positive definite, not finite).
    fn build(&self, a: &Csr, reuse: &mut Reuse) -> Result<Built>;

    /// The same with near-null-space vectors of A as columns of `candidates` (n×m), `block` unknowns to a node;
    /// `None` where the preconditioner has no use for them.
    fn build_with_candidates(&self, _a: &Csr, _candidates: &Dense, _block: usize) -> Option<Result<Built>> {
        None
    }

    /// What M promises where A is symmetric positive definite.
    fn props(&self) -> Props {
        Props::GENERAL
    }

    /// Whether M = A⁻¹ up to rounding.
    fn is_direct(&self) -> bool {
        false
    }

    /// What stands in the parentheses of the label, see [`Kind::arguments`].
    fn arguments(&self) -> Option<String> {
        None
    }
}

impl<P: Preconditioner + 'static> From<P> for Box<dyn Preconditioner> {
    fn from(preconditioner: P) -> Self {
        Box::new(preconditioner)
    }
}

impl Kind for dyn Preconditioner {
    fn registry() -> &'static Registry<Self> {
        &ENTRIES
    }
    fn arguments(&self) -> Option<String> {
        Preconditioner::arguments(self)
    }
}

/// A preconditioner set up for one matrix.
pub struct Built {
    /// z = M r.
    pub op: Box<dyn LinOp + Send>,
    /// Seconds of setup.
    pub setup_seconds: f64,
    /// What is worth knowing: a shift that was needed, the levels of a hierarchy.
    pub note: Option<String>,
    /// Whether M = A⁻¹ up to rounding for this matrix.
    pub direct: bool,
}

impl Built {
    /// The operator; [`Spec::build`] measures the seconds.
    pub fn new(op: impl LinOp + Send + 'static) -> Self {
        Built { op: Box::new(op), setup_seconds: 0.0, note: None, direct: false }
    }

    /// With what is worth knowing.
    pub fn noted(self, note: Option<String>) -> Self {
        Built { note, ..self }
    }

    /// The same where M = A⁻¹ up to rounding.
    pub fn directly(self, direct: bool) -> Self {
        Built { direct, ..self }
    }
}

/// What preconditioners keep from matrix to matrix of one pattern, such as the analysis of a sparse factor: one value
/// a type.
#[derive(Default)]
pub struct Reuse(HashMap<TypeId, Box<dyn Any + Send>>);

impl Reuse {
    /// What is kept of type `T`; its default at first.
    pub fn of<T: Any + Default + Send>(&mut self) -> &mut T {
        let kept = self.0.entry(TypeId::of::<T>());
        let kept = kept.or_insert_with(|| Box::new(T::default()));
        kept.downcast_mut().expect("values are stored under their own type")
    }
}

impl Spec {
    /// Sets the preconditioner up for A.
    ///
    /// # Errors
    /// As [`Preconditioner::build`].
    pub fn build(&self, a: &Csr) -> Result<Built> {
        self.build_again(a, &mut Reuse::default())
    }

    /// As [`Spec::build`], with what matrices of one pattern have in common kept in `reuse` from one to the next.
    ///
    /// # Errors
    /// As [`Spec::build`].
    pub fn build_again(&self, a: &Csr, reuse: &mut Reuse) -> Result<Built> {
        let built = timed(|| self.member().build(a, reuse))?;
        Ok(Built { direct: built.direct || self.is_direct(), ..built })
    }

    /// With near-null-space vectors, see [`Amg::with_candidates`](super::Amg::with_candidates).
    ///
    /// # Errors
    /// [`Error::Argument`] for a preconditioner that has no use for them; else as [`Spec::build`].
    pub fn build_with_candidates(&self, a: &Csr, candidates: &Dense, block: usize) -> Result<Built> {
        timed(|| {
            let built = self.member().build_with_candidates(a, candidates, block);
            built.unwrap_or_else(|| {
                Err(Error::Argument(format!("{} has no use for near-null-space vectors: take amg", self.name())))
            })
        })
    }

    /// Whether M = A⁻¹ up to rounding.
    pub fn is_direct(&self) -> bool {
        self.member().is_direct()
    }

    /// What M promises where A is symmetric positive definite.
    pub fn props(&self) -> Props {
        self.member().props()
    }
}

fn timed(setup: impl FnOnce() -> Result<Built>) -> Result<Built> {
    let start = Instant::now();
    let built = setup()?;
    let setup_seconds = start.elapsed().as_secs_f64();
    Ok(Built { setup_seconds, ..built })
}
