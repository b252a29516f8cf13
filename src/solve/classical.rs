//! The strongest classical methods for a kind of system: what stands beside a learned one where nobody says otherwise.

use crate::error::Result;
use crate::linalg::Props;
use crate::solver::Method;

/// A method and a preconditioner that is set up from A alone.
#[derive(Debug, Clone, PartialEq)]
pub struct Classical {
    /// The Krylov method.
    pub ksp: Method,
    /// The preconditioner's notation.
    pub pc: &'static str,
}

/// For whom, a method, and its preconditioners.
type Line = (Kind, &'static str, &'static [&'static str]);

/// Each kind has multigrid and a direct solver. Drop tolerances are several, since no single one is good everywhere.
/// MINRES needs M positive definite, which incomplete Cholesky factors with a shift are.
const LINES: [Line; 5] = [
    (
        Kind::Spd,
        "cg",
        &[
            "none",
            "jacobi",
            "ssor",
            "icc",
            "ict(0.1)",
            "ict(0.01)",
            "ict(0.001)",
            "mic",
            "dic",
            "fsai",
            "amg",
            "cholesky",
        ],
    ),
    (Kind::Symmetric, "minres", &["none", "icc", "mic", "ict(0.1)", "ict(0.01)"]),
    (Kind::Symmetric, "gmres(50)", &["ilut(0.01)", "ilut(0.001)", "amg", "ldlt"]),
    (Kind::General, "gmres(50)", &["none", "jacobi", "ilu", "ilut(0.1)", "ilut(0.01)", "ilut(0.001)", "amg", "lu"]),
    (Kind::General, "bcgs", &["ilu"]),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Spd,
    Symmetric,
    General,
}

impl Kind {
    fn of(props: Props) -> Self {
        match (props.symmetric, props.positive_definite) {
            (true, true) => Kind::Spd,
            (true, false) => Kind::Symmetric,
            (false, _) => Kind::General,
        }
    }
}

/// The set for systems of which this is promised, the weakest kind where there are several.
///
/// # Errors
/// Never for the sets of this table.
pub fn strongest(props: Props) -> Result<Vec<Classical>> {
    let kind = Kind::of(props);
    let lines = LINES.iter().filter(|(of, ..)| *of == kind);
    let pairs = lines.flat_map(|(_, ksp, pcs)| pcs.iter().map(move |pc| (ksp, pc)));
    pairs.map(|(ksp, pc)| Ok(Classical { ksp: ksp.parse()?, pc })).collect()
}

/// The Krylov method for a model's predictions, where nothing says which: the first of the set.
///
/// # Errors
/// As [`strongest`].
pub fn method(props: Props) -> Result<Method> {
    match Kind::of(props) {
        Kind::Spd => "cg".parse(),
        // What a model predicts need not be positive definite.
        Kind::Symmetric | Kind::General => "gmres(50)".parse(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::families;
    use crate::precond::Spec;
    use crate::solve::Problem;
    use crate::solver::Stop;

    #[test]
    fn each_kind_has_multigrid_and_a_direct_solver_and_all_can_be_used() {
        let spd = families::build("darcy", &toml::toml! { cells = 12 }, "test").unwrap();
        let indefinite = families::build("helmholtz", &toml::toml! { cells = 12 k = 8.0 }, "test").unwrap();
        for (family, promised) in [(&spd, Props::SPD), (&indefinite, Props::SYMMETRIC), (&spd, Props::GENERAL)] {
            let mut system = family.sampler().unwrap().sample(1, 0).unwrap();
            system.props = promised;
            let set = strongest(promised).unwrap();
            assert!(set.iter().any(|c| c.pc.parse::<Spec>().unwrap().is_direct()));
            assert!(set.contains(&Classical { ksp: method(promised).unwrap(), pc: "amg" }));
            for Classical { ksp, pc } in set {
                let stop = Stop { max_it: 2000, ..Stop::rtol(1e-6) };
                let built = pc.parse::<Spec>().unwrap().build(&system.matrix).unwrap();
                let outcome = Problem::new(&system, ksp.clone(), stop).solve_once(built).unwrap().outcome;
                assert!(outcome.converged(), "{ksp} + {pc}: {outcome:?}");
            }
        }
    }
}
