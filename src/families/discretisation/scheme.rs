//! What is discretised with.

use serde::{Deserialize, Serialize};

/// The discretisations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// Linear elements, every square cut along the diagonal from lower left to upper right.
    P1,
    /// Bilinear elements on the squares.
    Q1,
    /// 5-point differences.
    Fd,
}

impl Scheme {
    /// Its name in recipes.
    pub fn name(self) -> &'static str {
        match self {
            Scheme::P1 => "p1",
            Scheme::Q1 => "q1",
            Scheme::Fd => "fd",
        }
    }

    /// The space of the discretisation in `dim` dimensions in words.
    pub fn in_words(self, dim: usize) -> &'static str {
        match self {
            Scheme::P1 if dim == 3 => {
                "continuous piecewise linear functions (P1) on cubes of six tetrahedra around the diagonal from the \
                 lowest to the highest corner"
            }
            Scheme::Fd if dim == 3 => "7-point differences at the inner grid points",
            Scheme::P1 => {
                "continuous piecewise linear functions (P1) on squares cut along the diagonal from lower left to \
                 upper right"
            }
            Scheme::Q1 => "continuous piecewise bilinear functions (Q1) on squares",
            Scheme::Fd => "5-point differences at the inner grid points",
        }
    }
}
