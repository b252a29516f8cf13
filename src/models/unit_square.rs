//! [`UnitSquare`]: a plane mesh in its bounding box, as the unit square; the sine modes and the patches there.

use crate::error::{Error, Result};
use crate::linalg::dense::Dense;
use crate::linalg::{Partition, Space};
use crate::precond::sine_pairs;
use crate::system::{LinearSystem, MeshData};

/// A box around the points of a mesh, as the unit square.
pub struct UnitSquare<'a> {
    mesh: &'a MeshData,
    low: [f64; 2],
    size: [f64; 2],
}

impl<'a> UnitSquare<'a> {
    /// The box of a mesh; `who` asks, for the message.
    ///
    /// # Errors
    /// [`Error::Argument`] unless the mesh is plane.
    pub fn new(mesh: &'a MeshData, who: &str) -> Result<Self> {
        if mesh.dim != 2 {
            return Err(Error::Argument(format!("{who} works in the plane; the mesh has {} dimensions", mesh.dim)));
        }
        let range = |k: usize| {
            let along = mesh.points.iter().skip(k).step_by(2);
            along.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &v| (low.min(v), high.max(v)))
        };
        let [x, y] = [range(0), range(1)];
        Ok(UnitSquare { mesh, low: [x.0, y.0], size: [x.1 - x.0, y.1 - y.0] })
    }

    fn point(&self, i: usize) -> [f64; 2] {
        [0, 1].map(|k| {
            ((self.mesh.points[2 * i + k] - self.low[k]) / self.size[k].max(f64::MIN_POSITIVE)).clamp(0.0, 1.0)
        })
    }

    /// The points of the mesh.
    pub fn points(&self) -> Vec<[f64; 2]> {
        (0..self.mesh.points.len() / 2).map(|i| self.point(i)).collect()
    }

    /// The middles of the cells.
    pub fn middles(&self) -> Vec<[f64; 2]> {
        let middle = |cell: &[u32]| {
            let share = 1.0 / cell.len() as f64;
            cell.iter().fold([0.0; 2], |sum, &i| {
                let p = self.point(i as usize);
                [sum[0] + share * p[0], sum[1] + share * p[1]]
            })
        };
        self.mesh.cells.chunks_exact(self.mesh.cell_size.max(1)).map(middle).collect()
    }

    /// Where the unknowns are; `who` asks, for the message.
    ///
    /// # Errors
    /// [`Error::Argument`] unless each is a value at a point of the mesh.
    pub fn unknowns(&self, who: &str) -> Result<Vec<[f64; 2]>> {
        let count = self.mesh.points.len() / 2;
        if self.mesh.free_dofs.iter().any(|&d| d as usize >= count) {
            return Err(Error::Argument(format!("{who} needs unknowns that are values at the points of the mesh")));
        }
        Ok(self.mesh.free_dofs.iter().map(|&d| self.point(d as usize)).collect())
    }
}

/// Patches a side that a space may be cut to.
pub const MOST_PATCHES: usize = 128;

/// Columns (n×k) as a space: as they are, or, with `patches` > 0, cut to that many overlapping squares a side of the
/// box around the mesh of the system; `who` asks, for the message.
///
/// # Errors
/// [`Error::Argument`] unless the unknowns are values at the points of a plane mesh; as [`Partition::times`].
pub fn cut(columns: Dense, patches: usize, system: &LinearSystem, who: &str) -> Result<Space> {
    if patches == 0 {
        return Ok(columns.into());
    }
    let mesh = system.mesh.as_ref();
    let mesh = mesh.ok_or_else(|| Error::Argument(format!("{who}: patches need systems on a mesh")))?;
    Partition::flat_top(&UnitSquare::new(mesh, who)?.unknowns(who)?, patches)?.times(&columns)
}

/// Refuses more patches a side than anyone means.
///
/// # Errors
/// [`Error::Argument`] naming the key.
pub fn check_patches(who: &str, patches: usize) -> Result<()> {
    match patches {
        0..=MOST_PATCHES => Ok(()),
        _ => Err(Error::Argument(format!(
            "{who}: patches = {patches} must be at most {MOST_PATCHES} a side, or 0 for columns that live everywhere"
        ))),
    }
}

/// The lowest sine modes sin(pπx) sin(qπy) at places of the unit square (places × count, by rows).
pub fn sine_modes(at: &[[f64; 2]], count: usize) -> Vec<f64> {
    let pairs = sine_pairs(count);
    let mode = |place: &[f64; 2], (p, q): (usize, usize)| {
        let wave = |k: usize, x: f64| (std::f64::consts::PI * k as f64 * x).sin();
        wave(p, place[0]) * wave(q, place[1])
    };
    at.iter().flat_map(|place| pairs.iter().map(move |&pair| mode(place, pair))).collect()
}
