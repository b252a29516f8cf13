//! What a file says about itself as a whole: the attributes of its root.

use std::path::{Path, PathBuf};

use super::digest::{self, Digest};
use super::h5::H5;
use crate::error::{Error, Result};
use crate::io::input;
use crate::linalg::Props;
use crate::system::Description;

/// What the attribute `format` of every fempipe dataset says.
pub const FORMAT: &str = "fempipe";

/// The version of the format written here, and the newest that can be read. Files of version 1 have texts of variable
/// length and no checksum.
pub const FORMAT_VERSION: u32 = 2;

/// Which part of a dataset a file holds, while the dataset is still being made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// This part's number, from 0.
    pub number: usize,
    /// How many parts there are.
    pub parts: usize,
    /// Index of its first sample.
    pub first: usize,
    /// Samples of the whole dataset.
    pub total: usize,
}

/// What a file says about itself as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The family in words.
    pub description: Description,
    /// The resolved recipe (TOML): making it again gives the same digests.
    pub recipe: String,
    /// The seed of all streams.
    pub seed: u64,
    /// The version of fempipe that made the samples.
    pub fempipe_version: String,
    /// Samples in this file.
    pub samples: usize,
    /// Identity of the run: recipe, version and division into parts. Only files that agree in it are joined.
    pub origin: u64,
    /// The files that the recipe names.
    pub files: Vec<InputFile>,
    /// Set in a part, absent in a whole dataset.
    pub part: Option<Part>,
}

/// A file that a recipe names, as it was when samples were made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputFile {
    /// As the recipe names it.
    pub path: PathBuf,
    /// XXH3 of its bytes.
    pub digest: u64,
}

impl InputFile {
    /// The file as it is now.
    ///
    /// # Errors
    /// As [`input::bytes`].
    pub fn read(path: &Path) -> Result<Self> {
        Ok(InputFile { path: path.to_path_buf(), digest: xxhash_rust::xxh3::xxh3_64(&input::bytes(path)?) })
    }

    /// What is displayed, read again.
    pub(super) fn from_text(text: &str) -> Option<Self> {
        let (digest, path) = text.split_once(' ')?;
        Some(InputFile { path: path.into(), digest: u64::from_str_radix(digest, 16).ok()? })
    }
}

impl std::fmt::Display for InputFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x} {}", self.digest, self.path.display())
    }
}

impl Header {
    /// Guards what the header says.
    fn digest(&self) -> u64 {
        let mut digest = Digest::new();
        let d = &self.description;
        let texts = [
            &d.family,
            &d.equation,
            &d.weak_form,
            &d.boundary_conditions,
            &d.units,
            &self.recipe,
            &self.fempipe_version,
        ];
        texts.iter().for_each(|t| {
            digest.text(t);
        });
        digest.number(self.seed).number(self.samples as u64).number(self.origin);
        for file in &self.files {
            digest.text(&file.to_string());
        }
        // Files older than the attribute hold positive definite matrices only.
        if d.props != Props::SPD {
            digest.text(d.props.name());
        }
        if let Some(p) = self.part {
            [p.number, p.parts, p.first, p.total].iter().for_each(|&v| {
                digest.number(v as u64);
            });
        }
        digest.finish()
    }

    /// Writes the root attributes.
    pub(super) fn write(&self, h5: &H5) -> Result<()> {
        let root = &*h5.file;
        h5.put_text(root, "format", FORMAT)?;
        h5.put_number(root, "format_version", FORMAT_VERSION)?;
        let d = &self.description;
        for (name, text) in [
            ("family", &d.family),
            ("equation", &d.equation),
            ("weak_form", &d.weak_form),
            ("boundary_conditions", &d.boundary_conditions),
            ("units", &d.units),
            ("recipe", &self.recipe),
            ("fempipe_version", &self.fempipe_version),
        ] {
            h5.put_text(root, name, text)?;
        }
        if !self.files.is_empty() {
            let files: Vec<String> = self.files.iter().map(InputFile::to_string).collect();
            h5.put_texts(root, "files", &files.iter().map(String::as_str).collect::<Vec<_>>())?;
        }
        h5.put_text(root, "matrix", d.props.name())?;
        h5.put_number(root, "seed", self.seed)?;
        h5.put_number(root, "samples", self.samples as u64)?;
        h5.put_number(root, "origin", self.origin)?;
        h5.put_number(root, "header_digest", self.digest())?;
        if let Some(p) = self.part {
            let numbers = [p.number, p.parts, p.first, p.total].map(|v| v as u64);
            h5.put_list(root, "part", &numbers)?;
        }
        Ok(())
    }

    /// Reads the root attributes; refuses what is no dataset or one of another format version.
    pub(super) fn read(h5: &H5) -> Result<Self> {
        let root = &*h5.file;
        if h5.text(root, "format").as_deref() != Some(FORMAT) {
            return Err(Error::file(&h5.path, "is not a fempipe dataset (an HDF5 file of another kind)"));
        }
        let version: u32 = h5.number(root, "format_version").unwrap_or(0);
        if !(1..=FORMAT_VERSION).contains(&version) {
            return Err(Error::file(
                &h5.path,
                format!("has format version {version}; this fempipe reads versions 1 to {FORMAT_VERSION}"),
            ));
        }
        let missing = |name: &str| h5.damaged("", &format!("has no readable attribute '{name}'"));
        let text = |name: &str| h5.text(root, name).ok_or_else(|| missing(name));
        let number = |name: &str| h5.number::<u64>(root, name).ok_or_else(|| missing(name));
        let part = match root.attr("part").ok().and_then(|a| a.read_raw::<u64>().ok()) {
            Some(v) if v.len() == 4 => {
                Some(Part { number: v[0] as usize, parts: v[1] as usize, first: v[2] as usize, total: v[3] as usize })
            }
            Some(_) => return Err(missing("part")),
            None => None,
        };
        let samples = number("samples")?;
        if samples > u64::from(u32::MAX) {
            return Err(h5.damaged("", &format!("says that it holds {samples} samples: at most {} can be", u32::MAX)));
        }
        let header = Header {
            description: Description {
                family: text("family")?,
                equation: text("equation")?,
                weak_form: text("weak_form")?,
                boundary_conditions: text("boundary_conditions")?,
                units: text("units")?,
                props: match h5.text(root, "matrix") {
                    None => Props::SPD,
                    Some(name) => Props::from_name(&name).ok_or_else(|| missing("matrix"))?,
                },
            },
            recipe: text("recipe")?,
            seed: number("seed")?,
            fempipe_version: text("fempipe_version")?,
            samples: samples as usize,
            origin: number("origin")?,
            files: {
                let files = h5.texts(root, "files").unwrap_or_default();
                let files = files.iter().map(|f| InputFile::from_text(f)).collect::<Option<_>>();
                files.ok_or_else(|| missing("files"))?
            },
            part,
        };
        if !digest::fits(header.digest(), number("header_digest")?) {
            return Err(h5.damaged("", "was altered: the digest of its attributes does not fit"));
        }
        if let Some(p) = header.part {
            let within = p.first.checked_add(header.samples).is_some_and(|last| last <= p.total);
            if p.number >= p.parts || p.parts > p.total || !within {
                return Err(
                    h5.damaged("", &format!("says that it is part {} of {}, which cannot be", p.number, p.parts))
                );
            }
        }
        Ok(header)
    }
}
