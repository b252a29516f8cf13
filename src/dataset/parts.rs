//! How datasets that several processes make, or whose rows have no places beforehand, are written so that nothing
//! finished is ever lost; others are written in place ([`super::Unfinished`]).
//!
//! `F.h5` is made as immutable parts of a few hundred samples in `F.h5.parts/`, each written under a temporary
//! name, forced to the disk, then renamed. When all are there they are joined into `F.h5` in the same way and
//! removed. So a kill or a full disk costs at most the two unfinished parts that samples are being put to, and a file
//! `F.h5` is always whole.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::copy;
use super::header::{Header, Part};
use super::places::Places;
use super::reader::Dataset;
use super::record::{Noted, Record, Totals};
use super::schema::Shape;
use super::split::Split;
use super::unfinished;
use super::writer::Writer;
use crate::error::{Error, Result};
use crate::interrupt;
use crate::io::atomic;

/// The name of the joined file in the directory of parts, until it is whole.
const JOINED: &str = "joined.tmp";

/// The recipe beside the parts, for people who find the directory.
pub const RECIPE: &str = "recipe.toml";

/// The file whose lock says who makes parts there.
pub const LOCK: &str = "lock";

/// Where the parts of `output`, or the dataset that is being written, lie.
pub fn directory(output: &Path) -> PathBuf {
    beside(output, ".parts")
}

/// A name with something added.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(suffix);
    PathBuf::from(name)
}

/// Refuses an output that no dataset can be written to, before any work.
///
/// # Errors
/// [`Error::File`] for a directory, a pipe, a device, or a name that is not UTF-8.
pub fn check_output(output: &Path) -> Result<()> {
    match output.to_str() {
        Some(_) => atomic::check_target(output),
        None => Err(Error::file(output, "is not a name in UTF-8, which the HDF5 library wants: choose another -o")),
    }
}

/// The file of a part.
pub fn file(dir: &Path, number: usize) -> PathBuf {
    dir.join(format!("part-{number:05}.h5"))
}

/// Writes one part, all of whose records are at hand; never compressed, since it is read only once.
///
/// # Errors
/// If the file system refuses; then no trace of the part is left.
pub fn write(dir: &Path, header: &Header, shape: &Shape, records: &[Record]) -> Result<()> {
    let number = header.part.map_or(0, |p| p.number);
    let target = file(dir, number);
    put(&target.with_extension("h5.tmp"), &target, header, shape, (records, &Split::new()))
}

/// A part that is laid out before its samples are made. No trace of it is left unless it is finished.
pub struct UnfinishedPart {
    writer: Option<Writer>,
    temporary: PathBuf,
    target: PathBuf,
}

impl UnfinishedPart {
    /// Lays out a part of samples of one pattern.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn create(dir: &Path, header: &Header, shape: &Shape) -> Result<Self> {
        let target = file(dir, header.part.map_or(0, |p| p.number));
        let temporary = target.with_extension("h5.tmp");
        match Writer::create(&temporary, header.clone(), shape.clone(), &Totals::default(), false) {
            Ok(writer) => Ok(UnfinishedPart { writer: Some(writer), temporary, target }),
            Err(e) => {
                // As when it is dropped.
                let _ = std::fs::remove_file(&temporary);
                Err(e)
            }
        }
    }

    /// Where its rows go, from any thread; None for samples with their own patterns.
    pub fn places(&self) -> Option<Arc<Places>> {
        self.writer.as_ref().and_then(Writer::places)
    }

    /// Finishes it, all rows written: with what the table keeps of the samples, in order.
    ///
    /// # Errors
    /// If samples are missing, or the file system refuses.
    pub fn finish(mut self, samples: &[Noted]) -> Result<()> {
        let Some(mut writer) = self.writer.take() else {
            return Ok(());
        };
        samples.iter().for_each(|noted| writer.note(noted));
        atomic::replace(&self.temporary, &self.target, |_| writer.finish(&Split::new()).map(drop))
    }
}

impl Drop for UnfinishedPart {
    fn drop(&mut self) {
        if self.writer.take().is_some() {
            // What is left of the file is of no use; the next run would write over it.
            let _ = std::fs::remove_file(&self.temporary);
        }
    }
}

/// Writes a whole dataset, all of whose records are at hand, in one go.
///
/// # Errors
/// If the file system refuses; then what was there before stays.
pub fn write_whole(output: &Path, header: &Header, shape: &Shape, records: &[Record], sets: &Split) -> Result<()> {
    let target = atomic::followed(output);
    put(&beside(&target, ".tmp"), &target, header, shape, (records, sets))
}

