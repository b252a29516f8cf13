//! Reading a family's table: unknown keys, wrong types and values out of range, each named with what would be right.

use std::fmt::Display;
use std::ops::RangeInclusive;

use serde::de::DeserializeOwned;

use crate::error::{Error, Result};

/// The table of family `name` as its configuration.
///
/// # Errors
/// [`Error::Recipe`] naming a key that is unknown or of the wrong type.
pub fn config<T: DeserializeOwned>(table: &toml::Table, name: &str, origin: &str) -> Result<T> {
    toml::Value::Table(table.clone())
        .try_into()
        .map_err(|e: toml::de::Error| {
            Error::recipe(origin, format!("[{name}] {}", e.message().replace('\n', ", ")))
        })
}

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
    Err(Error::recipe(
        origin,
        format!(
            "{key} = {value}: must be from {} to {}",
            range.start(),
            range.end()
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Keys {
        n: u32,
    }

    #[test]
    fn errors_name_table_key_and_range() {
        let read = |text: &str| config::<Keys>(&text.parse().unwrap(), "fam", "r.toml");
        assert_eq!(read("n = 3").unwrap().n, 3);
        let message = read("m = 3").unwrap_err().to_string();
        assert!(
            message.starts_with("r.toml: [fam]") && message.contains('m'),
            "{message}"
        );
        assert!(read("n = 'x'").is_err());
        assert!(within(0.5, 0.0..=1.0, "fam.x", "r").is_ok());
        let message = within(f64::NAN, 0.0..=1.0, "fam.x", "r").unwrap_err().to_string();
        assert_eq!(message, "r: fam.x = NaN: must be from 0 to 1");
    }
}
