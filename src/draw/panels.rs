//! One picture each: mesh, values on points, cells and grids, a curve, a pattern.

use std::fmt::Write;

use super::SIDE;
use super::colour::{Scale, viridis};
use super::raster::Raster;
use super::shape::Shape;
use crate::io::charts::escape;
use crate::linalg::Csr;

/// Above this many cells edges would cover what they bound: a field's picture is drawn without them.
const FEW_CELLS: usize = 1500;

/// Largest number of boxes along a side of a pattern's picture.
const BOXES: usize = 170;

/// Maps a shape's points to the picture, y upwards, aspect kept.
struct Frame {
    low: [f64; 2],
    scale: f64,
    shift: [f64; 2],
}

impl Frame {
    fn around(points: &[[f64; 2]]) -> Self {
        let range = |d: usize| {
            let along = points.iter().map(|p| p[d]);
            (along.clone().fold(f64::MAX, f64::min), along.fold(f64::MIN, f64::max))
        };
        let ((x, right), (y, top)) = (range(0), range(1));
        let size = (right - x).max(top - y).max(f64::MIN_POSITIVE);
        let scale = SIDE / size;
        Frame { low: [x, y], scale, shift: [0.5 * (SIDE - scale * (right - x)), 0.5 * (SIDE - scale * (top - y))] }
    }

    fn place(&self, p: [f64; 2]) -> [f64; 2] {
        [self.shift[0] + self.scale * (p[0] - self.low[0]), SIDE - self.shift[1] - self.scale * (p[1] - self.low[1])]
    }
}

// Writing to a String cannot fail: the results of `write!` are passed over.

/// Edges.
pub fn mesh(shape: &Shape) -> String {
    let width = (24.0 / (shape.edges.len() as f64).sqrt()).clamp(0.2, 1.2);
    let title = if shape.plane { "mesh" } else { "mesh, isometric" };
    heading(title, &shape.caption) + &edges(shape, "#24527a", width)
}

fn edges(shape: &Shape, colour: &str, width: f64) -> String {
    let frame = Frame::around(&shape.points);
    let mut path = String::new();
    for &[a, b] in &shape.edges {
        let (p, q) = (frame.place(shape.points[a]), frame.place(shape.points[b]));
        let _ = write!(path, "M{:.1} {:.1}L{:.1} {:.1}", p[0], p[1], q[0], q[1]);
    }
    format!(
        "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width:.2}\" stroke-linecap=\"round\"/>"
    )
}

/// One colour a cell.
pub fn cells(shape: &Shape, name: &str, values: &[f64]) -> String {
    let (scale, frame) = (Scale::over(values), Frame::around(&shape.points));
    let mut raster = Raster::new();
    for (cell, &value) in shape.cells.iter().zip(values) {
        for [a, b, c] in triangles(cell) {
            raster.triangle([a, b, c].map(|v| frame.place(shape.points[v])), [value; 3], &scale);
        }
    }
    finish(shape, name, &scale, &raster)
}

/// Linear between the points of each cell.
pub fn points(shape: &Shape, name: &str, values: &[f64]) -> String {
    on_points(shape, name, values, &Scale::over(values))
}

/// Moduli of errors, on a logarithmic scale.
pub fn errors(shape: &Shape, name: &str, values: &[f64]) -> String {
    on_points(shape, name, values, &Scale::over_errors(values))
}

fn on_points(shape: &Shape, name: &str, values: &[f64], scale: &Scale) -> String {
    let frame = Frame::around(&shape.points);
    let mut raster = Raster::new();
    for corners in shape.cells.iter().flat_map(|cell| triangles(cell)) {
        raster.triangle(corners.map(|v| frame.place(shape.points[v])), corners.map(|v| values[v]), scale);
    }
    finish(shape, name, scale, &raster)
}

/// A triangle as it is, a quadrilateral as two.
fn triangles(cell: &[usize]) -> Vec<[usize; 3]> {
    match *cell {
        [a, b, c, d] => vec![[a, b, c], [a, c, d]],
        [a, b, c] => vec![[a, b, c]],
        _ => Vec::new(),
    }
}

fn finish(shape: &Shape, name: &str, scale: &Scale, raster: &Raster) -> String {
    let lines = match shape.cells.len() {
        n if n <= FEW_CELLS => format!("<g opacity=\"0.25\">{}</g>", edges(shape, "#000", 0.4)),
        _ => String::new(),
    };
    let caption = if scale.log { "logarithmic" } else { "" };
    format!("{}{}{lines}{}", heading(name, caption), raster.image(), bar(scale))
}

