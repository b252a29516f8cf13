//! Digests: XXH3 (64 bit) of what a sample is, independent of file layout, compression, threads and time.

use pulp::bytemuck;
use xxhash_rust::xxh3::Xxh3;

use crate::linalg::Pattern;
use crate::system::{Field, LinearSystem, Location, MeshData};

/// Numbers fed to the hash as little-endian bytes, texts with their length in front.
#[derive(Default)]
pub struct Digest(Xxh3);

impl Digest {
    /// A digest of nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// One number.
    pub fn number(&mut self, v: u64) -> &mut Self {
        self.0.update(&v.to_le_bytes());
        self
    }

    /// Length, then bytes.
    pub fn text(&mut self, s: &str) -> &mut Self {
        self.bytes(s.as_bytes())
    }

    /// Ids, then the digests of the samples of these ids, out of those of all samples of their dataset.
    pub fn samples(&mut self, ids: &[u32], all: &[u64]) -> &mut Self {
        self.integers(ids);
        // Ids come from the file, which was checked against its length.
        for &sample in ids.iter().filter_map(|&id| all.get(id as usize)) {
            self.number(sample);
        }
        self
    }

    /// Length, then bytes.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.number(bytes.len() as u64);
        self.0.update(bytes);
        self
    }

    /// Length, then the bits of each number.
    pub fn reals(&mut self, values: &[f64]) -> &mut Self {
        self.number(values.len() as u64);
        if cfg!(target_endian = "little") {
            self.0.update(bytemuck::cast_slice(values));
            return self;
        }
        let mut bytes = [0u8; 8 * BLOCK];
        for block in values.chunks(BLOCK) {
            for (b, v) in bytes.chunks_exact_mut(8).zip(block) {
                b.copy_from_slice(&v.to_le_bytes());
            }
            self.0.update(&bytes[..8 * block.len()]);
        }
        self
    }

    /// Length, then each number.
    pub fn integers(&mut self, values: &[u32]) -> &mut Self {
        self.number(values.len() as u64);
        if cfg!(target_endian = "little") {
            self.0.update(bytemuck::cast_slice(values));
            return self;
        }
        let mut bytes = [0u8; 4 * BLOCK];
        for block in values.chunks(BLOCK) {
            for (b, v) in bytes.chunks_exact_mut(4).zip(block) {
                b.copy_from_slice(&v.to_le_bytes());
            }
            self.0.update(&bytes[..4 * block.len()]);
        }
        self
    }

    /// The hash of all so far.
    pub fn finish(&self) -> u64 {
        self.0.digest()
    }
}

const BLOCK: usize = 256;

/// Whether a digest is the recorded one. In a build for fuzzing any is: what stands behind digests has to hold for
/// files that were made on purpose, too, and random input never meets a digest.
pub(super) fn fits(found: u64, recorded: u64) -> bool {
    found == recorded || cfg!(fuzzing)
}

/// The digest of a sample, over, in this order: index; rows, columns, row pointers, column indices, values of A;
/// b; x (or length 2⁶⁴−1 where there is none); per field its name, location, components and values; per drawn
/// parameter its name and value; per label as per field. The mesh, which all share, has its own: [`mesh`].
pub fn sample(s: &LinearSystem) -> u64 {
    fn parts(fields: &[Field]) -> Vec<Named<'_>> {
        fields.iter().map(|f| (&*f.name, f.location, f.components, &f.values[..])).collect()
    }
    of_numbers(&Numbers {
        index: s.index,
        pattern: s.matrix.pattern(),
        values: s.matrix.values(),
        rhs: &s.rhs,
        solution: s.solution.as_deref(),
        fields: &parts(&s.fields),
        params: &s.params.iter().map(|(name, value)| (&**name, *value)).collect::<Vec<_>>(),
        labels: &parts(&s.labels),
    })
}

