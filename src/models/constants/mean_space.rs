//! `mean-space`: the one space that holds the eigenvectors of training systems best.

use serde::{Deserialize, Serialize};

use super::{Constant, Fitted, Part, check_columns, one_size};
use crate::entry::{self, Entry};
use crate::error::{Error, Result};
use crate::linalg::dense::Dense;
use crate::linalg::eigen;
use crate::models::PredictOptions;
use crate::models::eigenvector_labels::{LABEL, eigenvectors};
use crate::models::unit_square::{check_patches, cut};
use crate::solve::Acceleration;
use crate::system::{LinearSystem, Names, Parts, SampleSource};

const NAME: &str = "mean-space";

/// A space that knows no system: what a network that learned nothing but a constant would say.
pub static ENTRY: Entry<dyn Constant> = Entry {
    name: NAME,
    help: "the k-dimensional space nearest to the eigenvectors of training systems, to deflate or recycle",
    source: "the best constant Q in the sum of ||V - Q Q^T V||_F^2: left singular vectors of all V side by side",
    needs: "training systems of one size with the label eigenvectors",
    positional: &["k", "samples", "patches"],
    defaults: entry::defaults::<MeanSpace>,
    schema: None,
    parse: |table, name, origin| Ok(Box::new(entry::checked(table, name, origin, MeanSpace::check)?)),
};

/// Its settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MeanSpace {
    /// Its dimension, and the eigenvectors of a system that it is to hold.
    pub k: usize,
    /// At most this many training systems.
    pub samples: usize,
    /// Overlapping squares a side that the columns are cut to; 0 leaves them as they are.
    pub patches: usize,
}

impl Default for MeanSpace {
    fn default() -> Self {
        MeanSpace { k: 10, samples: 64, patches: 0 }
    }
}

impl MeanSpace {
    fn check(&self) -> Result<()> {
        check_columns(NAME, self.k)?;
        check_patches(NAME, self.patches)?;
        match self.samples {
            // The Gram matrix of all vectors is dense.
            1..=256 => Ok(()),
            s => Err(Error::Argument(format!("{NAME}: samples = {s} must be from 1 to 256"))),
        }
    }
}

impl Constant for MeanSpace {
    fn fit(&self, source: &dyn SampleSource, ids: &[u32], _options: &PredictOptions) -> Result<Fitted> {
        let ids = &ids[..ids.len().min(self.samples)];
        let n = one_size(NAME, source, ids)?;
        let parts = Parts { labels: Names::Only(vec![LABEL.into()]), ..Parts::default() };
        let mut all = Dense::zeros(n, ids.len() * self.k);
        let mut first = 0;
        for group in ids.chunks(8) {
            for system in source.load(group, &parts)? {
                all.subcols_mut(first, self.k).copy_from(eigenvectors(&system, self.k)?);
                first += self.k;
            }
        }
        let space = leading(&all, self.k)?;
        let patches = self.patches;
        Ok(Box::new(move |system: &LinearSystem| Ok(Acceleration::space(cut(space.clone(), patches, system, NAME)?))))
    }

    fn part(&self) -> Part {
        Part::Space
    }
}

/// The k leading left singular vectors of V, by its Gram matrix: the squared values it loses to rounding are those of
/// no weight.
fn leading(v: &Dense, k: usize) -> Result<Dense> {
    let gram: Dense = v.transpose() * v;
    let (_, vectors) = eigen::decompose(&gram)?;
    let m = gram.ncols();
    let k = k.min(m).min(v.nrows());
    // Eigenvalues rise.
    let top = Dense::from_fn(m, k, |i, j| vectors[(i, m - 1 - j)]);
    Ok(v * &top)
}

#[cfg(test)]
mod tests {
    use super::super::Spec;
    use super::*;
    use crate::families;
    use crate::models::testing::labelled_by_eigenvectors;
    use crate::solve::Problem;
    use crate::solver::Stop;

    fn space(spec: &str, train: &Vec<LinearSystem>, system: &LinearSystem) -> Acceleration {
        let spec: Spec = spec.parse().unwrap();
        let ids: Vec<u32> = (0..train.len() as u32).collect();
        spec.member().fit(train, &ids, &PredictOptions::default()).unwrap().make(system).unwrap()
    }

    #[test]
    fn of_equal_systems_is_their_own_space_and_sines_are_that_of_the_laplacian() {
        let family = families::build("poisson", &toml::toml! { level = 4 }, "test").unwrap();
        let system = labelled_by_eigenvectors(family.sampler().unwrap().sample(1, 0).unwrap(), 3);
        let train = vec![system.clone(), system.clone()];
        let solve = |a: Acceleration| {
            let problem = Problem::new(&system, "cg".parse().unwrap(), Stop::rtol(1e-8));
            problem.solve_once(a).unwrap().outcome.iterations
        };
        let oracle = solve(space("eigenvectors(3)", &train, &system));
        assert_eq!(solve(space("mean-space(3)", &train, &system)), oracle);
        let sines = solve(space("sine-modes(3)", &train, &system));
        assert!(sines.abs_diff(oracle) <= 2, "{sines} for {oracle}: the mesh is nearly uniform");
        assert!(oracle < solve(Acceleration::default()));
    }

    #[test]
    fn the_nearest_space_minimises_what_is_left_of_all() {
        // Directions e1 (twice), e2 (once): the best line is e1.
        let v = Dense::from_fn(3, 3, |i, j| f64::from(u8::from(i == usize::from(j == 2))));
        let q = leading(&v, 1).unwrap();
        assert!(q[(0, 0)].abs() > 1.0 && q[(1, 0)].abs() < 1e-14 && q[(2, 0)].abs() < 1e-14);
    }

    #[test]
    fn what_does_not_suit_is_refused() {
        let family = families::build("poisson", &toml::toml! { level = 3 }, "test").unwrap();
        let bare = vec![family.sampler().unwrap().sample(1, 0).unwrap()];
        for spec in ["mean-space(3)", "eigenvectors(3)"] {
            let spec: Spec = spec.parse().unwrap();
            let fitted = spec.member().fit(&bare, &[0], &PredictOptions::default());
            let refused = fitted.and_then(|f| f.make(&bare[0])).map(|_| ());
            assert!(refused.unwrap_err().to_string().contains("eigenpairs"));
        }
        for wrong in ["sine-modes(0)", "eigenvectors(0)", "mean-space(0)", "mean-space(3, samples = 0)"] {
            assert!(wrong.parse::<Spec>().is_err(), "{wrong}");
        }
    }
}
