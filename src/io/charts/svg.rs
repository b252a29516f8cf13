//! A chart as a picture for a paper's column.

use super::axis::{Axis, tick};
use super::{AxisLabel, Bar, COLOURS, Chart, Content, Scale, Series, Stroke};
use crate::io::plain;

/// Of the parts of a bar.
const PARTS: [&str; 3] = [COLOURS[3], COLOURS[5], COLOURS[0]];

/// Of a bar that failed.
const FAILED: &str = "#b00020";

const WIDTH: f64 = 440.0;
const TEXT: &str = "font-family=\"system-ui, sans-serif\" font-size=\"11\" fill=\"#222\"";

/// Characters of a name beside a bar, and in a legend of two columns.
const MOST_OF_NAME: usize = 26;

/// The whole picture.
pub fn picture(chart: &Chart) -> String {
    match &chart.content {
        Content::Lines { x, y, series } => lines(&chart.title, x, y, series),
        Content::Bars { x, parts, bars } => stacked(&chart.title, &x.label, parts, bars),
    }
}

fn lines(title: &str, x: &AxisLabel, y: &AxisLabel, series: &[Series]) -> String {
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
    let legend_top = top + height + 52.0;
    let names: Vec<&str> = series.iter().map(|s| s.name.as_str()).collect();
    let (legend, legend_height) = legend(&names, &strokes, left, legend_top);
    let mut body = frame(title, left, top, width, height) + &upright(&x_axis, top, height);
    for (value, label) in y_axis.ticks() {
        let at = y_axis.place(value);
        body += &segment([left, at, left + width, at], "stroke=\"#ddd\"");
        body += &text(left - 6.0, at + 4.0, "end", &label);
    }
    let place = |points: &[(f64, f64)]| -> Vec<(f64, f64)> {
        points.iter().filter(drawable).map(|p| (x_axis.place(p.0), y_axis.place(p.1))).collect()
    };
    for (s, stroke) in series.iter().zip(&strokes).filter(|(s, _)| !s.band.is_empty()) {
        body += &format!(
            "<polygon points=\"{}\" fill=\"{}\" fill-opacity=\"0.15\"/>",
            path(&place(&s.band)),
            stroke.colour
        );
    }
    // What stands out lies above the rest.
    let mut order: Vec<usize> = (0..series.len()).collect();
    order.sort_by(|&a, &b| strokes[a].width.total_cmp(&strokes[b].width));
    for i in order {
        let (s, Stroke { colour, width, dash }) = (&series[i], &strokes[i]);
        let points = place(&s.points);
        let corners = if s.steps { stairs(&points) } else { points.clone() };
        body += &format!(
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\" \
             stroke-dasharray=\"{dash}\"/>",
            path(&corners)
        );
        if s.marks {
            for p in points {
                let r = 1.2 + width;
                body += &format!("<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"{r:.1}\" fill=\"{colour}\"/>", p.0, p.1);
            }
        }
    }
    body += &text(left + width / 2.0, top + height + 34.0, "middle", &escape(&x.label));
    body += &format!(
        "<text transform=\"translate(13 {:.1}) rotate(-90)\" text-anchor=\"middle\" {TEXT}>{}</text>",
        top + height / 2.0,
        escape(&y.label)
    );
    document(legend_top + legend_height + 6.0, &(body + &legend))
}

fn path(points: &[(f64, f64)]) -> String {
    points.iter().map(|p| format!("{:.1},{:.1}", p.0, p.1)).collect::<Vec<_>>().join(" ")
}

/// Level to the next point, then up or down.
fn stairs(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let corners = points.windows(2).flat_map(|w| [(w[1].0, w[0].1), w[1]]);
    points.first().copied().into_iter().chain(corners).collect()
}

