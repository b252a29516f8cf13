//! Random buildings: where columns and beams stand, and what loads them.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::FrameConfig;
use crate::fem::beam::Section;

/// Acceleration of gravity, m/s².
const GRAVITY: f64 = 9.81;

/// What loads a building.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Load {
    /// The weight of beams and columns.
    SelfWeight,
    /// A constant pressure on every floor.
    Pressure,
    /// A constant pressure on every roof.
    Snow,
    /// On the facades of each of the four sides a pressure or suction of its own.
    Wind,
}

/// All loads, in the order of their numbers in the parameter `load`.
pub const LOADS: [Load; 4] = [Load::SelfWeight, Load::Pressure, Load::Snow, Load::Wind];

/// A member between two nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// Its nodes.
    pub ends: [u32; 2],
    /// 0, 1: a beam along x, y; 2: a column.
    pub direction: usize,
}

/// A random building.
#[derive(Debug, Clone, PartialEq)]
pub struct Building {
    /// Bays along x and y, floors at most.
    pub cells: [usize; 3],
    /// Free nodes column by column (x slowest, then y, then upwards), then those on the ground.
    pub points: Vec<[f64; 3]>,
    /// How many nodes are free.
    pub free: usize,
    /// Beams and columns.
    pub members: Vec<Member>,
    /// The load on each member, N/m.
    pub line_loads: Vec<[f64; 3]>,
    /// Young's modulus, Pa.
    pub young: f64,
    /// Density, kg/m³.
    pub density: f64,
    /// Width of all sections, m.
    pub width: f64,
    /// Depth of all sections, m.
    pub depth: f64,
    /// Which of the loads it carries.
    pub load: Load,
    /// How large that load is.
    pub magnitudes: Magnitudes,
}

/// Loads per area, Pa; 0 for those that a building does not carry. Its own weight follows from density and section.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Magnitudes {
    /// On every floor, downwards.
    pub pressure: f64,
    /// On every roof, downwards.
    pub snow: f64,
    /// On the walls at low x, high x, low y, high y, positive inwards.
    pub wind: [f64; 4],
}

/// Poisson's ratio of all material.
const POISSON: f64 = 0.2;

impl Building {
    /// The section of all members.
    pub fn section(&self) -> Section {
        Section::rectangle(self.young, POISSON, self.width, self.depth)
    }

    /// Draws a building; see [`FrameConfig`] for what is drawn.
    pub fn draw(config: &FrameConfig, rng: &mut ChaCha8Rng) -> Self {
        let cells = config.cells.map(|[least, end]| rng.random_range(least..end));
        let spacing = cells.map(|n| (0..n).map(|_| rng.random_range(3.0..6.0)).collect::<Vec<f64>>());
        let plan = Plan::draw(cells, rng);
        let mut building = Building {
            cells,
            points: Vec::new(),
            free: 0,
            members: Vec::new(),
            line_loads: Vec::new(),
            young: rng.random_range(2.5e10..4.3e10),
            density: rng.random_range(2e3..2.6e3),
            width: rng.random_range(0.2..0.4),
            depth: rng.random_range(0.4..0.6),
            load: config.loads[rng.random_range(0..config.loads.len())],
            magnitudes: Magnitudes::default(),
        };
        let node = building.place(&plan, &spacing);
        building.join(&plan, &node);
        building.line_loads = vec![[0.0; 3]; building.members.len()];
        match building.load {
            Load::SelfWeight => building.self_weight(),
            Load::Pressure => {
                building.magnitudes.pressure = rng.random_range(2e3..3e3);
                building.floors(&plan, &node, building.magnitudes.pressure, false);
            }
            Load::Snow => {
                building.magnitudes.snow = rng.random_range(5e2..2.5e3);
                building.floors(&plan, &node, building.magnitudes.snow, true);
            }
            Load::Wind => {
                building.magnitudes.wind = [0; 4].map(|_| rng.random_range(-1e3..1e3));
                building.facades(&plan, &node, building.magnitudes.wind);
            }
        }
        building
    }

    /// Makes the nodes; returns them by (column, floor).
    fn place(&mut self, plan: &Plan, spacing: &[Vec<f64>; 3]) -> Nodes {
        let at = |d: usize, k: usize| spacing[d][..k].iter().sum::<f64>();
        let [nx, ny, nz] = self.cells;
        let mut nodes = Nodes { number: vec![u32::MAX; (nx + 1) * (ny + 1) * (nz + 1)], ny, nz };
        for ground in [false, true] {
            for x in 0..=nx {
                for y in 0..=ny {
                    let height = plan.column(x, y);
                    let floors = match (ground, height) {
                        (_, 0) => 0..0,
                        (true, _) => 0..1,
                        (false, _) => 1..height + 1,
                    };
                    for z in floors {
                        let slot = nodes.slot(x, y, z);
                        nodes.number[slot] = self.points.len() as u32;
                        self.points.push([at(0, x), at(1, y), at(2, z)]);
                    }
                }
            }
            if !ground {
                self.free = self.points.len();
            }
        }
        nodes
    }

    /// Makes columns, and beams along the edges of all floors.
    fn join(&mut self, plan: &Plan, node: &Nodes) {
        let [nx, ny, _] = self.cells;
        for x in 0..=nx {
            for y in 0..=ny {
                for z in 1..=plan.column(x, y) {
                    let top = node.get(x, y, z);
                    self.members.push(Member { ends: [node.get(x, y, z - 1), top], direction: 2 });
                    for (direction, (to_x, to_y)) in [(x + 1, y), (x, y + 1)].into_iter().enumerate() {
                        if to_x <= nx && to_y <= ny && z <= plan.edge([x, y], direction) {
                            self.members.push(Member { ends: [top, node.get(to_x, to_y, z)], direction });
                        }
                    }
                }
            }
        }
    }

