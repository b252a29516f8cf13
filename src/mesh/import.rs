//! Meshes from Gmsh files: from what a file holds to a mesh that keeps its promises.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::conforming::{self, Gap};
use super::topology::{QUAD_EDGES, TET_FACES, TRIANGLE_EDGES};
use super::{AnyMesh, QuadMesh, TetMesh, TriangleMesh};
use crate::error::{Error, Result};
use crate::io::gmsh::{self, Element, Found, at_line};
use crate::system::BoundaryPart;

/// A cell is degenerate if its area or volume is below this times the power of its longest edge.
const FLAT: f64 = 1e-12;

/// How far from z = 0 a node of a plane mesh may lie, relative to the size of its coordinates.
const PLANE: f64 = 1e-8;

/// A mesh from a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// The mesh.
    pub mesh: AnyMesh,
    /// Physical groups of the facets.
    pub parts: Vec<BoundaryPart>,
    /// What was repaired: cells turned round, nodes that no cell uses left out, nodes merged.
    pub notes: Vec<String>,
}

/// Reads a mesh of triangles or quadrilaterals in the plane z = 0, or of tetrahedra. Cells of negative orientation are
/// turned round, nodes without a cell left out; `notes` says so.
///
/// # Errors
/// As [`gmsh::read`], and [`Error::File`] naming the line with nodes that are not there, a degenerate cell, a facet of
/// three cells; naming the place where cells do not meet corner to corner: nodes that coincide, that hang on a side.
pub fn read(path: &Path) -> Result<Imported> {
    mesh(path, gmsh::read(path)?, false)
}

/// As [`read`], nodes that coincide made one first: parts that were meshed apart are joined.
///
/// # Errors
/// As [`read`].
pub fn read_merged(path: &Path) -> Result<Imported> {
    mesh(path, gmsh::read(path)?, true)
}

/// As [`read`] or, if `merge`, [`read_merged`], of the bytes of a file; `path` names it in errors.
///
/// # Errors
/// [`Error::File`] as [`read`].
pub fn from_bytes(bytes: &[u8], path: &Path, merge: bool) -> Result<Imported> {
    mesh(path, gmsh::from_bytes(bytes, path)?, merge)
}

fn mesh(path: &Path, found: Found, merge: bool) -> Result<Imported> {
    let dim = found.elements.iter().map(|e| e.dim).max().unwrap_or(0);
    if dim < 2 {
        let grouped = found.elements.iter().any(|e| !e.groups.is_empty());
        let reason = match grouped {
            true => {
                "no triangles, quadrilaterals or tetrahedra in it: Gmsh saves the elements of physical groups alone \
                 once there is one; add a Physical Surface (Volume), or save all (gmsh FILE -save_all -save -o OUT.msh)"
            }
            false => "no triangles, quadrilaterals or tetrahedra in it",
        };
        return Err(Error::file(path, reason));
    }
    let cells = once(found.elements.iter().filter(|e| e.dim == dim));
    let corners = cells[0].nodes.len();
    if let Some(other) = cells.iter().find(|e| e.nodes.len() != corners) {
        let reason = "triangles and quadrilaterals in one mesh: one kind of cells is needed";
        return Err(at_line(path, other.line, reason));
    }
    let mut nodes = Nodes::new(path, &found)?;
    let merged = if merge { nodes.merge(path, &cells)? } else { 0 };
    let mut numbered = Vec::with_capacity(cells.len());
    for cell in &cells {
        numbered.push(nodes.numbers(path, cell)?);
    }
    let (points, renumber) = nodes.used(path, dim, &numbered)?;
    let unused = nodes.points.len() - merged - points.len();
    numbered.iter_mut().flatten().for_each(|v| *v = renumber[*v as usize]);
    let mut turned = 0;
    for (cell, element) in numbered.iter_mut().zip(&cells) {
        turned += usize::from(turn(cell, &points, dim).map_err(|e| at_line(path, element.line, e))?);
    }
    let sides = sides(path, &numbered, &cells, dim)?;
    closed(path, &found, &points, &renumber, &sides)?;
    let mut parts: Vec<BoundaryPart> = Vec::new();
    for facet in found.elements.iter().filter(|e| e.dim + 1 == dim && !e.groups.is_empty()) {
        let mut key = nodes.numbers(path, facet)?;
        key.iter_mut().for_each(|v| *v = renumber[*v as usize]);
        let corners = key.clone();
        key.sort_unstable();
        if !sides.contains_key(&key) {
            let reason = "an element of a physical group that is no side of a cell";
            return Err(at_line(path, facet.line, reason));
        }
        for group in &*facet.groups {
            let named = found.names.get(&(facet.dim, *group));
            let name = named.cloned().unwrap_or_else(|| format!("physical {group}"));
            match parts.iter_mut().find(|p| p.name == name) {
                Some(part) => part.facets.push(corners.clone()),
                None => parts.push(BoundaryPart { name, facets: vec![corners.clone()] }),
            }
        }
    }
    let mut notes = Vec::new();
    if turned > 0 {
        notes.push(format!("{turned} cells of negative orientation turned round"));
    }
    if found.second_order {
        notes.push("elements of second order read by their corners".into());
    }
    if unused > 0 {
        notes.push(format!("{unused} nodes that no cell uses left out"));
    }
    if merged > 0 {
        notes.push(format!("{merged} nodes merged with others at the same place"));
    }
    Ok(Imported { mesh: assemble(&points, &numbered, dim), parts, notes })
}

