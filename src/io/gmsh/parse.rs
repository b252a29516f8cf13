//! The sections of a `.msh` file.

use std::collections::HashMap;

use super::lines::{Lines, Words};
use crate::error::Result;

/// What elements are, by Gmsh's number, with their dimension and corners.
const KINDS: [(u32, u8, usize); 5] = [(15, 0, 1), (1, 1, 2), (2, 2, 3), (3, 2, 4), (4, 3, 4)];

/// An element of dimension at most 3.
pub struct Element {
    /// Where it stands in the file, from 1.
    pub line: usize,
    /// 0 for points up to 3 for tetrahedra.
    pub dim: u8,
    /// Tags of its nodes.
    pub nodes: Vec<u64>,
    /// Its physical group, if any.
    pub group: Option<i64>,
}

/// What a file holds.
#[derive(Default)]
pub struct Found {
    /// Tag, coordinates and line.
    pub nodes: Vec<(u64, [f64; 3], usize)>,
    /// Elements of all dimensions, as they stand.
    pub elements: Vec<Element>,
    /// Names of physical groups by dimension and number.
    pub names: HashMap<(u8, i64), String>,
    /// First physical group of an entity by dimension and number (4.1).
    entities: HashMap<(u8, i64), i64>,
}

/// Reads all sections.
pub fn parse(lines: &mut Lines) -> Result<Found> {
    let new = header(lines)?;
    let mut found = Found::default();
    let mut seen = [false; 2];
    while let Some(line) = lines.next_or_end() {
        match line {
            "$PhysicalNames" => names(lines, &mut found)?,
            "$Entities" if new => entities(lines, &mut found)?,
            "$PartitionedEntities" => {
                return Err(lines.error("a partitioned mesh: save it in one part"));
            }
            "$Nodes" => {
                seen[0] = true;
                if new { nodes_new(lines, &mut found)? } else { nodes_old(lines, &mut found)? }
            }
            "$Elements" => {
                seen[1] = true;
                if new { elements_new(lines, &mut found)? } else { elements_old(lines, &mut found)? }
            }
            other if other.starts_with('$') && !other.starts_with("$End") => skip(lines, &other[1..])?,
            _ => return Err(lines.error("a section ($Nodes, $Elements, …) should begin here")),
        }
    }
    for (there, name) in seen.into_iter().zip(["$Nodes", "$Elements"]) {
        if !there {
            return Err(lines.error(format!("the file ends without a section {name}")));
        }
    }
    Ok(found)
}

/// Whether the version is 4.1.
fn header(lines: &mut Lines) -> Result<bool> {
    if lines.next("$MeshFormat")? != "$MeshFormat" {
        return Err(lines.error("no Gmsh mesh: $MeshFormat should be here"));
    }
    let format = lines.next("the version")?;
    let words: Vec<&str> = format.split_ascii_whitespace().collect();
    let new = match words.first() {
        Some(&"2.2") => false,
        Some(&"4.1") => true,
        other => {
            return Err(lines.error(format!(
                "version {}: versions 2.2 and 4.1 are read (gmsh -save -format msh41)",
                other.unwrap_or(&"missing")
            )));
        }
    };
    match words.get(1) {
        Some(&"0") => {}
        Some(&"1") => return Err(lines.error("a binary file: save it as ASCII (gmsh -save -bin 0)")),
        _ => return Err(lines.error("the version, 0 for ASCII and the size of a number expected")),
    }
    lines.expect("$EndMeshFormat")?;
    Ok(new)
}

fn skip(lines: &mut Lines, name: &str) -> Result<()> {
    let end = format!("$End{name}");
    while lines.next(&end)? != end {}
    Ok(())
}

fn names(lines: &mut Lines, found: &mut Found) -> Result<()> {
    let count: usize = lines.words("the number of names")?.number()?;
    for _ in 0..count {
        let mut words = lines.words("dimension, number and \"name\"")?;
        let key = (words.number()?, words.number()?);
        let Some(name) = words.quoted() else {
            return Err(lines.error("a name in quotes expected"));
        };
        found.names.insert(key, name);
    }
    lines.expect("$EndPhysicalNames")
}

fn nodes_old(lines: &mut Lines, found: &mut Found) -> Result<()> {
    let count: usize = lines.words("the number of nodes")?.number()?;
    for _ in 0..count {
        let mut words = lines.words("a node: number, x, y, z")?;
        let tag = words.number()?;
        let point = [words.coordinate()?, words.coordinate()?, words.coordinate()?];
        words.end()?;
        found.nodes.push((tag, point, lines.number));
    }
    lines.expect("$EndNodes")
}

