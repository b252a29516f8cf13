//! The `[helmholtz]` table of a recipe.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use toml::Table;

use super::NAME;
use crate::error::{Error, Result};
use crate::families::boundary::{self, Condition};
use crate::families::discretisation::Scheme;
use crate::families::given::{Given, Parameters};
use crate::families::keys;
use crate::mesh::recipe::MeshRecipe;

/// The problems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// −Δu − k² u = f, u = 0 on the boundary: indefinite.
    Dirichlet,
    /// −Δu − k² u = f, ∂u/∂n − i k u = g on the boundary, as a real system of twice the size.
    Absorbing,
    /// −Δu + p u = f, u = 0 on the boundary, p > 0: positive definite.
    Shifted,
}

/// How the complex equations of "absorbing" become real ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// [[S, B], [B, −S]]: symmetric, eigenvalues in pairs ±λ.
    #[default]
    Symmetric,
    /// [[S, B], [−B, S]]: not symmetric, the eigenvalues of S − iB and their conjugates.
    General,
}

/// f, or what comes in through the boundary.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(untagged)]
pub enum Source {
    /// "random" or "plane-wave".
    Named(NamedSource),
    /// An expression in x, y (z) and the parameters, or a .npy file with a number a node, or one such array a sample.
    Given(String),
    /// f constant.
    Constant(f64),
}

/// Sources with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NamedSource {
    /// f a Gaussian random field of the coefficient's α and τ, another one in every sample.
    Random,
    /// f = 0; g is that of a plane wave of the mean wave number in a random direction ("absorbing").
    PlaneWave,
}

/// The `[helmholtz]` table of a recipe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HelmholtzConfig {
    /// Which equation.
    pub kind: Kind,
    /// Squares a side; (cells − 1)² unknowns, for "absorbing" 2 (cells + 1)². With a mesh: of the grid over its
    /// bounding box that random fields are drawn on.
    pub cells: i64,
    /// Default: "p1", for "shifted" "fd". With a mesh its cells decide.
    #[serde(alias = "discretization")]
    pub discretisation: Option<Scheme>,
    /// A mesh instead of the regular grid; one of the plane for "absorbing".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mesh: Option<MeshRecipe>,
    /// Mean of k before variation, a number; or k itself, an expression in x, y and the parameters ("20 + a*x"), or a
    /// .npy file with a number a node (on the grid an array (y, x)), or one such array a sample; its path is relative
    /// to the recipe. Default 20; not for "shifted".
    pub k: Option<Given>,
    /// p instead of a random field, as k, a number too; only for "shifted". Positive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p: Option<Given>,
    /// Largest |k − mean|/mean. Default 0.2; not for "shifted".
    pub variation: Option<f64>,
    /// α of the Gaussian field's spectrum (4π²|k|² + τ²)^−α.
    pub alpha: f64,
    /// τ of that spectrum.
    pub tau: f64,
    /// p = exp(power · g). Default 1; only for "shifted".
    pub power: Option<f64>,
    /// Default "symmetric"; only for "absorbing".
    pub form: Option<Form>,
    /// The source: a number, an expression in x, y and the parameters, or a .npy file as for k; or one with a name.
    /// Default: "random" for "dirichlet", "plane-wave" for "absorbing", 1 for "shifted".
    pub f: Option<Source>,
    /// Numbers that are drawn for each sample and that expressions name: a = { uniform = [0.0, 1.0] }, or log_uniform,
    /// normal = [mean, deviation], integer, choice = [1.0, 2.0, 5.0].
    #[serde(skip_serializing_if = "Parameters::is_empty")]
    pub parameters: Parameters,
    /// What holds on parts of the boundary (sides of the square: left, right, bottom, top), one table a condition: {
    /// part = "left", condition = "dirichlet", value = "1 + y" }, u = value; or condition = "neumann", flux = …, ∂u/∂n
    /// = flux; or condition = "robin", alpha = …, value = …, ∂u/∂n = alpha (value − u). u = 0 on all that none names.
    /// Not for "absorbing".
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub boundary: Vec<Condition>,
    /// Whether to store x = A⁻¹ b (and for "dirichlet" count negative eigenvalues).
    pub solution: bool,
}

impl Default for HelmholtzConfig {
    fn default() -> Self {
        HelmholtzConfig {
            kind: Kind::Dirichlet,
            cells: 64,
            discretisation: None,
            mesh: None,
            k: None,
            p: None,
            variation: None,
            alpha: 2.5,
            tau: 7.0,
            power: None,
            form: None,
            f: None,
            parameters: Parameters::new(),
            boundary: Vec::new(),
            solution: true,
        }
    }
}

