//! `fempipe mesh`: a mesh by description, into a file and in numbers.

use std::path::{Path, PathBuf};

use super::Common;
use super::choice::{Choice, one_of};
use super::output::{number, print};
use crate::error::{Error, Result};
use crate::io::gmsh::{self, Version};
use crate::io::recipe_kind::RecipeKind;
use crate::io::text::aligned;
use crate::io::{input, outputs, plain, toml_file, vtk};
use crate::mesh::parts;
use crate::mesh::quality::Quality;
use crate::mesh::recipe::{MeshRecipe, Shape};
use crate::system::{Field, Location};

const SHAPES: [Choice<Shape>; 6] = [
    (Shape::Square, "square", "The unit square, Delaunay triangles"),
    (Shape::LShape, "l-shape", "The unit square without its upper right quarter, Delaunay triangles"),
    (Shape::Disc, "disc", "The disc of diameter 1 around (1/2, 1/2), Delaunay triangles"),
    (Shape::Triangles, "triangles", "The unit square, `cells` × `cells` squares cut along the diagonal"),
    (Shape::Quads, "quads", "The unit square, `cells` × `cells` squares"),
    (Shape::Cube, "cube", "The unit cube, `cells`³ cubes in six tetrahedra each"),
];

/// How points are numbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Order {
    /// As they were made
    Natural,
    /// Reverse Cuthill–McKee: small bandwidth
    Rcm,
}

/// Make, import, convert or measure a mesh
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  fempipe mesh --shape disc --area 0.002 -o disc.vtu     for ParaView
  fempipe mesh meshes/l-shape.msh                        sizes, angles, bandwidth, parts of the boundary
  fempipe mesh meshes/disc.toml --order rcm -o disc.msh  keys of the recipe: shape or file, area, angle, cells")]
pub struct Args {
    /// A recipe (.toml) or a Gmsh file (.msh, text or binary, 2.2 or 4.1)
    source: Option<PathBuf>,
    /// What to mesh
    #[arg(long, value_parser = one_of(&SHAPES), conflicts_with = "source")]
    shape: Option<Shape>,
    /// Largest area of a Delaunay triangle [default: 4e-4]
    #[arg(long, conflicts_with = "source")]
    area: Option<f64>,
    /// Smallest angle of a Delaunay triangle, degrees [default: 25]
    #[arg(long, conflicts_with = "source")]
    angle: Option<f64>,
    /// Cells along a side of a structured mesh [default: 32]
    #[arg(long, conflicts_with = "source")]
    cells: Option<usize>,
    /// Make nodes of a Gmsh file that coincide one, where parts were meshed apart
    #[arg(long, requires = "source")]
    merge_nodes: bool,
    /// Numbering of the points
    #[arg(long, value_enum, default_value = "natural")]
    order: Order,
    /// File to write: .vtu or .msh
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Version of a .msh file
    #[arg(long, value_name = "V", default_value = "4.1", value_parser = ["2.2", "4.1"])]
    msh: String,
    /// Replace a file that is there
    #[arg(long)]
    force: bool,
}

/// Runs `fempipe mesh`.
pub fn run(args: &Args, common: &Common) -> Result<()> {
    let (recipe, origin) = recipe(args)?;
    let output = args.output.as_deref().map(|path| Ok((path, kind(path)?))).transpose()?;
    if let Some((path, _)) = output {
        let inputs: Vec<_> = args.source.iter().chain(&recipe.file).collect();
        outputs::check(&[path], &inputs, args.force)?;
    }
    let (mesh, mut parts, notes) = recipe.build_with_parts("mesh", &origin)?;
    let before = mesh.quality();
    let reordered = mesh.clone().reordered(&mut parts.clone())?;
    let rcm = reordered.quality().bandwidth;
    let mesh = match args.order {
        Order::Natural => mesh,
        Order::Rcm => mesh.reordered(&mut parts)?,
    };
    let mut data = mesh.to_data();
    data.point_markers = parts::markers(mesh.boundary(), &parts);
    if let Some((path, kind)) = output {
        match kind {
            Kind::Vtu => vtk::write(path, &data, &[markers(&data.point_markers)])?,
            Kind::Msh if args.msh == "2.2" => gmsh::write(path, &data, &parts, Version::V22)?,
            Kind::Msh => gmsh::write(path, &data, &parts, Version::V41)?,
        }
    }
    if !common.quiet {
        notes.iter().for_each(|note| eprintln!("{}", plain::lines(note)));
    }
    let counts: Vec<(&str, usize)> = parts.iter().map(|p| (p.name.as_str(), p.facets.len())).collect();
    if common.json {
        let parts: serde_json::Map<String, serde_json::Value> =
            counts.iter().map(|(name, n)| (name.to_string(), (*n).into())).collect();
        let file = output.map(|(path, _)| path.display().to_string());
        let json = serde_json::json!({
            "cell_type": data.cell_type, "quality": before, "bandwidth_rcm": rcm, "parts": parts, "notes": notes,
            "file": file,
        });
        return print(&format!("{json}\n"));
    }
    let mut text = aligned(&rows(&data.cell_type, &before, rcm, &counts), 1);
    if let Some((path, _)) = output {
        text += &format!("{}\n", path.display());
    }
    print(&text)
}

