//! On which side of A the preconditioner stands.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Where M stands; what `-ksp_pc_side` is in PETSc.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// M A x = M b. For `cg` and its like, which see M only through rᵀ M r, the one side there is.
    Left,
    /// A M u = b, x = M u: the residual is the true one.
    #[default]
    Right,
    /// F A Fᵀ u = F b, x = Fᵀ u with M = Fᵀ F: see [`super::split`].
    Symmetric,
}

impl std::str::FromStr for Side {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        let all = [Side::Left, Side::Right, Side::Symmetric];
        all.into_iter()
            .find(|side| side.name() == text)
            .ok_or_else(|| Error::Argument(format!("side {text:?}: must be left, right or symmetric")))
    }
}

impl Side {
    /// As recipes have it.
    pub fn name(self) -> &'static str {
        match self {
            Side::Left => "left",
            Side::Right => "right",
            Side::Symmetric => "symmetric",
        }
    }
}
