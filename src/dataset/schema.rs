//! The file format: what a dataset says about itself, and what all its samples have in common.
//!
//! ```text
//! /                 attrs format, format_version, family, equation, weak_form, boundary_conditions, units, recipe,
//!                   seed, fempipe_version, samples, matrix (spd, symmetric, general), header_digest, origin (the
//!                   identity of the run that made it)
//! /mesh             points f64[nv, dim], cells u32[nc, k], point_markers u32[nv], free_dofs u32; attrs cell_type,
//!                   digest
//! /pattern          data f64, indices i32, indptr i32 of sample 0: one AnnData csr_matrix; hard links jc, ir
//! /systems          attr layout = "shared pattern" | "own pattern"
//!   shared pattern: values f64[samples, nnz]; rhs, solution f64[samples, n]; fields/<name> f64[samples, length]
//!   own pattern:    values f64, indices i32 cut by nnz_offsets u64[samples + 1]; rhs, solution f64 cut by row_offsets
//!                   u64[samples + 1]; indptr i32, of which sample s has row_offsets[s] + s up to, not
//!                   including, row_offsets[s + 1] + s + 1; fields/<name> f64 cut by field_offsets/<name>
//!                   u64[samples + 1]; labels by label_offsets/<name>
//!   fields/<name>   attrs location (points, cells, dofs, grid, sample) and components
//!   labels/<name>   what a model needs beyond x, kept like fields; no group where there are none
//!   table           one column a dataset (an AnnData dataframe): id, stream, n, nnz, residual, seconds, param:<name>
//! /split/<name>     u32 ids; attr digest
//! /digest           u64[samples]: XXH3 of each sample, see [`super::digest::sample`]
//! ```

use std::sync::Arc;

use hdf5::Group;

use super::digest::Digest;
use super::h5::H5;
use super::split::Split;
use crate::error::{Error, Result};
use crate::linalg::{Pattern, Props};
use crate::system::{Description, LinearSystem, Location, MeshData};

/// What the attribute `format` of every fempipe dataset says.
pub const FORMAT: &str = "fempipe";

/// The version of the format written here, and the newest that can be read.
pub const FORMAT_VERSION: u32 = 1;

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
    /// Set in a part, absent in a whole dataset.
    pub part: Option<Part>,
}

/// A field that every sample has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldShape {
    /// Its name.
    pub name: String,
    /// Where its values live.
    pub location: Location,
    /// Values per place.
    pub components: usize,
    /// Entries in each sample; with own patterns, in sample 0.
    pub len: usize,
}

impl FieldShape {
    /// The field of one sample.
    pub(super) fn field(&self, values: Vec<f64>) -> crate::system::Field {
        crate::system::Field { name: self.name.clone(), location: self.location, components: self.components, values }
    }
}

/// What all samples of a dataset have in common.
#[derive(Debug, Clone)]
pub struct Shape {
    /// The pattern of all samples, if they share one.
    pub pattern: Option<Arc<Pattern>>,
    /// The mesh of all samples, if there is one.
    pub mesh: Option<Arc<MeshData>>,
    /// Whether solutions are stored.
    pub solution: bool,
    /// The fields of every sample.
    pub fields: Vec<FieldShape>,
    /// The labels of every sample.
    pub labels: Vec<FieldShape>,
    /// Names of the drawn parameters.
    pub params: Vec<String>,
}

impl Shape {
    /// The shape of datasets that hold samples like this one; `pattern` and `mesh` are those all samples share.
    pub fn of(sample: &LinearSystem, pattern: Option<Arc<Pattern>>, mesh: Option<Arc<MeshData>>) -> Self {
        let field = |f: &crate::system::Field| FieldShape {
            name: f.name.clone(),
            location: f.location,
            components: f.components,
            len: f.values.len(),
        };
        Shape {
            pattern,
            mesh,
            solution: sample.solution.is_some(),
            fields: sample.fields.iter().map(field).collect(),
            labels: sample.labels.iter().map(field).collect(),
            params: sample.params.iter().map(|p| p.0.clone()).collect(),
        }
    }

