//! Inference equals the operations that training goes through; the guard.

use super::base::{BaseFactor, Seen};
use super::layers::Precorrector;
use super::{Base, PrecorrectorConfig, inference};
use crate::families;
use crate::models::{PredictOptions, guard, network::Network};
use crate::nn::graph::Graphs;
use crate::nn::ops::Engine;
use crate::nn::{Cpu, NamedArray, Trained};
use crate::precond::Icc;
use crate::solve::{Acceleration, Problem};
use crate::solver::{Method, Stop};
use crate::system::LinearSystem;

fn seen(config: &PrecorrectorConfig, system: &LinearSystem) -> Seen {
    BaseFactor::new(config.base, &system.matrix).unwrap().seen(&system.matrix).unwrap()
}

fn sample(family: &str, table: &str) -> LinearSystem {
    families::build(family, &table.parse().unwrap(), "test").unwrap().sampler().unwrap().sample(1, 0).unwrap()
}

/// A network of random weights, α = `alpha`.
fn network(config: PrecorrectorConfig, alpha: f32) -> (Precorrector, Trained<Cpu>) {
    let network = Precorrector::new(config);
    let set = |w: NamedArray| if w.name == "alpha" { NamedArray { data: vec![alpha], ..w } } else { w };
    let weights: Vec<_> = network.about.initial(3).into_iter().map(set).collect();
    let params = network.about.layout.load(&Cpu::default(), &weights).unwrap();
    (network, Trained::new(params))
}

#[test]
fn inference_equals_the_operations_of_training() {
    let plane = sample("darcy", "cells = 40\ncontrast = 1e3");
    // Enough rows for several threads.
    let cube = sample("darcy", "dim = 3\ncells = 24\nsolution = false");
    let (icc, ict) = (Base::default(), Base::Ict { droptol: 0.05, fill: 0 });
    for (system, width, rounds, base) in
        [(&plane, 4, 3, icc), (&plane, 16, 2, ict), (&plane, 8, 1, icc), (&cube, 8, 3, icc), (&cube, 4, 2, ict)]
    {
        let (network, weights) = network(PrecorrectorConfig { width, rounds, pairs: 1, base }, 0.7);
        let seen = seen(&network.config, system);
        let entries = seen.entries();
        let fast = |p: &_| inference::corrections(&network, p, seen.factor.pattern(), &seen.nodes, &entries).unwrap();
        let changes = weights.read(fast);
        let graphs = Graphs::of(&seen.factor).unwrap();
        let corrected = weights.evaluate(|ops, w| {
            let at = ops.batch(&graphs);
            let (nodes, entries) = (ops.table(seen.nodes.clone(), 2), ops.table(entries.clone(), 1));
            network.forward(ops, w, &at, &nodes, &entries)
        });
        let size = changes.iter().fold(0.0f32, |m, v| m.max(v.abs()));
        assert!(size > 1e-3, "the network says something: {size}");
        for ((c, l), e) in changes.iter().zip(&corrected).zip(&entries) {
            assert!((c - (l - e)).abs() < 1e-5 * (size + e.abs()), "width {width}, {rounds} rounds: {c}, {}", l - e);
        }
        // The same bits on any number of threads.
        let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        assert_eq!(alone.install(|| weights.read(fast)), changes);
    }
    let (wide, weights) = network(PrecorrectorConfig { width: 12, ..Default::default() }, 0.7);
    let seen = seen(&wide.config, &plane);
    let none = weights.read(|p| inference::corrections(&wide, p, seen.factor.pattern(), &seen.nodes, &seen.entries()));
    assert!(none.is_none());
}

#[test]
fn the_factor_of_the_equilibrated_matrix_is_that_of_the_matrix_scaled() {
    let system = sample("darcy", "cells = 20\ncontrast = 1e4");
    let start = BaseFactor::new(Base::default(), &system.matrix).unwrap();
    let seen = start.seen(&system.matrix).unwrap();
    let (matrix, root) = system.matrix.equilibrated().unwrap();
    let factor = Icc::new(&matrix, 0).unwrap().factor().unwrap();
    assert_eq!(seen.factor.pattern().indices(), factor.pattern().indices());
    assert!(seen.factor.values().iter().zip(factor.values()).all(|(a, b)| (a - b).abs() < 1e-13));
    for (i, nodes) in seen.nodes.chunks_exact(2).enumerate() {
        let sum: f64 = matrix.row(i).1.iter().map(|v| v.abs()).sum();
        assert_eq!(nodes[0], seen.factor.get(i, i) as f32);
        assert!((f64::from(nodes[1]) - 1.0 / sum).abs() < 1e-6);
    }
    // In the units of A.
    let l = seen.corrected(&vec![0.0; factor.nnz()]);
    for (i, r) in root.iter().enumerate() {
        for e in factor.pattern().range(i) {
            assert!((l[e] - r * factor.values()[e]).abs() < 1e-12 * r);
        }
    }
}

