//! `fempipe mesh`: theorems about its meshes, files there and back, meshio as a second reader, and bad files.

use std::path::Path;
use std::process::Command;

use fempipe::io::gmsh::{self, Version};
use fempipe::mesh::recipe::{MeshRecipe, Shape};
use fempipe::mesh::{AnyMesh, import, parts};
use fempipe::system::BoundaryPart;

use crate::command::{finish, ok, output, refused};

const SHAPES: [(Shape, f64); 6] = [
    (Shape::Square, 1.0),
    (Shape::LShape, 0.75),
    (Shape::Disc, std::f64::consts::FRAC_PI_4),
    (Shape::Triangles, 1.0),
    (Shape::Quads, 1.0),
    (Shape::Cube, 1.0),
];

fn recipe(shape: Shape) -> MeshRecipe {
    MeshRecipe { shape, area: 0.004, cells: 5, ..MeshRecipe::default() }
}

fn build(shape: Shape) -> (AnyMesh, Vec<BoundaryPart>) {
    let (mesh, parts, notes) = recipe(shape).build_with_parts("mesh", "test").unwrap();
    assert!(notes.is_empty());
    (mesh, parts)
}

#[test]
fn cells_fill_the_domain_and_parts_its_boundary() {
    for (shape, size) in SHAPES {
        let (mesh, parts) = build(shape);
        let q = mesh.quality();
        let tolerance = if shape == Shape::Disc { 0.01 } else { 1e-12 };
        assert!((q.size - size).abs() < tolerance, "{shape:?}: {}", q.size);
        assert!(q.smallest_cell > 0.0 && q.smallest_angle > 24.9);
        // The boundary of the square is 4 long, that of the cube has 6 sides of area 1.
        let data = mesh.to_data();
        let point = |v: u32| &data.points[v as usize * data.dim..][..data.dim];
        let measure = |f: &Vec<u32>| match f[..] {
            [a, b] => (point(a)[0] - point(b)[0]).hypot(point(a)[1] - point(b)[1]),
            _ => 0.5 / 25.0,
        };
        let boundary: f64 = parts.iter().flat_map(|p| &p.facets).map(measure).sum();
        let exact = match shape {
            Shape::Cube => 6.0,
            Shape::Disc => std::f64::consts::PI,
            _ => 4.0,
        };
        assert!((boundary - exact).abs() < tolerance, "{shape:?}: {boundary}");
        let markers = parts::markers(mesh.boundary(), &parts);
        let agree = markers.iter().zip(mesh.boundary()).all(|(&m, &b)| (m > 0) == b && m != 1);
        assert!(agree, "every boundary point is in a part");
        assert_eq!(build(shape).0, mesh, "the same bits every time");
    }
}

#[test]
fn reordering_keeps_the_mesh_and_narrows_the_band() {
    let (mesh, parts) = build(Shape::Square);
    let mut moved = parts.clone();
    let reordered = mesh.clone().reordered(&mut moved).unwrap();
    let (before, after) = (mesh.quality(), reordered.quality());
    assert!(after.bandwidth * 3 < before.bandwidth);
    assert!((after.size - before.size).abs() < 1e-12 && after.inner_points == before.inner_points);
    // The parts moved along: they are the sides of the new mesh too.
    let facets = |parts: &[BoundaryPart]| parts.iter().map(|p| (p.name.clone(), p.facets.len())).collect::<Vec<_>>();
    assert_eq!(facets(&parts::sides(&reordered)), facets(&moved));
    let bottom = &moved.iter().find(|p| p.name == "bottom").unwrap().facets;
    let data = reordered.to_data();
    assert!(bottom.iter().flatten().all(|&v| data.points[2 * v as usize + 1] == 0.0));
}

#[test]
fn gmsh_files_there_and_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("m.msh");
    for (shape, _) in SHAPES {
        let (mesh, parts) = build(shape);
        for version in [Version::V22, Version::V41] {
            gmsh::write(&path, &mesh.to_data(), &parts, version).unwrap();
            let back = import::read(&path).unwrap();
            assert_eq!((back.mesh, back.parts, back.notes), (mesh.clone(), parts.clone(), vec![]));
        }
    }
}

