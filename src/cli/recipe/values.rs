//! What values a key takes, in words: its type and named values from the schema, its range from the parser.

use serde_json::Value;

/// What a schema says of a value.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Values {
    /// Types in words, with their article: "a number".
    pub types: Vec<String>,
    /// Named values with what they stand for.
    pub named: Vec<(String, String)>,
    /// A number, or a list of numbers of this length, that can be tried against the range; 0 for a plain number.
    pub tried: Option<(Number, usize)>,
}

/// A kind of number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Number {
    Whole,
    Real,
}

impl Values {
    /// Of a property's schema.
    pub fn of(schema: &Value) -> Self {
        let mut values = Values::default();
        values.add(schema);
        values
    }

    fn add(&mut self, schema: &Value) {
        for alternative in ["oneOf", "anyOf"].iter().filter_map(|key| schema.get(key)?.as_array()).flatten() {
            self.add(alternative);
        }
        let said = description(schema).unwrap_or_default();
        if let Some(value) = schema.get("const").and_then(Value::as_str) {
            return self.named.push((value.into(), said));
        }
        if let Some(values) = schema.get("enum").and_then(Value::as_array) {
            return self.named.extend(values.iter().filter_map(|v| Some((v.as_str()?.to_string(), String::new()))));
        }
        let types = match schema.get("type") {
            Some(Value::String(one)) => vec![one.as_str()],
            Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        for name in types {
            let words = match name {
                "integer" => "a whole number".into(),
                "number" => "a number".into(),
                "string" => "a text".into(),
                "boolean" => "true or false".into(),
                "array" => list(schema),
                _ => continue,
            };
            if !self.types.contains(&words) {
                self.types.push(words);
            }
            self.tried = self.tried.or(number(schema, name));
        }
    }

    /// "A whole number from 1 to 64.": types and range, without the named values.
    pub fn sentence(&self, range: Option<&str>) -> Option<String> {
        let types = self.types.join(" or ");
        let text = match range {
            Some(range) if range.starts_with("a ") || range.starts_with("true") || types.is_empty() => range.into(),
            Some(range) if ["from ", "at ", "above ", "below ", "between "].iter().any(|w| range.starts_with(w)) => {
                format!("{types} {range}")
            }
            Some(range) => format!("{types}; must be {range}"),
            None if types.is_empty() => return None,
            None => types,
        };
        let mut letters = text.chars();
        let first = letters.next()?;
        Some(format!("{}{}", first.to_uppercase(), letters.as_str()))
    }
}

/// What a schema's documentation says, in one line.
pub(super) fn description(schema: &Value) -> Option<String> {
    let text = schema.get("description")?.as_str()?;
    // Links of the documentation have no meaning here.
    let text = text.replace("[`", "`").replace("`]", "`");
    Some(text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// A list in words.
fn list(schema: &Value) -> String {
    let item = schema.get("items").map(Values::of).unwrap_or_default();
    let length = schema.get("minItems").filter(|n| schema.get("maxItems") == Some(n)).and_then(Value::as_u64);
    let length = length.map_or(String::new(), |n| format!("{n} "));
    let of = match item.types.first().map(String::as_str) {
        Some("a whole number") => "whole numbers",
        Some("a number") => "numbers",
        Some("a text") => "texts",
        Some(list) if list.starts_with("a list") => return format!("a list of {length}lists, each {list}"),
        None if schema.get("items").is_some_and(|of| of.get("properties").is_some()) => "tables",
        _ => "names",
    };
    format!("a list of {length}{of}")
}

/// What of this type can be tried.
fn number(schema: &Value, name: &str) -> Option<(Number, usize)> {
    match name {
        "integer" => Some((Number::Whole, 0)),
        "number" => Some((Number::Real, 0)),
        "array" => {
            let (kind, inner) = Values::of(schema.get("items")?).tried?;
            let length = schema.get("minItems").and_then(Value::as_u64).unwrap_or(1).max(1);
            (inner == 0).then_some((kind, length as usize))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn types_names_and_ranges_make_a_sentence() {
        let whole = Values::of(&json!({ "type": ["integer", "null"], "description": "Cells." }));
        assert_eq!(whole.sentence(Some("from 2 to 9")).unwrap(), "A whole number from 2 to 9");
        assert_eq!(whole.sentence(Some("positive")).unwrap(), "A whole number; must be positive");
        assert_eq!(whole.sentence(Some("a whole number from 1 to 3")).unwrap(), "A whole number from 1 to 3");
        let pair = Values::of(&json!({ "type": "array", "items": { "type": "number" }, "minItems": 2, "maxItems": 2 }));
        assert_eq!(
            (pair.sentence(None).unwrap().as_str(), pair.tried),
            ("A list of 2 numbers", Some((Number::Real, 2)))
        );
        let mixed =
            json!({ "anyOf": [{ "type": "number" }, { "oneOf": [{ "const": "sine", "description": "f = 1" }] }] });
        let mixed = Values::of(&mixed);
        assert_eq!(mixed.named, [("sine".to_string(), "f = 1".to_string())]);
        assert_eq!(mixed.sentence(None).unwrap(), "A number");
    }
}
