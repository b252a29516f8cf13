//! How much a compressed file may unpack to.

use std::str::FromStr;

use crate::error::{Error, Result};

/// Unpacked bytes that are read whatever the file's own size,
const FREE: u64 = 256 << 20;
/// and beyond so many times that size. Matrices in files shrink to a third or a tenth; 1000 times is what zeros take.
const INFLATION: u64 = 32;

/// Bytes of a line "1 1 1".
const LEAST: u64 = 6;

/// The bound on what one member of an `.npz` or one gzipped file may unpack to, so that memory and time go by what a
/// file holds. By default 256 MiB, or 32 times the file's size where that is more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Unpack {
    max_bytes: Option<u64>,
}

impl Unpack {
    /// At most so many bytes, whatever the file's size.
    pub fn at_most(max_bytes: u64) -> Self {
        Unpack { max_bytes: Some(max_bytes) }
    }

    /// The bound for a file of that size.
    pub fn bound(self, packed: u64) -> u64 {
        self.max_bytes.unwrap_or(FREE.max(INFLATION.saturating_mul(packed)))
    }

    /// Entries of a matrix that a packed text of that size may hold: one for each [`LEAST`] bytes that it may unpack
    /// to, since an entry takes 24 in memory, however short its line.
    pub(super) fn entries(self, packed: u64) -> usize {
        usize::try_from(self.bound(packed) / LEAST).unwrap_or(usize::MAX)
    }

    /// Why something is not unpacked; `what` names it, `claimed` says how large it would be.
    pub(super) fn refusal(self, what: &str, claimed: &str, packed: u64) -> String {
        let bound = self.bound(packed);
        format!("{what} unpacks to {claimed}, where {bound} are allowed: if that is right, allow it with --max-bytes")
    }
}

impl FromStr for Unpack {
    type Err = Error;
    /// A number of bytes; K, M or G at its end multiply it by 1024, 1024², 1024³.
    fn from_str(text: &str) -> Result<Self> {
        let bytes = text.parse::<u64>().ok().or_else(|| {
            let (last, _) = text.char_indices().next_back()?;
            let factor = 1 << (10 * (1 + "KMG".find(&text[last..].to_ascii_uppercase())?));
            text[..last].parse::<u64>().ok()?.checked_mul(factor)
        });
        let wrong = || Error::Argument("must be a number of bytes from 1 on, e.g. 500000000 or 4G".into());
        bytes.filter(|&b| b > 0).map(Unpack::at_most).ok_or_else(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_read_and_go_by_the_file() {
        for (text, bytes) in [("1", 1), ("2k", 2048), ("3M", 3 << 20), ("4G", 4 << 30)] {
            assert_eq!(text.parse::<Unpack>().unwrap().bound(1 << 40), bytes);
        }
        for text in ["", "0", "-1", "K", "1T", "1.5G", "99999999999999999G", "1µ"] {
            assert!(text.parse::<Unpack>().is_err(), "{text}");
        }
        assert_eq!(Unpack::default().bound(1000), FREE);
        assert_eq!(Unpack::default().bound(1 << 30), 32 << 30);
        assert_eq!(Unpack::at_most(600).entries(1), 100);
    }
}
