//! Nodes and unknowns of quadratic elements, broken or continuous.

use super::element::{Affine, Quadratic};
use crate::error::{Error, Result};
use crate::fem::dofs::ELIMINATED;
use crate::mesh::topology::Facet;
use crate::mesh::{QuadMesh, TriangleMesh};
use crate::system::MeshData;

/// How the cells hang together, and what holds u on the boundary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Continuity {
    /// Every cell has nodes of its own: the fully discontinuous method. Node i of cell c is number c · (6 or 9) + i.
    Broken,
    /// Neighbours share nodes, boundary nodes are unknowns, and the penalty holds u there (Nitsche).
    Weak,
    /// Neighbours share nodes, boundary nodes are eliminated.
    Strong,
}

/// Nodes, unknowns and geometry.
///
/// Shared nodes are numbered row by row, from low y to high, x fastest: on a grid as an image is.
#[derive(Debug, Clone, PartialEq)]
pub struct Space {
    /// The basis on the reference cell.
    pub element: Quadratic,
    /// What neighbouring cells share.
    pub continuity: Continuity,
    /// From the reference cell onto each cell.
    pub maps: Vec<Affine>,
    /// All edges, those of the boundary too.
    pub facets: Vec<Facet<2>>,
    /// Ends of each facet, as its corners run.
    pub ends: Vec<[[f64; 2]; 2]>,
    /// cells × nodes of a cell.
    pub nodes: Vec<u32>,
    /// Position of each node.
    pub points: Vec<[f64; 2]>,
    /// Per node: whether it lies on the boundary.
    pub boundary: Vec<bool>,
    /// Unknown of each node, or [`ELIMINATED`].
    pub unknown_of: Vec<u32>,
    /// Node of each unknown.
    pub free: Vec<u32>,
}

impl Space {
    /// P2 on triangles.
    pub fn triangles(mesh: &TriangleMesh, continuity: Continuity) -> Self {
        let maps = mesh.cells.iter().map(|t| {
            let [a, b, c] = t.map(|v| mesh.points[v as usize]);
            Affine::new(a, b, c)
        });
        let corners: Vec<&[u32]> = mesh.cells.iter().map(|c| &c[..]).collect();
        Self::build(Quadratic::p2(), maps.collect(), &mesh.points, &corners, mesh.facets(), continuity)
    }

    /// Q2 on parallelograms.
    ///
    /// # Errors
    /// [`Error::Argument`] for a quadrilateral that is none: third derivatives are only mapped affinely.
    pub fn quads(mesh: &QuadMesh, continuity: Continuity) -> Result<Self> {
        let mut maps = Vec::with_capacity(mesh.cells.len());
        for (k, cell) in mesh.cells.iter().enumerate() {
            let [a, b, c, d] = cell.map(|v| mesh.points[v as usize]);
            let map = Affine::new(a, b, d);
            let back = map.back(c);
            if (back[0] - 1.0).abs().max((back[1] - 1.0).abs()) > 1e-9 {
                return Err(Error::Argument(format!(
                    "cell {k} is no parallelogram: interior penalty for fourth order needs affine cells"
                )));
            }
            maps.push(map);
        }
        let corners: Vec<&[u32]> = mesh.cells.iter().map(|c| &c[..]).collect();
        let element = Quadratic::q2();
        Ok(Self::build(element, maps, &mesh.points, &corners, mesh.facets(), continuity))
    }

    fn build(
        element: Quadratic,
        maps: Vec<Affine>,
        vertices: &[[f64; 2]],
        corners: &[&[u32]],
        facets: Vec<Facet<2>>,
        continuity: Continuity,
    ) -> Self {
        let nodes = match continuity {
            Continuity::Broken => (0..(maps.len() * element.len()) as u32).collect(),
            _ => shared_nodes(&element, vertices.len(), corners, &facets),
        };
        let mut space = Space {
            points: Vec::new(),
            boundary: Vec::new(),
            unknown_of: Vec::new(),
            free: Vec::new(),
            ends: facets.iter().map(|f| f.corners.map(|v| vertices[v as usize])).collect(),
            element,
            continuity,
            maps,
            facets,
            nodes,
        };
        space.locate();
        if continuity != Continuity::Broken {
            space.number_by_rows();
        }
        let keep = |&v: &u32| continuity != Continuity::Strong || !space.boundary[v as usize];
        let free = (0..space.points.len() as u32).filter(keep).collect();
        space.set_free(free);
        space
    }

