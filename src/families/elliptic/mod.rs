//! `elliptic`: −∇·(f ∇u) = g on one mesh a dataset; f a random positive polynomial, g a random polynomial, u = 0 on the
//! boundary (Li, Wang, Jimack 2022: P1 on a Delaunay mesh of the unit square, n up to 1873); or f, g and boundary
//! conditions as the recipe gives them.

mod config;
mod data;
mod manufactured;
mod verify;

use std::path::PathBuf;
use std::sync::Arc;

use toml::Table;

pub use self::config::{Degree, EllipticConfig};
use self::data::{Coefficient, Drawing, Load, in_words};
use super::boundary::Boundary;
use super::given::{Drawn, Nodes, Scope, nothing_drawn};
use super::solution::{self, Draw, Solved};
use super::{Family, Sampler};
use crate::entry::{self, Entry};
use crate::error::{Error, Result};
use crate::fem::assembler::{Assembler, Scatter};
use crate::fem::dofs::Dofs;
use crate::fem::integrals::{Integrals, Kind};
use crate::fem::space::Space;
use crate::linalg::lanes::{self, LANES};
use crate::linalg::{Pattern, Props};
use crate::mesh::AnyMesh;
use crate::rng::{Purpose, stream};
use crate::system::{BoundaryPart, Description, Field, LinearSystem, Location, MeshData};
use crate::verify::Report;

/// The family's name in recipes.
const NAME: &str = "elliptic";

/// `elliptic` as a member of [`super::ENTRIES`].
pub static ENTRY: Entry<dyn Family> = Entry {
    name: NAME,
    help: "−∇·(f ∇u) = g; P1, P2, Q1; square, L-shape, disc, grids, cube, Gmsh; f a positive random polynomial, \
           g another; or your own f, g and boundary conditions",
    source: "Li, Wang, Jimack 2022",
    needs: "",
    positional: &[],
    defaults: entry::defaults::<EllipticConfig>,
    schema: Some(entry::schema::<EllipticConfig>),
    parse: |table, _, origin| build(table, origin),
};

/// The family of a recipe's table.
///
/// # Errors
/// [`Error::Recipe`] naming the key that is unknown, of the wrong type or out of range.
fn build(table: &Table, origin: &str) -> Result<Box<dyn Family>> {
    let config = EllipticConfig::read(table, origin)?;
    let quadratic = config.elements == Degree::Quadratic;
    let (mesh, parts) = match config.boundary.is_empty() {
        true => (config.mesh.build("elliptic.mesh", origin)?, Vec::new()),
        false => {
            let (mesh, parts, _) = config.mesh.build_with_parts("elliptic.mesh", origin)?;
            (mesh, parts)
        }
    };
    match mesh {
        AnyMesh::Triangles(mesh) if quadratic => Ok(Box::new(Elliptic::new(config, Space::p2(&mesh), &parts, origin)?)),
        AnyMesh::Triangles(mesh) => Ok(Box::new(Elliptic::new(config, Space::p1(&mesh), &parts, origin)?)),
        _ if quadratic => {
            Err(Error::recipe(origin, "elliptic.elements = \"quadratic\": on triangles only; take \"linear\""))
        }
        AnyMesh::Quads(mesh) => Ok(Box::new(Elliptic::new(config, Space::q1(&mesh), &parts, origin)?)),
        AnyMesh::Tetrahedra(mesh) => Ok(Box::new(Elliptic::new(config, Space::p1_tet(&mesh), &parts, origin)?)),
    }
}

/// The family on one space, all that samples share made.
pub struct Elliptic<const D: usize> {
    config: EllipticConfig,
    space: Space<D>,
    assembler: Assembler,
    stiffness: Integrals<D>,
    scatter: Scatter,
    coefficient: Coefficient<D>,
    load: Load<D>,
    boundary: Boundary<D>,
    solver: Option<solution::Solver>,
    data: Arc<MeshData>,
}

