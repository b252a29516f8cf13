//! Small dense products of row-major tables, by faer.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

use crate::nn::Real;

/// A row-major matrix, or the transpose of one.
#[derive(Clone, Copy)]
pub struct Rows<'a, E> {
    data: &'a [E],
    cols: usize,
    transposed: bool,
}

impl<'a, E: Real> Rows<'a, E> {
    /// A table of that many columns.
    pub fn new(data: &'a [E], cols: usize) -> Self {
        Rows { data, cols, transposed: false }
    }

    /// The transpose.
    pub fn t(self) -> Self {
        Rows { transposed: !self.transposed, ..self }
    }

    fn view(&self) -> MatRef<'a, E> {
        let m = MatRef::from_row_major_slice(self.data, self.data.len() / self.cols.max(1), self.cols);
        if self.transposed { m.transpose() } else { m }
    }
}

/// c ← a b, or c ← c + a b; c row-major with the columns of b. Single-threaded: callers are parallel over chunks.
pub fn gemm<E: Real>(c: &mut [E], accumulate: bool, a: Rows<E>, b: Rows<E>) {
    let (a, b) = (a.view(), b.view());
    let c = MatMut::from_row_major_slice_mut(c, a.nrows(), b.ncols());
    let accum = if accumulate { Accum::Add } else { Accum::Replace };
    matmul(c, accum, a, b, E::narrow(1.0), Par::Seq);
}
