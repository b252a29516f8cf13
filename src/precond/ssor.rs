//! The symmetric sweeps of successive over-relaxation.

use super::Preconditioner;
use super::sor::SorParams;
use crate::entry::{Entry, checked, defaults};

/// `ssor`.
pub(super) static ENTRY: Entry<dyn Preconditioner> = Entry {
    name: "ssor",
    help: "symmetric successive over-relaxation: each sweep forward, then backward (PETSc's sor)",
    source: "Saad (2003), section 10.2, doi:10.1137/1.9780898718003",
    needs: "no zero on the diagonal of A",
    positional: &["omega", "sweeps"],
    defaults: defaults::<SorParams>,
    schema: None,
    parse: |table, name, origin| {
        let params = checked(table, name, origin, SorParams::check)?;
        Ok(Box::new(SorParams { symmetric: true, ..params }))
    },
};
