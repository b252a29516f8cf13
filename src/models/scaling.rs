//! How graph networks see the entries of a matrix.

use serde::{Deserialize, Serialize};

/// How entries of A become edge weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Scaling {
    /// A / max|A| (the paper's).
    #[default]
    Max,
    /// D^{-1/2} A D^{-1/2} with D the diagonal of A, which must be positive; the network then sees D^{-1/2} b and says
    /// D^{1/2} x.
    Jacobi,
}

impl Scaling {
    /// As recipes have it.
    pub(in crate::models) fn name(self) -> &'static str {
        match self {
            Scaling::Max => "max",
            Scaling::Jacobi => "jacobi",
        }
    }
}