/// The recipe and where it stands.
fn recipe(args: &Args) -> Result<(MeshRecipe, String)> {
    let Some(path) = &args.source else {
        let default = MeshRecipe::default();
        let recipe = MeshRecipe {
            shape: args.shape.unwrap_or(default.shape),
            area: args.area.unwrap_or(default.area),
            angle: args.angle.unwrap_or(default.angle),
            cells: args.cells.unwrap_or(default.cells),
            file: None,
            merge_nodes: false,
        };
        return Ok((recipe, "command line".into()));
    };
    let origin = path.display().to_string();
    match extension(path).as_str() {
        "msh" => {
            let (file, merge_nodes) = (Some(path.clone()), args.merge_nodes);
            Ok((MeshRecipe { file, merge_nodes, ..MeshRecipe::default() }, origin))
        }
        "toml" => {
            let text = toml_file::read(path)?;
            let mut read: MeshRecipe = RecipeKind::Mesh.parse(&text, &origin)?;
            if let Some(file) = &mut read.file {
                let found = input::beside(path.parent().unwrap_or(Path::new("")), file);
                *file = found.map_err(|e| Error::recipe(&origin, format!("file = {:?}: {e}", file.display())))?;
            }
            Ok((MeshRecipe { merge_nodes: read.merge_nodes || args.merge_nodes, ..read }, origin))
        }
        _ => Err(Error::Argument(format!("{origin}: a recipe ends in .toml, a Gmsh mesh in .msh"))),
    }
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Vtu,
    Msh,
}

fn kind(path: &Path) -> Result<Kind> {
    match extension(path).as_str() {
        "vtu" => Ok(Kind::Vtu),
        "msh" => Ok(Kind::Msh),
        _ => Err(Error::Argument(format!("{}: meshes are written as .vtu or .msh", path.display()))),
    }
}

fn extension(path: &Path) -> String {
    let text = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
    text.unwrap_or_default()
}

fn markers(values: &[u32]) -> Field {
    Field {
        name: "boundary".into(),
        location: Location::Points,
        components: 1,
        values: values.iter().map(|&m| f64::from(m)).collect(),
    }
}

fn rows(cells: &str, q: &Quality, rcm: usize, parts: &[(&str, usize)]) -> Vec<Vec<String>> {
    let range = format!("{} to {}", number(q.smallest_cell), number(q.largest_cell));
    let size = if cells == "tetra" { "volume" } else { "area" };
    let mut rows = vec![
        ["points".to_string(), q.points.to_string()],
        [format!("cells ({cells})"), q.cells.to_string()],
        ["inner points".into(), q.inner_points.to_string()],
        [size.to_string(), number(q.size)],
        [format!("{size} of a cell"), range],
        ["smallest angle".into(), format!("{:.2}°", q.smallest_angle)],
        ["bandwidth, natural order".into(), q.bandwidth.to_string()],
        ["bandwidth, rcm".into(), rcm.to_string()],
    ];
    let part = |(name, n): &(&str, usize)| [format!("facets of \"{name}\""), n.to_string()];
    rows.extend(parts.iter().map(part));
    rows.into_iter().map(Vec::from).collect()
}
