//! Smoothed aggregation multigrid: strength → aggregates → tentative P → smoothed P → Pᵀ A P, level by level.
//!
//! Defaults are PyAMG's: every connection strong, ω = 4/3, candidates improved by Gauss–Seidel on the finest level. For
//! A that is not symmetric the restriction is smoothed by Aᵀ.

mod aggregate;
mod coarsest;
mod cycle;
mod layout;
mod prolong;
mod rigid;

use cycle::Level;
pub use cycle::Smoothing;
use layout::Layout;
pub use rigid::rigid_body_modes;

use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::{Built, Preconditioner, Reuse, SYMMETRY, Sor, SorParams, nonzero_diagonal};
use crate::entry::{Entry, checked, defaults};
use crate::error::{Error, Result};
use crate::linalg::dense::Dense;
use crate::linalg::{Csr, LinOp, Props};

/// Levels at most; each is several times smaller than the one above.
const MAX_LEVELS: usize = 20;

/// `amg`.
pub(super) static ENTRY: Entry<dyn Preconditioner> = Entry {
    name: "amg",
    help: "smoothed aggregation multigrid, one V-cycle (PyAMG's defaults)",
    source: "Vaněk, Mandel & Brezina (1996), doi:10.1007/BF02238511",
    needs: "no zero on the diagonal of A",
    positional: &["theta"],
    defaults: defaults::<AmgParams>,
    schema: None,
    parse: |table, name, origin| Ok(Box::new(checked(table, name, origin, AmgParams::check)?)),
};

/// The most unknowns a node: the near-null space has a vector for each.
const MOST_BLOCK: usize = 64;

/// Parameters of [`Amg`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AmgParams {
    /// i and j are strongly connected if |a_ij| ≥ θ √(a_ii a_jj).
    pub theta: f64,
    /// Damping of the prolongator's Jacobi step, divided by ρ(D⁻¹ A).
    pub omega: f64,
    /// Unknowns of a node (2 or 3 displacements), each with a constant of its own in the near-null space. They may come
    /// node by node or component by component: the order in which the nodes have fewer
    /// neighbours is taken.
    pub block: usize,
    /// Unknowns at which the hierarchy ends with a direct solve.
    pub coarse: usize,
    /// Gauss–Seidel sweeps before and after the coarse correction.
    pub smoothing: Smoothing,
}

impl Default for AmgParams {
    fn default() -> Self {
        AmgParams { theta: 0.0, omega: 4.0 / 3.0, block: 1, coarse: 500, smoothing: Smoothing::Symmetric }
    }
}

impl Preconditioner for AmgParams {
    fn build(&self, a: &Csr, _reuse: &mut Reuse) -> Result<Built> {
        Ok(noted(Amg::new(a, *self)?))
    }
    fn build_with_candidates(&self, a: &Csr, candidates: &Dense, block: usize) -> Option<Result<Built>> {
        Some(Amg::with_candidates(a, *self, candidates, block).map(noted))
    }
    fn props(&self) -> Props {
        Props::SPD
    }
    fn arguments(&self) -> Option<String> {
        (*self == AmgParams::default()).then(String::new)
    }
}

fn noted(amg: Amg) -> Built {
    let note = format!("levels of {:?} unknowns, operator complexity {:.2}", amg.sizes(), amg.operator_complexity());
    let direct = amg.is_direct();
    Built::new(amg).noted(Some(note)).directly(direct)
}

impl AmgParams {
    /// Checks the ranges.
    ///
    /// # Errors
    /// [`Error::Argument`] for a parameter out of range.
    pub fn check(&self) -> Result<()> {
        let good = (0.0..1.0).contains(&self.theta) && (0.0..=2.0).contains(&self.omega) && self.coarse > 0;
        if good && (1..=MOST_BLOCK).contains(&self.block) {
            return Ok(());
        }
        Err(Error::Argument(format!(
            "amg: theta = {} must be from 0 to below 1, omega = {} from 0 to 2, block = {} from 1 to \
             {MOST_BLOCK}, coarse = {} at least 1",
            self.theta, self.omega, self.block, self.coarse
        )))
    }
}

/// One V-cycle of smoothed aggregation multigrid.
///
/// For A symmetric positive definite it is so itself; for A symmetric with a negative eigenvalue on the coarsest level
/// it is symmetric, for any other A linear, and the method has to allow for that. A singular coarsest level (pure
/// Neumann problems) is solved by its pseudo-inverse. References: Vaněk, Mandel & Brezina (1996),
/// doi:10.1007/BF02238511; not symmetric: Brezina, Manteuffel, McCormick, Ruge & Sanders (2010), doi:10.1137/080727336.
pub struct Amg {
    levels: Vec<Level>,
    coarse: Box<dyn LinOp + Send>,
    coarse_nnz: usize,
    n: usize,
    props: Props,
    layout: Layout,
    scratch: Mutex<Scratch>,
}

/// Scratch of an application: of each level, and x and y in the order of the levels.
struct Scratch {
    levels: Vec<cycle::Scratch>,
    x: Vec<f64>,
    y: Vec<f64>,
}

