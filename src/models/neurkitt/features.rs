//! What the network sees of a sample, and where its columns are read off.

use std::sync::Arc;

use super::{Base, NAME, NeurkittConfig, Transform};
use crate::error::{Error, Result};
use crate::linalg::Partition;
use crate::models::unit_square::{UnitSquare, sine_modes};
use crate::system::{Field, LinearSystem, Location};

/// Corners of the grid cell that an unknown lies in.
pub const CORNERS: usize = 4;

/// A sample on its grid.
pub struct Seen {
    /// Points a side.
    pub side: usize,
    /// points × (fields + 2): the fields, then x and y in [0, 1].
    pub inputs: Vec<f32>,
    /// Of each unknown: the points of its grid cell; one alone where all unknowns are points of the grid.
    pub corners: Vec<u32>,
    /// Their shares (unknowns × [`CORNERS`]); empty where all unknowns are points of the grid.
    pub shares: Vec<f32>,
    /// unknowns × dim: what is added to the network's columns.
    pub base: Vec<f32>,
    /// What the columns are cut with.
    pub partition: Option<Arc<Partition>>,
}

impl NeurkittConfig {
    /// Columns of what the network sees: the fields and two coordinates.
    pub fn inputs(&self) -> usize {
        self.fields.len() + 2
    }
}

/// The values of a field on a grid of `side` points a side: its own, or those of the nearest point or cell.
fn on_grid(field: &Field, side: usize, frame: &UnitSquare) -> Result<Vec<f64>> {
    let places: Vec<[f64; 2]> = match field.location {
        Location::Grid if field.values.len() == side * side => return Ok(field.values.clone()),
        Location::Grid => {
            let (name, found) = (&field.name, field.values.len());
            return Err(Error::Argument(format!("{NAME}.fields: {name} has {found} values, not {side} × {side}")));
        }
        Location::Points => frame.points(),
        Location::Cells => frame.middles(),
        other => {
            return Err(Error::Argument(format!(
                "{NAME}.fields: {} is given by {}, not on a grid, points or cells",
                field.name,
                other.name()
            )));
        }
    };
    let step = 1.0 / (side.max(2) - 1) as f64;
    let nearest = |k: usize| {
        let (x, y) = ((k % side) as f64 * step, (k / side) as f64 * step);
        let far = |p: &[f64; 2]| (p[0] - x).powi(2) + (p[1] - y).powi(2);
        let best = places.iter().enumerate().min_by(|a, b| far(a.1).total_cmp(&far(b.1)));
        best.map_or(0.0, |(i, _)| field.values[i])
    };
    Ok((0..side * side).map(nearest).collect())
}

impl Seen {
    /// # Errors
    /// [`Error::Argument`] if the sample has no plane mesh with an unknown at each point, lacks a field, or the field
    /// has no logarithm.
    pub fn new(config: &NeurkittConfig, system: &LinearSystem) -> Result<Self> {
        let mesh = system.mesh.as_ref().ok_or_else(|| Error::Argument(format!("{NAME} needs samples on a mesh")))?;
        let frame = UnitSquare::new(mesh, NAME)?;
        let at = frame.unknowns(NAME)?;
        let fields = config.fields.iter().map(|name| field(system, name)).collect::<Result<Vec<_>>>()?;
        let grids = fields.iter().filter(|f| f.location == Location::Grid).map(|f| f.values.len().isqrt());
        let side = grids.max().unwrap_or(config.grid);
        if 2 * config.modes > side {
            return Err(Error::Argument(format!(
                "{NAME}.modes = {}: a grid of {side} points a side has at most {}",
                config.modes,
                side / 2
            )));
        }
        let values = fields.iter().map(|f| seen(config, f, side, &frame)).collect::<Result<Vec<_>>>()?;
        let step = 1.0 / (side.max(2) - 1) as f32;
        let mut inputs = Vec::with_capacity(side * side * config.inputs());
        for k in 0..side * side {
            inputs.extend(values.iter().map(|v| v[k] as f32));
            inputs.extend([(k % side) as f32 * step, (k / side) as f32 * step]);
        }
        let (corners, shares) = corners(&at, side);
        let base = match config.base {
            Base::None => Vec::new(),
            Base::Sine => sine_modes(&at, config.dim).into_iter().map(|v| v as f32).collect(),
        };
        let partition = match config.patches {
            0 => None,
            m => Some(Arc::new(Partition::flat_top(&at, m)?)),
        };
        Ok(Seen { side, inputs, corners, shares, base, partition })
    }
}

fn field<'a>(system: &'a LinearSystem, name: &str) -> Result<&'a Field> {
    system.field(name).filter(|f| f.components == 1).ok_or_else(|| {
        let there: Vec<&str> = system.fields.iter().map(|f| f.name.as_str()).collect();
        Error::Argument(format!("{NAME}.fields: the samples have no scalar field {name}, but {}", there.join(", ")))
    })
}

/// What the network sees of a field.
fn seen(config: &NeurkittConfig, field: &Field, side: usize, frame: &UnitSquare) -> Result<Vec<f64>> {
    let mut values = on_grid(field, side, frame)?;
    if values.len() != side * side {
        return Err(Error::Argument(format!(
            "{NAME}.fields: {} has {} values on the grid, others {}",
            field.name,
            values.len(),
            side * side
        )));
    }
    if config.transform == Transform::Log {
        if values.iter().any(|&v| v <= 0.0) {
            return Err(Error::Argument(format!(
                "{NAME}.transform = \"log\": {} is not positive; take \"none\"",
                field.name
            )));
        }
        values.iter_mut().for_each(|v| *v = v.ln());
    }
    Ok(values)
}

/// Grid points around each place and their shares in a bilinear interpolation.
fn corners(at: &[[f64; 2]], side: usize) -> (Vec<u32>, Vec<f32>) {
    let cells = side.max(2) - 1;
    let (mut index, mut shares, mut single) = (Vec::new(), Vec::new(), Vec::new());
    for p in at {
        let scaled = p.map(|v| v * cells as f64);
        let cell = scaled.map(|v| (v as usize).min(cells - 1));
        let part = [scaled[0] - cell[0] as f64, scaled[1] - cell[1] as f64];
        let mut largest = (0.0, 0);
        for (dy, dx) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            let point = ((cell[1] + dy) * side + cell[0] + dx) as u32;
            let share = |part: f64, d: usize| if d == 1 { part } else { 1.0 - part };
            let share = share(part[0], dx) * share(part[1], dy);
            if share > largest.0 {
                largest = (share, point);
            }
            index.push(point);
            shares.push(share as f32);
        }
        if largest.0 > 1.0 - 1e-9 {
            single.push(largest.1);
        }
    }
    match single.len() == at.len() {
        true => (single, Vec::new()),
        false => (index, shares),
    }
}
