//! Two levels on the unit square: any preconditioner, and the lowest sine modes solved for exactly.

use serde::{Deserialize, Serialize};

use super::{Built, Joined, Preconditioner, Reuse, Spec, TwoLevel, check_symmetric, none, sine_modes};
use crate::entry::{Entry, checked, defaults};
use crate::error::{Error, Result};
use crate::linalg::{Csr, Props};

/// `sine`.
pub(super) static ENTRY: Entry<dyn Preconditioner> = Entry {
    name: "sine",
    help: "two levels: any preconditioner, and an exact solve on the k lowest sine modes of the unit square",
    source: "Tang, Nabben, Vuik & Erlangga (2009), doi:10.1007/s10915-009-9272-6",
    needs: "A symmetric positive definite on a square grid, n = m²",
    positional: &["k", "one-level"],
    defaults: defaults::<Config>,
    schema: None,
    parse: |table, name, origin| Ok(Box::new(checked(table, name, origin, Config::check)?)),
};

#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    /// Modes.
    k: usize,
    #[serde(rename = "one-level")]
    one_level: Spec,
}

impl Default for Config {
    fn default() -> Self {
        Config { k: 20, one_level: none::spec() }
    }
}

impl Config {
    fn check(&self) -> Result<()> {
        match self.k {
            0 => Err(Error::Argument("sine: k = 0 leaves no coarse space: must be at least 1".into())),
            _ => Ok(()),
        }
    }
}

impl Preconditioner for Config {
    fn build(&self, a: &Csr, _reuse: &mut Reuse) -> Result<Built> {
        check_symmetric("sine", a)?;
        let side = a.nrows().isqrt();
        if side * side != a.nrows() {
            return Err(Error::Argument(format!(
                "sine needs the nodes of a square grid, n = m²; the system has n = {}",
                a.nrows()
            )));
        }
        let one = self.one_level.build(a)?;
        let space = sine_modes(side, self.k.min(a.nrows()))?;
        let two = TwoLevel::new(&a.promised(Props::SPD), one.op, &space.into(), Joined::Balancing)?;
        Ok(Built::new(two).noted(one.note))
    }
    fn props(&self) -> Props {
        self.one_level.props()
    }
    fn arguments(&self) -> Option<String> {
        Some(format!("{}, one-level = {}", self.k, self.one_level))
    }
}
