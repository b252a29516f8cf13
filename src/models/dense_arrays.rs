//! The memory that arrays of n × n numbers will take, told before any is made: it grows with the square of the systems,
//! and what the machine does not have ends a run hours later, or the machine.

use crate::error::{Error, Result};
use crate::system::cache;

/// Bytes of the weights, Adam's two moments, and copies of them as arrays, as bytes and as the file, for each
/// parameter: the most that training holds is while it saves a checkpoint with the optimiser.
pub const PARAMETER: f64 = 48.0;

/// Bytes of A, its factor, A⁻¹ and the same in single precision, for each entry of a dense inverse under work.
pub const INVERSE: f64 = 28.0;

/// The dense arrays that training of a model holds at once, estimated from its settings and the sizes of the systems.
#[derive(Debug, Clone, PartialEq)]
pub struct DenseArrays {
    /// Unknowns of the largest system.
    pub n: usize,
    /// What they are, and the bytes they take.
    pub parts: Vec<(&'static str, f64)>,
    /// The keys that avoid them.
    pub instead: &'static str,
}

impl DenseArrays {
    /// All bytes.
    pub fn bytes(&self) -> f64 {
        self.parts.iter().map(|(_, bytes)| bytes).sum()
    }

    /// Refuses more than `memory_mib` MiB, or without that more than this process may use.
    ///
    /// # Errors
    /// [`Error::Argument`] naming what is wanted, what there is, and the keys that avoid it.
    pub fn check(&self, model: &str, memory_mib: Option<usize>) -> Result<()> {
        let (most, whose) = match (memory_mib, cache::usable_bytes()) {
            (Some(mib), _) => (mib as f64 * f64::from(1 << 20), "memory_mib allows"),
            (None, Some(bytes)) => (bytes as f64, "this process may use"),
            (None, None) => return Ok(()),
        };
        if self.bytes() <= most {
            return Ok(());
        }
        let parts = self.parts.iter().filter(|(_, bytes)| *bytes > 0.0);
        let parts: Vec<String> = parts.map(|(what, bytes)| format!("{what} {}", shown(*bytes))).collect();
        Err(Error::Argument(format!(
            "{model} on systems of {} unknowns holds dense arrays of about {} ({}), more than the {} that {whose}: {}",
            self.n,
            shown(self.bytes()),
            parts.join(", "),
            shown(most),
            self.instead
        )))
    }
}

fn shown(bytes: f64) -> String {
    const MIB: f64 = (1 << 20) as f64;
    match bytes / MIB {
        mib if mib < 1000.0 => format!("{mib:.1} MiB"),
        mib => format!("{:.1} GiB", mib / 1024.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_there_is_names_both_and_what_avoids_it() {
        let of = |bytes| DenseArrays { n: 7, parts: vec![("inverses", bytes), ("images", 0.0)], instead: "take less" };
        let mib = f64::from(1 << 20);
        assert!(of(3.0 * mib).check("m", Some(3)).is_ok() && of(mib).check("m", None).is_ok());
        let error = of(2048.0 * mib).check("m", Some(3)).unwrap_err().to_string();
        assert_eq!(
            error,
            "m on systems of 7 unknowns holds dense arrays of about 2.0 GiB (inverses 2.0 GiB), more than the 3.0 MiB \
             that memory_mib allows: take less"
        );
        let error = of(1e18).check("m", None).unwrap_err().to_string();
        assert!(error.contains("that this process may use"), "{error}");
    }
}
