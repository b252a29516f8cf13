//! Simplicial Cholesky of matrices of one pattern, several side by side: what the pattern decides (permutation,
//! elimination tree, reach of every row, places in the factor) is found once, and each scalar operation of faer's
//! up-looking factorisation is one operation on W numbers, one a matrix, in the same order. So every matrix gets the
//! bits that faer gives it, whatever is beside it.

use faer::Side;
use faer::dyn_stack::{MemBuffer, MemStack, StackReq};
use faer::sparse::linalg::cholesky::{self as faer_cholesky, SymbolicCholeskyRaw};
use faer::sparse::{SparseColMatRef, SymbolicSparseColMatRef, utils};

/// All that is known of a factorisation before there are numbers.
#[derive(Debug)]
pub(super) struct Schedule {
    /// Row k of the factor is this unknown.
    unknowns: Vec<u32>,
    /// n + 1 places in L where columns start, each with its diagonal entry.
    columns: Vec<u32>,
    /// Rows of the entries of L, rising in each column.
    rows: Vec<u32>,
    /// n + 1 places in `entries`.
    entry_starts: Vec<u32>,
    /// Of column k of the permuted upper triangle: row, and where the number stands among those of A.
    entries: Vec<[u32; 2]>,
    /// n + 1 places in `reach`.
    reach_starts: Vec<u32>,
    /// The entries of row k of L left of the diagonal, in the order in which they are found: column, place in L.
    reach: Vec<[u32; 2]>,
}

/// The factors of W matrices, and what it takes to make and to use them.
#[derive(Debug)]
pub(super) struct Factors<const W: usize> {
    l: Vec<[f64; W]>,
    /// 1 / L_jj.
    inverse: Vec<[f64; W]>,
    /// One number an unknown; zero between calls.
    x: Vec<[f64; W]>,
}

impl<const W: usize> Factors<W> {
    pub(super) fn new(schedule: &Schedule) -> Self {
        let n = schedule.unknowns.len();
        Factors { l: vec![[0.0; W]; schedule.rows.len()], inverse: vec![[0.0; W]; n], x: vec![[0.0; W]; n] }
    }

    /// Whether they are as long as those of this pattern.
    pub(super) fn fit(&self, schedule: &Schedule) -> bool {
        (self.l.len(), self.x.len()) == (schedule.rows.len(), schedule.unknowns.len())
    }
}

impl Factors<1> {
    /// The entries of L as faer has them.
    pub(super) fn into_values(self) -> Vec<f64> {
        self.l.into_flattened()
    }
}

impl Schedule {
    /// Of an analysed pattern; None where faer takes its supernodal path, or does not permute.
    pub(super) fn new(
        symbolic: &faer_cholesky::SymbolicCholesky<u32>,
        pattern: SymbolicSparseColMatRef<'_, u32>,
    ) -> Option<Self> {
        let (SymbolicCholeskyRaw::Simplicial(raw), Some(perm)) = (symbolic.raw(), symbolic.perm()) else {
            return None;
        };
        let (n, nnz) = (pattern.ncols(), pattern.row_idx().len());
        // The permuted matrix, with places of A for numbers: its order of entries decides the order of the reach.
        let places: Vec<f64> = (0..nnz).map(|e| e as f64).collect();
        let (mut moved, mut starts, mut rows) = (vec![0.0; nnz], vec![0u32; n + 1], vec![0u32; nnz]);
        let mut buffer = MemBuffer::new(StackReq::new::<u32>(n));
        let a = SparseColMatRef::new(pattern, &places);
        utils::permute_self_adjoint_to_unsorted(
            &mut moved,
            &mut starts,
            &mut rows,
            a,
            perm,
            Side::Lower,
            Side::Upper,
            MemStack::new(&mut buffer),
        );
        let upper = starts[n] as usize;
        let entries = rows.iter().zip(&moved).take(upper).map(|(&i, &e)| [i, e as u32]).collect();
        let mut schedule = Schedule {
            unknowns: perm.arrays().0.to_vec(),
            columns: raw.col_ptr().to_vec(),
            rows: raw.row_idx().to_vec(),
            entry_starts: starts,
            entries,
            reach_starts: vec![0],
            reach: Vec::with_capacity(raw.row_idx().len().saturating_sub(n)),
        };
        schedule.find_reach();
        Some(schedule)
    }

