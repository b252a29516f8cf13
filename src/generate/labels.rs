//! Labels: what models need beyond the solution, computed on demand after a sample is made.
//!
//! ```toml
//! [labels]
//! eigenpairs = 20    # the 20 of smallest |λ|: eigenvectors, eigenvalues, eigen_residuals
//! eigenpairs_pc = "icc"   # of M A, M the incomplete Cholesky factorisation without fill, instead of A
//! icc = true         # L of the incomplete Cholesky factor, on tril(A)
//! koptimal = true    # the K-optimal factor on tril(A) (Algorithm 1 of Trifonov et al.); n up to 4096
//! inverse = true     # A⁻¹, dense; n up to 2048
//! ```

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::families::{Family, Sampler};
use crate::linalg::dense::{self, Dense};
use crate::linalg::eigen::{self, Eigenpairs};
use crate::linalg::{Csr, Pattern, SymbolicDirect};
use crate::precond::Icc;
use crate::system::{Description, Field, LinearSystem, Location, MeshData};
use crate::verify::Report;

/// Largest n with a dense inverse (32 MiB).
const MOST_INVERSE: usize = 2048;

/// Largest n with a K-optimal factor (it, too, needs the inverse).
const MOST_KOPTIMAL: usize = 4096;

/// M in the eigenproblem M A v = λ v: deflation beside a preconditioner gains most from the eigenvectors of M A.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EigenpairsPc {
    /// The identity.
    #[default]
    None,
    /// Incomplete Cholesky factorisation without fill.
    Icc,
}

impl EigenpairsPc {
    fn is_none(&self) -> bool {
        *self == EigenpairsPc::None
    }
}

/// The `[labels]` table of a recipe.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Labels {
    /// How many of the eigenpairs of smallest magnitude; 0 for none.
    pub eigenpairs: usize,
    /// Of which matrix.
    #[serde(skip_serializing_if = "EigenpairsPc::is_none")]
    pub eigenpairs_pc: EigenpairsPc,
    /// Whether to keep the incomplete Cholesky factor without fill.
    pub icc: bool,
    /// Whether to keep the K-optimal factor.
    pub koptimal: bool,
    /// Whether to keep the inverse.
    pub inverse: bool,
}

impl Labels {
    /// Checks what the keys mean beside each other.
    ///
    /// # Errors
    /// [`Error::Argument`] naming the key that has no meaning.
    pub fn check_keys(&self) -> Result<()> {
        match self.eigenpairs == 0 && !self.eigenpairs_pc.is_none() {
            true => Err(Error::Argument(
                "labels.eigenpairs_pc has no meaning with eigenpairs = 0: say how many eigenpairs".into(),
            )),
            false => Ok(()),
        }
    }

    /// Checks the table against the family.
    ///
    /// # Errors
    /// [`Error::Recipe`] naming the key that this family's matrices cannot have.
    pub fn check(&self, family: &dyn Family, origin: &str) -> Result<()> {
        let bad = |key: &str, reason: String| Err(Error::recipe(origin, format!("labels.{key}: {reason}")));
        let props = family.description().props;
        for (key, asked) in [
            ("icc", self.icc),
            ("koptimal", self.koptimal),
            ("inverse", self.inverse),
            ("eigenpairs", self.eigenpairs > 0),
            ("eigenpairs_pc", !self.eigenpairs_pc.is_none()),
        ] {
            let (enough, needed) = match key {
                "eigenpairs" => (props.symmetric, "symmetric"),
                _ => (props.positive_definite, "symmetric positive definite"),
            };
            if asked && !enough {
                let found = props.name();
                return bad(key, format!("needs a {needed} matrix; this family's is {found}"));
            }
        }
        let Some(n) = family.pattern().map(|p| p.nrows()) else {
            return Ok(());
        };
        if self.eigenpairs > n {
            return bad("eigenpairs", format!("{} of a matrix of {n} rows", self.eigenpairs));
        }
        if self.inverse && n > MOST_INVERSE {
            return bad("inverse", too_large(n, MOST_INVERSE));
        }
        if self.koptimal && n > MOST_KOPTIMAL {
            return bad("koptimal", too_large(n, MOST_KOPTIMAL));
        }
        Ok(())
    }
}

fn too_large(n: usize, most: usize) -> String {
    format!("n = {n}: at most {most}, it takes n² numbers")
}

/// A family whose samples carry labels.
pub struct Labelled {
    family: Box<dyn Family>,
    labels: Labels,
    /// For eigenpairs, where all samples share a pattern.
    analysis: Option<SymbolicDirect>,
    /// Eigenvectors of sample 0 under a seed, which those of all other samples start from.
    start: Mutex<Option<(u64, Arc<Dense>)>>,
}

/// The k eigenpairs of A or M A of smallest magnitude.
fn smallest(
    analysis: &SymbolicDirect,
    a: &Csr,
    (k, pc): (usize, EigenpairsPc),
    start: Option<&Dense>,
) -> Result<Eigenpairs> {
    let factor = analysis.factorize(a)?;
    let solve = |x: &mut [f64]| factor.solve_columns_in_place(x, a.nrows());
    match pc {
        EigenpairsPc::None => eigen::smallest(a, k, start, &solve),
        EigenpairsPc::Icc => {
            let l = Icc::new(a, 0)?.factor()?;
            eigen::smallest_preconditioned(a, &l, k, start, &solve)
        }
    }
}

