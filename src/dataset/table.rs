//! What is noted about each sample.

use super::h5::H5;
use super::rows::column;
use crate::error::Result;

/// What the table and `/digest` say of each sample.
pub(super) struct Table {
    pub id: Vec<u64>,
    pub residual: Vec<f64>,
    pub seconds: Vec<f64>,
    pub params: Vec<Vec<f64>>,
    pub digest: Vec<u64>,
}

impl Table {
    /// The table and the names of the drawn parameters.
    pub(super) fn read(h5: &H5, samples: usize) -> Result<(Self, Vec<String>)> {
        let group = h5.group("systems/table")?;
        let unordered = || h5.damaged("systems/table", "has no readable attribute 'column-order'");
        let order = h5.texts(&group, "column-order").ok_or_else(unordered)?;
        let names: Vec<String> = order.iter().filter_map(|c| c.strip_prefix("param:").map(String::from)).collect();
        let params = names.iter().map(|n| column(h5, &format!("systems/table/param:{n}"), samples));
        let table = Table {
            id: column(h5, "systems/table/id", samples)?,
            residual: column(h5, "systems/table/residual", samples)?,
            seconds: column(h5, "systems/table/seconds", samples)?,
            params: params.collect::<Result<_>>()?,
            digest: column(h5, "digest", samples)?,
        };
        Ok((table, names))
    }
}
