//! A row of the evaluation: a method, and what stands beside A.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::linalg::Props;
use crate::models::constants::Part;
use crate::models::{PredictOptions, constants};
use crate::precond::Spec;
use crate::solve::{SpaceAs, classical};
use crate::solver::Method;
use crate::system::Names;

/// One line of the table: a solver with a classical preconditioner or a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// What the table calls it; made from ksp and pc where none is given.
    #[serde(default)]
    pub label: String,
    /// The Krylov method.
    pub ksp: Method,
    /// A classical preconditioner, or a constant of the training split such as "mean-inverse" ([`constants`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pc: Option<String>,
    /// A constant that is a space, such as "sine-modes(10)", beside a classical `pc` or none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub space: Option<String>,
    /// A constant that is an initial guess, such as "iterates(14)", beside a classical `pc` or none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guess: Option<String>,
    /// A run directory or checkpoint for all datasets of the row, or one for each. With a classical `pc` as well, what
    /// the model predicts (a guess, a space) goes with that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<OneOrMany>,
    /// The datasets that the row is for, each as `data` of the recipe names it; all where none is given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub data: Vec<PathBuf>,
    /// What the space of `space` or `model` is for: "deflation", or the coarse level of a preconditioner with `pc`,
    /// "two-level" (balancing) or "additive", for any method.
    #[serde(default, skip_serializing_if = "SpaceAs::is_deflation")]
    pub space_as: SpaceAs,
    /// Use (M + Mᵀ)/2, as CG needs.
    #[serde(default)]
    pub symmetrize: bool,
    /// Drop entries |m_ij| below this.
    #[serde(default)]
    pub filter: f64,
    /// Of a generative model: 0 takes the mean of its latent distribution, 1 a draw, more the best of so many draws.
    #[serde(default)]
    pub draws: usize,
    /// Take what a model says even where it is worse than what it started from.
    #[serde(default)]
    pub unguarded: bool,
}

/// One path, or one per dataset of a row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(untagged)]
pub enum OneOrMany {
    /// For all datasets.
    One(PathBuf),
    /// One for each.
    Many(Vec<PathBuf>),
}

impl OneOrMany {
    /// The path for a dataset, by its place among those of the row ([`Row::place`]).
    pub fn of(&self, place: usize) -> Option<&Path> {
        match self {
            OneOrMany::One(path) => Some(path),
            OneOrMany::Many(list) => list.get(place).map(PathBuf::as_path),
        }
    }
}

/// What a row's preconditioner is.
#[derive(Debug, Clone, PartialEq)]
pub enum RowKind {
    /// A classical preconditioner.
    Classical(Spec),
    /// What the training split gives once for all systems, and beside a space or guess the classical preconditioner.
    Constant(constants::Spec, Option<Spec>),
    /// A model, and the classical preconditioner beside it.
    Model(OneOrMany, Option<Spec>),
}

impl RowKind {
    /// Whether it is no method but what labels say: the best that can be reached.
    pub fn looks_at_labels(&self) -> bool {
        matches!(self, RowKind::Constant(spec, _) if spec.member().labels() != Names::None)
    }

    /// "classical", "constant", "oracle" (one that looks at labels) or "learned".
    pub fn name(&self) -> &'static str {
        match self {
            RowKind::Classical(_) => "classical",
            // A classical method's.
            RowKind::Constant(spec, _) if spec.member().part() == Part::Guess => "classical",
            RowKind::Constant(spec, _) => match spec.member().labels() {
                Names::None => "constant",
                _ => "oracle",
            },
            RowKind::Model(..) => "learned",
        }
    }
}

impl Row {
    /// A method with nothing beside A.
    fn plain(ksp: Method) -> Self {
        Row {
            label: String::new(),
            ksp,
            pc: None,
            space: None,
            guess: None,
            model: None,
            data: Vec::new(),
            space_as: SpaceAs::default(),
            symmetrize: false,
            filter: 0.0,
            draws: 0,
            unguarded: false,
        }
    }

    /// A row of a solver and a preconditioner's notation.
    pub fn classical(ksp: Method, pc: &str) -> Self {
        Row { pc: Some(pc.into()), ..Row::plain(ksp) }
    }

