//! A recipe as TOML with comments: above every key what it means and which values it takes.
//!
//! Names, meanings and types come from the schema of the type that the parser reads; ranges from the parser itself,
//! which is given a number that is far too large and one far too small and asked what would be right.

use std::cell::Cell;

use serde_json::Value as Json;
use toml::{Table, Value};

use super::values::{Number, Values, description};
use crate::io::text::wrap;

/// Columns of a line of comment.
const WIDTH: usize = 100;

/// Numbers that are too small and too large for anything; the largest come last, for keys that take nearly all.
const WHOLE: [i64; 3] = [-1, 4_000_000_000, i64::MAX];
const REAL: [f64; 2] = [-1e300, 1e300];

/// Sets dotted keys of the recipe to values and parses it: the parser's complaint, None where it is content.
pub(super) type Probe<'a> = dyn Fn(&[(&str, Value)]) -> Option<String> + 'a;

/// Writes tables of keys.
pub(super) struct Writer<'a> {
    pub probe: &'a Probe<'a>,
    pub out: String,
}

impl Writer<'_> {
    /// Comment lines of a text.
    pub fn comment(&mut self, text: &str) {
        for line in wrap(text, WIDTH - 2) {
            self.out.push_str(&format!("# {line}\n"));
        }
    }

    /// The keys of the table at `path` (empty for the recipe itself): those of `schema`, at `values` where they are
    /// there. `order` is a text that names the keys in their order. With `off` every line is a comment.
    pub fn table(&mut self, path: &str, schema: &Json, values: &Table, order: &str, off: bool) {
        let properties = properties(schema, values);
        let named = |key: &String| properties.iter().any(|(name, _)| *name == key);
        let mut keys: Vec<(&str, Option<&Json>)> =
            properties.iter().map(|(name, s)| (name.as_str(), Some(*s))).collect();
        keys.extend(values.keys().filter(|key| !named(key)).map(|key| (key.as_str(), None)));
        keys.sort_by_key(|(key, _)| place(order, key));
        let is_table = |key: &str, schema: Option<&Json>| match values.get(key) {
            Some(value) => value.is_table(),
            None => schema.is_some_and(has_properties),
        };
        let (tables, plain): (Vec<_>, Vec<_>) = keys.into_iter().partition(|(key, schema)| is_table(key, *schema));
        let kinds: Vec<(String, String)> = plain
            .iter()
            .filter_map(|(key, schema)| Some((joined(path, key), Values::of((*schema)?).named)))
            .flat_map(|(key, named)| named.into_iter().map(move |(value, _)| (key.clone(), value)))
            .collect();
        for (key, schema) in plain {
            self.key(path, key, schema, values.get(key), (off, &kinds));
        }
        for (key, schema) in tables {
            let path = joined(path, key);
            let off = off || !values.contains_key(key);
            let empty = Table::new();
            let given = values.get(key).and_then(Value::as_table).unwrap_or(&empty);
            let nothing = Json::Null;
            self.section(&path, schema.unwrap_or(&nothing), given, off);
        }
    }

    /// A table with its heading; its keys in the order in which the parser names them.
    pub fn section(&mut self, path: &str, schema: &Json, values: &Table, off: bool) {
        if let Some(text) = description(schema) {
            self.comment(&text);
        }
        self.variants(schema);
        self.out.push_str(&format!("{}[{path}]\n", if off { "# " } else { "" }));
        let order = (self.probe)(&[(&format!("{path}.?"), Value::Boolean(true))]).unwrap_or_default();
        self.table(path, schema, values, &order, off);
    }

    /// The kinds of a table that a key tells apart, with their own keys.
    fn variants(&mut self, schema: &Json) {
        for variant in alternatives(schema) {
            let Some(properties) = variant.get("properties").and_then(Json::as_object) else { continue };
            let tag = properties.iter().find_map(|(key, s)| Some((key, s.get("const")?.as_str()?)));
            let Some((tag, value)) = tag else { continue };
            let keys: Vec<&str> = properties.keys().filter(|key| *key != tag).map(String::as_str).collect();
            let keys = if keys.is_empty() { String::new() } else { format!(" Keys: {}.", keys.join(", ")) };
            let what = description(variant).unwrap_or_default();
            self.comment(&format!("{tag} = \"{value}\": {what}{keys}"));
        }
    }

    /// One key with its comment; `kinds` are the named values of the keys beside it.
    fn key(
        &mut self,
        path: &str,
        key: &str,
        schema: Option<&Json>,
        given: Option<&Value>,
        (off, kinds): (bool, &[(String, String)]),
    ) {
        let full = joined(path, key);
        // What is not written out shows the default that it has.
        let value = given.cloned().or_else(|| schema.and_then(|s| as_toml(s.get("default")?)));
        if let Some(schema) = schema {
            if let Some(text) = description(schema) {
                self.comment(&text);
            }
            let values = Values::of(schema);
            let range = values.tried.and_then(|tried| self.range(&full, tried, kinds));
            let sentence = values.sentence(range.as_deref());
            match (sentence, values.named.is_empty(), value.is_some()) {
                (Some(text), true, true) => self.comment(&format!("{text}.")),
                (Some(text), true, false) => self.comment(&format!("{text}; not set.")),
                (Some(text), false, _) => self.comment(&format!("{text}, or one of:")),
                (None, false, _) => self.comment("One of:"),
                (None, true, _) => {}
            }
            for (name, what) in &values.named {
                let what = if what.is_empty() { String::new() } else { format!(": {what}") };
                for (k, line) in wrap(&format!("\"{name}\"{what}"), WIDTH - 8).iter().enumerate() {
                    self.out.push_str(&format!("#   {}{line}\n", if k > 0 { "  " } else { "" }));
                }
            }
        }
        let off = if off || given.is_none() { "# " } else { "" };
        let value = value.as_ref().map_or("…".into(), written);
        self.out.push_str(&format!("{off}{key} = {value}\n\n"));
    }

    /// What the parser says a number must be, without "must be". Where it complains of something else, as that the key
    /// has no meaning beside the others, it is asked with other kinds of what stands beside.
    fn range(&self, key: &str, (number, length): (Number, usize), kinds: &[(String, String)]) -> Option<String> {
        let bad: Vec<Value> = match number {
            Number::Whole => WHOLE.map(Value::Integer).into(),
            Number::Real => REAL.map(Value::Float).into(),
        };
        let unanswered = Cell::new(false);
        let ask = |beside: Option<&(String, String)>| -> Vec<String> {
            let answers = bad.iter().filter_map(|value| {
                let value = if length == 0 { value.clone() } else { Value::Array(vec![value.clone(); length]) };
                let mut set = vec![(key, value)];
                set.extend(beside.map(|(key, kind)| (key.as_str(), Value::String(kind.clone()))));
                let complaint = (self.probe)(&set)?;
                let right = complaint.rsplit_once("must be ").map(|(_, right)| right.trim_end_matches('.').to_string());
                unanswered.set(unanswered.get() || right.is_none());
                right
            });
            answers.collect()
        };
        let mut said = ask(None);
        if said.is_empty() && unanswered.get() {
            said = kinds.iter().map(|kind| ask(Some(kind))).find(|said| !said.is_empty()).unwrap_or_default();
        }
        // That a type cannot hold the number says less than the range.
        let said = said.iter().find(|text| text.contains("from ") && !text.contains("4294967295")).or(said.last())?;
        Some(said.split(' ').map(shorter).collect::<Vec<_>>().join(" "))
    }
}

