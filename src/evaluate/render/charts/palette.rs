//! Learned rows stand out: strong warm colours and thick lines. Trivial rows are dashed.

use crate::evaluate::analysis::Role;
use crate::evaluate::render::page::Page;
use crate::io::charts::{Series, Stroke};

const LEARNED: [&str; 5] = ["#D55E00", "#C2185B", "#8E24AA", "#E69F00", "#795548"];
const CLASSICAL: [&str; 7] = ["#0072B2", "#009E73", "#56B4E9", "#555555", "#1B7F8C", "#8AA62E", "#9AA5B1"];

/// The line of a row, the same in every chart.
pub fn stroke(page: &Page, row: usize) -> Stroke {
    let group = |r: usize| match page.role(0, r) {
        Role::Learned => 0,
        Role::Constant | Role::Untrained | Role::Oracle => 1,
        Role::Classical | Role::Direct => 2,
    };
    let mine = group(row);
    let place = (0..row).filter(|&r| group(r) == mine).count();
    let (colours, width, dashes): (&[&str], f64, [&'static str; 2]) = match mine {
        0 => (&LEARNED, 3.2, ["", "8 3"]),
        1 => (&LEARNED, 1.6, ["5 3", "2 2"]),
        _ => (&CLASSICAL, 1.6, ["", "7 2"]),
    };
    let dash = dashes[(place / colours.len()) % 2];
    Stroke { colour: colours[place % colours.len()].into(), width, dash }
}

/// A line of a row without points.
pub fn series(page: &Page, row: usize) -> Series {
    Series { name: page.name(row), stroke: Some(stroke(page, row)), ..Series::default() }
}
