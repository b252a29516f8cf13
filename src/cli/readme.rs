//! The tables of README.md are those of the registries: `FEMPIPE_WRITE=1 cargo test --lib readme` writes them anew.

use crate::entry::Registry;
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

#[test]
fn the_tables_of_the_readme_are_the_registries() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let there = std::fs::read_to_string(&path).unwrap();
    let mut wanted = there.clone();
    for (mark, table) in [
        ("families", markdown("family", &families::ENTRIES)),
        ("models", markdown("model", &models::ENTRIES)),
        ("solvers", markdown("method", &solver::ENTRIES)),
        ("preconditioners", markdown("preconditioner", &precond::ENTRIES)),
    ] {
        let (head, rest) = wanted.split_once(&format!("<!-- {mark} -->\n")).unwrap();
        let (_, tail) = rest.split_once(&format!("<!-- /{mark} -->")).unwrap();
        wanted = format!("{head}<!-- {mark} -->\n{table}<!-- /{mark} -->{tail}");
    }
    if std::env::var_os("FEMPIPE_WRITE").is_some() {
        std::fs::write(&path, wanted).unwrap();
    } else {
        assert!(there == wanted, "README.md lags behind: FEMPIPE_WRITE=1 cargo test --lib readme");
    }
}
