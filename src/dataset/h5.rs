//! The few HDF5 verbs the dataset needs, with errors that name the file and the operating system's reason.
//!
//! The HDF5 library holds one lock per process: every call here is serialised by it.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use hdf5::dataset::{AllocTime, FillTime, Layout};
use hdf5::file::LibraryVersion;
use hdf5::{Group, H5Type, Location, MinorErrorCode};

use super::trailer::{self, Extent};
use crate::error::{Error, Result};
use crate::io::input;

/// Bytes every HDF5 file starts with.
const SIGNATURE: &[u8; 8] = b"\x89HDF\r\n\x1a\n";

/// A file (and the path to name in errors) that HDF5 has open.
pub(super) struct H5 {
    /// Where it lies.
    pub path: PathBuf,
    /// The open file.
    pub file: hdf5::File,
}

/// An array in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it is, from the root.
    pub path: String,
    /// Its extents.
    pub shape: Vec<usize>,
    /// Bytes it takes in the file.
    pub bytes: u64,
    /// Whether it is compressed.
    pub filters: bool,
}

/// What the frames of an HDF5 error say, innermost last.
fn story(e: &hdf5::Error) -> String {
    match e.stack() {
        None => e.to_string(),
        Some(stack) => {
            let frames: Vec<&str> = stack.iter().map(|f| f.desc()).collect();
            frames.join(": ")
        }
    }
}

