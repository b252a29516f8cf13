//! Systems that are no test of a row, because what it learned from, or was chosen by, has them too.

use std::collections::{BTreeSet, HashMap};

use super::row::{Row, RowKind};
use super::trained::Trained;
use super::training_sets::TrainingSets;
use crate::dataset::{Dataset, Drawn, NEXT, copies};
use crate::error::{Error, Result};

/// What a row knows of the systems that it is to be tested on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leak {
    /// How many of them.
    pub systems: usize,
    /// How.
    pub how: How,
}

/// How a row comes to know test systems.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// They are in the training split of their dataset.
    Training,
    /// They are in the validation split, by which weights were chosen.
    Validation,
    /// Another dataset was drawn from the same random streams.
    Streams,
    /// They are in the data under another number.
    Copies,
    /// Other steps of their trajectories are in the training split.
    Trajectories,
}

impl Leak {
    /// Whether an evaluation is refused for it: on validation systems one may choose, and says so.
    pub fn is_refused(&self) -> bool {
        self.how != How::Validation
    }

    /// In words, of so many systems in all.
    pub fn words(&self, all: usize) -> String {
        let what = match self.how {
            How::Training => "are in the training split that it learned from",
            How::Validation => "are in the validation split by which its weights were chosen",
            How::Streams => {
                "were drawn with the seed and index of systems that it was trained or validated on; generate the test \
                 systems with another seed"
            }
            How::Copies => "are systems that it learned from, under another number",
            How::Trajectories => "are steps of trajectories of which it learned other steps",
        };
        format!("{} of {all} systems {what}", self.systems)
    }
}

/// What each row knows of the systems `ids` of a dataset, None in place of a row that is not for it; `trained` says of
/// each what its model was trained on.
///
/// # Errors
/// Those of reading the systems that may be copies.
pub fn leaks(
    data: &Dataset,
    ids: &[u32],
    rows: &[Option<&Row>],
    trained: &[Option<Trained>],
    sets: &mut TrainingSets,
) -> Result<Vec<Option<Leak>>> {
    let mut copied = HashMap::new();
    // Looked at once, and only if a row learned from it.
    let mut own: Option<Found> = None;
    let mut of_own = || match own {
        Some(found) => Ok(found),
        None => of_training_split(data, ids).map(|found| *own.insert(found)),
    };
    let mut one = |(row, trained): (&Option<&Row>, &Option<Trained>)| match (row.map(Row::kind).transpose()?, trained) {
        (Some(RowKind::Constant(spec, _)), _) if spec.member().is_fitted() => of_own(),
        (Some(RowKind::Model(..)), Some(t)) if t.steps > 0 && t.own_data => {
            Ok(of_own()?.or_else(|| of_validation_split(data, ids)))
        }
        (Some(RowKind::Model(..)), Some(t)) if t.steps > 0 => of_others((data, ids), t, sets, &mut copied),
        _ => Ok(None),
    };
    rows.iter().zip(trained).map(&mut one).map(|leak| Ok(leak?.map(|(systems, how)| Leak { systems, how }))).collect()
}

type Found = Option<(usize, How)>;

fn found(systems: usize, how: How) -> Found {
    (systems > 0).then_some((systems, how))
}

/// What learned from the training split of the dataset itself knows of it.
fn of_training_split(data: &Dataset, ids: &[u32]) -> Result<Found> {
    let train = data.split("train").unwrap_or_default();
    if let Some(leak) = found(common(train, ids), How::Training) {
        return Ok(Some(leak));
    }
    if let Some(trajectories) = data.param("trajectory") {
        let number = |id: &u32| trajectories.get(*id as usize).map(|t| t.to_bits());
        let seen: BTreeSet<_> = train.iter().map(number).collect();
        let cut = ids.iter().filter(|id| seen.contains(&number(id))).count();
        if let Some(leak) = found(cut, How::Trajectories) {
            return Ok(Some(leak));
        }
    }
    // Systems that were drawn have streams of their own.
    match Drawn::of(&data.header().recipe) {
        Some(_) => Ok(None),
        None => Ok(found(copies(data, train, data, ids)?, How::Copies)),
    }
}

fn of_validation_split(data: &Dataset, ids: &[u32]) -> Found {
    found(common(data.split("validation").unwrap_or_default(), ids), How::Validation)
}

fn common(set: &[u32], ids: &[u32]) -> usize {
    let set: BTreeSet<u32> = set.iter().copied().collect();
    ids.iter().filter(|id| set.contains(id)).count()
}

/// What a model that was trained on other datasets knows of this one.
fn of_others(
    (data, ids): (&Dataset, &[u32]),
    trained: &Trained,
    sets: &mut TrainingSets,
    copied: &mut HashMap<String, usize>,
) -> Result<Found> {
    let here = Drawn::of(&data.header().recipe);
    let recipes: Vec<&str> = trained.recipes.split(NEXT).collect();
    let shared = |there: &&str| Drawn::of(there).zip(here.as_ref()).map_or(0, |(there, here)| there.shared(here, ids));
    if let Some(leak) = found(recipes.iter().map(shared).max().unwrap_or(0), How::Streams) {
        return Ok(Some(leak));
    }
    let mut worst = 0;
    for file in &trained.files {
        let Some(other) = sets.open(file) else { continue };
        let is_it = recipes.contains(&other.header().recipe.as_str());
        let both_drawn = here.is_some() && Drawn::of(&other.header().recipe).is_some();
        if is_it && !both_drawn {
            // The same for every row that learned from it.
            let found = match copied.get(file) {
                Some(found) => *found,
                None => {
                    let known = ["train", "validation"].map(|set| other.split(set).unwrap_or_default()).concat();
                    copies(&other, &known, data, ids)?
                }
            };
            copied.insert(file.clone(), found);
            worst = worst.max(found);
        }
    }
    Ok(found(worst, How::Copies))
}

/// Refuses an evaluation with leaks, unless they are allowed.
///
/// # Errors
/// [`Error::Argument`] naming row, dataset and what to do.
pub fn refuse(data: &Dataset, ids: &[u32], rows: &[Row], leaks: &[Option<Leak>]) -> Result<()> {
    let mut all = rows.iter().zip(leaks).filter_map(|(row, leak)| Some((row, leak.as_ref()?)));
    match all.find(|(_, leak)| leak.is_refused()) {
        None => Ok(()),
        Some((row, leak)) => Err(Error::Argument(format!(
            "row {:?} on {}: {}. They are no test of it: name another split or dataset, leave the row away, or set \
             allow_leaks = true (--allow-leaks), and the results are marked",
            row.name(),
            data.path().display(),
            leak.words(ids.len())
        ))),
    }
}
