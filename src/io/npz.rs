//! NumPy's `.npz`: sparse matrices as SciPy's `save_npz` and StAnD write them, and plain arrays.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::npy::{Array, Data, parse as npy, u16_at, u32_at};
use crate::error::{Error, Result};
use crate::linalg::{Csr, Pattern};

pub use super::npz_writer::write;

/// An opened `.npz`: a zip archive of `.npy` members, each checked against its CRC when read.
#[derive(Debug)]
pub struct Npz {
    path: PathBuf,
    bytes: Vec<u8>,
    members: Vec<Member>,
}

#[derive(Debug)]
struct Member {
    name: String,
    deflated: bool,
    crc: u32,
    packed: usize,
    size: usize,
    header: usize,
}

/// Reads a matrix: SciPy's `save_npz` (csr, csc, coo) or StAnD's `A_indices` and `A_values`.
///
/// # Errors
/// [`Error::Io`] if the file cannot be read, [`Error::File`] naming what is missing or wrong in it.
pub fn read_matrix(path: impl AsRef<Path>) -> Result<Csr> {
    let npz = Npz::open(path)?;
    if npz.has("A_indices") {
        return npz.stand();
    }
    if npz.has("format") {
        return npz.scipy();
    }
    Err(npz.wrong(format!(
        "holds no matrix: expected SciPy's \"format\", \"indices\", \"indptr\", \"data\", \"shape\" or StAnD's \
         \"A_indices\", \"A_values\", found {}",
        npz.names().collect::<Vec<_>>().join(", ")
    )))
}

