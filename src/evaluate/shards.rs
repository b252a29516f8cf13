//! An evaluation divided over processes: each measures its share of the cells into a directory of its own,
//! `DIR.shards/i-of-N`, and [`gather`] brings the journals together in DIR, where the evaluation then finds every cell
//! measured.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::journal;
use crate::dataset::InputFile;
use crate::error::{Error, Result};
use crate::io::atomic;
use crate::shard::Shard;

/// What a share is, written when it is whole.
const DONE: &str = "shard.json";

/// What stands in `shard.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Done {
    fempipe_version: String,
    /// Of the whole evaluation.
    identity: String,
    shard: String,
    /// XXH3 of its journal.
    journal: String,
}

/// Where the shares of the evaluation of a directory lie.
pub fn place(dir: &Path) -> PathBuf {
    let mut name = dir.as_os_str().to_os_string();
    name.push(".shards");
    name.into()
}

/// Where a share lies.
pub fn directory(dir: &Path, shard: Shard) -> PathBuf {
    place(dir).join(format!("{}-of-{}", shard.index + 1, shard.count))
}

/// Notes that a share is whole.
///
/// # Errors
/// [`Error::Io`].
pub fn finish(dir: &Path, shard: Shard, identity: u64) -> Result<()> {
    let own = directory(dir, shard);
    let done = Done {
        fempipe_version: env!("CARGO_PKG_VERSION").into(),
        identity: format!("{identity:016x}"),
        shard: shard.to_string(),
        journal: digest(&own.join(journal::NAME))?,
    };
    let text = serde_json::to_string_pretty(&done)
        .map_err(|e| Error::Argument(format!("a share cannot be written as JSON: {e}")))?;
    atomic::write(own.join(DONE), format!("{text}\n"))
}

fn digest(path: &Path) -> Result<String> {
    Ok(format!("{:016x}", InputFile::read(path)?.digest))
}

/// All shares of the evaluation of a directory, as one journal for it; the shares stay.
///
/// # Errors
/// [`Error::File`] naming a share that is missing, not whole, altered since, or of another evaluation.
pub fn gather(dir: &Path) -> Result<Gathered> {
    let place = place(dir);
    let entries = fs::read_dir(&place).map_err(|e| Error::io(&place, "read", e))?;
    let mut found: BTreeMap<usize, PathBuf> = BTreeMap::new();
    let (mut first, mut lines) = (None::<(Done, usize)>, Vec::new());
    for entry in entries {
        let path = entry.map_err(|e| Error::io(&place, "read", e))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().replace("-of-", "/");
        let Ok(shard) = Shard::parse(&name) else {
            return Err(Error::file(path, "is no share of an evaluation (i-of-N): move it away"));
        };
        let bad = |reason: String| Err(Error::file(&path, reason));
        let again = format!("run `fempipe evaluate … --shard {shard}` again");
        let Some(done) = fs::read(path.join(DONE)).ok().and_then(|text| serde_json::from_slice::<Done>(&text).ok())
        else {
            return bad(format!("is not whole: {again}, which goes on where it stopped"));
        };
        if done.shard != shard.to_string() || digest(&path.join(journal::NAME))? != done.journal {
            return bad(format!("has changed since it was measured: remove it and {again}"));
        }
        match &first {
            None => first = Some((done, shard.count)),
            Some((other, count)) if other.identity == done.identity && *count == shard.count => {}
            Some((other, _)) => {
                let of = other.shard.replace('/', "-of-");
                return bad(format!("is a share of another evaluation than {of} beside it: move one of them away"));
            }
        }
        lines.extend(journal::lines(&path.join(journal::NAME))?);
        found.insert(shard.index, path);
    }
    let Some((done, count)) = first else {
        return Err(Error::file(place, "holds no shares"));
    };
    if let Some(missing) = (0..count).find(|i| !found.contains_key(i)) {
        let missing = Shard { index: missing, count };
        return Err(Error::file(place, format!("has no share {missing}: run `fempipe evaluate … --shard {missing}`")));
    }
    Ok(Gathered { recipe: found[&0].join("recipe.toml"), identity: done.identity, lines })
}

/// Shares of one evaluation.
pub struct Gathered {
    /// Its recipe.
    pub recipe: PathBuf,
    /// Its identity.
    identity: String,
    lines: Vec<Vec<u8>>,
}

impl Gathered {
    /// Writes the journal of the directory; `identity` is what the evaluation is now, with its data and checkpoints as
    /// they are found here.
    ///
    /// # Errors
    /// [`Error::File`] if it is another evaluation than that of the shares, [`Error::Io`].
    pub fn write(&self, dir: &Path, identity: u64) -> Result<()> {
        if self.identity != format!("{identity:016x}") {
            return Err(Error::file(
                place(dir),
                "its shares are of another evaluation than its recipe now is: data, checkpoints or the number of \
                 threads have changed",
            ));
        }
        fs::create_dir_all(dir).map_err(|e| Error::io(dir, "create", e))?;
        journal::write(&dir.join(journal::NAME), &self.lines)
    }
}
