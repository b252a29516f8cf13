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
        ("2.2 0 8", "2.2 1 8", "line 2: says binary"),
        ("2.2 0 8", "4.0 0 8", "line 2: version \"4.0\""),
        ("$MeshFormat", "solid", "line 8: $Nodes without a $MeshFormat"),
        ("2 1 0 0\n30", "2 1 x 0\n30", "line 11: \"x\""),
        ("2 1 0 0\n30", "2 1 nan 0\n30", "line 11: a coordinate"),
        ("30 1 1 0", "2 1 1 0", "line 12: node 2 is there twice"),
        ("30 1 1 0", "30 1 1 0.5", "line 12: z = 0.5"),
        ("1 4 30", "1 4 31", "line 20: node 31"),
        ("1 4 30", "1 1 30", "line 20: a degenerate cell"),
        ("3 2 2 1 1 1 4 30", "3 5 2 1 1 1 4 30 1 2 4", "line 20: elements of kind 5"),
        ("3 2 2 1 1 1 4 30", "3 3 2 1 1 1 4 30 2", "line 20: triangles and quadrilaterals"),
        ("3 2 2 1 1 1 4 30", "3 2 2 1 1 1 4", "line 21: \"$EndElements\" does not belong here"),
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

/// The unit square of four triangles around a node, version 4.1; curve 1 is in groups 1 and 9, curve 2 against its
/// direction in group 9.
const GROUPS: &str =
    "$MeshFormat\n4.1 0 8\n$EndMeshFormat\n$PhysicalNames\n2\n1 1 \"bottom\"\n1 9 \"wall\"\n$EndPhysicalNames
$Entities\n0 2 1 0\n1 0 0 0 1 0 0 2 1 9 2 1 -2\n2 1 0 0 1 1 0 1 -9 2 2 -3\n1 0 0 0 1 1 0 0 0\n$EndEntities
$Nodes\n1 5 1 5\n2 1 0 5\n1\n2\n3\n4\n5\n0 0 0\n1 0 0\n1 1 0\n0 1 0\n0.5 0.5 0\n$EndNodes
$Elements\n3 6 1 6\n1 1 1 1\n5 1 2\n1 2 1 1\n6 2 3\n2 1 2 4\n1 1 2 5\n2 2 3 5\n3 3 4 5\n4 4 1 5\n$EndElements\n";

fn imported(text: impl AsRef<[u8]>) -> Result<import::Imported, String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("m.msh");
    std::fs::write(&path, text).unwrap();
    import::read(&path).map_err(|e| e.to_string())
}

#[test]
fn what_gmsh_reads_is_read() {
    let whole = imported(GROUPS).unwrap();
    let parts: Vec<(&str, usize)> = whole.parts.iter().map(|p| (&*p.name, p.facets.len())).collect();
    assert_eq!(parts, [("bottom", 1), ("wall", 2)]);
    assert_eq!(whole.parts[1].facets, [[0, 1], [1, 2]]);
    // Words, not lines; comments, unknown sections and text between sections; a byte-order mark.
    let wrapped =
        GROUPS.replace("0 0 0 1 0 0 2 1", "0 0\n\n0 1 0 0 2\n1").replace("2\n3\n4\n5\n0 0 0", "2 3 4\n5 0 0 0");
    let comment = "$Comments\nby hand\n$EndComments\n";
    for text in [
        wrapped,
        format!("{comment}// 2024\n{GROUPS}"),
        GROUPS.replace("$Nodes", &format!("note\n{comment}$NodeData\n1 2\n$EndNodeData\n$Nodes")),
        format!("\u{feff}{GROUPS}"),
        GROUPS.replace('\n', "\r\n"),
        GROUPS.replace("0.5 0.5 0\n", "0.5 0.5 -3e-11\n"),
    ] {
        assert_eq!(imported(&text).as_ref(), Ok(&whole), "{text}");
    }
    // Versions 2 and 2.1; nodes with parameters; a cell once for each of its groups.
    let good = imported(GOOD).unwrap();
    let parametric = GOOD
        .replace("$Nodes", "$ParametricNodes")
        .replace("$EndNodes", "$EndParametricNodes")
        .replace("1 0 0 0\n2 1 0 0\n30 1 1 0\n", "1 0 0 0 0 1\n2 1 0 0 1 1 0.5\n30 1 1 0 2 1 0.5 0.25\n")
        .replace("4 0 1 0\n5 9 9 0\n", "4 0 1 0 0 4\n5 9 9 0 3 1\n");
    let twice = GOOD.replace("$Elements\n3", "$Elements\n4").replace("3 2 2 1", "3 2 2 8 1 2 30 1\n4 2 2 1");
    for text in [GOOD.replace("2.2 0 8", "2 0 8"), GOOD.replace("2.2 0 8", "2.1 0 8"), parametric, twice] {
        assert_eq!(imported(&text).as_ref(), Ok(&good), "{text}");
    }
    // Second order by the corners.
    let quadratic = GROUPS
        .replace("1 5 1 5\n2 1 0 5", "1 7 1 7\n2 1 0 7")
        .replace("5\n0 0 0", "5\n6\n7\n0 0 0")
        .replace("0.5 0.5 0\n", "0.5 0.5 0\n0.5 0 0\n1 0.5 0\n")
        .replace("1 1 1 1\n5 1 2", "1 1 8 1\n5 1 2 6")
        .replace("1 2 1 1\n6 2 3", "1 2 8 1\n6 2 3 7");
    let corners = imported(&quadratic).unwrap();
    assert_eq!((&corners.mesh, &corners.parts), (&whole.mesh, &whole.parts));
    assert!(corners.notes[0].contains("second order"), "{:?}", corners.notes);
    // Only the groups of curves have been saved.
    let hollow = GROUPS.replace("3 6 1 6", "2 2 5 6").replace("2 1 2 4\n1 1 2 5\n2 2 3 5\n3 3 4 5\n4 4 1 5\n", "");
    let error = imported(&hollow).unwrap_err();
    assert!(error.contains("Physical Surface") && error.contains("-save_all"), "{error}");
    let error = imported("solid cube\nfacet normal 0 0 1\n").unwrap_err();
    assert!(error.contains("line 1: no Gmsh mesh"), "{error}");
}

