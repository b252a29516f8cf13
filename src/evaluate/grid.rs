//! Rows that stand for several: lists of methods and preconditioners, and alternatives in braces.
//!
//! ```toml
//! [[row]]
//! ksp = ["cg", "minres"]
//! pc = ["icc", "ict({0.1,0.01})"]   # icc, ict(0.1), ict(0.01), each with cg and with minres
//! ```

use toml::{Table, Value};

use crate::error::{Error, Result};

/// Keys that may be lists or hold braces, the one that changes last first. A list of models is one a dataset.
const KEYS: [&str; 5] = ["ksp", "pc", "space", "guess", "filter"];

/// Rows that one may stand for at most.
const MOST: usize = 10_000;

/// The rows of a recipe with each that stands for several replaced by these, or None if there is no such row. A label
/// is followed by what its rows differ in.
///
/// # Errors
/// [`Error::Recipe`] if a list is empty, a brace is not closed, or there are too many rows.
pub fn expanded(recipe: &Table, origin: &str) -> Result<Option<Table>> {
    let Some(rows) = recipe.get("row").and_then(Value::as_array) else { return Ok(None) };
    let mut out = Vec::new();
    for (number, row) in rows.iter().enumerate() {
        let Some(row) = row.as_table() else { return Ok(None) };
        let bad = |reason: String| Error::recipe(origin, format!("row {}: {reason}", number + 1));
        let mut several = vec![(row.clone(), Vec::new())];
        for key in KEYS {
            let Some(value) = row.get(key) else { continue };
            let choices = choices(value).map_err(|why| bad(format!("{key} = {value}: {why}")))?;
            if choices.len() == 1 && choices[0] == *value {
                continue;
            }
            several = several
                .iter()
                .flat_map(|(row, differs): &(Table, Vec<String>)| {
                    choices.iter().map(move |choice| {
                        let (mut row, mut differs) = (row.clone(), differs.clone());
                        row.insert(key.into(), choice.clone());
                        differs.push(choice.as_str().map_or_else(|| choice.to_string(), str::to_string));
                        (row, differs)
                    })
                })
                .collect();
            if several.len() > MOST {
                return Err(bad(format!("stands for more than {MOST} rows")));
            }
        }
        for (mut row, differs) in several {
            if let (Some(Value::String(label)), false) = (row.get_mut("label"), differs.is_empty()) {
                *label = format!("{label}, {}", differs.join(", "));
            }
            out.push(Value::Table(row));
        }
    }
    if out.len() == rows.len() {
        return Ok(None);
    }
    let mut recipe = recipe.clone();
    recipe.insert("row".into(), Value::Array(out));
    Ok(Some(recipe))
}

/// What a value stands for: itself, each item of a list, each alternative in braces.
fn choices(value: &Value) -> std::result::Result<Vec<Value>, String> {
    match value {
        Value::Array(items) if items.is_empty() => Err("must have an item".into()),
        Value::Array(items) => {
            let each = items.iter().map(choices).collect::<std::result::Result<Vec<_>, _>>()?;
            Ok(each.concat())
        }
        Value::String(text) => Ok(braces(text)?.into_iter().map(Value::String).collect()),
        other => Ok(vec![other.clone()]),
    }
}

/// "a({1,2})" → "a(1)", "a(2)"; several braces give all combinations, the last one changing first.
fn braces(text: &str) -> std::result::Result<Vec<String>, String> {
    let Some((before, rest)) = text.split_once('{') else {
        return if text.contains('}') { Err("a } without a {".into()) } else { Ok(vec![text.into()]) };
    };
    let (inside, after) = rest.split_once('}').ok_or("a { that is not closed")?;
    let mut out = Vec::new();
    let behind = braces(after)?;
    for choice in inside.split(',').map(str::trim) {
        if choice.is_empty() {
            return Err("an alternative in braces is empty".into());
        }
        out.extend(behind.iter().map(|behind| format!("{before}{choice}{behind}")));
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::super::recipe::EvalRecipe;

    fn names(rows: &str) -> Vec<String> {
        let recipe = EvalRecipe::parse(&format!("data = ['a.h5']\n{rows}"), "e.toml").unwrap();
        recipe.rows.iter().map(super::super::row::Row::name).collect()
    }

    #[test]
    fn lists_and_braces_give_all_combinations() {
        let grid = "[[row]]\nksp = ['cg', 'fcg']\npc = ['icc', 'ict({1e-1, 1e-2})']\n[[row]]\nksp = 'cg'\npc = 'amg'";
        let wanted = [
            "cg + icc",
            "cg + ict(1e-1)",
            "cg + ict(1e-2)",
            "fcg(30) + icc",
            "fcg(30) + ict(1e-1)",
            "fcg(30) + ict(1e-2)",
            "cg + amg",
        ];
        assert_eq!(names(grid), wanted);
        let two = "[[row]]\nksp = 'cg'\npc = 'mict({0.1,0.2}, relaxation = {0,0.9})'";
        assert_eq!(names(two)[1..3], ["cg + mict(0.1, relaxation = 0.9)", "cg + mict(0.2, relaxation = 0)"]);
        let labelled = "[[row]]\nlabel = 'tuned'\nksp = 'cg'\npc = 'ssor({1.0,1.5})'";
        assert_eq!(names(labelled), ["tuned, ssor(1.0)", "tuned, ssor(1.5)"]);
        // Tables, as the stored recipe has them, are no braces.
        assert_eq!(names("[[row]]\nksp = { type = 'cg' }\npc = 'none'"), ["cg + none"]);
    }

    #[test]
    fn what_cannot_be_expanded_names_row_and_key() {
        for (row, part) in [
            ("pc = []", "row 1: pc = []: must have an item"),
            ("pc = 'ict({1,2)'", "row 1: pc = \"ict({1,2)\": a { that is not closed"),
            ("pc = 'ict({1,,2})'", "an alternative in braces is empty"),
            ("pc = 'ict(1})'", "a } without a {"),
            ("pc = ['icc', 'ict({0.1,x})']", "ict(x)"),
        ] {
            let text = format!("data = ['a.h5']\n[[row]]\nksp = 'cg'\n{row}");
            let error = EvalRecipe::parse(&text, "e.toml").unwrap_err().to_string();
            assert!(error.starts_with("e.toml: ") && error.contains(part), "{error}");
        }
    }
}