/// Writes records and sets beside the target, then renames.
fn put(
    temporary: &Path,
    target: &Path,
    header: &Header,
    shape: &Shape,
    (records, sets): (&[Record], &Split),
) -> Result<()> {
    atomic::replace(temporary, target, |temporary| {
        let mut totals = Totals::default();
        records.iter().for_each(|r| totals.add(&r.system));
        let mut w = Writer::create(temporary, header.clone(), shape.clone(), &totals, false)?;
        for record in records {
            w.push(record)?;
        }
        w.finish(sets).map(drop)
    })
}

/// The parts found in some directories, checked to belong together, by number.
#[derive(Debug, Default)]
pub struct PartSet {
    /// File and header of each part.
    pub parts: BTreeMap<usize, (PathBuf, Header)>,
}

impl PartSet {
    /// Looks into directories for parts; unfinished ones (`*.tmp`) do not count. Where they are of several runs, those
    /// that `wanted` takes are right, or else the most.
    ///
    /// # Errors
    /// [`Error::File`] naming a part that is unreadable, of another run than the others, or there twice.
    pub fn scan(dirs: &[PathBuf], wanted: &dyn Fn(&Header) -> bool) -> Result<Self> {
        let mut all = Vec::new();
        for dir in dirs {
            for path in h5_files(dir)? {
                let header = Dataset::open(&path)?.header().clone();
                let Some(part) = header.part else {
                    return Err(Error::file(&path, "is a whole dataset, not a part of one"));
                };
                all.push((path, header, part));
            }
        }
        let of_run = |origin: u64| all.iter().filter(|(_, h, _)| h.origin == origin).count();
        let right = all.iter().find(|(_, h, _)| wanted(h));
        // The first of those that are the most.
        let right = right.or_else(|| all.iter().rev().max_by_key(|(_, h, _)| of_run(h.origin)));
        let Some((right_path, right, _)) = right.cloned() else {
            return Ok(PartSet::default());
        };
        let mut found = PartSet::default();
        for (path, header, part) in all {
            check_same_run(&right_path, &right, &path, &header)?;
            if let Some((other, _)) = found.parts.get(&part.number) {
                let both = format!("is part {} once more: {} is it too", part.number, other.display());
                return Err(Error::file(&path, both));
            }
            found.parts.insert(part.number, (path, header));
        }
        Ok(found)
    }

    /// Numbers of the parts that are not there.
    pub fn missing(&self) -> Vec<usize> {
        let count = self.any().map_or(0, |(_, p)| p.parts);
        (0..count).filter(|i| !self.parts.contains_key(i)).collect()
    }

    /// Samples in the parts that are there.
    pub fn samples(&self) -> usize {
        self.parts.values().map(|(_, h)| h.samples).sum()
    }

    /// The header and part entry of any part.
    pub fn any(&self) -> Option<(&Header, Part)> {
        let (_, header) = self.parts.values().next()?;
        Some((header, header.part?))
    }
}

fn h5_files(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(dir).map_err(|e| Error::io(dir, "read", e))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|e| Error::io(dir, "read", e))?.path();
        if path.extension().is_some_and(|e| e == "h5") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Refuses a part of another run, saying what differs.
fn check_same_run(path_a: &Path, a: &Header, path_b: &Path, b: &Header) -> Result<()> {
    if a.origin == b.origin {
        return Ok(());
    }
    let why = difference(a, b);
    Err(Error::file(path_b, format!("is a foreign part: it does not belong with {} ({why})", path_a.display())))
}

/// The first thing in which two runs differ: version, content of a file that both name, or a line of the recipe.
pub fn difference(there: &Header, wanted: &Header) -> String {
    if there.fempipe_version != wanted.fempipe_version {
        let (a, b) = (&there.fempipe_version, &wanted.fempipe_version);
        return format!("made by fempipe {a} there, {b} here");
    }
    for file in &wanted.files {
        match there.files.iter().find(|f| f.path == file.path) {
            Some(f) if f.digest == file.digest => {}
            Some(f) => {
                let name = file.path.display();
                return format!("{name} has changed: XXH3 {:016x} there, {:016x} here", f.digest, file.digest);
            }
            None if there.recipe == wanted.recipe => {
                return format!("what {} held is not recorded there", file.path.display());
            }
            None => {}
        }
    }
    let lines = |h: &Header| -> Vec<String> {
        let kept = h.recipe.lines().map(str::trim).filter(|l| !l.is_empty());
        kept.map(String::from).collect()
    };
    let (a, b) = (lines(there), lines(wanted));
    let only = |x: &[String], y: &[String]| x.iter().find(|l| !y.contains(l)).cloned();
    match (only(&a, &b), only(&b, &a)) {
        (Some(x), Some(y)) => format!("{x} there, {y} here"),
        (Some(x), None) => format!("{x} there, not here"),
        (None, Some(y)) => format!("{y} here, not there"),
        (None, None) => "divided otherwise into parts".to_string(),
    }
}

