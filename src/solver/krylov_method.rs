//! What a Krylov method is to recipes and the command line, and the workspaces of all of them.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;

use super::requirements::Requirements;
use super::scaled::in_units_of_b;
use super::side::Side;
use super::{ENTRIES, Monitor, Outcome, Stop};
use crate::entry::{Configuration, Registry};
use crate::error::{Error, Result};
use crate::linalg::{CoarseSpace, LinOp, Space};
use crate::notation::{self, Kind};

/// A solver and its parameters, one of [`ENTRIES`].
///
/// Written `cg`, `gmres(50)`, `gmres(30, side = left)`, `richardson(0.7)`, or as a table
/// `{ type = "gmres", restart = 50 }`. Names and defaults are PETSc's.
///
/// ```
/// use fempipe::solver::Method;
/// let m: Method = "gmres(50)".parse()?;
/// assert_eq!((m.name(), m.to_string().as_str()), ("gmres", "gmres(50)"));
/// # Ok::<(), fempipe::Error>(())
/// ```
pub type Method = notation::Spec<dyn KrylovMethod>;

/// The parameters of a method: what its table in a recipe becomes.
pub trait KrylovMethod: Configuration + fmt::Debug + Send + Sync {
    /// What it needs of A, M and the stopping rule; [`Method::solve`] refuses by it.
    fn requirements(&self) -> Requirements;

    /// Solves A x = b (n×n) from the given x with M ≈ A⁻¹.
    ///
    /// # Errors
    /// As all methods, see [`super`]; not converging is no error.
    #[allow(clippy::too_many_arguments)] // the arguments of every method
    fn solve(
        &self,
        ws: &mut Workspace,
        a: &dyn LinOp,
        m: &dyn LinOp,
        b: &[f64],
        x: &mut [f64],
        stop: &Stop,
        monitor: &mut dyn Monitor,
    ) -> Result<Outcome>;

    /// Sets the span of the columns of `space` (n×k) up for [`KrylovMethod::solve_with_space`]; `None` where the
    /// method cannot use one.
    fn coarse_space(&self, _a: &dyn LinOp, _space: &Space) -> Option<Result<CoarseSpace>> {
        None
    }

    /// [`KrylovMethod::solve`] helped by a space; `None` where the method cannot use one.
    #[allow(clippy::too_many_arguments)] // the arguments of every method, and the space
    fn solve_with_space(
        &self,
        _ws: &mut Workspace,
        _space: &CoarseSpace,
        _a: &dyn LinOp,
        _m: &dyn LinOp,
        _b: &[f64],
        _x: &mut [f64],
        _stop: &Stop,
        _monitor: &mut dyn Monitor,
    ) -> Option<Result<Outcome>> {
        None
    }

    /// Where M may stand, the method's own side first. One that has M on any has a key "side".
    fn sides(&self) -> &'static [Side] {
        &[Side::Left, Side::Symmetric]
    }

    /// Whether x is at hand after each iteration; the GMRES family makes it at restarts only.
    fn holds_iterates(&self) -> bool {
        true
    }

    /// ω of a stationary iteration x ← x + ω M (b − A x).
    fn damping(&self) -> Option<f64> {
        None
    }

    /// What stands in the parentheses of the label, see [`Kind::arguments`].
    fn arguments(&self) -> Option<String> {
        None
    }
}

impl<K: KrylovMethod + 'static> From<K> for Box<dyn KrylovMethod> {
    fn from(method: K) -> Self {
        Box::new(method)
    }
}

impl Kind for dyn KrylovMethod {
    fn registry() -> &'static Registry<Self> {
        &ENTRIES
    }
    fn arguments(&self) -> Option<String> {
        KrylovMethod::arguments(self)
    }
}

/// What a method keeps from solve to solve.
pub trait Memory: Any + Default + Send {
    /// Forgets what it has learned from the systems before, but not the memory it has.
    fn forget(&mut self) {}
}

/// The workspaces of all methods, one value a type; each stays empty until its method is used.
///
/// Only a recycling method remembers anything of the systems before: [`Workspace::forget`] makes it start anew.
#[derive(Default)]
pub struct Workspace(HashMap<TypeId, Kept>);

/// A workspace, and how it forgets.
struct Kept {
    value: Box<dyn Any + Send>,
    forget: fn(&mut dyn Any),
}

