//! How the entries of a factor are stored.

use serde::{Deserialize, Serialize};

use super::{Built, Icc};
use crate::error::Result;

/// Precision of stored entries; vectors and sums are in double precision either way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Storage {
    /// Double.
    #[default]
    #[serde(rename = "f64")]
    Double,
    /// Single: two thirds of the bytes, for factors that memory is too slow for.
    #[serde(rename = "f32")]
    Single,
}

impl Storage {
    /// The factor stored so.
    ///
    /// # Errors
    /// As [`Icc::rounded`].
    pub(super) fn built(self, icc: Icc) -> Result<Built> {
        Ok(match self {
            Storage::Double => Built::new(icc),
            Storage::Single => Built::new(icc.rounded()?),
        })
    }
}
