//! A text line by line, every complaint with the line's number.

use std::path::Path;
use std::str::FromStr;

use crate::error::{Error, Result};

/// The lines that are left; blank ones are passed over.
pub struct Lines<'a> {
    path: &'a Path,
    rest: std::iter::Enumerate<std::str::Lines<'a>>,
    /// Number of the line last given out, from 1.
    pub number: usize,
}

impl<'a> Lines<'a> {
    /// All lines of the text of a file.
    pub fn new(path: &'a Path, text: &'a str) -> Self {
        Lines { path, rest: text.lines().enumerate(), number: 0 }
    }

    /// The next line, or None at the end of the file.
    pub fn next_or_end(&mut self) -> Option<&'a str> {
        let (i, line) = self.rest.by_ref().find(|(_, l)| !l.trim().is_empty())?;
        self.number = i + 1;
        Some(line.trim())
    }

    /// The next line, which must be there.
    pub fn next(&mut self, wanted: &str) -> Result<&'a str> {
        self.next_or_end().ok_or_else(|| {
            let at = self.number + 1;
            at_line(self.path, at, format!("the file ends where {wanted} should be"))
        })
    }

    /// The next line's words.
    pub fn words(&mut self, wanted: &'a str) -> Result<Words<'a>> {
        let line = self.next(wanted)?;
        Ok(Words { path: self.path, number: self.number, wanted, rest: line.split_ascii_whitespace(), line })
    }

    /// The line that ends a section.
    pub fn expect(&mut self, end: &str) -> Result<()> {
        match self.next(end)? {
            line if line == end => Ok(()),
            line => Err(self.error(format!("{end} should be here, found {:?}", shorten(line)))),
        }
    }

    /// A complaint about the line last given out.
    pub fn error(&self, reason: impl Into<String>) -> Error {
        at_line(self.path, self.number, reason)
    }
}

/// A complaint about a line of a file.
pub fn at_line(path: &Path, number: usize, reason: impl Into<String>) -> Error {
    Error::file(path, format!("line {number}: {}", reason.into()))
}

fn shorten(text: &str) -> String {
    text.chars().take(40).collect()
}

/// The words of a line.
pub struct Words<'a> {
    path: &'a Path,
    number: usize,
    wanted: &'a str,
    rest: std::str::SplitAsciiWhitespace<'a>,
    line: &'a str,
}

impl Words<'_> {
    /// The next word as a number.
    pub fn number<T: FromStr>(&mut self) -> Result<T> {
        let word = self.rest.next();
        let Some(word) = word else {
            return Err(self.error(format!("ends early: {} expected", self.wanted)));
        };
        word.parse()
            .map_err(|_| self.error(format!("{:?} does not belong here: {} expected", shorten(word), self.wanted)))
    }

    /// The next word as a finite number.
    pub fn coordinate(&mut self) -> Result<f64> {
        let value: f64 = self.number()?;
        match value.is_finite() {
            true => Ok(value),
            false => Err(self.error("a coordinate that is no finite number")),
        }
    }

    /// What stands between the quotes of the line.
    pub fn quoted(&self) -> Option<String> {
        let (_, after) = self.line.split_once('"')?;
        Some(after.strip_suffix('"')?.to_string())
    }

    /// That no word is left.
    pub fn end(&mut self) -> Result<()> {
        match self.rest.next() {
            None => Ok(()),
            Some(word) => Err(self.error(format!("{:?} is too much: {} expected", shorten(word), self.wanted))),
        }
    }

    fn error(&self, reason: impl Into<String>) -> Error {
        at_line(self.path, self.number, reason)
    }
}
