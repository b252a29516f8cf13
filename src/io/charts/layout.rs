//! A chart as shapes, for a paper's column.

use super::axis::{Axis, tick};
use super::shape::{Anchor, Fill, Pen, Picture, Shape};
use super::{AxisLabel, Bar, COLOURS, Chart, Content, Scale, Series, Stroke};

/// Of the parts of a bar.
const PARTS: [&str; 3] = [COLOURS[3], COLOURS[5], COLOURS[0]];

/// Of a bar that failed.
const FAILED: &str = "#b00020";

const WIDTH: f64 = 440.0;

/// Characters of a name beside a bar, and in a legend of two columns.
const MOST_OF_NAME: usize = 26;

/// The whole picture.
pub fn picture(chart: &Chart) -> Picture {
    match &chart.content {
        Content::Lines { x, y, series } => lines(&chart.title, x, y, series),
        Content::Bars { x, parts, bars } => stacked(&chart.title, &x.label, parts, bars),
    }
}

fn lines(title: &str, x: &AxisLabel, y: &AxisLabel, series: &[Series]) -> Picture {
    let drawable = |p: &&(f64, f64)| {
        let (x, y) = (x.scale, y.scale);
        p.0.is_finite() && p.1.is_finite() && (x == Scale::Linear || p.0 > 0.0) && (y == Scale::Linear || p.1 > 0.0)
    };
    let all: Vec<(f64, f64)> =
        series.iter().flat_map(|s| s.points.iter().chain(&s.band).filter(drawable).copied()).collect();
    let (left, top, width, height) = (56.0, 30.0, WIDTH - 68.0, 220.0);
    let x_axis = Axis::over(all.iter().map(|p| p.0), x.scale, left, left + width);
    let y_axis = Axis::over(all.iter().map(|p| p.1), y.scale, top + height, top);
    let strokes: Vec<Stroke> =
        series.iter().enumerate().map(|(i, s)| s.stroke.clone().unwrap_or_else(|| Stroke::numbered(i))).collect();
    let mut shapes = upright(&x_axis, top, height);
    for (value, label) in y_axis.ticks() {
        let at = y_axis.place(value);
        shapes.push(Shape::segment((left, at), (left + width, at), Pen::plain("#dddddd", 1.0)));
        shapes.push(Shape::text(left - 6.0, at + 4.0, Anchor::End, label));
    }
    shapes.extend(frame(title, left, top, width, height));
    let place = |points: &[(f64, f64)]| -> Vec<(f64, f64)> {
        points.iter().filter(drawable).map(|p| (x_axis.place(p.0), y_axis.place(p.1))).collect()
    };
    for (s, stroke) in series.iter().zip(&strokes).filter(|(s, _)| !s.band.is_empty()) {
        let fill = Some(Fill(stroke.colour.clone(), 0.15));
        shapes.push(Shape::Path { points: place(&s.band), pen: None, fill });
    }
    // What stands out lies above the rest.
    let mut order: Vec<usize> = (0..series.len()).collect();
    order.sort_by(|&a, &b| strokes[a].width.total_cmp(&strokes[b].width));
    for i in order {
        let (s, stroke) = (&series[i], &strokes[i]);
        let points = place(&s.points);
        let corners = if s.steps { stairs(&points) } else { points.clone() };
        shapes.push(Shape::Path { points: corners, pen: Some(pen(stroke)), fill: None });
        if s.marks {
            let (radius, colour) = (1.2 + stroke.width, stroke.colour.clone());
            shapes.extend(points.into_iter().map(|at| Shape::Circle { at, radius, colour: colour.clone() }));
        }
    }
    let middle = (left + width / 2.0, top + height / 2.0);
    shapes.push(Shape::text(middle.0, top + height + 34.0, Anchor::Middle, &x.label));
    let (at, anchor, text) = ((13.0, middle.1), Anchor::Middle, y.label.clone());
    shapes.push(Shape::Text { at, anchor, text, bold: false, upwards: true });
    let names: Vec<&str> = series.iter().map(|s| s.name.as_str()).collect();
    let legend_top = top + height + 52.0;
    let bottom = legend(&mut shapes, &names, &strokes, left, legend_top);
    Picture { size: [WIDTH, bottom + 6.0], shapes }
}

fn pen(stroke: &Stroke) -> Pen {
    Pen { colour: stroke.colour.clone(), width: stroke.width, dash: stroke.dash }
}

/// Level to the next point, then up or down.
fn stairs(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let corners = points.windows(2).flat_map(|w| [(w[1].0, w[0].1), w[1]]);
    points.first().copied().into_iter().chain(corners).collect()
}

