//! `name(value, key = value)`: how methods and preconditioners are written in one line of a recipe or command.
//!
//! `gmres(50)` and the table `{ type = "gmres", restart = 50 }` mean the same [`Spec`] and go through the same check.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;
use std::sync::Arc;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use toml::{Table, Value};

use crate::entry::{Configuration, Entry, Registry};
use crate::error::{Error, Result};

/// A kind of open set whose members are written `name(value, key = value)`; the trait object of the members
/// implements it.
pub trait Kind: Configuration + 'static {
    /// All members.
    fn registry() -> &'static Registry<Self>;

    /// What stands in the parentheses of the label, where the rule of [`Spec`]'s `Display` does not do.
    fn arguments(&self) -> Option<String> {
        None
    }
}

/// A member of an open set with its parameters, read from `name(value, key = value)` or from a table with a `type`.
///
/// Printed, it is a label: the first positional key, and by name those that are not at their defaults, as `icc(0)` or
/// `gmres(30, side = left)`. Serialised, every key is written, so that it means the same under other defaults.
/// Two are equal if name and parameters are. Cloning is cheap.
pub struct Spec<T: Kind + ?Sized>(Arc<Parsed<T>>);

struct Parsed<T: ?Sized + 'static> {
    entry: &'static Entry<T>,
    /// Every key with its value.
    table: Table,
    member: Box<T>,
}

impl<T: Kind + ?Sized> Spec<T> {
    /// The member that `entry` lists, with these parameters.
    pub fn new(entry: &'static Entry<T>, member: Box<T>) -> Self {
        let table = member.table();
        Spec(Arc::new(Parsed { entry, table, member }))
    }

    /// From a table of keys; `origin` says where it stands.
    ///
    /// # Errors
    /// [`Error::Argument`] for an unknown name; as [`Entry::parse`] for its keys.
    pub fn read(name: &str, table: &Table, origin: &str) -> Result<Self> {
        let entry = T::registry().find(name)?;
        Ok(Spec::new(entry, entry.parse(table, origin)?))
    }

    /// The name without parameters.
    pub fn name(&self) -> &'static str {
        self.0.entry.name
    }

    /// Where it is listed.
    pub fn entry(&self) -> &'static Entry<T> {
        self.0.entry
    }

    /// Every key with its value.
    pub fn table(&self) -> &Table {
        &self.0.table
    }

    /// The member itself.
    pub fn member(&self) -> &T {
        &self.0.member
    }

    /// The same with another value of one key.
    ///
    /// # Errors
    /// As [`Entry::parse`].
    pub fn with(&self, key: &str, value: impl Into<Value>) -> Result<Self> {
        let mut table = self.0.table.clone();
        table.insert(key.into(), value.into());
        Spec::read(self.name(), &table, T::registry().kind())
    }

    /// The arguments of the label.
    fn arguments(&self) -> String {
        let Parsed { entry, table, member } = &*self.0;
        if let Some(own) = member.arguments() {
            return own;
        }
        let defaults = (entry.defaults)();
        let (first, other) = match entry.positional.split_first() {
            Some((first, other)) => (table.get(*first).map(text), other),
            None => (None, &[][..]),
        };
        let changed = |key: &&str| table.get(*key).is_some_and(|v| defaults.get(*key) != Some(v));
        let keys = other.iter().copied().chain(self.named_only());
        let named = keys.filter(changed).map(|key| named(key, &table[key]));
        first.into_iter().chain(named).collect::<Vec<_>>().join(", ")
    }

    /// Keys that no bare value stands for.
    fn named_only(&self) -> impl Iterator<Item = &str> {
        let positional = self.0.entry.positional;
        let keys = self.0.table.keys().map(String::as_str);
        keys.filter(move |key| !positional.contains(key))
    }

    /// The text with every key, where reading it gives the same again: not with arrays, nor with a string such as "7"
    /// or "a, b".
    fn in_full(&self) -> Option<String> {
        let Parsed { entry, table, .. } = &*self.0;
        let given = |key: &&&str| table.contains_key(**key);
        let bare = entry.positional.iter().take_while(given).count();
        let mut arguments: Vec<String> = entry.positional[..bare].iter().map(|key| text(&table[*key])).collect();
        let others = entry.positional[bare..].iter().filter(given).copied();
        arguments.extend(others.chain(self.named_only()).map(|key| named(key, &table[key])));
        let arguments = arguments.join(", ");
        // Strings alone can be read as something else; what is nested in them is not read again.
        let read = to_table(&arguments, entry.positional).ok()?;
        let same = table.iter().all(|(key, value)| match value {
            Value::String(_) => read.get(key) == Some(value),
            Value::Array(_) | Value::Table(_) => false,
            _ => true,
        });
        (same && read.len() == table.len()).then(|| joined(entry.name, &arguments))
    }
}