    /// Positions of the nodes and whether they lie on the boundary.
    fn locate(&mut self) {
        let count = self.nodes.iter().max().map_or(0, |&m| m as usize + 1);
        self.points = vec![[0.0; 2]; count];
        self.boundary = vec![false; count];
        for (c, map) in self.maps.iter().enumerate() {
            for (i, &xi) in self.element.nodes.iter().enumerate() {
                self.points[self.nodes[c * self.element.len() + i] as usize] = map.forward(xi);
            }
        }
        let corners = self.element.corners;
        for f in self.facets.iter().filter(|f| f.on_boundary()) {
            let (c, k) = (f.cells[0] as usize, f.local[0] as usize);
            for i in [k, (k + 1) % corners, corners + k] {
                self.boundary[self.nodes[c * self.element.len() + i] as usize] = true;
            }
        }
    }

    /// Numbers the nodes row by row.
    fn number_by_rows(&mut self) {
        // Rows differ by rounding: compare to a billionth.
        let rounded = |p: [f64; 2]| [p[1], p[0]].map(|t| (t * 1e9).round() as i64);
        let mut used = vec![false; self.points.len()];
        self.nodes.iter().for_each(|&v| used[v as usize] = true);
        let mut order: Vec<u32> = (0..used.len() as u32).filter(|&v| used[v as usize]).collect();
        order.sort_by_key(|&v| (rounded(self.points[v as usize]), v));
        let mut place = vec![0u32; used.len()];
        for (new, &old) in order.iter().enumerate() {
            place[old as usize] = new as u32;
        }
        self.points = order.iter().map(|&v| self.points[v as usize]).collect();
        self.boundary = order.iter().map(|&v| self.boundary[v as usize]).collect();
        for v in &mut self.nodes {
            *v = place[*v as usize];
        }
    }

    fn set_free(&mut self, free: Vec<u32>) {
        self.unknown_of = vec![ELIMINATED; self.points.len()];
        for (i, &v) in free.iter().enumerate() {
            self.unknown_of[v as usize] = i as u32;
        }
        self.free = free;
    }

    /// Numbers the unknowns anew: unknown i is the one that was `permutation[i]`.
    pub fn renumber(&mut self, permutation: &[u32]) {
        self.set_free(permutation.iter().map(|&i| self.free[i as usize]).collect());
    }

    /// Number of unknowns.
    pub fn count(&self) -> usize {
        self.free.len()
    }

    /// The nodes of a cell.
    pub fn nodes_of(&self, cell: usize) -> &[u32] {
        let n = self.element.len();
        &self.nodes[cell * n..(cell + 1) * n]
    }

    /// Values at all nodes: the unknowns, and `boundary` where they were eliminated.
    pub fn spread(&self, unknowns: &[f64], boundary: impl Fn([f64; 2]) -> f64) -> Vec<f64> {
        let value = |(&i, &x): (&u32, &[f64; 2])| match i {
            ELIMINATED => boundary(x),
            i => unknowns[i as usize],
        };
        self.unknown_of.iter().zip(&self.points).map(value).collect()
    }

    /// The nodes as a mesh of linear cells, each quadratic cell cut into four; row i of the matrix belongs to
    /// point `free_dofs[i]`. Broken cells do not touch: their nodes lie on top of each other.
    pub fn to_data(&self) -> MeshData {
        let quarter = |c: usize| {
            let nodes = self.nodes_of(c);
            self.element.quarters.iter().flat_map(move |q| q.iter().map(|&i| nodes[i]))
        };
        MeshData {
            dim: 2,
            points: self.points.concat(),
            cell_type: if self.element.corners == 3 { TriangleMesh::CELL } else { QuadMesh::CELL }.into(),
            cell_size: self.element.corners,
            cells: (0..self.maps.len()).flat_map(quarter).collect(),
            point_markers: self.boundary.iter().map(|&b| u32::from(b)).collect(),
            free_dofs: self.free.clone(),
            grid: Vec::new(),
            boundary_value: Some(0.0),
        }
    }
}

/// Corners by their number in the mesh, then edges, then centres.
fn shared_nodes(element: &Quadratic, vertices: usize, corners: &[&[u32]], facets: &[Facet<2>]) -> Vec<u32> {
    let (n, k) = (element.len(), element.corners);
    let mut nodes = vec![0u32; corners.len() * n];
    for (c, cell) in corners.iter().enumerate() {
        nodes[c * n..c * n + k].copy_from_slice(cell);
        if n > 2 * k {
            nodes[c * n + 2 * k] = (vertices + facets.len() + c) as u32;
        }
    }
    for (e, facet) in facets.iter().enumerate() {
        let sides = if facet.on_boundary() { 1 } else { 2 };
        for side in 0..sides {
            let cell = facet.cells[side] as usize;
            nodes[cell * n + k + facet.local[side] as usize] = (vertices + e) as u32;
        }
    }
    nodes
}
