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

/// The mesh (where nodes move, as the sample has them) with the fields at points and cells, b and x at the nodes; 0
/// where a node has no unknown.
fn vtu(system: &LinearSystem, output: &Path) -> Result<()> {
    let Some(mesh) = &system.mesh else {
        return Err(Error::Argument(
            "vtu: this dataset has no mesh that its samples share; take mtx, npz or petsc".into(),
        ));
    };
    let nodes = mesh.points.len() / mesh.dim.max(1);
    let mut placed = MeshData::clone(mesh);
    let mut fields = Vec::new();
    for f in &system.fields {
        match f.location {
            Location::Points if f.name == "points" && f.values.len() == placed.points.len() => {
                placed.points.clone_from(&f.values);
            }
            Location::Points | Location::Cells => fields.push(f.clone()),
            _ => {}
        }
    }
    for (name, unknowns) in [("b", Some(&system.rhs)), ("x", system.solution.as_ref())] {
        // More unknowns than nodes (real and imaginary parts) do not fit one field.
        let Some(unknowns) = unknowns.filter(|u| u.len() <= mesh.free_dofs.len().min(nodes)) else {
            continue;
        };
        let mut values = vec![0.0; nodes];
        for (&v, &x) in mesh.free_dofs.iter().zip(unknowns) {
            if let Some(slot) = values.get_mut(v as usize) {
                *slot = x;
            }
        }
        fields.push(Field { name: name.into(), location: Location::Points, components: 1, values });
    }
    vtk::write(output, &placed, &fields)
}

/// A, b and, where there is one, x.
fn mtx(system: &LinearSystem, files: &[PathBuf]) -> Result<()> {
    matrix_market::write(&files[0], &system.matrix)?;
    let vectors = std::iter::once(&system.rhs).chain(&system.solution);
    files[1..].iter().zip(vectors).try_for_each(|(file, v)| matrix_market::write_vector(file, v))
}
