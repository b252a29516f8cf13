//! Tables in chunks of rows, on all cores.

use rayon::prelude::*;

/// Chunks that are worth a second thread: waking it takes as long as a few of them.
const WORTH_A_THREAD: usize = 16;

/// Does something with each chunk and its number, on all cores where there are many.
pub fn side_by_side<T: Send>(chunks: Vec<T>, work: impl Fn(usize, T) + Sync) {
    if chunks.len() < WORTH_A_THREAD {
        return chunks.into_iter().enumerate().for_each(|(c, chunk)| work(c, chunk));
    }
    chunks.into_par_iter().enumerate().for_each(|(c, chunk)| work(c, chunk));
}

/// A table cut at these places, the first of which is 0.
pub fn split<'a, T>(mut table: &'a mut [T], bounds: &[usize]) -> Vec<&'a mut [T]> {
    let cut = |w: &[usize]| {
        let (part, rest) = std::mem::take(&mut table).split_at_mut(w[1] - w[0]);
        table = rest;
        part
    };
    bounds.windows(2).map(cut).collect()
}
