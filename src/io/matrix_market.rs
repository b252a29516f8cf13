//! Matrix Market files: `coordinate` and `array`, real, integer and pattern; general, symmetric and skew-symmetric;
//! plain or compressed by gzip.
//!
//! Every refusal names the line and what would be right. Format: <https://math.nist.gov/MatrixMarket/formats.html>.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use super::{Unpack, atomic, claims, input};
use crate::error::{Error, Result};
use crate::linalg::Csr;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    Coordinate,
    Array,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Symmetry {
    General,
    Symmetric,
    Skew,
}

#[derive(Debug, Clone, Copy)]
struct Header {
    layout: Layout,
    pattern: bool,
    symmetry: Symmetry,
}

/// Reads a matrix. Pattern matrices get ones; entries given twice are summed; a symmetric file gives both triangles.
///
/// # Errors
/// [`Error::Io`] if the file cannot be read, [`Error::File`] with the line where it is malformed or of a kind not
/// supported (complex, Hermitian).
pub fn read(path: impl AsRef<Path>) -> Result<Csr> {
    read_within(path, Unpack::default())
}

/// As [`read`]; `unpack` bounds what a gzipped file may unpack to.
///
/// # Errors
/// As [`read`].
pub fn read_within(path: impl AsRef<Path>, unpack: Unpack) -> Result<Csr> {
    let path = path.as_ref();
    let file = input::open(path)?;
    let size = file.metadata().map_err(|e| Error::io(path, "read", e))?.len();
    from_reader(BufReader::new(file), size, path, unpack)
}

/// As [`read_within`], from a reader of `size` bytes; `path` names it in errors.
///
/// # Errors
/// As [`read`].
pub fn from_reader(mut reader: impl BufRead, size: u64, path: &Path, unpack: Unpack) -> Result<Csr> {
    match reader.fill_buf().map_err(|e| Error::io(path, "read", e))? {
        [0x1f, 0x8b, ..] => {
            let bound = unpack.bound(size);
            // One byte more, to see that there is one.
            let mut unpacked = BufReader::new(MultiGzDecoder::new(reader).take(bound.saturating_add(1)));
            let read = parse(&mut unpacked, path, unpack.entries(size));
            match unpacked.get_ref().limit() {
                0 => Err(Error::file(path, unpack.refusal("the file", &format!("more than {bound} bytes"), size))),
                _ => read,
            }
        }
        _ => parse(reader, path, usize::MAX),
    }
}

/// The file of the right-hand side that belongs to a matrix: `NAME_b.mtx` beside `NAME.mtx`, if it is there.
pub fn right_hand_side_beside(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_string_lossy();
    let (stem, extension) = name.split_once(".mtx")?;
    let beside = path.with_file_name(format!("{stem}_b.mtx{extension}"));
    beside.is_file().then_some(beside)
}

/// Reads a vector: a matrix of one column (or one row).
///
/// # Errors
/// As [`read`], and [`Error::File`] for a matrix of other shape.
pub fn read_vector(path: impl AsRef<Path>) -> Result<Vec<f64>> {
    read_vector_within(path, Unpack::default())
}

/// As [`read_vector`]; `unpack` bounds what a gzipped file may unpack to.
///
/// # Errors
/// As [`read_vector`].
pub fn read_vector_within(path: impl AsRef<Path>, unpack: Unpack) -> Result<Vec<f64>> {
    let path = path.as_ref();
    let m = read_within(path, unpack)?;
    if m.ncols() == 1 {
        Ok((0..m.nrows()).map(|i| m.get(i, 0)).collect())
    } else if m.nrows() == 1 {
        Ok((0..m.ncols()).map(|j| m.get(0, j)).collect())
    } else {
        let reason = format!("a {}×{} matrix where a vector (one column) is needed", m.nrows(), m.ncols());
        Err(Error::file(path, reason))
    }
}

/// Writes A as `coordinate real general`, every digit kept.
///
/// # Errors
/// [`Error::Io`] if the file cannot be written.
pub fn write(path: impl AsRef<Path>, a: &Csr) -> Result<()> {
    atomic::stream(path, |out| {
        writeln!(out, "%%MatrixMarket matrix coordinate real general")?;
        writeln!(out, "{} {} {}", a.nrows(), a.ncols(), a.nnz())?;
        for i in 0..a.nrows() {
            let (cols, vals) = a.row(i);
            for (&j, v) in cols.iter().zip(vals) {
                writeln!(out, "{} {} {v:e}", i + 1, j + 1)?;
            }
        }
        Ok(())
    })
}