/// Joins all parts into `output`, with `split`; the parts stay. Tells `progress` how many samples are done.
///
/// The temporary file lies in `dir`, or where that is on another file system than `output`, or `output` a link, beside
/// what is replaced.
///
/// # Errors
/// [`Error::File`] if parts are missing or one was altered; then `output` is untouched.
pub fn join(
    found: &PartSet,
    dir: &Path,
    output: &Path,
    split: &Split,
    compress: bool,
    progress: &dyn Fn(usize),
) -> Result<()> {
    let Some((any, part)) = found.any() else {
        return Err(Error::file(dir, "holds no parts: generate them first"));
    };
    let missing = found.missing();
    if !missing.is_empty() {
        let names: Vec<String> = missing.iter().take(8).map(|m| format!("part-{m:05}.h5")).collect();
        let more = if missing.len() > 8 { ", …" } else { "" };
        return Err(Error::file(
            dir,
            format!("{} of {} parts are missing: {}{more}", missing.len(), part.parts, names.join(", ")),
        ));
    }
    let header = Header { samples: part.total, part: None, ..any.clone() };
    let mut totals = Totals::default();
    let mut shape = None;
    for (path, _) in found.parts.values() {
        let data = Dataset::open(path)?;
        totals.join(&data.totals());
        shape.get_or_insert_with(|| data.shape().clone());
    }
    let Some(shape) = shape else {
        return Err(Error::file(dir, "holds no parts: generate them first"));
    };
    let target = atomic::followed(output);
    atomic::sweep(&target);
    atomic::replace(&temporary(dir, &target), &target, |temporary| {
        let mut w = Writer::create(temporary, header, shape, &totals, compress)?;
        let parts: Vec<&(PathBuf, Header)> = found.parts.values().collect();
        copy::all(&parts, &mut w, &|done| {
            progress(done);
            match interrupt::requested() {
                true => {
                    let there = format!("all parts are in {}; the same command joins them", dir.display());
                    Err(Error::Interrupted(there))
                }
                false => Ok(()),
            }
        })?;
        w.finish(split).map(drop)
    })
}

/// Where the joined file is written until it is whole: on the file system of `output`.
fn temporary(dir: &Path, output: &Path) -> PathBuf {
    match atomic::on_file_system_of(output, dir) {
        true => dir.join(JOINED),
        false => atomic::temporary(output),
    }
}

/// Removes a directory of parts that have been joined, as far as they were made here: files of others stay, and the
/// directory with them. `is_recipe` tells our recipe from another text of that name.
///
/// # Errors
/// If the file system refuses.
pub fn remove(dir: &Path, is_recipe: &dyn Fn(&str) -> bool) -> Result<()> {
    let failed = |e| Error::io(dir, "remove", e);
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let foreign =
            entry.file_name() == RECIPE && !std::fs::read_to_string(entry.path()).is_ok_and(|text| is_recipe(&text));
        if is_ours(&entry.file_name()) && !foreign && entry.file_type().map_err(failed)?.is_file() {
            std::fs::remove_file(entry.path()).map_err(failed)?;
        }
    }
    match std::fs::remove_dir(dir) {
        // A link to a directory is its owner's.
        Err(e) if matches!(e.kind(), ErrorKind::DirectoryNotEmpty | ErrorKind::NotADirectory) => Ok(()),
        done => done.map_err(failed),
    }
}

/// Whether a file in a directory of parts has a name that we give there.
fn is_ours(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else { return false };
    let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let part = |text: &str| text.strip_prefix("part-").and_then(|t| t.strip_suffix(".h5")).is_some_and(number);
    let shard = |text: &str| text.split_once("-of-").is_some_and(|(i, n)| number(i) && number(n));
    let unfinished = name.rsplit_once(".tmp").is_some_and(|(of, process)| {
        (process.is_empty() || process.strip_prefix('-').is_some_and(number))
            && (part(of) || [RECIPE, unfinished::JOURNAL].contains(&of))
    });
    [JOINED, LOCK, RECIPE].contains(&name)
        || unfinished::FILES.contains(&name)
        || part(name)
        || unfinished
        || name.strip_prefix("lock-").is_some_and(shard)
}
