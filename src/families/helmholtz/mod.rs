//! `helmholtz`: waves and their positive cousin on the unit square or a mesh, k (or p) a random field.
//!
//! - `dirichlet`: −Δu − k² u = f, u = 0 on the boundary. Symmetric and truly indefinite: every sample says how many
//!   eigenvalues are negative.
//! - `absorbing`: the same equation with ∂u/∂n − i k u = g, as a real symmetric system of twice the size
//!   ([`absorbing`]).
//! - `shifted`: −Δu + p u = f, positive definite. With `cells = 251` the systems of NeurKItt (Luo et al. 2024), who
//!   call it Helmholtz: n = 250², 5-point differences divided by h², p = exp(g) (their data) or exp(2g) (`power = 2`:
//!   their solver squares it), g a Gaussian field with α = 2.5, τ = 7, f = 1.

pub mod absorbing;
pub mod config;
mod verify;

use std::f64::consts::PI;
use std::path::PathBuf;
use std::sync::Arc;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use toml::Table;

use self::absorbing::{Absorbing, PlaneWave, turn};
use self::config::{Form, HelmholtzConfig, Kind, NamedSource, Source};
use super::discretisation::{Discretisation, Domain, Keys, Scheme, Wanted, gaussian};
use super::given::{self, Drawn, Given, Range, Scope};
use super::{Family, Sampler};
use crate::entry::{self, Entry};
use crate::error::{Error, Result};
use crate::field::gaussian::{Gaussian, Workspace, range};
use crate::linalg::{Csr, Pattern, Props, SymbolicDirect};
use crate::rng::{Purpose, stream};
use crate::system::{Description, Field, LinearSystem, MeshData};
use crate::verify::Report;

/// The family's name in recipes.
const NAME: &str = "helmholtz";

/// `helmholtz` as a member of [`super::ENTRIES`].
pub static ENTRY: Entry<dyn Family> = Entry {
    name: NAME,
    help: "−Δu − k²u = f, indefinite; absorbing boundary; shifted, positive definite; k from a Gaussian random field",
    source: "Luo et al. 2024 (NeurKItt), the shifted one",
    needs: "",
    positional: &[],
    defaults: || entry::to_table(&HelmholtzConfig::default().resolved()),
    schema: Some(entry::schema::<HelmholtzConfig>),
    parse: |table, _, origin| Ok(Box::new(Helmholtz::from_table(table, origin)?)),
};

/// The family with its discretisation made.
pub struct Helmholtz {
    config: HelmholtzConfig,
    on: Discretisation,
    absorbing: Option<Absorbing>,
    gaussian: Gaussian,
    /// k or p, where the recipe gives it.
    coefficient: Option<given::Source>,
    /// f, where the recipe gives it as more than a number.
    f: Option<given::Source>,
    data: Arc<MeshData>,
    direct: Option<SymbolicDirect>,
    /// 1 at the nodes, the coefficient of −Δ, and the numbers of that.
    laplacian: (Vec<f64>, Vec<f64>),
}

