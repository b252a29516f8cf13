//! A family's keys: as a table, and their ranges, named in errors with what would be right.

use std::fmt::Display;
use std::ops::RangeInclusive;

use serde::Serialize;
use toml::Table;

use crate::entry;
use crate::error::{Error, Result};
use crate::mesh::recipe::MeshRecipe;

/// A value within its range.
///
/// # Errors
/// [`Error::Recipe`] naming the key and the range if the value is outside (or no number).
pub fn within<T: PartialOrd + Display + Copy>(
    value: T,
    range: RangeInclusive<T>,
    key: &str,
    origin: &str,
) -> Result<()> {
    if range.contains(&value) {
        return Ok(());
    }
    Err(Error::recipe(origin, format!("{key} = {value}: must be from {} to {}", range.start(), range.end())))
}

/// The keys of a family as a recipe has them, those of its mesh as far as they have a meaning.
pub fn table<T: Serialize>(keys: &T, mesh: Option<&MeshRecipe>) -> Table {
    let mut table = entry::to_table(keys);
    if let Some(mesh) = mesh {
        table.insert("mesh".into(), mesh.to_table().into());
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_key_and_range() {
        assert!(within(0.5, 0.0..=1.0, "fam.x", "r").is_ok());
        let message = within(f64::NAN, 0.0..=1.0, "fam.x", "r").unwrap_err().to_string();
        assert_eq!(message, "r: fam.x = NaN: must be from 0 to 1");
    }
}
