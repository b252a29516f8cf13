//! Block Jacobi and additive Schwarz: small solves on blocks of rows.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Spec, check_square_finite, ilu};
use crate::error::{Error, Result};
use crate::linalg::submatrix::NONE;
use crate::linalg::{Csr, LinOp, Props};

/// The most layers that a block is grown by: with more each holds all of A.
const MOST_OVERLAP: usize = 1000;

/// Parameters of [`Blocks`], and those of `asm`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BlocksParams {
    /// Contiguous blocks of rows, as even as possible.
    pub blocks: usize,
    /// Layers of neighbours in the graph of A that each block is grown by.
    pub overlap: usize,
    /// Only what belongs to the block itself comes back from its solve (restricted Schwarz, PETSc's default).
    pub restricted: bool,
    /// The preconditioner on each block.
    pub inner: Spec,
}

impl Default for BlocksParams {
    fn default() -> Self {
        BlocksParams { blocks: 8, overlap: 1, restricted: true, inner: ilu::spec() }
    }
}

/// z = Σᵢ R̃ᵢᵀ Mᵢ Rᵢ r, Mᵢ ≈ (Rᵢ A Rᵢᵀ)⁻¹: block Jacobi without overlap, additive Schwarz with it.
///
/// Rᵢ picks the rows of block i and its overlap; R̃ᵢ is Rᵢ (basic: symmetric where Mᵢ is) or only the block's own rows
/// (restricted: fewer iterations, not symmetric). Reference: Cai & Sarkis (1999), doi:10.1137/S106482759732678X.
pub struct Blocks {
    blocks: Vec<Block>,
    /// Without overlap: each block is a range of rows, and works in place.
    disjoint: bool,
    n: usize,
    props: Props,
}

struct Block {
    /// Rows of the block with its overlap, rising.
    rows: Vec<u32>,
    /// Where among them those lie whose result is kept.
    kept: Vec<u32>,
    op: Box<dyn LinOp + Send>,
    note: Option<String>,
    /// Scratch of Rᵢ r and Mᵢ Rᵢ r.
    scratch: Mutex<(Vec<f64>, Vec<f64>)>,
}

impl Block {
    /// Mᵢ Rᵢ x into the scratch.
    fn solve(&self, x: &[f64]) {
        // The scratch holds nothing that is read before it is written, so that a panic elsewhere cannot have spoiled
        // it.
        let mut guard = self.scratch.lock().unwrap_or_else(PoisonError::into_inner);
        let (r, z) = &mut *guard;
        for (r, &row) in r.iter_mut().zip(&self.rows) {
            *r = x[row as usize];
        }
        self.op.apply(r, z);
    }
}

impl BlocksParams {
    /// Checks the ranges.
    ///
    /// # Errors
    /// [`Error::Argument`] if there is no block, or more than 1000 layers.
    pub fn check(&self) -> Result<()> {
        if self.blocks == 0 {
            return Err(Error::Argument("blocks = 0 must be at least 1".into()));
        }
        match self.overlap {
            0..=MOST_OVERLAP => Ok(()),
            overlap => Err(Error::Argument(format!("overlap = {overlap} must be from 0 to {MOST_OVERLAP}"))),
        }
    }

    /// What they promise for a symmetric positive definite A.
    pub(super) fn props(&self) -> Props {
        match self.symmetric() && self.inner.props() == Props::SPD {
            true => Props::SPD,
            false => Props::GENERAL,
        }
    }

    /// Whether symmetric blocks make the whole symmetric.
    fn symmetric(&self) -> bool {
        self.overlap == 0 || !self.restricted
    }
}