    /// The reach of every row: paths in the elimination tree from the entries of A, the last one first.
    fn find_reach(&mut self) {
        let n = self.unknowns.len();
        const NONE: u32 = u32::MAX;
        // The parent of column j is the first row below its diagonal.
        let parent = |j: usize| match self.columns[j] + 1 < self.columns[j + 1] {
            true => self.rows[self.columns[j] as usize + 1],
            false => NONE,
        };
        let parents: Vec<u32> = (0..n).map(parent).collect();
        let mut visited = vec![NONE; n];
        // Where the last entry of each column that was found stands.
        let mut last: Vec<u32> = self.columns[..n].to_vec();
        let (mut found, mut paths) = (Vec::new(), Vec::new());
        for k in 0..n {
            visited[k] = k as u32;
            found.clear();
            paths.clear();
            for &[mut i, _] in &self.entries[span(&self.entry_starts, k)] {
                let start = found.len();
                while (i as usize) < k && visited[i as usize] != k as u32 {
                    found.push(i);
                    visited[i as usize] = k as u32;
                    i = parents[i as usize];
                }
                paths.push(start..found.len());
            }
            for &j in paths.iter().rev().flat_map(|path| &found[path.clone()]) {
                last[j as usize] += 1;
                self.reach.push([j, last[j as usize]]);
            }
            self.reach_starts.push(self.reach.len() as u32);
        }
    }

    /// L L' = A for W matrices, given by their numbers; says which of them are positive definite.
    pub(super) fn factorize<const W: usize>(&self, a: &[&[f64]; W], to: &mut Factors<W>) -> [bool; W] {
        pulp::Arch::new().dispatch(
            #[inline(always)]
            || self.factorize_lanes(a, to),
        )
    }

    #[inline(always)]
    fn factorize_lanes<const W: usize>(&self, a: &[&[f64]; W], to: &mut Factors<W>) -> [bool; W] {
        let Factors { l, inverse, x } = to;
        let mut definite = [true; W];
        for k in 0..self.unknowns.len() {
            for &[i, e] in &self.entries[span(&self.entry_starts, k)] {
                let x = &mut x[i as usize];
                for w in 0..W {
                    x[w] += a[w][e as usize];
                }
            }
            let mut d = std::mem::replace(&mut x[k], [0.0; W]);
            for &[j, place] in &self.reach[span(&self.reach_starts, k)] {
                let (j, place) = (j as usize, place as usize);
                let mut m = std::mem::replace(&mut x[j], [0.0; W]);
                let scale = &inverse[j];
                for w in 0..W {
                    m[w] *= scale[w];
                }
                subtract(self.columns[j] as usize + 1..place, &self.rows, l, &m, x);
                for w in 0..W {
                    d[w] -= m[w] * m[w];
                }
                l[place] = m;
            }
            let (diagonal, inverse) = (&mut l[self.columns[k] as usize], &mut inverse[k]);
            for w in 0..W {
                definite[w] &= d[w] > 0.0;
                diagonal[w] = d[w].sqrt();
                inverse[w] = 1.0 / diagonal[w];
            }
        }
        definite
    }

    /// x = A⁻¹ b for W right-hand sides, each with the factor beside it; `x` holds as many as are asked for.
    pub(super) fn solve<const W: usize>(&self, factors: &mut Factors<W>, b: &[&[f64]; W], x: &mut [Vec<f64>]) {
        pulp::Arch::new().dispatch(
            #[inline(always)]
            || self.solve_lanes(factors, b),
        );
        let n = self.unknowns.len();
        for (w, out) in x.iter_mut().enumerate() {
            out.resize(n, 0.0);
            for (&i, x) in self.unknowns.iter().zip(&factors.x) {
                out[i as usize] = x[w];
            }
        }
        factors.x.fill([0.0; W]);
    }

    #[inline(always)]
    fn solve_lanes<const W: usize>(&self, factors: &mut Factors<W>, b: &[&[f64]; W]) {
        let Factors { l, inverse, x } = factors;
        for (&i, x) in self.unknowns.iter().zip(x.iter_mut()) {
            for w in 0..W {
                x[w] = b[w][i as usize];
            }
        }
        for j in 0..self.unknowns.len() {
            let mut m = x[j];
            for w in 0..W {
                m[w] *= inverse[j][w];
            }
            x[j] = m;
            let column = span(&self.columns, j);
            subtract(column.start + 1..column.end, &self.rows, l, &m, x);
        }
        for j in (0..self.unknowns.len()).rev() {
            let column = span(&self.columns, j);
            let column = column.start + 1..column.end;
            let mut sum = [0.0; W];
            for (&i, l) in self.rows[column.clone()].iter().zip(&l[column]).rev() {
                let x = &x[i as usize];
                for w in 0..W {
                    sum[w] += l[w] * x[w];
                }
            }
            let x = &mut x[j];
            for w in 0..W {
                x[w] = (x[w] - sum[w]) * inverse[j][w];
            }
        }
    }
}

/// x[row] ← x[row] − L[place] m for these places of L.
#[inline(always)]
fn subtract<const W: usize>(
    places: std::ops::Range<usize>,
    rows: &[u32],
    l: &[[f64; W]],
    m: &[f64; W],
    x: &mut [[f64; W]],
) {
    for (&i, l) in rows[places.clone()].iter().zip(&l[places]) {
        let x = &mut x[i as usize];
        for w in 0..W {
            x[w] -= l[w] * m[w];
        }
    }
}

/// Piece k between n + 1 starts.
#[inline(always)]
fn span(starts: &[u32], k: usize) -> std::ops::Range<usize> {
    starts[k] as usize..starts[k + 1] as usize
}
