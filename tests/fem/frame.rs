//! Beams against the theory of beams; buildings against equilibrium and against the real StAnD systems' statistics.

use fempipe::families;
use fempipe::fem::beam::{Beam, Section, rigid_body_modes};
use fempipe::linalg::Cholesky;
use fempipe::system::LinearSystem;

const STEEL: f64 = 2.1e11;

fn section() -> Section {
    Section::rectangle(STEEL, 0.2, 0.3, 0.5)
}

/// Displacements of a chain of beams from the origin, clamped there, under the given end load.
fn cantilever(tip: [f64; 3], up: [f64; 3], parts: usize, load: [f64; 6]) -> [f64; 6] {
    let n = 6 * parts;
    let mut dense = vec![vec![0.0; n]; n];
    for e in 0..parts {
        let at = |k: usize| tip.map(|v| v * k as f64 / parts as f64);
        let k = Beam::new(at(e), at(e + 1), up).unwrap().stiffness(&section());
        for (i, row) in k.iter().enumerate() {
            for (j, v) in row.iter().enumerate() {
                let (r, c) = (6 * e + i, 6 * e + j);
                if r >= 6 && c >= 6 {
                    dense[r - 6][c - 6] += v;
                }
            }
        }
    }
    let entries: Vec<_> = (0..n)
        .flat_map(|i| (0..n).map(move |j| (i, j)))
        .filter(|&(i, j)| dense[i][j] != 0.0)
        .map(|(i, j)| (i, j, dense[i][j]))
        .collect();
    let a = fempipe::linalg::Csr::from_triplets(n, n, &entries).unwrap();
    let mut x = vec![0.0; n];
    x[n - 6..].copy_from_slice(&load);
    Cholesky::new(&a).unwrap().solve_in_place(&mut x);
    x[n - 6..].try_into().unwrap()
}

fn near(found: f64, exact: f64) {
    assert!((found / exact - 1.0).abs() < 1e-9, "{found} for {exact}");
}

#[test]
fn cantilever_bends_shears_stretches_and_twists_as_the_theory_says() {
    let (l, s, p) = (4.0, section(), 1e4);
    for parts in [1, 3] {
        // Along x, depth upright: the load along z bends about the strong axis.
        let tip = [l, 0.0, 0.0];
        let up = [0.0, 0.0, 1.0];
        let z = cantilever(tip, up, parts, [0.0, 0.0, p, 0.0, 0.0, 0.0]);
        let ei = s.young * s.bending_3;
        near(z[2], p * l.powi(3) / (3.0 * ei) + p * l / (s.shear * s.shear_area));
        near(z[4], -p * l * l / (2.0 * ei));
        let y = cantilever(tip, up, parts, [0.0, p, 0.0, 0.0, 0.0, 0.0]);
        let ei = s.young * s.bending_2;
        near(y[1], p * l.powi(3) / (3.0 * ei) + p * l / (s.shear * s.shear_area));
        near(y[5], p * l * l / (2.0 * ei));
        let moment = cantilever(tip, up, parts, [0.0, 0.0, 0.0, 0.0, 0.0, p]);
        near(moment[5], p * l / ei);
        near(moment[1], p * l * l / (2.0 * ei));
        near(cantilever(tip, up, parts, [p, 0.0, 0.0, 0.0, 0.0, 0.0])[0], p * l / (s.young * s.area));
        near(cantilever(tip, up, parts, [0.0, 0.0, 0.0, p, 0.0, 0.0])[3], p * l / (s.shear * s.torsion));
        // A column, pushed along x: the depth lies along x.
        let x = cantilever([0.0, 0.0, l], [1.0, 0.0, 0.0], parts, [p, 0.0, 0.0, 0.0, 0.0, 0.0]);
        near(x[0], p * l.powi(3) / (3.0 * s.young * s.bending_3) + p * l / (s.shear * s.shear_area));
        near(x[4], p * l * l / (2.0 * s.young * s.bending_3));
    }
}

