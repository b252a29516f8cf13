//! NumPy's `.npy`: one array a file.
//!
//! Our own because of headers that claim too much: `npyz` 0.9 panics where a shape's product or a text's width
//! overflows, `ndarray-npy` 0.10 where its array does not fit in memory, and reads no text, which SciPy's `format` is.
//! Both bring some thirty crates, a grammar compiler among them, for a header of three keys.

use std::path::Path;

use super::input;
use crate::error::{Error, Result};

/// An array out of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// Extents, none for a single value.
    pub shape: Vec<usize>,
    /// As many values as the extents' product.
    pub data: Data,
}

/// The values, row-major; numbers of all widths become `f64` or `i64`.
#[derive(Debug, Clone, PartialEq)]
pub enum Data {
    /// Real numbers.
    Float(Vec<f64>),
    /// Integers and truth values.
    Int(Vec<i64>),
    /// Texts without the NULs that fill them up.
    Text(Vec<String>),
}

/// NumPy's own limit.
const MOST_DIMENSIONS: usize = 64;

/// Reads a plain `.npy` array.
///
/// # Errors
/// [`Error::Io`] if the file cannot be read, [`Error::File`] if it is malformed or neither numbers nor text.
pub fn read_npy(path: impl AsRef<Path>) -> Result<Array> {
    let path = path.as_ref();
    from_bytes(&input::bytes(path)?, path)
}

/// As [`read_npy`], of the bytes of a file; `path` names it in errors.
///
/// # Errors
/// [`Error::File`] as [`read_npy`].
pub fn from_bytes(bytes: &[u8], path: &Path) -> Result<Array> {
    parse(bytes).map_err(|reason| Error::file(path, reason))
}

/// One `.npy`; the error says what is wrong.
pub(super) fn parse(bytes: &[u8]) -> std::result::Result<Array, String> {
    let short = || "ends before its values do".to_string();
    if bytes.get(..6) != Some(b"\x93NUMPY") {
        return Err("is no NumPy array (.npy)".into());
    }
    let (header_len, start) = match bytes.get(6) {
        Some(1) => (u16_at(bytes, 8).map(usize::from), 10usize),
        _ => (u32_at(bytes, 8).map(|l| l as usize), 12),
    };
    let body = header_len.and_then(|l| start.checked_add(l)).ok_or_else(short)?;
    let header = std::str::from_utf8(bytes.get(start..body).ok_or_else(short)?)
        .map_err(|_| "has a header that is not text".to_string())?;
    let field = |name: &str| {
        let (_, rest) = header.split_once(&format!("'{name}':"))?;
        Some(rest.trim_start())
    };
    let broken = || format!("has a header that cannot be read: {}", header.trim());
    let kind = field("descr").and_then(|d| d.strip_prefix('\'')?.split_once('\'')).map(|d| d.0).ok_or_else(broken)?;
    let fortran = field("fortran_order").is_some_and(|f| f.starts_with("True"));
    let inside = field("shape").and_then(|s| s.strip_prefix('(')?.split_once(')'));
    let shape: Vec<usize> = inside
        .ok_or_else(broken)?
        .0
        .split(',')
        .map(str::trim)
        .filter(|s| !s.is_empty())
        .map(|s| s.parse().map_err(|_| broken()))
        .collect::<std::result::Result<_, _>>()?;
    if shape.len() > MOST_DIMENSIONS {
        return Err(format!("has {} dimensions: at most {MOST_DIMENSIONS} are read", shape.len()));
    }
    let count = shape.iter().try_fold(1usize, |c, &s| c.checked_mul(s));
    let count = count.ok_or_else(broken)?;
    let data = values(kind, count, &bytes[body..])?;
    Ok(Array { data: if fortran && shape.len() > 1 { row_major(data, &shape) } else { data }, shape })
}

/// NumPy's format 1.0: magic, version, padded header, data (little-endian bytes).
pub(super) fn encode(kind: &str, shape: &[usize], data: &[u8]) -> Vec<u8> {
    let shape: String = shape.iter().map(|n| format!("{n},")).collect();
    let mut header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({shape}), }}");
    // Data start at a multiple of 64 bytes; the header ends with a newline.
    while (10 + header.len() + 1) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut out = b"\x93NUMPY\x01\x00".to_vec();
    out.extend((header.len() as u16).to_le_bytes());
    out.extend(header.as_bytes());
    out.extend(data);
    out
}