/// Writes v as `array real general`, one column, every digit kept.
///
/// # Errors
/// [`Error::Io`] if the file cannot be written.
pub fn write_vector(path: impl AsRef<Path>, v: &[f64]) -> Result<()> {
    atomic::stream(path, |out| {
        writeln!(out, "%%MatrixMarket matrix array real general\n{} 1", v.len())?;
        v.iter().try_for_each(|v| writeln!(out, "{v:e}"))
    })
}

/// The longest line that is read.
const LONGEST: u64 = 1 << 16;

/// Lines that say something, with their numbers.
struct Lines<'a, R> {
    reader: R,
    path: &'a Path,
    bytes: Vec<u8>,
    text: String,
    number: usize,
    /// Entries that are read at most.
    most: usize,
}

impl<R: BufRead> Lines<'_, R> {
    /// Reads the next line; false at the end of the file. Comments may be in any encoding.
    fn advance(&mut self) -> Result<bool> {
        self.bytes.clear();
        self.text.clear();
        self.number += 1;
        let mut line = self.reader.by_ref().take(LONGEST);
        let count = line.read_until(b'\n', &mut self.bytes).map_err(|e| match e.kind() {
            std::io::ErrorKind::InvalidData | std::io::ErrorKind::InvalidInput | std::io::ErrorKind::UnexpectedEof => {
                Error::file(self.path, format!("line {}: damaged gzip data: {e}", self.number))
            }
            _ => Error::io(self.path, "read", e),
        })?;
        if count as u64 == LONGEST && self.bytes.last() != Some(&b'\n') {
            return Err(self.wrong(format!("longer than {LONGEST} characters: no Matrix Market file")));
        }
        if self.number == 1 {
            // A byte-order mark.
            self.bytes.drain(..if self.bytes.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 });
        }
        let comment = self.bytes.first() == Some(&b'%') && self.number > 1;
        match std::str::from_utf8(&self.bytes) {
            Ok(text) => self.text.push_str(text),
            Err(_) if comment => self.text.push('%'),
            Err(_) => return Err(self.wrong("not text")),
        }
        Ok(count > 0)
    }

    /// As [`Lines::advance`], past empty lines and comments.
    fn content(&mut self) -> Result<bool> {
        while self.advance()? {
            let text = self.text.trim();
            if !text.is_empty() && !text.starts_with('%') {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn wrong(&self, reason: impl std::fmt::Display) -> Error {
        Error::file(self.path, format!("line {}: {reason}", self.number))
    }

    /// The numbers of the current line, exactly `N` of them.
    fn words<const N: usize>(&self, what: &str) -> Result<[&str; N]> {
        let mut words = self.text.split_whitespace();
        let mut out = [""; N];
        for slot in &mut out {
            *slot = words.next().ok_or_else(|| self.wrong(what))?;
        }
        match words.next() {
            None => Ok(out),
            Some(extra) => Err(self.wrong(format!("{what}; \"{extra}\" is too much"))),
        }
    }

    fn size(&self, text: &str, what: &str) -> Result<usize> {
        match text.parse::<u32>() {
            Ok(v) if v < u32::MAX => Ok(v as usize),
            _ => Err(self.wrong(format!("{what} \"{text}\" is not a count below 2^32"))),
        }
    }

    /// A one-based index up to `limit`, made zero-based.
    fn index(&self, text: &str, what: &str, limit: usize) -> Result<usize> {
        match text.parse::<usize>() {
            Ok(i) if (1..=limit).contains(&i) => Ok(i - 1),
            _ => Err(self.wrong(format!("{what} {text} is not between 1 and {limit}"))),
        }
    }

    fn value(&self, text: &str) -> Result<f64> {
        // Fortran writes 4.0D+00.
        let read = match text.contains(['d', 'D']) {
            true => text.replace(['d', 'D'], "e").parse::<f64>(),
            false => text.parse::<f64>(),
        };
        match read {
            Ok(v) if v.is_finite() => Ok(v),
            _ => Err(self.wrong(format!("\"{text}\" is not a finite number"))),
        }
    }
}

fn parse(reader: impl BufRead, path: &Path, most: usize) -> Result<Csr> {
    let mut lines = Lines { reader, path, bytes: Vec::new(), text: String::new(), number: 0, most };
    let header = header(&mut lines)?;
    if !lines.content()? {
        return Err(lines.wrong("the file ends before the line with the sizes"));
    }
    let (nrows, ncols, entries) = match header.layout {
        Layout::Coordinate => coordinate(&mut lines, header)?,
        Layout::Array => array(&mut lines, header)?,
    };
    if lines.content()? {
        return Err(lines.wrong("more entries than the size line says"));
    }
    claims::believed(nrows, ncols, entries.len()).map_err(|reason| Error::file(path, reason))?;
    Csr::from_triplets(nrows, ncols, &entries)
}

fn header<R: BufRead>(lines: &mut Lines<R>) -> Result<Header> {
    lines.advance()?;
    let text = lines.text.to_ascii_lowercase();
    let mut words = text.split_whitespace();
    if words.next() != Some("%%matrixmarket") {
        return Err(lines.wrong("a Matrix Market file begins with \"%%MatrixMarket matrix\""));
    }
    let mut word = |what: &str, allowed: &[&str]| -> Result<usize> {
        let word = words.next().unwrap_or("");
        let place = allowed.iter().position(|&a| a == word);
        place.ok_or_else(|| lines.wrong(format!("{what} \"{word}\": must be {}", allowed.join(" or "))))
    };
    word("object", &["matrix"])?;
    let layout = [Layout::Coordinate, Layout::Array][word("format", &["coordinate", "array"])?];
    let field = word("field", &["real", "integer", "double", "pattern", "unsigned-integer"])?;
    let kinds = [Symmetry::General, Symmetry::Symmetric, Symmetry::Skew];
    let symmetry = kinds[word("symmetry", &["general", "symmetric", "skew-symmetric"])?];
    let pattern = field == 3;
    if pattern && layout == Layout::Array {
        return Err(lines.wrong("an array has values: pattern goes with coordinate"));
    }
    Ok(Header { layout, pattern, symmetry })
}

type Entries = (usize, usize, Vec<(usize, usize, f64)>);

fn square_if_symmetric<R: BufRead>(lines: &Lines<R>, header: Header, nrows: usize, ncols: usize) -> Result<()> {
    if header.symmetry != Symmetry::General && nrows != ncols {
        return Err(lines.wrong(format!("a symmetric matrix is square, not {nrows}×{ncols}")));
    }
    Ok(())
}

fn coordinate<R: BufRead>(lines: &mut Lines<R>, header: Header) -> Result<Entries> {
    let [rows, cols, count] = lines.words::<3>("the sizes are three numbers: rows, columns, entries")?;
    let (nrows, ncols) = (lines.size(rows, "rows")?, lines.size(cols, "columns")?);
    let count = lines.size(count, "entries")?;
    square_if_symmetric(lines, header, nrows, ncols)?;
    // The count is only a claim until the entries are there.
    let mut entries = Vec::with_capacity(count.min(1 << 20));
    for done in 0..count {
        if !lines.content()? {
            return Err(lines.wrong(format!("the file ends after {done} of {count} entries")));
        }
        let (row, col, value) = if header.pattern {
            let [row, col] = lines.words::<2>("an entry of a pattern is row and column")?;
            (row, col, 1.0)
        } else {
            let [row, col, value] = lines.words::<3>("an entry is row, column and value")?;
            (row, col, lines.value(value)?)
        };
        let i = lines.index(row, "row", nrows)?;
        let j = lines.index(col, "column", ncols)?;
        push(lines, header, &mut entries, i, j, value)?;
    }
    Ok((nrows, ncols, entries))
}

/// Adds an entry and, where the file is symmetric, its mirror image.
fn push<R: BufRead>(
    lines: &Lines<R>,
    header: Header,
    entries: &mut Vec<(usize, usize, f64)>,
    i: usize,
    j: usize,
    value: f64,
) -> Result<()> {
    if entries.len() >= lines.most {
        let reason = "more entries than fit what a packed file may unpack to";
        return Err(lines.wrong(format!("{reason} ({}): if that is right, allow it with --max-bytes", lines.most)));
    }
    if header.symmetry != Symmetry::General && j > i {
        return Err(lines.wrong("a symmetric file stores the lower triangle: row at least column"));
    }
    match header.symmetry {
        Symmetry::Skew if i == j && value == 0.0 => {}
        Symmetry::Skew if i == j => {
            return Err(lines.wrong("a skew-symmetric matrix has zeros on its diagonal"));
        }
        Symmetry::Symmetric if i != j => entries.push((j, i, value)),
        Symmetry::Skew => entries.push((j, i, -value)),
        _ => {}
    }
    entries.push((i, j, value));
    Ok(())
}

fn array<R: BufRead>(lines: &mut Lines<R>, header: Header) -> Result<Entries> {
    let [rows, cols] = lines.words::<2>("the sizes are two numbers: rows, columns")?;
    let (nrows, ncols) = (lines.size(rows, "rows")?, lines.size(cols, "columns")?);
    square_if_symmetric(lines, header, nrows, ncols)?;
    // A column without an entry takes time all the same.
    if nrows == 0 || ncols == 0 {
        claims::believed(nrows, ncols, 0).map_err(|reason| lines.wrong(reason))?;
    }
    let mut entries = Vec::new();
    for j in 0..ncols {
        let first = match header.symmetry {
            Symmetry::General => 0,
            Symmetry::Symmetric => j,
            Symmetry::Skew => j + 1,
        };
        for i in first..nrows {
            if !lines.content()? {
                let at = format!("({}, {})", i + 1, j + 1);
                return Err(lines.wrong(format!("the file ends before entry {at} of {nrows}×{ncols}")));
            }
            let [value] = lines.words::<1>("an array has one value a line")?;
            let value = lines.value(value)?;
            push(lines, header, &mut entries, i, j, value)?;
        }
    }
    Ok((nrows, ncols, entries))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<Csr> {
        parse(text.as_bytes(), Path::new("a.mtx"), usize::MAX)
    }

    #[test]
    fn every_kind_is_read() {
        let a = read_text("%%MatrixMarket matrix coordinate real general\n% c\n\n2 3 2\n1 3 1.5\n2 1 -2e3\n").unwrap();
        assert_eq!((a.nrows(), a.ncols(), a.get(0, 2), a.get(1, 0)), (2, 3, 1.5, -2000.0));
        let a = read_text("%%MatrixMarket MATRIX Coordinate Integer Symmetric\n2 2 2\n1 1 4\n2 1 7\n").unwrap();
        assert_eq!((a.get(0, 0), a.get(0, 1), a.get(1, 0)), (4.0, 7.0, 7.0));
        let a = read_text("%%MatrixMarket matrix coordinate pattern symmetric\n3 3 1\n3 1\n").unwrap();
        assert_eq!((a.nnz(), a.get(0, 2), a.get(2, 0)), (2, 1.0, 1.0));
        let a = read_text("%%MatrixMarket matrix coordinate real skew-symmetric\n2 2 1\n2 1 3\n").unwrap();
        assert_eq!((a.get(1, 0), a.get(0, 1)), (3.0, -3.0));
        let a = read_text("%%MatrixMarket matrix array real general\n2 2\n1\n2\n3\n4\n").unwrap();
        assert_eq!((a.get(1, 0), a.get(0, 1)), (2.0, 3.0));
        let a = read_text("%%MatrixMarket matrix array real symmetric\n2 2\n1\n2\n3\n").unwrap();
        assert_eq!((a.get(0, 1), a.get(1, 1)), (2.0, 3.0));
        let a = read_text("%%MatrixMarket matrix coordinate real general\n0 0 0\n").unwrap();
        assert_eq!((a.nrows(), a.nnz()), (0, 0));
        let a = read_text("\u{feff}%%MatrixMarket matrix coordinate unsigned-integer general\n1 1 1\n1 1 7\n").unwrap();
        assert_eq!(a.get(0, 0), 7.0);
        let a = read_text("%%MatrixMarket matrix array real general\n2 1\n4.0D+00\n-1d-2\n").unwrap();
        assert_eq!((a.get(0, 0), a.get(1, 0)), (4.0, -0.01));
        let zeros = "%%MatrixMarket matrix coordinate real skew-symmetric\n2 2 2\n1 1 0\n2 1 3\n";
        let a = read_text(zeros).unwrap();
        assert_eq!((a.get(0, 0), a.get(1, 0), a.get(0, 1)), (0.0, 3.0, -3.0));
        let latin = b"%%MatrixMarket matrix coordinate real general\n% f\xfcr M\xfcller\n1 1 1\n1 1 2\n";
        assert_eq!(parse(&latin[..], Path::new("a.mtx"), usize::MAX).unwrap().get(0, 0), 2.0);
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.mtx.gz");
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gz.write_all(zeros.as_bytes()).unwrap();
        let gz = gz.finish().unwrap();
        std::fs::write(&path, &gz).unwrap();
        assert_eq!(read(&path).unwrap().values(), read_text(zeros).unwrap().values());
        std::fs::write(&path, &gz[..gz.len() - 9]).unwrap();
        assert!(matches!(read(&path), Err(Error::File { .. })));
    }

    #[test]
    fn sizes_are_believed_as_far_as_the_entries_go() {
        let clock = std::time::Instant::now();
        for text in [
            "%%MatrixMarket matrix coordinate real general\n4000000000 4000000000 1\n1 1 1\n",
            "%%MatrixMarket matrix coordinate real general\n1 4000000000 1\n1 1 1\n",
            "%%MatrixMarket matrix coordinate real general\n1000000000 1 0\n",
            "%%MatrixMarket matrix array real general\n0 4000000000\n",
            "%%MatrixMarket matrix array real general\n4000000000 0\n",
            "%%MatrixMarket matrix array real skew-symmetric\n4000000000 4000000000\n",
            "%%MatrixMarket matrix coordinate real general\n4 4 4000000000\n1 1 1\n",
        ] {
            assert!(read_text(text).is_err(), "{text}");
        }
        let endless = [b"%%MatrixMarket matrix array real general\n1 1\n".to_vec(), vec![b'1'; 10_000_000]].concat();
        let error = parse(&endless[..], Path::new("a.mtx"), usize::MAX).unwrap_err().to_string();
        assert!(error.contains("line 3: longer than 65536"), "{error}");
        assert!(clock.elapsed().as_secs() < 5);
        let a = read_text("%%MatrixMarket matrix coordinate real general\n1000000 1000000 1\n1000000 1 1\n").unwrap();
        assert_eq!((a.nrows(), a.nnz()), (1_000_000, 1));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let head = "%%MatrixMarket matrix coordinate real general\n";
        for (text, says) in [
            (String::new(), "line 1: a Matrix Market file begins"),
            ("2 2\n1.3 2.4\n".into(), "line 1: a Matrix Market file begins"),
            ("%%MatrixMarket junk coordinate real general".into(), "object \"junk\": must be matrix"),
            ("%%MatrixMarket matrix junk real general".into(), "format \"junk\": must be coordinate or array"),
            ("%%MatrixMarket matrix coordinate complex general".into(), "field \"complex\": must be real"),
            ("%%MatrixMarket matrix coordinate real hermitian".into(), "symmetry \"hermitian\""),
            ("%%MatrixMarket matrix array pattern general\n1 1\n".into(), "pattern goes with coordinate"),
            (head.into(), "line 2: the file ends before the line with the sizes"),
            (format!("{head}2 2\n"), "line 2: the sizes are three numbers"),
            (format!("{head}2 -2 1\n"), "line 2: columns \"-2\""),
            (format!("{head}2 99999999999 1\n"), "below 2^32"),
            (format!("{head}2 2 2\n1 1 1\n"), "line 4: the file ends after 1 of 2 entries"),
            (format!("{head}2 2 1\n1 1 1\n2 2 1\n"), "line 4: more entries"),
            (format!("{head}2 2 1\n3 1 1\n"), "line 3: row 3 is not between 1 and 2"),
            (format!("{head}2 2 1\n1 0 1\n"), "line 3: column 0 is not between 1 and 2"),
            (format!("{head}2 2 1\n1 1\n"), "line 3: an entry is row, column and value"),
            (format!("{head}2 2 1\n1 1 1 0\n"), "\"0\" is too much"),
            (format!("{head}2 2 1\n1 1 x\n"), "line 3: \"x\" is not a finite number"),
            (format!("{head}2 2 1\n1 1 nan\n"), "line 3: \"nan\" is not a finite number"),
            ("%%MatrixMarket matrix coordinate real symmetric\n2 3 0\n".into(), "is square"),
            ("%%MatrixMarket matrix coordinate real symmetric\n2 2 1\n1 2 1\n".into(), "lower triangle"),
            (
                "%%MatrixMarket matrix array real general\n2 2\n1\n2\n3\n".into(),
                "line 6: the file ends before entry (2, 2)",
            ),
        ] {
            let error = read_text(&text).unwrap_err().to_string();
            assert!(error.starts_with("a.mtx: line ") && error.contains(says), "{text:?}: {error}");
        }
        let error = parse(&b"%%MatrixMarket \xff\xfe\n"[..], Path::new("a.mtx"), usize::MAX).unwrap_err();
        assert!(error.to_string().contains("line 1: not text"), "{error}");
    }

    #[test]
    fn what_is_written_is_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.mtx");
        let a = Csr::from_triplets(2, 3, &[(0, 2, 0.1 + 0.2), (1, 0, -1e-300)]).unwrap();
        write(&path, &a).unwrap();
        let back = read(&path).unwrap();
        assert_eq!((back.pattern(), back.values()), (a.pattern(), a.values()));
        assert!(read_vector(&path).unwrap_err().to_string().contains("2×3"));
        write_vector(&path, &[1.0, 1.0 / 3.0]).unwrap();
        assert_eq!(read_vector(&path).unwrap(), [1.0, 1.0 / 3.0]);
        assert!(matches!(read(dir.path().join("none")), Err(Error::Io { .. })));
    }
}