impl Helmholtz {
    /// The family of a recipe's table.
    ///
    /// # Errors
    /// [`crate::Error::Recipe`] naming the key that is unknown, of the wrong type or out of range.
    pub fn from_table(table: &Table, origin: &str) -> Result<Self> {
        let mut config: HelmholtzConfig = entry::config(table, NAME, origin)?;
        config.check(table, origin)?;
        let mesh = config.mesh.as_ref();
        let (cells, scheme) = (config.cells, config.scheme());
        let keys = Keys { family: NAME, table, origin, mesh, dim: 2, cells, scheme, faces: None };
        let domain = Domain::new(keys, &config.boundary)?;
        let (dim, shape) = (domain.dim(), domain.shape());
        if config.kind == Kind::Absorbing && dim == 3 {
            let reason = "kind \"absorbing\" needs a mesh of triangles or quadrilaterals";
            return Err(Error::recipe(origin, format!("{NAME}.mesh: {reason}")));
        }
        config.discretisation = Some(domain.scheme());
        let gaussian = gaussian(cells as usize + 1, dim, config.alpha, config.tau, NAME, origin)?;
        let scope = Scope::new(NAME, origin, dim, domain.nodes(&shape), &config.parameters, false)?;
        let range = if config.kind == Kind::Shifted { Range::Positive } else { Range::NotNegative };
        let coefficient = config.given().map(|(key, given)| scope.read(key, given, range)).transpose()?;
        let f = match config.source() {
            Source::Given(text) => Some(scope.read("f", &Given::Text(text), Range::Any)?),
            _ => None,
        };
        // Without conditions of a recipe "absorbing" has all boundary points as unknowns.
        let wanted = Wanted { mass: true, boundary: config.kind == Kind::Absorbing };
        let on = domain.discretise(wanted, &config.boundary, &scope, "du/dn")?;
        scope.finish()?;
        let mut data = on.data.clone();
        let absorbing = match (config.kind, on.elements()) {
            (Kind::Absorbing, Some(elements)) => {
                // Real parts of all points, then imaginary ones.
                let mut twice = (*data).clone();
                twice.free_dofs.extend_from_within(..);
                data = Arc::new(twice);
                Some(Absorbing::new(elements)?)
            }
            _ => None,
        };
        let pattern = absorbing.as_ref().map_or(on.pattern(), Absorbing::pattern);
        let props = match config.kind {
            Kind::Shifted => Props::SPD,
            _ => Props::SYMMETRIC,
        };
        let direct = config.solution.then(|| SymbolicDirect::new(pattern, props));
        let direct = direct.transpose()?;
        let ones = vec![1.0; on.points()];
        let numbers = on.diffusion(&ones);
        let laplacian = (ones, numbers);
        Ok(Helmholtz { config: config.resolved(), on, absorbing, gaussian, coefficient, f, data, direct, laplacian })
    }

    fn props(&self) -> Props {
        match self.config.kind {
            Kind::Shifted => Props::SPD,
            _ if self.config.form == Some(Form::General) => Props::GENERAL,
            _ => Props::SYMMETRIC,
        }
    }
}

impl Family for Helmholtz {
    fn parameters(&self) -> Table {
        self.config.table()
    }

    fn description(&self) -> Description {
        let c = &self.config;
        let (alpha, tau) = (c.alpha, c.tau);
        let g = format!("g a Gaussian random field (alpha = {alpha}, tau = {tau})");
        let f = match c.source() {
            Source::Constant(f) => format!("f = {f}"),
            Source::Named(NamedSource::Random) => "f a Gaussian random field like g".into(),
            Source::Named(NamedSource::PlaneWave) => "f = 0".into(),
            Source::Given(text) => format!("f = {text}"),
        };
        let domain = self.on.domain_in_words();
        let drawn = if c.draws_fields() { self.on.drawn_in_words() } else { String::new() };
        let operator = match c.kind {
            Kind::Shifted if self.coefficient.is_some() => {
                let p = c.p.as_ref().map_or(String::new(), ToString::to_string);
                format!("-laplace(u) + p u = f {domain}, p = {p}, {f}{drawn}")
            }
            _ if self.coefficient.is_some() => {
                let k = c.k.as_ref().map_or(String::new(), ToString::to_string);
                format!("-laplace(u) - k^2 u = f {domain}, k = {k}, {f}{drawn}")
            }
            Kind::Shifted => {
                format!("-laplace(u) + p u = f {domain}, p = exp({} g), {g}, {f}{drawn}", c.exponent())
            }
            _ => format!(
                "-laplace(u) - k^2 u = f {domain}, k = {} (1 + {} g/max|g|), {g}, {f}{drawn}",
                c.mean(),
                c.spread()
            ),
        };
        let coefficient = if c.kind == Kind::Shifted { "+ p u v" } else { "- k^2 u v" };
        let space = self.on.space_in_words();
        let weak_form = match (c.scheme(), c.kind) {
            (Scheme::Fd, _) => space,
            (_, Kind::Absorbing) => format!(
                "find complex u in V: integral(grad u . grad v {coefficient}) - i boundary integral(k u v) = \
                 integral(f v) + boundary integral(g v) for all v in V, V = {space}; rows: real part of all points, \
                 then {}the imaginary part; unknowns: real parts of all points, then imaginary parts",
                if c.form == Some(Form::General) { "" } else { "minus " }
            ),
            _ => {
                let (natural, place) = match c.boundary.is_empty() {
                    true => ("", "on the boundary"),
                    false => (" + boundary terms", "where u is given"),
                };
                format!(
                    "find u in V: integral(grad u . grad v {coefficient}) = integral(f v){natural} for all v in V, V = \
                     {space}, 0 {place}"
                )
            }
        };
        let boundary_conditions = match c.kind {
            Kind::Absorbing => match c.source() {
                Source::Named(NamedSource::PlaneWave) => {
                    "du/dn - i k u = dw/dn - i k w on the whole boundary, w a plane wave".into()
                }
                _ => "du/dn - i k u = 0 on the whole boundary".into(),
            },
            _ => self.on.conditions_in_words().into(),
        };
        Description { weak_form, boundary_conditions, ..Description::new(NAME, operator, self.props()) }
    }

