//! What a picture is made of, whatever file it goes into.

/// A picture: its size in pixels and its shapes, the first lowest.
pub struct Picture {
    pub size: [f64; 2],
    pub shapes: Vec<Shape>,
}

/// An area's colour ("#rrggbb") and opacity.
#[derive(Debug, Clone, PartialEq)]
pub struct Fill(pub String, pub f64);

/// How a line is drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Pen {
    pub colour: String,
    pub width: f64,
    pub dash: &'static str,
}

impl Pen {
    /// Without dashes.
    pub fn plain(colour: &str, width: f64) -> Self {
        Pen { colour: colour.into(), width, dash: "" }
    }
}

/// Where a text stands: it begins there, it is centred there, it ends there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

/// One thing that is drawn; y runs downwards.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// Through its points, closed where it is filled.
    Path { points: Vec<(f64, f64)>, pen: Option<Pen>, fill: Option<Fill> },
    /// Of a corner above on the left, a width and a height.
    Rectangle { corner: (f64, f64), size: (f64, f64), pen: Option<Pen>, fill: Option<Fill> },
    /// A filled one.
    Circle { at: (f64, f64), radius: f64, colour: String },
    /// In one line, upright or turned to run upwards.
    Text { at: (f64, f64), anchor: Anchor, text: String, bold: bool, upwards: bool },
}

impl Shape {
    /// A line.
    pub fn segment(from: (f64, f64), to: (f64, f64), pen: Pen) -> Self {
        Shape::Path { points: vec![from, to], pen: Some(pen), fill: None }
    }

    /// A text.
    pub fn text(x: f64, y: f64, anchor: Anchor, text: impl Into<String>) -> Self {
        Shape::Text { at: (x, y), anchor, text: text.into(), bold: false, upwards: false }
    }
}