fn joined(name: &str, arguments: &str) -> String {
    match arguments {
        "" => name.into(),
        _ => format!("{name}({arguments})"),
    }
}

fn named(key: &str, value: &Value) -> String {
    format!("{key} = {}", text(value))
}

fn text(value: &Value) -> String {
    match value {
        Value::String(s) => s.clone(),
        Value::Float(f) => short(*f),
        other => other.to_string(),
    }
}

/// A number with an exponent where that is shorter than many zeros.
fn short(v: f64) -> String {
    match v.abs() {
        size if size == 0.0 || (1e-7..1e15).contains(&size) => v.to_string(),
        _ => format!("{v:e}"),
    }
}

impl<T: Kind + ?Sized> Clone for Spec<T> {
    fn clone(&self) -> Self {
        Spec(self.0.clone())
    }
}

impl<T: Kind + ?Sized> PartialEq for Spec<T> {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name() && self.table() == other.table()
    }
}

impl<T: Kind + ?Sized> fmt::Display for Spec<T> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&joined(self.name(), &self.arguments()))
    }
}

impl<T: Kind + ?Sized> fmt::Debug for Spec<T> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{} {:?}", self.name(), self.table())
    }
}

impl<T: Kind + ?Sized> FromStr for Spec<T> {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        let text = text.trim();
        let what = format!("{} \"{text}\"", T::registry().kind());
        let bad = |reason: String| Error::Argument(format!("{what}: {reason}"));
        if depth(text) > DEEPEST {
            return Err(Error::Argument(format!("{} nested more than {DEEPEST} deep", T::registry().kind())));
        }
        let (name, arguments) = split(text).map_err(bad)?;
        let entry = T::registry().find(name)?;
        let table = to_table(arguments, entry.positional).map_err(bad)?;
        Ok(Spec::new(entry, entry.parse(&table, &what)?))
    }
}

impl<'de, T: Kind + ?Sized> Deserialize<'de> for Spec<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_any(TextOrTable(PhantomData))
    }
}

impl<T: Kind + ?Sized> schemars::JsonSchema for Spec<T> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::registry().kind().into()
    }

    /// A text; what it may say is the registry's to say.
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string" })
    }
}

struct TextOrTable<T: ?Sized>(PhantomData<fn() -> Box<T>>);

impl<'de, T: Kind + ?Sized> Visitor<'de> for TextOrTable<T> {
    type Value = Spec<T>;
    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a text such as \"name(value)\" or a table with a \"type\"")
    }
    fn visit_str<E: serde::de::Error>(self, text: &str) -> std::result::Result<Spec<T>, E> {
        text.parse().map_err(E::custom)
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> std::result::Result<Spec<T>, A::Error> {
        let mut table = Table::deserialize(MapAccessDeserializer::new(map))?;
        match table.remove("type") {
            Some(Value::String(name)) => Spec::read(&name, &table, T::registry().kind()).map_err(A::Error::custom),
            _ => Err(A::Error::custom(format!(
                "the table of a {} needs a type, as in {{ type = \"{}\" }}",
                T::registry().kind(),
                T::registry().names().first().unwrap_or(&"")
            ))),
        }
    }
}

impl<T: Kind + ?Sized> Serialize for Spec<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match self.in_full() {
            Some(text) => serializer.serialize_str(&text),
            None => {
                let mut table = self.table().clone();
                table.insert("type".into(), self.name().into());
                table.serialize(serializer)
            }
        }
    }
}

/// How deep specs nest at most: each level is a call in a call.
const DEEPEST: usize = 32;

/// The most parentheses that are open at once.
fn depth(text: &str) -> usize {
    let (mut open, mut most) = (0_usize, 0);
    for c in text.chars() {
        match c {
            '(' => open += 1,
            ')' => open = open.saturating_sub(1),
            _ => {}
        }
        most = most.max(open);
    }
    most
}

