//! Texts in attributes: of fixed length, padded with NULs, so that they lie in headers, which HDF5 guards by checksums.
//! Text of variable length lies in its global heap, which has none: there a flipped bit can make the library loop or
//! crash.

use hdf5::types::{TypeDescriptor, VarLenAscii, VarLenUnicode};
use hdf5::{Attribute, Datatype, Location};
use hdf5_sys::h5a::{H5Aread, H5Awrite};

use super::h5::H5;
use crate::error::{Error, Result};

impl H5 {
    /// An attribute of text (UTF-8; h5py reads `bytes`).
    pub fn put_text(&self, at: &Location, name: &str, text: &str) -> Result<()> {
        self.put_padded(at, name, &[text], false)
    }

    /// An attribute that is a list of texts.
    pub fn put_texts(&self, at: &Location, name: &str, texts: &[&str]) -> Result<()> {
        self.put_padded(at, name, texts, true)
    }

    fn put_padded(&self, at: &Location, name: &str, texts: &[&str], list: bool) -> Result<()> {
        if texts.iter().any(|t| t.contains('\0')) {
            return Err(Error::file(&self.path, format!("attribute '{name}' holds a NUL character")));
        }
        // HDF5 has no text of length 0.
        let width = texts.iter().map(|t| t.len()).max().unwrap_or(0).max(1);
        let mut padded = vec![0u8; width * texts.len()];
        for (place, text) in padded.chunks_exact_mut(width).zip(texts) {
            place[..text.len()].copy_from_slice(text.as_bytes());
        }
        let descriptor = TypeDescriptor::FixedUnicode(width);
        let builder = at.new_attr_builder().empty_as(descriptor.clone());
        let attr = self.wrote(match list {
            true => builder.shape(texts.len()).create(name),
            false => builder.create(name),
        })?;
        let kind = self.wrote(Datatype::from_descriptor(&descriptor))?;
        // SAFETY: `padded` holds the `width` bytes of `kind` once for every element of the attribute.
        let write = || hdf5::h5check(unsafe { H5Awrite(attr.id(), kind.id(), padded.as_ptr().cast()) });
        self.wrote(hdf5::sync::sync(write)).map(drop)
    }

    /// A text attribute, if it is there.
    pub fn text(&self, at: &Location, name: &str) -> Option<String> {
        let mut texts = self.texts(at, name)?;
        (texts.len() == 1).then(|| texts.remove(0))
    }

    /// The texts of an attribute, if it is there: of fixed length, or of variable length as older files have them.
    pub fn texts(&self, at: &Location, name: &str) -> Option<Vec<String>> {
        let attr = at.attr(name).ok()?;
        match attr.dtype().ok()?.to_descriptor().ok()? {
            TypeDescriptor::FixedUnicode(width) | TypeDescriptor::FixedAscii(width) => self.padded(&attr, width),
            TypeDescriptor::VarLenUnicode => {
                let texts = attr.read_raw::<VarLenUnicode>().ok()?;
                Some(texts.iter().map(|t| t.to_string()).collect())
            }
            TypeDescriptor::VarLenAscii => {
                let texts = attr.read_raw::<VarLenAscii>().ok()?;
                Some(texts.iter().map(|t| t.to_string()).collect())
            }
            _ => None,
        }
    }

    fn padded(&self, attr: &Attribute, width: usize) -> Option<Vec<String>> {
        let bytes = width.checked_mul(attr.size())?;
        let file = std::fs::metadata(&self.path).map_or(0, |m| m.len());
        if bytes == 0 || bytes as u64 > file {
            return None;
        }
        let kind = attr.dtype().ok()?;
        let mut padded = vec![0u8; bytes];
        // SAFETY: `padded` takes the `width` bytes of `kind` once for every element of the attribute.
        let read = || hdf5::h5check(unsafe { H5Aread(attr.id(), kind.id(), padded.as_mut_ptr().cast()) });
        hdf5::sync::sync(read).ok()?;
        let text = |place: &[u8]| {
            let end = place.iter().position(|&b| b == 0).unwrap_or(width);
            String::from_utf8(place[..end].to_vec()).ok()
        };
        padded.chunks_exact(width).map(text).collect()
    }
}