    /// Checks that a sample fits.
    ///
    /// # Errors
    /// [`Error::Shape`] naming what differs.
    pub fn check(&self, s: &LinearSystem) -> Result<()> {
        let n = s.matrix.nrows();
        if s.matrix.ncols() != n || s.rhs.len() != n {
            return Err(Error::shape("rows of A, columns of A, entries of b", n, s.rhs.len()));
        }
        if let Some(p) = &self.pattern
            && !(Arc::ptr_eq(p, s.matrix.pattern()) || **p == **s.matrix.pattern())
        {
            return Err(Error::shape("pattern of a sample", "the family's shared one", "another"));
        }
        let same_mesh = match (&self.mesh, &s.mesh) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b) || a == b,
            (None, Some(_)) => false,
            (_, None) => true,
        };
        if !same_mesh {
            return Err(Error::shape("mesh of a sample", "the family's shared one", "another"));
        }
        let found = Shape::of(s, None, None);
        if self.solution != found.solution || s.solution.as_ref().is_some_and(|x| x.len() != n) {
            return Err(Error::shape("solution", "n entries in all samples or none", "otherwise"));
        }
        if self.params != found.params {
            return Err(Error::shape("parameter names", self.params.join(", "), found.params.join(", ")));
        }
        let fits = |a: &FieldShape, b: &FieldShape| {
            (&a.name, a.location, a.components) == (&b.name, b.location, b.components)
                && (self.pattern.is_none() || a.len == b.len)
        };
        for (what, mine, its) in [("fields", &self.fields, &found.fields), ("labels", &self.labels, &found.labels)] {
            if mine.len() != its.len() || !mine.iter().zip(its).all(|(a, b)| fits(a, b)) {
                return Err(Error::shape(what, format!("{mine:?}"), format!("{its:?}")));
            }
        }
        Ok(())
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
        if version != FORMAT_VERSION {
            return Err(Error::file(
                &h5.path,
                format!("has format version {version}; this fempipe reads version {FORMAT_VERSION}"),
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
            samples: number("samples")? as usize,
            origin: number("origin")?,
            part,
        };
        if number("header_digest")? != header.digest() {
            return Err(h5.damaged("", "was altered: the digest of its attributes does not fit"));
        }
        Ok(header)
    }
}

/// Writes `/mesh`.
pub(super) fn write_mesh(h5: &H5, m: &MeshData) -> Result<()> {
    let g = h5.new_group(&h5.file, "mesh")?;
    h5.put_rows(&g, "points", m.dim, &m.points)?;
    h5.put_rows(&g, "cells", m.cell_size, &m.cells)?;
    h5.put(&g, "point_markers", &m.point_markers)?;
    h5.put(&g, "free_dofs", &m.free_dofs)?;
    h5.put_text(&g, "cell_type", &m.cell_type)?;
    h5.put_number(&g, "digest", super::digest::mesh(m))
}

/// Reads `/mesh`, if it is there, and checks its digest.
pub(super) fn read_mesh(h5: &H5) -> Result<Option<Arc<MeshData>>> {
    if !h5.file.link_exists("mesh") {
        return Ok(None);
    }
    let g = h5.group("mesh")?;
    let width = |name: &str| {
        let shape = g.dataset(name).map(|d| d.shape()).unwrap_or_default();
        match shape[..] {
            [_, w] => Ok(w),
            _ => Err(h5.damaged("mesh", &format!("has no two-dimensional {name}"))),
        }
    };
    let mesh = MeshData {
        dim: width("points")?,
        points: h5.all("mesh/points")?,
        cell_type: h5.text(&g, "cell_type").ok_or_else(|| h5.damaged("mesh", "has no cell_type"))?,
        cell_size: width("cells")?,
        cells: h5.all("mesh/cells")?,
        point_markers: h5.all("mesh/point_markers")?,
        free_dofs: h5.all("mesh/free_dofs")?,
    };
    if h5.number(&g, "digest") != Some(super::digest::mesh(&mesh)) {
        return Err(h5.damaged("mesh", "was altered: its digest does not fit"));
    }
    Ok(Some(Arc::new(mesh)))
}

/// Writes `/pattern`: sample 0 as one matrix that AnnData, SciPy and PETSc (`MatLoad`) read.
pub(super) fn write_pattern(h5: &H5, first: &LinearSystem) -> Result<()> {
    let (p, g) = (first.matrix.pattern(), h5.new_group(&h5.file, "pattern")?);
    h5.put(&g, "data", first.matrix.values())?;
    h5.put(&g, "indices", &signed(p.indices()))?;
    h5.put(&g, "indptr", &signed(p.indptr()))?;
    // PETSc's MatLoad follows MATLAB's names; MATLAB stores columns, PETSc reads them as rows of the transpose,
    // which for its loader means that jc and ir are plain row pointers and column indices.
    h5.wrote(g.link_hard("indptr", "jc"))?;
    h5.wrote(g.link_hard("indices", "ir"))?;
    h5.put_number(&g, "MATLAB_sparse", p.ncols() as i32)?;
    h5.put_text(&g, "encoding-type", "csr_matrix")?;
    h5.put_text(&g, "encoding-version", "0.1.0")?;
    h5.put_list(&g, "shape", &[p.nrows() as i64, p.ncols() as i64])
}