/// Numbers as a binary file has them.
struct Bytes {
    out: Vec<u8>,
    swapped: bool,
}

impl Bytes {
    fn push<const N: usize>(&mut self, mut bytes: [u8; N]) -> &mut Self {
        if self.swapped {
            bytes.reverse();
        }
        self.out.extend(bytes);
        self
    }
    fn text(&mut self, text: &str) -> &mut Self {
        self.out.extend(text.as_bytes());
        self
    }
    fn ints(&mut self, values: &[i32]) -> &mut Self {
        for v in values {
            self.push(v.to_ne_bytes());
        }
        self
    }
    fn sizes(&mut self, values: &[u64]) -> &mut Self {
        for v in values {
            self.push(v.to_ne_bytes());
        }
        self
    }
    fn reals(&mut self, values: &[f64]) -> &mut Self {
        for v in values {
            self.push(v.to_ne_bytes());
        }
        self
    }
}

#[test]
fn binary_files_are_read() {
    let (good, groups) = (imported(GOOD).unwrap(), imported(GROUPS).unwrap());
    for swapped in [false, true] {
        let mut old = Bytes { out: Vec::new(), swapped };
        old.text("$MeshFormat\n2.2 1 8\n").ints(&[1]).text("\n$EndMeshFormat\n$PhysicalNames\n1\n1 7 \"wall\"\n");
        old.text("$EndPhysicalNames\n$Nodes\n5\n");
        for (tag, point) in
            [(1, [0., 0., 0.]), (2, [1., 0., 0.]), (30, [1., 1., 0.]), (4, [0., 1., 0.]), (5, [9., 9., 0.])]
        {
            old.ints(&[tag]).reals(&point);
        }
        old.text("\n$EndNodes\n$Elements\n3\n").ints(&[1, 1, 2, 1, 7, 1, 1, 2]);
        old.ints(&[2, 2, 2, 2, 1, 1, 1, 2, 30, 3, 1, 1, 1, 4, 30]).text("\n$EndElements\n");
        assert_eq!(imported(&old.out).as_ref(), Ok(&good));
        let mut new = Bytes { out: Vec::new(), swapped };
        new.text("$MeshFormat\n4.1 1 8\n").ints(&[1]).text("\n$EndMeshFormat\n$PhysicalNames\n2\n");
        new.text("1 1 \"bottom\"\n1 9 \"wall\"\n$EndPhysicalNames\n$Entities\n").sizes(&[0, 2, 1, 0]);
        new.ints(&[1]).reals(&[0., 0., 0., 1., 0., 0.]).sizes(&[2]).ints(&[1, 9]).sizes(&[2]).ints(&[1, -2]);
        new.ints(&[2]).reals(&[1., 0., 0., 1., 1., 0.]).sizes(&[1]).ints(&[-9]).sizes(&[2]).ints(&[2, -3]);
        new.ints(&[1]).reals(&[0., 0., 0., 1., 1., 0.]).sizes(&[0, 0]).text("\n$EndEntities\n$Nodes\n");
        new.sizes(&[1, 5, 1, 5]).ints(&[2, 1, 0]).sizes(&[5, 1, 2, 3, 4, 5]);
        new.reals(&[0., 0., 0., 1., 0., 0., 1., 1., 0., 0., 1., 0., 0.5, 0.5, 0.]).text("\n$EndNodes\n$Elements\n");
        new.sizes(&[3, 6, 1, 6]).ints(&[1, 1, 1]).sizes(&[1, 5, 1, 2]).ints(&[1, 2, 1]).sizes(&[1, 6, 2, 3]);
        new.ints(&[2, 1, 2]).sizes(&[4, 1, 1, 2, 5, 2, 2, 3, 5, 3, 3, 4, 5, 4, 4, 1, 5]).text("\n$EndElements\n");
        assert_eq!(imported(&new.out).as_ref(), Ok(&groups));
        // Cut anywhere, or with a number changed: an answer, soon.
        for bytes in [&old.out, &new.out] {
            for at in 0..bytes.len() {
                assert!(at + 13 > bytes.len() || imported(&bytes[..at]).is_err(), "{at}");
                let mut changed = bytes.clone();
                changed[at] ^= 0xff;
                drop(imported(&changed));
            }
        }
    }
}

