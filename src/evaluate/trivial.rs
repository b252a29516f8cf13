//! The rows that a learned one has to beat, which stand beside it unless a recipe says `trivial = false`: what its
//! model names ([`ModelConfig::trivial`]), and its untrained start.

use std::path::PathBuf;
use std::rc::Rc;

use super::networks::{Network, Networks};
use super::recipe::EvalRecipe;
use super::row::{OneOrMany, Row, RowKind};
use crate::dataset::Dataset;
use crate::error::{Error, Result};
use crate::linalg::Csr;
use crate::models::constants::Part;
use crate::models::{self, ModelConfig};
use crate::precond::Spec;

/// The name of a network before its first step, beside its checkpoints.
const INITIAL: &str = "initial.safetensors";

/// What stands beside the rows of a recipe.
#[derive(Debug, Default)]
pub struct Added {
    /// The rows that were not there yet.
    pub rows: Vec<Row>,
    /// Why others could not be added, in words.
    pub notes: Vec<String>,
}

/// A checkpoint of a row: its network, untrained or trained.
struct Learned {
    network: Rc<Network>,
    settings: Box<dyn ModelConfig>,
}

impl Learned {
    /// Whether it is of a trained network, not of one before its first step.
    fn is_trained(&self) -> bool {
        self.network.checkpoint.progress.step > 0
    }

    /// Whether it is what training came to: a trained network, or the one before the first step if none was better.
    fn is_outcome(&self) -> bool {
        self.is_trained() || self.network.checkpoint.progress.is_untrained_best()
    }

    /// Name of its model.
    fn model(&self) -> &str {
        &self.network.checkpoint.model
    }
}

/// The rows that the learned ones of a recipe lack, for the datasets that these are for; `data` are those of the recipe
/// with the first of the systems that are solved.
///
/// # Errors
/// If a checkpoint cannot be read.
pub fn lacking(recipe: &EvalRecipe, data: &[(&Dataset, u32)], networks: &mut Networks) -> Result<Added> {
    let rows = &recipe.rows;
    let is_for = |row: &Row, d: usize| row.place(d, &recipe.data).is_some();
    let datasets = |row: &Row| -> Vec<usize> { (0..data.len()).filter(|&d| is_for(row, d)).collect() };
    let mut learned = Vec::new();
    for row in rows {
        let places = 0..datasets(row).len();
        learned.push(places.map(|place| of(row, place, networks)).collect::<Result<Vec<_>>>()?);
    }
    let mut added = Added::default();
    for (row, of_row) in rows.iter().zip(&learned) {
        let on = datasets(row);
        let covers = |other: &Row| on.iter().all(|&d| is_for(other, d));
        let of_row: Vec<&Learned> = of_row.iter().flatten().filter(|n| n.is_outcome()).collect();
        // One for each dataset, or the row is no learned one.
        let Some(first) = of_row.first().filter(|_| of_row.len() == on.len()) else { continue };
        for notation in first.settings.trivial() {
            if of_row.iter().any(|n| !n.settings.trivial().contains(&notation)) {
                continue;
            }
            let Some(candidate) = beside(row, &notation)? else { continue };
            if rows.iter().any(|other| stands_for(other, &candidate) && covers(other)) {
                continue;
            }
            match on.iter().map(|&d| data[d]).try_for_each(|(data, first)| can(&candidate, data, first)) {
                Ok(()) => match added.rows.iter_mut().find(|other| other.means_the_same(&candidate)) {
                    Some(there) => there.extend_to(&candidate.data, &recipe.data),
                    None => added.rows.push(candidate),
                },
                Err(why) => {
                    let note = format!("{} does not stand beside {}: {why}", notation, row.name());
                    if !added.notes.contains(&note) {
                        added.notes.push(note);
                    }
                }
            }
        }
        if !of_row.iter().any(|n| n.is_trained()) {
            // It is its own start.
            continue;
        }
        let is_start = |(other, of_other): (&Row, &Vec<Option<Learned>>)| {
            let same = |n: &Learned| !n.is_outcome() && n.model() == first.model();
            (&other.ksp, &other.pc) == (&row.ksp, &row.pc) && covers(other) && of_other.iter().flatten().any(same)
        };
        if rows.iter().zip(&learned).any(is_start) {
            continue;
        }
        let files: Vec<PathBuf> = of_row.iter().map(|n| n.network.file.with_file_name(INITIAL)).collect();
        if let Some(missing) = files.iter().find(|file| !file.is_file()) {
            added.notes.push(format!("{} has no {INITIAL}: its untrained start is not shown", missing.display()));
            continue;
        }
        let model = match files.len() {
            1 => OneOrMany::One(files[0].clone()),
            _ if files.iter().all(|file| *file == files[0]) => OneOrMany::One(files[0].clone()),
            _ => OneOrMany::Many(files),
        };
        let start = Row { label: format!("{} untrained", row.name()), model: Some(model), ..row.clone() };
        // Rows that differ in what is made of the network have one start.
        let same = |other: &Row| (&other.ksp, &other.pc, &other.model) == (&start.ksp, &start.pc, &start.model);
        match added.rows.iter_mut().find(|other| same(other)) {
            Some(there) if matches!(there.model, Some(OneOrMany::One(_))) => {
                there.extend_to(&start.data, &recipe.data);
            }
            Some(there) if there.data == start.data => {}
            _ => added.rows.push(start),
        }
    }
    Ok(added)
}

