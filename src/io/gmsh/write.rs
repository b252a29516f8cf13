//! Writing `.msh` files.

use std::fmt::Write;
use std::path::Path;

use crate::error::{Error, Result};
use crate::io::atomic;
use crate::system::{BoundaryPart, MeshData};

/// Versions of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// 2.2, which every program reads.
    V22,
    /// 4.1, Gmsh's own since 4.0.
    V41,
}

/// Writes a mesh with its parts as physical groups; the cells are the group "domain". Coordinates keep every bit.
///
/// # Errors
/// [`Error::Argument`] for cells that `.msh` files are not written with here, [`Error::Io`] if the file cannot be
/// written.
pub fn write(path: &Path, mesh: &MeshData, parts: &[BoundaryPart], version: Version) -> Result<()> {
    let kind = match mesh.cell_type.as_str() {
        "triangle" => 2,
        "quad" => 3,
        "tetra" => 4,
        other => {
            return Err(Error::Argument(format!("cells of kind {other}: no .msh is written with them")));
        }
    };
    let text = Writer { mesh, parts, kind, dim: if kind == 4 { 3 } else { 2 } };
    let text = match version {
        Version::V22 => text.v22(),
        Version::V41 => text.v41(),
    };
    atomic::write(path, text)
}

struct Writer<'a> {
    mesh: &'a MeshData,
    parts: &'a [BoundaryPart],
    kind: u32,
    dim: usize,
}

// Writing to a String cannot fail: the results of `writeln!` are passed over.
impl Writer<'_> {
    fn head(&self, version: &str) -> String {
        let mut out = format!("$MeshFormat\n{version} 0 8\n$EndMeshFormat\n$PhysicalNames\n");
        let _ = writeln!(out, "{}", self.parts.len() + 1);
        for (i, part) in self.parts.iter().enumerate() {
            let _ = writeln!(out, "{} {} \"{}\"", self.dim - 1, i + 1, part.name);
        }
        let _ = writeln!(out, "{} {} \"domain\"\n$EndPhysicalNames", self.dim, self.parts.len() + 1);
        out
    }

    fn points(&self) -> impl Iterator<Item = [f64; 3]> {
        let points = self.mesh.points.chunks_exact(self.mesh.dim);
        points.map(|p| std::array::from_fn(|d| p.get(d).copied().unwrap_or(0.0)))
    }

    fn facet_kind(&self) -> u32 {
        if self.dim == 3 { 2 } else { 1 }
    }

    fn elements(&self) -> usize {
        let facets: usize = self.parts.iter().map(|p| p.facets.len()).sum();
        facets + self.mesh.cells.len() / self.mesh.cell_size
    }

    fn v22(&self) -> String {
        let mut out = self.head("2.2");
        let _ = writeln!(out, "$Nodes\n{}", self.mesh.points.len() / self.mesh.dim);
        for (i, [x, y, z]) in self.points().enumerate() {
            let _ = writeln!(out, "{} {x} {y} {z}", i + 1);
        }
        let _ = writeln!(out, "$EndNodes\n$Elements\n{}", self.elements());
        let mut number = 0;
        for (group, part) in (1..).zip(self.parts) {
            for facet in &part.facets {
                number += 1;
                let _ = writeln!(out, "{number} {} 2 {group} {group}{}", self.facet_kind(), tags(facet));
            }
        }
        let domain = self.parts.len() + 1;
        for cell in self.mesh.cells.chunks_exact(self.mesh.cell_size) {
            number += 1;
            let _ = writeln!(out, "{number} {} 2 {domain} {domain}{}", self.kind, tags(cell));
        }
        out + "$EndElements\n"
    }

    fn v41(&self) -> String {
        let mut out = self.head("4.1");
        let (mut low, mut high) = ([f64::MAX; 3], [f64::MIN; 3]);
        for p in self.points() {
            low = std::array::from_fn(|d| low[d].min(p[d]));
            high = std::array::from_fn(|d| high[d].max(p[d]));
        }
        let bounds = |b: [f64; 3]| format!("{} {} {}", b[0], b[1], b[2]);
        let bounds = format!("{} {}", bounds(low), bounds(high));
        let mut counts = [0, 0, 0, 0];
        counts[self.dim - 1] = self.parts.len();
        counts[self.dim] = 1;
        let [a, b, c, d] = counts;
        let _ = writeln!(out, "$Entities\n{a} {b} {c} {d}");
        let domain = self.parts.len() + 1;
        for group in 1..=domain {
            let _ = writeln!(out, "{group} {bounds} 1 {group} 0");
        }
        let n = self.mesh.points.len() / self.mesh.dim;
        let _ = writeln!(out, "$EndEntities\n$Nodes\n1 {n} 1 {n}\n{} {domain} 0 {n}", self.dim);
        (1..=n).for_each(|i| {
            let _ = writeln!(out, "{i}");
        });
        for [x, y, z] in self.points() {
            let _ = writeln!(out, "{x} {y} {z}");
        }
        let (total, used) = (self.elements(), self.parts.iter().filter(|p| !p.facets.is_empty()).count());
        let _ = writeln!(out, "$EndNodes\n$Elements\n{} {total} 1 {total}", used + 1);
        let mut number = 0;
        for (group, part) in (1..).zip(self.parts).filter(|(_, p)| !p.facets.is_empty()) {
            let _ = writeln!(out, "{} {group} {} {}", self.dim - 1, self.facet_kind(), part.facets.len());
            for facet in &part.facets {
                number += 1;
                let _ = writeln!(out, "{number}{}", tags(facet));
            }
        }
        let cells = self.mesh.cells.chunks_exact(self.mesh.cell_size);
        let _ = writeln!(out, "{} {domain} {} {}", self.dim, self.kind, cells.len());
        for cell in cells {
            number += 1;
            let _ = writeln!(out, "{number}{}", tags(cell));
        }
        out + "$EndElements\n"
    }
}

/// " 3 1 7": nodes are numbered from 1.
fn tags(nodes: &[u32]) -> String {
    nodes.iter().map(|&v| format!(" {}", v + 1)).collect()
}
