//! What the network sees of a matrix.

use super::{FactorConfig, NAME, TargetKind};
use crate::error::{Error, Result};
use crate::linalg::Csr;
use crate::models::scaling::Scaling;
use crate::nn::graph::Graphs;
use crate::system::LinearSystem;

/// Columns of the edge features: a_ij, whether it is on the diagonal, the sign of i − j.
pub const EDGE_FEATURES: usize = 3;

/// Columns of the node features: the local degree profile (own degree; least, largest, mean degree and its deviation
/// among the neighbours; Cai & Wang 2018, arXiv:1811.03508), dominance and decay of the diagonal and the place in the
/// order (as in Häusner, Öktem, Sjölund 2023, arXiv:2305.16368, table 5).
pub const NODE_FEATURES: usize = 8;

/// A matrix as the network sees it.
pub struct Seen {
    /// The graph of the scaled matrix.
    pub graph: Graphs<f32>,
    /// nodes × [`NODE_FEATURES`].
    pub nodes: Vec<f32>,
    /// edges × [`EDGE_FEATURES`].
    pub edges: Vec<f32>,
    /// The edges of tril(A), row by row.
    pub lower: Vec<u32>,
    /// The scaled matrix is D A D with these reciprocals of D; none where it is a multiple of A.
    pub root: Option<Vec<f64>>,
}

impl Seen {
    /// Scales a matrix and computes its features.
    ///
    /// # Errors
    /// [`Error::Shape`] if it is not square, [`Error::Numeric`] if it is zero or not finite, a diagonal entry is not
    /// stored or (Jacobi scaling) not positive.
    pub fn new(config: &FactorConfig, a: &Csr) -> Result<Self> {
        let known = f32::from(u8::from(config.order));
        let degrees = f64::from(u8::from(config.degrees));
        if a.nrows() != a.ncols() {
            return Err(Error::shape("columns of a matrix to factor", a.nrows(), a.ncols()));
        }
        let (scaled, root) = match config.scaling {
            Scaling::Jacobi => a.equilibrated().map(|(m, root)| (m, Some(root)))?,
            Scaling::Max => {
                let largest = a.max_abs();
                if !(largest > 0.0 && largest.is_finite()) {
                    return Err(Error::Numeric(format!(
                        "{NAME}: the largest entry of A is {largest}: must be positive and finite"
                    )));
                }
                let values = a.values().iter().map(|v| v / largest).collect();
                (Csr::new(a.pattern().clone(), values)?, None)
            }
        };
        let n = a.nrows();
        let (mut edges, mut lower) = (Vec::with_capacity(EDGE_FEATURES * a.nnz()), Vec::new());
        for i in 0..n {
            let (cols, vals) = scaled.row(i);
            if cols.binary_search(&(i as u32)).is_err() {
                return Err(Error::Numeric(format!(
                    "{NAME}: the factor needs a diagonal, and row {i} of A stores none"
                )));
            }
            for ((&j, &v), e) in cols.iter().zip(vals).zip(scaled.pattern().range(i)) {
                let order = known * (i as f32 - j as f32).signum() * f32::from(u8::from(i != j as usize));
                edges.extend([v as f32, f32::from(u8::from(i == j as usize)), order]);
                if j as usize <= i {
                    lower.push(e as u32);
                }
            }
        }
        Ok(Seen {
            graph: Graphs::of(&scaled)?,
            nodes: (0..n).flat_map(|i| node(&scaled, i, [f64::from(known), degrees])).map(|v| v as f32).collect(),
            edges,
            lower,
            root,
        })
    }

    /// The bytes that it takes.
    pub fn bytes(&self) -> usize {
        let root = self.root.as_ref().map_or(0, |r| size_of_val(&**r));
        let lists = size_of_val(&*self.nodes) + size_of_val(&*self.edges) + size_of_val(&*self.lower);
        self.graph.bytes() + lists + root
    }

    /// The target's entries for the scaled matrix (but for a factor), row by row.
    ///
    /// # Errors
    /// As [`TargetKind::factor`].
    pub fn target(&self, kind: TargetKind, system: &LinearSystem) -> Result<Vec<f32>> {
        let mut values = kind.entries(system)?;
        if let Some(root) = &self.root {
            let a = &system.matrix;
            let rows = (0..a.nrows()).flat_map(|i| {
                let below = a.row(i).0.iter().filter(move |&&j| j as usize <= i);
                below.map(move |_| i)
            });
            values.iter_mut().zip(rows).for_each(|(v, i)| *v /= root[i]);
        }
        // Free of units, which single precision could not hold.
        let largest = values.iter().fold(f64::MIN_POSITIVE, |m, v| m.max(v.abs()));
        Ok(values.iter().map(|v| (v / largest) as f32).collect())
    }
}

/// Features of one node; the place in the order times `known`, degrees, on a logarithmic scale, times `counted`.
fn node(a: &Csr, i: usize, [known, counted]: [f64; 2]) -> [f64; NODE_FEATURES] {
    let degree = |i: usize| counted * (a.row(i).0.len() as f64).ln_1p();
    let (cols, vals) = a.row(i);
    let around: Vec<f64> = cols.iter().map(|&j| j as usize).filter(|&j| j != i).map(degree).collect();
    let count = around.len().max(1) as f64;
    let mean = around.iter().sum::<f64>() / count;
    let deviation = (around.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / count).sqrt();
    let (mut rest, mut largest, mut diagonal) = (0.0f64, 0.0f64, 0.0f64);
    for (&j, &v) in cols.iter().zip(vals) {
        if j as usize == i {
            diagonal = v.abs();
        } else {
            rest += v.abs();
            largest = largest.max(v.abs());
        }
    }
    let share = |part: f64| {
        if diagonal > 0.0 { diagonal / (diagonal + part) } else { 0.0 }
    };
    [
        degree(i),
        around.iter().copied().reduce(f64::min).unwrap_or(0.0),
        around.iter().copied().reduce(f64::max).unwrap_or(0.0),
        mean,
        deviation,
        share(rest),
        share(largest),
        known * i as f64 / a.nrows() as f64,
    ]
}