impl Labelled {
    /// Adds labels to a family; [`Labels::check`] has passed.
    ///
    /// # Errors
    /// If the shared pattern cannot be analysed.
    pub fn new(family: Box<dyn Family>, labels: Labels) -> Result<Self> {
        let pattern = family.pattern().filter(|_| labels.eigenpairs > 0);
        let props = family.description().props;
        let analysis = pattern.map(|p| SymbolicDirect::new(&p, props)).transpose()?;
        Ok(Labelled { analysis, family, labels, start: Mutex::default() })
    }

    fn add(&self, s: &mut LinearSystem, seed: u64) -> Result<()> {
        let n = s.n();
        if self.labels.eigenpairs > 0 {
            self.eigenpairs(s, seed)?;
        }
        let mut keep = |name: &str, location, components, values| {
            s.labels.push(Field { name: String::from(name), location, components, values });
        };
        let a = &s.matrix;
        if self.labels.icc {
            let factor = Icc::new(a, 0)?.factor()?;
            keep("icc", Location::Lower, 1, factor.on_lower(a.pattern()));
        }
        if self.labels.koptimal {
            small(n, MOST_KOPTIMAL, "koptimal")?;
            let factor = Icc::k_optimal(a)?.factor()?;
            keep("koptimal", Location::Lower, 1, factor.on_lower(a.pattern()));
        }
        if self.labels.inverse {
            small(n, MOST_INVERSE, "inverse")?;
            let inverse = dense::inverse_spd(a)?;
            let entries = (0..n * n).map(|k| inverse[(k / n, k % n)]).collect();
            keep("inverse", Location::Sample, n * n, entries);
        }
        Ok(())
    }

    /// What the eigenvectors of other samples of a shared pattern start from: those of sample 0, so that a sample is
    /// the same whatever was made before it. They spare a tenth of the solves.
    fn start(&self, analysis: &SymbolicDirect, seed: u64) -> Result<Arc<Dense>> {
        let kept = || self.start.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, start)) = kept().as_ref().filter(|(s, _)| *s == seed) {
            return Ok(start.clone());
        }
        // Not under the lock: the work may wait for other threads, which may wait here. Threads that come at once each
        // make the same.
        let first = self.family.sampler()?.sample(seed, 0)?;
        let of = (self.labels.eigenpairs, self.labels.eigenpairs_pc);
        let vectors = smallest(analysis, &first.matrix, of, None)?.vectors;
        let start = Arc::new(Dense::from_fn(first.n(), vectors.len(), |i, j| vectors[j][i]));
        *kept() = Some((seed, start.clone()));
        Ok(start)
    }

    fn eigenpairs(&self, s: &mut LinearSystem, seed: u64) -> Result<()> {
        let (a, k, n) = (&s.matrix, self.labels.eigenpairs, s.n());
        let of = (k, self.labels.eigenpairs_pc);
        let pairs = match &self.analysis {
            Some(analysis) if s.index == 0 => smallest(analysis, a, of, None)?,
            Some(analysis) => smallest(analysis, a, of, Some(&*self.start(analysis, seed)?))?,
            None => smallest(&SymbolicDirect::new(a.pattern(), s.props)?, a, of, None)?,
        };
        let rows = (0..n).flat_map(|i| pairs.vectors.iter().map(move |v| v[i]));
        let labels = [
            ("eigenvectors", Location::Dofs, rows.collect()),
            ("eigenvalues", Location::Sample, pairs.values.clone()),
            ("eigen_residuals", Location::Sample, pairs.residuals.clone()),
        ];
        for (name, location, values) in labels {
            s.labels.push(Field { name: name.into(), location, components: k, values });
        }
        Ok(())
    }
}

fn small(n: usize, most: usize, label: &str) -> Result<()> {
    match n <= most {
        true => Ok(()),
        false => Err(Error::Argument(format!("labels.{label}: {}", too_large(n, most)))),
    }
}

impl Family for Labelled {
    fn parameters(&self) -> toml::Table {
        self.family.parameters()
    }

    fn description(&self) -> Description {
        self.family.description()
    }

    fn mesh(&self) -> Option<Arc<MeshData>> {
        self.family.mesh()
    }

    fn pattern(&self) -> Option<Arc<Pattern>> {
        self.family.pattern()
    }

    fn files(&self) -> Vec<PathBuf> {
        self.family.files()
    }

    fn samples(&self) -> Option<usize> {
        self.family.samples()
    }

    fn group(&self) -> usize {
        self.family.group()
    }

    fn nothing_drawn(&self) -> Option<String> {
        self.family.nothing_drawn()
    }

    fn measure(&self) -> Result<Report> {
        self.family.measure()
    }

    fn sampler(&self) -> Result<Box<dyn Sampler + '_>> {
        Ok(Box::new(LabelledSampler { labelled: self, inner: self.family.sampler()? }))
    }
}

struct LabelledSampler<'a> {
    labelled: &'a Labelled,
    inner: Box<dyn Sampler + 'a>,
}

impl Sampler for LabelledSampler<'_> {
    fn sample(&mut self, seed: u64, index: u64) -> Result<LinearSystem> {
        let mut system = self.inner.sample(seed, index)?;
        self.labelled.add(&mut system, seed)?;
        Ok(system)
    }

    fn lanes(&self) -> usize {
        self.inner.lanes()
    }

    fn samples(&mut self, seed: u64, indices: &[u64]) -> Vec<Result<LinearSystem>> {
        let labelled = |system: Result<LinearSystem>| {
            let mut system = system?;
            self.labelled.add(&mut system, seed)?;
            Ok(system)
        };
        self.inner.samples(seed, indices).into_iter().map(labelled).collect()
    }
}
