//! What the network sees of a matrix, and the mask of R.

use std::sync::Arc;

use super::{Base, GcvaeConfig, Inverse, Mask};
use crate::error::Result;
use crate::linalg::extend;
use crate::linalg::{Cholesky, Csr, dense};
use crate::nn::graph::Graphs;
use crate::precond::FactoredInverse;
use crate::rng::{Purpose, normals, stream};

/// Features of a node: a_ii over the mean of the diagonal (at unit scale it is one), and 1/Σ_j |â_ij|.
pub const NODE_FEATURES: usize = 2;

/// Features of an edge of A: â_ij.
pub const EDGE_FEATURES: usize = 1;

impl GcvaeConfig {
    /// Features of an entry of the mask: â_ij, (Â²)_ij, whether i = j; the entry of the base where that is not I.
    pub fn entry_features(&self) -> usize {
        match self.base {
            Base::Identity => 3,
            Base::Fsai => 4,
        }
    }
}

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
    /// Entries of the mask × [`GcvaeConfig::entry_features`].
    pub entries: Vec<f32>,
    /// The factor that training starts from, entry by entry.
    pub base: Vec<f32>,
    /// With a learned mask the entries beyond A, all candidates; else none.
    pub beyond: Vec<bool>,
    /// How many of them R keeps.
    pub keep: usize,
}

impl Seen {
    /// Scales A, chooses the mask and takes the features.
    ///
    /// # Errors
    /// [`crate::Error::Numeric`] if an entry of the diagonal is not positive, or A is not positive definite where the
    /// base needs it.
    pub fn new(config: &GcvaeConfig, a: &Csr) -> Result<Self> {
        let (matrix, root) = a.equilibrated()?;
        let n = matrix.nrows();
        let square = matrix.matmul(&matrix)?;
        let (extra, keep) = match config.mask {
            Mask::Power => (config.extra, 0),
            Mask::Learned => (f64::INFINITY, extend::share(matrix.pattern(), config.extra)),
        };
        let pattern = extend::with_largest(matrix.pattern(), &square, extra)?;
        // Entries that may not be kept start at zero.
        let started = if config.mask == Mask::Power { &pattern } else { matrix.pattern() };
        let start = match config.base {
            Base::Identity => Csr::identity(n),
            Base::Fsai => FactoredInverse::fsai(&matrix, started)?.factor().clone(),
        };
        let mean = root.iter().map(|r| r * r).sum::<f64>() / n.max(1) as f64;
        let mut nodes = Vec::with_capacity(NODE_FEATURES * n);
        let (mut values, mut entries, mut base, mut beyond) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (i, root) in root.iter().enumerate() {
            let sum: f64 = matrix.row(i).1.iter().map(|v| v.abs()).sum();
            nodes.extend([(root * root / mean) as f32, (1.0 / sum) as f32]);
            for &j in pattern.row(i) {
                let (j, own) = (j as usize, f32::from(u8::from(j as usize == i)));
                let of_a = matrix.pattern().find(i, j);
                let value = of_a.map_or(0.0, |k| matrix.values()[k]);
                values.push(value);
                entries.extend([value as f32, square.get(i, j) as f32, own]);
                let start = start.get(i, j) as f32;
                base.push(start);
                if config.base == Base::Fsai {
                    entries.push(start);
                }
                if config.mask == Mask::Learned {
                    beyond.push(of_a.is_none());
                }
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
            beyond,
            keep,
        })
    }

    /// What the encoder sees of Â⁻¹ in training; its random numbers belong to `sample`.
    ///
    /// # Errors
    /// [`crate::Error::Numeric`] unless A is positive definite.
    pub fn inverse(&self, config: &GcvaeConfig, seed: u64, sample: u64) -> Result<Vec<f32>> {
        match config.inverse {
            Inverse::Probes => self.inverse_probes(config.inverse_probes, seed, sample),
            Inverse::Dense => self.inverse_image(),
        }
    }

    /// Â⁻¹ row by row, over the mean of its diagonal.
    fn inverse_image(&self) -> Result<Vec<f32>> {
        let inverse = dense::inverse_spd(&self.matrix)?;
        let n = self.matrix.nrows();
        let mean = (0..n).map(|i| inverse[(i, i)]).sum::<f64>() / n.max(1) as f64;
        let row = |i: usize| (0..n).map(move |j| (i, j));
        Ok((0..n).flat_map(row).map(|at| (inverse[at] / mean) as f32).collect())
    }

    /// w and Â⁻¹ w for random w (nodes × 2 `count`), the latter over their root mean square.
    fn inverse_probes(&self, count: usize, seed: u64, sample: u64) -> Result<Vec<f32>> {
        let cholesky = Cholesky::new(&self.matrix)?;
        let mut rng = stream(seed, Purpose::Probes, sample);
        let n = self.matrix.nrows();
        let mut out = vec![0.0f32; 2 * count * n];
        for k in 0..count {
            let w: Vec<f64> = normals(&mut rng, n);
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

/// The masks of a batch, on the host.
pub struct Masks {
    /// An edge for each entry.
    pub graphs: Graphs<f32>,
    /// As [`Seen::beyond`], one mask after the other.
    pub beyond: Vec<bool>,
    /// As [`Seen::keep`], of each mask.
    pub keep: Vec<usize>,
}

impl Masks {
    /// (mask, row, column) of each entry.
    pub fn places(&self) -> impl Iterator<Item = [usize; 3]> + '_ {
        let offsets = self.graphs.offsets();
        self.graphs.incidence().ends().map(|(i, j)| {
            let g = offsets.partition_point(|&first| first <= i as usize) - 1;
            [g, i as usize - offsets[g], j as usize - offsets[g]]
        })
    }

    /// The entries of A, and in each mask the [`Seen::keep`] ones beyond of the highest score; of equal ones the first.
    pub fn kept(&self, scores: &[f64]) -> Vec<bool> {
        let mut kept: Vec<bool> = self.beyond.iter().map(|beyond| !beyond).collect();
        for (range, &keep) in self.graphs.edge_offsets().windows(2).zip(&self.keep) {
            let mut further: Vec<usize> = (range[0]..range[1]).filter(|&e| self.beyond[e]).collect();
            further.sort_by(|&x, &y| scores[y].total_cmp(&scores[x]).then(x.cmp(&y)));
            further.iter().take(keep).for_each(|&e| kept[e] = true);
        }
        kept
    }
}
