//! What the network sees of a matrix, in blocks of unknowns.

use std::sync::Arc;

use faer::Side;

use super::{NAME, SpaiGnnConfig, UnitScale};
use crate::error::{Error, Result};
use crate::linalg::dense::Dense;
use crate::linalg::{Csr, Pattern};

/// A matrix of unit scale, Ā = S A S, and what the network sees of it: a node for each block of b unknowns, an edge for
/// each block of entries.
pub struct Seen {
    /// Ā, every block with an entry stored in full.
    pub matrix: Csr,
    /// The diagonal of S.
    pub scale: Vec<f64>,
    /// The blocks as entries; of b = 1 the matrix itself.
    pub blocks: Csr,
    /// Nodes × [`SpaiGnnConfig::node_features`]: of each unknown 1/√ā_ii and the share of the diagonal in the row of
    /// |Ā|.
    pub nodes: Vec<f32>,
    /// Blocks × [`SpaiGnnConfig::edge_features`]: the entries row by row, and whether it is a diagonal block.
    pub edges: Vec<f32>,
    /// Blocks × b²: the factor that training starts from, L⁻ᵀ in diagonal blocks L Lᵀ.
    pub base: Vec<f32>,
    /// Of each entry of Ā, row by row: its number among those of the blocks, block after block.
    pub places: Vec<u32>,
}

impl SpaiGnnConfig {
    /// Features of a node.
    pub fn node_features(&self) -> usize {
        2 * self.block
    }

    /// Features of an edge.
    pub fn edge_features(&self) -> usize {
        self.block * self.block + 1
    }
}

impl Seen {
    /// Scales A and takes its features.
    ///
    /// # Errors
    /// [`Error::Numeric`] if an entry of the diagonal is not positive or a diagonal block is not positive definite;
    /// [`Error::Argument`] if the unknowns are no multiple of the block.
    pub fn new(config: &SpaiGnnConfig, a: &Csr) -> Result<Self> {
        let b = config.block;
        if !a.nrows().is_multiple_of(b) {
            return Err(Error::Argument(format!("{NAME}.block = {b}: {} unknowns are no multiple of it", a.nrows())));
        }
        let (scaled, scale) = unit_scale(config.scaling, a)?;
        if let Some(v) = scaled.values().iter().find(|v| !v.is_finite()) {
            return Err(Error::Numeric(format!("{NAME}: an entry of the scaled matrix is {v}")));
        }
        let (blocks, matrix, places) = in_blocks(&scaled, b)?;
        let mut nodes = Vec::with_capacity(2 * matrix.nrows());
        for (i, diagonal) in matrix.diagonal().into_iter().enumerate() {
            let sum: f64 = matrix.row(i).1.iter().map(|v| v.abs()).sum();
            nodes.extend([(1.0 / diagonal.sqrt()) as f32, (diagonal / sum) as f32]);
        }
        let mut entries = vec![0.0; matrix.nnz()];
        places.iter().zip(matrix.values()).for_each(|(&p, &v)| entries[p as usize] = v);
        let (mut edges, mut base) = (Vec::new(), Vec::with_capacity(matrix.nnz()));
        for i in 0..blocks.nrows() {
            for (e, &j) in blocks.pattern().range(i).zip(blocks.pattern().row(i)) {
                let (block, own) = (&entries[e * b * b..(e + 1) * b * b], j as usize == i);
                edges.extend(block.iter().map(|&v| v as f32));
                edges.push(f32::from(u8::from(own)));
                match own {
                    true => base.extend(inverse_factor(block, b).ok_or_else(|| {
                        Error::Numeric(format!("{NAME}: diagonal block {i} is not positive definite"))
                    })?),
                    false => base.extend(std::iter::repeat_n(0.0, b * b)),
                }
            }
        }
        Ok(Seen { matrix, scale, blocks, nodes, edges, base, places })
    }
}

/// Ā and the diagonal of S.
fn unit_scale(scaling: UnitScale, a: &Csr) -> Result<(Csr, Vec<f64>)> {
    let (equilibrated, root) = a.equilibrated()?;
    match scaling {
        UnitScale::Jacobi => Ok((equilibrated, root.iter().map(|r| 1.0 / r).collect())),
        UnitScale::Mean => {
            let mean = a.values().iter().map(|v| v.abs()).sum::<f64>() / a.nnz().max(1) as f64;
            let values = a.values().iter().map(|v| v / mean).collect();
            Ok((Csr::new(a.pattern().clone(), values)?, vec![1.0 / mean.sqrt(); a.nrows()]))
        }
    }
}

