//! Small SVG plots: lines on logarithmic axes and stacked bars, self-contained, in colours that survive colour
//! blindness.

use super::plain;

/// Okabe and Ito's palette, less its yellow, which is too pale on white.
const COLOURS: [&str; 8] = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000", "#777777"];

/// Of the two parts of a bar.
const PARTS: [&str; 2] = [COLOURS[5], COLOURS[0]];

/// Dashes that tell lines apart where colours run out.
const DASHES: [&str; 3] = ["", "7 4", "2 3"];

const WIDTH: f64 = 760.0;
const TEXT: &str = "font-family=\"system-ui, sans-serif\" font-size=\"12\" fill=\"#222\"";

/// A named line.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// What the legend calls it.
    pub name: String,
    /// (x, y) in the order of the line; what an axis cannot show is left out.
    pub points: Vec<(f64, f64)>,
    /// A mark at every point.
    pub marks: bool,
}

/// How an axis runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Equal steps for equal differences.
    Linear,
    /// Equal steps for equal ratios; positive values only.
    Log,
}

/// A line plot with its legend below.
pub fn lines(title: &str, x_label: &str, y_label: &str, x: Scale, y: Scale, series: &[Series]) -> String {
    let drawable = |p: &&(f64, f64)| {
        p.0.is_finite() && p.1.is_finite() && (x == Scale::Linear || p.0 > 0.0) && (y == Scale::Linear || p.1 > 0.0)
    };
    let all: Vec<(f64, f64)> = series.iter().flat_map(|s| s.points.iter().filter(drawable).copied()).collect();
    let (left, top, width, height) = (70.0, 36.0, WIDTH - 90.0, 300.0);
    let x_axis = Axis::over(all.iter().map(|p| p.0), x, left, left + width);
    let y_axis = Axis::over(all.iter().map(|p| p.1), y, top + height, top);
    let legend_top = top + height + 58.0;
    let (legend, legend_height) = legend(series.iter().map(|s| s.name.as_str()), left, legend_top);
    let mut body = frame(title, left, top, width, height) + &upright(&x_axis, top, height);
    for (value, label) in y_axis.ticks() {
        let at = y_axis.place(value);
        body += &segment([left, at, left + width, at], "stroke=\"#ddd\"");
        body += &text(left - 8.0, at + 4.0, "end", &label);
    }
    for (i, s) in series.iter().enumerate() {
        let points: Vec<(f64, f64)> =
            s.points.iter().filter(drawable).map(|p| (x_axis.place(p.0), y_axis.place(p.1))).collect();
        let path: Vec<String> = points.iter().map(|p| format!("{:.1},{:.1}", p.0, p.1)).collect();
        body += &format!(
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\" stroke-dasharray=\"{}\"/>",
            path.join(" "),
            colour(i),
            dash(i)
        );
        if s.marks {
            for p in points {
                body += &format!("<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3.5\" fill=\"{}\"/>", p.0, p.1, colour(i));
            }
        }
    }
    body += &text(left + width / 2.0, top + height + 38.0, "middle", &escape(x_label));
    body += &format!(
        "<text transform=\"translate(18 {:.1}) rotate(-90)\" text-anchor=\"middle\" {TEXT}>{}</text>",
        top + height / 2.0,
        escape(y_label)
    );
    document(legend_top + legend_height + 8.0, &(body + &legend))
}

/// Horizontal bars of two stacked parts (setup, solve), one a name, on a linear axis.
pub fn bars(title: &str, x_label: &str, parts: [&str; 2], rows: &[(String, [f64; 2])]) -> String {
    let (left, top, width, step) = (250.0, 36.0, WIDTH - 320.0, 24.0);
    let height = step * rows.len() as f64 + 8.0;
    let total = |v: &[f64; 2]| v[0] + v[1];
    let most = rows.iter().map(|r| total(&r.1)).filter(|v| v.is_finite()).fold(0.0, f64::max);
    let axis = Axis::over([0.0, most].into_iter(), Scale::Linear, left, left + width);
    let mut body = frame(title, left, top, width, height) + &upright(&axis, top, height);
    for (i, (name, value)) in rows.iter().enumerate() {
        let y = top + 6.0 + step * i as f64;
        let [a, b, c] = [0.0, value[0], total(value)].map(|v| axis.place(v));
        body += &text(left - 8.0, y + 12.0, "end", &escape(name));
        body += &rectangle([a, y, b - a, 16.0], PARTS[0]);
        body += &rectangle([b, y, c - b, 16.0], PARTS[1]);
        body += &text(c + 5.0, y + 12.0, "start", &tick(total(value)));
    }
    let bottom = top + height + 38.0;
    body += &text(left + width / 2.0, bottom, "middle", &escape(x_label));
    for (i, (part, colour)) in parts.iter().zip(PARTS).enumerate() {
        let at = left + 110.0 * i as f64;
        body += &rectangle([at, bottom + 14.0, 12.0, 12.0], colour);
        body += &text(at + 18.0, bottom + 24.0, "start", &escape(part));
    }
    document(bottom + 36.0, &body)
}