/// Name and arguments of `name` or `name(arguments)`.
fn split(text: &str) -> std::result::Result<(&str, &str), String> {
    match text.split_once('(') {
        None => Ok((text, "")),
        Some((name, rest)) => match rest.strip_suffix(')') {
            Some(inside) => Ok((name.trim(), inside.trim())),
            None => Err("the closing parenthesis is missing".into()),
        },
    }
}

/// The table that `value, key = value` stands for.
fn to_table(arguments: &str, positional: &[&str]) -> std::result::Result<Table, String> {
    let mut table = Table::new();
    let mut keys = positional.iter();
    for argument in list(arguments).into_iter().filter(|_| !arguments.is_empty()) {
        let (key, value) = match assignment(argument) {
            Some(parts) => parts,
            None => match keys.next() {
                Some(key) => (*key, argument),
                None => return Err(format!("\"{argument}\" needs a name: write key = value")),
            },
        };
        if table.insert(key.into(), scalar(value)).is_some() {
            return Err(format!("{key} is given twice"));
        }
    }
    Ok(table)
}

/// Both sides of the first `=` that stands outside parentheses.
fn assignment(text: &str) -> Option<(&str, &str)> {
    let (key, value) = text.split_once('=')?;
    (!key.contains('(')).then(|| (key.trim(), value.trim()))
}

fn scalar(text: &str) -> Value {
    if let Ok(i) = text.parse::<i64>() {
        return i.into();
    }
    match (text.parse::<f64>(), text.parse::<bool>()) {
        (Ok(f), _) if f.is_finite() => f.into(),
        (_, Ok(b)) => b.into(),
        _ => text.into(),
    }
}

/// The items of `a,b(1, 2),c`: commas inside parentheses do not separate.
pub fn list(text: &str) -> Vec<&str> {
    let (mut items, mut depth, mut start) = (Vec::new(), 0_i32, 0);
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth <= 0 => {
                items.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    items.push(text[start..].trim());
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_inside_parentheses_belong_to_their_item() {
        assert_eq!(list("cg, gcrodr(20, 8),gmres(5, side = left)"), ["cg", "gcrodr(20, 8)", "gmres(5, side = left)"]);
        assert_eq!(list("cg"), ["cg"]);
        // Unbalanced items stay whole for the parser to name.
        assert_eq!(list("gmres(5,cg"), ["gmres(5,cg"]);
        assert_eq!(list("gmres)5,cg"), ["gmres)5", "cg"]);
    }

    #[test]
    fn a_nested_text_is_one_value() {
        let table = to_table("20, icc(0, shift = none)", &["k", "one-level"]).unwrap();
        assert_eq!(table["one-level"].as_str(), Some("icc(0, shift = none)"));
        let table = to_table("inner = icc(0, shift = none)", &[]).unwrap();
        assert_eq!(table["inner"].as_str(), Some("icc(0, shift = none)"));
    }

    trait Sign: Configuration {}

    #[derive(serde::Serialize, serde::Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Board {
        text: String,
        size: f64,
    }

    impl Default for Board {
        fn default() -> Self {
            Board { text: "open".into(), size: 2.0 }
        }
    }

    impl Sign for Board {}

    static BOARD: Entry<dyn Sign> = Entry {
        name: "board",
        help: "",
        source: "",
        needs: "",
        positional: &["text"],
        defaults: crate::entry::defaults::<Board>,
        schema: None,
        parse: |table, name, origin| Ok(Box::new(crate::entry::config::<Board>(table, name, origin)?)),
    };
    static SIGNS: Registry<dyn Sign> = Registry::new("sign", &[&BOARD]);

    impl Kind for dyn Sign {
        fn registry() -> &'static Registry<Self> {
            &SIGNS
        }
    }

    #[derive(serde::Serialize, serde::Deserialize)]
    struct Holder {
        sign: Spec<dyn Sign>,
    }

    #[test]
    fn what_is_written_reads_back_as_itself() {
        for text in ["7", "true", "1e3", "a, b", "a = b", "(", " a", "", "open", "a(1, 2)"] {
            let board = toml::toml! { size = 2.5 };
            let sign = Spec::read("board", &board, "test").unwrap().with("text", text).unwrap();
            let written = toml::to_string(&Holder { sign: sign.clone() }).unwrap();
            let read: Holder = toml::from_str(&written).unwrap_or_else(|e| panic!("{written}: {e}"));
            assert!(read.sign == sign, "{written}");
        }
    }
}