impl Amg {
    /// Near-null space: the constant vector, or one a component with `params.block` unknowns a node.
    ///
    /// # Errors
    /// [`Error::Argument`] for a parameter out of range; [`Error::Shape`] unless A is square and of whole nodes;
    /// [`Error::Numeric`] for a zero on a level's diagonal, an entry that is not finite, or a coarsest level that is
    /// singular and too large for a pseudo-inverse.
    pub fn new(a: &Csr, params: AmgParams) -> Result<Self> {
        params.check()?;
        let constants = Dense::from_fn(a.nrows(), params.block, |i, j| f64::from(i % params.block == j));
        let layout = Layout::of(a, params.block);
        match layout.permutation(a.nrows()) {
            Some(order) => {
                let amg = Self::with_candidates(&a.permuted(&order)?, params, &constants, params.block)?;
                Ok(Amg { layout, ..amg })
            }
            None => Self::with_candidates(a, params, &constants, params.block),
        }
    }

    /// With near-null-space vectors as columns of `candidates` (n×m; the rigid-body modes of beams), `block`
    /// consecutive unknowns to a node (6 for Timoshenko frames).
    ///
    /// # Errors
    /// As [`Amg::new`], and [`Error::Shape`] unless there is a row per unknown, a column at least, and whole nodes.
    pub fn with_candidates(a: &Csr, params: AmgParams, candidates: &Dense, block: usize) -> Result<Self> {
        params.check()?;
        super::check_square_finite(a)?;
        let n = a.nrows();
        if candidates.nrows() != n || candidates.ncols() == 0 {
            let found = format!("{}×{}", candidates.nrows(), candidates.ncols());
            return Err(Error::shape("near-null-space vectors", format!("{n} rows and a column at least"), found));
        }
        if block == 0 || !n.is_multiple_of(block) {
            return Err(Error::shape("unknowns for amg", format!("a multiple of block = {block}"), n));
        }
        let symmetric = a.is_symmetric(SYMMETRY);
        let mut positive = symmetric;
        let (mut a, mut block) = (a.clone(), block);
        let mut b = prolong::rows(candidates);
        let mut levels = Vec::new();
        while a.nrows() > params.coarse && levels.len() + 1 < MAX_LEVELS {
            let diagonal = nonzero_diagonal("amg", &a)?;
            positive &= diagonal.iter().all(|&d| d > 0.0);
            let sor = Sor::new(&a, SorParams { omega: 1.0, sweeps: 1, symmetric: true })?;
            if levels.is_empty() {
                prolong::improve(&sor, &mut b, candidates.ncols());
            }
            let nodes = aggregate::strong(&a, block, params.theta)?;
            let aggregates = aggregate::standard(&nodes);
            let m = candidates.ncols();
            if aggregates.count * m >= a.nrows() {
                break;
            }
            let (tentative, coarse_b) = prolong::tentative(&b, m, block, &aggregates)?;
            let p = prolong::smoothed(&a, &tentative, params.omega, positive)?;
            let r = match symmetric {
                true => p.transpose(),
                false => prolong::smoothed(&a.transpose(), &tentative, params.omega, false)?.transpose(),
            };
            let coarse = prolong::with_unit_where_empty(&r.matmul(&a.matmul(&p)?)?)?;
            levels.push(Level { a, sor, p, r, smoothing: params.smoothing });
            (a, b, block) = (coarse, coarse_b, m);
        }
        let coarse = coarsest::solver(&a, symmetric)?;
        let props = match (symmetric, positive && coarse.props() == Props::SPD) {
            (true, true) => Props::SPD,
            (true, false) => Props::SYMMETRIC,
            (false, _) => Props::GENERAL,
        };
        let scratch = Mutex::new(Scratch { levels: cycle::scratch(&levels), x: vec![0.0; n], y: vec![0.0; n] });
        Ok(Amg { levels, coarse, coarse_nnz: a.nnz(), n, props, layout: Layout::Nodes, scratch })
    }

    /// Unknowns of each level, the finest first.
    pub fn sizes(&self) -> Vec<usize> {
        let fine = self.levels.iter().map(|l| l.a.nrows());
        fine.chain([self.coarse.shape().0]).collect()
    }

    /// Whether there is one level alone, which a factor solves: A is not larger than [`AmgParams::coarse`].
    pub fn is_direct(&self) -> bool {
        self.levels.is_empty()
    }

    /// Entries of all levels' matrices over those of A.
    pub fn operator_complexity(&self) -> f64 {
        let fine: usize = self.levels.iter().map(|l| l.a.nnz()).sum();
        let first = self.levels.first().map_or(self.coarse_nnz, |l| l.a.nnz());
        (fine + self.coarse_nnz) as f64 / first.max(1) as f64
    }
}

impl LinOp for Amg {
    fn shape(&self) -> (usize, usize) {
        (self.n, self.n)
    }
    fn props(&self) -> Props {
        self.props
    }
    fn apply(&self, x: &[f64], y: &mut [f64]) {
        // The scratch holds nothing between calls, so that a panic elsewhere cannot have spoiled it.
        let mut scratch = self.scratch.lock().unwrap_or_else(PoisonError::into_inner);
        let Scratch { levels, x: inner_x, y: inner_y } = &mut *scratch;
        if self.layout == Layout::Nodes {
            return cycle::v_cycle(&self.levels, &*self.coarse, x, y, levels);
        }
        self.layout.gather(x, inner_x);
        cycle::v_cycle(&self.levels, &*self.coarse, inner_x, inner_y, levels);
        self.layout.scatter(inner_y, y);
    }
    fn nnz(&self) -> usize {
        let per_level = |l: &Level| l.a.nnz() + l.p.nnz();
        self.levels.iter().map(per_level).sum::<usize>() + self.coarse.nnz()
    }
}
