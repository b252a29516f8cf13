//! The rules of the architecture, checked on the source: which module may use which, who names dfdx, who prints, no
//! circles, no lines too wide.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Modules from above to below, each with those that it may use besides [`FOR_ALL`] and itself.
const LAYERS: &[(&str, &str)] = &[
    // `inspect` and `solve` show datasets and solve one system: they have no module of their own.
    ("cli", "generate train evaluate families verify transfer draw models dataset mesh solve solver precond io system"),
    // Labels are factors and eigenvectors.
    ("generate", "families verify dataset precond io system"),
    // An import is solved directly.
    ("transfer", "dataset precond io system"),
    ("train", "models dataset solve solver precond io system"),
    // A report shows a sample.
    ("evaluate", "models dataset draw solve solver precond io system"),
    ("draw", "io system"),
    ("models", "nn solve precond solver io system"),
    ("nn", ""),
    // Stored solutions are found by cg with amg where a factor is too large.
    // Fields may come from files.
    ("families", "verify fem field mesh solver precond io system"),
    ("verify", ""),
    ("dataset", "io system"),
    // A space turns itself into what files keep of it.
    ("fem", "mesh system"),
    ("field", "mesh"),
    // A mesh comes from a file, and turns itself into what files keep of it.
    ("mesh", "io system"),
    ("solve", "solver precond system"),
    ("solver", ""),
    ("precond", ""),
    ("io", "system"),
    ("system", ""),
    ("linalg", ""),
    ("entry", ""),
    ("error", ""),
    ("rng", ""),
    ("shard", ""),
    ("stages", ""),
    ("interrupt", ""),
    ("notation", ""),
];

const FOR_ALL: [&str; 8] = ["linalg", "entry", "error", "rng", "shard", "stages", "interrupt", "notation"];

/// A file of the library: its module path from the crate's root, and its code without comments, texts and tests.
struct Source {
    module: Vec<String>,
    path: PathBuf,
    code: String,
}

/// All `.rs` files below a folder of the package, in order.
fn files(folder: &str) -> Vec<PathBuf> {
    let (mut folders, mut found) = (vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The library's files but for `lib.rs`, `main.rs` and those that only tests have.
fn sources() -> Vec<Source> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut found, mut tests) = (Vec::new(), BTreeSet::new());
    for path in files("src") {
        let mut module: Vec<String> = path.strip_prefix(&src).unwrap().with_extension("").iter().map(text_of).collect();
        if module.last().is_some_and(|m| m == "mod") {
            module.pop();
        }
        let (code, skipped) = without_tests(&blanked(&std::fs::read_to_string(&path).unwrap()));
        tests.extend(skipped.into_iter().map(|name| [&module[..], &[name]].concat()));
        found.push(Source { module, path, code });
    }
    found.retain(|s| s.module != ["lib"] && s.module != ["main"] && !tests.contains(&s.module));
    found
}

fn text_of(part: &std::ffi::OsStr) -> String {
    part.to_string_lossy().into_owned()
}

/// The text with blanks for everything within comments and quotes; lines stay where they are.
fn blanked(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = match (chars[at], chars.get(at + 1)) {
            ('/', Some('/')) => (at..chars.len()).find(|&k| chars[k] == '\n').unwrap_or(chars.len()),
            ('/', Some('*')) => end_of_comment(&chars, at),
            ('"', _) => end_of_quote(&chars, at),
            ('r', Some('"' | '#')) if !continues(&chars, at) => end_of_raw(&chars, at),
            // A character, not a lifetime.
            ('\'', Some('\\')) => (at + 3..chars.len()).find(|&k| chars[k] == '\'').map_or(chars.len(), |k| k + 1),
            ('\'', _) if chars.get(at + 2) == Some(&'\'') => at + 3,
            _ => at,
        };
        if end == at {
            out.push(chars[at]);
            at += 1;
        }
        while at < end {
            out.push(if chars[at] == '\n' { '\n' } else { ' ' });
            at += 1;
        }
    }
    out
}

/// Whether the character at `at` goes on with a word.
fn continues(chars: &[char], at: usize) -> bool {
    at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_')
}

fn end_of_comment(chars: &[char], start: usize) -> usize {
    let (mut at, mut depth) = (start, 0);
    while at + 1 < chars.len() {
        let step = match (chars[at], chars[at + 1]) {
            ('/', '*') => 1,
            ('*', '/') => -1,
            _ => 0,
        };
        depth += step;
        at += if step == 0 { 1 } else { 2 };
        if depth == 0 {
            return at;
        }
    }
    chars.len()
}

