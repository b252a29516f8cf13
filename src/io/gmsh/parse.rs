//! The sections of a `.msh` file, as text or binary.

use std::collections::HashMap;
use std::sync::Arc;

use super::input::{Encoding, Input};
use crate::error::Result;

/// What elements are, by Gmsh's number: dimension, corners (which come first) and nodes.
const KINDS: [(u64, u8, usize, usize); 10] = [
    (15, 0, 1, 1),
    (1, 1, 2, 2),
    (2, 2, 3, 3),
    (3, 2, 4, 4),
    (4, 3, 4, 4),
    (8, 1, 2, 3),
    (9, 2, 3, 6),
    (16, 2, 4, 8),
    (10, 2, 4, 9),
    (11, 3, 4, 10),
];

/// An element of dimension at most 3.
pub struct Element {
    /// Where it stands in the file, from 1; 0 in a binary one.
    pub line: usize,
    /// 0 for points up to 3 for tetrahedra.
    pub dim: u8,
    /// Tags of its corners.
    pub nodes: Vec<u64>,
    /// Its physical groups.
    pub groups: Arc<[i64]>,
}

/// What a file holds.
#[derive(Default)]
pub struct Found {
    /// Tag, coordinates and line (0 in a binary file).
    pub nodes: Vec<(u64, [f64; 3], usize)>,
    /// Elements of all dimensions, as they stand; of a cell that is in several groups version 2 has several.
    pub elements: Vec<Element>,
    /// Names of physical groups by dimension and number.
    pub names: HashMap<(u8, i64), String>,
    /// Whether elements have further nodes, which are left away.
    pub second_order: bool,
    /// Physical groups of an entity by dimension and number (4.1). Their sign, an orientation, is left away.
    entities: HashMap<(u8, i64), Arc<[i64]>>,
}

/// Reads all sections; what stands between them is passed over, as Gmsh does.
pub fn parse(input: &mut Input) -> Result<Found> {
    let mut found = Found::default();
    // Whether the version is 4.1, once it is known.
    let mut new = None;
    let mut seen = [false; 2];
    while let Some(section) = input.section() {
        match (section, new) {
            ("$MeshFormat", _) => new = Some(header(input)?),
            ("$PhysicalNames", _) => names(input, &mut found)?,
            ("$Nodes" | "$ParametricNodes" | "$Elements" | "$Entities", None) => {
                return Err(input.error(format!("{section} without a $MeshFormat before it")));
            }
            ("$Entities", Some(true)) => entities(input, &mut found)?,
            ("$PartitionedEntities", _) => return Err(input.error("a partitioned mesh: save it in one part")),
            ("$Nodes" | "$ParametricNodes", Some(new)) => {
                seen[0] = true;
                if new { nodes_new(input, &mut found)? } else { nodes_old(input, section, &mut found)? }
            }
            ("$Elements", Some(new)) => {
                seen[1] = true;
                if new { elements_new(input, &mut found)? } else { elements_old(input, &mut found)? }
            }
            (other, _) if !other.starts_with("$End") => input.skip(&other[1..])?,
            _ => {}
        }
    }
    if new.is_none() {
        return Err(input.error_at_start("no Gmsh mesh: there is no section $MeshFormat"));
    }
    for (there, name) in seen.into_iter().zip(["$Nodes", "$Elements"]) {
        if !there {
            return Err(input.error(format!("the file ends without a section {name}")));
        }
    }
    Ok(found)
}

/// Whether the version is 4.1.
fn header(input: &mut Input) -> Result<bool> {
    let version = String::from_utf8_lossy(input.word("the version")?).into_owned();
    let new = match version.as_str() {
        "2" | "2.0" | "2.1" | "2.2" => false,
        "4.1" => true,
        other => {
            return Err(input.error(format!(
                "version {other:?}: versions 2 to 2.2 and 4.1 are read (gmsh FILE -save -format msh41 -o OUT.msh)"
            )));
        }
    };
    let binary: u8 = input.text("0 for text or 1 for binary")?;
    let size: u8 = input.text("the size of a number")?;
    match (binary, size) {
        (0, _) => {}
        (1, 8) => input.order_of_bytes()?,
        (1, _) => return Err(input.error(format!("numbers of {size} bytes: 8 are read"))),
        _ => return Err(input.error("the version, 0 or 1 for text or binary and the size of a number expected")),
    }
    input.expect("$EndMeshFormat")?;
    Ok(new)
}

