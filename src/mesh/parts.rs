//! Parts of the boundary by name: where which condition holds.

use super::AnyMesh;
use crate::system::BoundaryPart;

/// The sides of an axis-parallel box: names by axis, the lower one first.
pub const SIDES: [[&str; 2]; 3] = [["left", "right"], ["bottom", "top"], ["front", "back"]];

/// Relative distance up to which a point lies on a side.
const ON_SIDE: f64 = 1e-9;

/// The boundary facets of a mesh: those on the sides of its bounding box under "left", "right" (x), "bottom", "top" (y)
/// and, in space, "front", "back" (z); all others under "other". Names without facets are left out.
pub fn sides(mesh: &AnyMesh) -> Vec<BoundaryPart> {
    match mesh {
        AnyMesh::Triangles(m) => sorted(&m.points, boundary(m.facets())),
        AnyMesh::Quads(m) => sorted(&m.points, boundary(m.facets())),
        AnyMesh::Tetrahedra(m) => sorted(&m.points, boundary(m.facets())),
    }
}

fn boundary<const F: usize>(facets: Vec<super::topology::Facet<F>>) -> Vec<Vec<u32>> {
    let outer = facets.into_iter().filter(|f| f.on_boundary());
    outer.map(|f| f.corners.to_vec()).collect()
}

fn sorted<const D: usize>(points: &[[f64; D]], facets: Vec<Vec<u32>>) -> Vec<BoundaryPart> {
    let range = |d: usize| {
        let along = points.iter().map(move |p| p[d]);
        [along.clone().fold(f64::MAX, f64::min), along.fold(f64::MIN, f64::max)]
    };
    let ranges: [[f64; 2]; D] = std::array::from_fn(range);
    let mut parts: Vec<BoundaryPart> = Vec::new();
    let names = SIDES[..D].iter().flatten().chain(std::iter::once(&"other"));
    parts.extend(names.map(|name| BoundaryPart { name: (*name).into(), facets: Vec::new() }));
    for facet in facets {
        let on = |side: usize| {
            let (d, bound) = (side / 2, ranges[side / 2][side % 2]);
            let near = ON_SIDE * (ranges[d][1] - ranges[d][0]);
            facet.iter().all(|&v| (points[v as usize][d] - bound).abs() <= near)
        };
        let side = (0..2 * D).find(|&s| on(s)).unwrap_or(2 * D);
        parts[side].facets.push(facet);
    }
    parts.retain(|p| !p.facets.is_empty());
    parts
}

/// The markers of points as files keep them: 0 inside, 1 on the boundary in no part, 2 + i in `parts[i]` (the first
/// that has it).
pub fn markers(boundary: &[bool], parts: &[BoundaryPart]) -> Vec<u32> {
    let mut out: Vec<u32> = boundary.iter().map(|&b| u32::from(b)).collect();
    for (number, part) in (2..).zip(parts) {
        for &v in part.facets.iter().flatten() {
            let slot = &mut out[v as usize];
            *slot = if *slot < 2 { number } else { *slot };
        }
    }
    out
}
