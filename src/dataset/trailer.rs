//! The checksum of what no digest of a sample covers: headers, indexes, tables, patterns, mesh, sets.
//!
//! It stands behind the HDF5 content, where HDF5 itself does not look, and is checked before HDF5 reads anything of the
//! file: a damaged index can make the library crash or loop. A program that changes the file through HDF5 cuts it off;
//! such a file, like one of older versions, is read as [`super::trial`] says.
//!
//! It guards against damage, not against malice: whoever makes a file on purpose can give it a checksum that holds, and
//! HDF5 may then crash or loop on it (Ctrl-C ends that, as any call that does not come back). What this crate itself
//! makes of a file does not rest on the checksum: it is checked wherever it is read.
//!
//! ```text
//! content    HDF5
//! extents    (start, length) of rows of samples, rising; neighbours are one
//! count      how many
//! end        length of the content
//! checksum   XXH3 of the content outside the extents, then of extents, count and end
//! mark       8 bytes
//! ```
//!
//! All numbers are u64, little-endian.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use xxhash_rust::xxh3::Xxh3;

use crate::error::{Error, Result};

/// What the trailer ends with.
const MARK: &[u8; 8] = b"\xFFfempipe";

/// Bytes of count, end, checksum and mark.
const FOOT: u64 = 32;

/// Bytes of an extent.
const EXTENT: u64 = 16;

/// (start, length) in a file.
pub(super) type Extent = (u64, u64);

/// Whether a file has a trailer, which then holds.
///
/// # Errors
/// [`Error::File`] if the file is not what the checksum was made of, or goes on behind its content without one; if it
/// is being written by another program.
pub(super) fn holds(path: &Path) -> Result<bool> {
    let mut file = File::open(path).map_err(|e| Error::io(path, "open", e))?;
    let failed = |e| Error::io(path, "read", e);
    let length = file.metadata().map_err(failed)?.len();
    let damaged = |what: &str| Error::file(path, format!("damaged: {what}; make it again, or take a copy of it"));
    let Some((count, end, recorded)) = foot(&mut file, length).map_err(failed)? else {
        return match content_end(&mut file).map_err(failed)? {
            Some(end) if end < length => Err(damaged("truncated or altered at its end, where its checksum was")),
            _ => Ok(false),
        };
    };
    let table = count.checked_mul(EXTENT).filter(|table| table.checked_add(FOOT).is_some_and(|t| t <= length));
    if table.and_then(|table| end.checked_add(table + FOOT)) != Some(length) {
        return Err(damaged("its last bytes are not those of a dataset"));
    }
    let extents = extents_at(&mut file, end, count).map_err(failed)?;
    if checksum(&mut file, end, &extents).map_err(failed)? != Some(recorded) {
        if matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)) {
            return Err(locked(path));
        }
        return Err(damaged("the checksum of its headers and tables does not hold"));
    }
    Ok(true)
}

/// The error for a file that another program is writing.
pub(super) fn locked(path: &Path) -> Error {
    Error::file(path, "is locked: another program has it open for writing; close it there, and do the same again")
}

