//! VTK's `.vtu` files (XML, unstructured grid, ASCII), as ParaView, VisIt and meshio read them.
//!
//! Format: <https://docs.vtk.org/en/latest/design_documents/VTKFileFormats.html>.

use std::fmt::Write;
use std::path::Path;

use super::{atomic, plain};
use crate::error::{Error, Result};
use crate::system::{Field, Location, MeshData};

/// VTK's numbers of cells and how many of our corners they take.
const CELLS: [(&str, u8, usize); 6] =
    [("line", 3, 2), ("triangle", 5, 3), ("triangle6", 22, 6), ("quad", 9, 4), ("quad9", 28, 9), ("tetra", 10, 4)];

/// Writes a mesh with those of the fields that live on its points or cells; every bit of their values is kept.
///
/// # Errors
/// [`Error::Argument`] for cells that VTK does not know, [`Error::Shape`] for a field of the wrong length,
/// [`Error::Io`] if the file cannot be written.
pub fn write(path: &Path, mesh: &MeshData, fields: &[Field]) -> Result<()> {
    atomic::write(path, document(mesh, fields)?)
}

// Writing to a String cannot fail: the results of `writeln!` are passed over.
fn document(mesh: &MeshData, fields: &[Field]) -> Result<String> {
    let known = CELLS.iter().find(|c| c.0 == mesh.cell_type && c.2 == mesh.cell_size);
    let Some(&(_, kind, _)) = known else {
        return Err(Error::Argument(format!(
            "cells of kind {} with {} points: VTK has none such",
            mesh.cell_type, mesh.cell_size
        )));
    };
    let (points, cells) = (mesh.points.len() / mesh.dim, mesh.cells.len() / mesh.cell_size);
    let mut out = String::from(
        "<?xml version=\"1.0\"?>\n<VTKFile type=\"UnstructuredGrid\" version=\"0.1\">\n<UnstructuredGrid>\n",
    );
    let _ = writeln!(out, "<Piece NumberOfPoints=\"{points}\" NumberOfCells=\"{cells}\">\n<Points>");
    array(&mut out, "Points", &mesh.points, mesh.dim);
    out += "</Points>\n<Cells>\n";
    integers(&mut out, "Int64", "connectivity", mesh.cells.iter().map(|&v| v as usize));
    integers(&mut out, "Int64", "offsets", (1..=cells).map(|c| c * mesh.cell_size));
    integers(&mut out, "UInt8", "types", std::iter::repeat_n(kind as usize, cells));
    out += "</Cells>\n";
    for (tag, location, count) in [("PointData", Location::Points, points), ("CellData", Location::Cells, cells)] {
        let _ = writeln!(out, "<{tag}>");
        for field in fields.iter().filter(|f| f.location == location) {
            if field.values.len() != count * field.components {
                return Err(Error::shape("values of a field", count * field.components, field.values.len()));
            }
            array(&mut out, &field.name, &field.values, field.components);
        }
        let _ = writeln!(out, "</{tag}>");
    }
    Ok(out + "</Piece>\n</UnstructuredGrid>\n</VTKFile>\n")
}

/// Numbers; plane vectors get a third component, as VTK wants them.
fn array(out: &mut String, name: &str, values: &[f64], components: usize) {
    let padded = if components == 2 { 3 } else { components };
    let name = plain::name(name).replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
    let _ =
        writeln!(out, "<DataArray type=\"Float64\" Name=\"{name}\" NumberOfComponents=\"{padded}\" format=\"ascii\">");
    for row in values.chunks_exact(components) {
        for v in row.iter().chain(std::iter::repeat_n(&0.0, padded - components)) {
            // The shortest text that reads back to the same bits.
            let _ = write!(out, "{v:?} ");
        }
        out.push('\n');
    }
    *out += "</DataArray>\n";
}

fn integers(out: &mut String, kind: &str, name: &str, values: impl Iterator<Item = usize>) {
    let _ = writeln!(out, "<DataArray type=\"{kind}\" Name=\"{name}\" format=\"ascii\">");
    values.for_each(|v| {
        let _ = write!(out, "{v} ");
    });
    *out += "\n</DataArray>\n";
}