impl Blocks {
    /// Sets every block up, on all threads where they are large.
    ///
    /// # Errors
    /// [`Error::Argument`] if there is no block; [`Error::Shape`] unless A is square; as the inner preconditioner
    /// where a block does not allow it.
    pub fn new(a: &Csr, params: &BlocksParams) -> Result<Self> {
        params.check()?;
        check_square_finite(a)?;
        let n = a.nrows();
        // Places among the rows of a block, and marks, one of each a thread.
        let places = || (vec![false; n], vec![NONE; n]);
        let block = |(mark, local): &mut (Vec<bool>, Vec<u32>), range: Range<usize>| {
            let rows = grown(a, &range, params.overlap, mark);
            let built = params.inner.build(&a.submatrix(&rows, local)?)?;
            let own = |&(_, &row): &(usize, &u32)| range.contains(&(row as usize));
            let kept = rows.iter().enumerate().filter(|e| !params.restricted || own(e));
            let kept = kept.map(|(k, _)| k as u32).collect();
            let size = rows.len();
            Ok(Block {
                rows,
                kept,
                op: built.op,
                note: built.note,
                scratch: Mutex::new((vec![0.0; size], vec![0.0; size])),
            })
        };
        let ranges: Vec<Range<usize>> = ranges(n, params.blocks).collect();
        let blocks = if parallel(n) {
            let made = ranges.into_par_iter().map_init(places, block);
            made.collect::<Result<Vec<Block>>>()?
        } else {
            let mut places = places();
            ranges.into_iter().map(|range| block(&mut places, range)).collect::<Result<Vec<Block>>>()?
        };
        let spd = params.symmetric() && blocks.iter().all(|b| b.op.props() == Props::SPD);
        let props = if spd { Props::SPD } else { Props::GENERAL };
        Ok(Blocks { blocks, disjoint: params.overlap == 0, n, props })
    }

    /// What is worth knowing of blocks, such as shifts that were needed.
    pub fn note(&self) -> Option<String> {
        let count = self.blocks.iter().filter(|b| b.note.is_some()).count();
        let first = self.blocks.iter().find_map(|b| b.note.as_ref())?;
        Some(format!("{count} of {} blocks: {first}", self.blocks.len()))
    }
}

/// At most `count` contiguous ranges of rows, the first ones longer by one where they do not divide evenly.
fn ranges(n: usize, count: usize) -> impl Iterator<Item = Range<usize>> {
    let count = count.min(n);
    (0..count).map(move |b| {
        let start = |b: usize| b * (n / count) + b.min(n % count);
        start(b)..start(b + 1)
    })
}

/// The rows of the range and of `overlap` layers of neighbours, rising. `mark` comes and goes all false.
fn grown(a: &Csr, range: &Range<usize>, overlap: usize, mark: &mut [bool]) -> Vec<u32> {
    let mut rows: Vec<u32> = range.clone().map(|i| i as u32).collect();
    rows.iter().for_each(|&i| mark[i as usize] = true);
    let mut done = 0;
    for _ in 0..overlap {
        let layer = done..rows.len();
        if layer.is_empty() {
            break;
        }
        done = rows.len();
        for k in layer {
            for &j in a.row(rows[k] as usize).0 {
                if !mark[j as usize] {
                    mark[j as usize] = true;
                    rows.push(j);
                }
            }
        }
    }
    rows.iter().for_each(|&i| mark[i as usize] = false);
    rows.sort_unstable();
    rows
}

/// Below this many unknowns the blocks are solved on the calling thread: waking others costs more.
const PARALLEL_N: usize = 20_000;

fn parallel(n: usize) -> bool {
    n >= PARALLEL_N && rayon::current_num_threads() > 1
}

/// Disjoint blocks that follow each other, on all threads; the same bits for any number of them.
fn in_place(blocks: &[Block], x: &[f64], y: &mut [f64]) {
    match blocks {
        [] => {}
        [block] => block.op.apply(x, y),
        _ => {
            let (first, second) = blocks.split_at(blocks.len() / 2);
            let (x1, x2) = x.split_at(first.iter().map(|b| b.rows.len()).sum());
            let (y1, y2) = y.split_at_mut(x1.len());
            if !parallel(x.len()) {
                in_place(first, x1, y1);
                in_place(second, x2, y2);
            } else {
                rayon::join(|| in_place(first, x1, y1), || in_place(second, x2, y2));
            }
        }
    }
}

impl LinOp for Blocks {
    fn shape(&self) -> (usize, usize) {
        (self.n, self.n)
    }
    fn props(&self) -> Props {
        self.props
    }
    fn apply(&self, x: &[f64], y: &mut [f64]) {
        if self.disjoint {
            return in_place(&self.blocks, x, y);
        }
        if parallel(self.n) {
            self.blocks.par_iter().for_each(|block| block.solve(x));
        } else {
            self.blocks.iter().for_each(|block| block.solve(x));
        }
        // Added in the blocks' order, whoever solved them.
        y.fill(0.0);
        for block in &self.blocks {
            let guard = block.scratch.lock().unwrap_or_else(PoisonError::into_inner);
            for &k in &block.kept {
                y[block.rows[k as usize] as usize] += guard.1[k as usize];
            }
        }
    }
    fn nnz(&self) -> usize {
        self.blocks.iter().map(|b| b.op.nnz()).sum()
    }
}
