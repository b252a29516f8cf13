//! Smallest eigenpairs of the matrices of a dataset, for `benches/peers/eigen.py`.
//!
//!     cargo bench --bench eigen -- DATA.h5 K
//!
//! As `fempipe generate` makes them: the pattern analysed once, sample 0 first, which the others start from, one after
//! the other on one thread, several side by side on more (RAYON_NUM_THREADS). Prints one line of JSON: labels per
//! second, and the largest ‖A v − λ v‖₂ / |λ|.

use std::path::Path;
use std::time::Instant;

use fempipe::dataset::Dataset;
use fempipe::linalg::SymbolicDirect;
use fempipe::linalg::dense::Dense;
use fempipe::linalg::eigen::{self, Eigenpairs};
use fempipe::system::LinearSystem;
use rayon::prelude::*;

fn main() -> fempipe::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let [data, k] = &args[..] else {
        // Cargo runs every bench without arguments at times: then there is nothing to measure.
        println!("eigen: DATA and K are needed");
        return Ok(());
    };
    let k: usize = k.parse().map_err(|_| fempipe::Error::Argument(format!("{k}: must be a number")))?;
    let data = Dataset::open(Path::new(data))?;
    let systems = (0..data.header().samples).map(|i| data.read(i)).collect::<fempipe::Result<Vec<_>>>()?;
    let clock = Instant::now();
    let analysis = SymbolicDirect::new(systems[0].matrix.pattern(), systems[0].props)?;
    let label = |s: &LinearSystem, start: Option<&Dense>| {
        let factor = analysis.factorize(&s.matrix)?;
        eigen::smallest(&s.matrix, k, start, &|x| factor.solve_columns_in_place(x, s.n()))
    };
    let residual = |pairs: &Eigenpairs| {
        let relative = pairs.residuals.iter().zip(&pairs.values).map(|(r, l)| r / l.abs());
        relative.fold(0.0, f64::max)
    };
    let first = label(&systems[0], None)?;
    let start = Dense::from_fn(systems[0].n(), k, |i, j| first.vectors[j][i]);
    let others = systems[1..].par_iter().map(|s| Ok(residual(&label(s, Some(&start))?)));
    let others = others.collect::<fempipe::Result<Vec<f64>>>()?;
    let worst = others.into_iter().fold(residual(&first), f64::max);
    let seconds = clock.elapsed().as_secs_f64();
    println!("{}", serde_json::json!({ "labels_per_second": systems.len() as f64 / seconds, "worst_residual": worst }));
    Ok(())
}