/// The network of a row for the dataset at a place among its own; None where it has none.
fn of(row: &Row, place: usize, networks: &mut Networks) -> Result<Option<Learned>> {
    let Some(network) = networks.of(row, place)? else { return Ok(None) };
    let settings = models::settings(&network.checkpoint, &network.file)?;
    Ok(Some(Learned { network, settings }))
}

/// The row of what a model names, with the method of a learned row and what stands beside its prediction. None for what
/// looks at labels, and what the method cannot use.
fn beside(row: &Row, notation: &str) -> Result<Option<Row>> {
    let plain = Row { data: row.data.clone(), ..Row::trivial(row.ksp.clone(), notation)? };
    let (pc, space_as) = (row.pc.clone(), row.space_as);
    Ok(match plain.kind()? {
        kind if kind.looks_at_labels() => None,
        RowKind::Constant(spec, _) => match spec.member().part() {
            Part::Preconditioner => Some(plain),
            Part::Space => Some(Row { pc, space_as, ..plain }),
            Part::Guess => Some(Row { pc, ..plain }),
        },
        RowKind::Classical(spec) => {
            let needs_symmetry = row.ksp.requirements().symmetric_preconditioner();
            (!needs_symmetry || spec.props().symmetric).then_some(plain)
        }
        RowKind::Model(..) => None,
    })
}

/// Whether a row of a recipe is what would be added: the same, or the same constant with settings of its own.
fn stands_for(row: &Row, candidate: &Row) -> bool {
    let same_constant = match (row.kind(), candidate.kind()) {
        (Ok(RowKind::Constant(a, of_a)), Ok(RowKind::Constant(b, of_b))) => (a.name(), of_a) == (b.name(), of_b),
        _ => false,
    };
    row.means_the_same(candidate) || row.ksp == candidate.ksp && same_constant
}

/// Whether a row can be had on a dataset, tried on the first and the last of its training systems and on one that is
/// solved; else why not.
fn can(row: &Row, data: &Dataset, first: u32) -> std::result::Result<(), String> {
    let words = |e: Error| e.to_string();
    let system = data.read(first as usize).map_err(words)?;
    let spec = match row.kind().map_err(words)? {
        RowKind::Constant(spec, _) => spec,
        RowKind::Classical(spec) => return buildable(&spec, &system.matrix),
        RowKind::Model(..) => return Ok(()),
    };
    spec.member().needs().check_matrix(spec.name(), data.header().description.props).map_err(words)?;
    let train = match spec.member().is_fitted() {
        true => data.split("train").unwrap_or_default(),
        false => &[],
    };
    let ends: Vec<u32> = match train {
        [] if spec.member().is_fitted() => return Err(format!("{} has no training split", data.path().display())),
        [] => Vec::new(),
        [one] => vec![*one],
        [first, .., last] => vec![*first, *last],
    };
    if ends.iter().any(|&id| train.iter().any(|&other| data.size(other as usize) != data.size(id as usize))) {
        return Err(format!("the training systems of {} differ in size", data.path().display()));
    }
    let fitted = spec.member().fit(data, &ends, &row.options()).map_err(words)?;
    fitted.make(&system).map(|_| ()).map_err(words)
}

fn buildable(spec: &Spec, a: &Csr) -> std::result::Result<(), String> {
    spec.build(a).map(|_| ()).map_err(|e| e.to_string())
}
