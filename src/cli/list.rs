//! `fempipe families`, `models`, `solvers` and `preconditioners`: what there is, from the tables.

use serde_json::{Value, json};

use super::Common;
use super::output::print;
use crate::entry::{Entry, Registry};
use crate::error::{Error, Result};
use crate::notation::{Kind, Spec};

/// What all listings are asked.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only this one
    name: Option<String>,
}

/// Lists the members of a table: name, parameters with their defaults, what they need, source.
///
/// # Errors
/// [`Error::Argument`] if there is no member of the name asked for.
pub fn run<T: ?Sized>(registry: &Registry<T>, args: &Args, common: &Common) -> Result<()> {
    let members = match &args.name {
        Some(name) => vec![registry.find(name)?],
        None => registry.all(),
    };
    if common.json {
        let members = members.into_iter().map(as_json).collect::<Result<Vec<_>>>()?;
        return print(&format!("{:#}\n", Value::Array(members)));
    }
    let texts: Vec<String> = members.into_iter().map(as_text).collect();
    print(&texts.join("\n"))
}

/// The members as they are written with their defaults, for the help of options.
pub fn labels<T: Kind + ?Sized>() -> String {
    let all = T::registry().all().into_iter();
    let specs = all.map(|e| Spec::<T>::read(e.name, &(e.defaults)(), "defaults"));
    let labels = specs.flatten().map(|spec| spec.to_string());
    labels.collect::<Vec<_>>().join(", ")
}

fn as_text<T: ?Sized>(entry: &Entry<T>) -> String {
    let keys: Vec<String> = (entry.defaults)().iter().map(|(k, v)| format!("{k} = {v}")).collect();
    let mut out = format!("{}\n    {}\n", entry.name, entry.help);
    for (what, text) in [("parameters", keys.join(", ").as_str()), ("needs", entry.needs), ("source", entry.source)] {
        if !text.is_empty() {
            out.push_str(&format!("    {what:<12}{text}\n"));
        }
    }
    out
}

fn as_json<T: ?Sized>(entry: &Entry<T>) -> Result<Value> {
    let parameters = serde_json::to_value((entry.defaults)())
        .map_err(|e| Error::Argument(format!("defaults of {}: {e}", entry.name)))?;
    Ok(json!({
        "name": entry.name, "help": entry.help, "parameters": parameters, "positional": entry.positional,
        "needs": entry.needs, "source": entry.source,
    }))
}
