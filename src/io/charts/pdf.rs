//! Shapes as PDF (ISO 32000-1), for LaTeX: one page, vectors, in the Helvetica that every reader has.

use std::fmt::Write;

use super::shape::{Anchor, Fill, Pen, Picture, Shape};

/// Points of the page for a pixel: 440 pixels are a column of 3.4 inches.
const POINT: f64 = 245.0 / 440.0;

/// Size of letters in pixels.
const LETTERS: f64 = 11.0;

/// Widths of Helvetica's characters from the space to the tilde, in thousandths of its size (Adobe's font metrics).
const WIDTHS: [u16; 95] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556,
    556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833,
    722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556,
    556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334,
    260, 334, 584,
];

/// Characters that Helvetica lacks, and their places in Symbol.
const SYMBOLS: [(char, u8); 12] = [
    ('κ', b'k'),
    ('λ', b'l'),
    ('τ', b't'),
    ('ρ', b'r'),
    ('ω', b'w'),
    ('σ', b's'),
    ('≥', 0xb3),
    ('≤', 0xa3),
    ('∞', 0xa5),
    ('−', 0x2d),
    ('×', 0xb4),
    ('‖', b'|'),
];

/// Raised digits in their order.
const RAISED: &str = "⁰¹²³⁴⁵⁶⁷⁸⁹";

// Writing to a String cannot fail: the results of `write!` are passed over.

/// The file.
pub fn document(picture: &Picture) -> Vec<u8> {
    let [width, height] = picture.size.map(|v| v * POINT);
    let mut content = format!("{POINT:.6} 0 0 {:.6} 0 {height:.3} cm 1 J 1 j\n", -POINT);
    picture.shapes.iter().for_each(|s| shape(&mut content, s));
    // Opacities are named states; a chart has few.
    let states: String = (0..=100).map(|k| format!("/A{k} << /ca {:.2} >> ", f64::from(k) / 100.0)).collect();
    let font = |name: &str, encoding: &str| format!("<< /Type /Font /Subtype /Type1 /BaseFont /{name}{encoding} >>");
    let latin = " /Encoding /WinAnsiEncoding";
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_string(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".into(),
        format!(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {width:.2} {height:.2}] /Contents 4 0 R /Resources << /Font \
             << /F 5 0 R /B 6 0 R /S 7 0 R >> /ExtGState << {states}>> >> >>"
        ),
        format!("<< /Length {} >>\nstream\n{content}endstream", content.len()),
        font("Helvetica", latin),
        font("Helvetica-Bold", latin),
        font("Symbol", ""),
    ];
    let mut out = String::from("%PDF-1.4\n");
    let mut places = Vec::new();
    for (k, object) in objects.iter().enumerate() {
        places.push(out.len());
        let _ = write!(out, "{} 0 obj\n{object}\nendobj\n", k + 1);
    }
    let table = out.len();
    let _ = write!(out, "xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for place in places {
        let _ = writeln!(out, "{place:010} 00000 n ");
    }
    let size = objects.len() + 1;
    let _ = write!(out, "trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n");
    out.into_bytes()
}

fn shape(out: &mut String, shape: &Shape) {
    match shape {
        Shape::Path { points, pen, fill } => {
            for (k, (x, y)) in points.iter().enumerate() {
                let _ = write!(out, "{x:.2} {y:.2} {} ", if k == 0 { 'm' } else { 'l' });
            }
            if points.len() > 1 {
                paint(out, pen, fill);
            } else {
                out.push_str("n\n");
            }
        }
        Shape::Rectangle { corner: (x, y), size: (width, height), pen, fill } => {
            let _ = write!(out, "{x:.2} {y:.2} {width:.2} {height:.2} re ");
            paint(out, pen, fill);
        }
        Shape::Circle { at: (x, y), radius, colour } => {
            // A point drawn with a round pen.
            let pen = Pen::plain(colour, 2.0 * radius);
            let _ = write!(out, "{x:.2} {y:.2} m {x:.2} {y:.2} l ");
            paint(out, &Some(pen), &None);
        }
        Shape::Text { at, anchor, text, bold, upwards } => letters(out, *at, *anchor, text, *bold, *upwards),
    }
}

/// Ends the path that begins this line. Colours and states must not stand within a path: they are put before it.
fn paint(out: &mut String, pen: &Option<Pen>, fill: &Option<Fill>) {
    let begins = out.rfind('\n').map_or(0, |at| at + 1);
    let path = out.split_off(begins);
    out.push_str("q ");
    if let Some(Fill(colour, opacity)) = fill {
        let _ = write!(out, "{} rg /A{:.0} gs ", rgb(colour), 100.0 * opacity);
    }
    if let Some(Pen { colour, width, dash }) = pen {
        let _ = write!(out, "{} RG {width:.2} w [{dash}] 0 d ", rgb(colour));
    }
    let operator = match (pen, fill) {
        (Some(_), Some(_)) => "b",
        (None, Some(_)) => "f",
        (Some(_), None) => "S",
        (None, None) => "n",
    };
    let _ = writeln!(out, "{path}{operator} Q");
}

