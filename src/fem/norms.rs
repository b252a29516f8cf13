//! Errors against a known solution, by fenris' error norms.

use fenris::assembly::local::UniformQuadratureTable;
use fenris::error::{estimate_H1_seminorm_error, estimate_L2_error};
use fenris::nalgebra::{DVector, Point2, Vector1, Vector2};

use super::oracle::fenris_mesh;
use crate::error::{Error, Result};
use crate::mesh::TriangleMesh;

/// Degree up to which the error integrals are exact: well above that of linear elements squared.
const STRENGTH: usize = 8;

/// (‖u − u_h‖ in L², |u − u_h| in H¹) of the linear interpolant with these values at the points.
///
/// # Errors
/// [`Error::Shape`] unless there is one value a point; [`Error::Numeric`] if fenris fails.
pub fn errors(
    mesh: &TriangleMesh,
    points: &[[f64; 2]],
    values: &[f64],
    u: impl Fn([f64; 2]) -> f64,
    gradient: impl Fn([f64; 2]) -> [f64; 2],
) -> Result<(f64, f64)> {
    if values.len() != points.len() {
        return Err(Error::shape("values at mesh points", points.len(), values.len()));
    }
    let failed = |e: String| Error::Numeric(format!("fenris: {e}"));
    let fenris = fenris_mesh(mesh, points);
    let (weights, at) = fenris::quadrature::total_order::triangle(STRENGTH).map_err(|e| failed(e.to_string()))?;
    let table = UniformQuadratureTable::from_points_and_weights(at, weights);
    let uh = DVector::from_column_slice(values);
    let exact = |x: &Point2<f64>| Vector1::new(u([x.x, x.y]));
    let slope = |x: &Point2<f64>| {
        let g = gradient([x.x, x.y]);
        Vector2::new(g[0], g[1])
    };
    let l2 = estimate_L2_error(&fenris, &exact, &uh, &table).map_err(|e| failed(e.to_string()))?;
    let h1 = estimate_H1_seminorm_error(&fenris, &slope, &uh, &table).map_err(|e| failed(e.to_string()))?;
    Ok((l2, h1))
}
