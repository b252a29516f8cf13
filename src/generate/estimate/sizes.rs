//! Bytes of samples in a dataset.

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;

use crate::dataset::{DEFLATE_LEVEL, Shape};
use crate::generate::plan::bytes;
use crate::system::LinearSystem;

/// Bytes over some samples.
#[derive(Default)]
pub(super) struct Sum {
    /// As they are.
    pub raw: usize,
    /// As the dataset has them when it is compressed.
    pub deflated: usize,
    /// `/pattern`, which is that of one sample.
    pub patterns_once: usize,
}

impl Sum {
    /// Adds those of a sample.
    pub fn add(&mut self, s: &LinearSystem, shape: &Shape, compress: bool) {
        let (n, nnz) = (s.n(), s.matrix.nnz());
        self.patterns_once = 8 * nnz + 4 * (nnz + n + 1);
        let solution = s.solution.as_ref().map_or(0, Vec::len);
        // Indices, row pointers and offsets of a sample's own pattern.
        let own = match shape.pattern {
            Some(_) => 0,
            None => 4 * (nnz + n + 1) + 8 * (2 + s.fields.len() + s.labels.len()),
        };
        // Which counts a solution, whether there is one or not.
        self.raw += bytes(s) - 8 * n + 8 * solution + own;
        if compress {
            let named = s.fields.iter().chain(&s.labels).map(|f| &f.values[..]);
            let all = [s.matrix.values(), &s.rhs].into_iter().chain(s.solution.as_deref()).chain(named);
            self.deflated += all.map(deflated).sum::<usize>() + own;
        }
    }
}

/// Bytes of numbers shuffled and deflated.
fn deflated(values: &[f64]) -> usize {
    let bytes: Vec<[u8; 8]> = values.iter().map(|v| v.to_le_bytes()).collect();
    let shuffled: Vec<u8> = (0..8).flat_map(|b| bytes.iter().map(move |v| v[b])).collect();
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(u32::from(DEFLATE_LEVEL)));
    // Writing to memory does not fail; if it did, nothing would be saved.
    encoder.write_all(&shuffled).and_then(|()| encoder.finish()).map_or(shuffled.len(), |out| out.len())
}