/// A 2.2 file of plane cells (kind 2: triangles, 3: quadrilaterals), nodes numbered from 1.
fn msh(points: &[[f64; 2]], kind: u8, cells: &[&[usize]]) -> String {
    let mut text = format!("$MeshFormat\n2.2 0 8\n$EndMeshFormat\n$Nodes\n{}\n", points.len());
    for (k, [x, y]) in points.iter().enumerate() {
        text += &format!("{} {x} {y} 0\n", k + 1);
    }
    text += &format!("$EndNodes\n$Elements\n{}\n", cells.len());
    for (k, cell) in cells.iter().enumerate() {
        let nodes: Vec<String> = cell.iter().map(|v| (v + 1).to_string()).collect();
        text += &format!("{} {kind} 2 0 1 {}\n", k + 1, nodes.join(" "));
    }
    text + "$EndElements\n"
}

#[test]
fn cells_that_do_not_meet_corner_to_corner_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let write = |text: String| std::fs::write(dir.join("m.msh"), text).unwrap();
    // Two squares of two triangles each that touch at x = 1, anywhere and of any size.
    for (origin, size) in [(0.0, 1.0), (5.4e6, 1e3), (0.0, 1e-6)] {
        let at = |x: f64, y: f64| [origin + size * x, origin + size * y];
        let left = [at(0.0, 0.0), at(1.0, 0.0), at(1.0, 1.0), at(0.0, 1.0)];
        let right = [at(1.0, 0.0), at(2.0, 0.0), at(2.0, 1.0), at(1.0, 1.0)];
        write(msh(&[left, right].concat(), 2, &[&[0, 1, 2], &[0, 2, 3], &[4, 5, 6], &[4, 6, 7]]));
        refused(dir, &["mesh", "m.msh"], 1, &["m.msh: 2 nodes lie on another one (2 and 5 at ", "merge_nodes = true"]);
        let merged = import::read_merged(&dir.join("m.msh")).unwrap();
        let q = merged.mesh.quality();
        assert_eq!((q.points, q.cells), (6, 4), "{:?}", merged.notes);
        assert_eq!(merged.notes, ["2 nodes merged with others at the same place"]);
        assert_eq!(merged.mesh.boundary(), [true; 6]);
    }
    let out = output(dir, &["mesh", "m.msh", "--merge-nodes"]);
    assert!(out.status.success() && String::from_utf8_lossy(&out.stderr).contains("2 nodes merged"));
    std::fs::write(dir.join("r.toml"), "file = \"m.msh\"\nmerge_nodes = true\n").unwrap();
    ok(dir, &["mesh", "r.toml"]);
    std::fs::write(dir.join("r.toml"), "shape = \"disc\"\nmerge_nodes = true\n").unwrap();
    refused(dir, &["mesh", "r.toml"], 1, &["mesh.merge_nodes", "mesh.file"]);
    // A square beside two half as high; and the same of triangles.
    let points = [[0., 0.], [1., 0.], [1., 1.], [0., 1.], [1.5, 0.], [1.5, 0.5], [1., 0.5], [1.5, 1.]];
    write(msh(&points, 3, &[&[0, 1, 2, 3], &[1, 4, 5, 6], &[6, 5, 7, 2]]));
    let says = ["1 hanging nodes: node 7 at (1, 0.5) lies on the side of nodes 2, 3"];
    refused(dir, &["mesh", "m.msh"], 1, &says);
    write(msh(&points, 2, &[&[0, 1, 2], &[0, 2, 3], &[1, 4, 6], &[4, 5, 6], &[6, 5, 2], &[5, 7, 2]]));
    refused(dir, &["mesh", "m.msh"], 1, &says);
    refused(dir, &["mesh", "m.msh", "--merge-nodes"], 1, &says);
    // In space: two tetrahedra on a face each, with one node of the second in the middle of the first's.
    let text = "$MeshFormat\n2.2 0 8\n$EndMeshFormat\n$Nodes\n7\n1 0 0 0\n2 1 0 0\n3 0 1 0\n4 0 0 -1\n5 0.25 0.25 0\n\
                6 0 0 1\n7 1 1 1\n$EndNodes\n$Elements\n2\n1 4 2 0 1 1 2 3 4\n2 4 2 0 1 5 6 7 2\n$EndElements\n";
    write(text.into());
    refused(
        dir,
        &["mesh", "m.msh"],
        1,
        &["1 hanging nodes: node 5 at (0.25, 0.25, 0) lies on the side of nodes 1, 2, 3"],
    );
}

