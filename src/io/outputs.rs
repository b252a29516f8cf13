//! What a command may write: never a file that it reads, others that are there only where that is asked for.

use std::fs::{self, Metadata};
use std::path::Path;

use crate::error::{Error, Result};

/// Checks the files that a command is about to write against those that it reads, before any work. Links count as what
/// they point to; devices and pipes are nothing that could be lost.
///
/// # Errors
/// [`Error::File`] naming an output that is one of the inputs, that is there already (unless `force`), or that is twice
/// among the outputs.
pub fn check<O: AsRef<Path>, I: AsRef<Path>>(outputs: &[O], inputs: &[I], force: bool) -> Result<()> {
    for (k, output) in outputs.iter().enumerate() {
        let output = output.as_ref();
        if outputs[..k].iter().any(|other| other.as_ref() == output || same(other.as_ref(), output)) {
            return Err(Error::file(output, "would be written twice by this command: choose another name"));
        }
        let Ok(there) = fs::metadata(output) else { continue };
        if !there.is_file() {
            continue;
        }
        if let Some(input) = inputs.iter().find(|input| same(input.as_ref(), output)) {
            let input = input.as_ref();
            let link = if input == output { String::new() } else { format!(" ({})", input.display()) };
            return Err(Error::file(output, format!("is read by this command{link}: choose another -o")));
        }
        if !force {
            return Err(Error::file(output, "is there already; choose another -o, or --force to replace it"));
        }
    }
    Ok(())
}

/// Whether two paths lead to one file that is there.
pub fn same(a: &Path, b: &Path) -> bool {
    match (fs::metadata(a), fs::metadata(b)) {
        (Ok(x), Ok(y)) => same_file(&x, &y).unwrap_or_else(|| same_path(a, b)),
        _ => false,
    }
}

fn same_path(a: &Path, b: &Path) -> bool {
    matches!((fs::canonicalize(a), fs::canonicalize(b)), (Ok(a), Ok(b)) if a == b)
}

/// Whether two descriptions are of one file; None where the system does not say.
#[cfg(unix)]
pub fn same_file(a: &Metadata, b: &Metadata) -> Option<bool> {
    use std::os::unix::fs::MetadataExt;
    Some((a.dev(), a.ino()) == (b.dev(), b.ino()))
}

/// Whether two descriptions are of one file; None where the system does not say.
#[cfg(not(unix))]
pub fn same_file(_: &Metadata, _: &Metadata) -> Option<bool> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_are_never_outputs_and_others_only_by_force() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("in"), "1").unwrap();
        fs::write(at("old"), "2").unwrap();
        fs::hard_link(at("in"), at("hard")).unwrap();
        let said = |outputs: &[&str], force| {
            let outputs: Vec<_> = outputs.iter().map(|name| at(name)).collect();
            check(&outputs, &[at("in"), at("missing")], force).err().map(|e| e.to_string())
        };
        assert_eq!(said(&["new", "newer"], false), None);
        assert!(said(&["new", "old"], false).unwrap().contains("old: is there already"));
        assert_eq!(said(&["new", "old"], true), None);
        for name in ["in", "hard"] {
            assert!(said(&[name], true).unwrap().contains("is read by this command"));
        }
        assert!(said(&["new", "new"], true).unwrap().contains("twice"));
        assert_eq!(check::<_, &Path>(&[Path::new("/dev/null")], &[], false).map_err(|e| e.to_string()), Ok(()));
    }

    #[cfg(unix)]
    #[test]
    fn links_are_what_they_point_to() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("in"), "1").unwrap();
        std::os::unix::fs::symlink("in", at("link")).unwrap();
        let error = check(&[at("link")], &[at("in")], true).unwrap_err().to_string();
        assert!(error.contains("link: is read by this command (") && error.contains("in)"), "{error}");
    }
}
