//! Sparse Cholesky A = L Lᵀ (faer, AMD order), its symbolic part reused over matrices of one pattern.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor::LltRegularization;
use faer::sparse::linalg::SupernodalThreshold;
use faer::sparse::linalg::cholesky::{self as faer_cholesky, CholeskySymbolicParams, LltRef, SymmetricOrdering};
use faer::sparse::{FaerError, SparseColMatRef, SymbolicSparseColMatRef};
use faer::{Conj, MatMut, Par, Side};

use super::lanes::LANES;
use super::op::{LinOp, Props};
use super::simplicial::{Factors, Schedule};
use super::{Csr, Pattern};
use crate::error::{Error, Result};
use crate::stages::{Stage, during};

/// faer's automatic choice takes the simplicial path up to sizes where the supernodal one is four times
/// faster; this flop ratio moves the switch down to where they break even.
const SUPERNODAL_THRESHOLD: f64 = 8.0;

/// Fill-reducing order and structure of the factor, for all matrices with one pattern.
#[derive(Debug, Clone)]
pub struct SymbolicCholesky {
    pattern: Arc<Pattern>,
    inner: Arc<faer_cholesky::SymbolicCholesky<u32>>,
    /// Made when the first matrix of many is factorised; none on the supernodal path.
    schedule: Arc<OnceLock<Option<Schedule>>>,
}

/// Entries of a factor at most for that: beyond, factors beside each other take more than a cache.
const MOST_SIDE_BY_SIDE: usize = 1 << 20;

pub(super) fn columns(p: &Pattern) -> SymbolicSparseColMatRef<'_, u32> {
    // A symmetric pattern reads the same by rows and by columns.
    SymbolicSparseColMatRef::new_checked(p.nrows(), p.ncols(), p.indptr(), None, p.indices())
}

/// Order and structure of the factor of matrices with a structurally symmetric pattern.
pub(super) fn analysed(
    pattern: &Pattern,
    threshold: SupernodalThreshold,
) -> Result<Arc<faer_cholesky::SymbolicCholesky<u32>>> {
    let (m, n) = (pattern.nrows(), pattern.ncols());
    if m != n {
        return Err(Error::shape("columns of a matrix to factorise", m, n));
    }
    let params = CholeskySymbolicParams { supernodal_flop_ratio_threshold: threshold, ..Default::default() };
    let (columns, order) = (columns(pattern), SymmetricOrdering::Amd);
    faer_cholesky::factorize_symbolic_cholesky(columns, Side::Lower, order, params).map(Arc::new).map_err(|e| match e {
        FaerError::IndexOverflow => {
            Error::Numeric(format!("the factor of this matrix of {n} rows has more than 2^32 entries: none is made"))
        }
        FaerError::OutOfMemory => Error::Numeric(format!("no memory for the factor of a matrix of {n} rows")),
        other => Error::Numeric(format!("symbolic factorisation failed: {other:?}")),
    })
}

impl SymbolicCholesky {
    /// Analyses a structurally symmetric pattern.
    ///
    /// # Errors
    /// [`Error::Shape`] if it is not square.
    pub fn new(pattern: &Arc<Pattern>) -> Result<Self> {
        let threshold = SupernodalThreshold(SUPERNODAL_THRESHOLD);
        Ok(SymbolicCholesky {
            pattern: pattern.clone(),
            inner: analysed(pattern, threshold)?,
            schedule: Arc::default(),
        })
    }

    /// What is known of the factorisation before there are numbers; None on the supernodal path.
    fn schedule(&self) -> Option<&Schedule> {
        self.schedule.get_or_init(|| Schedule::new(&self.inner, columns(&self.pattern))).as_ref()
    }

    /// How many systems are best solved at once by [`SymbolicCholesky::solve_each`]: 1 on the supernodal path, and for
    /// large factors.
    pub fn lanes(&self) -> usize {
        match self.factor_nnz() <= MOST_SIDE_BY_SIDE && self.schedule().is_some() {
            true => LANES,
            false => 1,
        }
    }

