//! The additive Schwarz method.

use super::blocks::{Blocks, BlocksParams};
use super::{Built, Preconditioner, Reuse};
use crate::entry::{Entry, checked, defaults};
use crate::error::Result;
use crate::linalg::{Csr, Props};

/// `asm`.
pub(super) static ENTRY: Entry<dyn Preconditioner> = Entry {
    name: "asm",
    help: "additive Schwarz: any preconditioner on each of some overlapping blocks of rows",
    source: "Cai & Sarkis (1999), doi:10.1137/S106482759732678X",
    needs: "what the inner preconditioner needs",
    positional: &["blocks", "overlap"],
    defaults: defaults::<BlocksParams>,
    schema: None,
    parse: |table, name, origin| Ok(Box::new(checked(table, name, origin, BlocksParams::check)?)),
};

impl Preconditioner for BlocksParams {
    fn build(&self, a: &Csr, _reuse: &mut Reuse) -> Result<Built> {
        let blocks = Blocks::new(a, self)?;
        let note = blocks.note();
        Ok(Built::new(blocks).noted(note))
    }
    fn props(&self) -> Props {
        BlocksParams::props(self)
    }
    fn arguments(&self) -> Option<String> {
        let kind = if self.restricted { "" } else { ", restricted = false" };
        Some(format!("{}, overlap = {}{kind}, inner = {}", self.blocks, self.overlap, self.inner))
    }
}
