//! statistics.json.

use serde_json::{Value, json};

use super::page::Page;

/// What the solves say together, and where and when they were made. Infinite numbers are null.
pub fn json(page: &Page) -> Value {
    let names: Vec<String> = (0..page.results.recipe.rows.len()).map(|r| page.name(r)).collect();
    let datasets: Vec<&str> = page.results.datasets.iter().map(|d| d.name.as_str()).collect();
    json!({
        "fempipe_version": env!("CARGO_PKG_VERSION"),
        "identity": format!("{:016x}", page.results.identity),
        "machine": page.results.machine,
        "rows": names,
        "datasets": datasets,
        "comparisons": page.analysis.comparisons,
        "profiles": page.analysis.profiles,
        "curves": page.analysis.curves,
        "fits": page.analysis.fits,
        "generalisation": page.analysis.generalisation,
        "seeds": page.analysis.seeds,
    })
}
