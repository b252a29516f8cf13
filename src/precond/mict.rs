//! Modified (relaxed) incomplete Cholesky by threshold.

use serde::{Deserialize, Serialize};

use super::icc::{Icc, Storage};
use super::ict::IctParams;
use super::mic::{RELAXATION, built, check_relaxation};
use super::{Built, Preconditioner, Reuse};
use crate::entry::{Entry, checked, defaults};
use crate::error::Result;
use crate::linalg::{Csr, Props};

/// `mict`.
pub(super) static ENTRY: Entry<dyn Preconditioner> = Entry {
    source: "Munksgaard (1980), doi:10.1145/355887.355893; Saad (2003), section 10.3.5, doi:10.1137/1.9780898718003",
    needs: "A symmetric",
    name: "mict",
    help: "incomplete Cholesky by threshold whose dropped entries are added to the diagonal",
    positional: &["droptol", "fill"],
    defaults: defaults::<Config>,
    schema: None,
    parse: |table, name, origin| Ok(Box::new(checked(table, name, origin, Config::check)?)),
};

#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    /// As of `ict`.
    droptol: f64,
    /// As of `ict`.
    fill: usize,
    /// Part of the dropped entries that the diagonal takes: 0 is `ict`, 1 keeps the row sums of A.
    relaxation: f64,
    storage: Storage,
}

impl Default for Config {
    fn default() -> Self {
        Config { droptol: 0.02, fill: 0, relaxation: RELAXATION, storage: Storage::Double }
    }
}

impl Config {
    fn params(&self) -> IctParams {
        IctParams { droptol: self.droptol, fill: self.fill }
    }

    fn check(&self) -> Result<()> {
        self.params().check_as("mict")?;
        check_relaxation("mict", self.relaxation)
    }
}

impl Preconditioner for Config {
    fn build(&self, a: &Csr, _reuse: &mut Reuse) -> Result<Built> {
        built(Icc::modified_threshold(a, self.params(), self.relaxation)?, self.relaxation, self.storage)
    }
    fn props(&self) -> Props {
        Props::SPD
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::LinOp;
    use crate::precond::Spec;
    use crate::precond::testing::laplacian;

    #[test]
    fn without_relaxation_it_is_ict_and_with_all_of_it_row_sums_are_kept() {
        let a = laplacian(11);
        let (mut z, mut y, ones) = (vec![0.0; a.nrows()], vec![0.0; a.nrows()], vec![1.0; a.nrows()]);
        for (droptol, fill) in [(0.05, 0), (0.01, 0), (1e-3, 3)] {
            let params = IctParams { droptol, fill };
            let ict = Icc::threshold(&a, params).unwrap();
            let (tiny, relaxation) = Icc::modified_threshold(&a, params, 1e-300).unwrap();
            assert_eq!((relaxation, tiny.nnz()), (1e-300, ict.nnz()));
            ict.apply(&ones, &mut y);
            tiny.apply(&ones, &mut z);
            assert!(y.iter().zip(&z).all(|(a, b)| (a - b).abs() < 1e-13));
            // M A 1 = 1 where the row sums of L L^T are those of A.
            a.spmv(&ones, &mut y);
            let (modified, relaxation) = Icc::modified_threshold(&a, params, 1.0).unwrap();
            assert_eq!(relaxation, 1.0);
            modified.apply(&y, &mut z);
            assert!(z.iter().all(|v| (v - 1.0).abs() < 1e-10), "{z:?}");
            ict.apply(&y, &mut z);
            assert!(z.iter().any(|v| (v - 1.0).abs() > 1e-2), "{z:?}");
        }
    }

    #[test]
    fn entries_by_hand() {
        // Eliminating the first unknown makes (2, 3) = -1/4 and, with the rest of its column, keeps it or drops it.
        let a = [(0, 0, 4.0), (1, 1, 4.0), (2, 2, 4.0), (0, 1, -1.0), (1, 0, -1.0), (0, 2, -1.0), (2, 0, -1.0)];
        let a = Csr::from_triplets(3, 3, &a).unwrap();
        let params = IctParams { droptol: 0.1, fill: 0 };
        let (icc, _) = Icc::modified_threshold(&a, params, 0.5).unwrap();
        let l = icc.factor().unwrap();
        let diagonal = 3.75 - 0.5 * 0.25;
        assert!((l.get(1, 1) - f64::sqrt(diagonal)).abs() < 1e-15 && (l.get(2, 2) - f64::sqrt(diagonal)).abs() < 1e-15);
        assert_eq!((l.get(1, 0), l.get(2, 0), l.get(2, 1)), (-0.5, -0.5, 0.0));
    }

    #[test]
    fn settings_out_of_range_are_refused_by_name() {
        for (spec, says) in [("mict(-1)", "mict: droptol"), ("mict(relaxation = 2)", "mict: relaxation = 2")] {
            let refused = spec.parse::<Spec>().unwrap_err().to_string();
            assert!(refused.contains(says), "{refused}");
        }
    }
}