/// side × side values, x fastest, y upwards.
pub fn grid(name: &str, values: &[f64], side: usize) -> String {
    let scale = Scale::over(values);
    let mut raster = Raster::new();
    raster.grid(values, side, &scale);
    let caption = format!("{side} × {side} grid{}", if scale.log { ", logarithmic" } else { "" });
    heading(name, &caption) + &raster.image() + &bar(&scale)
}

/// Values over their numbers.
pub fn curve(name: &str, values: &[f64]) -> String {
    let scale = Scale::over(values);
    let step = values.len().div_ceil(4000).max(1);
    let mut line = String::new();
    for (i, &v) in values.iter().enumerate().step_by(step).filter(|(_, v)| v.is_finite()) {
        let x = SIDE * i as f64 / (values.len() - 1).max(1) as f64;
        let _ = write!(line, "{x:.1},{:.1} ", SIDE * (1.0 - 0.9 * scale.place(v) - 0.05));
    }
    let caption = format!("{} entries, from {} to {}", values.len(), tick(scale.low), tick(scale.high));
    format!(
        "{}{}<polyline points=\"{line}\" fill=\"none\" stroke=\"#24527a\" stroke-width=\"1\" \
         stroke-linejoin=\"round\"/>",
        heading(name, &caption),
        border()
    )
}

/// Where A has entries; large ones in boxes, darker with more entries.
pub fn pattern(a: &Csr) -> String {
    let n = a.nrows().max(a.ncols()).max(1);
    let boxes = n.min(BOXES);
    let mut count = vec![0u32; boxes * boxes];
    for i in 0..a.nrows() {
        for &j in a.row(i).0 {
            count[i * boxes / n * boxes + j as usize * boxes / n] += 1;
        }
    }
    let most = f64::from(count.iter().copied().max().unwrap_or(1).max(1)).ln_1p();
    let size = SIDE / boxes as f64;
    let mut out = String::new();
    for (k, &c) in count.iter().enumerate().filter(|(_, c)| **c > 0) {
        let (x, y) = (size * (k % boxes) as f64, size * (k / boxes) as f64);
        let colour = viridis(0.55 * (1.0 - f64::from(c).ln_1p() / most));
        let _ =
            write!(out, "<rect x=\"{x:.2}\" y=\"{y:.2}\" width=\"{size:.2}\" height=\"{size:.2}\" fill=\"{colour}\"/>");
    }
    let caption = format!("{} × {}, {} stored", a.nrows(), a.ncols(), a.nnz());
    heading("pattern of A", &caption) + &border() + &crisp(&out)
}

/// Boxes side by side without seams.
fn crisp(boxes: &str) -> String {
    format!("<g shape-rendering=\"crispEdges\">{boxes}</g>")
}

fn border() -> String {
    format!("<rect width=\"{SIDE}\" height=\"{SIDE}\" fill=\"none\" stroke=\"#999\" stroke-width=\"0.8\"/>")
}

/// Bold title, grey caption, above the picture.
fn heading(title: &str, caption: &str) -> String {
    format!(
        "<text y=\"-8\" font-weight=\"600\">{}<tspan dx=\"8\" font-weight=\"400\" fill=\"#777\">{}</tspan></text>",
        escape(title),
        escape(caption)
    )
}

/// The colours from the smallest value (below) to the largest, with five numbers.
fn bar(scale: &Scale) -> String {
    const STEPS: usize = 64;
    let (x, height) = (SIDE + 12.0, SIDE / STEPS as f64);
    let mut out = String::new();
    for k in 0..STEPS {
        let colour = viridis((k as f64 + 0.5) / STEPS as f64);
        let y = SIDE - height * (k + 1) as f64;
        let _ =
            write!(out, "<rect x=\"{x}\" y=\"{y:.2}\" width=\"12\" height=\"{:.2}\" fill=\"{colour}\"/>", height + 0.3);
    }
    out = crisp(&out);
    for k in 0..5 {
        let t = f64::from(k) / 4.0;
        let y = SIDE * (1.0 - t)
            + if k == 0 {
                0.0
            } else if k == 4 {
                9.0
            } else {
                4.0
            };
        let span = scale.high - scale.low;
        let value = scale.value(t);
        // What is 0 up to the picture's precision is written so.
        let label = tick(if !scale.log && value.abs() < 1e-3 * span { 0.0 } else { value });
        let _ = write!(out, "<text x=\"{}\" y=\"{y:.1}\" font-size=\"10\">{label}</text>", x + 16.0);
    }
    out
}

/// Three digits.
fn tick(v: f64) -> String {
    if v == 0.0 || (1e-2..1e4).contains(&v.abs()) {
        let text = format!("{v:.3}");
        return text.trim_end_matches('0').trim_end_matches('.').to_string();
    }
    format!("{v:.1e}")
}
