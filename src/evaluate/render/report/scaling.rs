//! Exponents of the growth with n.

use maud::{Markup, html};

use super::Report;
use crate::evaluate::analysis::{Fit, Quantity, Role};

/// One line a row and family; none where there is one size alone.
pub fn section(report: &Report) -> Option<Markup> {
    let page = &report.page;
    let target = page.tightest()?;
    let mut fits: Vec<&Fit> = page.analysis.fits.iter().filter(|f| f.target == target).collect();
    fits.retain(|f| f.quantity == Quantity::Iterations);
    let of = |f: &Fit, quantity| {
        let all = page.analysis.fits.iter().filter(|o| (o.row, o.target) == (f.row, f.target) && o.family == f.family);
        let found = all.into_iter().find(|o| o.quantity == quantity);
        found.map_or_else(
            || "–".into(),
            |o| format!("{:.2} [{:.2}, {:.2}]", o.exponent, o.interval.low, o.interval.high),
        )
    };
    let sizes = |f: &Fit| f.sizes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    (!fits.is_empty()).then(|| {
        html! {
            div.wide {
                table.sortable {
                    thead { tr { @for head in
                        ["method", "family", "n", "iterations ~ n^p, p [95 %]", "seconds ~ n^p, p [95 %]"] {
                        th scope="col" { button type="button" { (head) } }
                    } } }
                    tbody { @for f in &fits {
                        tr class=(if page.role(0, f.row) == Role::Learned { "learned" } else { "classical" }) {
                            td { (page.name(f.row)) } td { (f.family) } td { (sizes(f)) }
                            td { (of(f, Quantity::Iterations)) } td { (of(f, Quantity::Seconds)) }
                        }
                    } }
                }
            }
            p.note {
                "Least squares through the logarithms of the medians of datasets of one family, " (target) ", of rows "
                "that solved every system; intervals by resampling the systems."
            }
        }
    })
}
