//! Inference of graph networks beside what the processor and its memory can do, as JSON.
//!
//!     cargo bench --bench inference -- DATA.h5 RUN [--sample I] [--seconds S]
//!
//! Shortest time of a whole prediction (features, graph and conversion included, without the guard), entries of A and
//! floating-point operations of the network's layers a second (a product and a sum are two; activations and sums over
//! neighbours that are no products are not counted), and, measured in the same run on as many threads
//! (RAYON_NUM_THREADS), the operations of fused products from registers and the bytes of a ← b + s c over 192 MiB.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Instant;

use fempipe::dataset::Dataset;
use fempipe::models::{self, Checkpoint, Device, PredictOptions};
use fempipe::nn::fixed::{GROUP, Lanes, Work, vectorised};
use rayon::prelude::*;
use serde_json::json;
use toml::Table;

fn option(args: &[String], name: &str, default: f64) -> f64 {
    let at = args.iter().position(|a| a == name);
    at.and_then(|k| args.get(k + 1)?.parse().ok()).unwrap_or(default)
}

/// The shortest of many runs, in seconds.
fn shortest(seconds: f64, mut work: impl FnMut()) -> f64 {
    let (begin, mut best, mut runs) = (Instant::now(), f64::INFINITY, 0);
    while runs < 3 || begin.elapsed().as_secs_f64() < seconds {
        let start = Instant::now();
        work();
        best = best.min(start.elapsed().as_secs_f64());
        runs += 1;
    }
    best
}

/// Fused products that wait for nothing but themselves, ten side by side, of numbers that the compiler does not know.
struct Products<'a> {
    factor: f32,
    term: f32,
    out: &'a mut [f32; GROUP],
}

const PRODUCTS: usize = 1 << 20;

impl Work for Products<'_> {
    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        let (a, b) = (lanes.splat(self.factor), lanes.splat(self.term));
        let mut sums = [lanes.splat(1.0); 10];
        let mut k = 0;
        while k < 10 {
            sums[k] = lanes.splat(k as f32 * self.term);
            k += 1;
        }
        let mut i = 0;
        while i < PRODUCTS {
            let mut k = 0;
            while k < 10 {
                sums[k] = lanes.multiply_add(sums[k], a, b);
                k += 1;
            }
            i += 1;
        }
        let mut total = sums[0];
        let mut k = 1;
        while k < 10 {
            total = lanes.add(total, sums[k]);
            k += 1;
        }
        lanes.store(total, self.out);
    }
}

/// (floating-point operations, bytes) a second on all threads.
fn machine(threads: usize, seconds: f64) -> (f64, f64) {
    let products = shortest(seconds, || {
        (0..threads).into_par_iter().for_each(|_| {
            let mut out = [0.0; GROUP];
            vectorised(Products { factor: black_box(0.999_999), term: black_box(1e-6), out: &mut out });
            black_box(out);
        });
    });
    let n = 8 << 20;
    let (mut a, b, c) = (vec![0.0f64; n], vec![1.0f64; n], vec![2.0f64; n]);
    let triad = shortest(seconds, || {
        a.par_chunks_mut(n / threads)
            .zip(b.par_chunks(n / threads))
            .zip(c.par_chunks(n / threads))
            .for_each(|((a, b), c)| a.iter_mut().zip(b).zip(c).for_each(|((a, b), c)| *a = b + 0.5 * c));
        black_box(&a);
    });
    ((threads * PRODUCTS * 10 * GROUP * 2) as f64 / products, 24.0 * n as f64 / triad)
}

/// Of the layers of a network with these settings on n unknowns and nnz entries; None for other networks.
fn operations(model: &str, config: &Table, n: f64, nnz: f64) -> Option<f64> {
    let number = |key: &str| config.get(key)?.as_integer().map(|v| v as f64);
    let square = 2.0 * number("width")?.powi(2);
    let lower = (nnz + n) / 2.0;
    Some(match model {
        "precorrector" => {
            let rounds = number("rounds")?;
            square * (lower * (2.0 * rounds - 1.0) + lower + n * (2.0 * rounds + 4.0 * (rounds - 1.0)))
        }
        "spai-gnn" => {
            let rounds = number("rounds")?;
            square * (nnz * (3.0 * rounds + 1.0) + n * (6.0 * rounds + 2.0))
        }
        "factor-gnn" if config.get("node")?.as_str() == Some("mpnn") => {
            let rounds = number("rounds")?;
            let edges = nnz * (1.0 + 3.0 * (rounds - 1.0)) + 3.0 * lower;
            square * (edges + n * (1.0 + 2.0 * rounds + 4.0 * (rounds - 1.0)))
        }
        "nsls" => {
            let (blocks, gathers) = (number("blocks")?, 2.0 * number("width")? * nnz);
            2.0 * blocks * (2.0 * square * n + gathers) + n * 2.0 * square
        }
        _ => return None,
    })
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let [data, run, ..] = &args[..] else {
        // Cargo runs every bench without arguments at times: then there is nothing to measure.
        println!("inference: DATA and RUN are needed");
        return Ok(());
    };
    let seconds = option(&args, "--seconds", 2.0);
    let system = Dataset::open(Path::new(data))?.read(option(&args, "--sample", 0.0) as usize)?;
    let located = models::checkpoint::locate(&PathBuf::from(run))?;
    let checkpoint = Checkpoint::read(&located.file)?;
    let model = models::load(&located.file, Device::Cpu)?;
    let options = PredictOptions { unguarded: true, ..PredictOptions::default() };
    let mut failure = None;
    let best = shortest(seconds, || {
        if let Err(e) = model.predict(black_box(&system), &options) {
            failure = Some(e);
        }
    });
    if let Some(e) = failure {
        return Err(e.into());
    }
    let threads = rayon::current_num_threads();
    let (flops, bytes) = machine(threads, seconds / 2.0);
    let (n, nnz) = (system.n() as f64, system.matrix.nnz() as f64);
    let config: Table = checkpoint.config.parse()?;
    let done = operations(model.name(), &config, n, nnz).map(|operations| operations / best);
    let out = json!({
        "model": model.name(), "n": n, "nnz": nnz, "threads": threads,
        "milliseconds": 1e3 * best,
        "million_entries_per_second": 1e-6 * nnz / best,
        "gflops": done.map(|d| 1e-9 * d),
        "share_of_peak": done.map(|d| d / flops),
        "machine_gflops": 1e-9 * flops,
        "machine_gigabytes_per_second": 1e-9 * bytes,
    });
    println!("{out}");
    Ok(())
}