/// Writes the trailer behind the content of a file, of which `extents` are rows of samples; forces it to the disk.
///
/// # Errors
/// [`Error::Io`].
pub(super) fn append(path: &Path, extents: Vec<Extent>) -> Result<()> {
    let extents = joined(extents);
    let write = || -> std::io::Result<()> {
        let mut file = File::options().read(true).write(true).open(path)?;
        let end = file.metadata()?.len();
        let checksum = checksum(&mut file, end, &extents)?
            .ok_or_else(|| std::io::Error::other("HDF5 says that samples lie outside the file"))?;
        let mut bytes = Vec::with_capacity(EXTENT as usize * extents.len() + FOOT as usize);
        let numbers = extents.iter().flat_map(|&(start, length)| [start, length]);
        for number in numbers.chain([extents.len() as u64, end, checksum]) {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(MARK);
        file.seek(SeekFrom::Start(end))?;
        file.write_all(&bytes)?;
        file.sync_all()
    };
    write().map_err(|e| Error::io(path, "write", e))
}

/// Copies all of a file that has a trailer, the trailer included, except for its rows of samples to the same places of
/// another one, which is then as long.
///
/// # Errors
/// [`Error::Io`] of one of the two.
pub(super) fn copy_around_rows(from: &Path, to: &Path) -> Result<()> {
    let failed = |e| Error::io(from, "read", e);
    let mut source = File::open(from).map_err(failed)?;
    let length = source.metadata().map_err(failed)?.len();
    let foot = foot(&mut source, length).map_err(failed)?;
    let (count, end, _) = foot.ok_or_else(|| Error::file(from, "has no checksum: make it again"))?;
    let extents = extents_at(&mut source, end, count).map_err(failed)?;
    let mut target = File::options().write(true).open(to).map_err(|e| Error::io(to, "open", e))?;
    let mut copy = || -> std::io::Result<()> {
        let mut at = 0;
        for &(start, rows) in extents.iter().chain([&(length, 0)]) {
            source.seek(SeekFrom::Start(at))?;
            target.seek(SeekFrom::Start(at))?;
            std::io::copy(&mut (&mut source).take(start - at), &mut target)?;
            at = start + rows;
        }
        target.set_len(length)
    };
    copy().map_err(|e| Error::io(to, "write", e))
}

/// Rising, neighbours made one.
fn joined(mut extents: Vec<Extent>) -> Vec<Extent> {
    extents.retain(|e| e.1 > 0);
    extents.sort_unstable();
    let mut out: Vec<Extent> = Vec::new();
    for (start, length) in extents {
        match out.last_mut() {
            Some(last) if last.0 + last.1 == start => last.1 += length,
            _ => out.push((start, length)),
        }
    }
    out
}

/// Count, end and checksum, if the file ends with a trailer.
fn foot(file: &mut File, length: u64) -> std::io::Result<Option<(u64, u64, u64)>> {
    let Some(at) = length.checked_sub(FOOT) else { return Ok(None) };
    let mut foot = [0u8; FOOT as usize];
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(&mut foot)?;
    let number = |k: usize| u64::from_le_bytes(std::array::from_fn(|b| foot[8 * k + b]));
    Ok((foot[24..] == *MARK).then(|| (number(0), number(1), number(2))))
}

fn extents_at(file: &mut File, at: u64, count: u64) -> std::io::Result<Vec<Extent>> {
    let mut bytes = vec![0u8; (count * EXTENT) as usize];
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(&mut bytes)?;
    let number = |place: &[u8]| u64::from_le_bytes(std::array::from_fn(|b| place[b]));
    Ok(bytes.chunks_exact(EXTENT as usize).map(|place| (number(&place[..8]), number(&place[8..]))).collect())
}

/// The checksum; None if the extents are not rising ones within the content.
fn checksum(file: &mut File, end: u64, extents: &[Extent]) -> std::io::Result<Option<u64>> {
    let mut hash = Xxh3::new();
    let mut at = 0;
    for &(start, length) in extents.iter().chain([&(end, 0)]) {
        let next = start.checked_add(length).filter(|next| at <= start && *next <= end);
        let Some(next) = next else { return Ok(None) };
        add(&mut hash, file, at, start)?;
        at = next;
    }
    let numbers = extents.iter().flat_map(|&(start, length)| [start, length]);
    numbers.chain([extents.len() as u64, end]).for_each(|number| hash.update(&number.to_le_bytes()));
    Ok(Some(hash.digest()))
}

/// Adds the bytes from `from` up to `to`.
fn add(hash: &mut Xxh3, file: &mut File, from: u64, to: u64) -> std::io::Result<()> {
    file.seek(SeekFrom::Start(from))?;
    let mut block = [0u8; 1 << 14];
    let mut left = to - from;
    while left > 0 {
        let now = left.min(block.len() as u64) as usize;
        file.read_exact(&mut block[..now])?;
        hash.update(&block[..now]);
        left -= now as u64;
    }
    Ok(())
}

/// Where the HDF5 content ends, as its superblock (version 2 or 3, at the start of the file) says.
fn content_end(file: &mut File) -> std::io::Result<Option<u64>> {
    let mut block = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.take(36).read_to_end(&mut block)?;
    let usual = block.len() == 36 && [2, 3].contains(&block[8]) && block[9..11] == [8, 8];
    Ok(usual.then(|| u64::from_le_bytes(std::array::from_fn(|b| block[28 + b]))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_outside_the_extents_counts() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let content: Vec<u8> = (0..200).collect();
        std::fs::write(&path, &content).unwrap();
        assert!(!holds(&path).unwrap());
        append(&path, vec![(60, 10), (20, 5), (50, 10), (7, 0)]).unwrap();
        assert!(holds(&path).unwrap());
        let whole = std::fs::read(&path).unwrap();
        assert_eq!(whole.len() as u64, 200 + 2 * EXTENT + FOOT);
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 1 << (at % 8);
            std::fs::write(&path, &changed).unwrap();
            let row = (20..25).contains(&at) || (50..70).contains(&at);
            // This content is no HDF5: without its mark the trailer is none.
            let mark = at >= whole.len() - MARK.len();
            match holds(&path) {
                Ok(found) => assert!(found == row && (row || mark), "{at}"),
                Err(e) => assert!(!row && !mark && e.to_string().contains("damaged"), "{at}: {e}"),
            }
        }
    }
}
