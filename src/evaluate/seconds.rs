//! What a solve took, by what it was spent on.

/// Seconds of one solve in one round.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Seconds {
    /// A model's inference.
    pub inference: f64,
    /// Setup, inference included.
    pub setup: f64,
    /// The iterations alone.
    pub solving: f64,
}

impl Seconds {
    /// Setup and solve together.
    pub fn total(&self) -> f64 {
        self.setup + self.solving
    }
}
