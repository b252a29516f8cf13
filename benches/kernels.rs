//! Shortest times of the kernels inside Krylov iterations on one matrix, in milliseconds, as JSON.
//!
//!     cargo bench --bench kernels -- FILE.npz [--threads T] [--seconds S]
//!
//! `benches/peers/kernels.py` runs it beside PETSc and SciPy.

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use fempipe::io::npz;
use fempipe::linalg::op::Identity;
use fempipe::linalg::{Csr, LinOp, Props, vector};
use fempipe::precond::Spec;
use fempipe::solver::{Method, Norm, Quiet, Stop, Workspace};

fn option(args: &[String], name: &str, default: f64) -> f64 {
    let at = args.iter().position(|a| a == name);
    at.and_then(|k| args.get(k + 1)?.parse().ok()).unwrap_or(default)
}

/// The shortest of many runs, in milliseconds.
fn shortest(seconds: f64, mut work: impl FnMut()) -> f64 {
    let (begin, mut best) = (Instant::now(), f64::INFINITY);
    let mut runs = 0;
    while runs < 3 || begin.elapsed().as_secs_f64() < seconds {
        let start = Instant::now();
        work();
        best = best.min(start.elapsed().as_secs_f64());
        runs += 1;
    }
    1e3 * best
}

fn measure(a: &Csr, seconds: f64) -> serde_json::Value {
    let n = a.nrows();
    let x: Vec<f64> = (0..n).map(|i| (i as f64 * 0.37).sin()).collect();
    let mut y = vec![0.0; n];
    let mut out = serde_json::Map::new();
    let mut note = |name: &str, ms: f64| out.insert(name.into(), ms.into());
    note("spmv", shortest(seconds, || a.par_spmv(black_box(&x), &mut y)));
    note(
        "dot",
        shortest(seconds, || {
            black_box(vector::dot(&x, black_box(&y)));
        }),
    );
    note("axpy", shortest(seconds, || vector::axpy(1e-9, black_box(&x), &mut y)));
    let spd = a.promised(Props::SPD);
    let identity = Identity(n);
    let fifty = Stop { norm: Norm::None, max_it: 50, ..Stop::default() };
    let mut ws = Workspace::default();
    let iterations = shortest(seconds, || {
        let mut x = vec![0.0; n];
        // Always fifty iterations; what they reach does not matter here.
        let _ = Method::cg().solve(&mut ws, &spd, &identity, &vec![1.0; n], &mut x, &fifty, &mut Quiet);
    });
    note("cg none iteration", iterations / 50.0);
    for pc in ["jacobi", "ssor", "icc(0)", "icc(1)", "ilu(0)", "bjacobi(8, inner = icc)", "asm(8)", "amg"] {
        let Ok(spec) = pc.parse::<Spec>() else { continue };
        // Every set-up on a matrix of which nothing is known yet.
        let mut built = None;
        let setup = shortest(seconds, || {
            let mut fresh = a.clone();
            fresh.values_mut();
            built = spec.build(&fresh).ok();
        });
        let copy = shortest(seconds, || {
            let mut fresh = a.clone();
            fresh.values_mut();
            black_box(fresh);
        });
        let Some(built) = built else { continue };
        note(&format!("{pc} setup"), setup - copy);
        note(&format!("{pc} apply"), shortest(seconds, || built.op.apply(black_box(&x), &mut y)));
    }
    out.into()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().collect();
    let Some(file) = args.iter().find(|a| a.ends_with(".npz")) else {
        println!("kernels: no .npz file named; nothing measured");
        return Ok(());
    };
    let threads = option(&args, "--threads", 1.0) as usize;
    let seconds = option(&args, "--seconds", 0.3);
    let a = npz::read_matrix(Path::new(file))?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    println!("{:#}", pool.install(|| measure(&a, seconds)));
    Ok(())
}
