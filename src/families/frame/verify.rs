//! `frame`: cantilevers by hand, reactions in equilibrium with loads, sizes and condition numbers like StAnD's.

use crate::error::Result;
use crate::families;
use crate::fem::beam::{Beam, Section, rigid_body_modes};
use crate::linalg::{Cholesky, Csr, eigen};
use crate::system::LinearSystem;
use crate::verify::{Check, Report};

/// Samples for the statistics.
const SAMPLES: u64 = 40;

/// The beam against the theory of Timoshenko; the family against equilibrium and against StAnD's statistics.
pub(super) fn measure() -> Result<Report> {
    let mut checks = cantilever()?;
    let table = toml::Table::new();
    let family = families::build(super::NAME, &table, "verify")?;
    let mut sampler = family.sampler()?;
    let samples = (0..SAMPLES).map(|i| sampler.sample(1, i)).collect::<Result<Vec<_>>>()?;
    let mean = |f: &dyn Fn(&LinearSystem) -> f64| samples.iter().map(f).sum::<f64>() / SAMPLES as f64;
    checks.push(Check::near("mean n (StAnD small: about 2100)", 2100.0, mean(&|s| s.n() as f64), 0.15));
    checks.push(Check::near(
        "entries a row (StAnD small: about 11)",
        11.0,
        mean(&|s| s.matrix.nnz() as f64 / s.n() as f64),
        0.1,
    ));
    checks.push(balance(&samples[0])?);
    // The ten real systems at hand: κ from 4.0e3 to 2.1e4, geometric mean 1.1e4.
    let mut logs = 0.0;
    for s in &samples[..8] {
        logs += kappa(&s.matrix)?.ln() / 8.0;
    }
    let mean = logs.exp();
    checks.push(Check {
        what: "condition number, geometric mean of 8 (ten of StAnD: 1.1e4)".into(),
        expected: "the same order (within a factor of 3)".into(),
        found: format!("{mean:.2e}"),
        holds: (1.1e4 / 3.0..1.1e4 * 3.0).contains(&mean),
    });
    Ok(Report { studies: Vec::new(), checks })
}

/// One beam of 4 m under an end load.
fn cantilever() -> Result<Vec<Check>> {
    let (l, p) = (4.0, 1e4);
    let s = Section::rectangle(2.1e11, 0.2, 0.3, 0.5);
    let k = Beam::new([0.0; 3], [l, 0.0, 0.0], [0.0, 0.0, 1.0])?.stiffness(&s);
    let entries: Vec<_> = (0..36).map(|e| (e / 6, e % 6, k[6 + e / 6][6 + e % 6])).collect();
    let factor = Cholesky::new(&Csr::from_triplets(6, 6, &entries)?)?;
    let mut x = vec![0.0, 0.0, p, 0.0, 0.0, 0.0];
    factor.solve_in_place(&mut x);
    let ei = s.young * s.bending_3;
    let deflection = p * l.powi(3) / (3.0 * ei) + p * l / (s.shear * s.shear_area);
    Ok(vec![
        Check::near("cantilever: P l^3/(3 E I) + P l/(G A_s), m", deflection, x[2], 1e-9),
        Check::near("cantilever: end rotation -P l^2/(2 E I)", -p * l * l / (2.0 * ei), x[4], 1e-9),
    ])
}

/// Forces and moments of the feet against those of the load, relative to the sum of loads times 10 m.
fn balance(s: &LinearSystem) -> Result<Check> {
    let points: Vec<[f64; 3]> =
        s.field("points").map_or(&[][..], |f| &f.values).chunks_exact(3).map(|p| [p[0], p[1], p[2]]).collect();
    let x = s.solution.as_deref().unwrap_or(&[]);
    let scale = 10.0 * s.rhs.iter().map(|b| b.abs()).sum::<f64>();
    let mut worst = 0.0f64;
    for mode in rigid_body_modes(&points) {
        let mut k = vec![0.0; s.n()];
        s.matrix.spmv(&mode[..s.n()], &mut k);
        let feet: f64 = k.iter().zip(x).map(|(a, b)| a * b).sum();
        let load: f64 = mode.iter().zip(&s.rhs).map(|(a, b)| a * b).sum();
        worst = worst.max((feet - load).abs() / scale);
    }
    Ok(Check::below("reactions balance loads (3 forces, 3 moments)", 1e-10, worst))
}

/// λ_max by power iteration, λ_min by the inverse.
fn kappa(a: &Csr) -> Result<f64> {
    let factor = Cholesky::new(a)?;
    let least = eigen::smallest(a, 1, None, &|x| {
        factor.solve_columns_in_place(x);
        Ok(())
    })?;
    let n = a.nrows();
    let (mut v, mut w) = (vec![1.0; n], vec![0.0; n]);
    v.iter_mut().enumerate().for_each(|(i, v)| *v += (i % 7) as f64);
    let mut most = 0.0;
    for _ in 0..300 {
        a.spmv(&v, &mut w);
        most = crate::linalg::vector::norm2(&w);
        v.iter_mut().zip(&w).for_each(|(v, w)| *v = w / most);
    }
    Ok(most / least.values[0])
}
