//! `frame`: linear statics of random three-dimensional building frames, as in StAnD (Grementieri, Galeone 2022, "StAnD:
//! A Dataset of Linear Static Analysis Problems", arXiv:2201.05356).
//!
//! A building stands on a plan of nx × ny cells, each with 0 to nz floors; columns stand at the corners of cells, beams
//! run along the edges of floors; the columns' feet are clamped. Spacings, section and material are drawn (below), then
//! one of four loads. Every building has a matrix of its own size and pattern: 6 unknowns a node (three displacements,
//! three rotations about x, y, z), columns from the ground upwards one after the other.
//!
//! Drawn: per bay, spacing U(3, 6) m; per building, section U(0.2, 0.4) × U(0.4, 0.6) m (the depth upright in beams,
//! along x in columns), E U(2.5, 4.3)·10¹⁰ Pa, density U(2, 2.6)·10³ kg/m³; Poisson's ratio 0.2, shear area A/1.2. What
//! StAnD's paper leaves open (floors per cell, loads of snow and wind) is read from its published systems.

mod building;
mod verify;

use serde::{Deserialize, Serialize};
use toml::Table;

use self::building::{Building, LOADS, Load};
use super::{Family, Sampler};
use crate::entry::{self, Entry};
use crate::error::{Error, Result};
use crate::fem::beam::{Beam, DOFS};
use crate::linalg::refine::refine;
use crate::linalg::{Cholesky, Csr, Props};
use crate::rng::{Purpose, stream};
use crate::stages::{Stage, during};
use crate::system::{Description, Field, LinearSystem, Location};
use crate::verify::Report;

/// The family's name in recipes.
const NAME: &str = "frame";

/// `frame` as a member of [`super::ENTRIES`].
pub static ENTRY: Entry<dyn Family> = Entry {
    name: NAME,
    help: "3-D building frames of Timoshenko beams; size, pattern, section, material and load vary",
    source: "Grementieri, Galeone 2022 (StAnD), arXiv:2201.05356",
    needs: "",
    positional: &[],
    defaults: entry::defaults::<FrameConfig>,
    schema: Some(entry::schema::<FrameConfig>),
    parse: |table, _, origin| build(table, origin),
};

/// The `[frame]` table of a recipe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FrameConfig {
    /// Numbers of cells along x, y and z: [least, end), the end excluded.
    pub cells: [[usize; 2]; 3],
    /// Loads to draw from.
    pub loads: Vec<Load>,
    /// Whether to solve.
    pub solution: bool,
}

impl Default for FrameConfig {
    fn default() -> Self {
        FrameConfig { cells: [[6, 12], [6, 12], [3, 8]], loads: LOADS.to_vec(), solution: true }
    }
}

/// Most cells along an axis.
const MOST_CELLS: usize = 64;

/// Most unknowns that are solved for: the factor of so many has about 10⁹ entries (1.7 million: more than 2³²).
const MOST_UNKNOWNS: usize = 400_000;

/// Rounds of iterative refinement: κ is about 1e4, one is plenty.
const REFINEMENTS: usize = 1;

/// The family.
pub struct Frame {
    config: FrameConfig,
}

/// The family of a recipe's table.
///
/// # Errors
/// [`Error::Recipe`] naming the key that is unknown, of the wrong type or out of range.
fn build(table: &Table, origin: &str) -> Result<Box<dyn Family>> {
    let config: FrameConfig = entry::config(table, NAME, origin)?;
    for [least, end] in config.cells {
        if !(1..=MOST_CELLS).contains(&least) || end <= least || end > MOST_CELLS + 1 {
            return Err(Error::recipe(
                origin,
                format!(
                    "frame.cells = {:?}: must be three ranges [least, end] with 1 <= least < end <= {}",
                    config.cells,
                    MOST_CELLS + 1
                ),
            ));
        }
    }
    let [nx, ny, nz] = config.cells.map(|[_, end]| end - 1);
    let most = DOFS / 2 * (nx + 1) * (ny + 1) * nz;
    if config.solution && most > MOST_UNKNOWNS {
        return Err(Error::recipe(
            origin,
            format!(
                "frame.cells = {:?}: up to {most} unknowns, of which at most {MOST_UNKNOWNS} are solved for: take \
                 fewer cells, or solution = false",
                config.cells
            ),
        ));
    }
    if config.loads.is_empty() {
        return Err(Error::recipe(
            origin,
            "frame.loads = []: must name at least one of self-weight, pressure, snow, wind",
        ));
    }
    Ok(Box::new(Frame { config }))
}

