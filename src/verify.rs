//! What families claim, measured: orders of convergence on manufactured solutions, symmetry, definiteness, known
//! values.
//!
//! Each family returns a [`Report`] ([`crate::families::measure`]), of which `fempipe verify` prints the tables. A
//! study holds if the order over its last refinement reaches the expected one (less [`ORDER_TOLERANCE`]), and its
//! errors fall at every refinement.

/// How far below the expected order a measured one may lie.
pub const ORDER_TOLERANCE: f64 = 0.2;

/// A norm in which errors are measured, with the order in which they must fall.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Norm {
    /// "L2", "H1", "broken H2", "time".
    pub name: &'static str,
    /// Expected exponent p of error = O(h^p).
    pub order: f64,
}

/// One mesh (or time step).
#[derive(Debug, Clone, PartialEq)]
pub struct Level {
    /// Mesh width (or time step).
    pub h: f64,
    /// Number of unknowns.
    pub unknowns: usize,
    /// The error in each norm of the study.
    pub errors: Vec<f64>,
}

/// The errors of a manufactured solution on finer and finer meshes.
#[derive(Debug, Clone, PartialEq)]
pub struct Study {
    /// Discretisation and problem, e.g. "P1, u = sin(pi x) sin(pi y)".
    pub what: String,
    /// In which norms, with the expected orders.
    pub norms: Vec<Norm>,
    /// From coarse to fine; at least two.
    pub levels: Vec<Level>,
}

impl Study {
    /// The order between levels `level − 1` and `level` in norm `norm`.
    pub fn order(&self, norm: usize, level: usize) -> f64 {
        let (a, b) = (&self.levels[level - 1], &self.levels[level]);
        (a.errors[norm] / b.errors[norm]).ln() / (a.h / b.h).ln()
    }

    /// Whether every norm falls at every refinement, in the end with the expected order.
    pub fn holds(&self) -> bool {
        let last = self.levels.len() - 1;
        last > 0
            && self.norms.iter().enumerate().all(|(k, norm)| {
                (1..=last).all(|l| self.order(k, l) > 0.0) && self.order(k, last) >= norm.order - ORDER_TOLERANCE
            })
    }
}

/// A single claim: what was expected, what was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// What is claimed, e.g. "p1: |a_ij - a_ji| / sqrt(a_ii a_jj)".
    pub what: String,
    /// What should be found.
    pub expected: String,
    /// What was found.
    pub found: String,
    /// Whether they agree.
    pub holds: bool,
}

impl Check {
    /// A number that must lie within `tolerance` (relative) of a known one.
    pub fn near(what: impl Into<String>, expected: f64, found: f64, tolerance: f64) -> Self {
        Check {
            what: what.into(),
            expected: format!("{expected:.4e} ({:.1} %)", 100.0 * tolerance),
            found: format!("{found:.4e}"),
            holds: (found - expected).abs() <= tolerance * expected.abs(),
        }
    }

    /// A number that must not exceed a bound: symmetry, a residual.
    pub fn below(what: impl Into<String>, bound: f64, found: f64) -> Self {
        Check {
            what: what.into(),
            expected: format!("below {bound:.1e}"),
            found: format!("{found:.1e}"),
            holds: found <= bound,
        }
    }

    /// A statement in words.
    pub fn says(what: impl Into<String>, expected: impl Into<String>, found: impl Into<String>) -> Self {
        let (expected, found) = (expected.into(), found.into());
        Check { what: what.into(), holds: expected == found, expected, found }
    }
}

/// What was measured of one family.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Report {
    /// Orders of convergence.
    pub studies: Vec<Study>,
    /// Single claims.
    pub checks: Vec<Check>,
}

impl Report {
    /// Whether all that was claimed was found.
    pub fn holds(&self) -> bool {
        self.studies.iter().all(Study::holds) && self.checks.iter().all(|c| c.holds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn study(errors: &[f64]) -> Study {
        let level = |(i, &e): (usize, &f64)| Level { h: 0.5f64.powi(i as i32), unknowns: 1, errors: vec![e] };
        Study {
            what: "x".into(),
            norms: vec![Norm { name: "L2", order: 2.0 }],
            levels: errors.iter().enumerate().map(level).collect(),
        }
    }

    #[test]
    fn only_falling_errors_of_the_right_order_hold() {
        assert!(study(&[1.0, 0.25, 0.0625]).holds());
        assert!((study(&[1.0, 0.25]).order(0, 1) - 2.0).abs() < 1e-15);
        assert!(!study(&[1.0, 0.25, 0.2]).holds());
        assert!(!study(&[1.0, 1.5, 0.1]).holds());
        assert!(!study(&[1.0]).holds());
        assert!(!study(&[1.0, f64::NAN]).holds());
    }

    #[test]
    fn checks() {
        assert!(Check::near("k", 100.0, 104.0, 0.05).holds);
        assert!(!Check::near("k", 100.0, f64::NAN, 0.05).holds);
        assert!(!Check::below("r", 1e-10, 1e-9).holds);
        assert!(Check::says("definite", "yes", "yes").holds);
    }
}
