//! TOML texts: recipes of datasets, trainings, evaluations and meshes.

use std::path::Path;

use serde::de::DeserializeOwned;

use super::input;
use crate::error::{Error, Result};

/// The largest recipe.
const MOST_BYTES: u64 = 16 << 20;

/// How deep arrays and tables nest at most, as in [`crate::notation`] and beyond what any recipe has.
const DEEPEST: usize = 64;

/// Reads the text of a recipe file.
///
/// # Errors
/// As [`input::text`].
pub fn read(path: &Path) -> Result<String> {
    input::text(path, MOST_BYTES)
}

/// What a TOML text says; `origin` is its file, or what else it came from.
///
/// # Errors
/// [`Error::Recipe`] naming the line that is no TOML, nests too deep or is not what it should be.
pub fn parse<T: DeserializeOwned>(text: &str, origin: &str) -> Result<T> {
    // The parser's time grows with the square of the depth.
    if let Some(line) = too_deep(text) {
        let reason = format!("line {line}: arrays and tables nested more than {DEEPEST} deep");
        return Err(Error::recipe(origin, reason));
    }
    toml::from_str(text).map_err(|e| Error::toml(origin, text, &e))
}

/// The line in which more than [`DEEPEST`] brackets are open, or a key has more parts; quotes and comments aside.
fn too_deep(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let (mut at, mut line, mut open, mut dots) = (0, 1, 0usize, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'\n' => (line, dots) = (line + 1, 0),
            b'#' => at = (at..bytes.len()).find(|&k| bytes[k] == b'\n').unwrap_or(bytes.len()) - 1,
            quote @ (b'"' | b'\'') => {
                let end = end_of_string(bytes, at, quote);
                line += bytes[at..end].iter().filter(|&&b| b == b'\n').count();
                at = end - 1;
            }
            b'[' | b'{' => open += 1,
            b']' | b'}' => open = open.saturating_sub(1),
            b'=' | b',' => dots = 0,
            b'.' => dots += 1,
            _ => {}
        }
        if open > DEEPEST || dots > DEEPEST {
            return Some(line);
        }
        at += 1;
    }
    None
}

/// Where the string that begins at `at` has ended.
fn end_of_string(bytes: &[u8], at: usize, quote: u8) -> usize {
    let long = bytes[at..].starts_with(&[quote; 3]);
    let mut k = at + if long { 3 } else { 1 };
    while k < bytes.len() {
        match bytes[k] {
            b'\\' if quote == b'"' => k += 1,
            b'\n' if !long => return k,
            b if b == quote && !long => return k + 1,
            b if b == quote && bytes[k..].starts_with(&[quote; 3]) => return k + 3,
            _ => {}
        }
        k += 1;
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_is_counted_outside_of_quotes_and_comments() {
        let deep = "[".repeat(65);
        for fine in [
            format!("a = '{deep}'\nb = \"\\\"{deep}\" # {deep}"),
            format!("a = '''\n{deep}\n''' # {deep}\nb = \"\"\"{deep}\n\"\"\""),
            format!("a = {}1{}", "[".repeat(64), "]".repeat(64)),
            format!("a = [{}]", "1.5, ".repeat(1000)),
        ] {
            assert_eq!(too_deep(&fine), None, "{fine}");
            parse::<toml::Table>(&fine, "r.toml").unwrap();
        }
        for (bad, line) in [
            (format!("a = 1\nb = {deep}"), 2),
            (format!("a = '''\n\n'''\nb = {}", "{a = ".repeat(70)), 4),
            (format!("a = \"\n\nb = {deep}"), 3),
            (format!("[{}a]", "a.".repeat(70)), 1),
            (deep.clone(), 1),
        ] {
            let error = parse::<toml::Table>(&bad, "r.toml").unwrap_err().to_string();
            assert_eq!(error, format!("r.toml: line {line}: arrays and tables nested more than 64 deep"));
        }
        // Strings without an end, and a backslash as the last byte.
        for odd in ["a = \"", "a = '''", "a = \"\\", "#"] {
            too_deep(odd);
        }
    }
}