    /// x_s = A_s⁻¹ b_s for some systems (A_s, b_s), in order: the bits of [`SymbolicCholesky::factorize`] and
    /// [`Cholesky::solve_in_place`], whatever is solved beside.
    ///
    /// # Errors
    /// For each system those of [`SymbolicCholesky::factorize`].
    ///
    /// # Panics
    /// If a b has the wrong length.
    pub fn solve_each(&self, work: &mut SideBySide, systems: &[(&Csr, &[f64])]) -> Vec<Result<Vec<f64>>> {
        let one = |(a, b): &(&Csr, &[f64])| {
            let mut x = b.to_vec();
            self.factorize(a)?.solve_in_place(&mut x);
            Ok(x)
        };
        let fit = systems.iter().all(|(a, _)| self.fits(a));
        let schedule = self.schedule().filter(|_| self.lanes() > 1 && fit && systems.len() > 1);
        let Some(schedule) = schedule else {
            return systems.iter().map(one).collect();
        };
        let mut solved = Vec::with_capacity(systems.len());
        work.factors.take_if(|factors| !factors.fit(schedule));
        let factors = work.factors.get_or_insert_with(|| Factors::new(schedule));
        for group in systems.chunks(LANES) {
            // What is missing in the last group is made up for by its first system.
            let of = |w: usize| group.get(w).unwrap_or(&group[0]);
            let values = std::array::from_fn(|w| of(w).0.values());
            let definite = during(Stage::Factorise, || schedule.factorize(&values, factors));
            let mut x = vec![Vec::new(); group.len()];
            during(Stage::Solve, || schedule.solve(factors, &std::array::from_fn(|w| of(w).1), &mut x));
            solved.extend(x.into_iter().zip(definite).map(|(x, definite)| match definite {
                true => Ok(x),
                false => Err(indefinite()),
            }));
        }
        solved
    }

    /// Whether A has the pattern that was analysed.
    pub fn fits(&self, a: &Csr) -> bool {
        Arc::ptr_eq(a.pattern(), &self.pattern) || **a.pattern() == *self.pattern
    }

    /// Entries of L.
    pub fn factor_nnz(&self) -> usize {
        self.inner.len_val()
    }

    /// Factorises a symmetric positive definite matrix of this pattern.
    ///
    /// # Errors
    /// [`Error::Shape`] for another pattern, [`Error::Numeric`] if A is not positive definite.
    pub fn factorize(&self, a: &Csr) -> Result<Cholesky> {
        if !self.fits(a) {
            return Err(Error::shape("pattern", "the one analysed", "another"));
        }
        during(Stage::Factorise, || self.factorize_fitting(a))
    }

    fn factorize_fitting(&self, a: &Csr) -> Result<Cholesky> {
        if let Some(schedule) = self.schedule() {
            let mut factors = Factors::new(schedule);
            let [definite] = schedule.factorize(&[a.values()], &mut factors);
            return match definite {
                true => Ok(self.factor(factors.into_values())),
                false => Err(indefinite()),
            };
        }
        self.factorize_once(a)
    }

    /// By faer alone, which repeats on the simplicial path what the pattern decides. Threads share the work on a large
    /// factor; its bits do not depend on how many there are.
    fn factorize_once(&self, a: &Csr) -> Result<Cholesky> {
        match self.factor_nnz() > MOST_SIDE_BY_SIDE && rayon::current_num_threads() > 1 {
            true => self.factorize_by(a, Par::rayon(0)),
            false => self.factorize_by(a, Par::Seq),
        }
    }

    fn factorize_by(&self, a: &Csr, par: Par) -> Result<Cholesky> {
        let mut values = vec![0.0; self.inner.len_val()];
        let need = self.inner.factorize_numeric_llt_scratch::<f64>(par, Default::default());
        let mut buffer = MemBuffer::new(need);
        self.inner
            .factorize_numeric_llt(
                &mut values,
                SparseColMatRef::new(columns(&self.pattern), a.values()),
                Side::Lower,
                LltRegularization::default(),
                par,
                MemStack::new(&mut buffer),
                Default::default(),
            )
            .map_err(|_| indefinite())?;
        Ok(self.factor(values))
    }

