//! What the network sees of a matrix, and the mask of R.

use std::sync::Arc;

use rand_distr::{Distribution, StandardNormal};

use super::GcvaeConfig;
use crate::error::Result;
use crate::linalg::{Cholesky, Csr, Pattern};
use crate::rng::{Purpose, stream};

/// Features of a node: a_ii over the mean of the diagonal (at unit scale it is one), and 1/Σ_j |â_ij|.
pub const NODE_FEATURES: usize = 2;

/// Features of an edge of A: â_ij.
pub const EDGE_FEATURES: usize = 1;

/// Features of an entry of the mask: â_ij, (Â²)_ij, whether i = j.
pub const ENTRY_FEATURES: usize = 3;

/// Â = D^{-1/2} A D^{-1/2} and what is made of it.
pub struct Seen {
    /// Â.
    pub matrix: Csr,
    /// The diagonal of S = D^{-1/2}.
    pub scale: Vec<f64>,
    /// Nodes × [`NODE_FEATURES`].
    pub nodes: Vec<f32>,
    /// Edges of A × [`EDGE_FEATURES`].
    pub edges: Vec<f32>,
    /// Â on the mask of R, zero where A has no entry.
    pub masked: Csr,
    /// Entries of the mask × [`ENTRY_FEATURES`].
    pub entries: Vec<f32>,
    /// The factor that training starts from, entry by entry: I.
    pub base: Vec<f32>,
}

impl Seen {
    /// Scales A, chooses the mask and takes the features.
    ///
    /// # Errors
    /// [`crate::Error::Numeric`] if an entry of the diagonal is not positive.
    pub fn new(config: &GcvaeConfig, a: &Csr) -> Result<Self> {
        let (matrix, root) = a.equilibrated()?;
        let n = matrix.nrows();
        let square = matrix.matmul(&matrix)?;
        let pattern = mask(&matrix, &square, config.extra)?;
        let mean = root.iter().map(|r| r * r).sum::<f64>() / n.max(1) as f64;
        let mut nodes = Vec::with_capacity(NODE_FEATURES * n);
        let (mut values, mut entries, mut base) = (Vec::new(), Vec::new(), Vec::new());
        for (i, root) in root.iter().enumerate() {
            let sum: f64 = matrix.row(i).1.iter().map(|v| v.abs()).sum();
            nodes.extend([(root * root / mean) as f32, (1.0 / sum) as f32]);
            for &j in pattern.row(i) {
                let (j, own) = (j as usize, f32::from(u8::from(j as usize == i)));
                values.push(matrix.get(i, j));
                entries.extend([matrix.get(i, j) as f32, square.get(i, j) as f32, own]);
                base.push(own);
            }
        }
        Ok(Seen {
            edges: matrix.values().iter().map(|&v| v as f32).collect(),
            masked: Csr::new(Arc::new(pattern), values)?,
            scale: root.iter().map(|r| 1.0 / r).collect(),
            matrix,
            nodes,
            entries,
            base,
        })
    }

    /// w and Â⁻¹ w for random w (nodes × 2 `count`), the latter over their root mean square. They belong to `sample`.
    ///
    /// # Errors
    /// [`crate::Error::Numeric`] unless A is positive definite.
    pub fn inverse_probes(&self, count: usize, seed: u64, sample: u64) -> Result<Vec<f32>> {
        let cholesky = Cholesky::new(&self.matrix)?;
        let mut rng = stream(seed, Purpose::Probes, sample);
        let n = self.matrix.nrows();
        let mut out = vec![0.0f32; 2 * count * n];
        for k in 0..count {
            let w: Vec<f64> = (0..n).map(|_| StandardNormal.sample(&mut rng)).collect();
            let mut x = w.clone();
            cholesky.solve_in_place(&mut x);
            let size = (x.iter().map(|x| x * x).sum::<f64>() / n.max(1) as f64).sqrt();
            for i in 0..n {
                out[2 * (i * count + k)] = w[i] as f32;
                out[2 * (i * count + k) + 1] = (x[i] / size) as f32;
            }
        }
        Ok(out)
    }
}

/// The pattern of A and the largest entries of |A²| beyond it, so many as a share `extra` of A's; of equal ones the
/// first by rows.
fn mask(a: &Csr, square: &Csr, extra: f64) -> Result<Pattern> {
    let mut further = Vec::new();
    for i in 0..a.nrows() {
        let (cols, values) = square.row(i);
        let outside = cols.iter().zip(values).filter(|(j, _)| a.pattern().find(i, **j as usize).is_none());
        further.extend(outside.map(|(&j, v)| (v.abs(), i as u32, j)));
    }
    further.sort_by(|x, y| y.0.total_cmp(&x.0).then((x.1, x.2).cmp(&(y.1, y.2))));
    further.truncate((extra * a.nnz() as f64) as usize);
    let own = (0..a.nrows()).flat_map(|i| a.pattern().row(i).iter().map(move |&j| (i as u32, j)));
    let mut pairs: Vec<(u32, u32)> = own.chain(further.iter().map(|f| (f.1, f.2))).collect();
    pairs.sort_unstable();
    Pattern::from_pairs(a.nrows(), a.ncols(), &pairs)
}