/// Each cell once: version 2 writes it for every physical group that it is in.
fn once<'a>(cells: impl Iterator<Item = &'a Element>) -> Vec<&'a Element> {
    let mut seen = HashSet::new();
    let new = |cell: &&Element| {
        let mut key = cell.nodes.clone();
        key.sort_unstable();
        seen.insert(key)
    };
    cells.filter(new).collect()
}

fn assemble(points: &[[f64; 3]], cells: &[Vec<u32>], dim: u8) -> AnyMesh {
    let plane = || points.iter().map(|p| [p[0], p[1]]).collect();
    match (dim, cells[0].len()) {
        (2, 3) => AnyMesh::Triangles(TriangleMesh::new(plane(), fixed(cells))),
        (2, _) => AnyMesh::Quads(QuadMesh::new(plane(), fixed(cells))),
        _ => AnyMesh::Tetrahedra(TetMesh::new(points.to_vec(), fixed(cells))),
    }
}

fn fixed<const K: usize>(cells: &[Vec<u32>]) -> Vec<[u32; K]> {
    cells.iter().map(|c| std::array::from_fn(|k| c[k])).collect()
}

/// Nodes by their tags.
struct Nodes {
    points: Vec<([f64; 3], usize)>,
    number: HashMap<u64, u32>,
}

impl Nodes {
    fn new(path: &Path, found: &Found) -> Result<Self> {
        let mut number = HashMap::with_capacity(found.nodes.len());
        for (i, &(tag, _, line)) in found.nodes.iter().enumerate() {
            if number.insert(tag, i as u32).is_some() {
                return Err(at_line(path, line, format!("node {tag} is there twice")));
            }
        }
        let points = found.nodes.iter().map(|&(_, p, line)| (p, line)).collect();
        Ok(Nodes { points, number })
    }

    fn numbers(&self, path: &Path, element: &Element) -> Result<Vec<u32>> {
        let number = |tag: &u64| {
            self.number
                .get(tag)
                .copied()
                .ok_or_else(|| at_line(path, element.line, format!("node {tag} is not in the section $Nodes")))
        };
        element.nodes.iter().map(number).collect()
    }

    /// Makes nodes that coincide one; returns how many are given up.
    fn merge(&mut self, path: &Path, cells: &[&Element]) -> Result<usize> {
        let mut edges = Vec::new();
        for cell in cells {
            let v = self.numbers(path, cell)?;
            edges.extend((0..v.len()).flat_map(|i| (0..i).map(move |j| (i, j))).map(|(i, j)| [v[i], v[j]]));
        }
        let points: Vec<[f64; 3]> = self.points.iter().map(|p| p.0).collect();
        let (stands, given_up) = conforming::merged(&points, edges.into_iter());
        self.number.values_mut().for_each(|v| *v = stands[*v as usize]);
        Ok(given_up)
    }

    /// The points that cells use, in order, and the new number of each; plane meshes must lie in z = 0.
    fn used(&mut self, path: &Path, dim: u8, cells: &[Vec<u32>]) -> Result<(Vec<[f64; 3]>, Vec<u32>)> {
        let mut renumber = vec![u32::MAX; self.points.len()];
        cells.iter().flatten().for_each(|&v| renumber[v as usize] = 0);
        let size = self.points.iter().flat_map(|p| [p.0[0], p.0[1]]).fold(0.0f64, |m, x| m.max(x.abs()));
        let mut points = Vec::new();
        for (slot, &(point, line)) in renumber.iter_mut().zip(&self.points) {
            if *slot == u32::MAX {
                continue;
            }
            if dim == 2 && point[2].abs() > PLANE * size {
                let reason = format!("z = {}: plane meshes lie in z = 0", point[2]);
                return Err(at_line(path, line, reason));
            }
            *slot = points.len() as u32;
            points.push(point);
        }
        Ok((points, renumber))
    }
}

