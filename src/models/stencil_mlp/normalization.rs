//! The grid, what the network sees of a matrix, and the units of what it puts out.

use std::path::Path;

use super::{NAME, StencilConfig};
use crate::error::{Error, Result};
use crate::linalg::Csr;
use crate::models::Checkpoint;
use crate::models::TrainingSet;
use crate::nn::NamedArray;
use crate::system::Parts;

/// The stored diagonals of a node's row, as steps (right, up) to the neighbour: self, east, north, north-east.
pub(super) const CHANNELS: [(i64, i64); 4] = [(0, 0), (1, 0), (0, 1), (1, 1)];

/// The steps (right, up) within a radius, row by row.
pub(super) fn window(radius: usize) -> Vec<(i64, i64)> {
    let r = radius as i64;
    (-r..=r).flat_map(|dy| (-r..=r).map(move |dx| (dx, dy))).collect()
}

/// An m×m grid of inner nodes in row-wise order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Grid {
    pub(super) m: usize,
}

impl Grid {
    pub(super) fn of(a: &Csr) -> Result<Self> {
        let n = a.nrows();
        let m = n.isqrt();
        if m < 2 || m * m != n {
            return Err(Error::Argument(format!(
                "{NAME} needs a system on the inner nodes of a square grid, n = m²; this one has n = {n}"
            )));
        }
        let on_stencil = (0..n).all(|i| {
            a.row(i).0.iter().all(|&j| {
                let (dx, dy) = (j as i64 % m as i64 - (i % m) as i64, j as i64 / m as i64 - (i / m) as i64);
                dx.abs() <= 1 && dy.abs() <= 1
            })
        });
        if !on_stencil {
            return Err(Error::Argument(format!(
                "{NAME} needs row-wise node order (order = \"natural\"): the matrix couples nodes that are no \
                 neighbours"
            )));
        }
        if let Some((i, d)) = a.diagonal().iter().enumerate().find(|(_, d)| !(**d > 0.0 && d.is_finite())) {
            return Err(Error::Numeric(format!("{NAME} needs a positive diagonal; entry {i} is {d}")));
        }
        Ok(Grid { m })
    }

    /// The node `step` away from node i, if it is inside.
    pub(super) fn at(self, i: usize, step: (i64, i64)) -> Option<usize> {
        let (x, y) = ((i % self.m) as i64 + step.0, (i / self.m) as i64 + step.1);
        let inside = 0..self.m as i64;
        (inside.contains(&x) && inside.contains(&y)).then(|| y as usize * self.m + x as usize)
    }
}

/// Per channel: number, sum and sum of squares of the entries seen.
type Sums = [[f64; 3]; CHANNELS.len()];

/// Takes in the entries of one matrix.
fn add(sums: &mut Sums, a: &Csr) -> Result<()> {
    let grid = Grid::of(a)?;
    for i in 0..a.nrows() {
        for (sum, &step) in sums.iter_mut().zip(&CHANNELS) {
            if let Some(j) = grid.at(i, step) {
                let v = a.get(i, j);
                sum[0] += 1.0;
                sum[1] += v;
                sum[2] += v * v;
            }
        }
    }
    Ok(())
}

/// What the network knows besides its weights.
#[derive(Debug, Clone)]
pub(super) struct Normalization {
    pub(super) config: StencilConfig,
    /// Mean and 1/deviation of each channel.
    pub(super) mean: Vec<f32>,
    pub(super) scale: Vec<f32>,
}

impl Normalization {
    /// Of the training samples, in one pass over them.
    pub(super) fn of_samples(config: &StencilConfig, set: &TrainingSet) -> Result<Self> {
        let mut sums = Sums::default();
        set.for_each_chunk(&Parts::matrix(), |samples| samples.iter().try_for_each(|s| add(&mut sums, &s.matrix)))?;
        let mean: Vec<f64> = sums.iter().map(|s| s[1] / s[0].max(1.0)).collect();
        let dev = |c: usize| (sums[c][2] / sums[c][0].max(1.0) - mean[c] * mean[c]).max(1e-12).sqrt();
        Ok(Normalization {
            config: config.clone(),
            scale: (0..CHANNELS.len()).map(|c| (1.0 / dev(c)) as f32).collect(),
            mean: mean.iter().map(|&m| m as f32).collect(),
        })
    }

    /// The patches of all nodes: n × inputs.
    pub(super) fn features(&self, a: &Csr, grid: Grid) -> Vec<f32> {
        let n = a.nrows();
        let width = CHANNELS.len() + 1;
        let mut node = vec![0.0f32; n * width];
        for i in 0..n {
            for (c, &step) in CHANNELS.iter().enumerate() {
                if let Some(j) = grid.at(i, step) {
                    node[i * width + c] = (a.get(i, j) as f32 - self.mean[c]) * self.scale[c];
                }
            }
            node[i * width + CHANNELS.len()] = 1.0;
        }
        let steps = window(self.config.input_radius);
        let mut out = Vec::with_capacity(n * self.config.inputs());
        for i in 0..n {
            for &step in &steps {
                match grid.at(i, step) {
                    Some(j) => out.extend_from_slice(&node[j * width..(j + 1) * width]),
                    None => out.extend([0.0; CHANNELS.len() + 1]),
                }
            }
        }
        out
    }

    /// What the network's numbers are multiplied by and added to, n × outputs each: W starts as damped Jacobi and is
    /// measured in units of (a_ii a_jj)^(−1/2), S starts as the identity.
    pub(super) fn units(&self, a: &Csr, grid: Grid) -> (Vec<f32>, Vec<f32>) {
        let d = a.diagonal();
        let outputs = self.config.outputs();
        let steps = window(self.config.output_radius);
        let mut factor = vec![0.0f32; d.len() * outputs];
        let mut base = factor.clone();
        for i in 0..d.len() {
            for (o, &step) in steps.iter().enumerate() {
                if let Some(j) = grid.at(i, step) {
                    factor[i * outputs + o] = (1.0 / (d[i] * d[j]).sqrt()) as f32;
                }
                if step == (0, 0) {
                    base[i * outputs + o] = (self.config.damping / d[i]) as f32;
                }
            }
            factor[i * outputs + outputs - 1] = 1.0;
            base[i * outputs + outputs - 1] = 1.0;
        }
        (factor, base)
    }

    /// The normalization of a checkpoint read from `file`.
    pub(super) fn load(config: &StencilConfig, checkpoint: &Checkpoint, file: &Path) -> Result<Self> {
        let norm = Normalization {
            config: config.clone(),
            mean: checkpoint.buffer("channel.mean", file)?.data.clone(),
            scale: checkpoint.buffer("channel.scale", file)?.data.clone(),
        };
        if norm.mean.len() != CHANNELS.len() || norm.scale.len() != CHANNELS.len() {
            return Err(Error::file(file, "channel scales do not fit the model"));
        }
        Ok(norm)
    }

    pub(super) fn buffers(&self) -> Vec<NamedArray> {
        vec![NamedArray::row("channel.mean", self.mean.clone()), NamedArray::row("channel.scale", self.scale.clone())]
    }
}
