//! Performance profiles.

use super::Figure;
use super::palette::series;
use crate::evaluate::analysis::{Profile, ProfileLine, Quantity};
use crate::evaluate::render::page::Page;
use crate::io::charts::{AxisLabel, Chart, Scale, Series};

/// One in iterations, one in seconds, for each group of datasets that has rows of its own.
pub fn figures(page: &Page) -> Vec<Figure> {
    page.analysis.profiles.iter().map(|p| figure(page, p)).collect()
}

fn figure(page: &Page, profile: &Profile) -> Figure {
    let what = match profile.quantity {
        Quantity::Iterations => "iterations",
        Quantity::Seconds => "time",
    };
    let ends = profile.lines.iter().filter_map(|l| l.points.last());
    let end = 1.05 * ends.map(|p| p.0).fold(2.0, f64::max);
    let line = |l: &ProfileLine| {
        let mut points = l.points.clone();
        points.push((end, l.solved));
        Series { points, steps: true, ..series(page, l.row) }
    };
    let title = format!("Performance profile, {what}: {} systems, {}", profile.systems, profile.target);
    let all = profile.datasets.len() == page.results.datasets.len();
    let names: Vec<&str> = profile.datasets.iter().map(|&d| page.results.datasets[d].name.as_str()).collect();
    let title = if all { title } else { format!("{title}, {}", names.join(", ")) };
    let x = AxisLabel::new(&format!("τ: {what} over those of the best row"), Scale::Log);
    let y = AxisLabel::new("share of systems solved within τ", Scale::Linear);
    let chart = Chart::lines(title, x, y, profile.lines.iter().map(line).collect());
    let name = format!("profile-{}", profile.quantity.name());
    match profile.datasets[..] {
        _ if all => Figure::of_all(&name, chart),
        [one] => Figure::of_one(page, &name, one, chart),
        _ => Figure::of_all(&format!("{name}-{}", names[0]), chart),
    }
}