/// Reads the structure in `/pattern`.
pub(super) fn read_pattern(h5: &H5) -> Result<Pattern> {
    let g = h5.group("pattern")?;
    let shape = g.attr("shape").and_then(|a| a.read_raw::<i64>()).unwrap_or_default();
    let [rows, cols] = shape[..] else {
        return Err(h5.damaged("pattern", "has no shape"));
    };
    if rows != cols {
        return Err(h5.damaged("pattern", &format!("is {rows} × {cols}: A must be square")));
    }
    let unsigned = |name: &str| -> Result<Vec<u32>> { h5.all(&format!("pattern/{name}")) };
    Pattern::new(rows as usize, cols as usize, unsigned("indptr")?, unsigned("indices")?)
        .map_err(|e| h5.damaged("pattern", &format!("is no CSR matrix ({e})")))
}

/// Writes `/split`, each set with its digest.
pub(super) fn write_split(h5: &H5, split: &Split) -> Result<()> {
    let g = h5.new_group(&h5.file, "split")?;
    for (name, ids) in split {
        let set = h5.put(&g, name, ids)?;
        h5.put_number(&set, "digest", Digest::new().integers(ids).finish())?;
    }
    Ok(())
}

/// Reads `/split`. Sets that others added have no digest, and are taken as they are.
pub(super) fn read_split(h5: &H5, samples: usize) -> Result<Split> {
    let mut split = Split::new();
    if !h5.file.link_exists("split") {
        return Ok(split);
    }
    let g = h5.group("split")?;
    for name in g.member_names().map_err(|e| h5.unreadable("split", &e))? {
        let at = format!("split/{name}");
        let ids: Vec<u32> = h5.all(&at)?;
        if let Some(id) = ids.iter().find(|&&id| id as usize >= samples) {
            return Err(h5.damaged(&at, &format!("names sample {id} of {samples}")));
        }
        let recorded = g.dataset(&name).ok().and_then(|d| h5.number::<u64>(&d, "digest"));
        if recorded.is_some_and(|d| d != Digest::new().integers(&ids).finish()) {
            return Err(h5.damaged(&at, "was altered: its digest does not fit"));
        }
        split.insert(name, ids);
    }
    Ok(split)
}

/// Writes the shape of a field or label beside it.
pub(super) fn write_field_attrs(h5: &H5, at: &hdf5::Dataset, f: &FieldShape) -> Result<()> {
    h5.put_text(at, "location", f.location.name())?;
    h5.put_number(at, "components", f.components as u64)
}

/// The fields or labels of a file (`group` says which), in the order in which samples have them.
pub(super) fn read_fields(h5: &H5, group: &str) -> Result<Vec<FieldShape>> {
    let path = format!("systems/{group}");
    if group == LABELS && !h5.file.link_exists(&path) {
        return Ok(Vec::new());
    }
    let g = h5.group(&path)?;
    let names = h5.text(&g, "order").unwrap_or_default();
    let mut out = Vec::new();
    for name in names.lines() {
        let at = g.dataset(name).map_err(|_| h5.damaged(&format!("{path}/{name}"), "is missing"))?;
        let bad = || h5.damaged(&format!("{path}/{name}"), "has no location or components");
        out.push(FieldShape {
            name: name.to_string(),
            location: h5.text(&at, "location").and_then(|l| Location::from_name(&l)).ok_or_else(bad)?,
            components: h5.number::<u64>(&at, "components").ok_or_else(bad)? as usize,
            len: at.shape().last().copied().unwrap_or(0),
        });
    }
    Ok(out)
}

/// Name of the group of fields.
pub(super) const FIELDS: &str = "fields";

/// Name of the group of labels.
pub(super) const LABELS: &str = "labels";

/// Creates the group of fields or labels, with their order.
pub(super) fn create_fields(h5: &H5, systems: &Group, group: &str, fields: &[FieldShape]) -> Result<Group> {
    let g = h5.new_group(systems, group)?;
    let names: Vec<&str> = fields.iter().map(|f| f.name.as_str()).collect();
    h5.put_text(&g, "order", &names.join("\n"))?;
    Ok(g)
}

/// Indices as the file keeps them: all are below 2³¹, checked by [`super::Writer`].
pub(super) fn signed(v: &[u32]) -> Vec<i32> {
    v.iter().map(|&i| i as i32).collect()
}