impl Workspace {
    /// The workspace of type `T`, empty at first.
    pub fn of<T: Memory>(&mut self) -> &mut T {
        let kept = self.0.entry(TypeId::of::<T>()).or_insert_with(|| Kept {
            value: Box::new(T::default()),
            forget: |value| {
                if let Some(value) = value.downcast_mut::<T>() {
                    value.forget();
                }
            },
        });
        kept.value.downcast_mut().expect("workspaces are stored under their own type")
    }

    /// Forgets the spaces that methods recycle.
    pub fn forget(&mut self) {
        for kept in self.0.values_mut() {
            (kept.forget)(&mut *kept.value);
        }
    }
}

impl Method {
    /// What it needs of A, M and the stopping rule.
    pub fn requirements(&self) -> Requirements {
        self.member().requirements()
    }

    /// Whether x is at hand after each iteration; the GMRES family makes it at restarts only.
    pub fn holds_iterates(&self) -> bool {
        self.member().holds_iterates()
    }

    /// ω of a stationary iteration x ← x + ω M (b − A x).
    pub fn damping(&self) -> Option<f64> {
        self.member().damping()
    }

    /// Solves A x = b from the given x with M ≈ A⁻¹.
    ///
    /// # Errors
    /// [`Error::Unsuitable`] where A, [`Error::Argument`] where M or the stopping rule is not what
    /// [`Method::requirements`] says; else as the method itself. Not converging is no error.
    #[allow(clippy::too_many_arguments)] // the arguments of every method
    pub fn solve(
        &self,
        ws: &mut Workspace,
        a: &dyn LinOp,
        m: &dyn LinOp,
        b: &[f64],
        x: &mut [f64],
        stop: &Stop,
        monitor: &mut dyn Monitor,
    ) -> Result<Outcome> {
        self.requirements().check(a, m, stop)?;
        let member = self.member();
        in_units_of_b(a, b, x, stop, monitor, |b, x, stop, monitor| member.solve(ws, a, m, b, x, stop, monitor))
    }

    /// Sets the span of the columns of `space` (n×k) up for [`Method::solve_with_space`]: k products with A, for `cg`
    /// and `minres` also the factor of Wᵀ A W.
    ///
    /// # Errors
    /// [`Error::Argument`] unless the method is `cg`, `minres` or `gcrodr`; [`Error::Unsuitable`] where A is not
    /// promised what it needs; else as [`CoarseSpace::new`].
    pub fn coarse_space(&self, a: &dyn LinOp, space: &Space) -> Result<CoarseSpace> {
        let made = self.member().coarse_space(a, space);
        made.unwrap_or_else(|| Err(self.without_space()))
    }

    /// As [`Method::solve`], helped by a space that [`Method::coarse_space`] has set up for A: `cg` and
    /// `minres` deflate it ([`super::deflated_cg`], [`super::deflated_minres`]), `gcrodr` solves on it first
    /// ([`super::Gcrodr::set_space`]; it must be smaller than `restart`).
    ///
    /// # Errors
    /// [`Error::Argument`] for the other methods; else as the method.
    #[allow(clippy::too_many_arguments)] // the arguments of every method, and the space
    pub fn solve_with_space(
        &self,
        ws: &mut Workspace,
        space: &CoarseSpace,
        a: &dyn LinOp,
        m: &dyn LinOp,
        b: &[f64],
        x: &mut [f64],
        stop: &Stop,
        monitor: &mut dyn Monitor,
    ) -> Result<Outcome> {
        in_units_of_b(a, b, x, stop, monitor, |b, x, stop, monitor| {
            let solved = self.member().solve_with_space(ws, space, a, m, b, x, stop, monitor);
            solved.unwrap_or_else(|| Err(self.without_space()))
        })
    }

    fn without_space(&self) -> Error {
        Error::Argument(format!("{} cannot use a space: take cg, minres or gcrodr", self.name()))
    }

    /// The method with M on this side; where that is `Symmetric`, it is for [`super::split`] to run.
    ///
    /// # Errors
    /// [`Error::Argument`] where the method cannot have it there.
    pub fn with_side(&self, side: Side) -> Result<Method> {
        let sides = self.member().sides();
        if !sides.contains(&side) {
            let (own, name) = (sides.first().map_or("", |s| s.name()), self.name());
            return Err(Error::Argument(match sides {
                [_] => format!("{name} has its preconditioner on the {own} only: take gmres"),
                _ => format!(
                    "{name} has its preconditioner on the {own}: take side {own} or symmetric, or gmres, which has any"
                ),
            }));
        }
        match self.table().contains_key("side") {
            true => self.with("side", side.name()),
            false => Ok(self.clone()),
        }
    }
}