/// A number with an exponent where that is shorter.
fn shorter(word: &str) -> String {
    let exponent = word.parse::<f64>().ok().map(|v| format!("{v:e}"));
    exponent.filter(|text| text.len() + 3 < word.len()).unwrap_or_else(|| word.into())
}

/// The schemas that one of several is, but for null.
fn alternatives(schema: &Json) -> impl Iterator<Item = &Json> {
    let lists = ["oneOf", "anyOf"].into_iter().filter_map(|key| schema.get(key)?.as_array());
    lists.flatten().filter(|s| s.get("type").and_then(Json::as_str) != Some("null"))
}

/// Whether a schema is that of a table.
fn has_properties(schema: &Json) -> bool {
    schema.get("properties").is_some() || alternatives(schema).any(has_properties)
}

/// The keys of a table's schema; where a key tells kinds of it apart, those of the kind that `values` are of.
fn properties<'a>(schema: &'a Json, values: &Table) -> Vec<(&'a String, &'a Json)> {
    if let Some(own) = schema.get("properties").and_then(Json::as_object) {
        return own.iter().collect();
    }
    let is = |variant: &&Json| {
        let tags = variant.get("properties").and_then(Json::as_object).into_iter().flatten();
        tags.filter_map(|(key, s)| Some((key, s.get("const")?.as_str()?)))
            .all(|(key, tag)| values.get(key.as_str()).and_then(Value::as_str) == Some(tag))
    };
    let of_kind = alternatives(schema).filter(|s| has_properties(s)).find(is);
    of_kind.map_or(Vec::new(), |variant| properties(variant, values))
}

/// Where a text names a key as a word of its own; at its end where it does not.
fn place(text: &str, key: &str) -> usize {
    let inside = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    let whole = |&(at, _): &(usize, &str)| !text[..at].ends_with(inside) && !text[at + key.len()..].starts_with(inside);
    text.match_indices(key).find(whole).map_or(text.len(), |(at, _)| at)
}

fn joined(path: &str, key: &str) -> String {
    if path.is_empty() { key.into() } else { format!("{path}.{key}") }
}

/// A default of a schema.
fn as_toml(value: &Json) -> Option<Value> {
    Value::try_from(value).ok()
}

/// A value as TOML, with an exponent where that is shorter.
fn written(value: &Value) -> String {
    match value {
        Value::Float(v) if *v != 0.0 && !(1e-3..1e6).contains(&v.abs()) => format!("{v:e}"),
        Value::Array(all) => format!("[{}]", all.iter().map(written).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}
