//! Where an evaluation goes that nobody has named a directory for: by name and date, and back to where it began.

use std::fs;
use std::path::{Path, PathBuf};

use super::journal;
use super::machine::Machine;
use super::output::{Standing, standing};

/// The directory of the evaluation of this identity: the one beside `base` (BASE, BASE-DATE, BASE-DATE-2, …) that holds
/// it, whole or begun, else the first of BASE-DATE, BASE-DATE-2, … that holds nothing of an evaluation; with `plain`
/// BASE comes before these.
pub fn place(base: &Path, identity: u64, plain: bool) -> PathBuf {
    let name = base.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let parent = match base.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let ours = |other: &str| other == name || other.strip_prefix(&name).is_some_and(|rest| rest.starts_with('-'));
    let entries = fs::read_dir(parent).into_iter().flatten().filter_map(|entry| entry.ok());
    let mut there: Vec<String> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).filter(|other| ours(other)).collect();
    there.sort();
    let held = there.iter().rev().map(|other| base.with_file_name(other)).find(|dir| is_of(dir, identity));
    if let Some(dir) = held {
        return dir;
    }
    let date = Machine::here().date;
    let day = date.split(' ').next().unwrap_or(&date);
    let dated = base.with_file_name(format!("{name}-{day}"));
    let numbered = (2..).map(|k: u64| base.with_file_name(format!("{name}-{day}-{k}")));
    let mut places = plain.then(|| base.to_path_buf()).into_iter().chain([dated.clone()]).chain(numbered);
    // There are more numbers than directories.
    places.find(|dir| is_free(dir)).unwrap_or(dated)
}

/// Whether an evaluation of this identity is in a directory, or was begun there.
fn is_of(dir: &Path, identity: u64) -> bool {
    matches!(standing(dir, identity), Standing::Same) || journal::is_of(dir, identity)
}

fn is_free(dir: &Path) -> bool {
    let unused = || matches!(standing(dir, 0), Standing::Unused) && !journal::is_in(dir);
    !dir.exists() || dir.is_dir() && unused()
}
