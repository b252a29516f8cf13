//! The family `tridiagonal`: what its construction promises.

use fempipe::families;
use fempipe::linalg::{Cholesky, Csr, dense};

#[test]
fn factor_inverse_and_solution_are_what_they_are_called() {
    for (keys, n) in [("n = 40", 40), ("n = 7\nspread = 0.8", 7), ("n = 2", 2)] {
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
