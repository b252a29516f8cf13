//! Delaunay triangulations of polygons with bounds on areas and angles, by spade.

use spade::{AngleLimit, ConstrainedDelaunayTriangulation, Point2, RefinementParameters, Triangulation};

use super::TriangleMesh;
use crate::error::{Error, Result};

/// Refinement is proved to end for limits up to about 20.7° and does so in practice up to 30 (Ruppert 1995,
/// doi:10.1006/jagm.1995.1021; Shewchuk 2002, doi:10.1016/S0925-7721(01)00047-5).
pub const MOST_ANGLE: f64 = 30.0;

/// The least area bound: about 8 million points on the unit square.
pub const LEAST_AREA: f64 = 1e-7;

/// Corners of the unit square.
pub fn square() -> Vec<[f64; 2]> {
    vec![[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]
}

/// Corners of the L-shape: the unit square without its upper right quarter.
pub fn l_shape() -> Vec<[f64; 2]> {
    vec![[0.0, 0.0], [1.0, 0.0], [1.0, 0.5], [0.5, 0.5], [0.5, 1.0], [0.0, 1.0]]
}

/// Corners of a regular polygon in the circle of radius 1/2 around (1/2, 1/2), its sides those of equilateral triangles
/// of that area.
pub fn disc(area: f64) -> Vec<[f64; 2]> {
    let side = (4.0 * area / 3f64.sqrt()).sqrt();
    let sides = (std::f64::consts::PI / side).ceil().max(12.0) as usize;
    (0..sides)
        .map(|k| {
            let (s, c) = (std::f64::consts::TAU * k as f64 / sides as f64).sin_cos();
            [0.5 + 0.5 * c, 0.5 + 0.5 * s]
        })
        .collect()
}

/// A mesh of the polygon with these corners (counter-clockwise) whose triangles have at most that area and, away from
/// sharper corners, at least that angle (degrees). The same polygon and bounds give the same mesh, bit for bit.
///
/// # Errors
/// [`Error::Argument`] for bounds out of range or a polygon that crosses itself, [`Error::Numeric`] if refinement does
/// not end.
pub fn polygon(corners: &[[f64; 2]], area: f64, angle: f64) -> Result<TriangleMesh> {
    if !(LEAST_AREA..=1.0).contains(&area) {
        return Err(Error::Argument(format!("area = {area}: must be from {LEAST_AREA:e} to 1")));
    }
    if !(0.0..=MOST_ANGLE).contains(&angle) {
        return Err(Error::Argument(format!("angle = {angle}: must be from 0 to {MOST_ANGLE} degrees")));
    }
    let vertices = corners.iter().map(|p| Point2::new(p[0], p[1])).collect();
    let edges = (0..corners.len()).map(|i| [i, (i + 1) % corners.len()]).collect();
    let mut crossing = false;
    let mut cdt =
        ConstrainedDelaunayTriangulation::<Point2<f64>>::try_bulk_load_cdt(vertices, edges, |_| crossing = true)
            .map_err(|e| Error::Argument(format!("polygon: {e}")))?;
    if crossing {
        return Err(Error::Argument("polygon: its sides cross each other".into()));
    }
    // Far above what any mesh within the bounds needs: a stop, not a limit.
    let most = (20.0 / area) as usize + 10_000;
    let result = cdt.refine(
        RefinementParameters::<f64>::new()
            .exclude_outer_faces(true)
            .with_angle_limit(AngleLimit::from_deg(angle))
            .with_max_allowed_area(area)
            .with_max_additional_vertices(most),
    );
    if !result.refinement_complete {
        return Err(Error::Numeric(format!(
            "refinement to area {area} and angle {angle} did not end within {most} points: take a smaller angle"
        )));
    }
    // The list comes out of a hash set: only membership counts.
    let mut outside = vec![false; cdt.num_all_faces()];
    for face in &result.excluded_faces {
        outside[face.index()] = true;
    }
    let mut number = vec![u32::MAX; cdt.num_vertices()];
    let mut cells = Vec::new();
    for face in cdt.inner_faces().filter(|f| !outside[f.fix().index()]) {
        let cell = face.vertices().map(|v| v.fix().index());
        cell.iter().for_each(|&v| number[v] = 0);
        cells.push(cell);
    }
    let mut points = Vec::new();
    for vertex in cdt.vertices() {
        let slot = &mut number[vertex.fix().index()];
        if *slot == 0 {
            *slot = points.len() as u32;
            let p = vertex.position();
            points.push([p.x, p.y]);
        }
    }
    let cells = cells.into_iter().map(|c| c.map(|v| number[v])).collect();
    Ok(TriangleMesh::new(points, cells))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn area(mesh: &TriangleMesh) -> f64 {
        (0..mesh.cells.len()).map(|t| 0.5 * mesh.double_area(&mesh.points, t)).sum()
    }

    #[test]
    fn bounds_are_kept_and_areas_add_up() {
        for (corners, exact) in [(square(), 1.0), (l_shape(), 0.75)] {
            for bound in [0.01, 0.001] {
                let mesh = polygon(&corners, bound, 25.0).unwrap();
                assert!((area(&mesh) - exact).abs() < 1e-12);
                assert!(mesh.min_angle(&mesh.points) > 24.9);
                let sizes = (0..mesh.cells.len()).map(|t| 0.5 * mesh.double_area(&mesh.points, t));
                assert!(sizes.clone().all(|a| a > 0.0 && a <= bound * (1.0 + 1e-12)));
                // Euler: one polygon without holes.
                assert_eq!(mesh.points.len() + mesh.cells.len(), mesh.facets().len() + 1);
            }
        }
        let mesh = polygon(&disc(0.002), 0.002, 25.0).unwrap();
        assert!((area(&mesh) - std::f64::consts::PI / 4.0).abs() < 4e-3);
        let on_circle = |p: &[f64; 2]| ((p[0] - 0.5).hypot(p[1] - 0.5) - 0.5).abs() < 2e-3;
        let border = mesh.points.iter().zip(&mesh.boundary).filter(|(_, b)| **b);
        assert!(border.map(|(p, _)| p).all(on_circle));
    }

    #[test]
    fn the_same_mesh_every_time() {
        let one = polygon(&l_shape(), 0.002, 30.0).unwrap();
        assert!((0..3).all(|_| polygon(&l_shape(), 0.002, 30.0).unwrap() == one));
    }

    #[test]
    fn impossible_bounds_are_refused() {
        assert!(polygon(&square(), 0.0, 20.0).is_err());
        assert!(polygon(&square(), f64::NAN, 20.0).is_err());
        assert!(polygon(&square(), 0.1, 40.0).is_err());
        let bow = [[0.0, 0.0], [1.0, 1.0], [1.0, 0.0], [0.0, 1.0]];
        assert!(polygon(&bow, 0.1, 20.0).is_err());
    }
}