impl<const D: usize> Elliptic<D> {
    /// The family with parameters in range, on a space whose boundary has these parts.
    ///
    /// # Errors
    /// [`Error::Recipe`] naming the key that does not go with the mesh or the others; if the mesh has a degenerate cell
    /// or no inner node.
    pub fn new(config: EllipticConfig, space: Space<D>, parts: &[BoundaryPart], origin: &str) -> Result<Self> {
        let nodes = Nodes { count: space.len(), grid: &[] };
        let scope = Scope::new(NAME, origin, D, nodes, &config.parameters, false)?;
        let mut boundary = Boundary::new(&config.boundary, &space, parts, &scope, "f du/dn")?;
        if let Some(reason) = boundary.singular() {
            return Err(scope.bad("boundary", reason));
        }
        let dofs = Dofs::of_space(&space, |v| !boundary.is_fixed(v), config.order)?;
        if dofs.count() == 0 {
            return Err(Error::Argument(format!("{NAME}.mesh: has no inner node: make it finer")));
        }
        let stiffness = Integrals::new(&space, Kind::Stiffness, data::strength(&config, &space))?;
        let assembler = Assembler::new(&space, dofs)?;
        boundary.bind(&assembler);
        let coefficient = Coefficient::new(&config, &space, &stiffness, &scope)?;
        let load = Load::new(&config, &space, &assembler, &scope)?;
        scope.finish()?;
        let solver = config.solution.solver(assembler.pattern())?;
        let stored = config.solution.resolved(solver.as_ref());
        let mut data = space.to_data(assembler.dofs().points.clone());
        if !boundary.is_homogeneous() {
            data.boundary_value = None;
        }
        Ok(Elliptic {
            scatter: assembler.scatter(&stiffness),
            solver,
            data: Arc::new(data),
            config: EllipticConfig { solution: stored, ..config },
            space,
            assembler,
            stiffness,
            coefficient,
            load,
            boundary,
        })
    }
}

impl<const D: usize> Family for Elliptic<D> {
    fn parameters(&self) -> Table {
        self.config.table()
    }

    fn description(&self) -> Description {
        let c = &self.config;
        let f = in_words("f", &c.f, || {
            format!("a random polynomial of degree {}, positive with max f / min f = {}", c.degree, c.contrast)
        });
        let g = in_words("g", &c.g, || format!("a random polynomial of degree {}", c.source_degree));
        let coordinates = self.coefficient.coordinates().map_or(String::new(), |x| format!(", both in {x}"));
        let natural = if c.boundary.is_empty() { "" } else { " + boundary terms" };
        Description {
            weak_form: format!(
                "find u in V: integral(f grad u . grad v) = integral(g v){natural} for all v in V, V = continuous \
                 functions on the mesh, {} on every cell, 0 {}",
                self.space.element.name(),
                if c.boundary.is_empty() { "on the boundary" } else { "where u is given" }
            ),
            boundary_conditions: self.boundary.in_words().into(),
            ..Description::new(NAME, format!("-div(f grad u) = g, {f}, {g}{coordinates}"), Props::SPD)
        }
    }

    fn mesh(&self) -> Option<Arc<MeshData>> {
        Some(self.data.clone())
    }

    fn pattern(&self) -> Option<Arc<Pattern>> {
        Some(self.assembler.pattern().clone())
    }

    fn files(&self) -> Vec<PathBuf> {
        self.config.files()
    }

    fn samples(&self) -> Option<usize> {
        [self.coefficient.samples(), self.load.samples(), self.boundary.samples()].into_iter().flatten().min()
    }

    fn nothing_drawn(&self) -> Option<String> {
        let given = self.config.f.is_some() && self.config.g.is_some();
        let same = given && self.config.parameters.is_empty() && self.samples().is_none();
        same.then(|| nothing_drawn(NAME, None, &["f", "g"]))
    }

    fn measure(&self) -> Result<Report> {
        verify::measure()
    }

    fn sampler(&self) -> Result<Box<dyn Sampler + '_>> {
        let draw = EllipticSampler { family: self, f: Vec::new() };
        Ok(Box::new(Solved::new(draw, self.solver.as_ref())))
    }
}

