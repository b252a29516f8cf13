//! `poisson`: linear elements on perturbed triangulations, u = sin πx sin πy through the family itself.

use std::f64::consts::PI;

use crate::error::Result;
use crate::families;
use crate::fem::norms;
use crate::linalg::dense;
use crate::mesh::structured;
use crate::verify::{Check, Level, Norm, Report, Study};

/// Levels of refinement.
const LEVELS: std::ops::RangeInclusive<u32> = 3..=6;

/// Orders 2 and 1, symmetry, the published condition numbers.
pub(super) fn measure() -> Result<Report> {
    let norms = vec![Norm { name: "L2", order: 2.0 }, Norm { name: "H1", order: 1.0 }];
    let study = Study {
        what: "P1, shifts up to 0.2 h, u = sin(pi x) sin(pi y)".into(),
        norms,
        levels: LEVELS.map(level).collect::<Result<_>>()?,
    };
    let mut checks = Vec::new();
    for (level, published) in [(3, 29.8), (4, 127.3)] {
        let family = families::build(super::NAME, &toml::toml! { level = level }, "verify")?;
        let mut sampler = family.sampler()?;
        let mut kappas = (0..20)
            .map(|i| {
                let a = sampler.sample(1, i)?.matrix;
                let rising = dense::eigenvalues_symmetric(&dense::from_csr(&a))?;
                Ok(rising[rising.len() - 1] / rising[0])
            })
            .collect::<Result<Vec<f64>>>()?;
        kappas.sort_by(f64::total_cmp);
        checks.push(Check::near(
            format!("condition number at level {level}, median of 20"),
            published,
            kappas[10],
            0.1,
        ));
    }
    Ok(Report { studies: vec![study], checks })
}

fn level(level: u32) -> Result<Level> {
    let table = toml::toml! { level = level
    f = "sine" };
    let system = families::build(super::NAME, &table, "verify")?.sampler()?.sample(1, 0)?;
    let mesh = structured::unit_square(level);
    let moved = system.field("points").map_or(&[][..], |f| &f.values);
    let points: Vec<[f64; 2]> = moved.chunks_exact(2).map(|p| [p[0], p[1]]).collect();
    let mut values = vec![0.0; points.len()];
    let free = system.mesh.as_ref().map_or(&[][..], |m| &m.free_dofs);
    for (&v, x) in free.iter().zip(system.solution.iter().flatten()) {
        values[v as usize] = *x;
    }
    let u = |x: [f64; 2]| (PI * x[0]).sin() * (PI * x[1]).sin();
    let gradient =
        |x: [f64; 2]| [PI * (PI * x[0]).cos() * (PI * x[1]).sin(), PI * (PI * x[0]).sin() * (PI * x[1]).cos()];
    let (l2, h1) = norms::errors(&mesh, &points, &values, u, gradient)?;
    Ok(Level { h: 0.5f64.powi(level as i32), unknowns: system.n(), errors: vec![l2, h1] })
}
