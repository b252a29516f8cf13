//! Who makes a dataset: locks on the directory beside the output, and the recipe that lies there.

use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::path::Path;

use super::recipe::Recipe;
use crate::dataset::parts;
use crate::error::{Error, Result};
use crate::io::{atomic, outputs};
use crate::shard::Shard;

/// Makes the directory of parts and takes hold of it: alone, or beside other shards.
pub(super) fn claim(dir: &Path, shard: Option<Shard>) -> Result<Vec<File>> {
    lock(dir, shard)?
        .ok_or_else(|| Error::file(dir, "is in use by another fempipe: wait until that is done, or choose another -o"))
}

/// The locks on a directory of parts, made if need be; None if another process has them.
pub(super) fn lock(dir: &Path, shard: Option<Shard>) -> Result<Option<Vec<File>>> {
    let names = match shard {
        None => vec![(parts::LOCK.to_string(), false)],
        Some(s) => vec![(parts::LOCK.to_string(), true), (format!("lock-{}-of-{}", s.index + 1, s.count), false)],
    };
    'again: loop {
        std::fs::create_dir_all(dir).map_err(|e| Error::io(dir, "create", e))?;
        let mut locks = Vec::new();
        for (name, shared) in &names {
            let path = dir.join(name);
            let file = match File::options().create(true).append(true).open(&path) {
                // Another process has just joined its parts and removed the directory.
                Err(e) if e.kind() == ErrorKind::NotFound && !dir.exists() => continue 'again,
                file => file.map_err(|e| Error::io(&path, "create", e))?,
            };
            match if *shared { file.try_lock_shared() } else { file.try_lock() } {
                Err(TryLockError::WouldBlock) => return Ok(None),
                // A file system without locks: then the user keeps order.
                Err(TryLockError::Error(_)) | Ok(()) => {}
            }
            // The same holds if what was locked is no longer what lies there.
            let now = (file.metadata(), std::fs::metadata(&path));
            if !matches!(now, (Ok(locked), Ok(there)) if outputs::same_file(&locked, &there) != Some(false)) {
                continue 'again;
            }
            locks.push(file);
        }
        return Ok(Some(locks));
    }
}

/// Whether a text is the recipe of a dataset.
pub(super) fn is_recipe(text: &str) -> bool {
    Recipe::parse(text, "").is_ok()
}

/// The recipe lies beside the parts before work starts, for people who find the directory: theirs, not that of a run
/// before. A file of that name that is no recipe is not ours, and stays.
pub(super) fn save_recipe(dir: &Path, text: &str) -> Result<()> {
    let path = dir.join(parts::RECIPE);
    match std::fs::read_to_string(&path) {
        Ok(there) if there == text || !is_recipe(&there) => Ok(()),
        Err(e) if e.kind() == ErrorKind::InvalidData => Ok(()),
        _ => atomic::write(&path, text),
    }
}