    fn mesh(&self) -> Option<Arc<MeshData>> {
        Some(self.data.clone())
    }

    fn pattern(&self) -> Option<Arc<Pattern>> {
        let own = self.absorbing.as_ref().map(Absorbing::pattern);
        Some(own.unwrap_or(self.on.pattern()).clone())
    }

    fn files(&self) -> Vec<PathBuf> {
        self.config.files()
    }

    fn samples(&self) -> Option<usize> {
        let fields = [&self.coefficient, &self.f].into_iter().flatten().filter_map(given::Source::samples);
        fields.chain(self.on.condition_samples()).min()
    }

    fn nothing_drawn(&self) -> Option<String> {
        let c = &self.config;
        let constant = if c.kind == Kind::Shifted { c.exponent() == 0.0 } else { c.spread() == 0.0 };
        let given = c.given().is_some() || constant;
        let drawn = matches!(c.source(), Source::Named(_)) || !given;
        let same = !drawn && c.parameters.is_empty() && self.samples().is_none();
        let (key, random): (_, &[&str]) = match (c.kind, constant) {
            (Kind::Shifted, true) => (Some("helmholtz.power = 0"), &[]),
            (Kind::Shifted, false) => (None, &["p"]),
            (_, true) => (Some("helmholtz.variation = 0"), &["f"]),
            (_, false) => (None, &["k", "f"]),
        };
        same.then(|| given::nothing_drawn(NAME, key, random))
    }

    fn measure(&self) -> Result<Report> {
        verify::measure()
    }

    fn sampler(&self) -> Result<Box<dyn Sampler + '_>> {
        Ok(Box::new(HelmholtzSampler { family: self, workspace: Workspace::default() }))
    }
}

struct HelmholtzSampler<'a> {
    family: &'a Helmholtz,
    workspace: Workspace,
}

