//! Charts: lines with bands on linear or logarithmic axes, and stacked bars.
//!
//! A [`Chart`] is data. [`Chart::svg`] and [`Chart::pdf`] are pictures for a paper's column, self-contained, in colours
//! that survive colour blindness; as JSON it is what [`SCRIPT`] draws in a page, with zoom and tooltips.

mod axis;
mod layout;
mod pdf;
mod shape;
mod svg;

use maud::{Markup, PreEscaped, html};
use serde::Serialize;

pub use svg::escape;

/// Draws every `<figure data-chart>` of a page from the JSON in it.
pub const SCRIPT: &str = include_str!("charts.js");

/// How what it draws looks.
pub const STYLE: &str = include_str!("charts.css");

/// What the head of a page with charts holds: its title, `style` and [`STYLE`].
pub fn head(title: &str, style: &str) -> Markup {
    html! {
        meta charset="utf-8";
        meta name="viewport" content="width=device-width,initial-scale=1";
        meta name="color-scheme" content="light";
        title { (title) }
        style { (PreEscaped(style)) (PreEscaped(STYLE)) }
    }
}

/// Okabe and Ito's palette, less its yellow, which is too pale on white.
pub const COLOURS: [&str; 8] = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000", "#777777"];

/// Dashes that tell lines apart where colours run out.
const DASHES: [&str; 3] = ["", "7 4", "2 3"];

/// How an axis runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Scale {
    /// Equal steps for equal differences.
    #[default]
    Linear,
    /// Equal steps for equal ratios; positive values only.
    Log,
}

/// An axis and what is on it.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct AxisLabel {
    /// Its label.
    pub label: String,
    /// How it runs.
    pub scale: Scale,
}

impl AxisLabel {
    /// An axis.
    pub fn new(label: &str, scale: Scale) -> Self {
        AxisLabel { label: label.into(), scale }
    }
}

/// How a line or bar is drawn.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Stroke {
    /// "#rrggbb".
    pub colour: String,
    /// Width of the line in pixels.
    pub width: f64,
    /// Lengths of dashes and gaps; "" for none.
    pub dash: &'static str,
}

impl Stroke {
    /// The i-th of those that can be told apart.
    pub fn numbered(i: usize) -> Self {
        let dash = DASHES[(i / COLOURS.len()) % DASHES.len()];
        Stroke { colour: COLOURS[i % COLOURS.len()].into(), width: 2.0, dash }
    }
}

/// A named line.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Series {
    /// What the legend calls it.
    pub name: String,
    /// (x, y) in the order of the line; what an axis cannot show is left out.
    #[serde(serialize_with = "axis::short")]
    pub points: Vec<(f64, f64)>,
    /// A mark at every point.
    pub marks: bool,
    /// The corners of an area around it; empty for none.
    #[serde(serialize_with = "axis::short", skip_serializing_if = "Vec::is_empty")]
    pub band: Vec<(f64, f64)>,
    /// How it is drawn; where none is given, by its place among the series.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stroke: Option<Stroke>,
    /// Level from each point to the next, then up or down.
    pub steps: bool,
}

/// A bar of stacked parts.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Bar {
    /// What stands beside it.
    pub name: String,
    /// Its parts.
    pub parts: Vec<f64>,
    /// What stands behind it; the sum of the parts where none is given.
    pub label: String,
    /// Drawn as that of something that failed.
    pub failed: bool,
    /// Its name stands out.
    pub strong: bool,
}

/// What is drawn.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Content {
    /// Lines in the order of the legend; thick ones are drawn last.
    Lines {
        /// The horizontal axis.
        x: AxisLabel,
        /// The vertical axis.
        y: AxisLabel,
        /// The lines.
        series: Vec<Series>,
    },
    /// Horizontal bars on a linear axis from 0.
    Bars {
        /// The axis.
        x: AxisLabel,
        /// Names of the parts.
        parts: Vec<String>,
        /// The bars from above to below.
        bars: Vec<Bar>,
    },
}

/// A chart.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Chart {
    /// What stands above it.
    pub title: String,
    /// What is drawn.
    #[serde(flatten)]
    pub content: Content,
}

impl Chart {
    /// A chart of lines.
    pub fn lines(title: impl Into<String>, x: AxisLabel, y: AxisLabel, series: Vec<Series>) -> Self {
        Chart { title: title.into(), content: Content::Lines { x, y, series } }
    }

    /// A chart of bars.
    pub fn bars(title: impl Into<String>, x_label: &str, parts: &[&str], bars: Vec<Bar>) -> Self {
        let parts = parts.iter().map(ToString::to_string).collect();
        let x = AxisLabel::new(x_label, Scale::Linear);
        Chart { title: title.into(), content: Content::Bars { x, parts, bars } }
    }

    /// The picture as SVG.
    pub fn svg(&self) -> String {
        svg::document(&layout::picture(self))
    }

    /// The same as PDF, 3.4 inches wide.
    pub fn pdf(&self) -> Vec<u8> {
        pdf::document(&layout::picture(self))
    }

    /// A figure of a page: the picture for those without scripts, and what [`SCRIPT`] draws for those with.
    pub fn figure(&self, name: &str) -> String {
        let (name, svg, json) = (escape(name), self.svg(), self.json());
        format!("<figure data-chart=\"{name}\">{svg}<script type=\"application/json\">{json}</script></figure>")
    }

    /// What [`SCRIPT`] draws; it may stand in an HTML element.
    pub fn json(&self) -> String {
        // Of strings and finite numbers alone, which can be written.
        serde_json::to_string(self).unwrap_or_default().replace('<', "\\u003c")
    }
}

/// A line plot with its legend below.
pub fn lines(title: &str, x_label: &str, y_label: &str, x: Scale, y: Scale, series: &[Series]) -> String {
    Chart::lines(title, AxisLabel::new(x_label, x), AxisLabel::new(y_label, y), series.to_vec()).svg()
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
    fn charts_are_well_formed_whatever_the_data() {
        for points in
            [&[][..], &[(1.0, 1.0)], &[(1.0, 0.0), (2.0, f64::NAN), (3.0, 1e-9)], &[(10.0, 1e-12), (1000.0, 1e3)]]
        {
            for scale in [Scale::Linear, Scale::Log] {
                let name = "a < b & \"c\"".to_string();
                let (points, band) = (points.to_vec(), points.to_vec());
                let series = Series { name, points, band, marks: true, steps: true, stroke: None };
                let axis = |label| AxisLabel::new(label, scale);
                let chart = Chart::lines("t <1>", axis("x"), axis("y"), vec![series.clone(), series]);
                well_formed(&chart.svg());
                let json: serde_json::Value = serde_json::from_str(&chart.json()).unwrap();
                assert_eq!(json["lines"]["series"][1]["name"], "a < b & \"c\"");
                assert!(!chart.json().contains('<'));
            }
        }
        let bar = Bar { name: "x & y".into(), parts: vec![0.5, 2.0], failed: true, ..Bar::default() };
        well_formed(&Chart::bars("t", "ms", &["setup", "solve"], vec![bar]).svg());
        well_formed(&Chart::bars("t", "ms", &["setup", "solve"], vec![]).svg());
    }
}