impl Family for Frame {
    fn parameters(&self) -> Table {
        entry::to_table(&self.config)
    }

    fn description(&self) -> Description {
        let equation = "K u = f: linear statics of a three-dimensional frame of Timoshenko beams";
        Description {
            weak_form: "exact stiffness of Timoshenko beams (Przemieniecki 1968, 5.116), consistent loads".into(),
            boundary_conditions: "the columns' feet clamped, eliminated".into(),
            units: "SI: N, m, rad; K in N/m, N, N m; f in N, N m; u in m, rad".into(),
            ..Description::new(NAME, equation, Props::SPD)
        }
    }

    fn measure(&self) -> Result<Report> {
        verify::measure()
    }

    fn sampler(&self) -> Result<Box<dyn Sampler + '_>> {
        Ok(Box::new(FrameSampler(&self.config)))
    }
}

struct FrameSampler<'a>(&'a FrameConfig);

impl Sampler for FrameSampler<'_> {
    fn sample(&mut self, seed: u64, index: u64) -> Result<LinearSystem> {
        let building = Building::draw(self.0, &mut stream(seed, Purpose::Sample, index));
        let (matrix, rhs) = during(Stage::Assemble, || assemble(&building))?;
        let solution = match self.0.solution {
            true => Some(solve(&matrix, &rhs)?),
            false => None,
        };
        let number = |load: Load| LOADS.iter().position(|&l| l == load).unwrap_or(0) as f64;
        let [x, y, z] = building.cells.map(|n| n as f64);
        let params = [
            ("cells_x", x),
            ("cells_y", y),
            ("cells_z", z),
            ("young", building.young),
            ("density", building.density),
            ("width", building.width),
            ("depth", building.depth),
            ("load", number(building.load)),
            ("pressure", building.magnitudes.pressure),
            ("snow", building.magnitudes.snow),
            ("wind_from_low_x", building.magnitudes.wind[0]),
            ("wind_from_high_x", building.magnitudes.wind[1]),
            ("wind_from_low_y", building.magnitudes.wind[2]),
            ("wind_from_high_y", building.magnitudes.wind[3]),
        ];
        let ends = building.members.iter().flat_map(|m| m.ends.map(f64::from));
        Ok(LinearSystem {
            fields: vec![
                Field {
                    name: "points".into(),
                    location: Location::Points,
                    components: 3,
                    values: building.points.concat(),
                },
                Field { name: "beams".into(), location: Location::Cells, components: 2, values: ends.collect() },
                Field {
                    name: "line_loads".into(),
                    location: Location::Cells,
                    components: 3,
                    values: building.line_loads.concat(),
                },
            ],
            matrix,
            rhs,
            solution,
            props: Props::SPD,
            labels: Vec::new(),
            params: params.map(|(name, v)| (name.to_string(), v)).to_vec(),
            mesh: None,
            index,
        })
    }
}

/// Stiffness matrix and load of the free nodes.
fn assemble(building: &Building) -> Result<(Csr, Vec<f64>)> {
    let n = 6 * building.free;
    let section = building.section();
    let mut entries = Vec::with_capacity(building.members.len() * DOFS * DOFS / 3);
    let mut rhs = vec![0.0; n];
    for (member, load) in building.members.iter().zip(&building.line_loads) {
        let [a, b] = member.ends.map(|v| building.points[v as usize]);
        // The depth stands upright in beams, along x in columns.
        let up = if member.direction == 2 { [1.0, 0.0, 0.0] } else { [0.0, 0.0, 1.0] };
        let beam = Beam::new(a, b, up)?;
        let k = beam.stiffness(&section);
        let f = beam.distributed(*load);
        let row = |i: usize| 6 * member.ends[i / 6] as usize + i % 6;
        for i in (0..DOFS).filter(|&i| row(i) < n) {
            rhs[row(i)] += f[i];
            for j in (0..DOFS).filter(|&j| row(j) < n && k[i][j] != 0.0) {
                entries.push((row(i), row(j), k[i][j]));
            }
        }
    }
    Ok((Csr::from_triplets(n, n, &entries)?, rhs))
}

/// By Cholesky, refined.
fn solve(a: &Csr, b: &[f64]) -> Result<Vec<f64>> {
    let factor = Cholesky::new(a)?;
    let mut x = b.to_vec();
    factor.solve_in_place(&mut x);
    let inexact = |_: &[f64], size: f64| size != 0.0;
    refine(a, b, &mut x, REFINEMENTS, |r| factor.solve_in_place(r), inexact);
    Ok(x)
}
