//! `name(value, key = value)`: how methods and preconditioners are written in one line of a recipe or command.
//!
//! `gmres(50)` and the table `{ type = "gmres", restart = 50 }` mean the same and go through the same check.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, Error as _, MapAccess, Visitor};
use serde_json::{Map, Value};

use crate::error::{Error, Result};

/// Reads `name`, `name(value)` or `name(value, key = value)`; `positional(name)` names the keys of bare values.
///
/// # Errors
/// [`Error::Argument`] with `what` and the text if it is malformed, unknown or out of range.
pub fn parse<T: DeserializeOwned>(
    what: &str,
    text: &str,
    positional: fn(&str) -> &'static [&'static str],
) -> Result<T> {
    let table = to_table(text, positional).map_err(|e| Error::Argument(format!("{what} \"{text}\": {e}")))?;
    serde_json::from_value(Value::Object(table))
        .map_err(|e| Error::Argument(format!("{what} \"{text}\": {e}")))
}

fn to_table(
    text: &str,
    positional: fn(&str) -> &'static [&'static str],
) -> std::result::Result<Map<String, Value>, String> {
    let text = text.trim();
    let (name, arguments) = match text.split_once('(') {
        None => (text, ""),
        Some((name, rest)) => match rest.strip_suffix(')') {
            Some(inside) => (name.trim(), inside.trim()),
            None => return Err("the closing parenthesis is missing".into()),
        },
    };
    let mut table = Map::new();
    table.insert("type".into(), Value::String(name.into()));
    let mut keys = positional(name).iter();
    for argument in list(arguments).into_iter().filter(|_| !arguments.is_empty()) {
        let (key, value) = match argument.split_once('=') {
            Some((key, value)) => (key.trim(), value.trim()),
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

/// Deserialises `T` from its one-line text or, through `Table`, from a table.
///
/// # Errors
/// The deserialiser's error, with the text's own message where it was a text.
pub fn text_or_table<'de, T, Table, D>(deserializer: D) -> std::result::Result<T, D::Error>
where
    T: FromStr<Err = Error> + TryFrom<Table, Error = Error>,
    Table: serde::Deserialize<'de>,
    D: serde::Deserializer<'de>,
{
    struct Either<T, Table>(PhantomData<(T, Table)>);
    impl<'de, T, Table> Visitor<'de> for Either<T, Table>
    where
        T: FromStr<Err = Error> + TryFrom<Table, Error = Error>,
        Table: serde::Deserialize<'de>,
    {
        type Value = T;
        fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
            f.write_str("a text such as \"name(value)\" or a table with a \"type\"")
        }
        fn visit_str<E: serde::de::Error>(self, text: &str) -> std::result::Result<T, E> {
            text.parse().map_err(E::custom)
        }
        fn visit_map<A: MapAccess<'de>>(self, map: A) -> std::result::Result<T, A::Error> {
            Table::deserialize(MapAccessDeserializer::new(map))
                .and_then(|table| T::try_from(table).map_err(A::Error::custom))
        }
    }
    deserializer.deserialize_any(Either(PhantomData))
}

#[cfg(test)]
mod tests {
    use super::list;

    #[test]
    fn commas_inside_parentheses_belong_to_their_item() {
        assert_eq!(
            list("cg, gcrodr(20, 8),gmres(5, side = left)"),
            ["cg", "gcrodr(20, 8)", "gmres(5, side = left)"]
        );
        assert_eq!(list("cg"), ["cg"]);
        // Unbalanced items stay whole for the parser to name.
        assert_eq!(list("gmres(5,cg"), ["gmres(5,cg"]);
        assert_eq!(list("gmres)5,cg"), ["gmres)5", "cg"]);
    }
}
