//! NumPy's `.npz`: sparse matrices as SciPy's `save_npz` and StAnD write them, and plain arrays.

use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zip::write::{SimpleFileOptions, ZipWriter};
use zip::{CompressionMethod, ZipArchive};

use super::npy::{self, Array, Data};
use super::{Unpack, atomic, claims, input};
use crate::error::{Error, Result};
use crate::linalg::{Csr, Pattern};

/// An opened `.npz`: a zip archive of `.npy` members, each checked against its CRC when read.
#[derive(Debug)]
pub struct Npz {
    path: PathBuf,
    archive: ZipArchive<Cursor<Arc<[u8]>>>,
    unpack: Unpack,
    /// Bytes of the file.
    packed: u64,
}

/// Reads a matrix: SciPy's `save_npz` (csr, csc, coo, bsr, dia) or StAnD's `A_indices` and `A_values`.
///
/// # Errors
/// [`Error::Io`] if the file cannot be read, [`Error::File`] naming what is missing or wrong in it.
pub fn read_matrix(path: impl AsRef<Path>) -> Result<Csr> {
    Npz::open(path, Unpack::default())?.matrix()
}

impl Npz {
    /// Opens an archive; `unpack` bounds what a member may unpack to.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read, [`Error::File`] if it is no zip archive or truncated.
    pub fn open(path: impl AsRef<Path>, unpack: Unpack) -> Result<Self> {
        let path = path.as_ref();
        Npz::from_bytes(input::bytes(path)?, path, unpack)
    }

    /// As [`Npz::open`], of the bytes of a file; `path` names it in errors.
    ///
    /// # Errors
    /// [`Error::File`] if they are no zip archive or truncated.
    pub fn from_bytes(bytes: Vec<u8>, path: &Path, unpack: Unpack) -> Result<Self> {
        let packed = bytes.len() as u64;
        let archive = ZipArchive::new(Cursor::new(bytes.into()))
            .map_err(|e| Error::file(path, format!("not a whole .npz file: {e}")))?;
        Ok(Npz { path: path.to_path_buf(), archive, unpack, packed })
    }

    /// The matrix: SciPy's `save_npz` (csr, csc, coo, bsr, dia) or StAnD's `A_indices` and `A_values`.
    ///
    /// # Errors
    /// [`Error::File`] naming what is missing or wrong.
    pub fn matrix(&self) -> Result<Csr> {
        if self.has("A_indices") {
            return self.stand();
        }
        if self.has("format") {
            return self.scipy();
        }
        Err(self.wrong(format!(
            "holds no matrix: expected SciPy's \"format\", \"indices\", \"indptr\", \"data\", \"shape\" or StAnD's \
             \"A_indices\", \"A_values\", found {}",
            self.names().collect::<Vec<_>>().join(", ")
        )))
    }