fn end_of_quote(chars: &[char], start: usize) -> usize {
    let mut at = start + 1;
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(chars.len())
}

/// The end of `r#"…"#`, or `start` if it is none.
fn end_of_raw(chars: &[char], start: usize) -> usize {
    let marks = chars[start + 1..].iter().take_while(|&&c| c == '#').count();
    if chars.get(start + 1 + marks) != Some(&'"') {
        return start;
    }
    let closes =
        |k: &usize| chars[*k] == '"' && chars[k + 1..].iter().take(marks).filter(|&&c| c == '#').count() == marks;
    (start + marks + 2..chars.len()).find(closes).map_or(chars.len(), |k| k + 1 + marks)
}

/// Blanked code without the items under `#[cfg(test)]`, and the names of the modules (`mod NAME;`) among them.
fn without_tests(code: &str) -> (String, Vec<String>) {
    const MARK: &str = "#[cfg(test)]";
    let (mut out, mut rest, mut modules) = (String::new(), code, Vec::new());
    while let Some(start) = rest.find(MARK) {
        let item = &rest[start + MARK.len()..];
        let (mut depth, mut end) = (0usize, item.len());
        for (at, c) in item.char_indices() {
            match c {
                '{' | '(' | '[' => depth += 1,
                '}' | ')' | ']' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 && (c == ';' || c == '}') {
                end = at + 1;
                break;
            }
        }
        let words: Vec<&str> = item[..end].split_whitespace().collect();
        if let Some(name) = words.iter().skip_while(|w| **w != "mod").nth(1).and_then(|w| w.strip_suffix(';')) {
            modules.push(name.to_string());
        }
        out += &rest[..start];
        out.extend(item[..end].chars().filter(|&c| c == '\n'));
        rest = &item[end..];
    }
    (out + rest, modules)
}

/// Words and single characters of blanked code, with their lines; `::` is one of them.
fn tokens(code: &str) -> Vec<(usize, String)> {
    let mut out: Vec<(usize, String)> = Vec::new();
    for (line, text) in (1..).zip(code.lines()) {
        let mut last = ' ';
        for c in text.chars() {
            let word = |c: char| c.is_alphanumeric() || c == '_';
            let joined = (word(c) && word(last)) || (c == ':' && last == ':');
            match out.last_mut() {
                Some((_, token)) if joined => token.push(c),
                _ if c.is_whitespace() => {}
                _ => out.push((line, c.to_string())),
            }
            last = c;
        }
    }
    out
}

/// Paths that begin at `at`, groups spread out, each with the name under which it is known; and where they end.
fn paths_at(tokens: &[(usize, String)], mut at: usize, prefix: &[String]) -> (Vec<(Vec<String>, String)>, usize) {
    let token = |at: usize| tokens.get(at).map_or("", |t| &t.1);
    let mut path = prefix.to_vec();
    while token(at).starts_with(|c: char| c.is_alphabetic() || c == '_') {
        path.push(token(at).to_string());
        at += 1;
        if token(at) != "::" {
            break;
        }
        at += 1;
    }
    if token(at) == "{" && path.len() > prefix.len() {
        let mut found = Vec::new();
        at += 1;
        while at < tokens.len() && token(at) != "}" {
            let (more, end) = paths_at(tokens, at, &path);
            found.extend(more);
            at = (end..tokens.len()).find(|&k| token(k) != ",").unwrap_or(end).max(at + 1);
        }
        return (found, at + 1);
    }
    if path.len() > 1 && path.last().is_some_and(|p| p == "self") {
        path.pop();
    }
    let mut name = path.last().cloned().unwrap_or_default();
    if token(at) == "as" {
        name = token(at + 1).to_string();
        at += 2;
    }
    (vec![(path, name)], at)
}

/// Lines and full paths (from the crate's root) of what a module names by `crate::`, `super::` or `self::`.
fn named(source: &Source) -> Vec<(usize, Vec<String>)> {
    let tokens = tokens(&source.code);
    let mut out = Vec::new();
    for at in 0..tokens.len().saturating_sub(1) {
        let begins = ["crate", "super", "self"].contains(&tokens[at].1.as_str()) && tokens[at + 1].1 == "::";
        if !begins || at > 0 && tokens[at - 1].1 == "::" {
            continue;
        }
        for (path, _) in paths_at(&tokens, at, &[]).0 {
            let mut full = source.module.clone();
            for part in path {
                match part.as_str() {
                    "crate" => full.clear(),
                    "super" => drop(full.pop()),
                    "self" => {}
                    _ => full.push(part),
                }
            }
            out.push((tokens[at].0, full));
        }
    }
    out
}

fn rule(module: &str) -> Option<Vec<&'static str>> {
    let found = LAYERS.iter().find(|(name, _)| *name == module);
    found.map(|(_, list)| list.split(' ').collect())
}

