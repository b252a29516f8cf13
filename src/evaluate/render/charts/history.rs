//! Residual histories of all systems as bands, over iterations and over time.

use super::Figure;
use super::palette::series;
use crate::evaluate::analysis::{Curve, Level};
use crate::evaluate::render::page::Page;
use crate::io::charts::{AxisLabel, Chart, Scale, Series};

/// Times the iterations of the fastest row that the slowest may take on a linear axis.
const LINEAR: f64 = 8.0;

/// Two charts a dataset.
pub fn figures(page: &Page) -> Vec<Figure> {
    let both = |d: usize| {
        let curves: Vec<&Curve> = page.analysis.curves.iter().filter(|c| c.dataset == d).collect();
        if curves.is_empty() { Vec::new() } else { vec![residuals(page, d, &curves), tolerance(page, d, &curves)] }
    };
    (0..page.results.datasets.len()).flat_map(both).collect()
}

fn residuals(page: &Page, d: usize, curves: &[&Curve]) -> Figure {
    let info = &page.results.datasets[d];
    let last: Vec<f64> = curves.iter().filter_map(|c| c.levels.last()).map(|l| l.iterations[1]).collect();
    let (least, most) = last.iter().fold((f64::INFINITY, 1.0), |(l, m): (f64, f64), &it| (l.min(it), m.max(it)));
    let (scale, label, shift) =
        if most > LINEAR * least { (Scale::Log, "iterations + 1", 1.0) } else { (Scale::Linear, "iterations", 0.0) };
    let line = |c: &&Curve| line(page, c, |l| l.iterations.map(|it| it + shift));
    let title = format!("Residual histories of {}: medians and quartiles of {} systems", info.name, info.systems);
    let (x, y) = (AxisLabel::new(label, scale), AxisLabel::new("relative residual", Scale::Log));
    Figure::of_one(page, "residuals", d, Chart::lines(title, x, y, curves.iter().map(line).collect()))
}

fn tolerance(page: &Page, d: usize, curves: &[&Curve]) -> Figure {
    let info = &page.results.datasets[d];
    let line = |c: &&Curve| line(page, c, |l| l.seconds.map(|s| 1e3 * s));
    let title = format!("Time to tolerance on {}: setup, inference and iterations until then", info.name);
    let (x, y) = (AxisLabel::new("milliseconds", Scale::Log), AxisLabel::new("relative residual", Scale::Log));
    Figure::of_one(page, "tolerance", d, Chart::lines(title, x, y, curves.iter().map(line).collect()))
}

/// The medians, and between the quartiles a band; where a quarter of the systems does not come so far it ends.
fn line(page: &Page, curve: &Curve, at: impl Fn(&Level) -> [f64; 3]) -> Series {
    let corners: Vec<([f64; 3], f64)> =
        curve.levels.iter().map(|l| (at(l), l.tolerance)).filter(|(x, _)| x[1].is_finite()).collect();
    let within: Vec<_> = corners.iter().filter(|(x, _)| x[2].is_finite()).collect();
    let band = match within.iter().any(|(x, _)| x[0] < x[2]) {
        true => {
            let there = within.iter().map(|(x, tol)| (x[0], *tol));
            there.chain(within.iter().rev().map(|(x, tol)| (x[2], *tol))).collect()
        }
        false => Vec::new(),
    };
    let points = corners.iter().map(|(x, tol)| (x[1], *tol)).collect();
    Series { points, band, ..series(page, curve.row) }
}