    /// Names of the arrays.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let names = self.archive.file_names();
        names.map(|n| n.strip_suffix(".npy").unwrap_or(n))
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
        let place = self.names().position(|n| n == name);
        let place = place.ok_or_else(|| self.wrong(format!("array \"{name}\" is missing")))?;
        let damaged = |what: String| self.wrong(format!("array \"{name}\" is damaged: {what}"));
        let mut archive = self.archive.clone();
        let member = archive.by_index(place).map_err(|e| damaged(e.to_string()))?;
        // No more than the directory says, and not much from a few bytes.
        let (mut content, size) = (Vec::new(), member.size());
        if size > self.unpack.bound(self.packed) && member.compressed_size() < size {
            let (what, claimed) = (format!("array \"{name}\""), format!("{size} bytes"));
            return Err(self.wrong(self.unpack.refusal(&what, &claimed, self.packed)));
        }
        let read = member.take(size + 1).read_to_end(&mut content);
        read.map_err(|e| damaged(e.to_string()))?;
        if content.len() as u64 != size {
            return Err(damaged(format!("{} bytes, not {size}", content.len())));
        }
        npy::parse(&content).map_err(|reason| self.wrong(format!("array \"{name}\": {reason}")))
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
        values.into_iter().map(|v| u32::try_from(v).map_err(|_| wrong(v))).collect()
    }

    fn wrong(&self, reason: impl Into<String>) -> Error {
        Error::file(&self.path, reason)
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
        let reach = indices.iter().max().map_or(0, |&m| m as usize + 1);
        claims::believed(reach, reach, values.len()).map_err(|reason| self.wrong(reason))?;
        // n is that of the load vector, or else what the indices reach.
        let n = match self.has("b") {
            true => self.vector("b")?.len(),
            false => reach,
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
        claims::believed(nrows, ncols, values.len()).map_err(|reason| self.wrong(reason))?;
        match format.as_str() {
            "coo" => {
                let (rows, cols) = (self.indices("row")?, self.indices("col")?);
                self.triplets(nrows, ncols, &rows, &cols, &values)
            }
            "csr" => self.compressed(nrows, ncols, values),
            "csc" => Ok(self.compressed(ncols, nrows, values)?.transpose()),
            "bsr" => self.blocks(nrows, ncols, &values),
            "dia" => self.diagonals(nrows, ncols, &values),
            other => Err(self.wrong(format!("format \"{other}\": must be csr, csc, coo, bsr or dia"))),
        }
    }

    fn triplets(&self, nrows: usize, ncols: usize, rows: &[u32], cols: &[u32], values: &[f64]) -> Result<Csr> {
        if rows.len() != values.len() || cols.len() != values.len() {
            let (r, c, v) = (rows.len(), cols.len(), values.len());
            return Err(self.wrong(format!("{r} rows, {c} columns and {v} values: must be as many")));
        }
        let pairs = rows.iter().zip(cols).zip(values);
        let entries: Vec<_> = pairs.map(|((&i, &j), &v)| (i as usize, j as usize, v)).collect();
        Csr::from_triplets(nrows, ncols, &entries).map_err(|e| self.wrong(e.to_string()))
    }

    /// SciPy's bsr: data has a dense block for every entry of indices.
    fn blocks(&self, nrows: usize, ncols: usize, values: &[f64]) -> Result<Csr> {
        let (indptr, indices) = (self.indices("indptr")?, self.indices("indices")?);
        let shape = self.array("data")?.shape;
        let fits = match shape[..] {
            [count, r, c] => {
                let whole =
                    r > 0 && c > 0 && nrows.is_multiple_of(r) && ncols.is_multiple_of(c) && count == indices.len();
                let rows = whole && indptr.len() == nrows / r + 1 && indptr.first() == Some(&0) && indptr.is_sorted();
                rows && indptr.last().map(|&e| e as usize) == Some(count)
            }
            _ => false,
        };
        if !fits {
            return Err(self.wrong(format!("\"data\" of {shape:?} is no blocks of a {nrows} × {ncols} matrix")));
        }
        let (r, c) = (shape[1], shape[2]);
        let mut entries = Vec::with_capacity(values.len());
        for (row, w) in indptr.windows(2).enumerate() {
            for k in w[0] as usize..w[1] as usize {
                for (at, &v) in values[k * r * c..][..r * c].iter().enumerate() {
                    entries.push((row * r + at / c, indices[k] as usize * c + at % c, v));
                }
            }
        }
        Csr::from_triplets(nrows, ncols, &entries).map_err(|e| self.wrong(e.to_string()))
    }

    /// SciPy's dia: row k of data holds diagonal offsets[k], entry j in column j.
    fn diagonals(&self, nrows: usize, ncols: usize, values: &[f64]) -> Result<Csr> {
        let (offsets, shape) = (self.integers("offsets")?, self.array("data")?.shape);
        let [count, length] = shape[..] else {
            return Err(self.wrong(format!("\"data\" must be diagonals × columns, and is {shape:?}")));
        };
        if count != offsets.len() {
            return Err(self.wrong(format!("{} offsets and {count} diagonals: must be as many", offsets.len())));
        }
        let mut entries = Vec::new();
        for (diagonal, offset) in values.chunks_exact(length.max(1)).zip(&offsets) {
            for (j, &v) in diagonal.iter().enumerate().take(ncols) {
                let row = (j as i64).checked_sub(*offset).and_then(|i| usize::try_from(i).ok());
                entries.extend(row.filter(|&i| i < nrows && v != 0.0).map(|i| (i, j, v)));
            }
        }
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
        let rows: Vec<u32> = rows.flat_map(|(i, w)| std::iter::repeat_n(i as u32, (w[1] - w[0]) as usize)).collect();
        self.triplets(nrows, ncols, &rows, &indices, &values)
    }
}