#[test]
fn a_distributed_load_bends_a_cantilever_as_the_theory_says() {
    let (l, s, q) = (3.0, section(), [0.0, 0.0, -2e3]);
    let beam = Beam::new([0.0; 3], [l, 0.0, 0.0], [0.0, 0.0, 1.0]).unwrap();
    let f = beam.distributed(q);
    let k = beam.stiffness(&s);
    let entries: Vec<_> = (0..36).map(|e| (e / 6, e % 6, k[6 + e / 6][6 + e % 6])).collect();
    let a = fempipe::linalg::Csr::from_triplets(6, 6, &entries).unwrap();
    let mut x = f[6..].to_vec();
    Cholesky::new(&a).unwrap().solve_in_place(&mut x);
    let ei = s.young * s.bending_3;
    near(x[2], q[2] * l.powi(4) / (8.0 * ei) + q[2] * l * l / (2.0 * s.shear * s.shear_area));
    near(x[4], -q[2] * l.powi(3) / (6.0 * ei));
}

/// A portal of two clamped columns (height h) and a beam (span l) under a force at one corner: by symmetry each column
/// takes half; slope-deflection without axial and shear strain gives the sway P h³/(24 E I) (1 + 6 k/… ) of textbooks.
#[test]
fn a_portal_frame_sways_as_slope_deflection_says() {
    let (h, l, p) = (3.0, 5.0, 1e3);
    // Axially and in shear all but rigid, as the hand calculation assumes.
    let mut s = section();
    (s.area, s.shear_area) = (1e6, 1e9);
    let points = [[0.0, 0.0, h], [l, 0.0, h], [0.0, 0.0, 0.0], [l, 0.0, 0.0]];
    let members = [([2, 0], [1.0, 0.0, 0.0]), ([3, 1], [1.0, 0.0, 0.0]), ([0, 1], [0.0, 0.0, 1.0])];
    let mut entries = Vec::new();
    for (ends, up) in members {
        let k = Beam::new(points[ends[0]], points[ends[1]], up).unwrap().stiffness(&s);
        for (i, row) in k.iter().enumerate() {
            for (j, &v) in row.iter().enumerate() {
                let (r, c) = (6 * ends[i / 6] + i % 6, 6 * ends[j / 6] + j % 6);
                if r < 12 && c < 12 {
                    entries.push((r, c, v));
                }
            }
        }
    }
    let a = fempipe::linalg::Csr::from_triplets(12, 12, &entries).unwrap();
    let mut x = vec![0.0; 12];
    (x[0], x[6]) = (0.5 * p, 0.5 * p);
    Cholesky::new(&a).unwrap().solve_in_place(&mut x);
    // Columns: M_top = E I (4 θ/h − 6 Δ/h²), beam in double curvature: M = 6 E I θ/l; storey shear P.
    // θ (4/h + 6/l) = 6 Δ/h²  and  24 E I Δ/h³ − 12 E I θ/h² = P.
    let ei = s.young * s.bending_3;
    let theta = |sway: f64| 6.0 * sway / (h * h) / (4.0 / h + 6.0 / l);
    let sway = p / ei / (24.0 / h.powi(3) - 12.0 / (h * h) * theta(1.0));
    assert!((x[0] / sway - 1.0).abs() < 1e-5, "{} for {sway}", x[0]);
    assert!((x[4] / theta(sway) - 1.0).abs() < 1e-5);
}

#[test]
fn rigid_motions_strain_nothing_however_a_beam_lies() {
    let points = [[0.3, -1.0, 2.0], [2.1, 0.7, 0.4]];
    let beam = Beam::new(points[0], points[1], [0.2, 0.1, 1.0]).unwrap();
    let k = beam.stiffness(&section());
    let size = k[0][0].abs();
    for mode in rigid_body_modes(&points) {
        for row in &k {
            let force: f64 = row.iter().zip(&mode).map(|(a, b)| a * b).sum();
            assert!(force.abs() < 1e-9 * size, "{force}");
        }
    }
    for (i, row) in k.iter().enumerate() {
        for (j, v) in row.iter().enumerate() {
            assert!((v - k[j][i]).abs() <= 1e-12 * size);
        }
    }
    assert!(Beam::new(points[0], points[0], [0.0, 0.0, 1.0]).is_err());
    assert!(Beam::new([0.0; 3], [0.0, 0.0, 1.0], [0.0, 0.0, 1.0]).is_err());
}

fn sample(keys: &str, index: u64) -> LinearSystem {
    let family = families::build("frame", &keys.parse().unwrap(), "test").unwrap();
    family.sampler().unwrap().sample(1, index).unwrap()
}