fn elements_old(lines: &mut Lines, found: &mut Found) -> Result<()> {
    let count: usize = lines.words("the number of elements")?.number()?;
    for _ in 0..count {
        let mut words = lines.words("an element: number, kind, tags, nodes")?;
        let _: u64 = words.number()?;
        let (dim, corners) = kind(lines, words.number()?)?;
        let tags: usize = words.number()?;
        let mut group = None;
        for t in 0..tags {
            let tag: i64 = words.number()?;
            group = group.or((t == 0 && tag != 0).then_some(tag));
        }
        found.elements.push(element(lines.number, dim, corners, group, words)?);
    }
    lines.expect("$EndElements")
}

fn entities(lines: &mut Lines, found: &mut Found) -> Result<()> {
    let mut words = lines.words("the numbers of points, curves, surfaces and volumes")?;
    let counts: [usize; 4] = [words.number()?, words.number()?, words.number()?, words.number()?];
    for (dim, count) in (0u8..).zip(counts) {
        for _ in 0..count {
            let mut words = lines.words("an entity: number, bounds, physical groups")?;
            let tag: i64 = words.number()?;
            for _ in 0..if dim == 0 { 3 } else { 6 } {
                words.coordinate()?;
            }
            let groups: usize = words.number()?;
            if groups > 0 {
                found.entities.insert((dim, tag), words.number()?);
            }
        }
    }
    lines.expect("$EndEntities")
}

fn nodes_new(lines: &mut Lines, found: &mut Found) -> Result<()> {
    let mut words = lines.words("the number of blocks and of nodes")?;
    let (blocks, total): (usize, usize) = (words.number()?, words.number()?);
    let started = lines.number;
    for _ in 0..blocks {
        let mut words = lines.words("a block of nodes: dimension, entity, parametric, count")?;
        let (dim, _, parametric): (usize, i64, u8) = (words.number()?, words.number()?, words.number()?);
        let count: usize = words.number()?;
        let first = found.nodes.len();
        for _ in 0..count {
            let mut words = lines.words("the number of a node")?;
            found.nodes.push((words.number()?, [0.0; 3], lines.number));
            words.end()?;
        }
        for k in first..first + count {
            let mut words = lines.words("the coordinates of a node: x, y, z")?;
            found.nodes[k].1 = [words.coordinate()?, words.coordinate()?, words.coordinate()?];
            for _ in 0..if parametric == 1 { dim } else { 0 } {
                words.coordinate()?;
            }
            words.end()?;
        }
    }
    lines.expect("$EndNodes")?;
    told(lines, started, "nodes", total, found.nodes.len())
}

fn elements_new(lines: &mut Lines, found: &mut Found) -> Result<()> {
    let mut words = lines.words("the number of blocks and of elements")?;
    let (blocks, total): (usize, usize) = (words.number()?, words.number()?);
    let started = lines.number;
    for _ in 0..blocks {
        let mut words = lines.words("a block of elements: dimension, entity, kind, count")?;
        let (entity_dim, entity): (u8, i64) = (words.number()?, words.number()?);
        let (dim, corners) = kind(lines, words.number()?)?;
        let count: usize = words.number()?;
        let group = found.entities.get(&(entity_dim, entity)).copied();
        for _ in 0..count {
            let mut words = lines.words("an element: number, nodes")?;
            let _: u64 = words.number()?;
            found.elements.push(element(lines.number, dim, corners, group, words)?);
        }
    }
    lines.expect("$EndElements")?;
    told(lines, started, "elements", total, found.elements.len())
}

/// An element whose nodes are what is left of its line.
fn element(line: usize, dim: u8, corners: usize, group: Option<i64>, mut words: Words) -> Result<Element> {
    let nodes = (0..corners).map(|_| words.number()).collect::<Result<_>>()?;
    words.end()?;
    Ok(Element { line, dim, nodes, group })
}

/// That a section holds as many things as its head says.
fn told(lines: &Lines, started: usize, what: &str, total: usize, found: usize) -> Result<()> {
    if total == found {
        return Ok(());
    }
    Err(lines.error(format!("{found} {what} up to here, line {started} says {total}")))
}

/// Dimension and corners of a kind of elements.
fn kind(lines: &Lines, number: u32) -> Result<(u8, usize)> {
    let known = KINDS.iter().find(|k| k.0 == number);
    known.map(|&(_, dim, corners)| (dim, corners)).ok_or_else(|| {
        lines.error(format!(
            "elements of kind {number}: points (15), lines (1), triangles (2), quadrilaterals (3) and tetrahedra (4) \
             are read"
        ))
    })
}
