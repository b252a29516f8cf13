//! The near-null space of frames.

use crate::error::{Error, Result};
use crate::linalg::dense::Dense;

/// The six rigid-body modes of a frame: three translations and three rotations about the nodes' centre, columns of
/// the result (6 nodes × 6).
///
/// `points` has three coordinates a node; its unknowns are (uₓ, u_y, u_z, θₓ, θ_y, θ_z), and a rotation ω moves node
/// x by ω × (x − x̄) and turns it by ω. A frame without supports does not resist them, one with supports hardly: what
/// smoothed aggregation must be told ([`super::Amg::with_candidates`] with blocks of 6). Rotations are divided by the
/// frame's size, which gives all modes the unit of a length.
///
/// # Errors
/// [`Error::Shape`] unless there are three coordinates a node and a node at least; [`Error::Numeric`] if one is not
/// finite.
pub fn rigid_body_modes(points: &[f64]) -> Result<Dense> {
    let (nodes, rest) = points.as_chunks::<3>();
    if nodes.is_empty() || !rest.is_empty() {
        return Err(Error::shape("coordinates of nodes", "three a node, a node at least", points.len()));
    }
    let centre: [f64; 3] = std::array::from_fn(|k| nodes.iter().map(|x| x[k]).sum::<f64>() / nodes.len() as f64);
    let off = |node: usize, k: usize| nodes[node][k] - centre[k];
    let size = (0..nodes.len())
        .flat_map(|node| (0..3).map(move |k| (node, k)))
        .fold(0.0, |m: f64, (node, k)| m.max(off(node, k).abs()));
    if !points.iter().all(|x| x.is_finite()) {
        return Err(Error::Numeric("coordinates of nodes: not all are finite".into()));
    }
    let scale = if size > 0.0 { 1.0 / size } else { 1.0 };
    Ok(Dense::from_fn(6 * nodes.len(), 6, |row, mode| {
        let (node, unknown) = (row / 6, row % 6);
        match (mode, unknown) {
            (0..3, _) => f64::from(unknown == mode),
            // ω = e_a: (ω × x)_u = ε_{u a v} x_v.
            (_, 0..3) => {
                let (a, u) = (mode - 3, unknown);
                match (u + 3 - a) % 3 {
                    1 => -scale * off(node, (a + 2) % 3),
                    2 => scale * off(node, (a + 1) % 3),
                    _ => 0.0,
                }
            }
            _ => scale * f64::from(unknown == mode),
        }
    }))
}
