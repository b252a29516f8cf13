//! The numbers of a file, word by word or byte by byte, every complaint with where it stands.

use std::path::Path;
use std::str::FromStr;

use crate::error::{Error, Result};

/// How the numbers of sections are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// In words: line ends mean no more than blanks.
    Text,
    /// In bytes, whether in the other order than this machine's.
    Binary { swapped: bool },
}

/// What is left of a file.
pub struct Input<'a> {
    path: &'a Path,
    bytes: &'a [u8],
    at: usize,
    /// Line of what was given out last, from 1.
    line: usize,
    /// Line and byte after it.
    next_line: usize,
    /// How numbers are written.
    pub encoding: Encoding,
}

/// A complaint about a line of a file; 0 where there are no lines.
pub fn at_line(path: &Path, line: usize, reason: impl Into<String>) -> Error {
    let reason = reason.into();
    Error::file(path, if line == 0 { reason } else { format!("line {line}: {reason}") })
}

fn shown(word: &[u8]) -> String {
    let text: String = String::from_utf8_lossy(word).chars().take(40).collect();
    format!("{text:?}")
}

impl<'a> Input<'a> {
    /// All bytes of a file, a byte-order mark left away.
    pub fn new(path: &'a Path, bytes: &'a [u8]) -> Self {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        Input { path, bytes, at: 0, line: 1, next_line: 1, encoding: Encoding::Text }
    }

    /// The line last given out, 0 among bytes.
    pub fn line(&self) -> usize {
        if self.encoding == Encoding::Text { self.line } else { 0 }
    }

    /// A complaint about what was given out last.
    pub fn error(&self, reason: impl Into<String>) -> Error {
        let reason = reason.into();
        match self.encoding {
            Encoding::Text => at_line(self.path, self.line, reason),
            Encoding::Binary { .. } => Error::file(self.path, format!("byte {}: {reason}", self.at)),
        }
    }

    /// A complaint about the first line.
    pub fn error_at_start(&self, reason: &str) -> Error {
        at_line(self.path, 1, reason)
    }

    fn ended(&mut self, wanted: &str) -> Error {
        self.line = self.next_line;
        self.error(format!("the file ends where {wanted} should be"))
    }

    /// The rest of the line, or None at the end of the file.
    pub fn rest_of_line(&mut self) -> Option<&'a [u8]> {
        let rest = self.bytes.get(self.at..).filter(|r| !r.is_empty())?;
        let length = rest.iter().position(|&b| b == b'\n');
        self.line = self.next_line;
        self.at += length.map_or(rest.len(), |l| l + 1);
        self.next_line += usize::from(length.is_some());
        Some(rest[..length.unwrap_or(rest.len())].trim_ascii())
    }

    /// The next line that begins a section, everything before it passed over; None at the end of the file.
    pub fn section(&mut self) -> Option<&'a str> {
        loop {
            let line = self.rest_of_line()?;
            if let [b'$', ..] = line
                && let Ok(name) = std::str::from_utf8(line)
            {
                return Some(name);
            }
        }
    }

    /// The next word.
    pub fn word(&mut self, wanted: &str) -> Result<&'a [u8]> {
        while let Some(b) = self.bytes.get(self.at).filter(|b| b.is_ascii_whitespace()) {
            self.next_line += usize::from(*b == b'\n');
            self.at += 1;
        }
        let rest = &self.bytes[self.at..];
        let length = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
        if length == 0 {
            return Err(self.ended(wanted));
        }
        self.line = self.next_line;
        self.at += length;
        Ok(&rest[..length])
    }

    /// The next word as a number, also among bytes.
    pub fn text<T: FromStr>(&mut self, wanted: &str) -> Result<T> {
        let word = self.word(wanted)?;
        let number = std::str::from_utf8(word).ok().and_then(|w| w.parse().ok());
        number.ok_or_else(|| self.error(format!("{} does not belong here: {wanted} expected", shown(word))))
    }

    fn raw<const N: usize>(&mut self, wanted: &str) -> Result<[u8; N]> {
        let Some((bytes, _)) = self.bytes[self.at..].split_first_chunk::<N>() else {
            return Err(self.ended(wanted));
        };
        self.at += N;
        let mut bytes = *bytes;
        if self.encoding == (Encoding::Binary { swapped: true }) {
            bytes.reverse();
        }
        Ok(bytes)
    }

    /// An `int`.
    pub fn int(&mut self, wanted: &str) -> Result<i64> {
        match self.encoding {
            Encoding::Text => self.text(wanted),
            Encoding::Binary { .. } => Ok(i32::from_ne_bytes(self.raw(wanted)?).into()),
        }
    }

    /// An `int` that is not negative.
    pub fn unsigned(&mut self, wanted: &str) -> Result<u64> {
        let number = self.int(wanted)?;
        u64::try_from(number).map_err(|_| self.error(format!("{number} does not belong here: {wanted} expected")))
    }

    /// A `size_t`.
    pub fn size(&mut self, wanted: &str) -> Result<u64> {
        match self.encoding {
            Encoding::Text => self.text(wanted),
            Encoding::Binary { .. } => Ok(u64::from_ne_bytes(self.raw(wanted)?)),
        }
    }

    /// A finite `double`.
    pub fn real(&mut self, wanted: &str) -> Result<f64> {
        let value = match self.encoding {
            Encoding::Text => self.text(wanted)?,
            Encoding::Binary { .. } => f64::from_ne_bytes(self.raw(wanted)?),
        };
        match f64::is_finite(value) {
            true => Ok(value),
            false => Err(self.error("a coordinate that is no finite number")),
        }
    }

    /// The 1 by which a binary file shows its order of bytes.
    pub fn order_of_bytes(&mut self) -> Result<()> {
        self.rest_of_line();
        let one = self.bytes[self.at..].first_chunk::<4>().copied();
        let swapped = match one.map(i32::from_ne_bytes) {
            Some(1) => false,
            Some(number) if number.swap_bytes() == 1 => true,
            _ => return Err(self.error("says binary, and no binary 1 follows: gmsh FILE -save -o OUT.msh writes text")),
        };
        self.encoding = Encoding::Binary { swapped };
        self.at += 4;
        Ok(())
    }

    /// The word that ends a section.
    pub fn expect(&mut self, end: &str) -> Result<()> {
        match self.word(end)? {
            word if word == end.as_bytes() => Ok(()),
            word => Err(self.error(format!("{end} should be here, found {}", shown(word)))),
        }
    }

    /// Passes over the section at hand.
    pub fn skip(&mut self, name: &str) -> Result<()> {
        let end = format!("$End{name}");
        while let Some(line) = self.rest_of_line() {
            // Among bytes a line may begin anywhere.
            if line.ends_with(end.as_bytes()) {
                return Ok(());
            }
        }
        Err(self.ended(&end))
    }

    /// Dimension, number and "name" of a physical group, on a line of their own.
    pub fn named_group(&mut self) -> Result<(u8, i64, String)> {
        let wanted = "dimension, number and \"name\"";
        let (dim, number) = (self.text(wanted)?, self.text(wanted)?);
        let line = self.rest_of_line().unwrap_or_default();
        let text = String::from_utf8_lossy(line);
        let name = text.strip_prefix('"').and_then(|t| t.strip_suffix('"')).map(str::to_string);
        let name = name.ok_or_else(|| self.error("a name in quotes expected"))?;
        Ok((dim, number, name))
    }
}
