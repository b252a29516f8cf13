//! Modified (relaxed) incomplete Cholesky by level of fill.

use serde::{Deserialize, Serialize};

use super::icc::{Icc, Storage};
use super::shift::Shift;
use super::triangular::StrictTriangle;
use super::{Built, Preconditioner, Reuse, check_symmetric, level_of_fill};
use crate::entry::{Entry, checked, defaults};
use crate::error::{Error, Result};
use crate::linalg::{Csr, Props};

/// `mic`.
pub(super) static ENTRY: Entry<dyn Preconditioner> = Entry {
    source: "Gustafsson (1978), doi:10.1007/BF01931691; Axelsson & Lindskog (1986), doi:10.1007/BF01389448",
    needs: "A symmetric",
    name: "mic",
    help: "incomplete Cholesky whose dropped fill is subtracted from the diagonal",
    positional: &["levels"],
    defaults: defaults::<Config>,
    schema: None,
    parse: |table, name, origin| Ok(Box::new(checked(table, name, origin, Config::check)?)),
};

#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    /// Of fill.
    levels: usize,
    /// Part of the dropped fill that the diagonal takes: 0 is `icc`, 1 keeps the row sums of A.
    relaxation: f64,
    storage: Storage,
}

impl Default for Config {
    fn default() -> Self {
        Config { levels: 0, relaxation: RELAXATION, storage: Storage::Double }
    }
}

/// Of the values 0.9, 0.95, 0.97, 0.99, 1 the best or near it on elliptic and Darcy systems in two and three dimensions
/// (README).
pub const RELAXATION: f64 = 0.97;

/// Relaxations tried, each half of the one before, and then none.
const ATTEMPTS: usize = 4;

impl Config {
    fn check(&self) -> Result<()> {
        check_relaxation("mic", self.relaxation)
    }
}

impl Preconditioner for Config {
    fn build(&self, a: &Csr, _reuse: &mut Reuse) -> Result<Built> {
        built(Icc::modified(a, self.levels, self.relaxation)?, self.relaxation, self.storage)
    }
    fn props(&self) -> Props {
        Props::SPD
    }
}

impl Icc {
    /// L D Lᵀ ≈ A on the level-k pattern of A with `relaxation` times the dropped fill subtracted from both diagonal
    /// entries of its row and column (those of an M-matrix's fill are negative: the row sums of A are kept where the
    /// relaxation is 1). Where a pivot is not positive, with half the relaxation, four times, then [`Icc::new`]; the
    /// relaxation that was taken is returned too.
    ///
    /// # Errors
    /// As [`Icc::new`].
    pub fn modified(a: &Csr, levels: usize, relaxation: f64) -> Result<(Self, f64)> {
        check_symmetric("mic", a)?;
        let mut upper = Upper::of(a, levels);
        let modified = relaxed(relaxation, |relaxation| {
            upper.fill(a);
            upper.factorize(relaxation).then(|| upper.take())
        });
        modified.map_or_else(|| Ok((Icc::new(a, levels)?, 0.0)), Ok)
    }
}

/// The factor that `factorize` makes with this relaxation or, where a pivot is not positive, with half of it, four
/// times; and the relaxation that was taken.
pub(super) fn relaxed(relaxation: f64, mut factorize: impl FnMut(f64) -> Option<Icc>) -> Option<(Icc, f64)> {
    halved(relaxation).find_map(|r| Some((factorize(r)?, r)))
}

/// A relaxation and its halves, as many as are tried.
pub(super) fn halved(relaxation: f64) -> impl Iterator<Item = f64> {
    (0..ATTEMPTS).map(move |k| relaxation * 0.5f64.powi(k as i32)).take_while(|&r| r > 0.0)
}

/// Range of a relaxation, for messages of `name`.
pub(super) fn check_relaxation(name: &str, relaxation: f64) -> Result<()> {
    match (0.0..=1.0).contains(&relaxation) {
        true => Ok(()),
        false => Err(Error::Argument(format!("{name}: relaxation = {relaxation}: must be from 0 to 1"))),
    }
}

/// A factor made with `taken` where `relaxation` was asked for, with what is worth knowing.
pub(super) fn built((icc, taken): (Icc, f64), relaxation: f64, storage: Storage) -> Result<Built> {
    let note = (taken < relaxation).then(|| match icc.shift().amount > 0.0 {
        true => "no relaxation gives positive pivots: factor of the shifted matrix".into(),
        false => format!("relaxation lowered to {taken} for positive pivots"),
    });
    Ok(storage.built(icc)?.noted(note))
}

/// The strictly upper triangle by rows, and the diagonal.
struct Upper {
    indptr: Vec<u32>,
    indices: Vec<u32>,
    values: Vec<f64>,
    diagonal: Vec<f64>,
}

impl Upper {
    /// The level-k pattern.
    fn of(a: &Csr, levels: usize) -> Self {
        let (mut indptr, mut indices) = (Vec::with_capacity(a.nrows() + 1), Vec::with_capacity(a.nnz() / 2));
        if levels > 0 {
            (indptr, indices) = level_of_fill::pattern(a, levels).1;
        } else {
            indptr.push(0);
            for i in 0..a.nrows() {
                indices.extend_from_slice(above(a.row(i).0, i).0);
                indptr.push(indices.len() as u32);
            }
        }
        Upper { values: vec![0.0; indices.len()], diagonal: vec![0.0; a.nrows()], indptr, indices }
    }

    fn range(&self, i: usize) -> std::ops::Range<usize> {
        self.indptr[i] as usize..self.indptr[i + 1] as usize
    }