fn may_use(module: &str, other: &str) -> bool {
    module == other || FOR_ALL.contains(&other) || rule(module).is_some_and(|list| list.contains(&other))
}

/// "file:line: text" of every line of code that breaks a rule.
fn offences(breaks: impl Fn(&str, &str) -> bool) -> Vec<String> {
    let mut out = Vec::new();
    for s in sources() {
        for (number, line) in (1..).zip(s.code.lines()).filter(|(_, l)| breaks(&s.module[0], l)) {
            out.push(format!("{}:{number}: {}", s.path.display(), line.trim()));
        }
    }
    out
}

#[test]
fn modules_use_only_the_modules_below() {
    let mut found = Vec::new();
    for s in sources() {
        for (line, path) in named(&s) {
            if let Some(other) = path.first().filter(|m| rule(m).is_some() && !may_use(&s.module[0], m)) {
                found.push(format!("{}:{line}: {} uses {other}", s.path.display(), s.module[0]));
            }
        }
    }
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn every_module_has_its_rule() {
    let unknown: BTreeSet<_> =
        sources().into_iter().map(|s| s.module[0].clone()).filter(|m| rule(m).is_none()).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    let below: BTreeMap<String, BTreeSet<String>> =
        LAYERS.iter().map(|(name, list)| (name.to_string(), list.split(' ').map(String::from).collect())).collect();
    assert_eq!(circles(&below), Vec::<Vec<String>>::new(), "the rules themselves go round");
}

/// What the files of each folder name of each other; a folder's own `mod.rs`, which lists them, does not count, what it
/// re-exports counts for where it comes from.
fn graphs(sources: &[Source]) -> BTreeMap<Vec<String>, BTreeMap<String, BTreeSet<String>>> {
    let mut graphs: BTreeMap<Vec<String>, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
    for s in sources {
        for depth in 1..s.module.len() {
            let folder = graphs.entry(s.module[..depth].to_vec()).or_default();
            folder.entry(s.module[depth].clone()).or_default();
        }
    }
    let mut origin: BTreeMap<Vec<String>, String> = BTreeMap::new();
    for s in sources.iter().filter(|s| graphs.contains_key(&s.module)) {
        let tokens = tokens(&s.code);
        for at in (0..tokens.len()).filter(|&at| tokens[at].1 == "use") {
            for (path, name) in paths_at(&tokens, at + 1, &[]).0 {
                if path.len() > 1 && graphs[&s.module].contains_key(&path[0]) {
                    origin.insert([&s.module[..], &[name]].concat(), path[0].clone());
                }
            }
        }
    }
    for s in sources {
        for (_, path) in named(s) {
            for depth in 1..s.module.len().min(path.len()) {
                if s.module[..depth] != path[..depth] {
                    break;
                }
                let Some(folder) = graphs.get_mut(&s.module[..depth]) else {
                    continue;
                };
                let there = origin.get(&path[..=depth]).unwrap_or(&path[depth]).clone();
                let here = &s.module[depth];
                if folder.contains_key(&there) && there != *here {
                    folder.get_mut(here).unwrap().insert(there);
                }
            }
        }
    }
    graphs
}

/// Members that reach each other, by groups.
fn circles(graph: &BTreeMap<String, BTreeSet<String>>) -> Vec<Vec<String>> {
    let reached = |from: &String| {
        let (mut seen, mut next) = (BTreeSet::new(), vec![from.clone()]);
        while let Some(node) = next.pop() {
            for to in graph.get(&node).into_iter().flatten() {
                if seen.insert(to.clone()) {
                    next.push(to.clone());
                }
            }
        }
        seen
    };
    let all: BTreeMap<&String, BTreeSet<String>> = graph.keys().map(|k| (k, reached(k))).collect();
    let mut groups: Vec<Vec<String>> = Vec::new();
    for (node, seen) in all.iter().filter(|(node, seen)| seen.contains(**node)) {
        let group: Vec<String> =
            seen.iter().filter(|o| all.get(o).is_some_and(|s| s.contains(*node))).cloned().collect();
        if !groups.contains(&group) {
            groups.push(group);
        }
    }
    groups
}

#[test]
fn files_of_a_folder_do_not_use_each_other_in_circles() {
    let mut found = Vec::new();
    for (folder, graph) in graphs(&sources()) {
        for group in circles(&graph) {
            found.push(format!("{}: {}", folder.join("/"), group.join(", ")));
        }
    }
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn only_nn_names_dfdx() {
    let found = offences(|module, line| module != "nn" && line.contains("dfdx"));
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn only_the_command_line_prints_and_knows_clap() {
    let words = ["println!", "print!", "eprint!", "dbg!", "clap::"];
    let found = offences(|module, line| module != "cli" && words.iter().any(|w| line.contains(w)));
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn the_evaluator_knows_no_model_by_name() {
    let root = sources().into_iter().find(|s| s.module == ["models"]).unwrap();
    let tokens: Vec<String> = tokens(&root.code).into_iter().map(|t| t.1).collect();
    let entries = tokens.windows(3).filter(|w| w[1] == "::" && w[2] == "ENTRY");
    let models: BTreeSet<&String> = entries.map(|w| &w[0]).collect();
    assert!(models.len() > 3, "{models:?}");
    let mut found = Vec::new();
    for s in sources().iter().filter(|s| ["evaluate", "train"].contains(&s.module[0].as_str())) {
        for (line, path) in named(s) {
            if path.first().is_some_and(|m| m == "models") && path.get(1).is_some_and(|m| models.contains(m)) {
                found.push(format!("{}:{line}: {}", s.path.display(), path.join("::")));
            }
        }
    }
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

/// Lines of all sources, tests, examples and benches that break a rule: "file:line: text".
fn lines(breaks: impl Fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for path in ["src", "tests", "examples", "benches", "python"].into_iter().flat_map(files) {
        // This file names what it forbids.
        if path.ends_with("tests/architecture.rs") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for (number, line) in (1..).zip(text.lines()).filter(|(_, l)| breaks(l)) {
            found.push(format!("{}:{number}: {}", path.display(), line.trim()));
        }
    }
    found
}

#[test]
fn no_line_is_wider_than_120_columns() {
    let found = lines(|line| line.chars().count() > 120);
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn terms_are_those_of_the_field() {
    let dialect = ["room", "rooms", "house", "door", "doors"];
    let found = lines(|line| {
        let line = line.to_lowercase();
        let mut words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
        words.any(|w| dialect.contains(&w)) || line.contains("nobody listens")
    });
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn the_scanner_sees_what_it_should() {
    let source = |module: &[&str], text: &str| Source {
        module: module.iter().map(|m| m.to_string()).collect(),
        path: PathBuf::new(),
        code: without_tests(&blanked(text)).0,
    };
    let paths = |text: &str| -> Vec<String> {
        let named = named(&source(&["fem", "plate", "terms"], text));
        named.into_iter().map(|(line, path)| format!("{line} {}", path.join("::"))).collect()
    };
    assert_eq!(paths("use crate::dataset::Dataset;"), ["1 dataset::Dataset"]);
    assert_eq!(
        paths("use crate::{\n    solver::{Stop, self as s},\n    precond,\n};"),
        ["1 solver::Stop", "1 solver", "1 precond"]
    );
    assert_eq!(
        paths("\nlet a = crate::a::f(super::g(self::h()));"),
        ["2 a::f", "2 fem::plate::g", "2 fem::plate::terms::h"]
    );
    assert_eq!(
        paths("// crate::x\nlet s = \"crate::y \\\" {\"; let c = '{'; let r = r#\"\"crate::z\"#; /* /* */ crate::w */"),
        [""; 0]
    );
    // What follows a test is read again.
    let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n    use crate::x;\n    fn f() { \"}\"; }\n}\nuse crate::y::Z;\n";
    assert_eq!(paths(text), ["7 y::Z"]);
    assert_eq!(without_tests("#[cfg(test)]\nmod tests;\nfn a() {}").1, ["tests"]);
    assert_eq!(without_tests("#[cfg(test)]\nfn f(a: [u8; 2]) {}\nfn a() {}").0, "\n\nfn a() {}");
    assert!(may_use("cli", "generate") && may_use("fem", "linalg"));
    assert!(!may_use("solver", "precond") && !may_use("dataset", "models"));
    // A circle, one of its arrows through a re-export.
    let files = [
        source(&["a"], "pub use c::Thing as Other;"),
        source(&["a", "b"], "use super::Other;"),
        source(&["a", "c"], "use crate::a::b;"),
        source(&["a", "d"], "use super::{b, c};"),
    ];
    assert_eq!(circles(&graphs(&files)[&vec!["a".to_string()]]), [["b", "c"]]);
}