#[test]
fn a_mesh_in_map_coordinates_makes_the_systems_of_the_unit_square() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let k = 6;
    let cells: Vec<[usize; 4]> =
        (0..k * k).map(|c| (c / k) * (k + 1) + c % k).map(|v| [v, v + 1, v + k + 2, v + k + 1]).collect();
    let cells: Vec<&[usize]> = cells.iter().map(|c| &c[..]).collect();
    let sample = |family: &str, origin: [f64; 2], size: f64| {
        let at = |v: usize| [v % (k + 1), v / (k + 1)].map(|i| size * i as f64 / k as f64);
        let points: Vec<[f64; 2]> =
            (0..(k + 1) * (k + 1)).map(|v| [origin[0] + at(v)[0], origin[1] + at(v)[1]]).collect();
        std::fs::write(dir.join("m.msh"), msh(&points, 3, &cells)).unwrap();
        let mut table = toml::Table::new();
        let mesh: toml::Table =
            [("file".to_string(), dir.join("m.msh").display().to_string().into())].into_iter().collect();
        table.insert("mesh".into(), mesh.into());
        let family = fempipe::families::build(family, &table, "test").unwrap();
        let text = family.description().equation;
        let mut sampler = family.sampler().unwrap();
        ([0, 1].map(|i| sampler.sample(3, i).unwrap()), text)
    };
    for (family, power, load) in [("elliptic", 0, 2), ("biharmonic", -2, 2)] {
        let (unit, text) = sample(family, [0.0, 0.0], 1.0);
        assert!(!text.contains("scale"), "{text}");
        for (origin, size) in [([4.5e5, 5.4e6], 1024.0), ([0.0, 0.0], 2f64.powi(-20))] {
            let (far, text) = sample(family, origin, size);
            assert!(text.contains("both in (x - origin) * scale"), "{text}");
            for (s, u) in far.iter().zip(&unit) {
                let compare = |a: &[f64], b: &[f64], factor: f64| {
                    let most = b.iter().fold(0.0f64, |m, v| m.max(v.abs()));
                    let off = a.iter().zip(b).map(|(a, b)| (a / factor - b).abs()).fold(0.0, f64::max);
                    assert!(off <= 1e-6 * most, "{family} {size}: {off} of {most}");
                };
                compare(s.matrix.values(), u.matrix.values(), size.powi(power));
                compare(&s.rhs, &u.rhs, size.powi(load));
            }
            // Right-hand sides of two samples are not parallel.
            let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
            let (a, b) = (&far[0].rhs, &far[1].rhs);
            assert!(dot(a, b).abs() < 0.99 * (dot(a, a) * dot(b, b)).sqrt());
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