    /// A row of a solver and a constant, in the place that it takes.
    ///
    /// # Errors
    /// If there is no such constant.
    pub fn constant(ksp: Method, constant: &str) -> Result<Self> {
        let text = Some(constant.to_string());
        match constant.parse::<constants::Spec>()?.member().part() {
            Part::Space => Ok(Row { space: text, ..Row::plain(ksp) }),
            Part::Guess => Ok(Row { guess: text, ..Row::plain(ksp) }),
            Part::Preconditioner => {
                let symmetrize = ksp.requirements().symmetric_preconditioner();
                Ok(Row { symmetrize, pc: text, ..Row::plain(ksp) })
            }
        }
    }

    /// The strongest classical rows for systems of which this is promised.
    ///
    /// # Errors
    /// As [`classical::strongest`].
    pub fn strongest(props: Props) -> Result<Vec<Self>> {
        let rows = classical::strongest(props)?;
        Ok(rows.into_iter().map(|c| Row::classical(c.ksp, c.pc)).collect())
    }

    /// A row of a solver and what needs no network ([`crate::models::ModelConfig::trivial`]).
    ///
    /// # Errors
    /// For a notation that is neither a constant's nor a preconditioner's.
    pub fn trivial(ksp: Method, notation: &str) -> Result<Self> {
        match constants::is_named(notation) {
            true => Row::constant(ksp, notation),
            false => notation.parse::<Spec>().map(|_| Row::classical(ksp, notation)),
        }
    }

    /// The place of a dataset of the recipe among those of the row; None if the row is not for it.
    pub fn place(&self, dataset: usize, all: &[PathBuf]) -> Option<usize> {
        match self.data.is_empty() {
            true => Some(dataset),
            false => self.data.iter().position(|own| *own == all[dataset]),
        }
    }

    /// The row for these datasets alone, out of `all` those of the recipe. Its model is one for all.
    #[must_use]
    pub fn only_on(self, datasets: &[PathBuf], all: &[PathBuf]) -> Self {
        Row { data: named(all, |path| datasets.contains(path)), ..self }
    }

    /// Makes the row one for all these datasets as well, none standing for all; `all` are those of the recipe. Its
    /// model is one for all.
    pub fn extend_to(&mut self, more: &[PathBuf], all: &[PathBuf]) {
        let every = more.is_empty() || self.data.is_empty();
        self.data = named(all, |path| every || self.data.contains(path) || more.contains(path));
    }

    /// Whether it is the same method with the same beside A, whatever the notation, the label and the datasets.
    pub fn means_the_same(&self, other: &Row) -> bool {
        let bare = |row: &Row| Row {
            label: String::new(),
            pc: None,
            space: None,
            guess: None,
            data: Vec::new(),
            ..row.clone()
        };
        let kinds = self.kind().ok().zip(other.kind().ok());
        bare(self) == bare(other) && kinds.is_some_and(|(a, b)| a == b)
    }

    /// Whether it is the same but for the label and the run.
    pub fn differs_in_model_alone(&self, other: &Row) -> bool {
        let bare = |row: &Row| Row { label: String::new(), model: None, ..row.clone() };
        bare(self) == bare(other)
    }

    /// A row of a solver and a model.
    pub fn learned(ksp: Method, model: PathBuf) -> Self {
        let symmetrize = ksp.requirements().symmetric_preconditioner();
        Row { symmetrize, model: Some(OneOrMany::One(model)), ..Row::plain(ksp) }
    }

    /// Which preconditioner is meant.
    ///
    /// # Errors
    /// [`Error::Argument`] if none is given, or the notation is wrong.
    pub fn kind(&self) -> Result<RowKind> {
        let beside = || self.pc.as_deref().map(str::parse).transpose();
        let given = (&self.space, &self.guess, &self.model);
        match given {
            (Some(_), None, Some(_)) => Err(self.bad("space and model: leave one of them away")),
            (Some(space), None, None) => Ok(RowKind::Constant(self.constant_in(space, Part::Space)?, beside()?)),
            (None, Some(guess), None) => Ok(RowKind::Constant(self.constant_in(guess, Part::Guess)?, beside()?)),
            (_, Some(_), _) => Err(self.bad("guess stands alone beside pc: leave space and model away")),
            (None, None, Some(model)) => Ok(RowKind::Model(model.clone(), beside()?)),
            (None, None, None) => match &self.pc {
                Some(pc) if constants::is_named(pc) => {
                    Ok(RowKind::Constant(self.constant_in(pc, Part::Preconditioner)?, None))
                }
                Some(pc) => Ok(RowKind::Classical(pc.parse()?)),
                None => Err(self.bad("needs pc, space, guess or model")),
            },
        }
    }