    fn factor(&self, values: Vec<f64>) -> Cholesky {
        let factor = LltRef::new(&*self.inner, &values);
        let scratch = MemBuffer::new(factor.solve_in_place_scratch::<f64>(1, Par::Seq));
        Cholesky { symbolic: self.clone(), values, scratch: Mutex::new(scratch) }
    }
}

fn indefinite() -> Error {
    Error::Numeric("matrix is not positive definite: Cholesky broke down".into())
}

/// Memory for [`SymbolicCholesky::solve_each`], used again from call to call.
#[derive(Debug, Default)]
pub struct SideBySide {
    factors: Option<Factors<LANES>>,
}

/// The numeric factor; as a [`LinOp`] it is A⁻¹.
pub struct Cholesky {
    symbolic: SymbolicCholesky,
    values: Vec<f64>,
    /// Scratch memory of a solve, so that one allocates nothing.
    scratch: Mutex<MemBuffer>,
}

impl std::fmt::Debug for Cholesky {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.debug_struct("Cholesky")
            .field("n", &self.symbolic.pattern.nrows())
            .field("factor_nnz", &self.values.len())
            .finish()
    }
}

impl Cholesky {
    /// Analyses and factorises in one go.
    ///
    /// # Errors
    /// As [`SymbolicCholesky::new`] and [`SymbolicCholesky::factorize`].
    pub fn new(a: &Csr) -> Result<Self> {
        during(Stage::Factorise, || SymbolicCholesky::new(a.pattern())?.factorize_once(a))
    }

    /// x ← A⁻¹ x.
    ///
    /// # Panics
    /// If x has the wrong length.
    pub fn solve_in_place(&self, x: &mut [f64]) {
        assert_eq!(x.len(), self.symbolic.pattern.nrows(), "solve: length of x");
        // The buffer holds nothing between calls, so that a panic elsewhere cannot have spoiled it.
        let mut buffer = self.scratch.lock().unwrap_or_else(PoisonError::into_inner);
        during(Stage::Solve, || self.solve_with(x, 1, &mut buffer));
    }

    /// X ← A⁻¹ X for some columns, one after the other: the factor is read once for all.
    ///
    /// # Panics
    /// If X has no whole number of columns.
    pub fn solve_columns_in_place(&self, x: &mut [f64]) {
        let n = self.symbolic.pattern.nrows().max(1);
        assert!(x.len().is_multiple_of(n), "solve: length of X");
        let columns = x.len() / n;
        let factor = LltRef::new(&*self.symbolic.inner, &self.values);
        self.solve_with(x, columns, &mut MemBuffer::new(factor.solve_in_place_scratch::<f64>(columns, Par::Seq)));
    }

    fn solve_with(&self, x: &mut [f64], columns: usize, buffer: &mut MemBuffer) {
        LltRef::new(&*self.symbolic.inner, &self.values).solve_in_place_with_conj(
            Conj::No,
            MatMut::from_column_major_slice_mut(x, self.symbolic.pattern.nrows(), columns),
            Par::Seq,
            MemStack::new(buffer),
        );
    }
}

impl LinOp for Cholesky {
    fn shape(&self) -> (usize, usize) {
        (self.symbolic.pattern.nrows(), self.symbolic.pattern.nrows())
    }
    fn props(&self) -> Props {
        Props::SPD
    }
    fn apply(&self, x: &[f64], y: &mut [f64]) {
        y.copy_from_slice(x);
        self.solve_in_place(y);
    }
    fn nnz(&self) -> usize {
        self.values.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Purpose, stream};
    use rand::RngExt;

    /// Five-point matrices with random weights on an m × m grid; all of one pattern.
    fn matrices(m: usize, count: usize) -> Vec<Csr> {
        let make = |k: usize| {
            let mut rng = stream(5, Purpose::Sample, k as u64);
            let mut entries: Vec<(usize, usize, f64)> = (0..m * m).map(|i| (i, i, 0.1)).collect();
            for i in 0..m * m {
                for j in [(i % m + 1 < m).then_some(i + 1), (i + m < m * m).then_some(i + m)].into_iter().flatten() {
                    let w: f64 = rng.random_range(0.1..10.0);
                    entries.extend([(i, i, w), (j, j, w), (i, j, -w), (j, i, -w)]);
                }
            }
            Csr::from_triplets(m * m, m * m, &entries).unwrap()
        };
        (0..count).map(make).collect()
    }

