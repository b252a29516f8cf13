//! Errors of quadratic elements against a known solution.

use super::space::Space;
use super::terms::cell_rule;
use crate::error::{Error, Result};

/// Degree up to which the error integrals are exact.
const STRENGTH: usize = 10;

/// (‖u − u_h‖ in L², ‖D²u − D²u_h‖ in L² cell by cell): jumps between cells are not counted.
///
/// `values` are those at the nodes, see [`Space::spread`]; `hessian` gives (u_xx, u_xy, u_yy).
///
/// # Errors
/// [`Error::Shape`] unless there is one value a node.
pub fn errors(
    space: &Space,
    values: &[f64],
    u: impl Fn([f64; 2]) -> f64,
    hessian: impl Fn([f64; 2]) -> [f64; 3],
) -> Result<(f64, f64)> {
    if values.len() != space.points.len() {
        return Err(Error::shape("values at nodes", space.points.len(), values.len()));
    }
    let element = &space.element;
    let rule = cell_rule(element, STRENGTH)?;
    let (mut l2, mut h2) = (0.0, 0.0);
    for (c, map) in space.maps.iter().enumerate() {
        let at_nodes = || space.nodes_of(c).iter().map(|&v| values[v as usize]).enumerate();
        for (&xi, w) in rule.points.iter().zip(&rule.weights) {
            let x = map.forward(xi);
            let uh: f64 = at_nodes().map(|(i, v)| v * element.derivative(i, (0, 0), xi)).sum();
            let mut second = hessian(x);
            for (i, v) in at_nodes() {
                let own = map.hessian(element, i, xi);
                second.iter_mut().zip(own).for_each(|(s, o)| *s -= v * o);
            }
            let [xx, xy, yy] = second;
            l2 += w * map.det * (u(x) - uh).powi(2);
            h2 += w * map.det * (xx * xx + 2.0 * xy * xy + yy * yy);
        }
    }
    Ok((l2.sqrt(), h2.sqrt()))
}