    /// The notation of `pc`, the same however it was written.
    pub fn pc(&self) -> Option<String> {
        let text = self.pc.as_ref()?;
        match self.kind() {
            Ok(RowKind::Classical(spec) | RowKind::Constant(_, Some(spec)) | RowKind::Model(_, Some(spec))) => {
                Some(spec.to_string())
            }
            Ok(RowKind::Constant(spec, None)) => Some(spec.to_string()),
            _ => Some(text.clone()),
        }
    }

    /// The constant that stands in `space`, `guess` or `pc`, if that is its place.
    fn constant_in(&self, text: &str, place: Part) -> Result<constants::Spec> {
        let spec: constants::Spec = text.parse()?;
        let part = spec.member().part();
        match part {
            _ if part == place => Ok(spec),
            Part::Space => Err(self.bad(&format!("{text} is a space: give it as space, beside any pc"))),
            Part::Guess => Err(self.bad(&format!("{text} is an initial guess: give it as guess, beside any pc"))),
            Part::Preconditioner => {
                let key = place.key();
                Err(self.bad(&format!("{text} is no {key} but a preconditioner: give it as pc")))
            }
        }
    }

    fn bad(&self, reason: &str) -> Error {
        Error::Argument(format!("row {:?}: {reason}", self.name()))
    }

    /// Checks what is meant and every range, for the datasets of a recipe.
    ///
    /// # Errors
    /// [`Error::Argument`] naming row and key.
    pub fn check(&self, all: &[PathBuf]) -> Result<()> {
        let kind = self.kind()?;
        for (i, path) in self.data.iter().enumerate() {
            let path_shown = path.display();
            if !all.contains(path) {
                let all: Vec<String> = all.iter().map(|p| p.display().to_string()).collect();
                let all = all.join(", ");
                return Err(self.bad(&format!("data: {path_shown} is no dataset of the recipe, which has {all}")));
            }
            if self.data[..i].contains(path) {
                return Err(self.bad(&format!("data: {path_shown} is listed twice")));
            }
        }
        let datasets = if self.data.is_empty() { all.len() } else { self.data.len() };
        if let Some(OneOrMany::Many(list)) = &self.model
            && list.len() != datasets
        {
            return Err(self.bad(&format!("model lists {} runs for {datasets} datasets", list.len())));
        }
        self.options().check().map_err(|e| self.bad(&e.to_string()))?;
        if self.draws > 0 && self.model.is_none() {
            return Err(self.bad("draws are those of a model"));
        }
        if self.unguarded && self.model.is_none() {
            return Err(self.bad("unguarded: only what a model says is guarded"));
        }
        if !self.space_as.is_deflation() && self.space.is_none() && self.model.is_none() {
            return Err(self.bad("space_as is what the space of a space or model is for: give one"));
        }
        let plain = matches!(kind, RowKind::Classical(_)) || self.space.is_some() || self.guess.is_some();
        if plain && (self.symmetrize || self.filter > 0.0) {
            let reason = "symmetrize and filter mean nothing for a classical preconditioner, a space or a guess";
            return Err(self.bad(reason));
        }
        Ok(())
    }

    /// The same with every default written out: its label, and those of notations.
    ///
    /// # Errors
    /// As [`Row::kind`].
    pub fn resolved(&self) -> Result<Self> {
        let (constant, classical) = match self.kind()? {
            RowKind::Classical(spec) => (None, Some(spec)),
            RowKind::Constant(spec, beside) => (Some(spec), beside),
            RowKind::Model(_, beside) => (None, beside),
        };
        let mut full = Row { label: self.name(), ..self.clone() };
        // What no text can hold stays as it was given.
        if let Some(text) = classical.map(toml::Value::try_from).and_then(text) {
            full.pc = Some(text);
        }
        if let Some(text) = constant.map(toml::Value::try_from).and_then(text) {
            let place = match (&full.space, &full.guess) {
                (Some(_), _) => &mut full.space,
                (None, Some(_)) => &mut full.guess,
                (None, None) => &mut full.pc,
            };
            *place = Some(text);
        }
        Ok(full)
    }

    /// What a model is asked for.
    pub fn options(&self) -> PredictOptions {
        PredictOptions {
            symmetrize: self.symmetrize,
            filter: self.filter,
            draws: self.draws,
            unguarded: self.unguarded,
        }
    }