struct EllipticSampler<'a, const D: usize> {
    family: &'a Elliptic<D>,
    /// f at the quadrature points, samples side by side.
    f: Vec<f64>,
}

impl<const D: usize> Draw for EllipticSampler<'_, D> {
    fn draw(&mut self, seed: u64, index: u64) -> Result<LinearSystem> {
        self.beside::<1>(seed, &[index]).remove(0)
    }

    fn lanes(&self) -> usize {
        lanes::for_numbers(self.family.stiffness.points().len())
    }

    fn draw_each(&mut self, seed: u64, indices: &[u64]) -> Vec<Result<LinearSystem>> {
        lanes::groups(indices, |group| match group.len() {
            1 => self.beside::<1>(seed, group),
            _ => self.beside::<LANES>(seed, group),
        })
    }
}

impl<const D: usize> EllipticSampler<'_, D> {
    /// At most W samples.
    fn beside<const W: usize>(&mut self, seed: u64, indices: &[u64]) -> Vec<Result<LinearSystem>> {
        let Elliptic { config, assembler, stiffness, .. } = self.family;
        let drawing = |&index: &u64| Drawing {
            rng: stream(seed, Purpose::Sample, index),
            drawn: Drawn::new(&config.parameters, seed, index, false),
        };
        let mut drawings: Vec<Drawing> = indices.iter().map(drawing).collect();
        self.f.resize(W * stiffness.points().len(), 0.0);
        let f = self.f.as_chunks_mut::<W>().0;
        let terms = self.family.coefficient.draw(&mut drawings, stiffness, f);
        let mut values = vec![[0.0; W]; assembler.pattern().nnz()];
        assembler.add_each(stiffness, &self.family.scatter, f, &mut values);
        let values = lanes::apart(&mut values, indices.len());
        let means = lanes::apart(&mut means(f, stiffness.rule_len()), indices.len());
        let parts = indices.iter().zip(drawings).zip(terms).zip(values).zip(means).enumerate();
        let complete = |(w, ((((&index, mut drawing), terms), values), means))| {
            let at_points = || f.iter().map(|f| f[w]).collect();
            self.family.complete(index, &mut drawing, (values, &at_points), (means, terms?))
        };
        parts.map(complete).collect()
    }
}

/// The means of each cell's points.
fn means<const W: usize>(f: &[[f64; W]], points: usize) -> Vec<[f64; W]> {
    let mean = |f: &[[f64; W]]| {
        // What a sum of floating-point numbers starts from.
        let mut sum = [-0.0; W];
        for f in f {
            for w in 0..W {
                sum[w] += f[w];
            }
        }
        sum.map(|sum| sum / points as f64)
    };
    f.chunks_exact(points).map(mean).collect()
}

impl<const D: usize> Elliptic<D> {
    /// A sample out of the numbers of its stiffness, f at the points of that, and f's means in the cells.
    fn complete(
        &self,
        index: u64,
        drawing: &mut Drawing,
        (values, at_points): (Vec<f64>, &dyn Fn() -> Vec<f64>),
        (means, terms): (Vec<f64>, Option<Field>),
    ) -> Result<LinearSystem> {
        let Elliptic { config, space, assembler, stiffness, boundary, .. } = self;
        let (mut rhs, source) = self.load.draw(drawing, space, assembler)?;
        let drawn = &drawing.drawn;
        let (matrix, known) = boundary.complete((space, assembler), values, (stiffness, at_points), drawn, &mut rhs)?;
        let mut params = vec![("coefficient_mean".into(), means.iter().sum::<f64>() / means.len() as f64)];
        params.extend(drawn.named(&config.parameters));
        let field = |name: &str, location, values| Field { name: name.into(), location, components: 1, values };
        let mut fields = vec![field("coefficient", Location::Cells, means)];
        fields.extend(terms);
        fields.push(source);
        fields.extend(known.map(|values| field("boundary_values", Location::Points, values)));
        Ok(LinearSystem {
            matrix,
            rhs,
            solution: None,
            props: Props::SPD,
            fields,
            labels: Vec::new(),
            params,
            mesh: Some(self.data.clone()),
            index,
        })
    }
}
