//! Shapes as SVG.

use super::shape::{Anchor, Fill, Pen, Picture, Shape};
use crate::io::plain;

const TEXT: &str = "font-family=\"system-ui, sans-serif\" font-size=\"11\" fill=\"#222\"";

/// The document.
pub fn document(picture: &Picture) -> String {
    let [width, height] = picture.size;
    let body: String = picture.shapes.iter().map(shape).collect();
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height:.0}\" width=\"{width}\" \
         height=\"{height:.0}\" role=\"img\"><rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>{body}</svg>\n"
    )
}

fn shape(shape: &Shape) -> String {
    match shape {
        Shape::Path { points, pen, fill } => {
            let name = if fill.is_some() { "polygon" } else { "polyline" };
            let points: Vec<String> = points.iter().map(|p| format!("{:.1},{:.1}", p.0, p.1)).collect();
            format!("<{name} points=\"{}\"{}/>", points.join(" "), style(pen, fill))
        }
        Shape::Rectangle { corner: (x, y), size: (width, height), pen, fill } => {
            let size = format!("width=\"{width:.1}\" height=\"{height:.1}\"");
            format!("<rect x=\"{x:.1}\" y=\"{y:.1}\" {size}{}/>", style(pen, fill))
        }
        Shape::Circle { at: (x, y), radius, colour } => {
            format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius:.1}\" fill=\"{colour}\"/>")
        }
        Shape::Text { at: (x, y), anchor, text, bold, upwards } => {
            let place = match upwards {
                true => format!("transform=\"translate({x:.1} {y:.1}) rotate(-90)\""),
                false => format!("x=\"{x:.1}\" y=\"{y:.1}\""),
            };
            let anchor = match anchor {
                Anchor::Start => "start",
                Anchor::Middle => "middle",
                Anchor::End => "end",
            };
            let weight = if *bold { " font-weight=\"700\"" } else { "" };
            format!("<text {place} text-anchor=\"{anchor}\"{weight} {TEXT}>{}</text>", escape(text))
        }
    }
}

fn style(pen: &Option<Pen>, fill: &Option<Fill>) -> String {
    let mut out = match fill {
        Some(Fill(colour, opacity)) if *opacity < 1.0 => format!(" fill=\"{colour}\" fill-opacity=\"{opacity:.2}\""),
        Some(Fill(colour, _)) => format!(" fill=\"{colour}\""),
        None => " fill=\"none\"".into(),
    };
    if let Some(Pen { colour, width, dash }) = pen {
        out += &format!(" stroke=\"{colour}\" stroke-width=\"{width}\"");
        if !dash.is_empty() {
            out += &format!(" stroke-dasharray=\"{dash}\"");
        }
    }
    out
}

/// Text as XML has it; control characters, which it must not have, as their escapes.
pub fn escape(text: &str) -> String {
    plain::name(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
