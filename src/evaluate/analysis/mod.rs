//! What the solves of an evaluation say together, one file a statistic: learned rows paired with classical ones,
//! performance profiles, time to tolerance, growth with n, what training pays, where models generalise.

mod break_even;
mod cells;
mod generalisation;
mod paired;
mod profile;
mod quantity;
mod ratios;
mod reference;
mod scaling;
mod seeds;
mod tolerance;

use serde::Serialize;

use super::sweep::Results;

pub use break_even::BreakEven;
pub use cells::Cells;
pub use generalisation::{Generalisation, Tested};
pub use paired::{Against, Comparison};
pub use profile::{Profile, ProfileLine};
pub use quantity::Quantity;
pub use ratios::Ratios;
pub use reference::{Role, role};
pub use scaling::Fit;
pub use seeds::Seeds;
pub use tolerance::{Curve, Level};

/// All of it. As JSON: statistics.json.
#[derive(Debug, Clone, Serialize)]
pub struct Analysis {
    /// Each learned row against the best classical one and against the best of its trivial ones.
    pub comparisons: Vec<Comparison>,
    /// Of the tightest target, in iterations and in seconds.
    pub profiles: Vec<Profile>,
    /// Iterations and seconds to each tolerance on the way to the tightest residual.
    pub curves: Vec<Curve>,
    /// Growth with the number of unknowns.
    pub fits: Vec<Fit>,
    /// Trained on × tested on.
    pub generalisation: Vec<Generalisation>,
    /// Runs of one recipe with several training seeds.
    pub seeds: Vec<Seeds>,
}

impl Analysis {
    /// Of everything measured.
    pub fn of(results: &Results) -> Self {
        let cells = Cells::new(results);
        let comparisons = paired::comparisons(&cells);
        Analysis {
            profiles: profile::profiles(&cells),
            curves: tolerance::curves(&cells),
            fits: scaling::fits(&cells),
            generalisation: generalisation::matrix(&cells, &comparisons),
            seeds: seeds::seeds(&cells),
            comparisons,
        }
    }
}