/// The number after `key` in `text`.
fn number_after(text: &str, key: &str) -> Option<u64> {
    let rest = &text[text.find(key)? + key.len()..];
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// A file that HDF5 cannot lock: another program writes it, or the file system has no locks.
fn unlockable(path: &Path, code: Option<u64>) -> Error {
    let reason = code.map(|code| std::io::Error::from_raw_os_error(code as i32));
    match reason {
        Some(e) if e.kind() != std::io::ErrorKind::WouldBlock => Error::file(
            path,
            format!("cannot be locked ({e}): where the file system has no locks, set HDF5_USE_FILE_LOCKING=FALSE"),
        ),
        _ => trailer::locked(path),
    }
}

/// An HDF5 error met while doing `action` to `path`, in our words: the operating system's reason if there is one.
pub(super) fn broken(path: &Path, action: &'static str, e: &hdf5::Error) -> Error {
    let story = story(e);
    if story.contains("unable to lock file") {
        return unlockable(path, number_after(&story, "errno = "));
    }
    match number_after(&story, "errno = ") {
        Some(code) if code != 0 => Error::io(path, action, std::io::Error::from_raw_os_error(code as i32)),
        _ => Error::file(path, format!("HDF5 cannot {action} it: {story}")),
    }
}

impl H5 {
    /// Creates (or empties) a file that HDF5 1.8 and later read.
    ///
    /// Format 1.8 itself, not the earliest: from there on HDF5's headers carry checksums, so that a damaged one
    /// is an error and not a crash of the library.
    pub fn create(path: &Path) -> Result<Self> {
        let file = hdf5::File::with_options()
            .with_fapl(|p| p.libver_bounds(LibraryVersion::V18, LibraryVersion::V18))
            .with_fcpl(|p| p.obj_track_times(false))
            .create(path)
            .map_err(|e| broken(path, "create", &e))?;
        Ok(H5 { path: path.to_path_buf(), file })
    }

    /// Opens a file for reading; says whether it is truncated or locked.
    pub fn open(path: &Path) -> Result<Self> {
        let file = hdf5::File::open(path).map_err(|e| {
            let story = story(&e);
            if story.contains("truncated file") || e.contains_minor(MinorErrorCode::Truncated) {
                let size = std::fs::metadata(path).map_or(0, |m| m.len());
                let whole = number_after(&story, "stored_eof = ").or(number_after(&story, "stored_eoa = "));
                let of = whole.map_or(String::new(), |w| format!(" of {w}"));
                Error::file(path, format!("truncated: only {size}{of} bytes are there; make it again"))
            } else {
                broken(path, "open", &e)
            }
        })?;
        Ok(H5 { path: path.to_path_buf(), file })
    }

    /// Maps an HDF5 result to ours.
    pub fn wrote<T>(&self, r: hdf5::Result<T>) -> Result<T> {
        r.map_err(|e| broken(&self.path, "write", &e))
    }

    /// A new group, without time stamps.
    pub fn new_group(&self, at: &Group, name: &str) -> Result<Group> {
        let builder = at.create_group_builder().obj_track_times(false);
        self.wrote(builder.create(name))
    }

    /// A whole 1-D dataset.
    pub fn put<T: H5Type>(&self, group: &Group, name: &str, data: &[T]) -> Result<hdf5::Dataset> {
        let made = self.layout::<T>(group, name, &[data.len()], &[], false)?;
        if !data.is_empty() {
            self.wrote(made.write_raw(data))?;
        }
        Ok(made)
    }

    /// A whole 2-D dataset, `data` row-major with rows of `width`.
    pub fn put_rows<T: H5Type>(&self, group: &Group, name: &str, width: usize, data: &[T]) -> Result<()> {
        let rows = data.len().checked_div(width).unwrap_or(0);
        let made = self.layout::<T>(group, name, &[rows, width], &[], false)?;
        if !data.is_empty() {
            self.wrote(made.write_raw(data))?;
        }
        Ok(())
    }

    /// An empty dataset of a fixed shape, to be filled later: contiguous, with its place in the file, if `chunk` is
    /// empty.
    ///
    /// No time stamps and no fill values: the same samples make the same file.
    pub fn layout<T: H5Type>(
        &self,
        group: &Group,
        name: &str,
        shape: &[usize],
        chunk: &[usize],
        compress: bool,
    ) -> Result<hdf5::Dataset> {
        let chunked = !chunk.is_empty() && shape.iter().all(|&s| s > 0);
        let mut builder =
            group.new_dataset::<T>().shape(shape.to_vec()).obj_track_times(false).fill_time(FillTime::Never);
        if chunked {
            // Memory for the chunk that is being filled: rows come one by one.
            let bytes = chunk.iter().product::<usize>() * T::type_descriptor().size();
            builder = builder.chunk(chunk.to_vec()).chunk_cache(521, (2 * bytes).max(1 << 20), 1.0);
        } else {
            builder = builder.no_chunk().alloc_time(Some(AllocTime::Early));
        }
        if chunked && compress {
            builder = builder.shuffle().deflate(DEFLATE_LEVEL);
        }
        self.wrote(builder.create(name))
    }

    /// A scalar attribute.
    pub fn put_number<T: H5Type>(&self, at: &Location, name: &str, value: T) -> Result<()> {
        let attr = self.wrote(at.new_attr::<T>().create(name))?;
        self.wrote(attr.write_scalar(&value))
    }

    /// A vector attribute.
    pub fn put_list<T: H5Type>(&self, at: &Location, name: &str, values: &[T]) -> Result<()> {
        let attr = self.wrote(at.new_attr::<T>().shape(values.len()).create(name))?;
        self.wrote(attr.write_raw(values))
    }

    /// A scalar attribute, if it is there.
    pub fn number<T: H5Type>(&self, at: &Location, name: &str) -> Option<T> {
        at.attr(name).ok()?.read_scalar().ok()
    }

    /// A group that must be there.
    pub fn group(&self, name: &str) -> Result<Group> {
        self.file.group(name).map_err(|_| self.damaged(name, "is missing"))
    }

    /// A dataset that must be there with this shape.
    pub fn dataset(&self, name: &str, shape: &[usize]) -> Result<hdf5::Dataset> {
        let found = self.file.dataset(name).map_err(|_| self.damaged(name, "is missing"))?;
        if found.shape() != shape {
            return Err(self.damaged(name, &format!("has shape {:?}, expected {shape:?}", found.shape())));
        }
        self.plausible(name, &found)?;
        Ok(found)
    }

    /// Refuses extents larger than the file can hold, before memory is asked for them.
    fn plausible(&self, name: &str, d: &hdf5::Dataset) -> Result<()> {
        let file = std::fs::metadata(&self.path).map_or(0, |m| m.len());
        let entry = d.dtype().map_or(0, |t| t.size()) as u64;
        let size = d.shape().iter().try_fold(entry, |n, &s| n.checked_mul(s as u64));
        match size {
            Some(bytes) if bytes <= file.saturating_mul(DEFLATE_LIMIT) => Ok(()),
            _ => Err(self.damaged(name, "is larger than the file can hold")),
        }
    }

    /// All entries of a dataset, row-major, whatever its shape.
    pub fn all<T: H5Type>(&self, name: &str) -> Result<Vec<T>> {
        let found = self.file.dataset(name).map_err(|_| self.damaged(name, "is missing"))?;
        self.plausible(name, &found)?;
        found.read_raw().map_err(|e| self.damaged(name, &format!("cannot be read ({})", story(&e))))
    }

    /// Every array below the root, by path; second names (hard links) of PETSc's are left out.
    pub fn contents(&self) -> Result<Vec<Entry>> {
        let mut out = Vec::new();
        let mut groups = vec![(String::new(), (*self.file).clone())];
        // Groups can hold each other, by hard and by soft links.
        let mut known = HashSet::new();
        while let Some((at, group)) = groups.pop() {
            let place = group.loc_info().map_err(|e| self.unreadable(&at, &e))?;
            if !known.insert(format!("{} {:?}", place.fileno, place.token)) {
                continue;
            }
            let names = group.member_names().map_err(|e| self.unreadable(&at, &e))?;
            for name in names.iter().filter(|n| !["jc", "ir"].contains(&n.as_str())) {
                let path = format!("{at}/{name}");
                if let Ok(sub) = group.group(name) {
                    groups.push((path, sub));
                } else if let Ok(d) = group.dataset(name) {
                    out.push(Entry {
                        shape: d.shape(),
                        bytes: d.storage_size(),
                        filters: !d.filters().is_empty(),
                        path,
                    });
                }
            }
        }
        out.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(out)
    }

    /// The error for a part of the file that is not as the format has it.
    pub fn damaged(&self, name: &str, what: &str) -> Error {
        Error::file(&self.path, format!("damaged dataset: /{name} {what}"))
    }

    /// The error for a failed read of rows.
    pub fn unreadable(&self, name: &str, e: &hdf5::Error) -> Error {
        match broken(&self.path, "read", e) {
            io @ Error::Io { .. } => io,
            _ => self.damaged(name, &format!("cannot be read ({})", story(e))),
        }
    }

    /// Where the entries of an array lie in the file, all of them written out before.
    pub fn extents(&self, data: &hdf5::Dataset) -> Result<Vec<Extent>> {
        self.wrote(self.file.flush())?;
        match data.layout() {
            Layout::Chunked => {
                let chunks = (0..data.num_chunks().unwrap_or(0)).map(|k| data.chunk_info(k));
                let places = chunks.map(|chunk| chunk.map(|c| (c.addr, c.size))).collect::<Option<_>>();
                places.ok_or_else(|| Error::file(&self.path, "HDF5 cannot tell where it wrote the samples"))
            }
            _ => Ok(data.offset().map(|start| (start, data.storage_size())).into_iter().collect()),
        }
    }

    /// Closes, once no object of the file is open, adds the checksum of all but `extents`, and forces all to the disk.
    pub fn close(self, extents: Vec<Extent>) -> Result<()> {
        let H5 { path, file } = self;
        file.close().map_err(|e| broken(&path, "write", &e))?;
        trailer::append(&path, extents)
    }
}

/// The most that deflate can shrink bytes, by its format.
const DEFLATE_LIMIT: u64 = 1032;

/// zlib level of `--compress`: higher ones gain little on shuffled doubles.
pub(crate) const DEFLATE_LEVEL: u8 = 4;

/// Says whether a file is missing, or no HDF5 file.
pub(super) fn check_signature(path: &Path) -> Result<()> {
    use std::io::Read;
    let mut file = input::open(path)?;
    let mut head = [0u8; 8];
    match file.read_exact(&mut head) {
        Ok(()) if &head == SIGNATURE => Ok(()),
        Ok(()) => Err(Error::file(path, "is not a fempipe dataset (no HDF5 file)")),
        Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => {
            Err(Error::file(path, "is not a fempipe dataset (no HDF5 file)"))
        }
        Err(e) => Err(Error::io(path, "read", e)),
    }
}