/// "#rrggbb" as three numbers in [0, 1].
fn rgb(colour: &str) -> String {
    let part = |k: usize| colour.get(k..k + 2).and_then(|hex| u8::from_str_radix(hex, 16).ok()).unwrap_or(0);
    let [r, g, b] = [1, 3, 5].map(|k| f64::from(part(k)) / 255.0);
    format!("{r:.3} {g:.3} {b:.3}")
}

/// A character as a font, a code in it, whether it is raised, and its width in thousandths.
fn glyph(c: char, bold: bool) -> (char, u8, bool, f64) {
    let plain = if bold { 'B' } else { 'F' };
    if let Some(k) = RAISED.chars().position(|r| r == c) {
        return (plain, b'0' + k as u8, true, 0.7 * 556.0);
    }
    if c == '⁻' {
        return (plain, b'-', true, 0.7 * 333.0);
    }
    if let Some((_, code)) = SYMBOLS.iter().find(|s| s.0 == c) {
        return ('S', *code, false, 549.0);
    }
    let code = match c {
        ' '..='~' => c as u8,
        '…' => 0x85,
        '–' => 0x96,
        '\u{a1}'..='\u{ff}' => c as u32 as u8,
        _ => b'?',
    };
    let width = WIDTHS.get(usize::from(code).wrapping_sub(32)).map_or(556.0, |w| f64::from(*w));
    // Bold letters are about so much wider.
    (plain, code, false, if bold { 1.06 * width } else { width })
}

fn letters(out: &mut String, at: (f64, f64), anchor: Anchor, text: &str, bold: bool, upwards: bool) {
    let glyphs: Vec<_> = text.chars().map(|c| glyph(c, bold)).collect();
    let width = glyphs.iter().map(|g| g.3).sum::<f64>() * LETTERS / 1000.0;
    let back = match anchor {
        Anchor::Start => 0.0,
        Anchor::Middle => 0.5 * width,
        Anchor::End => width,
    };
    // The page's y runs downwards, letters do not.
    let (x, y) = at;
    let matrix = match upwards {
        true => format!("0 -1 -1 0 {x:.2} {:.2}", y + back),
        false => format!("1 0 0 -1 {:.2} {y:.2}", x - back),
    };
    let _ = write!(out, "BT 0.133 g {matrix} Tm ");
    for run in glyphs.chunk_by(|a, b| (a.0, a.2) == (b.0, b.2)) {
        let (font, raised) = (run[0].0, run[0].2);
        let (size, rise) = if raised { (0.7 * LETTERS, 0.35 * LETTERS) } else { (LETTERS, 0.0) };
        let _ = write!(out, "/{font} {size:.1} Tf {rise:.1} Ts <");
        for g in run {
            let _ = write!(out, "{:02x}", g.1);
        }
        out.push_str("> Tj ");
    }
    out.push_str("ET\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_object_is_where_the_table_says() {
        let picture = Picture {
            size: [440.0, 100.0],
            shapes: vec![
                Shape::segment((0.0, 1.0), (2.0, 3.0), Pen::plain("#ff0000", 2.0)),
                Shape::text(5.0, 6.0, Anchor::End, "κ (M) 10⁻⁵"),
            ],
        };
        let file = String::from_utf8(document(&picture)).unwrap();
        let start: usize = file.lines().rev().nth(1).unwrap().parse().unwrap();
        let table: Vec<&str> = file[start..].lines().skip(3).take(7).collect();
        for (k, line) in table.iter().enumerate() {
            let place: usize = line[..10].parse().unwrap();
            assert!(file[place..].starts_with(&format!("{} 0 obj", k + 1)), "{line}");
        }
        let length: usize = file.split("/Length ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
        let stream = &file[file.find("stream\n").unwrap() + 7..];
        assert!(stream[..length].ends_with("ET\n") && stream[length..].starts_with("endstream"));
        assert!(file.contains("q 1.000 0.000 0.000 RG 2.00 w [] 0 d 0.00 1.00 m 2.00 3.00 l S Q"), "{file}");
        // κ in Symbol, the raised −5 in small digits.
        assert!(file.contains("/S 11.0 Tf 0.0 Ts <6b> Tj") && file.contains("/F 7.7 Tf 3.8 Ts <2d35> Tj"), "{file}");
    }
}
