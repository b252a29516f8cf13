//! The tables of README.md, datasets/README.md and docs/recipes.md are those of the code: `FEMPIPE_WRITE=1 cargo test
//! --lib readme` writes them anew.

use std::path::{Path, PathBuf};

use super::recipe;
use crate::entry::Registry;
use crate::generate::KEYS;
use crate::{families, models, precond, solver};

/// A line a member.
fn markdown<T: ?Sized>(kind: &str, registry: &Registry<T>) -> String {
    let needs = registry.all().iter().any(|e| !e.needs.is_empty());
    let line = |name: &str, help: &str, need: &str, source: &str| {
        let need = if needs { format!(" {need} |") } else { String::new() };
        // A bar would end the cell.
        format!("| {name} | {help} |{need} {source} |\n").replace("||", "\\|\\|")
    };
    let mut out = line(kind, "what it is", "needs", "after");
    out += if needs { "|---|---|---|---|\n" } else { "|---|---|---|\n" };
    for e in registry.all() {
        out += &line(&format!("`{}`", e.name), e.help, e.needs, e.source);
    }
    out
}

/// A file of the source tree.
fn place(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(file)
}

/// Holds a file against what it should be, or writes it.
fn hold(file: &str, wanted: &str) {
    let path = place(file);
    if std::env::var_os("FEMPIPE_WRITE").is_some() {
        std::fs::write(&path, wanted).unwrap();
    } else {
        let there = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(there == wanted, "{file} lags behind: FEMPIPE_WRITE=1 cargo test --lib readme");
    }
}

/// The file with the text between two marks replaced.
fn replaced(text: &str, mark: &str, table: &str) -> String {
    let (head, rest) = text.split_once(&format!("<!-- {mark} -->\n")).unwrap();
    let (_, tail) = rest.split_once(&format!("<!-- /{mark} -->")).unwrap();
    format!("{head}<!-- {mark} -->\n{table}<!-- /{mark} -->{tail}")
}

#[test]
fn the_tables_of_the_readme_are_the_registries() {
    let mut wanted = std::fs::read_to_string(place("README.md")).unwrap();
    for (mark, table) in [
        ("families", markdown("family", &families::ENTRIES)),
        ("models", markdown("model", &models::ENTRIES)),
        ("solvers", markdown("method", &solver::ENTRIES)),
        ("preconditioners", markdown("preconditioner", &precond::ENTRIES)),
    ] {
        wanted = replaced(&wanted, mark, &table);
    }
    hold("README.md", &wanted);
}

#[test]
fn the_keys_of_the_readme_of_datasets_are_those_of_recipes() {
    let keys = KEYS.iter().map(|(key, what)| format!("| `{key}` | {what} |\n"));
    let table = format!("| key | what it is |\n|---|---|\n{}", keys.collect::<String>());
    let text = std::fs::read_to_string(place("datasets/README.md")).unwrap();
    hold("datasets/README.md", &replaced(&text, "keys", &table));
}

#[test]
fn the_readme_of_recipes_is_what_the_command_prints() {
    let mut text = String::from(
        "# Recipes\n\n\
         What `fempipe recipe` prints: every key with its meaning, the values that it takes and its default. Keys\n\
         that are commented out are not set; where one shows a value, that is what then holds.\n\
         `FEMPIPE_WRITE=1 cargo test --lib readme` writes this page anew.\n\n\
         Any key can be changed on the command line of `generate`, `train` and `evaluate` by `--set KEY=VALUE`\n\
         (repeat for more): the key with dots, `darcy.mesh.area=0.01`; the value in TOML, `--set split.train=0.5`, or\n\
         a plain word, `--set factor-gnn.node=gat`. `--set` comes last, after all other options.\n",
    );
    let mut add = |heading: &str, recipe: &str| {
        text += &format!("\n{heading}\n\n```toml\n{recipe}```\n");
    };
    let heading = |name: &str, first: bool, of: &str| match first {
        true => format!("## {of}\n\n### {name}"),
        false => format!("### {name}"),
    };
    for (k, family) in families::ENTRIES.shipped().iter().enumerate() {
        add(&heading(family.name, k == 0, "Datasets, by family"), &recipe::of_dataset(family.name).unwrap());
    }
    for (k, model) in models::ENTRIES.shipped().iter().enumerate() {
        add(&heading(model.name, k == 0, "Trainings, by model"), &recipe::of_training(model.name, None).unwrap());
    }
    add("## Evaluations", &recipe::of_evaluation().unwrap());
    hold("docs/recipes.md", &text);
}