impl Npz {
    /// Opens an archive.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read, [`Error::File`] if it is no zip archive or truncated.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(|e| Error::io(path, "read", e))?;
        let members = directory(&bytes).ok_or_else(|| {
            Error::file(
                path,
                "not a whole .npz file: the zip directory at its end is missing or broken",
            )
        })?;
        Ok(Npz {
            path: path.to_path_buf(),
            bytes,
            members,
        })
    }

    /// Names of the arrays.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|m| m.name.as_str())
    }

    /// Whether there is an array called `name`.
    pub fn has(&self, name: &str) -> bool {
        self.names().any(|n| n == name)
    }

    /// The array called `name`.
    ///
    /// # Errors
    /// [`Error::File`] if it is not there, damaged, or of a type that is not numbers or text.
    pub fn array(&self, name: &str) -> Result<Array> {
        let member = self.members.iter().find(|m| m.name == name);
        let member = member.ok_or_else(|| self.wrong(format!("array \"{name}\" is missing")))?;
        let damaged = |what: &str| self.wrong(format!("array \"{name}\" is damaged: {what}"));
        let packed = self
            .packed(member)
            .ok_or_else(|| damaged("it reaches beyond the file"))?;
        let mut inflated = Vec::new();
        let content = if member.deflated {
            let limit = member.size as u64 + 1;
            flate2::read::DeflateDecoder::new(packed)
                .take(limit)
                .read_to_end(&mut inflated)
                .map_err(|_| damaged("its compressed data cannot be inflated"))?;
            &inflated[..]
        } else {
            packed
        };
        let mut crc = flate2::Crc::new();
        crc.update(content);
        if content.len() != member.size || crc.sum() != member.crc {
            return Err(damaged("its checksum differs"));
        }
        npy(content).map_err(|reason| self.wrong(format!("array \"{name}\": {reason}")))
    }

    /// The array called `name` as a vector of numbers.
    ///
    /// # Errors
    /// As [`Npz::array`], and [`Error::File`] if it is text.
    pub fn vector(&self, name: &str) -> Result<Vec<f64>> {
        match self.array(name)?.data {
            Data::Float(v) => Ok(v),
            Data::Int(v) => Ok(v.into_iter().map(|v| v as f64).collect()),
            Data::Text(_) => Err(self.wrong(format!("array \"{name}\" is text, not numbers"))),
        }
    }

    fn integers(&self, name: &str) -> Result<Vec<i64>> {
        match self.array(name)?.data {
            Data::Int(v) => Ok(v),
            _ => Err(self.wrong(format!("array \"{name}\" must hold integers"))),
        }
    }

    /// Integers that are indices: from 0, below 2^32.
    fn indices(&self, name: &str) -> Result<Vec<u32>> {
        let values = self.integers(name)?;
        let wrong = |v| self.wrong(format!("array \"{name}\": {v} is no index"));
        values
            .into_iter()
            .map(|v| u32::try_from(v).map_err(|_| wrong(v)))
            .collect()
    }

    fn wrong(&self, reason: impl Into<String>) -> Error {
        Error::file(&self.path, reason)
    }

    fn packed(&self, member: &Member) -> Option<&[u8]> {
        let h = member.header;
        if self.bytes.get(h..h + 4)? != b"PK\x03\x04" {
            return None;
        }
        let start = h + 30 + u16_at(&self.bytes, h + 26)? as usize + u16_at(&self.bytes, h + 28)? as usize;
        self.bytes.get(start..start.checked_add(member.packed)?)
    }

    fn stand(&self) -> Result<Csr> {
        let array = self.array("A_indices")?;
        let indices = self.indices("A_indices")?;
        let values = self.vector("A_values")?;
        if array.shape != [2, values.len()] {
            return Err(self.wrong(format!(
                "\"A_indices\" must be 2×{} as \"A_values\" has that many entries, and is {:?}",
                values.len(),
                array.shape
            )));
        }
        let (rows, cols) = indices.split_at(values.len());
        // n is that of the load vector, or else what the indices reach.
        let n = match self.has("b") {
            true => self.vector("b")?.len(),
            false => indices.iter().max().map_or(0, |&m| m as usize + 1),
        };
        self.triplets(n, n, rows, cols, &values)
    }

    fn scipy(&self) -> Result<Csr> {
        let format = match self.array("format")?.data {
            Data::Text(t) if t.len() == 1 => t[0].clone(),
            _ => return Err(self.wrong("array \"format\" must be one text")),
        };
        let shape = self.indices("shape")?;
        let [nrows, ncols] = shape[..] else {
            return Err(self.wrong(format!("\"shape\" must be two numbers, and has {}", shape.len())));
        };
        let (nrows, ncols) = (nrows as usize, ncols as usize);
        let values = self.vector("data")?;
        match format.as_str() {
            "coo" => {
                let (rows, cols) = (self.indices("row")?, self.indices("col")?);
                self.triplets(nrows, ncols, &rows, &cols, &values)
            }
            "csr" => self.compressed(nrows, ncols, values),
            "csc" => Ok(self.compressed(ncols, nrows, values)?.transpose()),
            other => Err(self.wrong(format!("format \"{other}\": must be csr, csc or coo"))),
        }
    }

    fn triplets(
        &self,
        nrows: usize,
        ncols: usize,
        rows: &[u32],
        cols: &[u32],
        values: &[f64],
    ) -> Result<Csr> {
        if rows.len() != values.len() || cols.len() != values.len() {
            let (r, c, v) = (rows.len(), cols.len(), values.len());
            return Err(self.wrong(format!("{r} rows, {c} columns and {v} values: must be as many")));
        }
        let pairs = rows.iter().zip(cols).zip(values);
        let entries: Vec<_> = pairs.map(|((&i, &j), &v)| (i as usize, j as usize, v)).collect();
        Csr::from_triplets(nrows, ncols, &entries).map_err(|e| self.wrong(e.to_string()))
    }

    /// Compressed rows, sorted where SciPy did not.
    fn compressed(&self, nrows: usize, ncols: usize, values: Vec<f64>) -> Result<Csr> {
        let (indptr, indices) = (self.indices("indptr")?, self.indices("indices")?);
        let whole = indptr.len() == nrows + 1
            && indptr.first() == Some(&0)
            && indptr.is_sorted()
            && indptr.last().map(|&e| e as usize) == Some(indices.len());
        if !whole {
            return Err(self.wrong(format!(
                "\"indptr\" must rise from 0 to {} over {} entries",
                indices.len(),
                nrows + 1
            )));
        }
        let sorted = indptr.windows(2).all(|w| {
            let row = &indices[w[0] as usize..w[1] as usize];
            row.is_sorted_by(|a, b| a < b)
        });
        if sorted {
            let pattern = Pattern::new(nrows, ncols, indptr, indices);
            let matrix = pattern.and_then(|p| Csr::new(Arc::new(p), values));
            return matrix.map_err(|e| self.wrong(e.to_string()));
        }
        let rows = indptr.windows(2).enumerate();
        let rows: Vec<u32> = rows
            .flat_map(|(i, w)| std::iter::repeat_n(i as u32, (w[1] - w[0]) as usize))
            .collect();
        self.triplets(nrows, ncols, &rows, &indices, &values)
    }
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    let b = bytes.get(at..at.checked_add(8)?)?;
    Some(u64::from_le_bytes(b.try_into().ok()?))
}

