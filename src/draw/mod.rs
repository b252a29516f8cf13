//! Pictures of a sample: mesh, coefficients, solution, sparsity pattern, side by side in one SVG.

mod colour;
mod panels;
mod raster;
mod shape;

use crate::io::charts::escape;
use crate::system::{Field, LinearSystem, Location};

use shape::Shape;

/// Side of a panel's picture, and of the panel with its title and colour bar, in pixels.
const SIDE: f64 = 340.0;
const PANEL: [f64; 2] = [430.0, 400.0];

/// Panels in a row.
const ROW: usize = 3;

/// Most fields that are drawn.
const FIELDS: usize = 4;

/// Draws a sample: its mesh (moved points where the sample has its own, an isometric view in space), its scalar fields
/// on points, cells and grids, its solution, and the pattern of A.
pub fn sample(system: &LinearSystem, title: &str) -> String {
    let shape = Shape::of(system);
    let mut panels = Vec::new();
    if let Some(shape) = &shape {
        panels.push(panels::mesh(shape));
    }
    let scalars = system.fields.iter().filter(|f| f.components == 1 && f.name != "points");
    panels.extend(scalars.filter_map(|f| field(f, shape.as_ref())).take(FIELDS));
    if let Some(x) = &system.solution {
        let nodal = shape.as_ref().and_then(|s| s.nodal(x));
        panels.push(match (&shape, nodal) {
            (Some(s), Some(values)) if s.plane => panels::points(s, "solution", &values),
            _ => panels::curve("solution", x),
        });
    }
    panels.push(panels::pattern(&system.matrix));
    document(&panels, title, ROW)
}

/// Edges up to which a mesh is drawn beside errors.
const EDGES: usize = 8000;

/// A sample with errors, named moduli of so many numbers as A has rows: coefficients, solution, errors, and its mesh
/// where that is not too fine and the row has a place left.
pub fn sample_with_errors(system: &LinearSystem, title: &str, errors: &[(String, Vec<f64>)]) -> String {
    let shape = Shape::of(system);
    let plane = shape.as_ref().filter(|s| s.plane);
    let mut panels = Vec::new();
    let scalars = system.fields.iter().filter(|f| f.components == 1 && f.name != "points");
    panels.extend(scalars.filter_map(|f| field(f, shape.as_ref())).take(FIELDS));
    if let Some(x) = &system.solution {
        panels.push(match plane.and_then(|s| Some((s, s.nodal(x)?))) {
            Some((s, values)) => panels::points(s, "solution", &values),
            None => panels::curve("solution", x),
        });
    }
    for (name, values) in errors {
        panels.push(match plane.and_then(|s| Some((s, s.nodal(values)?))) {
            Some((s, values)) => panels::errors(s, name, &values),
            None => panels::curve(name, values),
        });
    }
    if let Some(shape) = shape.filter(|s| s.edges.len() <= EDGES && panels.len() <= ROW) {
        panels.push(panels::mesh(&shape));
    }
    document(&panels, title, ROW + 1)
}

/// The panels, so many in a row at most.
fn document(panels: &[String], title: &str, most: usize) -> String {
    let columns = panels.len().clamp(1, most);
    let rows = panels.len().div_ceil(columns);
    let (width, height) = (PANEL[0] * columns as f64 + 20.0, PANEL[1] * rows as f64 + 40.0);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" font-family=\"system-ui, sans-serif\" font-size=\"12\" fill=\"#222\">\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\
         <text x=\"24\" y=\"30\" font-size=\"17\" font-weight=\"600\">{}</text>",
        escape(title)
    );
    for (i, panel) in panels.iter().enumerate() {
        let (x, y) = (24.0 + PANEL[0] * (i % columns) as f64, 66.0 + PANEL[1] * (i / columns) as f64);
        out += &format!("<g transform=\"translate({x} {y})\">{panel}</g>\n");
    }
    out + "</svg>\n"
}

fn field(field: &Field, shape: Option<&Shape>) -> Option<String> {
    let plane = shape.filter(|s| s.plane);
    match field.location {
        Location::Points => plane
            .filter(|s| s.points.len() == field.values.len())
            .map(|s| panels::points(s, &field.name, &field.values)),
        Location::Cells => {
            plane.filter(|s| s.cells.len() == field.values.len()).map(|s| panels::cells(s, &field.name, &field.values))
        }
        Location::Grid => {
            let side = field.values.len().isqrt();
            (side * side == field.values.len() && side > 0).then(|| panels::grid(&field.name, &field.values, side))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::linalg::{Csr, Pattern, Props};
    use crate::system::MeshData;

    fn system() -> LinearSystem {
        let pairs: Vec<(u32, u32)> = (0..2).map(|i| (i, i)).collect();
        let matrix = Csr::new(Arc::new(Pattern::from_pairs(2, 2, &pairs).unwrap()), vec![1.0; 2]).unwrap();
        LinearSystem {
            matrix,
            rhs: vec![1.0; 2],
            solution: Some(vec![3.0, 5.0]),
            props: Props::SPD,
            fields: Vec::new(),
            labels: Vec::new(),
            params: Vec::new(),
            mesh: None,
            index: 0,
        }
    }

    #[test]
    fn a_system_without_a_mesh_is_a_curve_and_a_pattern() {
        let svg = sample(&system(), "a < b");
        assert!(svg.contains("a &lt; b") && svg.contains("polyline"));
        assert!(svg.contains("2 × 2") && !svg.contains("mesh"));
    }

    #[test]
    fn cells_fields_and_moved_points_are_drawn() {
        let mut s = system();
        s.mesh = Some(Arc::new(MeshData {
            dim: 2,
            points: vec![0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0],
            cell_type: "triangle".into(),
            cell_size: 3,
            cells: vec![0, 1, 2, 0, 2, 3],
            point_markers: vec![0, 1, 0, 1],
            free_dofs: vec![0, 2],
            grid: Vec::new(),
            boundary_value: None,
        }));
        let f = |name: &str, location, components, values| Field { name: name.into(), location, components, values };
        s.fields = vec![
            f("kappa", Location::Cells, 1, vec![1.0, 2.0]),
            f("log", Location::Grid, 1, vec![0.0, 1.0, 2.0, 3.0]),
            f("points", Location::Points, 2, vec![0.0, 0.0, 2.0, 0.0, 2.0, 1.0, 0.0, 1.0]),
        ];
        let svg = sample(&s, "t");
        for word in ["kappa", "log", "solution", "4 points, 2 triangle cells", "2 stored"] {
            assert!(svg.contains(word), "no {word} in {svg}");
        }
        let shape = Shape::of(&s).unwrap();
        assert_eq!(shape.points[2], [2.0, 1.0], "moved points are drawn");
        assert_eq!(shape.nodal(&[3.0, 5.0]).unwrap(), [3.0, 0.0, 5.0, 0.0]);
    }
}