impl HelmholtzConfig {
    /// # Errors
    /// [`Error::Recipe`] naming the key that is out of range or does not go with the kind.
    pub(super) fn check(&self, table: &Table, origin: &str) -> Result<()> {
        let refuse = |key: &str, why: &str| Err(Error::recipe(origin, format!("{NAME}.{key}: {why}")));
        let name = |key: &str| format!("{NAME}.{key}");
        if self.mesh.is_some() && !self.draws_fields() && table.contains_key("cells") {
            return refuse("cells", "is of the grid that random fields are drawn on, but none is drawn");
        }
        let shifted = self.kind == Kind::Shifted;
        if shifted && (self.k.is_some() || self.variation.is_some()) {
            let key = if self.k.is_some() { "k" } else { "variation" };
            return refuse(key, "kind \"shifted\" has no wave number");
        }
        if !shifted && self.p.is_some() {
            return refuse("p", "only for kind = \"shifted\"");
        }
        if self.p.is_some() && self.power.is_some() {
            return refuse("power", "is of a random field, but helmholtz.p is given");
        }
        if self.given_k().is_some() && self.variation.is_some() {
            return refuse("variation", "is of a random field, but helmholtz.k is one of its own");
        }
        if self.given_k().is_some() && self.source() == Source::Named(NamedSource::PlaneWave) {
            return refuse("f", "\"plane-wave\" needs a number k, its wave number; give an f");
        }
        if self.kind == Kind::Absorbing && !self.boundary.is_empty() {
            return refuse("boundary", "kind \"absorbing\" has its own condition");
        }
        if !shifted && self.power.is_some() {
            return refuse("power", "only for kind = \"shifted\"");
        }
        if self.form.is_some() && self.kind != Kind::Absorbing {
            return refuse("form", "only for kind = \"absorbing\"");
        }
        if self.kind == Kind::Absorbing && self.scheme() == Scheme::Fd {
            return refuse("discretisation", "kind \"absorbing\" needs \"p1\" or \"q1\"");
        }
        if self.source() == Source::Named(NamedSource::PlaneWave) && self.kind != Kind::Absorbing {
            return refuse("f", "\"plane-wave\" is only for kind = \"absorbing\"");
        }
        if let Source::Constant(f) = self.source() {
            keys::within(f, -1e12..=1e12, &name("f"), origin)?;
        }
        keys::within(self.mean(), 1e-3..=1e4, &name("k"), origin)?;
        keys::within(self.spread(), 0.0..=0.9, &name("variation"), origin)?;
        keys::within(self.exponent(), -10.0..=10.0, &name("power"), origin)
    }

    /// Every key that has a meaning written out.
    pub(super) fn resolved(mut self) -> Self {
        (self.discretisation, self.f) = (Some(self.scheme()), Some(self.source()));
        match self.kind {
            Kind::Shifted if self.p.is_some() => {}
            Kind::Shifted => self.power = Some(self.exponent()),
            _ if self.given_k().is_some() => {}
            _ => (self.k, self.variation) = (Some(self.mean().into()), Some(self.spread())),
        }
        if self.kind == Kind::Absorbing {
            self.form = Some(self.form.unwrap_or_default());
        }
        self
    }

    /// The discretisation.
    pub fn scheme(&self) -> Scheme {
        self.discretisation.unwrap_or(match self.kind {
            Kind::Shifted => Scheme::Fd,
            _ => Scheme::P1,
        })
    }

    /// Whether there is a Gaussian field among what is drawn.
    pub(super) fn draws_fields(&self) -> bool {
        self.given().is_none() || self.source() == Source::Named(NamedSource::Random)
    }

    /// Every key that has a meaning.
    pub(super) fn table(&self) -> Table {
        let mut table = keys::table(self, self.mesh.as_ref());
        // A mesh has a size of its own; fields are drawn on a grid.
        if self.mesh.is_some() && !self.draws_fields() {
            table.remove("cells");
        }
        table
    }

    /// The mean wave number.
    pub fn mean(&self) -> f64 {
        match self.k {
            Some(Given::Number(k)) => k,
            _ => 20.0,
        }
    }

    /// k, or p of "shifted", where the recipe gives it as it is.
    pub(super) fn given(&self) -> Option<(&'static str, &Given)> {
        match self.kind {
            Kind::Shifted => self.p.as_ref().map(|p| ("p", p)),
            _ => self.given_k().map(|k| ("k", k)),
        }
    }

    /// k as a field of its own.
    fn given_k(&self) -> Option<&Given> {
        self.k.as_ref().filter(|k| matches!(k, Given::Text(_)))
    }

    /// The files that it names.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let f = match &self.f {
            Some(Source::Given(text)) => Given::Text(text.clone()).file(),
            _ => None,
        };
        let given = [&self.k, &self.p].into_iter().flatten().filter_map(Given::file);
        let mesh = self.mesh.iter().flat_map(|mesh| mesh.file.clone());
        mesh.chain(given).chain(f).chain(boundary::files(&self.boundary)).collect()
    }

    /// Largest relative deviation of k.
    pub fn spread(&self) -> f64 {
        self.variation.unwrap_or(0.2)
    }

    /// The factor of g in p = exp(power · g).
    pub fn exponent(&self) -> f64 {
        self.power.unwrap_or(1.0)
    }

    /// The source.
    pub fn source(&self) -> Source {
        self.f.clone().unwrap_or(match self.kind {
            Kind::Dirichlet => Source::Named(NamedSource::Random),
            Kind::Absorbing => Source::Named(NamedSource::PlaneWave),
            Kind::Shifted => Source::Constant(1.0),
        })
    }
}
