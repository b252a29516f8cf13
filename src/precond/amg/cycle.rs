//! The V-cycle.

use serde::{Deserialize, Serialize};

use crate::linalg::{Csr, LinOp, vector};
use crate::precond::Sor;

/// Gauss–Seidel around the coarse correction; both make the cycle symmetric.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Smoothing {
    /// Forward before, backward after.
    Half,
    /// Forward and backward before, and again after.
    #[default]
    Symmetric,
}

/// One level but the coarsest.
pub(super) struct Level {
    pub(super) a: Csr,
    pub(super) sor: Sor,
    pub(super) p: Csr,
    pub(super) r: Csr,
    pub(super) smoothing: Smoothing,
}

/// Scratch of one level: residual, and the next level's right-hand side and solution.
pub(super) struct Scratch {
    residual: Vec<f64>,
    rhs: Vec<f64>,
    solution: Vec<f64>,
}

pub(super) fn scratch(levels: &[Level]) -> Vec<Scratch> {
    let scratch = |l: &Level| Scratch {
        residual: vec![0.0; l.a.nrows()],
        rhs: vec![0.0; l.p.ncols()],
        solution: vec![0.0; l.p.ncols()],
    };
    levels.iter().map(scratch).collect()
}

/// x ← one cycle for A x = b from x = 0.
pub(super) fn v_cycle(levels: &[Level], coarse: &dyn LinOp, b: &[f64], x: &mut [f64], scratch: &mut [Scratch]) {
    let (Some((level, below)), Some((own, rest))) = (levels.split_first(), scratch.split_first_mut()) else {
        coarse.apply(b, x);
        return;
    };
    level.sor.first(b, x);
    if level.smoothing == Smoothing::Symmetric {
        level.sor.first_back(x);
    }
    level.a.par_spmv(x, &mut own.residual);
    for (r, b) in own.residual.iter_mut().zip(b) {
        *r = b - *r;
    }
    level.r.par_spmv(&own.residual, &mut own.rhs);
    v_cycle(below, coarse, &own.rhs, &mut own.solution, rest);
    level.p.par_spmv(&own.solution, &mut own.residual);
    vector::axpy(1.0, &own.residual, x);
    match level.smoothing {
        Smoothing::Symmetric => level.sor.relax(b, x, &mut own.residual),
        Smoothing::Half => level.sor.relax_back(b, x, &mut own.residual),
    }
}
