//! NumPy's arrays and archives of them. The first byte says what the rest is: one array, an archive as it stands, or
//! the members of an archive, each behind a byte for its name and two for its length.
#![no_main]

use std::io::{Cursor, Write};
use std::path::Path;

use fempipe::io::npz::Npz;
use fempipe::io::{Unpack, npy};
use libfuzzer_sys::fuzz_target;
use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, ZipWriter};

const NAMES: [&str; 11] =
    ["format", "shape", "data", "indices", "indptr", "row", "col", "offsets", "A_indices", "A_values", "b"];

fn archive(mut rest: &[u8]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    while let [name, low, high, content @ ..] = rest {
        let length = content.len().min(usize::from(u16::from_le_bytes([*low, *high])));
        let method = if name & 128 == 0 { CompressionMethod::Stored } else { CompressionMethod::Deflated };
        let options = SimpleFileOptions::default().compression_method(method);
        // A name that is there already is none.
        if zip.start_file(format!("{}.npy", NAMES[usize::from(name & 127) % NAMES.len()]), options).is_ok() {
            zip.write_all(&content[..length]).unwrap();
        }
        rest = &content[length..];
    }
    zip.finish().unwrap().into_inner()
}

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, rest)) = bytes.split_first() else { return };
    let path = Path::new("a.npz");
    let bytes = match kind % 3 {
        0 => {
            if let Err(e) = npy::from_bytes(rest, path) {
                assert!(e.to_string().starts_with("a.npz: "), "{e}");
            }
            return;
        }
        1 => rest.to_vec(),
        _ => archive(rest),
    };
    let Ok(npz) = Npz::from_bytes(bytes, path, Unpack::at_most(1 << 20)) else { return };
    match npz.matrix() {
        Ok(a) => assert!(a.pattern().indices().iter().all(|&j| (j as usize) < a.ncols())),
        Err(e) => assert!(e.to_string().starts_with("a.npz: "), "{e}"),
    }
    if npz.has("b") {
        let _ = npz.vector("b");
    }
});