#[test]
fn a_factor_that_is_worse_than_its_start_is_not_used() {
    let system = sample("darcy", "cells = 40\ncontrast = 1e3");
    let iterations = |with: Acceleration| {
        Problem::new(&system, Method::cg(), Stop::rtol(1e-6)).solve_once(with).unwrap().outcome.iterations
    };
    let (mic, ict) = (Base::Mic { levels: 0, relaxation: 0.95 }, Base::Ict { droptol: 0.05, fill: 0 });
    for base in [Base::default(), mic, ict] {
        let config = PrecorrectorConfig { base, ..Default::default() };
        let factor = BaseFactor::new(base, &system.matrix).unwrap().into_factor(&system.matrix).unwrap();
        let start = iterations(Acceleration::preconditioner(factor));
        // Random weights do harm.
        let (random, weights) = network(config.clone(), 0.3);
        let unguarded = PredictOptions { unguarded: true, ..Default::default() };
        let harmful = random.predict(&weights, &system, &unguarded).unwrap();
        assert!(!harmful.fell_back && iterations(harmful) > start + start / 2);
        let guarded = random.predict(&weights, &system, &PredictOptions::default()).unwrap();
        assert!(guarded.fell_back && guarded.note.as_deref() == Some(guard::NOTE));
        assert_eq!(iterations(guarded), start);
        // No change is no harm.
        let (same, weights) = network(config, 0.0);
        let unchanged = same.predict(&weights, &system, &PredictOptions::default()).unwrap();
        assert!(!unchanged.fell_back);
        assert!(iterations(unchanged).abs_diff(start) <= 1);
    }
}

#[test]
fn factors_are_compared_by_cg_and_by_row_sums() {
    let system = sample("darcy", "dim = 3\ncells = 16");
    let part = guard::Part::of(&system.matrix).unwrap();
    let rows = part.matrix.nrows();
    assert_eq!(rows, 400);
    let factors = |part: &guard::Part, relaxation| {
        let modified = Icc::modified(&part.matrix, 0, relaxation).unwrap().0;
        [Icc::new(&part.matrix, 0).unwrap(), modified].map(|factor| factor.factor().unwrap())
    };
    let [icc, mic] = factors(&part, 0.97);
    let keeps_up = |learned: &[f64], start: &[f64]| part.keeps_up(icc.pattern(), learned, start).unwrap();
    assert_eq!(icc.pattern().indices(), mic.pattern().indices());
    assert!(keeps_up(icc.values(), icc.values()));
    let mut broken = icc.values().to_vec();
    *broken.last_mut().unwrap() = 0.0;
    broken[0] = 0.0;
    assert!(!keeps_up(&broken, icc.values()));
    // On a small part plain incomplete Cholesky is as good as any; row sums tell that in the large it is not.
    let large = sample("darcy", "dim = 3\ncells = 40\nsolution = false");
    let part = guard::Part::of(&large.matrix).unwrap();
    let [icc, mic] = factors(&part, 0.99);
    assert!(!part.keeps_up(icc.pattern(), icc.values(), mic.values()).unwrap());
}

/// In two dimensions the leading rows are a few lines of the grid: what gains on the whole would lose there.
#[test]
fn what_gains_in_the_plane_is_kept() {
    let system = sample("darcy", "cells = 64\ncontrast = 1e4");
    let part = guard::Part::of(&system.matrix).unwrap();
    let factor = |relaxation| Icc::modified(&part.matrix, 0, relaxation).unwrap().0.factor().unwrap();
    let start = Icc::new(&part.matrix, 0).unwrap().factor().unwrap();
    assert!(part.keeps_up(start.pattern(), factor(0.9).values(), start.values()).unwrap());
}
