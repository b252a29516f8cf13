//! Recipes that were given as dictionaries.

use fempipe::{Error, Result};

/// What errors call them.
pub const ORIGIN: &str = "recipe";

/// The TOML text of a dictionary that was written as JSON.
pub fn of_json(json: &str) -> Result<String> {
    let table: toml::Table = serde_json::from_str(json).map_err(|e| Error::recipe(ORIGIN, e.to_string()))?;
    toml::to_string(&table).map_err(|e| Error::recipe(ORIGIN, e.to_string()))
}
