//! Smallest eigenpairs of the matrices of a dataset, for `benches/peers/eigen.py`.
//!
//!     cargo bench --bench eigen -- DATA.h5 K
//!
//! One sample after the other on one thread, several side by side on more (RAYON_NUM_THREADS), the pattern analysed
//! once. Prints one line of JSON: labels per second, and the largest ‖A v − λ v‖₂ / |λ|.

use std::path::Path;
use std::time::Instant;

use fempipe::dataset::Dataset;
use fempipe::linalg::{SymbolicDirect, eigen};
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
    let worst = systems
        .par_iter()
        .map(|s| {
            let factor = analysis.factorize(&s.matrix)?;
            let pairs = eigen::smallest(&s.matrix, k, &|x| factor.solve_columns_in_place(x, s.n()))?;
            Ok(pairs.residuals.iter().zip(&pairs.values).map(|(r, l)| r / l.abs()).fold(0.0, f64::max))
        })
        .collect::<fempipe::Result<Vec<f64>>>()?
        .into_iter()
        .fold(0.0, f64::max);
    let seconds = clock.elapsed().as_secs_f64();
    println!("{}", serde_json::json!({ "labels_per_second": systems.len() as f64 / seconds, "worst_residual": worst }));
    Ok(())
}