impl HelmholtzSampler<'_> {
    /// k or p at the nodes.
    fn coefficient(&mut self, rng: &mut ChaCha8Rng, drawn: &Drawn) -> Result<Vec<f64>> {
        let config = &self.family.config;
        if let Some(source) = &self.family.coefficient {
            return self.family.on.evaluate(source, drawn);
        }
        let mut g = Vec::new();
        self.family.on.draw(&self.family.gaussian, rng, &mut self.workspace, &mut g);
        match config.kind {
            Kind::Shifted => g.iter_mut().for_each(|v| *v = (config.exponent() * *v).exp()),
            _ => {
                let (low, high) = range(&g);
                let scale = config.spread() / high.max(-low).max(f64::MIN_POSITIVE);
                g.iter_mut().for_each(|v| *v = config.mean() * (1.0 + scale * *v));
            }
        }
        Ok(g)
    }

    /// The right-hand side, with the field that was drawn for it; `angle` is the direction of a plane wave.
    fn rhs(
        &mut self,
        rng: &mut ChaCha8Rng,
        drawn: &Drawn,
        k: &[f64],
        angle: Option<f64>,
    ) -> Result<(Vec<f64>, Option<Field>)> {
        let Helmholtz { config, on, gaussian, .. } = self.family;
        let own = self.family.f.as_ref().map(|f| on.evaluate(f, drawn)).transpose()?;
        let (f, field) = match config.source() {
            Source::Given(_) => {
                let f = own.unwrap_or_default();
                (f.clone(), Some(on.field("f", f)))
            }
            Source::Constant(f) => (vec![f; k.len()], None),
            Source::Named(NamedSource::Random) => {
                let mut f = Vec::new();
                on.draw(gaussian, rng, &mut self.workspace, &mut f);
                (f.clone(), Some(on.field("f", f)))
            }
            Source::Named(NamedSource::PlaneWave) => (vec![0.0; k.len()], None),
        };
        let mut rhs = on.load(&f);
        if let (Some(absorbing), Some(elements)) = (&self.family.absorbing, on.elements()) {
            rhs.resize(2 * rhs.len(), 0.0);
            if let Some(angle) = angle {
                let wave = PlaneWave::new(config.mean(), angle);
                let incoming = absorbing.incoming(elements, wave, k);
                rhs.iter_mut().zip(incoming).for_each(|(r, g)| *r += g);
            }
        }
        Ok((rhs, field))
    }
}

impl Sampler for HelmholtzSampler<'_> {
    fn sample(&mut self, seed: u64, index: u64) -> Result<LinearSystem> {
        let family = self.family;
        let (config, on) = (&family.config, &family.on);
        let mut rng = stream(seed, Purpose::Sample, index);
        // First, so that it is the same on every grid.
        let angle = match config.source() {
            Source::Named(NamedSource::PlaneWave) => Some(rng.random_range(0.0..2.0 * PI)),
            _ => None,
        };
        let drawn = Drawn::new(&config.parameters, seed, index, false);
        let coefficient = self.coefficient(&mut rng, &drawn)?;
        let (mut rhs, source) = self.rhs(&mut rng, &drawn, &coefficient, angle)?;
        let (reaction, sign) = match config.kind {
            Kind::Shifted => (coefficient.clone(), 1.0),
            _ => (coefficient.iter().map(|k| k * k).collect(), -1.0),
        };
        let (ones, laplacian) = &family.laplacian;
        let (mut matrix, known) = on.assemble((ones, laplacian.clone()), Some((&reaction, sign)), &drawn, &mut rhs)?;
        if let (Some(absorbing), Some(elements)) = (&family.absorbing, on.elements()) {
            let values = absorbing.matrix(elements, matrix.values(), &coefficient);
            matrix = Csr::new(absorbing.pattern().clone(), values)?;
        }
        let mut params = Vec::new();
        if config.kind != Kind::Shifted {
            let mean = coefficient.iter().sum::<f64>() / coefficient.len() as f64;
            params.push(("k_mean".into(), mean));
            let shortest = 2.0 * PI / range(&coefficient).1;
            params.push(("points_per_wavelength".into(), on.edges_in(shortest)));
        }
        if let Some(angle) = angle {
            params.push(("angle".into(), angle));
        }
        let solution = match &family.direct {
            None => None,
            Some(symbolic) => {
                let factor = symbolic.factorize(&matrix)?;
                if let (Kind::Dirichlet, Some(inertia)) = (config.kind, factor.inertia()) {
                    params.push(("negative_eigenvalues".into(), inertia.negative as f64));
                }
                let mut x = rhs.clone();
                factor.solve_in_place(&mut x)?;
                Some(x)
            }
        };
        if config.form == Some(Form::General) {
            turn(&mut matrix, &mut rhs);
        }
        let name = if config.kind == Kind::Shifted { "p" } else { "k" };
        let mut fields = vec![on.field(name, coefficient)];
        fields.extend(source);
        fields.extend(known.map(|u| on.field("boundary_values", u)));
        params.extend(drawn.named(&config.parameters));
        Ok(LinearSystem {
            matrix,
            rhs,
            solution,
            props: family.props(),
            fields,
            labels: Vec::new(),
            params,
            mesh: Some(family.data.clone()),
            index,
        })
    }
}
