//! Fields out of `.npy` files: one value a node or a grid point, for all samples or for each.

use std::path::Path;

use crate::error::{Error, Result};
use crate::io::npy::{self, Data};

/// The values of one file.
#[derive(Debug, Clone)]
pub(super) struct Array {
    values: Vec<f64>,
    nodes: usize,
    /// Whether each sample has its own.
    by_sample: bool,
    path: String,
}

/// Where the values of an array stand: so many nodes, which may be those of a grid.
#[derive(Debug, Clone, Copy)]
pub struct Nodes<'a> {
    /// How many there are.
    pub count: usize,
    /// Points along each axis, the slowest first, where they are those of a grid; else empty.
    pub grid: &'a [usize],
}

impl Nodes<'_> {
    /// The shapes that an array may have.
    fn shapes(self) -> [Vec<usize>; 2] {
        [vec![self.count], self.grid.to_vec()]
    }

    fn in_words(self) -> String {
        let text = |shape: &[usize]| shape.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
        match self.grid {
            [] => {
                let n = self.count;
                format!("({n},), one number a node, or (samples, {n}), one row a sample")
            }
            grid => format!(
                "({0}), one number a grid point with x last, or (samples, {0}), one such array a sample; the grid may \
                 be one axis of {1}",
                text(grid),
                self.count
            ),
        }
    }
}

impl Array {
    /// Reads a file for so many nodes.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be read, [`Error::File`] naming the shape that would be right.
    pub(super) fn read(path: &Path, nodes: Nodes) -> Result<Self> {
        let array = npy::read_npy(path)?;
        let values = match array.data {
            Data::Float(values) => values,
            Data::Int(values) => values.into_iter().map(|v| v as f64).collect(),
            Data::Text(_) => return Err(Error::file(path, "holds texts: must hold numbers")),
        };
        let shape = &array.shape[..];
        let fits = |of: &Vec<usize>| !of.is_empty() && shape == of;
        let rows_fit = |of: &Vec<usize>| !of.is_empty() && !shape.is_empty() && shape[1..] == of[..];
        let by_sample = match (nodes.shapes().iter().any(fits), nodes.shapes().iter().any(rows_fit)) {
            (true, _) => false,
            (_, true) => true,
            _ => {
                let reason = format!("has the shape {shape:?}: must be {}", nodes.in_words());
                return Err(Error::file(path, reason));
            }
        };
        if let Some(at) = values.iter().position(|v| !v.is_finite()) {
            let reason = format!("entry {at} (row-major, from 0) is {}: must be finite", values[at]);
            return Err(Error::file(path, reason));
        }
        Ok(Array { values, nodes: nodes.count, by_sample, path: path.display().to_string() })
    }

    /// How many samples it has values for, if they are not the same for all.
    pub(super) fn samples(&self) -> Option<usize> {
        self.by_sample.then(|| self.values.len() / self.nodes.max(1))
    }

    /// The values of a sample, one a node.
    ///
    /// # Errors
    /// [`Error::File`] if it has none for this sample.
    pub(super) fn of(&self, index: u64) -> Result<&[f64]> {
        if !self.by_sample {
            return Ok(&self.values);
        }
        let row = usize::try_from(index).ok().and_then(|i| self.values.chunks_exact(self.nodes.max(1)).nth(i));
        row.ok_or_else(|| {
            let there = self.values.len() / self.nodes.max(1);
            Error::file(&self.path, format!("holds fields of {there} samples, not of sample {index} (from 0)"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(dir: &Path, shape: &str, values: &[f64]) -> std::path::PathBuf {
        let header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}\n");
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(values.iter().flat_map(|v| v.to_le_bytes()));
        let path = dir.join("a.npy");
        std::fs::write(&path, bytes).unwrap();
        path
    }

    #[test]
    fn arrays_are_for_all_samples_or_for_each() {
        let dir = tempfile::tempdir().unwrap();
        let values: Vec<f64> = (0..12).map(f64::from).collect();
        let read =
            |shape: &str, count, grid: &[usize]| Array::read(&write(dir.path(), shape, &values), Nodes { count, grid });
        let one = read("(12,)", 12, &[]).unwrap();
        assert_eq!((one.samples(), one.of(7).unwrap()), (None, &values[..]));
        let each = read("(3, 4)", 4, &[]).unwrap();
        assert_eq!((each.samples(), each.of(1).unwrap()), (Some(3), &values[4..8]));
        assert!(each.of(3).unwrap_err().to_string().contains("of 3 samples, not of sample 3"));
        assert_eq!(read("(3, 4)", 12, &[3, 4]).unwrap().samples(), None);
        assert_eq!(read("(3, 2, 2)", 4, &[2, 2]).unwrap().of(2).unwrap(), &values[8..]);
        assert_eq!(read("(3, 4)", 4, &[2, 2]).unwrap().samples(), Some(3));
        let message = read("(12,)", 5, &[]).unwrap_err().to_string();
        assert!(message.contains("a.npy") && message.contains("[12]") && message.contains("(samples, 5)"), "{message}");
        let message = read("(4, 3)", 12, &[3, 4]).unwrap_err().to_string();
        assert!(message.contains("must be (3, 4), one number a grid point"), "{message}");
        let path = write(dir.path(), "(2,)", &[1.0, f64::NAN]);
        let message = Array::read(&path, Nodes { count: 2, grid: &[] }).unwrap_err().to_string();
        assert!(message.contains("entry 1"), "{message}");
    }
}
