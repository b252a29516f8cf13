//! Spectra before and after preconditioning, of the first system.

use super::Figure;
use super::palette::series;
use crate::evaluate::render::page::Page;
use crate::io::charts::{AxisLabel, Chart, Scale, Series, Stroke};

/// One chart a dataset where they were measured.
pub fn figures(page: &Page) -> Vec<Figure> {
    let chart = |d: usize| {
        let info = &page.results.datasets[d];
        let stroke = Some(Stroke { colour: "#000000".into(), width: 1.6, dash: "1 2" });
        let before = Series { name: "A itself".into(), points: points(&info.spectrum), stroke, ..Series::default() };
        let after = info.kappa_after.iter().enumerate().filter_map(|(row, conditions)| {
            let points = points(&conditions.first()?.spectrum);
            (!points.is_empty()).then(|| Series { points, ..series(page, row) })
        });
        let lines: Vec<Series> = std::iter::once(before).filter(|s| !s.points.is_empty()).chain(after).collect();
        let title = format!("Spectra of A and M A, first system of {}, each over its median", info.name);
        let x = AxisLabel::new("share of the eigenvalues (singular values where M is not definite)", Scale::Linear);
        let y = AxisLabel::new("λ / median λ", Scale::Log);
        (lines.len() > 1).then(|| Figure::of_one(page, "spectrum", d, Chart::lines(title, x, y, lines)))
    };
    (0..page.results.datasets.len()).filter_map(chart).collect()
}

/// A scale of M changes no iteration of a Krylov method: rising values over their median.
fn points(rising: &[f64]) -> Vec<(f64, f64)> {
    let median = rising.get(rising.len() / 2).copied().filter(|m| *m > 0.0);
    let last = rising.len().saturating_sub(1).max(1) as f64;
    let Some(median) = median else { return Vec::new() };
    rising.iter().enumerate().map(|(i, v)| (i as f64 / last, v / median)).collect()
}
