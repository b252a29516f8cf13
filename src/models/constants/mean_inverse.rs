//! `mean-inverse`: the entrywise mean of A⁻¹, the best constant M in ‖M − A⁻¹‖_F.

use std::sync::Arc;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Constant, Fitted, one_size};
use crate::entry::{self, Entry};
use crate::error::{Error, Result};
use crate::linalg::{Csr, dense};
use crate::models::PredictOptions;
use crate::models::dense_arrays::{DenseArrays, INVERSE};
use crate::models::explicit_inverse::ExplicitInverse;
use crate::solve::Acceleration;
use crate::solver::Need;
use crate::system::{LinearSystem, Parts, SampleSource};

/// What a network that learned nothing but a constant would say.
pub static ENTRY: Entry<dyn Constant> = Entry {
    name: "mean-inverse",
    help: "Mean of A^-1 over training systems, an explicit dense inverse",
    source: "the best constant M in the mean of ||M - A^-1||_F^2",
    needs: "training systems of one size, symmetric positive definite",
    positional: &["samples"],
    defaults: entry::defaults::<MeanInverse>,
    schema: None,
    parse: |table, name, origin| Ok(Box::new(entry::checked(table, name, origin, MeanInverse::check)?)),
};

/// Inverses that are made together.
const GROUP: usize = 8;

/// Bytes for each entry of an inverse: the sum, the mean, and a group of inverses in single precision that wait for it.
pub const WAITING: f64 = 12.0 + 4.0 * GROUP as f64;

/// Training systems whose inverses make the mean.
pub const SAMPLES: usize = 256;

/// Its settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MeanInverse {
    /// At most this many training systems.
    pub samples: usize,
}

impl Default for MeanInverse {
    fn default() -> Self {
        MeanInverse { samples: SAMPLES }
    }
}

impl MeanInverse {
    fn check(&self) -> Result<()> {
        match self.samples {
            0 => Err(Error::Argument("mean-inverse: samples = 0 must be at least 1".into())),
            _ => Ok(()),
        }
    }
}

impl Constant for MeanInverse {
    fn needs(&self) -> Need {
        Need::Spd
    }

    fn fit(&self, source: &dyn SampleSource, ids: &[u32], options: &PredictOptions) -> Result<Fitted> {
        let ids = &ids[..ids.len().min(self.samples)];
        let n = one_size("mean-inverse", source, ids)?;
        let parts = vec![("inverses", (n as f64).powi(2) * (INVERSE * ids.len().min(GROUP) as f64 + WAITING))];
        let fits = DenseArrays { n, parts, instead: "leave it away" }.check("mean-inverse", None);
        // The other rows can do without it.
        fits.map_err(|e| Error::Unsuitable(e.to_string()))?;
        let entries = mean_inverse(source, ids)?;
        let op = Arc::new(ExplicitInverse::new(n, entries, options.filter, options.symmetrize)?);
        Ok(Box::new(move |_: &LinearSystem| Ok(Acceleration::preconditioner(op.clone()))))
    }
}

/// A⁻¹ (n×n, row-major) of a symmetric positive definite matrix.
///
/// # Errors
/// [`Error::Numeric`] if it is not positive definite.
pub fn inverse_entries(a: &Csr) -> Result<Vec<f32>> {
    let m = dense::inverse_spd(a)?;
    let n = a.nrows();
    // Symmetric: columns read as rows.
    Ok((0..n * n).map(|k| m[(k % n, k / n)] as f32).collect())
}

/// The entrywise mean of A⁻¹ over samples of one size.
///
/// # Errors
/// [`Error::Numeric`] if a matrix is not positive definite; those of [`SampleSource::load`].
pub fn mean_inverse(source: &dyn SampleSource, ids: &[u32]) -> Result<Vec<f32>> {
    let n = ids.first().map_or(Ok(0), |&id| source.size(id).map(|size| size.0))?;
    let mut sum = vec![0.0f64; n * n];
    for group in ids.chunks(GROUP) {
        let inverses = source
            .load(group, &Parts::matrix())?
            .par_iter()
            .map(|s| inverse_entries(&s.matrix))
            .collect::<Result<Vec<_>>>()?;
        for inverse in inverses {
            for (s, v) in sum.iter_mut().zip(inverse) {
                *s += f64::from(v);
            }
        }
    }
    let count = ids.len() as f64;
    Ok(sum.into_iter().map(|s| (s / count) as f32).collect())
}

#[cfg(test)]
mod tests {
    use super::super::Spec;
    use super::*;
    use crate::linalg::Props;

    fn diagonal(values: &[f64]) -> LinearSystem {
        let entries: Vec<_> = values.iter().enumerate().map(|(i, &v)| (i, i, v)).collect();
        let matrix = Csr::from_triplets(values.len(), values.len(), &entries).unwrap();
        LinearSystem::plain(matrix, vec![1.0; values.len()], Props::SPD)
    }

    #[test]
    fn the_mean_of_two_inverses_over_one_or_both() {
        let train = vec![diagonal(&[1.0, 2.0]), diagonal(&[2.0, 4.0])];
        for (spec, expected) in [("mean-inverse", [0.75, 0.375]), ("mean-inverse(1)", [1.0, 0.5])] {
            let spec: Spec = spec.parse().unwrap();
            let same = spec.member().fit(&train, &[0, 1], &PredictOptions::default()).unwrap();
            let mut z = [0.0; 2];
            same.make(&train[0]).unwrap().preconditioner.unwrap().apply(&[1.0, 1.0], &mut z);
            assert_eq!(z, expected);
        }
        let mixed = vec![diagonal(&[1.0]), diagonal(&[2.0, 4.0])];
        let spec: Spec = "mean-inverse".parse().unwrap();
        for ids in [&[0, 1][..], &[]] {
            let error = spec.member().fit(&mixed, ids, &PredictOptions::default()).err().unwrap();
            assert!(error.to_string().contains("of one size"), "{error}");
        }
        assert!("mean-inverse(size = 3)".parse::<Spec>().is_err());
    }
}
