//! The checkpoints that rows name, each file read once.

use std::collections::HashMap;
use std::path::PathBuf;
use std::rc::Rc;

use super::row::Row;
use crate::error::Result;
use crate::models::Checkpoint;
use crate::models::checkpoint::locate;

/// A checkpoint without its arrays.
pub struct Network {
    /// Its file.
    pub file: PathBuf,
    /// What the file says of it.
    pub checkpoint: Checkpoint,
    /// XXH3 of the bytes of the file.
    pub digest: u64,
}

/// Those that were read.
#[derive(Default)]
pub struct Networks(HashMap<PathBuf, Rc<Network>>);

impl Networks {
    /// That of a row for the dataset at a place among those of the row; None without a model.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn of(&mut self, row: &Row, place: usize) -> Result<Option<Rc<Network>>> {
        let Some(path) = row.model.as_ref().and_then(|paths| paths.of(place)) else { return Ok(None) };
        let file = locate(path)?.file;
        if let Some(known) = self.0.get(&file) {
            return Ok(Some(known.clone()));
        }
        let (checkpoint, digest) = Checkpoint::read_with_digest(&file)?;
        let checkpoint = Checkpoint { weights: Vec::new(), buffers: Vec::new(), adam: None, ..checkpoint };
        let network = Rc::new(Network { file: file.clone(), checkpoint, digest });
        self.0.insert(file, network.clone());
        Ok(Some(network))
    }
}
