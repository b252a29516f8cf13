//! What an evaluation tells of a dataset.

use std::sync::Arc;

use serde::Serialize;

use super::condition::Condition;
use super::trained::Trained;
use crate::dataset::Dataset;
use crate::dataset::digest::Digest;
use crate::system::LinearSystem;

/// A dataset in a few words.
#[derive(Debug, Clone, Default, Serialize)]
pub struct DataInfo {
    /// File name without its ending; with a number where an earlier dataset has the same.
    pub name: String,
    /// Its family.
    pub family: String,
    /// Its equation in words.
    pub equation: String,
    /// Systems that are solved.
    pub systems: usize,
    /// Unknowns of the largest system.
    pub n: usize,
    /// Unknowns of the smallest one.
    pub least_n: usize,
    /// Stored entries of the first system.
    pub nnz: usize,
    /// κ₂(A) of those of the first systems where it could be computed.
    pub kappa: Vec<f64>,
    /// κ of M A by row, for those of the same systems where M could be made; empty where not computed.
    pub kappa_after: Vec<Vec<Condition>>,
    /// By row, how many of the systems come from the random streams of systems that the row's model was trained or
    /// validated on; 0 for rows without a model.
    pub seen_in_training: Vec<usize>,
    /// By row, what its model was trained on.
    pub trained: Vec<Option<Trained>>,
    /// By row, why the systems are no test of it, in words; "" where they are one.
    pub leaks: Vec<String>,
    /// By row, whether every one of its solves was direct, whatever its preconditioner is called.
    pub direct: Vec<bool>,
    /// Digest of the systems that are solved.
    pub digest: String,
    /// The recipe that the dataset was made by (TOML).
    #[serde(skip)]
    pub recipe: String,
    /// The spectrum of A of the first system, rising, thinned.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub spectrum: Vec<f64>,
    /// The first system.
    #[serde(skip)]
    pub first: Option<Arc<LinearSystem>>,
}

impl DataInfo {
    /// "961", or "504 to 3624" where systems differ.
    pub fn unknowns(&self) -> String {
        match self.least_n == self.n {
            true => self.n.to_string(),
            false => format!("{} to {}", self.least_n, self.n),
        }
    }
}

/// The digest of the systems that are solved.
pub fn solved(data: &Dataset, ids: &[u32]) -> String {
    format!("{:016x}", Digest::new().samples(ids, data.digests()).finish())
}
