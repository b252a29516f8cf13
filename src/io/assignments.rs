//! `--set KEY=VALUE`: keys of a recipe changed from the command line, in the same way by every command.

use toml::{Table, Value};

use super::toml_file;
use crate::error::{Error, Result};

/// Where errors say that a key stands.
pub const ORIGIN: &str = "--set";

/// Sets keys, one assignment after the other. A key is written with dots, `darcy.cells=32` or
/// `elliptic.mesh.area=0.01`; tables that are not there are made. A value is TOML; what is no TOML value is a text, so
/// that words need no quotes within the shell's.
///
/// # Errors
/// [`Error::Recipe`] naming an assignment without `=` or without a key, or the key that goes into what is no table.
pub fn assign(table: &mut Table, assignments: &[String]) -> Result<()> {
    for assignment in assignments {
        let split = assignment.split_once('=').map(|(key, value)| (key.trim(), value.trim()));
        let Some((key, value)) = split.filter(|(key, _)| key.split('.').all(|part| !part.is_empty())) else {
            let reason = format!("{assignment}: must be KEY=VALUE, as in samples=100 or darcy.cells=32");
            return Err(Error::recipe(ORIGIN, reason));
        };
        let parsed = toml_file::parse::<Table>(&format!("v = {value}"), ORIGIN).ok();
        // A value with a line break could hold further keys.
        let parsed = parsed.filter(|t| t.len() == 1).and_then(|mut t| t.remove("v"));
        set(table, key, parsed.unwrap_or_else(|| value.into()))?;
    }
    Ok(())
}

/// Takes away what assignments will set, so that nothing is asked of it any more; what is none is left to [`assign`].
pub fn forget(table: &mut Table, assignments: &[String]) {
    for (key, _) in assignments.iter().filter_map(|assignment| assignment.split_once('=')) {
        let (path, last) = key.trim().rsplit_once('.').unwrap_or(("", key.trim()));
        let mut inner = path.split('.').filter(|part| !part.is_empty());
        let place = inner.try_fold(&mut *table, |place, part| place.get_mut(part)?.as_table_mut());
        if let Some(place) = place {
            place.remove(last);
        }
    }
}

/// Sets one dotted key.
///
/// # Errors
/// [`Error::Recipe`] naming the key if a part of it but the last is no table.
pub fn set(table: &mut Table, key: &str, value: Value) -> Result<()> {
    let (path, last) = key.rsplit_once('.').unwrap_or(("", key));
    let mut place = table;
    for part in path.split('.').filter(|part| !part.is_empty()) {
        let inner = place.entry(part).or_insert_with(|| Table::new().into());
        place = inner.as_table_mut().ok_or_else(|| Error::recipe(ORIGIN, format!("{key}: '{part}' is not a table")))?;
    }
    place.insert(last.into(), value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_toml_or_words_and_tables_are_made() {
        let mut table = toml::toml! { samples = 3 };
        let given = ["samples=4", "a.b.c = 1e-3", "a.b.word=two words", "a.list=[1, 2]", "a.quoted=\"7\""];
        assign(&mut table, &given.map(String::from)).unwrap();
        let wanted = toml::toml! {
            samples = 4
            [a]
            list = [1, 2]
            quoted = "7"
            [a.b]
            c = 1e-3
            word = "two words"
        };
        assert_eq!(table, wanted);
        for bad in ["samples", "=3", "a..b=3", ".a=3", "a.list.x=3"] {
            let error = assign(&mut table, &[bad.to_string()]).unwrap_err().to_string();
            assert!(error.starts_with("--set: ") && error.contains(bad.split('=').next().unwrap()), "{error}");
        }
    }

    #[test]
    fn what_will_be_set_is_forgotten_before() {
        let mut table = toml::toml! {
            samples = 4
            [a]
            list = [1, 2]
            [a.b]
            c = 1e-3
            d = 2
        };
        let given = ["a.b.c = 5", "a.list.x=3", "a.q.r=1", "new=1", "samples", "..=1"];
        forget(&mut table, &given.map(String::from));
        assert_eq!(table, toml::toml! { samples = 4 a = { list = [1, 2], b = { d = 2 } } });
        forget(&mut table, &["a=1".to_string()]);
        assert_eq!(table, toml::toml! { samples = 4 });
    }
}