    fn self_weight(&mut self) {
        let weight = self.density * GRAVITY * self.width * self.depth;
        self.line_loads.fill([0.0, 0.0, -weight]);
    }

    /// Pressure p on every floor, or on roofs only: a quarter of each panel's load on each of its edges.
    fn floors(&mut self, plan: &Plan, node: &Nodes, p: f64, roofs: bool) {
        let [nx, ny, _] = self.cells;
        for (x, y) in (0..nx).flat_map(|x| (0..ny).map(move |y| (x, y))) {
            let height = plan.cell(x, y);
            for z in (if roofs { height.max(1) } else { 1 })..=height {
                let corners = [(x, y), (x + 1, y), (x + 1, y + 1), (x, y + 1)].map(|(x, y)| node.get(x, y, z));
                self.panel(corners, [0.0, 0.0, -p]);
            }
        }
    }

    /// Pressure on the outer walls: towards −x, +x, −y, +y looking ones each have their own, positive inwards.
    fn facades(&mut self, plan: &Plan, node: &Nodes, pressures: [f64; 4]) {
        let [nx, ny, _] = self.cells;
        for (x, y) in (0..nx).flat_map(|x| (0..ny).map(move |y| (x, y))) {
            let sides = [
                (x.checked_sub(1).map(|x| (x, y)), [(x, y), (x, y + 1)], [1.0, 0.0, 0.0]),
                (Some((x + 1, y)), [(x + 1, y), (x + 1, y + 1)], [-1.0, 0.0, 0.0]),
                (y.checked_sub(1).map(|y| (x, y)), [(x, y), (x + 1, y)], [0.0, 1.0, 0.0]),
                (Some((x, y + 1)), [(x, y + 1), (x + 1, y + 1)], [0.0, -1.0, 0.0]),
            ];
            for ((beyond, [a, b], inwards), p) in sides.into_iter().zip(pressures) {
                let covered = beyond.map_or(0, |(x, y)| plan.cell(x, y));
                for z in covered + 1..=plan.cell(x, y) {
                    let at = |(x, y): (usize, usize), z: usize| node.get(x, y, z);
                    let corners = [at(a, z - 1), at(b, z - 1), at(b, z), at(a, z)];
                    self.panel(corners, inwards.map(|v| v * p));
                }
            }
        }
    }

    /// A load per area on a rectangle, a quarter to each edge; an edge on the ground carries its part into the ground.
    fn panel(&mut self, corners: [u32; 4], load: [f64; 3]) {
        let far = |a: u32, b: u32| {
            let (p, q) = (self.points[a as usize], self.points[b as usize]);
            (0..3).map(|d| (p[d] - q[d]).powi(2)).sum::<f64>().sqrt()
        };
        let (first, second) = (far(corners[0], corners[1]), far(corners[1], corners[2]));
        for k in 0..4 {
            let (a, b) = (corners[k], corners[(k + 1) % 4]);
            let across = if k % 2 == 0 { second } else { first };
            let ends = [a.min(b), a.max(b)];
            // A member's ends: free nodes rise with x, y, z; the ground's come last.
            let found = self.members.iter().position(|m| {
                let [p, q] = m.ends;
                [p.min(q), p.max(q)] == ends
            });
            if let Some(m) = found {
                for (line, load) in self.line_loads[m].iter_mut().zip(load) {
                    *line += 0.25 * across * load;
                }
            }
        }
    }
}

/// Nodes by column and floor.
struct Nodes {
    number: Vec<u32>,
    ny: usize,
    nz: usize,
}

impl Nodes {
    fn slot(&self, x: usize, y: usize, z: usize) -> usize {
        (x * (self.ny + 1) + y) * (self.nz + 1) + z
    }

    fn get(&self, x: usize, y: usize, z: usize) -> u32 {
        self.number[self.slot(x, y, z)]
    }
}

/// Floors of every cell of the plan.
struct Plan {
    heights: Vec<usize>,
    nx: usize,
    ny: usize,
}

impl Plan {
    /// Each cell has 0 to nz floors, one at least somewhere.
    fn draw([nx, ny, nz]: [usize; 3], rng: &mut ChaCha8Rng) -> Self {
        loop {
            let heights: Vec<usize> = (0..nx * ny).map(|_| rng.random_range(0..=nz)).collect();
            if heights.iter().any(|&h| h > 0) {
                return Plan { heights, nx, ny };
            }
        }
    }

    /// Floors of a cell; 0 beyond the plan.
    fn cell(&self, x: usize, y: usize) -> usize {
        match x < self.nx && y < self.ny {
            true => self.heights[x * self.ny + y],
            false => 0,
        }
    }

    /// A column is as high as the highest cell around it.
    fn column(&self, x: usize, y: usize) -> usize {
        let around = [(x, y), (x.wrapping_sub(1), y), (x, y.wrapping_sub(1)), (x.wrapping_sub(1), y.wrapping_sub(1))];
        around.into_iter().map(|(x, y)| self.cell(x, y)).max().unwrap_or(0)
    }

    /// Beams from a column along x (0) or y (1) go up to the higher of the two cells beside them.
    fn edge(&self, [x, y]: [usize; 2], direction: usize) -> usize {
        let beside = if direction == 0 { (x, y.wrapping_sub(1)) } else { (x.wrapping_sub(1), y) };
        self.cell(x, y).max(self.cell(beside.0, beside.1))
    }
}
