//! No preconditioner.

use serde::{Deserialize, Serialize};

use super::{Built, Preconditioner, Reuse, Spec, check_square_finite};
use crate::entry::Entry;
use crate::error::Result;
use crate::linalg::op::Identity;
use crate::linalg::{Csr, Props};

/// `none`: M = I.
pub(super) static ENTRY: Entry<dyn Preconditioner> =
    Entry { ..Entry::of::<Config>("none", "no preconditioner, M = I") };

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {}

impl Preconditioner for Config {
    fn build(&self, a: &Csr, _reuse: &mut Reuse) -> Result<Built> {
        check_square_finite(a)?;
        Ok(Built::new(Identity(a.nrows())))
    }
    fn props(&self) -> Props {
        Props::SPD
    }
}

/// `none`.
pub fn spec() -> Spec {
    Spec::new(&ENTRY, Box::new(Config {}))
}
