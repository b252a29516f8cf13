//! Sparse Cholesky: M = A⁻¹ for symmetric positive definite A.

use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::{Built, Preconditioner, Reuse, check_symmetric};
use crate::entry::Entry;
use crate::error::Result;
use crate::linalg::{Csr, Props, SymbolicCholesky};

/// `cholesky`.
pub(super) static ENTRY: Entry<dyn Preconditioner> = Entry {
    source: "El Kazdadi, faer (github.com/sarah-quinones/faer-rs)",
    needs: "A symmetric positive definite",
    ..Entry::of::<Config>("cholesky", "sparse Cholesky factorisation by faer, M = A⁻¹; analysed once a pattern")
};

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {}

/// The analysis of a pattern.
#[derive(Default)]
struct Analysis {
    symbolic: Option<SymbolicCholesky>,
    seconds: f64,
    /// Matrices since.
    used: usize,
}

impl Preconditioner for Config {
    fn build(&self, a: &Csr, reuse: &mut Reuse) -> Result<Built> {
        check_symmetric("cholesky", a)?;
        let analysis = reuse.of::<Analysis>();
        let symbolic = match analysis.symbolic.take().filter(|s| s.fits(a)) {
            Some(symbolic) => symbolic,
            None => {
                let start = Instant::now();
                let symbolic = SymbolicCholesky::new(a.pattern())?;
                (analysis.seconds, analysis.used) = (start.elapsed().as_secs_f64(), 0);
                symbolic
            }
        };
        analysis.used += 1;
        let factor = symbolic.factorize(a);
        analysis.symbolic = Some(symbolic);
        let known = analysis.used > 1;
        let note = known.then(|| format!("analysed once for this pattern in {:.1e} s", analysis.seconds));
        Ok(Built::new(factor?).noted(note))
    }
    fn props(&self) -> Props {
        Props::SPD
    }
    fn is_direct(&self) -> bool {
        true
    }
}