fn param(s: &LinearSystem, name: &str) -> f64 {
    s.params.iter().find(|p| p.0 == name).unwrap().1
}

#[test]
fn buildings_look_like_those_of_stand() {
    let all: Vec<_> = (0..60).map(|i| sample("solution = false", i)).collect();
    let mean = |f: &dyn Fn(&LinearSystem) -> f64| all.iter().map(f).sum::<f64>() / all.len() as f64;
    let n = mean(&|s| s.n() as f64);
    let per_row = mean(&|s| s.matrix.nnz() as f64 / s.n() as f64);
    // StAnD small: about 2100 unknowns; the ten real systems at hand have 10.0 to 11.3 entries a row.
    assert!((1700.0..2500.0).contains(&n), "mean n {n}");
    assert!((10.0..11.5).contains(&per_row), "entries a row {per_row}");
    assert!(all.iter().all(|s| s.n() % 6 == 0));
    for load in 0..4 {
        assert!(all.iter().any(|s| param(s, "load") == f64::from(load)), "load {load}");
    }
}

#[test]
fn solutions_balance_the_loads() {
    for index in 0..4 {
        let s = sample("cells = [[2, 4], [2, 4], [2, 4]]", index);
        let x = s.solution.as_ref().unwrap();
        let mut r = vec![0.0; s.n()];
        s.matrix.spmv(x, &mut r);
        let error = r.iter().zip(&s.rhs).map(|(r, b)| (r - b).powi(2)).sum::<f64>().sqrt();
        let size = s.rhs.iter().map(|b| b * b).sum::<f64>().sqrt();
        assert!(error < 1e-11 * size, "residual {}", error / size);
        assert!(s.matrix.is_symmetric(1e-12));
    }
}

#[test]
fn the_ground_takes_the_weight() {
    // Self-weight alone: the vertical loads on free nodes and the columns' lower halves add up to ρ g A Σ length.
    let s = sample("cells = [[2, 3], [2, 3], [2, 3]]\nloads = [\"self-weight\"]", 3);
    let points: Vec<_> = s.field("points").unwrap().values.chunks(3).map(<[f64]>::to_vec).collect();
    let free = s.n() / 6;
    let per_metre = param(&s, "density") * 9.81 * param(&s, "width") * param(&s, "depth");
    let mut expected = 0.0;
    for ends in s.field("beams").unwrap().values.chunks(2) {
        let (a, b) = (ends[0] as usize, ends[1] as usize);
        let length: f64 = (0..3).map(|d| (points[a][d] - points[b][d]).powi(2)).sum::<f64>().sqrt();
        let carried = [a, b].iter().filter(|&&v| v < free).count() as f64;
        expected += 0.5 * carried * length * per_metre;
    }
    let total: f64 = s.rhs.chunks(6).map(|f| -f[2]).sum();
    assert!((total / expected - 1.0).abs() < 1e-12, "{total} for {expected}");
    // Reactions: forces of K on the free nodes against a rigid shift are those of the clamped feet.
    let x = s.solution.as_ref().unwrap();
    let modes = rigid_body_modes(&points.iter().map(|p| [p[0], p[1], p[2]]).collect::<Vec<_>>());
    for mode in &modes {
        let mut k = vec![0.0; s.n()];
        s.matrix.spmv(&mode[..s.n()], &mut k);
        let by_feet: f64 = k.iter().zip(x).map(|(a, b)| a * b).sum();
        let by_load: f64 = mode.iter().zip(&s.rhs).map(|(a, b)| a * b).sum();
        let scale = s.rhs.iter().map(|b| b.abs()).sum::<f64>() * 10.0;
        assert!((by_feet - by_load).abs() < 1e-9 * scale, "{by_feet} against {by_load}");
    }
}

#[test]
fn bad_keys_are_named() {
    for (keys, part) in [
        ("cells = [[0, 3], [2, 3], [2, 3]]", "frame.cells"),
        ("cells = [[3, 3], [2, 3], [2, 3]]", "frame.cells"),
        ("loads = []", "frame.loads"),
        ("loads = [\"rain\"]", "[frame]"),
        ("height = 3", "height"),
    ] {
        let Err(e) = families::build("frame", &keys.parse().unwrap(), "r.toml") else {
            panic!("{keys} was accepted");
        };
        assert!(e.to_string().contains(part), "{e}");
    }
}
