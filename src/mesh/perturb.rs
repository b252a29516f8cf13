//! Random shifts of inner points that never turn a triangle over.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::TriangleMesh;
use crate::error::{Error, Result};

/// A triangle may not shrink below this share of its area on the unmoved mesh.
const LEAST_AREA: f64 = 1e-3;

/// Draws for one point before its position is given up for lost; with shifts of at most h/2 it is never reached.
const MOST_DRAWS: usize = 10_000;

/// Moves points; made once per mesh.
#[derive(Debug, Clone)]
pub struct Perturbation {
    inner: Vec<u32>,
    /// Triangles around inner[i]: around[start[i]..start[i + 1]].
    start: Vec<u32>,
    around: Vec<u32>,
    /// Largest shift of each coordinate.
    reach: f64,
    /// Least allowed double area per triangle.
    least: Vec<f64>,
}

impl Perturbation {
    /// Shifts of up to `reach` in each coordinate.
    pub fn new(mesh: &TriangleMesh, reach: f64) -> Self {
        let mut touching = vec![Vec::new(); mesh.points.len()];
        for (t, tri) in mesh.cells.iter().enumerate() {
            for &v in tri {
                touching[v as usize].push(t as u32);
            }
        }
        let inner: Vec<u32> = (0..mesh.points.len() as u32).filter(|&v| !mesh.boundary[v as usize]).collect();
        let mut start = vec![0u32];
        let mut around = Vec::new();
        for &v in &inner {
            around.extend_from_slice(&touching[v as usize]);
            start.push(around.len() as u32);
        }
        let least = (0..mesh.cells.len()).map(|t| LEAST_AREA * mesh.double_area(&mesh.points, t)).collect();
        Perturbation { inner, start, around, reach, least }
    }

    /// Writes moved positions into `points`: every inner point in turn is shifted by U(−reach, reach)² from where the
    /// mesh has it; a shift that turns over (or all but flattens) a triangle is drawn again.
    ///
    /// # Errors
    /// [`Error::Numeric`] if no admissible position is found for a point.
    pub fn draw(&self, mesh: &TriangleMesh, rng: &mut ChaCha8Rng, points: &mut Vec<[f64; 2]>) -> Result<()> {
        points.clone_from(&mesh.points);
        if self.reach == 0.0 {
            return Ok(());
        }
        for (i, &v) in self.inner.iter().enumerate() {
            let home = mesh.points[v as usize];
            let triangles = &self.around[self.start[i] as usize..self.start[i + 1] as usize];
            let mut draws = 0;
            loop {
                let mut shift = || self.reach * (2.0 * rng.random::<f64>() - 1.0);
                points[v as usize] = [home[0] + shift(), home[1] + shift()];
                let upright = |&t: &u32| mesh.double_area(points, t as usize) > self.least[t as usize];
                if triangles.iter().all(upright) {
                    break;
                }
                draws += 1;
                if draws == MOST_DRAWS {
                    return Err(Error::Numeric(format!(
                        "no admissible position for mesh point {v} within {} of its place in {MOST_DRAWS} draws",
                        self.reach
                    )));
                }
            }
        }
        Ok(())
    }
}