/// The zip directory; `None` where it is broken. Archives beyond 4 GB (zip64 directories) are not read.
fn directory(bytes: &[u8]) -> Option<Vec<Member>> {
    let end = bytes
        .windows(4)
        .rposition(|w| w == b"PK\x05\x06")
        .filter(|&e| e + 22 <= bytes.len())?;
    let count = u16_at(bytes, end + 10)? as usize;
    let mut at = u32_at(bytes, end + 16)? as usize;
    let mut members = Vec::with_capacity(count);
    for _ in 0..count {
        if bytes.get(at..at + 4)? != b"PK\x01\x02" {
            return None;
        }
        let method = u16_at(bytes, at + 10)?;
        let name_len = u16_at(bytes, at + 28)? as usize;
        let extra_len = u16_at(bytes, at + 30)? as usize;
        let name = std::str::from_utf8(bytes.get(at + 46..at + 46 + name_len)?).ok()?;
        let extra = bytes.get(at + 46 + name_len..at + 46 + name_len + extra_len)?;
        let fields = [
            u32_at(bytes, at + 24)?,
            u32_at(bytes, at + 20)?,
            u32_at(bytes, at + 42)?,
        ];
        let [size, packed, header] = widened(fields, extra)?;
        if method != 0 && method != 8 {
            return None;
        }
        members.push(Member {
            name: name.strip_suffix(".npy").unwrap_or(name).to_string(),
            deflated: method == 8,
            crc: u32_at(bytes, at + 16)?,
            packed,
            size,
            header,
        });
        at += 46 + name_len + extra_len + u16_at(bytes, at + 32)? as usize;
    }
    Some(members)
}

/// Size, packed size and offset, each taken from the zip64 field where it is all ones.
fn widened(fields: [u32; 3], extra: &[u8]) -> Option<[usize; 3]> {
    let mut wide = 0;
    let mut at = 0;
    while let (Some(id), Some(len)) = (u16_at(extra, at), u16_at(extra, at + 2)) {
        if id == 1 {
            wide = at + 4;
        }
        at += 4 + len as usize;
    }
    let mut out = [0; 3];
    for (out, field) in out.iter_mut().zip(fields) {
        *out = if field == u32::MAX && wide > 0 {
            let value = u64_at(extra, wide)?;
            wide += 8;
            usize::try_from(value).ok()?
        } else {
            field as usize
        };
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A zip with one stored member.
    fn zip(name: &str, content: &[u8]) -> Vec<u8> {
        let mut crc = flate2::Crc::new();
        crc.update(content);
        let size = (content.len() as u32).to_le_bytes();
        let len = (name.len() as u16).to_le_bytes();
        let mut out = b"PK\x03\x04".to_vec();
        out.extend([0; 22]);
        out.extend(len);
        out.extend([0; 2]);
        out.extend(name.as_bytes());
        out.extend(content);
        let start = (out.len() as u32).to_le_bytes();
        out.extend(b"PK\x01\x02");
        out.extend([0; 12]);
        out.extend(crc.sum().to_le_bytes());
        out.extend(size);
        out.extend(size);
        out.extend(len);
        out.extend([0; 16]);
        out.extend(name.as_bytes());
        out.extend(b"PK\x05\x06");
        out.extend([0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0]);
        out.extend(start);
        out.extend([0; 2]);
        out
    }

    fn open(bytes: &[u8]) -> Result<Npz> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.npz");
        std::fs::write(&path, bytes).unwrap();
        Npz::open(path)
    }

    #[test]
    fn a_member_is_read_and_damage_is_seen() {
        let mut npy = b"\x93NUMPY\x01\x00\x3a\x00".to_vec();
        npy.extend(b"{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }\n");
        npy.extend(2.5f64.to_le_bytes());
        let good = zip("b.npy", &npy);
        let npz = open(&good).unwrap();
        assert_eq!(npz.vector("b").unwrap(), [2.5]);
        let error = npz.vector("c").unwrap_err().to_string();
        assert!(error.contains("a.npz: array \"c\" is missing"), "{error}");
        let mut altered = good.clone();
        altered[100] ^= 1;
        let error = open(&altered).unwrap().vector("b").unwrap_err().to_string();
        assert!(error.contains("checksum"), "{error}");
        for cut in 0..good.len() {
            assert!(open(&good[..cut]).is_err(), "cut at {cut}");
        }
    }
}