    /// Its runs and checkpoints.
    pub fn models(&self) -> impl Iterator<Item = &Path> {
        let paths = match &self.model {
            Some(OneOrMany::One(path)) => std::slice::from_ref(path),
            Some(OneOrMany::Many(list)) => list,
            None => &[],
        };
        paths.iter().map(PathBuf::as_path)
    }

    /// The label, or one made from solver and preconditioner.
    pub fn name(&self) -> String {
        if !self.label.is_empty() {
            return self.label.clone();
        }
        let model = match &self.model {
            Some(OneOrMany::One(path)) => {
                Some(path.file_name().map_or_else(|| path.display().to_string(), |n| n.to_string_lossy().into_owned()))
            }
            Some(OneOrMany::Many(_)) => Some("model".into()),
            None => None,
        };
        let parts = [Some(self.ksp.to_string()), model, self.space.clone(), self.guess.clone(), self.pc.clone()];
        let name = parts.into_iter().flatten().collect::<Vec<_>>().join(" + ");
        match self.space_as {
            SpaceAs::Deflation => name,
            other => format!("{name} ({other})"),
        }
    }
}

/// Those datasets of a recipe that a row is for, as it names them: none if it is for all.
fn named(all: &[PathBuf], is_for: impl Fn(&PathBuf) -> bool) -> Vec<PathBuf> {
    let of: Vec<PathBuf> = all.iter().filter(|path| is_for(path)).cloned().collect();
    if of.len() < all.len() { of } else { Vec::new() }
}

/// What a notation's value is as text.
fn text(value: std::result::Result<toml::Value, toml::ser::Error>) -> Option<String> {
    match value {
        Ok(toml::Value::String(text)) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::evaluate::EvalRecipe;

    #[test]
    fn a_space_stands_in_its_own_key_beside_any_preconditioner() {
        let parse = |row: &str| EvalRecipe::parse(&format!("data = ['a.h5']\n[[row]]\nksp = 'cg'\n{row}"), "e.toml");
        let recipe = parse("space = 'mean-space(4)'\npc = 'icc'").unwrap();
        assert_eq!(recipe.rows[0].name(), "cg + mean-space(4) + icc");
        let stored = recipe.to_toml().unwrap();
        assert!(stored.contains("mean-space(4, 64, 0)") && stored.contains("shift = "), "{stored}");
        assert_eq!(EvalRecipe::parse(&stored, "e.toml").unwrap().to_toml().unwrap(), stored);
        let guess = parse("guess = 'iterates(14, pc = icc)'").unwrap();
        assert_eq!(
            (guess.rows[0].name().as_str(), guess.rows[0].kind().unwrap().name()),
            ("cg + iterates(14, pc = icc)", "classical")
        );
        let kept = guess.to_toml().unwrap();
        assert_eq!(EvalRecipe::parse(&kept, "e.toml").unwrap().to_toml().unwrap(), kept);
        let coarse = parse("space = 'sine-modes(4)'\npc = 'icc'\nspace_as = 'two-level'").unwrap();
        assert_eq!(coarse.rows[0].name(), "cg + sine-modes(4) + icc (two-level)");
        assert!(coarse.to_toml().unwrap().contains("space_as = \"two-level\"") && !stored.contains("space_as"));
        for (row, kind) in [("space = 'sine-modes(4)'", "constant"), ("space = 'eigenvectors(4)'", "oracle")] {
            assert_eq!(parse(row).unwrap().rows[0].kind().unwrap().name(), kind);
        }
        for (row, reason) in [
            ("pc = 'sine-modes(4)'", "give it as space"),
            ("space = 'mean-inverse'", "give it as pc"),
            ("space = 'sine-modes'\nmodel = 'run'", "leave one of them away"),
            ("space = 'sine-modes'\nfilter = 0.1", "mean nothing"),
            ("pc = 'icc'\nspace_as = 'two-level'", "give one"),
            ("space = 'sine-modes'\nspace_as = 'coarse'", "additive"),
            ("guess = 'iterates(3)'\nmodel = 'run'", "guess stands alone"),
            ("pc = 'iterates(3)'", "give it as guess"),
            ("guess = 'sine-modes(4)'", "give it as space"),
            ("guess = 'mean-inverse'", "no guess but a preconditioner"),
            ("", "needs pc, space, guess or model"),
        ] {
            let refused = parse(row).unwrap_err().to_string();
            assert!(refused.contains(reason), "{row}: {refused}");
        }
    }
}
