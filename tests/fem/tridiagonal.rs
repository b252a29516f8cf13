//! The family `tridiagonal`: what its construction promises.

use fempipe::families;
use fempipe::linalg::{Cholesky, Csr, LinOp, dense};

#[test]
fn factor_inverse_and_solution_are_what_they_are_called() {
    for (keys, n) in [
        ("n = 40", 40),
        ("n = 7\nspread = 0.8", 7),
        ("n = 2", 2),
        ("n = 6\nspread = 0.5\ndraw = 'normal'", 6),
        ("n = 12\ndraw = 'independent'", 12),
        ("n = 30\ncorner = 1.0", 30),
        ("n = 9\nspread = 0.3\nrhs = 'product'", 9),
    ] {
        let family = families::build("tridiagonal", &keys.parse().unwrap(), "test").unwrap();
        let s = family.sampler().unwrap().sample(3, 5).unwrap();
        assert_eq!(s.n(), n);
        let mut entries = Vec::new();
        let mut values = s.label("cholesky").unwrap().values.iter();
        for i in 0..n {
            for &j in s.matrix.row(i).0.iter().filter(|&&j| j as usize <= i) {
                entries.push((i, j as usize, *values.next().unwrap()));
            }
        }
        assert!(values.next().is_none());
        let l = Csr::from_triplets(n, n, &entries).unwrap();
        let product = l.matmul(&l.transpose()).unwrap();
        for i in 0..n {
            let (cols, vals) = s.matrix.row(i);
            assert!(cols.iter().all(|&j| i.abs_diff(j as usize) <= 1));
            for (&j, v) in cols.iter().zip(vals) {
                assert!((product.get(i, j as usize) - v).abs() < 1e-14 * v.abs());
            }
        }
        assert!(l.diagonal().iter().all(|&d| d > 0.0));
        // L⁻¹ = tril(u vᵀ): every 2×2 minor below the diagonal vanishes.
        let inverse: Vec<Vec<f64>> = (0..n)
            .map(|c| {
                let mut column = vec![0.0; n];
                for i in c..n {
                    let unit = f64::from(u8::from(i == c));
                    let before = if i > c { l.get(i, i - 1) * column[i - 1] } else { 0.0 };
                    column[i] = (unit - before) / l.get(i, i);
                }
                column
            })
            .collect();
        for i in 2..n {
            let (a, b) = (inverse[0][i] * inverse[1][i - 1], inverse[1][i] * inverse[0][i - 1]);
            assert!((a - b).abs() <= 1e-12 * a.abs().max(b.abs()));
        }
        let mut x = s.rhs.clone();
        Cholesky::new(&s.matrix).unwrap().solve_in_place(&mut x);
        let known = s.solution.as_ref().unwrap();
        let size = known.iter().fold(0.0f64, |m, v| m.max(v.abs()));
        assert!(x.iter().zip(known).all(|(a, b)| (a - b).abs() < 1e-9 * size));
        assert!(dense::eigenvalues_symmetric(&dense::from_csr(&s.matrix)).unwrap()[0] > 0.0);
    }
    assert!(families::build("tridiagonal", &"n = 1".parse().unwrap(), "r").is_err());
}

#[test]
fn one_entry_of_a_changes_all_of_the_factor() {
    let sample = |more: &str| {
        let keys = format!("n = 30\n{more}").parse().unwrap();
        families::build("tridiagonal", &keys, "test").unwrap().sampler().unwrap().sample(2, 1).unwrap()
    };
    let (plain, corner) = (sample(""), sample("corner = 1.0"));
    for i in 0..30 {
        let (cols, before) = plain.matrix.row(i);
        for ((&j, b), a) in cols.iter().zip(before).zip(corner.matrix.row(i).1) {
            let added = if (i, j) == (0, 0) { 1.0 } else { 0.0 };
            assert!((a - b - added).abs() < 1e-12 * b.abs(), "{i} {j}: {b} {a}");
        }
    }
    let factor = |s: &fempipe::system::LinearSystem| s.label("cholesky").unwrap().values.clone();
    let pairs: Vec<_> = factor(&plain).into_iter().zip(factor(&corner)).collect();
    assert!(pairs.iter().all(|(a, b)| a != b), "{pairs:?}");
    assert!(families::build("tridiagonal", &"corner = -1.0".parse().unwrap(), "r").is_err());
}

#[test]
fn every_published_system_is_solved_by_its_solution() {
    let keys = "n = 100\nspread = 1.0\ndraw = 'normal'\ncorner = 1.0\nrhs = 'product'".parse().unwrap();
    let family = families::build("tridiagonal", &keys, "test").unwrap();
    let mut sampler = family.sampler().unwrap();
    for index in 0..1300 {
        let s = sampler.sample(1, index).unwrap();
        let mut r = vec![0.0; s.n()];
        s.matrix.apply(s.solution.as_ref().unwrap(), &mut r);
        let norm = |v: &[f64]| v.iter().map(|a| a * a).sum::<f64>().sqrt();
        let residual: Vec<f64> = r.iter().zip(&s.rhs).map(|(a, b)| a - b).collect();
        assert!(norm(&residual) <= 1e-12 * norm(&s.rhs), "{index}");
    }
}
