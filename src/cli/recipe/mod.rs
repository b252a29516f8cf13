//! `fempipe recipe`: recipes with every key, its meaning, its range and its default.

mod commented;
mod values;

use serde_json::Value as Json;
use toml::{Table, Value};

use self::commented::Writer;
use super::Common;
use super::output::print;
use crate::entry;
use crate::error::{Error, Result};
use crate::evaluate::EvalRecipe;
use crate::generate::{KEYS, Labels, Recipe};
use crate::io::assignments;
use crate::train::{TrainRecipe, built_in};
use crate::{families, models};

/// Print a recipe with every key: what it means, which values it takes, its default
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  fempipe recipe --family darcy > d.toml                    of a dataset, for fempipe generate
  fempipe recipe --model precorrector > t.toml              of a training, for fempipe train
  fempipe recipe --family darcy --model precorrector        the training recipe that comes with fempipe, in full
  fempipe recipe --evaluation > e.toml                      of an evaluation, for fempipe evaluate

Names, types and defaults are those of the code that reads recipes; ranges are what it answers.")]
pub struct Args {
    /// The recipe of a dataset of this family; with --model the training recipe that comes with fempipe for both
    #[arg(long, required_unless_present_any = ["model", "evaluation"])]
    family: Option<String>,
    /// The training recipe of this model
    #[arg(long)]
    model: Option<String>,
    /// An evaluation recipe
    #[arg(long, conflicts_with_all = ["family", "model"])]
    evaluation: bool,
}

/// Where errors of a recipe that is tried out are said to stand; nobody sees them.
const TRIED: &str = "recipe";

/// Runs `fempipe recipe`.
pub fn run(args: &Args, common: &Common) -> Result<()> {
    let text = match (&args.family, &args.model) {
        (Some(family), Some(model)) => of_training(model, Some(family))?,
        (Some(family), None) => of_dataset(family)?,
        (None, Some(model)) => of_training(model, None)?,
        (None, None) => of_evaluation()?,
    };
    if common.json {
        let table: Table = crate::io::toml_file::parse(&text, TRIED)?;
        let value = serde_json::to_value(table).map_err(|e| Error::Argument(format!("the recipe as JSON: {e}")))?;
        return print(&format!("{value:#}\n"));
    }
    print(&text)
}

/// The recipe of a dataset of a family, in comments and keys.
///
/// # Errors
/// [`Error::Argument`] if there is no such family.
pub(super) fn of_dataset(name: &str) -> Result<String> {
    let entry = families::ENTRIES.find(name)?;
    let base = toml::toml! { family = name };
    let given = Recipe::from_table(base.clone(), TRIED)?;
    let defaults: Table = given.resolved(&*given.family()?).parse().map_err(|e| unreadable(&e))?;
    let own = format!("{name}.");
    let probe = |set: &[(&str, Value)]| {
        let recipe = with(&base, set).and_then(|table| Recipe::from_table(table, TRIED));
        // Of its own keys the family knows.
        let asked = recipe.and_then(|recipe| match set.iter().any(|(key, _)| key.starts_with(&own)) {
            true => recipe.family().map(drop),
            false => Ok(()),
        });
        asked.err().map(|e| e.to_string())
    };
    let mut to = Writer { probe: &probe, out: String::new() };
    to.comment(&format!("A dataset of the family {name}, for `fempipe generate`; every key is at its default."));
    to.comment(&format!("{}. After {}.", entry.help, entry.source));
    to.comment(&format!("Units: {}.", given.family()?.description().units));
    to.out.push('\n');
    let own = ["split", "labels", name];
    let mut table = defaults.clone();
    table.retain(|key, _| !own.contains(&key));
    let order = KEYS.map(|(key, _)| key).join(" ");
    to.table("", &keys(), &table, &order, false);
    let values = |key: &str| defaults.get(key).and_then(Value::as_table).cloned().unwrap_or_default();
    let what = |key: &str| KEYS.iter().find(|(known, _)| *known == key).map_or("", |(_, what)| what);
    to.comment(what("split"));
    to.out.push_str("[split]\n");
    to.table("split", &keys_of_split(), &values("split"), "train validation test", false);
    to.comment(what("labels"));
    // Its own documentation is the program's.
    to.section("labels", &without_description(as_json(&entry::schema::<Labels>())), &values("labels"), false);
    let schema = entry.schema.map_or(Json::Null, |schema| as_json(&schema()));
    to.comment(&format!("The keys of {name}."));
    to.section(name, &without_description(schema), &(entry.defaults)(), false);
    Ok(finished(to.out))
}