    /// The entries of A.
    fn fill(&mut self, a: &Csr) {
        self.values.fill(0.0);
        for i in 0..a.nrows() {
            let (cols, vals) = a.row(i);
            let (right, first) = above(cols, i);
            self.diagonal[i] = if first > 0 && cols[first - 1] as usize == i { vals[first - 1] } else { 0.0 };
            let mut e = self.indptr[i] as usize;
            for (&j, &v) in right.iter().zip(&vals[first..]) {
                // The level-k pattern holds that of A.
                while self.indices[e] < j {
                    e += 1;
                }
                self.values[e] = v;
            }
        }
    }

    /// Row by row, each updating the rows of its columns; afterwards rows of D Lᵀ without its diagonal, and D. False at
    /// a pivot that is not positive.
    fn factorize(&mut self, relaxation: f64) -> bool {
        for k in 0..self.diagonal.len() {
            let pivot = self.diagonal[k];
            let own = self.range(k);
            let size: f64 = self.values[own.clone()].iter().map(|v| v.abs()).sum();
            if pivot.is_nan() || pivot <= 1e-14 * size {
                return false;
            }
            for e in own.clone() {
                let i = self.indices[e] as usize;
                let l = self.values[e] / pivot;
                self.diagonal[i] -= l * self.values[e];
                let (mut at, end) = (self.indptr[i] as usize, self.indptr[i + 1] as usize);
                for f in e + 1..own.end {
                    let (j, update) = (self.indices[f], l * self.values[f]);
                    while at < end && self.indices[at] < j {
                        at += 1;
                    }
                    if at < end && self.indices[at] == j {
                        self.values[at] -= update;
                    } else {
                        self.diagonal[i] -= relaxation * update;
                        self.diagonal[j as usize] -= relaxation * update;
                    }
                }
            }
        }
        true
    }

    /// Rows of Lᵀ and D⁻¹ of what [`Upper::factorize`] left.
    fn take(&mut self) -> Icc {
        for k in 0..self.diagonal.len() {
            let (row, pivot) = (self.range(k), self.diagonal[k]);
            self.values[row].iter_mut().for_each(|v| *v /= pivot);
        }
        let upper = StrictTriangle::from_rows(false, &self.indptr, &self.indices, &self.values);
        let inverse_d = self.diagonal.iter().map(|d| 1.0 / d).collect();
        Icc::from_parts(upper.transposed(), upper, inverse_d, Shift::NONE)
    }
}

/// The columns of row i beyond the diagonal, and the place of the first one.
fn above(cols: &[u32], i: usize) -> (&[u32], usize) {
    let first = cols.partition_point(|&j| j as usize <= i);
    (&cols[first..], first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::LinOp;
    use crate::precond::Spec;
    use crate::precond::testing::laplacian;

    #[test]
    fn without_relaxation_it_is_icc_and_with_all_of_it_row_sums_are_kept() {
        let a = laplacian(9);
        let ones = vec![1.0; a.nrows()];
        for levels in [0, 2] {
            let (mut z, mut y) = (vec![0.0; a.nrows()], vec![0.0; a.nrows()]);
            let icc = Icc::new(&a, levels).unwrap();
            let (tiny, relaxation) = Icc::modified(&a, levels, 1e-300).unwrap();
            assert_eq!((relaxation, tiny.nnz()), (1e-300, icc.nnz()));
            icc.apply(&ones, &mut y);
            tiny.apply(&ones, &mut z);
            assert!(y.iter().zip(&z).all(|(a, b)| (a - b).abs() < 1e-13));
            // M A 1 = 1 where the row sums of L D L^T are those of A.
            a.spmv(&ones, &mut y);
            Icc::modified(&a, levels, 1.0).unwrap().0.apply(&y, &mut z);
            assert!(z.iter().all(|v| (v - 1.0).abs() < 1e-10), "{z:?}");
        }
    }

    #[test]
    fn entries_by_hand() {
        // Eliminating the first unknown fills (2, 3), which is dropped: 1/4 of it goes to both diagonals.
        let a = [(0, 0, 4.0), (1, 1, 4.0), (2, 2, 4.0), (0, 1, -1.0), (1, 0, -1.0), (0, 2, -1.0), (2, 0, -1.0)];
        let (icc, _) = Icc::modified(&Csr::from_triplets(3, 3, &a).unwrap(), 0, 0.5).unwrap();
        let diagonal = 4.0 - 0.25 - 0.5 * 0.25;
        let l = icc.factor().unwrap();
        assert!((l.get(1, 1) - f64::sqrt(diagonal)).abs() < 1e-15 && (l.get(2, 2) - f64::sqrt(diagonal)).abs() < 1e-15);
        assert_eq!((l.get(1, 0), l.get(2, 0)), (-0.5, -0.5));
    }

    #[test]
    fn pivots_stay_positive() {
        // A positive off-diagonal makes fill that the diagonal cannot pay for.
        let a = [(0, 1, -0.9), (0, 2, -0.9), (1, 2, 0.0)];
        let mut entries: Vec<_> = a.iter().flat_map(|&(i, j, v)| [(i, j, v), (j, i, v)]).collect();
        entries.retain(|e| e.2 != 0.0);
        entries.extend([(0, 0, 1.0), (1, 1, 1.0), (2, 2, 1.7)]);
        let a = Csr::from_triplets(3, 3, &entries).unwrap();
        let (icc, relaxation) = Icc::modified(&a, 0, 1.0).unwrap();
        assert!(relaxation < 1.0 && icc.props() == Props::SPD, "{relaxation}");
        let built = "mic(relaxation = 1)".parse::<Spec>().unwrap().build(&a).unwrap();
        assert!(built.note.unwrap().contains("relaxation"));
        let refused = "mic(relaxation = 1.5)".parse::<Spec>().unwrap_err().to_string();
        assert!(refused.contains("must be from 0 to 1"), "{refused}");
    }
}
