//! Block Jacobi.

use serde::{Deserialize, Serialize};

use super::blocks::{Blocks, BlocksParams};
use super::{Built, Preconditioner, Reuse, Spec, ilu};
use crate::entry::{Entry, checked, defaults};
use crate::error::Result;
use crate::linalg::{Csr, Props};

/// `bjacobi`.
pub(super) static ENTRY: Entry<dyn Preconditioner> = Entry {
    name: "bjacobi",
    help: "block Jacobi: any preconditioner on each of some contiguous blocks of rows",
    source: "Saad (2003), section 12.3, doi:10.1137/1.9780898718003",
    needs: "what the inner preconditioner needs",
    positional: &["blocks"],
    defaults: defaults::<Config>,
    schema: None,
    parse: |table, name, origin| {
        let config = checked::<Config>(table, name, origin, |c| c.params().check())?;
        Ok(Box::new(config))
    },
};

#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    blocks: usize,
    inner: Spec,
}

impl Default for Config {
    fn default() -> Self {
        Config { blocks: 8, inner: ilu::spec() }
    }
}

impl Config {
    fn params(&self) -> BlocksParams {
        BlocksParams { blocks: self.blocks, overlap: 0, restricted: false, inner: self.inner.clone() }
    }
}

impl Preconditioner for Config {
    fn build(&self, a: &Csr, _reuse: &mut Reuse) -> Result<Built> {
        let blocks = Blocks::new(a, &self.params())?;
        let note = blocks.note();
        Ok(Built::new(blocks).noted(note))
    }
    fn props(&self) -> Props {
        self.params().props()
    }
    fn arguments(&self) -> Option<String> {
        Some(format!("{}, inner = {}", self.blocks, self.inner))
    }
}
