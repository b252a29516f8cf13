//! Which random streams the samples of a dataset come from.

use toml::{Table, Value};

use crate::dataset::InputFile;
use crate::dataset::digest::Digest;
use crate::families::{self, Family};

/// Keys of families that change what is stored beside A and b, not A and b.
const NOT_DRAWN: [&str; 1] = ["solution"];

/// The seed that [`families::Sampler`] draws from: a digest of the recipe's seed, the family's name, those of its
/// parameters that are not at their default and the content of the files that they name. So the systems of two sizes
/// or contrasts have nothing in common at the same seed, and a key that a later version adds leaves other systems as
/// they are.
pub(super) fn seed(seed: u64, name: &str, family: &dyn Family, files: &[InputFile]) -> u64 {
    let paths: Vec<String> = files.iter().map(|f| f.path.display().to_string()).collect();
    let defaults = families::ENTRIES.find(name).map_or_else(|_| Table::new(), |entry| (entry.defaults)());
    let mut set = changed(&family.parameters(), &defaults, &paths);
    NOT_DRAWN.iter().for_each(|key| drop(set.remove(*key)));
    let mut digest = Digest::new();
    digest.number(seed).text(name).text(&set.to_string());
    for file in files {
        digest.number(file.digest);
    }
    digest.finish()
}

/// The keys of a table whose values are others than its defaults', names of files left out.
fn changed(table: &Table, defaults: &Table, paths: &[String]) -> Table {
    let one = |(key, value): (&String, &Value)| {
        let default = defaults.get(key);
        let value = match value {
            Value::Table(inner) => {
                let none = Table::new();
                let inner = changed(inner, default.and_then(Value::as_table).unwrap_or(&none), paths);
                (!inner.is_empty()).then_some(Value::Table(inner))
            }
            // Tables in a row, as those of boundary conditions.
            Value::Array(items) if items.iter().any(Value::is_table) => {
                let none = Table::new();
                let one = |item: &Value| item.as_table().map_or(item.clone(), |t| changed(t, &none, paths).into());
                Some(Value::Array(items.iter().map(one).collect()))
            }
            Value::String(s) if paths.contains(s) => None,
            value => (default != Some(value)).then(|| value.clone()),
        };
        Some((key.clone(), value?))
    };
    table.iter().filter_map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::Recipe;

    fn of(text: &str, files: &[InputFile]) -> u64 {
        let recipe = Recipe::parse(text, "r.toml").unwrap();
        seed(recipe.seed, &recipe.family, &*recipe.family().unwrap(), files)
    }

    #[test]
    fn streams_are_those_of_seed_family_and_parameters() {
        let darcy = of("family = \"darcy\"", &[]);
        // What is written out at its default, or decides what is stored alone, changes nothing.
        for same in ["cells = 64", "solution = false\ntau = 3.0", "solution = \"cg-amg\""] {
            assert_eq!(of(&format!("family = \"darcy\"\nsamples = 7\n[darcy]\n{same}"), &[]), darcy, "{same}");
        }
        let others = [
            "family = \"heat\"".to_string(),
            "family = \"darcy\"\nseed = 2".into(),
            "family = \"darcy\"\n[darcy]\ncells = 32".into(),
            "family = \"darcy\"\n[darcy]\ncontrast = 1e4".into(),
            "family = \"elliptic\"".into(),
            "family = \"elliptic\"\n[elliptic.mesh]\narea = 1e-3".into(),
        ];
        let mut all: Vec<u64> = others.iter().map(|text| of(text, &[])).collect();
        all.push(darcy);
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn a_file_counts_by_its_content_not_by_its_name() {
        let table = |path: &str| toml::toml! { file = path shape = "gmsh" cells = 3 };
        let defaults = toml::toml! { cells = 3 };
        let set = |path: &str| changed(&table(path), &defaults, &[path.to_string()]).to_string();
        assert_eq!(set("a.msh"), set("b/c.msh"));
        assert_eq!(set("a.msh"), "shape = \"gmsh\"\n");
        let file = |digest| [InputFile { path: "a.msh".into(), digest }];
        assert_ne!(of("family = \"darcy\"", &file(1)), of("family = \"darcy\"", &file(2)));
    }
}