fn names(input: &mut Input, found: &mut Found) -> Result<()> {
    let count: u64 = input.text("the number of names")?;
    for _ in 0..count {
        let (dim, number, name) = input.named_group()?;
        found.names.insert((dim, number.abs()), name);
    }
    input.expect("$EndPhysicalNames")
}

fn nodes_old(input: &mut Input, section: &str, found: &mut Found) -> Result<()> {
    let count: u64 = input.text("the number of nodes")?;
    start_of_bytes(input);
    for _ in 0..count {
        let wanted = "a node: number, x, y, z";
        let tag = input.unsigned(wanted)?;
        let line = input.line();
        let point = [input.real(wanted)?, input.real(wanted)?, input.real(wanted)?];
        if section == "$ParametricNodes" {
            let wanted = "dimension, entity and parameters of a node";
            let (dim, _) = (input.int(wanted)?, input.int(wanted)?);
            // Points and volumes have none.
            for _ in 0..if matches!(dim, 1 | 2) { dim } else { 0 } {
                input.real(wanted)?;
            }
        }
        found.nodes.push((tag, point, line));
    }
    input.expect(&format!("$End{}", &section[1..]))
}

fn elements_old(input: &mut Input, found: &mut Found) -> Result<()> {
    let count: u64 = input.text("the number of elements")?;
    start_of_bytes(input);
    let wanted = "an element: number, kind, tags, nodes";
    let mut read = 0;
    while read < count {
        // Bytes have one head for several elements.
        let (first, kind, block, tags) = match input.encoding {
            Encoding::Text => {
                let number = input.unsigned(wanted)?;
                (Some(number), kind(input)?, 1, input.unsigned(wanted)?)
            }
            Encoding::Binary { .. } => (None, kind(input)?, input.unsigned(wanted)?, input.unsigned(wanted)?),
        };
        let line = input.line();
        if block == 0 {
            return Err(input.error("a block of no elements"));
        }
        for _ in 0..block.min(count - read) {
            if first.is_none() {
                input.unsigned(wanted)?;
            }
            let mut group = None;
            for t in 0..tags {
                let tag = input.int(wanted)?;
                group = group.or((t == 0 && tag != 0).then_some(tag.abs()));
            }
            let nodes = (0..kind.2).map(|_| input.unsigned(wanted)).collect::<Result<Vec<u64>>>()?;
            push(found, line, kind, nodes, group.into_iter().collect());
        }
        read += block;
    }
    input.expect("$EndElements")
}

/// After a number in words, bytes begin on the next line.
fn start_of_bytes(input: &mut Input) {
    if input.encoding != Encoding::Text {
        input.rest_of_line();
    }
}

fn entities(input: &mut Input, found: &mut Found) -> Result<()> {
    let wanted = "the numbers of points, curves, surfaces and volumes";
    let counts = [input.size(wanted)?, input.size(wanted)?, input.size(wanted)?, input.size(wanted)?];
    for (dim, count) in (0u8..).zip(counts) {
        for _ in 0..count {
            let wanted = "an entity: number, bounds, physical groups, what bounds it";
            let tag = input.int(wanted)?;
            for _ in 0..if dim == 0 { 3 } else { 6 } {
                input.real(wanted)?;
            }
            let groups = input.size(wanted)?;
            let groups = (0..groups).map(|_| Ok(input.int(wanted)?.abs())).collect::<Result<Arc<[i64]>>>()?;
            if !groups.is_empty() {
                found.entities.insert((dim, tag), groups);
            }
            let bounding = if dim == 0 { 0 } else { input.size(wanted)? };
            for _ in 0..bounding {
                input.int(wanted)?;
            }
        }
    }
    input.expect("$EndEntities")
}