fn stacked(title: &str, x_label: &str, parts: &[String], bars: &[Bar]) -> Picture {
    let longest = bars.iter().map(|b| b.label.chars().count()).max().unwrap_or(0).max(6);
    let (left, top, width, step) = (160.0, 30.0, WIDTH - 174.0 - 6.0 * longest as f64, 19.0);
    let height = step * bars.len() as f64 + 8.0;
    let total = |bar: &Bar| bar.parts.iter().sum::<f64>();
    let most = bars.iter().map(total).filter(|v| v.is_finite()).fold(0.0, f64::max);
    let axis = Axis::over([0.0, most].into_iter(), Scale::Linear, left, left + width);
    let mut shapes = upright(&axis, top, height);
    shapes.extend(frame(title, left, top, width, height));
    for (i, bar) in bars.iter().enumerate() {
        let y = top + 6.0 + step * i as f64;
        let (at, anchor, text) = ((left - 6.0, y + 10.0), Anchor::End, shortened(&bar.name));
        shapes.push(Shape::Text { at, anchor, text, bold: bar.strong, upwards: false });
        let mut from = 0.0;
        for (k, part) in bar.parts.iter().filter(|p| p.is_finite()).enumerate() {
            let (a, b) = (axis.place(from), axis.place(from + part));
            let fill = match bar.failed {
                true => Fill(FAILED.into(), 0.35 + 0.2 * k as f64),
                false => Fill(PARTS[k % PARTS.len()].into(), 1.0),
            };
            let size = ((b - a).max(0.0), 13.0);
            shapes.push(Shape::Rectangle { corner: (a, y), size, pen: None, fill: Some(fill) });
            from += part;
        }
        let label = if bar.label.is_empty() { tick(total(bar)) } else { bar.label.clone() };
        shapes.push(Shape::text(axis.place(from) + 4.0, y + 10.0, Anchor::Start, label));
    }
    let bottom = top + height + 32.0;
    shapes.push(Shape::text(left + width / 2.0, bottom, Anchor::Middle, x_label));
    for (i, part) in parts.iter().enumerate() {
        let corner = (left - 60.0 + 120.0 * i as f64, bottom + 10.0);
        let fill = Some(Fill(PARTS[i % PARTS.len()].into(), 1.0));
        shapes.push(Shape::Rectangle { corner, size: (11.0, 11.0), pen: None, fill });
        shapes.push(Shape::text(corner.0 + 15.0, bottom + 20.0, Anchor::Start, part));
    }
    Picture { size: [WIDTH, bottom + 30.0], shapes }
}

fn shortened(name: &str) -> String {
    match name.chars().count() {
        n if n <= MOST_OF_NAME => name.into(),
        _ => name.chars().take(MOST_OF_NAME - 1).chain(['…']).collect(),
    }
}

/// Lines and labels of a horizontal axis, across a frame.
fn upright(axis: &Axis, top: f64, height: f64) -> Vec<Shape> {
    let mark = |(value, label): (f64, String)| {
        let at = axis.place(value);
        let line = Shape::segment((at, top), (at, top + height), Pen::plain("#dddddd", 1.0));
        [line, Shape::text(at, top + height + 16.0, Anchor::Middle, label)]
    };
    axis.ticks().into_iter().flat_map(mark).collect()
}

/// Names below the plot, in two columns where they are short; returns where they end.
fn legend(shapes: &mut Vec<Shape>, names: &[&str], strokes: &[Stroke], left: f64, top: f64) -> f64 {
    let columns = if names.iter().all(|n| n.chars().count() <= MOST_OF_NAME) { 2 } else { 1 };
    for (i, (name, stroke)) in names.iter().zip(strokes).enumerate() {
        let (x, y) = (left + 188.0 * (i % columns) as f64, top + 16.0 * (i / columns) as f64);
        shapes.push(Shape::segment((x, y - 4.0), (x + 24.0, y - 4.0), pen(stroke)));
        shapes.push(Shape::text(x + 30.0, y, Anchor::Start, *name));
    }
    top + 16.0 * names.len().div_ceil(columns) as f64
}

fn frame(title: &str, left: f64, top: f64, width: f64, height: f64) -> [Shape; 2] {
    let (at, anchor, text) = ((8.0, 18.0), Anchor::Start, title.to_string());
    let pen = Some(Pen::plain("#888888", 1.0));
    [
        Shape::Text { at, anchor, text, bold: true, upwards: false },
        Shape::Rectangle { corner: (left, top), size: (width, height), pen, fill: None },
    ]
}