    /// Seven-point matrix with weights that rise on an m × m × m grid.
    fn seven_point(m: usize) -> Csr {
        let n = m * m * m;
        let mut entries: Vec<(usize, usize, f64)> = (0..n).map(|i| (i, i, 0.1)).collect();
        for i in 0..n {
            let near = [(i % m + 1 < m, 1), (i / m % m + 1 < m, m), (i / (m * m) + 1 < m, m * m)];
            for (_, step) in near.into_iter().filter(|(inside, _)| *inside) {
                let (j, w) = (i + step, 1.0 + (i as f64).sqrt());
                entries.extend([(i, i, w), (j, j, w), (i, j, -w), (j, i, -w)]);
            }
        }
        Csr::from_triplets(n, n, &entries).unwrap()
    }

    fn bits(x: &[f64]) -> Vec<u64> {
        x.iter().map(|v| v.to_bits()).collect()
    }

    #[test]
    fn side_by_side_has_the_bits_of_one_by_one_and_of_faer() {
        let all = matrices(13, 2 * LANES + 3);
        let symbolic = SymbolicCholesky::new(all[0].pattern()).unwrap();
        assert_eq!(symbolic.lanes(), LANES);
        let b: Vec<f64> = (0..169).map(|i| (i as f64).sin()).collect();
        let expected: Vec<Vec<u64>> = all
            .iter()
            .map(|a| {
                let (ours, faer) = (symbolic.factorize(a).unwrap(), symbolic.factorize_once(a).unwrap());
                assert_eq!(bits(&ours.values), bits(&faer.values));
                let mut x = b.clone();
                faer.solve_in_place(&mut x);
                bits(&x)
            })
            .collect();
        let systems: Vec<(&Csr, &[f64])> = all.iter().map(|a| (a, &b[..])).collect();
        for group in [1, 2, 4, LANES, systems.len()] {
            let mut work = SideBySide::default();
            let solved = systems.chunks(group).flat_map(|group| symbolic.solve_each(&mut work, group));
            let solved: Vec<Vec<u64>> = solved.map(|x| bits(&x.unwrap())).collect();
            assert_eq!(solved, expected, "groups of {group}");
        }
    }

    #[test]
    fn threads_change_no_bit_of_a_large_factor() {
        // A cube's dense separators: the supernodal path.
        let cube = seven_point(30);
        let symbolic = SymbolicCholesky::new(cube.pattern()).unwrap();
        assert!(symbolic.factor_nnz() > MOST_SIDE_BY_SIDE && symbolic.schedule().is_none());
        let alone = symbolic.factorize_by(&cube, Par::Seq).unwrap();
        for threads in [2, 8] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let shared = pool.install(|| symbolic.factorize(&cube)).unwrap();
            assert!(bits(&shared.values) == bits(&alone.values), "{threads} threads");
        }
    }

    #[test]
    fn one_that_is_not_definite_leaves_those_beside_it_as_they_are() {
        let mut all = matrices(6, 3);
        all[1].values_mut()[20] = -1e3;
        let b = vec![1.0; 36];
        let symbolic = SymbolicCholesky::new(all[0].pattern()).unwrap();
        let systems: Vec<(&Csr, &[f64])> = all.iter().map(|a| (a, &b[..])).collect();
        let mut work = SideBySide::default();
        for _ in 0..2 {
            let solved = symbolic.solve_each(&mut work, &systems);
            for k in [0, 2] {
                let mut x = b.clone();
                symbolic.factorize(&all[k]).unwrap().solve_in_place(&mut x);
                assert_eq!(bits(solved[k].as_ref().unwrap()), bits(&x));
            }
            let message = solved[1].as_ref().unwrap_err().to_string();
            assert!(message.contains("not positive definite"), "{message}");
            assert!(symbolic.factorize(&all[1]).is_err());
        }
    }
}
