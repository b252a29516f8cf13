//! How many values the fields and labels of a sample must have: what everyone who has one relies on.

use crate::linalg::Pattern;
use crate::system::{Field, LinearSystem, Location};

/// Checks the fields and labels of a sample of `n` unknowns; those on the entries of A if it has been read.
///
/// # Errors
/// What is wrong, in words.
pub(super) fn check(system: &LinearSystem, n: usize, matrix: bool) -> Result<(), String> {
    for field in system.fields.iter().chain(&system.labels) {
        check_field(field, system, n, matrix)?;
    }
    Ok(())
}

fn check_field(field: &Field, system: &LinearSystem, n: usize, matrix: bool) -> Result<(), String> {
    let mesh = system.mesh.as_ref();
    let places = match field.location {
        Location::Sample => Some(1),
        Location::Dofs => Some(n),
        Location::Points => mesh.map(|m| m.points.len() / m.dim),
        Location::Cells => mesh.map(|m| m.cells.len() / m.cell_size),
        Location::Lower => matrix.then(|| lower(system.matrix.pattern())),
        Location::Grid => None,
    };
    let (name, found, components) = (&field.name, field.values.len(), field.components);
    let fits = match places {
        Some(places) => places.checked_mul(components) == Some(found),
        None => found.is_multiple_of(components),
    };
    match (fits, places) {
        (true, _) => Ok(()),
        (false, Some(places)) => {
            let location = field.location.name();
            Err(format!("'{name}' has {found} values: {components} at each of {places} places ({location}) are needed"))
        }
        (false, None) => Err(format!("'{name}' has {found} values: not a multiple of {components}")),
    }
}

/// Entries of the lower triangle, the diagonal included.
fn lower(pattern: &Pattern) -> usize {
    (0..pattern.nrows()).map(|i| pattern.row(i).partition_point(|&j| j as usize <= i)).sum()
}
