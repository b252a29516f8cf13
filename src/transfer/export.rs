//! A sample of a dataset → files that other programs read.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::io::{matrix_market, npz, petsc, vtk};
use crate::system::{Field, LinearSystem, Location, MeshData};

/// File formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Matrix Market: NAME.mtx, NAME_b.mtx, NAME_x.mtx.
    Mtx,
    /// SciPy's `save_npz`, with b and x as further arrays.
    Npz,
    /// PETSc binary: Mat, Vec b, Vec x one after the other.
    Petsc,
    /// VTK: the mesh with coefficients and solution, for ParaView.
    Vtu,
}

impl Format {
    /// The usual ending of its files.
    pub fn extension(self) -> &'static str {
        match self {
            Format::Mtx => "mtx",
            Format::Npz => "npz",
            Format::Petsc => "petsc",
            Format::Vtu => "vtu",
        }
    }
}

/// The files that an export of such a system writes.
pub fn files(system: &LinearSystem, format: Format, output: &Path) -> Vec<PathBuf> {
    let stem = output.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let beside = |suffix: &str| output.with_file_name(format!("{stem}_{suffix}.mtx"));
    let mut files = vec![output.to_path_buf()];
    if format == Format::Mtx {
        files.push(beside("b"));
        files.extend(system.solution.is_some().then(|| beside("x")));
    }
    files
}

/// Writes a system into its [`files`], whatever is there; returns them.
///
/// # Errors
/// [`Error::Io`] if a file cannot be written, [`Error::Argument`] if the format cannot hold the system.
pub fn export(system: &LinearSystem, format: Format, output: &Path) -> Result<Vec<PathBuf>> {
    let files = files(system, format, output);
    match format {
        Format::Mtx => mtx(system, &files)?,
        Format::Npz => npz::write(output, &system.matrix, &system.rhs, system.solution.as_deref())?,
        Format::Petsc => petsc::write(output, &system.matrix, &system.rhs, system.solution.as_deref())?,
        Format::Vtu => vtu(system, output)?,
    }
    Ok(files)
}

/// The mesh (where nodes move, as the sample has them; the beams of a frame) with all fields that live on points,
/// cells, grid points or unknowns, and b and x; at points without an unknown u is what it is on the boundary, all
/// else 0.
fn vtu(system: &LinearSystem, output: &Path) -> Result<()> {
    let Some(mesh) = system.mesh.as_deref().cloned().or_else(|| beams(system)) else {
        return Err(Error::Argument(
            "vtu: this dataset has no mesh that its samples share; take mtx, npz or petsc".into(),
        ));
    };
    let nodes = mesh.points.len() / mesh.dim.max(1);
    let mut placed = MeshData::clone(&mesh);
    let mut fields = Vec::new();
    let at_points = |f: &Field, values: Vec<f64>| Field { location: Location::Points, values, ..f.clone() };
    // b is a load, and what else lives on unknowns no u.
    let loads = MeshData { boundary_value: Some(0.0), ..mesh.clone() };
    for f in &system.fields {
        match f.location {
            Location::Points if f.name == "points" && f.values.len() == placed.points.len() => {
                placed.points.clone_from(&f.values);
            }
            Location::Cells if f.name == BEAMS => {}
            Location::Points | Location::Cells => fields.push(f.clone()),
            Location::Grid if f.values.len() == nodes * f.components => fields.push(at_points(f, f.values.clone())),
            Location::Dofs => fields.extend(loads.at_points(&f.values, f.components).map(|v| at_points(f, v))),
            Location::Grid | Location::Lower | Location::Sample => {}
        }
    }
    fields.extend(unknowns("b", &system.rhs, &loads));
    for mut x in system.solution.iter().flat_map(|x| unknowns("x", x, &mesh)) {
        if let Some(values) = system.field("boundary_values") {
            let free: std::collections::BTreeSet<usize> = mesh.free_dofs.iter().map(|&v| v as usize).collect();
            for v in (0..nodes).filter(|v| !free.contains(v)) {
                x.values[v] = values.values[v];
            }
        }
        fields.push(x);
    }
    if system.mesh.is_none() {
        fields.extend(material(system, mesh.cells.len() / mesh.cell_size));
    }
    vtk::write(output, &placed, &fields)
}

/// The field of a frame that says which points its beams join.
const BEAMS: &str = "beams";

/// The beams of a frame: free nodes have six unknowns each, those on the ground, which come last, none.
fn beams(system: &LinearSystem) -> Option<MeshData> {
    let (points, beams) = (system.field("points")?, system.field(BEAMS)?);
    Some(MeshData {
        dim: points.components,
        points: points.values.clone(),
        cell_type: "line".into(),
        cell_size: beams.components,
        cells: beams.values.iter().map(|&v| v as u32).collect(),
        point_markers: vec![0; points.values.len() / points.components],
        free_dofs: (0..system.n() as u32 / 6).collect(),
        grid: Vec::new(),
        boundary_value: Some(0.0),
    })
}

/// What a frame's members are made of, drawn once a sample: a constant on all of them.
fn material(system: &LinearSystem, members: usize) -> Vec<Field> {
    let drawn =
        system.params.iter().filter(|(name, _)| ["young", "density", "width", "depth"].contains(&name.as_str()));
    drawn
        .map(|(name, value)| Field {
            name: name.clone(),
            location: Location::Cells,
            components: 1,
            values: vec![*value; members],
        })
        .collect()
}

/// A vector of unknowns as fields on the points: one; its real and imaginary parts; displacements and rotations, or
/// forces and moments, of a frame.
fn unknowns(name: &str, values: &[f64], mesh: &MeshData) -> Vec<Field> {
    let nodes = mesh.points.len() / mesh.dim.max(1);
    let field = |name: String, components: usize, values: Option<Vec<f64>>| {
        values.map(|values| Field { name, location: Location::Points, components, values })
    };
    let one = field(name.into(), 1, mesh.at_points(values, 1));
    if let Some(one) = one {
        return vec![one];
    }
    if values.len() == 2 * nodes && mesh.free_dofs.len() == 2 * nodes {
        let half = MeshData { free_dofs: mesh.free_dofs[..nodes].to_vec(), ..mesh.clone() };
        let parts = [("real", &values[..nodes]), ("imaginary", &values[nodes..])];
        return parts
            .into_iter()
            .filter_map(|(part, v)| field(format!("{name}_{part}"), 1, half.at_points(v, 1)))
            .collect();
    }
    if values.len() == 6 * mesh.free_dofs.len() {
        let words = if name == "x" { ["displacement", "rotation"] } else { ["force", "moment"] };
        let part =
            |k: usize| values.chunks_exact(6).flat_map(|six| six[3 * k..3 * k + 3].to_vec()).collect::<Vec<f64>>();
        return (0..2).filter_map(|k| field(words[k].into(), 3, mesh.at_points(&part(k), 3))).collect();
    }
    Vec::new()
}

/// A, b and, where there is one, x.
fn mtx(system: &LinearSystem, files: &[PathBuf]) -> Result<()> {
    matrix_market::write(&files[0], &system.matrix)?;
    let vectors = std::iter::once(&system.rhs).chain(&system.solution);
    files[1..].iter().zip(vectors).try_for_each(|(file, v)| matrix_market::write_vector(file, v))
}
