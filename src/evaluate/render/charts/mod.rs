//! The charts of an evaluation, one file each. report.html draws them; each is an SVG file beside it too.

mod bars;
mod history;
mod palette;
mod profile;
mod size;
mod spectrum;

use super::page::Page;
use crate::io::charts::Chart;

/// A chart with the name that its own file gets.
pub struct Figure {
    /// Name of the file, without its ending.
    pub name: String,
    /// The dataset that it is of; None for all together.
    pub dataset: Option<usize>,
    /// What is drawn.
    pub chart: Chart,
}

impl Figure {
    /// Of all datasets together.
    fn of_all(name: &str, chart: Chart) -> Self {
        Figure { name: name.into(), dataset: None, chart }
    }

    /// Of one dataset.
    fn of_one(page: &Page, name: &str, dataset: usize, chart: Chart) -> Self {
        let name = format!("{name}-{}", page.results.datasets[dataset].name);
        Figure { name, dataset: Some(dataset), chart }
    }
}

/// Every chart; what has nothing to show gives none.
const CHARTS: &[fn(&Page) -> Vec<Figure>] =
    &[profile::figures, size::figures, history::figures, bars::figures, spectrum::figures];

/// All charts, those of all datasets together first.
pub fn figures(page: &Page) -> Vec<Figure> {
    CHARTS.iter().flat_map(|charts| charts(page)).collect()
}