/// The training recipe of a model at its defaults, or the one for it and a family that comes with fempipe.
///
/// # Errors
/// [`Error::Argument`] if there is no such model, or no such recipe.
pub(super) fn of_training(name: &str, family: Option<&str>) -> Result<String> {
    let entry = models::ENTRIES.find(name)?;
    let base = toml::toml! {
        model = name
        data = "dataset.h5"
    };
    let shipped = family.map(|family| built_in(family, Some(name))).transpose()?;
    let recipe = match &shipped {
        Some(shipped) => shipped.recipe.clone(),
        None => TrainRecipe::parse(&base.to_string(), TRIED)?,
    };
    let order = recipe.to_toml()?;
    let mut defaults: Table = entry::to_table(&recipe);
    let probe = |set: &[(&str, Value)]| {
        let parsed = with(&base, set).and_then(|table| TrainRecipe::parse(&table.to_string(), TRIED));
        parsed.err().map(|e| e.to_string())
    };
    let mut to = Writer { probe: &probe, out: String::new() };
    match (&shipped, family) {
        (Some(shipped), Some(family)) => {
            to.comment(&format!("{} in full: {name} on {family}, for `fempipe train`.", shipped.path));
            shipped.remarks().for_each(|line| to.comment(line));
        }
        _ => to.comment(&format!("A training of {name}, for `fempipe train`; every key but data is at its default.")),
    }
    to.comment(&format!("{}. After {}.", entry.help, entry.source));
    if !entry.needs.is_empty() {
        to.comment(&format!("Needs: {}.", entry.needs));
    }
    to.out.push('\n');
    let own = defaults.remove(name).and_then(|own| own.as_table().cloned()).unwrap_or_default();
    to.table("", &as_json(&entry::schema::<TrainRecipe>()), &defaults, &order, false);
    let schema = entry.schema.map_or(Json::Null, |schema| as_json(&schema()));
    to.comment(&format!("The keys of {name}."));
    to.section(name, &without_description(schema), &own, false);
    Ok(finished(to.out))
}

/// An evaluation recipe with one row.
///
/// # Errors
/// None but mistakes of the program.
pub(super) fn of_evaluation() -> Result<String> {
    let base = toml::toml! {
        data = ["dataset.h5"]
        [[row]]
        ksp = "cg"
        pc = "icc"
    };
    let recipe = EvalRecipe::parse(&base.to_string(), TRIED)?;
    let order = toml::to_string(&recipe).map_err(|e| unreadable(&e))?;
    let mut defaults = entry::to_table(&recipe);
    let probe = |set: &[(&str, Value)]| {
        let mut table = base.clone();
        for (key, value) in set {
            let row = table.get_mut("row").and_then(Value::as_array_mut).and_then(|rows| rows[0].as_table_mut());
            match (key.strip_prefix("row."), row) {
                (Some(key), Some(row)) => drop(row.insert(key.into(), value.clone())),
                _ => assignments::set(&mut table, key, value.clone()).ok()?,
            }
        }
        EvalRecipe::parse(&table.to_string(), TRIED).err().map(|e| e.to_string())
    };
    let mut to = Writer { probe: &probe, out: String::new() };
    to.comment("An evaluation, for `fempipe evaluate`; every key but data and the row's is at its default.");
    to.out.push('\n');
    let row = defaults.remove("row").and_then(|rows| rows.as_array()?.first()?.as_table().cloned()).unwrap_or_default();
    let mut schema = as_json(&entry::schema::<EvalRecipe>());
    let rows = schema.get_mut("properties").and_then(Json::as_object_mut).and_then(|all| all.remove("row"));
    to.table("", &schema, &defaults, &order, false);
    if let Some(text) = rows.as_ref().and_then(values::description) {
        to.comment(&format!("{text} Repeat [[row]] for more."));
    }
    to.out.push_str("[[row]]\n");
    let row_schema = rows.as_ref().and_then(|rows| rows.get("items")).cloned().unwrap_or(Json::Null);
    to.table("row", &row_schema, &row, &order, false);
    Ok(finished(to.out))
}

