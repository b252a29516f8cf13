//! Multigrid on frames: the rigid-body modes make the difference.

use fempipe::families;
use fempipe::fem::beam;
use fempipe::linalg::dense::Dense;
use fempipe::linalg::op::{LinOp, Props};
use fempipe::precond::{Amg, AmgParams, rigid_body_modes};
use fempipe::solver::{Method, Quiet, Stop, Workspace};
use fempipe::system::LinearSystem;

use crate::precond::build;

fn frame(cells: &str, index: u64) -> LinearSystem {
    let table: toml::Table = format!("cells = {cells}").parse().unwrap();
    let family = families::build("frame", &table, "test").unwrap();
    family.sampler().unwrap().sample(3, index).unwrap()
}

fn modes(system: &LinearSystem) -> Dense {
    rigid_body_modes(&system.field("points").unwrap().values[..system.n() / 2]).unwrap()
}

#[test]
fn rigid_body_modes_are_those_of_the_beams() {
    let system = frame("[[2, 4], [2, 4], [2, 4]]", 0);
    let (n, modes) = (system.n(), modes(&system));
    let points = &system.field("points").unwrap().values[..n / 2];
    let nodes: Vec<[f64; 3]> = points.as_chunks::<3>().0.to_vec();
    // Each of the beams' modes, about another centre, is a combination of ours: least squares leave nothing.
    let gram = modes.transpose() * &modes;
    for theirs in beam::rigid_body_modes(&nodes) {
        let b = Dense::from_fn(n, 1, |i, _| theirs[i]);
        let c = faer::linalg::solvers::Solve::solve(&gram.partial_piv_lu(), modes.transpose() * &b);
        let rest = &b - &modes * &c;
        assert!(rest.norm_l2() <= 1e-10 * b.norm_l2());
    }
    for bad in [&[][..], &[1.0, 2.0], &[0.0, f64::NAN, 1.0]] {
        assert!(rigid_body_modes(bad).is_err());
    }
}

fn iterations(system: &LinearSystem, m: &dyn LinOp) -> usize {
    let n = system.n();
    let a = system.matrix.promised(Props::SPD);
    let (mut ws, mut x) = (Workspace::default(), vec![0.0; n]);
    let out = Method::cg().solve(&mut ws, &a, m, &system.rhs, &mut x, &Stop::default(), &mut Quiet).unwrap();
    assert!(out.converged() && out.relative_residual() <= 1e-8);
    out.iterations
}

#[test]
fn multigrid_needs_the_rigid_body_modes() {
    let params = AmgParams::default();
    for index in 0..3 {
        let system = frame("[[5, 8], [5, 8], [4, 6]]", index);
        let a = &system.matrix;
        let told = Amg::with_candidates(a, params, &modes(&system), 6).unwrap();
        let plain = Amg::new(a, params).unwrap();
        let counts = [iterations(&system, &told), iterations(&system, &plain)];
        let icc = iterations(&system, &*build("icc", a));
        let ict = iterations(&system, &*build("ict(0.01)", a));
        println!(
            "frame {index}: n = {}, amg with modes {} (levels {:?}), with ones {}, icc {icc}, ict {ict}",
            system.n(),
            counts[0],
            told.sizes(),
            counts[1]
        );
        assert!(counts[0] < icc && 10 * counts[0] < 6 * counts[1], "{counts:?} {icc}");
    }
}
