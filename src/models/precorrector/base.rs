//! The factor that the network starts from, and what it sees of it.

use super::Base;
use crate::error::Result;
use crate::linalg::Csr;
use crate::precond::{Icc, IctParams};

/// L₀.
pub struct BaseFactor {
    /// Of A, or of the equilibrated matrix D^{-1/2} A D^{-1/2} that the network looks at, D the diagonal of A.
    factor: Icc,
    of_equilibrated: bool,
}

impl BaseFactor {
    /// Factors A.
    ///
    /// # Errors
    /// [`crate::Error::Numeric`] if A has no incomplete factor.
    pub fn new(base: Base, a: &Csr) -> Result<Self> {
        // Without a shift and without dropping, the factor of the equilibrated matrix is that of A with its rows
        // scaled; what `mic` keeps are the row sums of A itself.
        let of_a = match base {
            Base::Icc { levels } => Some(Icc::new(a, levels)?).filter(|l| l.shift().amount == 0.0),
            Base::Mic { levels, relaxation } => Some(Icc::modified(a, levels, relaxation)?.0),
            Base::Ict { .. } => None,
        };
        if let Some(factor) = of_a {
            return Ok(BaseFactor { factor, of_equilibrated: false });
        }
        let (matrix, _) = a.equilibrated()?;
        let factor = match base {
            Base::Ict { droptol, fill } => Icc::threshold(&matrix, IctParams { droptol, fill })?,
            Base::Icc { levels } | Base::Mic { levels, .. } => Icc::new(&matrix, levels)?,
        };
        Ok(BaseFactor { factor, of_equilibrated: true })
    }

    /// What the network sees of A.
    ///
    /// # Errors
    /// [`crate::Error::Numeric`] if an entry on the diagonal of A is not positive.
    pub fn seen(&self, a: &Csr) -> Result<Seen> {
        let mut factor = self.factor.factor()?;
        let root = a.root_of_diagonal()?;
        if !self.of_equilibrated {
            let pattern = factor.pattern().clone();
            for (i, r) in root.iter().enumerate() {
                factor.values_mut()[pattern.range(i)].iter_mut().for_each(|l| *l /= r);
            }
        }
        let inverse: Vec<f64> = root.iter().map(|r| 1.0 / r).collect();
        let mut nodes = Vec::with_capacity(2 * inverse.len());
        for (i, inverse_i) in inverse.iter().enumerate() {
            let (cols, vals) = a.row(i);
            let sum: f64 = cols.iter().zip(vals).map(|(&j, v)| v.abs() * inverse[j as usize]).sum();
            // A lower triangular row ends with its diagonal.
            nodes.push(factor.row(i).1.last().copied().unwrap_or_default() as f32);
            nodes.push((1.0 / (sum * inverse_i)) as f32);
        }
        Ok(Seen { factor, nodes, root })
    }

    /// Other entries on the pattern of L₀, in the units of A.
    ///
    /// # Errors
    /// As [`Icc::with_entries`].
    pub fn with_entries(&self, entries: &[f64]) -> Result<Icc> {
        self.factor.with_entries(entries)
    }

    /// L₀ itself, in the units of A.
    ///
    /// # Errors
    /// As [`Icc::with_entries`].
    pub fn into_factor(self, a: &Csr) -> Result<Icc> {
        if !self.of_equilibrated {
            return Ok(self.factor);
        }
        let seen = self.seen(a)?;
        self.with_entries(&seen.corrected(&vec![0.0; seen.factor.nnz()]))
    }
}

/// The equilibrated matrix as the network sees it.
pub struct Seen {
    /// L₀, lower triangular: an edge an entry.
    pub factor: Csr,
    /// Node features (nodes × 2): the factor's diagonal entry; the part of the row of the equilibrated matrix that the
    /// diagonal dominates.
    pub nodes: Vec<f32>,
    /// D^{1/2}.
    pub root: Vec<f64>,
}

impl Seen {
    /// The entries changed by these numbers (in single precision, the factor in double), in the units of A.
    pub fn corrected(&self, changes: &[f32]) -> Vec<f64> {
        let mut l = Vec::with_capacity(changes.len());
        for i in 0..self.factor.nrows() {
            let changed = self.factor.row(i).1.iter().zip(&changes[self.factor.pattern().range(i)]);
            l.extend(changed.map(|(l, c)| self.root[i] * (l + f64::from(*c))));
        }
        l
    }

    /// Edge features: the entries of the factor.
    pub fn entries(&self) -> Vec<f32> {
        self.factor.values().iter().map(|&v| v as f32).collect()
    }
}