/// A recipe with some keys set.
fn with(base: &Table, set: &[(&str, Value)]) -> Result<Table> {
    let mut table = base.clone();
    for (key, value) in set {
        assignments::set(&mut table, key, value.clone())?;
    }
    Ok(table)
}

/// The schema of a recipe's own keys but its tables.
fn keys() -> Json {
    let of = |key: &str, what: &str| {
        let kind = match key {
            "family" | "output" => "string",
            "compress" => "boolean",
            _ => "integer",
        };
        serde_json::json!({ "type": kind, "description": what })
    };
    let plain = KEYS.iter().filter(|(key, _)| !["split", "labels"].contains(key));
    let properties: serde_json::Map<_, _> = plain.map(|(key, what)| (key.to_string(), of(key, what))).collect();
    serde_json::json!({ "properties": properties })
}

/// The schema of `[split]`.
fn keys_of_split() -> Json {
    let set = |what: &str| serde_json::json!({ "description": what });
    serde_json::json!({ "properties": {
        "train": set("What networks are trained on."),
        "validation": set("What decides, during a training, which weights are best."),
        "test": set("What `fempipe evaluate` takes."),
    }})
}

fn without_description(mut schema: Json) -> Json {
    if let Some(object) = schema.as_object_mut() {
        object.remove("description");
    }
    schema
}

fn as_json(schema: &schemars::Schema) -> Json {
    schema.clone().to_value()
}

/// One line break at the end.
fn finished(text: String) -> String {
    format!("{}\n", text.trim_end())
}

fn unreadable(e: &dyn std::fmt::Display) -> Error {
    Error::Argument(format!("a recipe that fempipe wrote cannot be read: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keys of a text of which nothing is said above them.
    fn bare(text: &str) -> Vec<&str> {
        let lines: Vec<&str> = text.lines().collect();
        let keys =
            lines.windows(2).filter(|w| w[1].contains(" = ") && !w[1].starts_with('#') && !w[0].starts_with('#'));
        keys.map(|w| w[1]).collect()
    }

    #[test]
    fn what_is_printed_is_read_as_the_defaults_and_says_what_every_key_means() {
        for entry in families::ENTRIES.shipped() {
            let text = of_dataset(entry.name).unwrap();
            let printed = Recipe::parse(&text, "printed").unwrap();
            let plain = Recipe::parse(&format!("family = \"{}\"", entry.name), "plain").unwrap();
            let resolved = |recipe: &Recipe| recipe.resolved(&*recipe.family().unwrap());
            assert_eq!(resolved(&printed), resolved(&plain), "{text}");
            assert_eq!(bare(&text), [""; 0], "{text}");
        }
        for entry in models::ENTRIES.shipped() {
            let text = of_training(entry.name, None).unwrap();
            let printed = TrainRecipe::parse(&text, "printed").unwrap();
            let plain = format!("model = \"{}\"\ndata = \"dataset.h5\"", entry.name);
            assert_eq!(printed, TrainRecipe::parse(&plain, "plain").unwrap(), "{text}");
            assert_eq!(bare(&text), [""; 0], "{text}");
            for shipped in entry.default_member().unwrap().recipes() {
                let text = of_training(entry.name, Some(shipped.family)).unwrap();
                let there = built_in(shipped.family, Some(entry.name)).unwrap().recipe;
                assert_eq!(TrainRecipe::parse(&text, "printed").unwrap(), there, "{text}");
            }
        }
        let text = of_evaluation().unwrap();
        let plain = "data = ['dataset.h5']\n[[row]]\nksp = 'cg'\npc = 'icc'";
        assert_eq!(EvalRecipe::parse(&text, "printed").unwrap(), EvalRecipe::parse(plain, "plain").unwrap());
        assert_eq!(bare(&text), [""; 0], "{text}");
    }

    #[test]
    fn ranges_are_what_the_parser_answers() {
        let text = of_dataset("darcy").unwrap();
        for line in ["# A whole number from 2 to 2048.", "# A number from 0.01 to 1000.", "#   \"p1\": Linear elements"]
        {
            assert!(text.contains(line), "{line} in {text}");
        }
        assert!(of_training("spai-gnn", None).unwrap().contains("# A whole number from 1 to 256.\nwidth = "));
    }
}