fn nodes_new(input: &mut Input, found: &mut Found) -> Result<()> {
    let wanted = "the numbers of blocks and nodes, the least and the largest tag";
    let [blocks, total, _, _] = [input.size(wanted)?, input.size(wanted)?, input.size(wanted)?, input.size(wanted)?];
    let started = input.line();
    for _ in 0..blocks {
        let wanted = "a block of nodes: dimension, entity, parametric, count";
        let (dim, _, parametric) = (input.unsigned(wanted)?, input.int(wanted)?, input.int(wanted)?);
        let count = input.size(wanted)?;
        let first = found.nodes.len();
        for _ in 0..count {
            let tag = input.size("the number of a node")?;
            found.nodes.push((tag, [0.0; 3], input.line()));
        }
        for k in first..found.nodes.len() {
            let wanted = "the coordinates of a node: x, y, z";
            found.nodes[k].1 = [input.real(wanted)?, input.real(wanted)?, input.real(wanted)?];
            found.nodes[k].2 = input.line();
            for _ in 0..if parametric == 1 { dim.min(3) } else { 0 } {
                input.real(wanted)?;
            }
        }
    }
    input.expect("$EndNodes")?;
    told(input, started, "nodes", total, found.nodes.len())
}

fn elements_new(input: &mut Input, found: &mut Found) -> Result<()> {
    let wanted = "the numbers of blocks and elements, the least and the largest tag";
    let [blocks, total, _, _] = [input.size(wanted)?, input.size(wanted)?, input.size(wanted)?, input.size(wanted)?];
    let started = input.line();
    let none: Arc<[i64]> = Arc::new([]);
    for _ in 0..blocks {
        let wanted = "a block of elements: dimension, entity, kind, count";
        let (entity_dim, entity) = (input.unsigned(wanted)?, input.int(wanted)?);
        let kind = kind(input)?;
        let count = input.size(wanted)?;
        let groups = found.entities.get(&(entity_dim.min(4) as u8, entity)).unwrap_or(&none).clone();
        for _ in 0..count {
            let wanted = "an element: number, nodes";
            input.size(wanted)?;
            let line = input.line();
            let nodes = (0..kind.2).map(|_| input.size(wanted)).collect::<Result<Vec<u64>>>()?;
            push(found, line, kind, nodes, groups.clone());
        }
    }
    input.expect("$EndElements")?;
    told(input, started, "elements", total, found.elements.len())
}

/// Adds an element of a kind (dimension, corners, nodes).
fn push(found: &mut Found, line: usize, kind: (u8, usize, usize), mut nodes: Vec<u64>, groups: Arc<[i64]>) {
    let (dim, corners, all) = kind;
    found.second_order |= all > corners;
    nodes.truncate(corners);
    found.elements.push(Element { line, dim, nodes, groups });
}

/// That a section holds as many things as its head says.
fn told(input: &Input, started: usize, what: &str, total: u64, found: usize) -> Result<()> {
    if total == found as u64 {
        return Ok(());
    }
    let place = if started == 0 { "the head of the section".to_string() } else { format!("line {started}") };
    Err(input.error(format!("{found} {what} up to here, {place} says {total}")))
}

/// Dimension, corners and nodes of the kind of elements that comes next.
fn kind(input: &mut Input) -> Result<(u8, usize, usize)> {
    let number = input.unsigned("a kind of elements")?;
    let known = KINDS.iter().find(|k| k.0 == number);
    known.map(|&(_, dim, corners, nodes)| (dim, corners, nodes)).ok_or_else(|| {
        input.error(format!(
            "elements of kind {number}: points (15), lines (1), triangles (2), quadrilaterals (3) and tetrahedra (4) \
             are read, and those of second order by their corners; gmsh FILE -save -order 1 -o OUT.msh saves no others"
        ))
    })
}