/// Writes A as `scipy.sparse.load_npz` reads it (CSR, stored without compression); b and x are further arrays for
/// `numpy.load`.
///
/// # Errors
/// [`Error::Io`] if the file cannot be written.
pub fn write(path: &Path, a: &Csr, b: &[f64], x: Option<&[f64]>) -> Result<()> {
    let p = a.pattern();
    let integers = |v: &[u32]| v.iter().flat_map(|&i| (i as i32).to_le_bytes()).collect::<Vec<u8>>();
    let reals = |v: &[f64]| v.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
    let shape = [a.nrows() as i64, a.ncols() as i64].map(i64::to_le_bytes);
    let mut members = vec![
        ("format", npy::encode("|S3", &[], b"csr")),
        ("indices", npy::encode("<i4", &[p.nnz()], &integers(p.indices()))),
        ("indptr", npy::encode("<i4", &[p.indptr().len()], &integers(p.indptr()))),
        ("shape", npy::encode("<i8", &[2], shape.as_flattened())),
        ("data", npy::encode("<f8", &[a.nnz()], &reals(a.values()))),
        ("b", npy::encode("<f8", &[b.len()], &reals(b))),
    ];
    members.extend(x.map(|x| ("x", npy::encode("<f8", &[x.len()], &reals(x)))));
    let archive = archive(&members).map_err(|e| Error::io(path, "write", e))?;
    atomic::write(path, archive)
}

/// A zip archive of `.npy` members.
fn archive(members: &[(&str, Vec<u8>)]) -> std::io::Result<Vec<u8>> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in members {
        let large = u32::try_from(content.len()).is_err();
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        zip.start_file(format!("{name}.npy"), options.large_file(large))?;
        zip.write_all(content)?;
    }
    Ok(zip.finish()?.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(bytes: &[u8]) -> Result<Npz> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.npz");
        std::fs::write(&path, bytes).unwrap();
        Npz::open(path, Unpack::default())
    }

    #[test]
    fn blocks_and_diagonals_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.npz");
        let ints = |v: &[i32]| v.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
        let reals = |v: &[f64]| v.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
        let read = |members: &[(&str, Vec<u8>)]| {
            std::fs::write(&path, archive(members).unwrap()).unwrap();
            read_matrix(&path)
        };
        let shape = ("shape", npy::encode("<i4", &[2], &ints(&[4, 4])));
        // [[1, 2], [3, 4]] at (0, 1) and twice that at (1, 0), in blocks.
        let a = read(&[
            ("format", npy::encode("|S3", &[], b"bsr")),
            shape.clone(),
            ("indptr", npy::encode("<i4", &[3], &ints(&[0, 1, 2]))),
            ("indices", npy::encode("<i4", &[2], &ints(&[1, 0]))),
            ("data", npy::encode("<f8", &[2, 2, 2], &reals(&[1., 2., 3., 4., 2., 4., 6., 8.]))),
        ])
        .unwrap();
        assert_eq!([a.get(0, 2), a.get(0, 3), a.get(1, 2), a.get(3, 1), a.get(0, 0)], [1., 2., 3., 8., 0.]);
        let a = read(&[
            ("format", npy::encode("|S3", &[], b"dia")),
            shape.clone(),
            ("offsets", npy::encode("<i4", &[2], &ints(&[0, -1]))),
            ("data", npy::encode("<f8", &[2, 4], &reals(&[1., 2., 3., 4., 5., 6., 7., 8.]))),
        ])
        .unwrap();
        assert_eq!([a.get(0, 0), a.get(3, 3), a.get(1, 0), a.get(3, 2)], [1., 4., 5., 7.]);
        assert_eq!(a.nnz(), 7);
        let huge = ("shape", npy::encode("<u8", &[2], &[u64::from(u32::MAX) - 1; 2].map(u64::to_le_bytes).concat()));
        let error = read(&[
            ("format", npy::encode("|S3", &[], b"coo")),
            huge,
            ("row", npy::encode("<i4", &[1], &ints(&[0]))),
            ("col", npy::encode("<i4", &[1], &ints(&[0]))),
            ("data", npy::encode("<f8", &[1], &reals(&[1.]))),
        ]);
        assert!(error.unwrap_err().to_string().contains("are believed"));
    }

    #[test]
    fn a_member_is_read_and_damage_is_seen() {
        let good = archive(&[("b", npy::encode("<f8", &[1], &2.5f64.to_le_bytes()))]).unwrap();
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
