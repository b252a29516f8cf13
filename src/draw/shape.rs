//! What of a sample is drawn as a mesh: points in the plane of the picture, cells as polygons or lines.

use crate::system::{LinearSystem, Location, MeshData};

/// Points and cells in the plane; from space in an isometric view.
pub struct Shape {
    /// Where each point lies, x to the right, y up.
    pub points: Vec<[f64; 2]>,
    /// The corners of each cell; two for a line.
    pub cells: Vec<Vec<usize>>,
    /// Every edge once.
    pub edges: Vec<[usize; 2]>,
    /// Whether it lies in the plane and cells have areas, so that values can be drawn on it.
    pub plane: bool,
    /// What is drawn, in a few words.
    pub caption: String,
    free: Vec<u32>,
}

impl Shape {
    /// The mesh of a sample with its own points where it has them; the beams of a frame.
    pub fn of(system: &LinearSystem) -> Option<Self> {
        let own = system.field("points").filter(|f| f.location == Location::Points);
        if let Some(mesh) = &system.mesh {
            let moved = own.filter(|f| f.values.len() == mesh.points.len() && f.components == mesh.dim);
            let points = moved.map_or(&mesh.points, |f| &f.values);
            return Shape::new(mesh, points);
        }
        let (points, beams) = (own?, system.field("beams")?);
        let frame = MeshData {
            dim: points.components,
            points: Vec::new(),
            cell_type: "line".into(),
            cell_size: 2,
            cells: beams.values.iter().map(|&v| v as u32).collect(),
            point_markers: Vec::new(),
            free_dofs: Vec::new(),
            grid: Vec::new(),
            boundary_value: None,
        };
        Shape::new(&frame, &points.values)
    }

    fn new(mesh: &MeshData, points: &[f64]) -> Option<Self> {
        if !(2..=3).contains(&mesh.dim) || mesh.cell_size == 0 {
            return None;
        }
        let points: Vec<[f64; 2]> = points.chunks_exact(mesh.dim).map(project).collect();
        let corners = match mesh.cell_type.as_str() {
            name if name.starts_with("tri") => 3,
            "line" => 2,
            _ => 4,
        };
        let corners = corners.min(mesh.cell_size);
        let cells: Vec<Vec<usize>> = mesh
            .cells
            .chunks_exact(mesh.cell_size)
            .map(|c| c[..corners].iter().map(|&v| v as usize).collect())
            .collect();
        if cells.iter().flatten().any(|&v| v >= points.len()) || points.is_empty() {
            return None;
        }
        let tetra = mesh.dim == 3 && corners == 4;
        let caption = format!("{} points, {} {} cells", points.len(), cells.len(), mesh.cell_type);
        Some(Shape {
            edges: edges(&cells, tetra),
            plane: mesh.dim == 2 && corners > 2,
            caption,
            free: mesh.free_dofs.clone(),
            points,
            cells,
        })
    }

    /// The values of unknowns at the points, 0 where there is none; None if they are no nodal values. Where several
    /// unknowns share a point, the first counts.
    pub fn nodal(&self, x: &[f64]) -> Option<Vec<f64>> {
        if x.len() != self.free.len() || self.free.iter().any(|&v| v as usize >= self.points.len()) {
            return None;
        }
        let mut values = vec![0.0; self.points.len()];
        for (&v, &value) in self.free.iter().zip(x).rev() {
            values[v as usize] = value;
        }
        Some(values)
    }
}

/// A point of the picture, y upwards: the plane as it is, space as seen from (1, −1, 1).
fn project(p: &[f64]) -> [f64; 2] {
    match *p {
        [x, y, z] => [(x + y) * 0.75f64.sqrt(), (y - x) * 0.5 + z],
        _ => [p[0], p[1]],
    }
}

fn edges(cells: &[Vec<usize>], tetra: bool) -> Vec<[usize; 2]> {
    let mut out = Vec::new();
    for cell in cells {
        let k = cell.len();
        for i in 0..k {
            let next = if k == 2 { i + 1..k.min(i + 2) } else { i + 1..i + 2 };
            out.extend(next.map(|j| [cell[i], cell[j % k]]));
        }
        if tetra {
            out.extend([[cell[0], cell[2]], [cell[1], cell[3]]]);
        }
    }
    out.iter_mut().for_each(|e| e.sort_unstable());
    out.sort_unstable();
    out.dedup();
    out
}
