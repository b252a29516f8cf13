//! Writing SciPy's `save_npz` (CSR): a zip archive of `.npy` members, stored without compression.

use std::path::Path;

use flate2::Crc;

use super::atomic;
use crate::error::{Error, Result};
use crate::linalg::Csr;

/// Writes the matrix as `scipy.sparse.load_npz` reads it; b and x are further arrays for `numpy.load`.
///
/// # Errors
/// [`Error::Io`] if the file cannot be written, [`Error::Argument`] if it would exceed 4 GiB.
pub fn write(path: &Path, a: &Csr, b: &[f64], x: Option<&[f64]>) -> Result<()> {
    let p = a.pattern();
    let integers = |v: &[u32]| {
        v.iter()
            .flat_map(|&i| (i as i32).to_le_bytes())
            .collect::<Vec<u8>>()
    };
    let reals = |v: &[f64]| v.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
    let shape = [a.nrows() as i64, a.ncols() as i64];
    let mut zip = Zip::default();
    zip.add("format.npy", &npy("|S3", "()", b"csr"))?;
    zip.add(
        "indices.npy",
        &npy("<i4", &length(p.nnz()), &integers(p.indices())),
    )?;
    zip.add(
        "indptr.npy",
        &npy("<i4", &length(p.indptr().len()), &integers(p.indptr())),
    )?;
    zip.add(
        "shape.npy",
        &npy("<i8", "(2,)", &shape.map(i64::to_le_bytes).concat()),
    )?;
    zip.add("data.npy", &npy("<f8", &length(a.nnz()), &reals(a.values())))?;
    zip.add("b.npy", &npy("<f8", &length(b.len()), &reals(b)))?;
    if let Some(x) = x {
        zip.add("x.npy", &npy("<f8", &length(x.len()), &reals(x)))?;
    }
    atomic::write(path, zip.finish())
}

fn length(n: usize) -> String {
    format!("({n},)")
}

/// NumPy's format 1.0: magic, version, padded header, data.
fn npy(kind: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let mut header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}");
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

/// A zip archive under construction.
#[derive(Default)]
struct Zip {
    body: Vec<u8>,
    directory: Vec<u8>,
    members: u16,
}

impl Zip {
    fn add(&mut self, name: &str, data: &[u8]) -> Result<()> {
        let small = |v: usize| {
            u32::try_from(v)
                .map_err(|_| Error::Argument(format!("{name}: an .npz of 4 GiB or more is not written")))
        };
        let (offset, size) = (small(self.body.len())?, small(data.len())?);
        let mut crc = Crc::new();
        crc.update(data);
        // Version 2.0, no flags, stored, 1 January 1980.
        let mut common = Vec::new();
        for v in [20u16, 0, 0, 0, 0x21] {
            common.extend(v.to_le_bytes());
        }
        for v in [crc.sum(), size, size] {
            common.extend(v.to_le_bytes());
        }
        common.extend((name.len() as u16).to_le_bytes());
        common.extend(0u16.to_le_bytes());
        self.body.extend(0x0403_4b50u32.to_le_bytes());
        self.body.extend(&common);
        self.body.extend(name.as_bytes());
        self.body.extend(data);
        self.directory.extend(0x0201_4b50u32.to_le_bytes());
        self.directory.extend(20u16.to_le_bytes());
        self.directory.extend(&common);
        // No comment, disk 0, no attributes.
        self.directory.extend([0u8; 10]);
        self.directory.extend(offset.to_le_bytes());
        self.directory.extend(name.as_bytes());
        self.members += 1;
        Ok(())
    }

    fn finish(mut self) -> Vec<u8> {
        let start = self.body.len() as u32;
        let size = self.directory.len() as u32;
        self.body.extend(&self.directory);
        self.body.extend(0x0605_4b50u32.to_le_bytes());
        self.body.extend([0u8; 4]);
        self.body.extend(self.members.to_le_bytes());
        self.body.extend(self.members.to_le_bytes());
        self.body.extend(size.to_le_bytes());
        self.body.extend(start.to_le_bytes());
        self.body.extend([0u8; 2]);
        self.body
    }
}