/// Gives a cell positive orientation; whether it had to be turned, or why it cannot be.
fn turn(cell: &mut [u32], points: &[[f64; 3]], dim: u8) -> std::result::Result<bool, String> {
    let at = |k: usize, cell: &[u32]| points[cell[k] as usize];
    let from = |a: [f64; 3], b: [f64; 3]| [b[0] - a[0], b[1] - a[1], b[2] - a[2]];
    let mut longest = 0.0f64;
    for i in 0..cell.len() {
        for j in 0..i {
            let e = from(at(i, cell), at(j, cell));
            longest = longest.max(e.iter().map(|x| x * x).sum::<f64>().sqrt());
        }
    }
    let measures: Vec<f64> = if dim == 3 {
        let [u, v, w] = [1, 2, 3].map(|k| from(at(0, cell), at(k, cell)));
        vec![
            u[0] * (v[1] * w[2] - v[2] * w[1])
                + u[1] * (v[2] * w[0] - v[0] * w[2])
                + u[2] * (v[0] * w[1] - v[1] * w[0]),
        ]
    } else {
        let k = cell.len();
        let corner = |i: usize| {
            let (a, b, c) = (at(i, cell), at((i + 1) % k, cell), at((i + 2) % k, cell));
            let (u, v) = (from(a, b), from(b, c));
            u[0] * v[1] - u[1] * v[0]
        };
        (0..k).map(corner).collect()
    };
    let least = FLAT * longest.powi(i32::from(dim));
    if measures.iter().all(|&m| m > least) {
        return Ok(false);
    }
    if measures.iter().all(|&m| m < -least) {
        match cell.len() {
            3 => cell.swap(1, 2),
            _ if dim == 2 => cell.swap(1, 3),
            _ => cell.swap(2, 3),
        }
        return Ok(true);
    }
    Err(if measures.iter().any(|m| m.abs() <= least) {
        "a degenerate cell: its corners lie on a line, in a plane or on each other".into()
    } else {
        "a quadrilateral that is not convex".into()
    })
}

/// Refuses cells that do not meet corner to corner: in between u would be held as on the boundary.
fn closed(
    path: &Path,
    found: &Found,
    points: &[[f64; 3]],
    renumber: &[u32],
    sides: &HashMap<Vec<u32>, u8>,
) -> Result<()> {
    let mut open: Vec<Vec<u32>> = sides.iter().filter(|(_, n)| **n == 1).map(|(s, _)| s.clone()).collect();
    open.sort_unstable();
    let Some(gap) = conforming::gap(points, &open) else {
        return Ok(());
    };
    // As the file names them.
    let mut tags = vec![0; points.len()];
    for (&new, node) in renumber.iter().zip(&found.nodes) {
        if new != u32::MAX {
            tags[new as usize] = node.0;
        }
    }
    let tag = |v: u32| tags[v as usize];
    let place = |v: u32| {
        let [x, y, z] = points[v as usize];
        if open[0].len() == 2 { format!("({x}, {y})") } else { format!("({x}, {y}, {z})") }
    };
    let names = |side: &[u32]| side.iter().map(|&v| tag(v).to_string()).collect::<Vec<_>>().join(", ");
    Err(Error::file(
        path,
        match gap {
            Gap::Coinciding { count, pair: [a, b] } => format!(
                "{count} nodes lie on another one ({} and {} at {}): parts of the mesh touch without being joined, \
                 with a wall between them; merge_nodes = true (--merge-nodes) joins them",
                tag(a),
                tag(b),
                place(a)
            ),
            Gap::Hanging { count, node, side } => format!(
                "{count} hanging nodes: node {} at {} lies on the side of nodes {} without being a corner of its cell",
                tag(node),
                place(node),
                names(side)
            ),
            Gap::Overlapping { count, sides: [a, b] } => format!(
                "{count} sides lie on others with other corners: that of nodes {} and that of nodes {}",
                names(a),
                names(b)
            ),
        },
    ))
}

/// Cells at each side, by its sorted corners.
fn sides(path: &Path, cells: &[Vec<u32>], elements: &[&Element], dim: u8) -> Result<HashMap<Vec<u32>, u8>> {
    let local: Vec<&[usize]> = match (dim, cells[0].len()) {
        (2, 3) => TRIANGLE_EDGES.iter().map(|f| &f[..]).collect(),
        (2, _) => QUAD_EDGES.iter().map(|f| &f[..]).collect(),
        _ => TET_FACES.iter().map(|f| &f[..]).collect(),
    };
    let mut count: HashMap<Vec<u32>, u8> = HashMap::with_capacity(2 * cells.len());
    for (cell, element) in cells.iter().zip(elements) {
        for side in &local {
            let mut key: Vec<u32> = side.iter().map(|&i| cell[i]).collect();
            key.sort_unstable();
            let n = count.entry(key).or_insert(0);
            *n += 1;
            if *n > 2 {
                return Err(at_line(path, element.line, "a third cell on one side of two others"));
            }
        }
    }
    Ok(count)
}
