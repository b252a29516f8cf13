//! The one error type. Every message names the file, key or argument at fault and says what would be right.

use std::path::{Path, PathBuf};

/// Everything that can go wrong. Not converging is never an error: solvers report it in their outcome.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused to read or write a file.
    #[error("{}: cannot {action}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was being done to it: "read", "write", "create".
        action: &'static str,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// A recipe (TOML) that cannot be used: unknown key, wrong type, value out of range.
    #[error("{origin}: {reason}")]
    Recipe {
        /// Its file, or "command line".
        origin: String,
        /// The key at fault and what would be right.
        reason: String,
    },
    /// A file that is not what it should be: no dataset, truncated, altered, malformed.
    #[error("{}: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, where, and what would be right.
        reason: String,
    },
    /// An argument out of its range, or two that do not go together.
    #[error("{0}")]
    Argument(String),
    /// A system of another kind than a method or model is for: A is promised less than it needs. Where systems are
    /// compared, that is a failed solve.
    #[error("{0}")]
    Unsuitable(String),
    /// Two things whose sizes must agree do not.
    #[error("{what}: expected {expected}, found {found}")]
    Shape {
        /// What has a size.
        what: &'static str,
        /// The size that would be right.
        expected: String,
        /// The size it has.
        found: String,
    },
    /// A computation that broke down: a factorisation of an indefinite matrix, a loss that is not a number.
    #[error("{0}")]
    Numeric(String),
    /// The user pressed Ctrl-C; what was finished is on disk.
    #[error("interrupted: {0}")]
    Interrupted(String),
}

/// The result of anything fallible in fempipe.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// The same of a sample, by its index in the dataset; what names a file stays.
    pub fn of_sample(self, index: u64) -> Self {
        match self {
            Error::Argument(reason) => Error::Argument(format!("sample {index}: {reason}")),
            Error::Unsuitable(reason) => Error::Unsuitable(format!("sample {index}: {reason}")),
            Error::Numeric(reason) => Error::Numeric(format!("sample {index}: {reason}")),
            Error::Shape { .. } => Error::Argument(format!("sample {index}: {self}")),
            other => other,
        }
    }

    /// The same of what a file holds; what names a file stays; what breaks down numerically or is
    /// unsuitable stays of its kind.
    pub fn in_file(self, path: &Path) -> Self {
        match self {
            Error::Argument(_) | Error::Shape { .. } => Error::file(path, self.to_string()),
            Error::Numeric(reason) => Error::Numeric(format!("{}: {reason}", path.display())),
            Error::Unsuitable(reason) => Error::Unsuitable(format!("{}: {reason}", path.display())),
            other => other,
        }
    }

    /// An operating-system error met while doing `action` ("read", "write", "create") to `path`.
    pub fn io(path: impl AsRef<Path>, action: &'static str, source: std::io::Error) -> Self {
        Error::Io { path: path.as_ref().to_path_buf(), action, source }
    }

    /// A file whose content is not what it should be.
    pub fn file(path: impl AsRef<Path>, reason: impl Into<String>) -> Self {
        Error::File { path: path.as_ref().to_path_buf(), reason: reason.into() }
    }

    /// A recipe that cannot be used; `origin` is its path, or "command line". Names in it may hold line breaks, which
    /// are shown as escapes: an error is one line.
    pub fn recipe(origin: impl Into<String>, reason: impl Into<String>) -> Self {
        let reason = reason.into().replace('\n', "\\n").replace('\r', "\\r");
        Error::Recipe { origin: origin.into(), reason }
    }

    /// A TOML text that is no TOML or not what it should be: one line with the line number and what stands there.
    pub fn toml(origin: &str, text: &str, e: &toml::de::Error) -> Self {
        let message = e.message().trim().replace('\n', ", ");
        let Some(span) = e.span() else {
            return Error::recipe(origin, message);
        };
        let at = span.start.min(text.len());
        let number = text.as_bytes()[..at].iter().filter(|&&b| b == b'\n').count();
        let line = text.lines().nth(number).unwrap_or("").trim();
        let shown = if line.is_empty() { String::new() } else { format!(" ({line})") };
        let reason = must_be(&message).unwrap_or(message);
        Error::recipe(origin, format!("line {}{shown}: {reason}", number + 1))
    }

    /// Sizes that do not agree.
    pub fn shape(what: &'static str, expected: impl std::fmt::Display, found: impl std::fmt::Display) -> Self {
        Error::Shape { what, expected: expected.to_string(), found: found.to_string() }
    }
}

/// What would be right, out of a message of serde; None where it does not say.
pub(crate) fn must_be(message: &str) -> Option<String> {
    let wrong = ["invalid type: ", "invalid value: ", "invalid length ", "unknown variant "];
    wrong.iter().find(|start| message.starts_with(**start))?;
    let (_, expected) = message.rsplit_once(", expected ")?;
    let words = match expected {
        "usize" | "u64" => "a whole number, 0 or larger",
        "u32" => "a whole number from 0 to 4294967295",
        "u16" => "a whole number from 0 to 65535",
        "u8" => "a whole number from 0 to 255",
        "isize" | "i64" | "i32" => "a whole number",
        "f64" | "f32" => "a number",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "a map" => "a table",
        other => other,
    };
    Some(format!("must be {words}"))
}