/// Two triangles, the second clockwise, with an unused node and a named edge.
const GOOD: &str = "$MeshFormat\n2.2 0 8\n$EndMeshFormat\n$PhysicalNames\n1\n1 7 \"wall\"\n$EndPhysicalNames
$Nodes\n5\n1 0 0 0\n2 1 0 0\n30 1 1 0\n4 0 1 0\n5 9 9 0\n$EndNodes
$Elements\n3\n1 1 2 7 1 1 2\n2 2 2 1 1 1 2 30\n3 2 2 1 1 1 4 30\n$EndElements\n";

#[test]
fn orientation_is_repaired_and_said() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("m.msh");
    std::fs::write(&path, GOOD).unwrap();
    let found = import::read(&path).unwrap();
    let q = found.mesh.quality();
    assert_eq!((q.points, q.cells, q.size), (4, 2, 1.0));
    assert_eq!(found.parts[0].name, "wall");
    assert_eq!(found.parts[0].facets, [[0, 1]]);
    assert_eq!(found.notes.len(), 2, "{:?}", found.notes);
    let out = output(dir.path(), &["mesh", "m.msh"]);
    let stderr = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(stderr.contains("1 cells of negative orientation") && stderr.contains("1 nodes that no cell"));
}

#[test]
fn bad_files_are_refused_by_line() {
    let dir = tempfile::tempdir().unwrap();
    let cases = [
        ("2.2 0 8", "2.2 1 8", "line 2: a binary file"),
        ("2.2 0 8", "4.0 0 8", "line 2: version 4.0"),
        ("$MeshFormat", "solid", "line 1: no Gmsh mesh"),
        ("2 1 0 0\n30", "2 1 x 0\n30", "line 11: \"x\""),
        ("2 1 0 0\n30", "2 1 nan 0\n30", "line 11: a coordinate"),
        ("30 1 1 0", "2 1 1 0", "line 12: node 2 is there twice"),
        ("30 1 1 0", "30 1 1 0.5", "line 12: z = 0.5"),
        ("1 4 30", "1 4 31", "line 20: node 31"),
        ("1 4 30", "1 1 30", "line 20: a degenerate cell"),
        ("3 2 2 1 1 1 4 30", "3 9 2 1 1 1 4 30 1 2 4", "line 20: elements of kind 9"),
        ("3 2 2 1 1 1 4 30", "3 3 2 1 1 1 4 30 2", "line 20: triangles and quadrilaterals"),
        ("3 2 2 1 1 1 4 30", "3 2 2 1 1 1 4", "line 20: ends early"),
        ("7 1 1 2", "7 1 2 4", "line 18: an element of a physical group"),
        ("$Nodes\n5", "$Nodes\n6", "line 15"),
        ("$EndElements\n", "", "line 21: the file ends"),
    ];
    for (from, to, message) in cases {
        assert!(GOOD.contains(from));
        std::fs::write(dir.path().join("bad.msh"), GOOD.replacen(from, to, 1)).unwrap();
        refused(dir.path(), &["mesh", "bad.msh"], 1, &["bad.msh", message]);
    }
    // Cut anywhere, a file is refused with a line, never with a panic.
    let (mesh, parts) = build(Shape::Cube);
    let path = dir.path().join("cut.msh");
    for version in [Version::V22, Version::V41] {
        gmsh::write(&path, &mesh.to_data(), &parts, version).unwrap();
        let whole = std::fs::read_to_string(&path).unwrap();
        for part in 1..60 {
            std::fs::write(&path, &whole[..whole.len() * part / 60]).unwrap();
            let message = import::read(&path).unwrap_err().to_string();
            assert!(message.contains("line "), "{message}");
        }
    }
}

