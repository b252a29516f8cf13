//! The file format, and what all samples of a file have in common.
//!
//! ```text
//! /                 attrs format, format_version, family, equation, weak_form, boundary_conditions, units, recipe,
//!                   seed, fempipe_version, samples, matrix (spd, symmetric, general), header_digest, origin (the
//!                   identity of the run that made it), files (XXH3 and path of each file that the recipe names)
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
//!
//! Texts are of fixed length, UTF-8, padded with NULs. Behind the HDF5 content stands a checksum of all but the rows of
//! samples (datasets/README.md says how it is made).

use std::sync::Arc;

use hdf5::Group;

use super::digest::{self, Digest};
use super::h5::H5;
use super::split::Split;
use crate::error::{Error, Result};
use crate::linalg::Pattern;
use crate::system::{LinearSystem, Location, MeshData};

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

impl Shape {
    /// The digest of a sample of a shared pattern from its numbers: those of A, b, x if there is one, fields and
    /// labels; None where samples have their own patterns.
    pub(super) fn digest(&self, index: u64, rows: &[&[f64]], params: &[f64]) -> Option<u64> {
        let pattern = self.pattern.as_deref()?;
        let mut rows = rows.iter().copied();
        let mut next = || rows.next().unwrap_or_default();
        let (values, rhs) = (next(), next());
        let solution = self.solution.then(&mut next);
        let mut named = |count: usize| (0..count).map(|_| next()).collect::<Vec<&[f64]>>();
        let (fields, labels) = (named(self.fields.len()), named(self.labels.len()));
        let params = self.params.iter().zip(params);
        Some(digest::of_numbers(&digest::Numbers {
            index,
            pattern,
            values,
            rhs,
            solution,
            fields: &with_shape(&self.fields, &fields),
            params: &params.map(|(name, value)| (&**name, *value)).collect::<Vec<_>>(),
            labels: &with_shape(&self.labels, &labels),
        }))
    }
}

/// Fields (or labels) as a digest has them.
fn with_shape<'a>(shapes: &'a [FieldShape], values: &[&'a [f64]]) -> Vec<digest::Named<'a>> {
    shapes.iter().zip(values).map(|(f, values)| (&*f.name, f.location, f.components, *values)).collect()
}

/// Writes `/mesh`.
pub(super) fn write_mesh(h5: &H5, m: &MeshData) -> Result<()> {
    let g = h5.new_group(&h5.file, "mesh")?;
    h5.put_rows(&g, "points", m.dim, &m.points)?;
    h5.put_rows(&g, "cells", m.cell_size, &m.cells)?;
    h5.put(&g, "point_markers", &m.point_markers)?;
    h5.put(&g, "free_dofs", &m.free_dofs)?;
    h5.put_text(&g, "cell_type", &m.cell_type)?;
    if !m.grid.is_empty() {
        let grid: Vec<u64> = m.grid.iter().map(|&n| n as u64).collect();
        h5.put_list(&g, "grid_shape", &grid)?;
    }
    if let Some(value) = m.boundary_value {
        h5.put_number(&g, "boundary_value", value)?;
    }
    h5.put_number(&g, "digest", digest::mesh(m))
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
        grid: match g.attr("grid_shape") {
            Ok(shape) => {
                let shape = shape.read_raw::<u64>().map_err(|_| h5.damaged("mesh", "has no grid_shape of numbers"))?;
                shape.into_iter().map(|n| n as usize).collect()
            }
            // A mesh without a grid, or a file of an older version.
            Err(_) => Vec::new(),
        },
        boundary_value: h5.number(&g, "boundary_value"),
    };
    if !h5.number(&g, "digest").is_some_and(|recorded| digest::fits(digest::mesh(&mesh), recorded)) {
        return Err(h5.damaged("mesh", "was altered: its digest does not fit"));
    }
    check_mesh(&mesh).map_err(|what| h5.damaged("mesh", &what))?;
    Ok(Some(Arc::new(mesh)))
}

/// What everyone who has a mesh relies on; else what is wrong.
fn check_mesh(mesh: &MeshData) -> std::result::Result<(), String> {
    let MeshData { dim, cell_size, .. } = *mesh;
    if !(1..=3).contains(&dim) || cell_size == 0 {
        return Err(format!("has points of {dim} coordinates and cells of {cell_size} points"));
    }
    let points = mesh.points.len() / dim;
    if let Some(v) = mesh.cells.iter().find(|&&v| v as usize >= points) {
        return Err(format!("has {points} points and a cell with point {v}"));
    }
    if mesh.point_markers.len() != points {
        return Err(format!("has {points} points and {} markers of points", mesh.point_markers.len()));
    }
    let on_grid = mesh.grid.iter().try_fold(1usize, |all, &n| all.checked_mul(n));
    if !mesh.grid.is_empty() && (on_grid != Some(points) || mesh.grid.len() != dim) {
        return Err(format!("has {points} points of {dim} coordinates and a grid of {:?}", mesh.grid));
    }
    if let Some(k) = mesh.points.iter().position(|x| !x.is_finite()) {
        return Err(format!("has point {} at {}", k / dim, mesh.points[k]));
    }
    Ok(())
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

/// Whether `/pattern` is what [`write_pattern`] wrote; else what differs.
pub(super) fn check_pattern(h5: &H5, first: &LinearSystem) -> std::result::Result<(), String> {
    let p = first.matrix.pattern();
    let g = h5.group("pattern").map_err(|e| e.to_string())?;
    let data: Vec<f64> = h5.all("pattern/data").map_err(|e| e.to_string())?;
    let integers = |name: &str| h5.all::<u32>(&format!("pattern/{name}")).map_err(|e| e.to_string());
    let same_bits = |a: &[f64], b: &[f64]| a.iter().map(|v| v.to_bits()).eq(b.iter().map(|v| v.to_bits()));
    let text = |name: &str, value: &str| h5.text(&g, name).as_deref() == Some(value);
    let shape = g.attr("shape").and_then(|a| a.read_raw::<i64>()).unwrap_or_default();
    for (name, same) in [
        ("data", same_bits(&data, first.matrix.values())),
        ("indices", integers("indices")? == p.indices()),
        ("indptr", integers("indptr")? == p.indptr()),
        ("jc", integers("jc")? == p.indptr()),
        ("ir", integers("ir")? == p.indices()),
        ("shape", shape == [p.nrows() as i64, p.ncols() as i64]),
        ("MATLAB_sparse", h5.number(&g, "MATLAB_sparse") == Some(p.ncols() as i32)),
        ("encoding-type", text("encoding-type", "csr_matrix")),
        ("encoding-version", text("encoding-version", "0.1.0")),
    ] {
        if !same {
            return Err(format!("{name} differs"));
        }
    }
    Ok(())
}

/// Reads the structure in `/pattern`.
pub(super) fn read_pattern(h5: &H5) -> Result<Pattern> {
    let g = h5.group("pattern")?;
    let shape = g.attr("shape").and_then(|a| a.read_raw::<i64>()).unwrap_or_default();
    let [rows, cols] = shape[..] else {
        return Err(h5.damaged("pattern", "has no shape"));
    };
    if rows != cols || rows < 1 {
        return Err(h5.damaged("pattern", &format!("is {rows} × {cols}: A must be square, not empty")));
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
        if recorded.is_some_and(|d| !digest::fits(Digest::new().integers(&ids).finish(), d)) {
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
        if out.last().is_some_and(|f| f.components == 0) {
            return Err(bad());
        }
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
