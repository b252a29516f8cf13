//! Continuous spaces on a mesh: which node belongs to which cell, and where it lies.

use std::collections::HashMap;

use super::shape::Element;
use crate::mesh::topology::Facet;
use crate::mesh::{Mesh, QuadMesh, TetMesh, TriangleMesh};
use crate::system::MeshData;

/// A continuous Lagrange space in D dimensions.
#[derive(Debug, Clone)]
pub struct Space<const D: usize> {
    /// The basis on the reference cell.
    pub element: Element,
    /// Where the nodes are; those of the mesh come first, in its order.
    pub nodes: Vec<[f64; D]>,
    /// Nodes of each cell, [`Element::nodes`] a cell; the corners first.
    pub cells: Vec<u32>,
    /// Per node: whether it lies on the boundary of the domain.
    pub boundary: Vec<bool>,
    /// The facets on the boundary, with their own element.
    pub facet_element: Element,
    /// Nodes of each boundary facet.
    pub facets: Vec<u32>,
}

impl Space<2> {
    /// Linear elements on triangles.
    pub fn p1(mesh: &TriangleMesh) -> Self {
        Self::corners(mesh, &mesh.facets(), [Element::P1Triangle, Element::P1Line])
    }

    /// Quadratic elements on triangles: a further node in the middle of every edge, in the order of the mesh's facets.
    pub fn p2(mesh: &TriangleMesh) -> Self {
        let edges = mesh.facets();
        let mut nodes = mesh.points.clone();
        let mut boundary = mesh.boundary.clone();
        let (mut middle, mut facets) = (HashMap::with_capacity(edges.len()), Vec::new());
        for edge in &edges {
            let [a, b] = edge.corners;
            let m = nodes.len() as u32;
            middle.insert((a.min(b), a.max(b)), m);
            let (p, q) = (nodes[a as usize], nodes[b as usize]);
            nodes.push([0, 1].map(|d| 0.5 * (p[d] + q[d])));
            boundary.push(edge.on_boundary());
            if edge.on_boundary() {
                facets.extend([a, b, m]);
            }
        }
        let cells = mesh.cells.iter().flat_map(|&[a, b, c]| {
            let m = |i: u32, j: u32| middle[&(i.min(j), i.max(j))];
            [a, b, c, m(a, b), m(b, c), m(c, a)]
        });
        Space {
            element: Element::P2Triangle,
            cells: cells.collect(),
            nodes,
            boundary,
            facet_element: Element::P2Line,
            facets,
        }
    }

    /// Bilinear elements on quadrilaterals.
    pub fn q1(mesh: &QuadMesh) -> Self {
        Self::corners(mesh, &mesh.facets(), [Element::Q1, Element::P1Line])
    }
}

impl Space<3> {
    /// Linear elements on tetrahedra.
    pub fn p1_tet(mesh: &TetMesh) -> Self {
        Self::corners(mesh, &mesh.facets(), [Element::P1Tet, Element::P1Triangle])
    }
}

impl<const D: usize> Space<D> {
    /// The mesh's own points as nodes, for cells and facets of these elements.
    fn corners<const K: usize, const F: usize>(
        mesh: &Mesh<D, K>,
        facets: &[Facet<F>],
        [element, facet_element]: [Element; 2],
    ) -> Self {
        let boundary = facets.iter().filter(|f| f.on_boundary());
        Space {
            element,
            nodes: mesh.points.clone(),
            cells: mesh.cells.concat(),
            boundary: mesh.boundary.clone(),
            facet_element,
            facets: boundary.flat_map(|f| f.corners).collect(),
        }
    }

    /// Number of nodes.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is no node.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Per node the number of its piece, from 0 in the order of their first nodes: nodes belong to one if cells lead
    /// from one to the other.
    pub fn pieces(&self) -> Vec<u32> {
        let mut parent: Vec<u32> = (0..self.len() as u32).collect();
        // Towards the first node of a piece, the way halved for the next one.
        fn root(parent: &mut [u32], mut v: u32) -> u32 {
            while parent[v as usize] != v {
                parent[v as usize] = parent[parent[v as usize] as usize];
                v = parent[v as usize];
            }
            v
        }
        for cell in self.cells.chunks_exact(self.element.nodes()) {
            for &other in &cell[1..] {
                let (a, b) = (root(&mut parent, cell[0]), root(&mut parent, other));
                parent[a.max(b) as usize] = a.min(b);
            }
        }
        let mut numbers = vec![u32::MAX; self.len()];
        let mut next = 0;
        for v in 0..self.len() as u32 {
            let first = root(&mut parent, v);
            if first == v {
                numbers[v as usize] = next;
                next += 1;
            }
            numbers[v as usize] = numbers[first as usize];
        }
        numbers
    }

    /// The nodes and cells as files keep them; row i of the matrix belongs to node `free_dofs[i]`.
    pub fn to_data(&self, free_dofs: Vec<u32>) -> MeshData {
        MeshData {
            dim: D,
            points: self.nodes.as_flattened().to_vec(),
            cell_type: self.element.cell_type().into(),
            cell_size: self.element.nodes(),
            cells: self.cells.clone(),
            point_markers: self.boundary.iter().map(|&b| u32::from(b)).collect(),
            free_dofs,
            grid: Vec::new(),
            boundary_value: Some(0.0),
        }
    }

    /// The values of a function at the nodes.
    pub fn interpolate(&self, f: impl Fn([f64; D]) -> f64) -> Vec<f64> {
        self.nodes.iter().map(|&x| f(x)).collect()
    }
}
