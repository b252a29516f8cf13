//! `tridiagonal`: the factor of the construction is the factor, the solution solves.

use crate::error::Result;
use crate::families;
use crate::linalg::vector::{axpy, norm2};
use crate::verify::{Check, Report};

/// Factor and solution at two sizes.
pub(super) fn measure() -> Result<Report> {
    let mut checks = Vec::new();
    for n in [100, 10_000] {
        let table = toml::toml! { n = n };
        let s = families::build(super::NAME, &table, "verify")?.sampler()?.sample(1, 0)?;
        let l = s.label("cholesky").map_or(&[][..], |f| &f.values);
        // Row by row: l_00, l_10, l_11, l_21, l_22, …
        let diagonal = |i: usize| l[2 * i];
        let below = |i: usize| if i > 0 { l[2 * i - 1] } else { 0.0 };
        let mut worst = 0.0f64;
        for i in 0..s.n() {
            let own = diagonal(i).powi(2) + below(i).powi(2);
            worst = worst.max((own - s.matrix.get(i, i)).abs() / own);
            if i > 0 {
                let near = below(i) * diagonal(i - 1);
                worst = worst.max((near - s.matrix.get(i, i - 1)).abs() / near.abs());
            }
        }
        checks.push(Check::below(format!("n = {n}: |L L^T - A|/|A|"), 1e-14, worst));
        let x = s.solution.as_deref().unwrap_or(&[]);
        let mut r = vec![0.0; s.n()];
        s.matrix.spmv(x, &mut r);
        axpy(-1.0, &s.rhs, &mut r);
        let backward = norm2(&r) / (4.0 * s.matrix.max_abs() * norm2(x));
        checks.push(Check::below(format!("n = {n}: backward error of the solution"), 1e-14, backward));
    }
    Ok(Report { studies: Vec::new(), checks })
}