/// The pattern of the blocks, A with every block in full, and where each of its entries lies among those of the blocks.
fn in_blocks(a: &Csr, b: usize) -> Result<(Csr, Csr, Vec<u32>)> {
    if b == 1 {
        return Ok((a.clone(), a.clone(), (0..a.nnz() as u32).collect()));
    }
    let count = a.nrows() / b;
    let mut pairs = Vec::new();
    for i in 0..count {
        let rows = (i * b..(i + 1) * b).flat_map(|row| a.row(row).0.iter());
        let mut cols: Vec<u32> = rows.map(|&j| j / b as u32).collect();
        cols.sort_unstable();
        cols.dedup();
        pairs.extend(cols.into_iter().map(|j| (i as u32, j)));
    }
    let pattern = Pattern::from_pairs(count, count, &pairs)?;
    let ones = vec![1.0; pattern.nnz()];
    let blocks = Csr::new(Arc::new(pattern), ones)?;
    let (mut full, mut places) = (Vec::new(), Vec::new());
    for row in 0..a.nrows() {
        for (e, &j) in blocks.pattern().range(row / b).zip(blocks.pattern().row(row / b)) {
            full.extend((0..b as u32).map(|c| (row as u32, j * b as u32 + c)));
            places.extend((0..b).map(|c| ((e * b + row % b) * b + c) as u32));
        }
    }
    let full = Pattern::from_pairs(a.nrows(), a.ncols(), &full)?;
    let mut values = vec![0.0; full.nnz()];
    for row in 0..a.nrows() {
        // Both rows rise: one walk finds every entry.
        let mut at = full.range(row).zip(full.row(row));
        let (cols, entries) = a.row(row);
        for (col, v) in cols.iter().zip(entries) {
            if let Some((e, _)) = at.find(|(_, full)| *full == col) {
                values[e] = *v;
            }
        }
    }
    Ok((blocks, Csr::new(Arc::new(full), values)?, places))
}

/// L⁻ᵀ of a block L Lᵀ, row by row; None unless it is positive definite.
fn inverse_factor(block: &[f64], b: usize) -> Option<Vec<f32>> {
    let factor = Dense::from_fn(b, b, |i, j| block[i * b + j]).llt(Side::Lower).ok()?;
    let l = factor.L();
    // Column j of L⁻¹ by forward substitution is row j of L⁻ᵀ.
    let mut out = vec![0.0; b * b];
    for j in 0..b {
        for i in j..b {
            let known: f64 = (j..i).map(|k| l[(i, k)] * out[j * b + k]).sum();
            out[j * b + i] = (f64::from(u8::from(i == j)) - known) / l[(i, i)];
        }
    }
    out.iter().all(|v| v.is_finite()).then(|| out.iter().map(|&v| v as f32).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::testing::differences;

    #[test]
    fn blocks_hold_the_matrix_and_start_at_their_inverses() {
        let (a, b) = (differences(6, 2), 3);
        let config = SpaiGnnConfig { block: b, ..Default::default() };
        let seen = Seen::new(&config, &a).unwrap();
        let (scaled, _) = a.equilibrated().unwrap();
        assert_eq!(seen.matrix.nnz(), b * b * seen.blocks.nnz());
        assert_eq!(seen.nodes.len(), seen.blocks.nrows() * config.node_features());
        assert_eq!(seen.edges.len(), seen.blocks.nnz() * config.edge_features());
        for i in 0..12 {
            for j in 0..12 {
                assert_eq!(seen.matrix.get(i, j), scaled.get(i, j));
            }
        }
        for i in 0..4 {
            let e = seen.blocks.pattern().find(i, i).unwrap();
            let g = |r: usize, c: usize| f64::from(seen.base[(e * b + r) * b + c]);
            for r in 0..b {
                for c in 0..b {
                    // G Gᵀ times the block is the identity.
                    let inverse = |k: usize| (0..b).map(|m| g(r, m) * g(k, m)).sum::<f64>();
                    let product: f64 = (0..b).map(|k| inverse(k) * scaled.get(i * b + k, i * b + c)).sum();
                    assert!((product - f64::from(u8::from(r == c))).abs() < 1e-6);
                }
            }
        }
        let error = Seen::new(&SpaiGnnConfig { block: 5, ..config }, &a).err().unwrap().to_string();
        assert!(error.contains("block = 5") && error.contains("12"), "{error}");
    }
}
