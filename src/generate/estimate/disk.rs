//! The disk that a dataset is to lie on, tried with a file that has no name.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use pulp::bytemuck;

use crate::error::{Error, Result};
use crate::io::atomic;
use crate::system::LinearSystem;

/// Bytes that are forced to the disk to see how fast it is, and at most so many by all that is tried.
const TRIED: usize = 64 << 20;
const MOST: u64 = 512 << 20;

/// A file on the disk of an output; nothing where none can be made.
pub(super) struct Disk {
    file: Option<File>,
    directory: PathBuf,
}

impl Disk {
    /// In the directory where `output` is to lie, or the nearest one above that is there. Its name is taken away at
    /// once.
    pub fn beside(output: &Path) -> Self {
        let target = atomic::followed(output);
        let absolute = std::path::absolute(&target).unwrap_or(target);
        let directory = absolute.ancestors().skip(1).find(|dir| dir.is_dir()).unwrap_or(Path::new(".")).to_path_buf();
        let name = atomic::temporary(&directory.join(absolute.file_name().unwrap_or_default()));
        let file = File::options().read(true).write(true).create_new(true).open(&name).ok();
        if file.is_some() {
            let _ = std::fs::remove_file(&name);
        }
        Disk { file, directory }
    }

    /// Where the file is.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Writes the numbers of a sample as a run does, `k` samples behind the start; returns the seconds.
    pub fn put(&self, k: usize, sample: &LinearSystem, bytes: usize) -> f64 {
        let start = Instant::now();
        let at = (k * bytes) as u64;
        if let Some(mut file) = self.file.as_ref().filter(|_| at + (bytes as u64) < MOST) {
            let named = sample.fields.iter().chain(&sample.labels).map(|f| &f.values[..]);
            let rows = [sample.matrix.values(), &sample.rhs].into_iter().chain(sample.solution.as_deref()).chain(named);
            let write = || -> std::io::Result<()> {
                file.seek(SeekFrom::Start(at))?;
                rows.into_iter().try_for_each(|row| file.write_all(bytemuck::cast_slice(row)))
            };
            // A full disk says so when its speed is tried.
            let _ = write();
        }
        start.elapsed().as_secs_f64()
    }

    /// Bytes a second that reach the disk of a file of this length; None where no file can be made.
    ///
    /// # Errors
    /// [`Error::Io`] if the disk is full.
    pub fn rate(self, length: u64) -> Result<Option<f64>> {
        let Some(mut file) = self.file else { return Ok(None) };
        let block = vec![0x5Au8; 1 << 20];
        let blocks = (TRIED as u64).min(length).div_ceil(block.len() as u64);
        let mut write = || -> std::io::Result<f64> {
            file.set_len(0)?;
            file.sync_all()?;
            file.seek(SeekFrom::Start(0))?;
            let start = Instant::now();
            (0..blocks).try_for_each(|_| file.write_all(&block))?;
            file.sync_all()?;
            Ok((blocks * block.len() as u64) as f64 / start.elapsed().as_secs_f64())
        };
        write().map(Some).map_err(|e| Error::io(self.directory, "write", e))
    }
}