/// Lines and labels of a horizontal axis, across a frame.
fn upright(axis: &Axis, top: f64, height: f64) -> String {
    let mut out = String::new();
    for (value, label) in axis.ticks() {
        let at = axis.place(value);
        out += &segment([at, top, at, top + height], "stroke=\"#ddd\"");
        out += &text(at, top + height + 18.0, "middle", &label);
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

/// Of a corner, a width and a height.
fn rectangle([x, y, width, height]: [f64; 4], fill: &str) -> String {
    format!("<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height}\" fill=\"{fill}\"/>")
}

/// From data to the page.
struct Axis {
    scale: Scale,
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Axis {
    fn over(values: impl Iterator<Item = f64>, scale: Scale, from: f64, to: f64) -> Self {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for v in values {
            let v = if scale == Scale::Log { v.log10() } else { v };
            low = low.min(v);
            high = high.max(v);
        }
        if !(low.is_finite() && high.is_finite()) {
            (low, high) = (0.0, 1.0);
        }
        let pad = if scale == Scale::Log { 0.04 * (high - low) } else { 0.0 };
        if high - low < 1e-12 {
            (low, high) = (low - 0.5, high + 0.5);
        }
        Axis { scale, low: low - pad, high: high + pad, from, to }
    }

    fn place(&self, v: f64) -> f64 {
        let v = if self.scale == Scale::Log { v.log10() } else { v };
        self.from + (v - self.low) / (self.high - self.low) * (self.to - self.from)
    }

    /// Values and their labels.
    fn ticks(&self) -> Vec<(f64, String)> {
        let span = self.high - self.low;
        match self.scale {
            Scale::Log if span >= 2.0 => {
                let every = (span / 8.0).ceil().max(1.0) as i32;
                (self.low.ceil() as i32..=self.high.floor() as i32)
                    .filter(|e| e.rem_euclid(every) == 0)
                    .map(|e| (10f64.powi(e), power(e)))
                    .collect()
            }
            Scale::Log => {
                let decades = self.low.floor() as i32..=self.high.ceil() as i32;
                let steps = if span > 1.0 { &[1.0, 2.0, 5.0][..] } else { &[1.0, 1.5, 2.0, 3.0, 5.0, 7.0] };
                decades
                    .flat_map(|e| steps.iter().map(move |s| s * 10f64.powi(e)))
                    .filter(|v| (self.low..=self.high).contains(&v.log10()))
                    .map(|v| (v, tick(v)))
                    .collect()
            }
            Scale::Linear => {
                let raw = span / 6.0;
                let unit = 10f64.powf(raw.log10().floor());
                let step = [1.0, 2.0, 5.0, 10.0].iter().map(|k| k * unit).find(|&s| s >= raw).unwrap_or(10.0 * unit);
                let first = (self.low / step).ceil() as i64;
                let last = (self.high / step).floor() as i64;
                (first..=last).map(|k| (k as f64 * step, tick(k as f64 * step))).collect()
            }
        }
    }
}

fn power(e: i32) -> String {
    match e {
        0 => "1".into(),
        1 => "10".into(),
        2 => "100".into(),
        _ => format!("10<tspan dy=\"-5\" font-size=\"9\">{e}</tspan>"),
    }
}

fn tick(v: f64) -> String {
    let size = v.abs();
    if v == 0.0 {
        "0".into()
    } else if (0.01..1e5).contains(&size) {
        let text = format!("{v:.3}");
        text.trim_end_matches('0').trim_end_matches('.').to_string()
    } else {
        format!("{v:.1e}")
    }
}

fn colour(i: usize) -> &'static str {
    COLOURS[i % COLOURS.len()]
}

fn dash(i: usize) -> &'static str {
    DASHES[(i / COLOURS.len()) % DASHES.len()]
}

/// Names in two columns below the plot; also how high that is.
fn legend<'a>(names: impl Iterator<Item = &'a str>, left: f64, top: f64) -> (String, f64) {
    let mut out = String::new();
    let mut rows = 0;
    for (i, name) in names.enumerate() {
        let (x, y) = (left + 340.0 * (i % 2) as f64, top + 18.0 * (i / 2) as f64);
        rows = i / 2 + 1;
        let style = format!("stroke=\"{}\" stroke-width=\"2\" stroke-dasharray=\"{}\"", colour(i), dash(i));
        out += &segment([x, y - 4.0, x + 26.0, y - 4.0], &style);
        out += &text(x + 32.0, y, "start", &escape(name));
    }
    (out, 18.0 * rows as f64)
}

fn frame(title: &str, left: f64, top: f64, width: f64, height: f64) -> String {
    format!(
        "<text x=\"{left}\" y=\"20\" font-weight=\"600\" {TEXT}>{}</text>\
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Every element is closed, no attribute is left open.
    fn well_formed(svg: &str) {
        let mut open = Vec::new();
        for part in svg.split('<').skip(1) {
            let tag = part.split('>').next().unwrap();
            assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
            if let Some(name) = tag.strip_prefix('/') {
                assert_eq!(open.pop(), Some(name.to_string()));
            } else if !tag.ends_with('/') {
                open.push(tag.split_whitespace().next().unwrap().to_string());
            }
        }
        assert!(open.is_empty(), "{open:?}");
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }

    #[test]
    fn plots_are_well_formed_whatever_the_data() {
        let series =
            |points: &[(f64, f64)]| Series { name: "a < b & \"c\"".into(), points: points.to_vec(), marks: true };
        for points in
            [&[][..], &[(1.0, 1.0)], &[(1.0, 0.0), (2.0, f64::NAN), (3.0, 1e-9)], &[(10.0, 1e-12), (1000.0, 1e3)]]
        {
            for scale in [Scale::Linear, Scale::Log] {
                well_formed(&lines("t <1>", "x", "y", scale, Scale::Log, &[series(points)]));
            }
        }
        well_formed(&bars("t", "ms", ["setup", "solve"], &[("x & y".into(), [0.5, 2.0])]));
        well_formed(&bars("t", "ms", ["setup", "solve"], &[]));
    }

    #[test]
    fn axes_place_their_ends_at_the_ends() {
        let axis = Axis::over([2.0, 10.0].into_iter(), Scale::Linear, 100.0, 500.0);
        assert_eq!((axis.place(2.0), axis.place(10.0)), (100.0, 500.0));
        assert_eq!(axis.ticks()[0], (2.0, "2".into()));
    }
}
