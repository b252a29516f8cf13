//! How far messages must travel: `factor-gnn` on tridiagonal matrices with exact factors, more and more rounds, larger
//! and larger matrices (Trifonov, Muravleva, Oseledets 2025, arXiv:2502.01397).
//!
//!     cargo run --release --example locality -- [DIRECTORY]
//!
//! For every n and number of rounds a network (MPNN, width 16) is trained on 400 matrices and asked for 50 others: the
//! cosine between its factor and the exact one, and the iterations of conjugate gradients to 1e-6 with its factor (the
//! exact one takes 1). Writes locality.csv, locality-cosine.svg and locality-iterations.svg; takes about 10 minutes on
//! 2 cores.

use std::path::PathBuf;

use fempipe::families;
use fempipe::io::charts::{Scale, Series, lines};
use fempipe::models::factor_gnn::FactorConfig;
use fempipe::models::fit::{AdamConfig, Device};
use fempipe::models::scaling::Scaling;
use fempipe::models::{ModelConfig, PredictOptions, TrainingSet};
use fempipe::rng::{Purpose, stream};
use fempipe::solve::Problem;
use fempipe::solver::Stop;
use fempipe::system::LinearSystem;

const SIZES: [usize; 4] = [25, 50, 100, 200];
const ROUNDS: [usize; 6] = [1, 2, 3, 4, 5, 7];
const TRAINING: u64 = 400;
const TEST: u64 = 50;
const BATCH: usize = 16;
const EPOCHS: u64 = 25;
/// A system not solved by then counts as this many.
const MOST: usize = 1000;

fn main() -> fempipe::Result<()> {
    let directory = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| ".".into()));
    let mut csv = String::from("n,rounds,cosine_mean,iterations_mean,failures\n");
    let mut curves: Vec<[Series; 2]> = Vec::new();
    for n in SIZES {
        let mut test = sample(n)?;
        let training = TrainingSet::in_memory(test.split_off(TEST as usize));
        let series = |name: String| Series { name, points: Vec::new(), marks: true, ..Series::default() };
        let mut pair = [series(format!("n = {n}")), series(format!("n = {n}"))];
        for rounds in ROUNDS {
            let [cosine, iterations, failures] = study(&training, &test, rounds)?;
            csv += &format!("{n},{rounds},{cosine:.6},{iterations:.2},{failures}\n");
            println!(
                "n = {n:3}, {rounds} rounds: cosine {cosine:.5}, {iterations:.1} iterations, {failures} of {TEST} not \
                 solved"
            );
            pair[0].points.push((rounds as f64, 1.0 - cosine));
            pair[1].points.push((rounds as f64, iterations));
        }
        curves.push(pair);
    }
    let draw = |k: usize, title: &str, y: &str| {
        let series: Vec<Series> = curves.iter().map(|pair| pair[k].clone()).collect();
        lines(title, "rounds of messages", y, Scale::Linear, Scale::Log, &series)
    };
    let title = "factor-gnn (mpnn) on tridiagonal matrices";
    for (name, text) in [
        ("locality.csv", csv),
        ("locality-cosine.svg", draw(0, title, "1 - cosine with the exact factor")),
        ("locality-iterations.svg", draw(1, title, "iterations of CG to 1e-6 (exact: 1)")),
    ] {
        let path = directory.join(name);
        std::fs::write(&path, text).map_err(|e| fempipe::Error::io(&path, "write", e))?;
    }
    Ok(())
}

fn sample(n: usize) -> fempipe::Result<Vec<LinearSystem>> {
    let mut keys = toml::Table::new();
    keys.insert("n".into(), toml::Value::Integer(n as i64));
    keys.insert("spread".into(), toml::Value::Float(0.3));
    let family = families::build("tridiagonal", &keys, "this example")?;
    let mut sampler = family.sampler()?;
    (0..TEST + TRAINING).map(|i| sampler.sample(1, i)).collect()
}

/// Mean cosine, mean iterations, failures on the test systems after training.
fn study(training: &TrainingSet, test: &[LinearSystem], rounds: usize) -> fempipe::Result<[f64; 3]> {
    let settings = FactorConfig { rounds, scaling: Scaling::Jacobi, ..Default::default() };
    let mut trainer = settings.trainer(training, 1, Device::Cpu)?;
    let batches: Vec<&[u32]> = training.ids.chunks(BATCH).collect();
    let steps = EPOCHS as usize * batches.len();
    for step in 0..steps {
        let (now, next) = (batches[step % batches.len()], batches[(step + 1) % batches.len()]);
        let adam = AdamConfig {
            // Down to nothing along a cosine.
            lr: 3e-3 * 0.5 * (1.0 + (std::f64::consts::PI * step as f64 / steps as f64).cos()),
            clip: 1.0,
            ..Default::default()
        };
        let mut probes = stream(1, Purpose::Probes, step as u64);
        trainer.step(now, next, &mut probes, &adam)?;
    }
    let model = trainer.model();
    let (mut cosine, mut iterations, mut failures) = (0.0, 0.0, 0.0);
    for system in test {
        cosine += model.agreement(system)?.unwrap_or(0.0) / TEST as f64;
        let stop = Stop { max_it: MOST, ..Stop::rtol(1e-6) };
        let problem = Problem::new(system, "cg".parse()?, stop);
        let outcome = problem.solve_once(model.predict(system, &PredictOptions::default())?)?.outcome;
        iterations += outcome.iterations as f64 / TEST as f64;
        failures += f64::from(u8::from(!outcome.converged()));
    }
    Ok([cosine, iterations, failures])
}
