//! Deflated conjugate gradients: slow modes given beforehand are solved for directly.

use faer::linalg::solvers::{Llt, SolveCore};
use faer::{MatMut, Side};

use super::cg::advance;
use super::run::Run;
use super::stop::Norm;
use super::{Monitor, Outcome, Reason, Stop, need};
use crate::error::{Error, Result};
use crate::linalg::dense::Dense;
use crate::linalg::{LinOp, vector};

/// A deflation space for one matrix: W (n×k, orthonormal), A W and the factor of Wᵀ A W.
///
/// Columns of the given space that depend on earlier ones are dropped. Memory: 2 k n-vectors.
#[derive(Debug, Clone)]
pub struct Deflation {
    n: usize,
    k: usize,
    /// Row-major n×k, so that both passes over them run along memory.
    w: Vec<f64>,
    aw: Vec<f64>,
    coarse: Llt<f64>,
}

impl Deflation {
    /// # Errors
    /// [`Error::Shape`] unless the space has a row per row of A; [`Error::Numeric`] if it is not finite or Wᵀ A W is not
    /// positive definite.
    pub fn new(a: &dyn LinOp, space: &Dense) -> Result<Self> {
        let n = a.shape().0;
        if space.nrows() != n {
            return Err(Error::shape("rows of the deflation space", n, space.nrows()));
        }
        let columns = orthonormal(space)?;
        let k = columns.len();
        let (mut w, mut aw) = (vec![0.0; n * k], vec![0.0; n * k]);
        let mut coarse = Dense::zeros(k, k);
        let mut image = vec![0.0; n];
        for (j, column) in columns.iter().enumerate() {
            a.apply(column, &mut image);
            for i in 0..n {
                w[i * k + j] = column[i];
                aw[i * k + j] = image[i];
            }
            for (i, other) in columns.iter().enumerate() {
                coarse[(i, j)] = vector::dot(other, &image);
            }
        }
        let coarse = coarse.llt(Side::Lower).map_err(|_| {
            Error::Numeric("deflation: Wᵀ A W is not positive definite; deflate with an A that is".into())
        })?;
        Ok(Deflation { n, k, w, aw, coarse })
    }

    /// Columns of W that count.
    pub fn dim(&self) -> usize {
        self.k
    }

    /// c ← E⁻¹ Tᵀ v for T = W or A W, row-major.
    fn coefficients(&self, t: &[f64], v: &[f64], c: &mut [f64]) {
        c.fill(0.0);
        if self.k == 0 {
            return;
        }
        for (row, &v) in t.chunks_exact(self.k).zip(v) {
            for (c, t) in c.iter_mut().zip(row) {
                *c += t * v;
            }
        }
        let k = self.k;
        self.coarse
            .solve_in_place_with_conj(faer::Conj::No, MatMut::from_column_major_slice_mut(c, k, 1));
    }

    /// v ← v + sign W c.
    fn add(&self, sign: f64, c: &[f64], v: &mut [f64]) {
        if self.k == 0 {
            return;
        }
        for (row, v) in self.w.chunks_exact(self.k).zip(v) {
            *v += sign * vector::dot(row, c);
        }
    }
}

/// An orthonormal basis of the columns' span, by Gram–Schmidt applied twice.
///
/// # Errors
/// [`Error::Numeric`] if an entry is not finite.
pub(super) fn orthonormal(space: &Dense) -> Result<Vec<Vec<f64>>> {
    let mut basis: Vec<Vec<f64>> = Vec::with_capacity(space.ncols());
    for j in 0..space.ncols() {
        let mut v: Vec<f64> = (0..space.nrows()).map(|i| space[(i, j)]).collect();
        let size = vector::norm2(&v);
        if !size.is_finite() {
            return Err(Error::Numeric(format!(
                "column {j} of the given space is not finite"
            )));
        }
        for _ in 0..2 {
            for u in &basis {
                let along = vector::dot(u, &v);
                vector::axpy(-along, u, &mut v);
            }
        }
        let left = vector::norm2(&v);
        if left > 1e-12 * size {
            vector::scale(1.0 / left, &mut v);
            basis.push(v);
        }
    }
    Ok(basis)
}

/// Workspace of [`deflated_cg`]: 4 n-vectors, kept between solves.
#[derive(Debug, Clone, Default)]
pub struct DeflatedCg {
    r: Vec<f64>,
    z: Vec<f64>,
    p: Vec<f64>,
    ap: Vec<f64>,
    c: Vec<f64>,
}

/// CG with every direction A-orthogonal to W: p = z − W (Wᵀ A W)⁻¹ (A W)ᵀ z + β p.
///
/// Starts by solving for the part of x in span W, which is not counted as an iteration; the first residual noted is the one
/// after it. Converges as CG does on the spectrum that is left: with W the k lowest eigenvectors of A and M = I, on
/// λ_{k+1} … λ_n. Needs: A and M promised SPD. Memory: 4 n-vectors beside the space.
/// Reference: Saad, Yeung, Erhel & Guyomarc'h (2000), doi:10.1137/S1064829598339761.
///
/// # Errors
/// [`Error::Shape`] if the space is of another size, [`Error::Argument`] where a promise is missing; else as all methods,
/// see [`super`].
#[allow(clippy::too_many_arguments)] // the house signature and the space
pub fn deflated_cg(
    ws: &mut DeflatedCg,
    space: &Deflation,
    a: &dyn LinOp,
    m: &dyn LinOp,
    b: &[f64],
    x: &mut [f64],
    stop: &Stop,
    monitor: &mut dyn Monitor,
) -> Result<Outcome> {
    need::spd("deflated cg", a, m)?;
    need::norm("deflated cg", stop, &[Norm::Unpreconditioned])?;
    let mut run = Run::start(a, m, b, x, stop, monitor)?;
    if space.n != b.len() {
        return Err(Error::shape("rows of the deflation space", b.len(), space.n));
    }
    let DeflatedCg { r, z, p, ap, c } = ws;
    for v in [&mut *r, z, p, ap] {
        v.resize(b.len(), 0.0);
    }
    c.resize(space.k, 0.0);
    run.residual(x, r);
    space.coefficients(&space.w, r, c);
    space.add(1.0, c, x);
    let mut stopped = run.begin(x, r);
    let mut rz_before = 0.0;
    let reason = loop {
        if let Some(reason) = stopped {
            break reason;
        }
        m.apply(r, z);
        let rz = vector::dot(r, z);
        if !rz.is_finite() {
            break Reason::DivergedNan;
        }
        if rz <= 0.0 {
            break Reason::DivergedIndefinitePc;
        }
        if rz_before == 0.0 {
            p.copy_from_slice(z);
        } else {
            vector::xpby(z, rz / rz_before, p);
        }
        space.coefficients(&space.aw, z, c);
        space.add(-1.0, c, p);
        rz_before = rz;
        a.apply(p, ap);
        let pap = vector::dot(p, ap);
        if !pap.is_finite() {
            break Reason::DivergedNan;
        }
        if pap <= 0.0 {
            break Reason::DivergedIndefiniteMat;
        }
        let norm = advance(rz / pap, p, ap, x, r);
        stopped = run.note(norm);
        if stopped.is_some_and(Reason::converged) {
            stopped = run.confirm(x, r);
            if stopped.is_none() {
                // Drift has brought the deflated part back: take it out again.
                space.coefficients(&space.w, r, c);
                space.add(1.0, c, x);
                run.residual(x, r);
                rz_before = 0.0;
            }
        }
        stopped = run.show(stopped, x);
    };
    Ok(run.finish(reason, x, r))
}