fn values(kind: &str, count: usize, body: &[u8]) -> std::result::Result<Data, String> {
    let unsupported = || format!("has type {kind}: only little-endian numbers and text are read");
    let width: usize = kind.get(2..).and_then(|w| w.parse().ok()).ok_or_else(unsupported)?;
    let text_width = if kind.get(1..2) == Some("U") { width.checked_mul(4) } else { Some(width) };
    let text_width = text_width.ok_or_else(unsupported)?;
    let len = count.checked_mul(text_width).filter(|&l| l <= body.len());
    let body = &body[..len.ok_or("ends before its values do")?];
    // Widths are those of the chunks, so that the conversions cannot fail.
    macro_rules! numbers {
        ($t:ty, $variant:ident, $to:ty) => {
            Data::$variant(
                body.as_chunks::<{ size_of::<$t>() }>().0.iter().map(|b| <$t>::from_le_bytes(*b) as $to).collect(),
            )
        };
    }
    if !matches!(kind.as_bytes().first(), Some(b'<' | b'|')) {
        return Err(unsupported());
    }
    Ok(match &kind[1..] {
        "f8" => numbers!(f64, Float, f64),
        "f4" => numbers!(f32, Float, f64),
        "i8" => numbers!(i64, Int, i64),
        "i4" => numbers!(i32, Int, i64),
        "i2" => numbers!(i16, Int, i64),
        "i1" => numbers!(i8, Int, i64),
        "u8" => {
            let Data::Int(values) = numbers!(u64, Int, i64) else { return Err(unsupported()) };
            match values.iter().all(|v| *v >= 0) {
                true => Data::Int(values),
                false => return Err("has integers beyond 2^63".into()),
            }
        }
        "u4" => numbers!(u32, Int, i64),
        "u2" => numbers!(u16, Int, i64),
        "u1" | "b1" => numbers!(u8, Int, i64),
        _ if kind[1..].starts_with('S') && width > 0 => {
            let text = |b: &[u8]| String::from_utf8_lossy(b).trim_end_matches('\0').to_string();
            Data::Text(body.chunks_exact(width).map(text).collect())
        }
        _ if kind[1..].starts_with('U') && width > 0 => {
            let one = |b: &[u8]| u32_at(b, 0).and_then(char::from_u32).unwrap_or('\u{fffd}');
            let text = |b: &[u8]| {
                let all: String = b.chunks_exact(4).map(one).collect();
                all.trim_end_matches('\0').to_string()
            };
            Data::Text(body.chunks_exact(text_width).map(text).collect())
        }
        _ => return Err(unsupported()),
    })
}

fn row_major(data: Data, shape: &[usize]) -> Data {
    fn turn<T: Clone>(v: &[T], shape: &[usize]) -> Vec<T> {
        let mut out = Vec::with_capacity(v.len());
        for flat in 0..v.len() {
            let (mut rest, mut at) = (flat, 0);
            for d in (0..shape.len()).rev() {
                let stride: usize = shape[..d].iter().product();
                at += (rest % shape[d]) * stride;
                rest /= shape[d];
            }
            out.push(v[at].clone());
        }
        out
    }
    match data {
        Data::Float(v) => Data::Float(turn(&v, shape)),
        Data::Int(v) => Data::Int(turn(&v, shape)),
        Data::Text(v) => Data::Text(turn(&v, shape)),
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let b = bytes.get(at..at.checked_add(2)?)?;
    Some(u16::from_le_bytes(b.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let b = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(b.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(kind: &str, fortran: &str, shape: &str, body: &[u8]) -> Vec<u8> {
        let header = format!("{{'descr': '{kind}', 'fortran_order': {fortran}, 'shape': {shape}, }}\n");
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(body);
        bytes
    }

    #[test]
    fn numbers_and_text_are_read() {
        let body: Vec<u8> = [1.5f64, -2.0].iter().flat_map(|v| v.to_le_bytes()).collect();
        let a = parse(&file("<f8", "False", "(2,)", &body)).unwrap();
        assert_eq!((a.shape, a.data), (vec![2], Data::Float(vec![1.5, -2.0])));
        let body: Vec<u8> = (0..6i32).flat_map(|v| v.to_le_bytes()).collect();
        let a = parse(&file("<i4", "True", "(2, 3)", &body)).unwrap();
        assert_eq!(a.data, Data::Int(vec![0, 2, 4, 1, 3, 5]));
        assert_eq!(parse(&file("|S3", "False", "()", b"csr")).unwrap().data, Data::Text(vec!["csr".into()]));
        let body: Vec<u8> = "csc".chars().flat_map(|c| (c as u32).to_le_bytes()).collect();
        assert_eq!(parse(&file("<U3", "False", "()", &body)).unwrap().data, Data::Text(vec!["csc".into()]));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (bytes, says) in [
            (b"hello".to_vec(), "no NumPy array"),
            (b"\x93NUMPY\x01\x00\xff\xff".to_vec(), "ends before"),
            (file("<f8", "False", "(2,)", &[0; 15]), "ends before"),
            (file("<f8", "False", "(99999999999, 99999999999)", &[]), "cannot be read"),
            (file(">f8", "False", "(1,)", &[0; 8]), "little-endian"),
            (file("<c16", "False", "(1,)", &[0; 16]), "type <c16"),
            (file("<f8", "False", "(x,)", &[0; 16]), "cannot be read"),
            (file("|O", "False", "(1,)", &[0; 16]), "type |O"),
            (file("<U4611686018427387904", "False", "(1,)", &[0; 16]), "type <U4611686018427387904"),
            (file("<u8", "False", "(1,)", &[0xff; 8]), "beyond 2^63"),
            (file("<f8", "True", &format!("({})", "1,".repeat(20_000)), &[0; 8]), "20000 dimensions"),
        ] {
            let error = parse(&bytes).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
    }
}