#[test]
fn wrong_arguments() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    std::fs::write(dir.join("r.toml"), "shape = \"square\"\naera = 0.1\n").unwrap();
    refused(dir, &["mesh", "r.toml"], 1, &["r.toml", "line 2", "aera"]);
    refused(dir, &["mesh", "--area", "0"], 1, &["mesh.area = 0"]);
    refused(dir, &["mesh", "--shape", "cube", "--cells", "999"], 1, &["mesh.cells = 999"]);
    refused(dir, &["mesh", "-o", "x.stl"], 1, &["x.stl", ".vtu", ".msh"]);
    refused(dir, &["mesh", "none.msh"], 1, &["none.msh", "cannot read"]);
    refused(dir, &["mesh", "m.stl"], 1, &["m.stl", ".toml"]);
}

/// Reads each file with meshio and compares it with the others; writes both versions for the way back.
const MESHIO: &str = "
import sys
try:
    import meshio, numpy as np
except ImportError:
    print('skip'); sys.exit()
d = sys.argv[1]
worst = 0.0
for name in ['disc', 'quads', 'cube']:
    v = meshio.read(f'{d}/{name}.vtu')
    for version in ['22', '41']:
        m = meshio.read(f'{d}/{name}-{version}.msh')
        p = m.points[:, :v.points.shape[1]]
        worst = max(worst, np.abs(p - v.points).max())
        kind = v.cells[0].type
        cells = np.concatenate([c.data for c in m.cells if c.type == kind])
        assert (cells == v.cells[0].data).all()
        assert len(m.field_data) > 1
    assert (v.point_data['boundary'] > 0).any()
    meshio.write(f'{d}/{name}-back22.msh', m, file_format='gmsh22', binary=False)
    meshio.write(f'{d}/{name}-back41.msh', meshio.Mesh(m.points, [(kind, cells)]), file_format='gmsh', binary=False)
print(worst)
";

/// What the script prints, or None where Python or meshio is not there.
fn meshio(dir: &Path) -> Option<String> {
    let python = std::env::var("FEMPIPE_PYTHON").unwrap_or("python3".into());
    let out =
        finish(
            Command::new("sh")
                .args(["-c", "command -v \"$0\" >/dev/null && \"$0\" -c \"$1\" \"$2\" || exit 9"])
                .args([&python, MESHIO, &dir.display().to_string()]),
        );
    let text = String::from_utf8_lossy(&out.stdout).trim().lines().last().unwrap_or("").to_string();
    let there = finish(Command::new("sh").args(["-c", "command -v \"$0\"", &python])).status.success();
    if !there || text == "skip" {
        println!("skipped: {python} has no meshio (set FEMPIPE_PYTHON)");
        return None;
    }
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    Some(text)
}

#[test]
fn meshio_reads_what_is_written_and_the_other_way_round() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    for name in ["disc", "quads", "cube"] {
        let make = |file: &str, version: &str| {
            let args = ["mesh", "--shape", name, "--area", "0.01", "--cells", "4", "-o", file, "--msh", version];
            ok(dir, &args);
        };
        make(&format!("{name}.vtu"), "4.1");
        make(&format!("{name}-22.msh"), "2.2");
        make(&format!("{name}-41.msh"), "4.1");
    }
    let Some(worst) = meshio(dir) else { return };
    assert_eq!(worst, "0.0");
    for name in ["disc", "quads", "cube"] {
        let ours = import::read(&dir.join(format!("{name}-41.msh"))).unwrap();
        for file in ["back22", "back41"] {
            let theirs = import::read(&dir.join(format!("{name}-{file}.msh"))).unwrap();
            assert_eq!(theirs.mesh.quality().cells, ours.mesh.quality().cells);
            assert!((theirs.mesh.quality().size - ours.mesh.quality().size).abs() < 1e-12);
        }
    }
}

#[test]
fn meshes_that_ship() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("meshes");
    for (name, size) in [("l-shape", 0.75), ("disc", std::f64::consts::FRAC_PI_4), ("cube", 1.0)] {
        let found = import::read(&root.join(format!("{name}.msh"))).unwrap();
        assert!((found.mesh.quality().size - size).abs() < 0.02 && !found.parts.is_empty());
    }
    let text = ok(&root, &["mesh", "disc.toml"]);
    assert!(text.contains("smallest angle") && text.contains("bandwidth, rcm"), "{text}");
}