/// Name, location, components and values of a field or label.
pub(super) type Named<'a> = (&'a str, Location, usize, &'a [f64]);

/// What the digest of a sample is over.
pub(super) struct Numbers<'a> {
    pub index: u64,
    pub pattern: &'a Pattern,
    pub values: &'a [f64],
    pub rhs: &'a [f64],
    pub solution: Option<&'a [f64]>,
    pub fields: &'a [Named<'a>],
    pub params: &'a [(&'a str, f64)],
    pub labels: &'a [Named<'a>],
}

/// [`sample`], of numbers that are in no [`LinearSystem`].
pub(super) fn of_numbers(s: &Numbers) -> u64 {
    let mut d = Digest::new();
    let p = s.pattern;
    d.number(s.index)
        .number(p.nrows() as u64)
        .number(p.ncols() as u64)
        .integers(p.indptr())
        .integers(p.indices())
        .reals(s.values)
        .reals(s.rhs);
    match s.solution {
        Some(x) => d.reals(x),
        None => d.number(u64::MAX),
    };
    d.number(s.fields.len() as u64);
    add_fields(&mut d, s.fields);
    d.number(s.params.len() as u64);
    for (name, value) in s.params {
        d.text(name).reals(&[*value]);
    }
    add_fields(&mut d, s.labels);
    d.finish()
}

fn add_fields(d: &mut Digest, fields: &[Named]) {
    for (name, location, components, values) in fields {
        d.text(name).text(location.name()).number(*components as u64).reals(values);
    }
}

/// The digest of a mesh: dimension, points, cell type and size, cells, markers, free degrees of freedom; the text
/// "grid" and the shape of the grid, where there is one; the text "boundary_value" and that value as an array of one,
/// where it is known.
pub fn mesh(m: &MeshData) -> u64 {
    let mut d = Digest::new();
    d.number(m.dim as u64)
        .reals(&m.points)
        .text(&m.cell_type)
        .number(m.cell_size as u64)
        .integers(&m.cells)
        .integers(&m.point_markers)
        .integers(&m.free_dofs);
    if !m.grid.is_empty() {
        let grid: Vec<u32> = m.grid.iter().map(|&n| n as u32).collect();
        d.text("grid").integers(&grid);
    }
    if let Some(value) = m.boundary_value {
        d.text("boundary_value").reals(&[value]);
    }
    d.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::Csr;

    fn system() -> LinearSystem {
        LinearSystem {
            matrix: Csr::from_triplets(2, 2, &[(0, 0, 2.0), (1, 1, 3.0)]).unwrap(),
            rhs: vec![1.0, 2.0],
            solution: Some(vec![0.5, 2.0 / 3.0]),
            props: crate::linalg::Props::SPD,
            fields: vec![],
            labels: vec![],
            params: vec![("a".into(), 1.0)],
            mesh: None,
            index: 4,
        }
    }

    #[test]
    fn every_part_of_a_sample_counts() {
        let reference = sample(&system());
        let changes: [fn(&mut LinearSystem); 6] = [
            |s| s.index = 5,
            |s| s.matrix.values_mut()[1] = 3.0 + 1e-15,
            |s| s.rhs[0] = -1.0,
            |s| s.solution = None,
            |s| s.params[0].1 = -0.0,
            |s| s.params[0].0 = "b".into(),
        ];
        for change in changes {
            let mut s = system();
            change(&mut s);
            assert_ne!(sample(&s), reference);
        }
        assert_eq!(sample(&system()), reference);
    }

    #[test]
    fn blocks_make_no_difference() {
        let values: Vec<f64> = (0..1000).map(|i| i as f64).collect();
        let mut bytes = (values.len() as u64).to_le_bytes().to_vec();
        values.iter().for_each(|v| bytes.extend(v.to_le_bytes()));
        assert_eq!(Digest::new().reals(&values).finish(), xxhash_rust::xxh3::xxh3_64(&bytes));
    }
}