fn stacked(title: &str, x_label: &str, parts: &[String], bars: &[Bar]) -> String {
    let (left, top, width, step) = (160.0, 30.0, WIDTH - 230.0, 19.0);
    let height = step * bars.len() as f64 + 8.0;
    let total = |bar: &Bar| bar.parts.iter().sum::<f64>();
    let most = bars.iter().map(total).filter(|v| v.is_finite()).fold(0.0, f64::max);
    let axis = Axis::over([0.0, most].into_iter(), Scale::Linear, left, left + width);
    let mut body = frame(title, left, top, width, height) + &upright(&axis, top, height);
    for (i, bar) in bars.iter().enumerate() {
        let y = top + 6.0 + step * i as f64;
        let name = escape(&shortened(&bar.name));
        let name = if bar.strong { format!("<tspan font-weight=\"700\">{name}</tspan>") } else { name };
        body += &text(left - 6.0, y + 10.0, "end", &name);
        let mut from = 0.0;
        for (k, part) in bar.parts.iter().filter(|p| p.is_finite()).enumerate() {
            let (a, b) = (axis.place(from), axis.place(from + part));
            let colour = if bar.failed { FAILED } else { PARTS[k % PARTS.len()] };
            let pale = if bar.failed { 0.35 + 0.2 * k as f64 } else { 1.0 };
            body += &format!(
                "<rect x=\"{a:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"13\" fill=\"{colour}\" \
                 fill-opacity=\"{pale:.2}\"/>",
                (b - a).max(0.0)
            );
            from += part;
        }
        let label = if bar.label.is_empty() { tick(total(bar)) } else { escape(&bar.label) };
        body += &text(axis.place(from) + 4.0, y + 10.0, "start", &label);
    }
    let bottom = top + height + 32.0;
    body += &text(left + width / 2.0, bottom, "middle", &escape(x_label));
    for (i, part) in parts.iter().enumerate() {
        let at = left - 60.0 + 120.0 * i as f64;
        body += &format!(
            "<rect x=\"{at:.1}\" y=\"{:.1}\" width=\"11\" height=\"11\" fill=\"{}\"/>",
            bottom + 10.0,
            PARTS[i % PARTS.len()]
        );
        body += &text(at + 15.0, bottom + 20.0, "start", &escape(part));
    }
    document(bottom + 30.0, &body)
}

fn shortened(name: &str) -> String {
    match name.chars().count() {
        n if n <= MOST_OF_NAME => name.into(),
        _ => name.chars().take(MOST_OF_NAME - 1).chain(['…']).collect(),
    }
}

/// Lines and labels of a horizontal axis, across a frame.
fn upright(axis: &Axis, top: f64, height: f64) -> String {
    let mut out = String::new();
    for (value, label) in axis.ticks() {
        let at = axis.place(value);
        out += &segment([at, top, at, top + height], "stroke=\"#ddd\"");
        out += &text(at, top + height + 16.0, "middle", &label);
    }
    out
}

fn text(x: f64, y: f64, anchor: &str, label: &str) -> String {
    format!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" {TEXT}>{label}</text>")
}

/// From (x1, y1) to (x2, y2).
fn segment([x1, y1, x2, y2]: [f64; 4], style: &str) -> String {
    format!("<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" {style}/>")
}

/// Names below the plot, in two columns where they are short; also how high that is.
fn legend(names: &[&str], strokes: &[Stroke], left: f64, top: f64) -> (String, f64) {
    let columns = if names.iter().all(|n| n.chars().count() <= MOST_OF_NAME) { 2 } else { 1 };
    let mut out = String::new();
    for (i, (name, Stroke { colour, width, dash })) in names.iter().zip(strokes).enumerate() {
        let (x, y) = (left + 188.0 * (i % columns) as f64, top + 16.0 * (i / columns) as f64);
        let style = format!("stroke=\"{colour}\" stroke-width=\"{width}\" stroke-dasharray=\"{dash}\"");
        out += &segment([x, y - 4.0, x + 24.0, y - 4.0], &style);
        out += &text(x + 30.0, y, "start", &escape(name));
    }
    (out, 16.0 * names.len().div_ceil(columns) as f64)
}

fn frame(title: &str, left: f64, top: f64, width: f64, height: f64) -> String {
    format!(
        "<text x=\"8\" y=\"18\" font-weight=\"600\" {TEXT}>{}</text>\
         <rect x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" fill=\"none\" stroke=\"#888\"/>",
        escape(title)
    )
}

fn document(height: f64, body: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height:.0}\" width=\"{WIDTH}\" \
         height=\"{height:.0}\" role=\"img\"><rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>{body}</svg>\n"
    )
}

/// Text as XML has it; control characters, which it must not have, as their escapes.
pub fn escape(text: &str) -> String {
    plain::name(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
