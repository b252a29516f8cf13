//! Explicit approximate inverses M ≈ A⁻¹ as operators, dense or filtered to sparse.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::linalg::{Csr, LinOp, Pattern, Props};

/// z = M r with M given entry by entry.
pub struct ExplicitInverse {
    n: usize,
    form: Form,
    props: Props,
}

enum Form {
    /// n×n, row-major, in f32 as the network made it: half the memory traffic, products summed in f64.
    Dense(Vec<f32>),
    Sparse(Csr),
}

impl ExplicitInverse {
    /// M from its entries (n×n, row-major); entries |m_ij| < filter are dropped, `symmetrize` takes (M + Mᵀ)/2.
    ///
    /// # Errors
    /// [`Error::Numeric`] if an entry is not finite.
    pub fn new(n: usize, mut entries: Vec<f32>, filter: f64, symmetrize: bool) -> Result<Self> {
        if let Some(k) = entries.iter().position(|v| !v.is_finite()) {
            return Err(Error::Numeric(format!("predicted inverse: entry ({}, {}) is {}", k / n, k % n, entries[k])));
        }
        if symmetrize {
            for i in 0..n {
                for j in 0..i {
                    let mean = 0.5 * (entries[i * n + j] + entries[j * n + i]);
                    entries[i * n + j] = mean;
                    entries[j * n + i] = mean;
                }
            }
        }
        let form = if filter > 0.0 { Form::Sparse(filtered(n, &entries, filter)?) } else { Form::Dense(entries) };
        let props = if symmetrize { Props::SPD } else { Props::GENERAL };
        Ok(ExplicitInverse { n, form, props })
    }
}

fn filtered(n: usize, entries: &[f32], filter: f64) -> Result<Csr> {
    let mut indptr = vec![0u32];
    let (mut indices, mut values) = (Vec::new(), Vec::new());
    for row in entries.chunks_exact(n) {
        for (j, &v) in row.iter().enumerate() {
            if f64::from(v).abs() >= filter {
                indices.push(j as u32);
                values.push(f64::from(v));
            }
        }
        indptr.push(indices.len() as u32);
    }
    Csr::new(Arc::new(Pattern::new(n, n, indptr, indices)?), values)
}

impl LinOp for ExplicitInverse {
    fn shape(&self) -> (usize, usize) {
        (self.n, self.n)
    }
    fn props(&self) -> Props {
        self.props
    }
    fn apply(&self, x: &[f64], y: &mut [f64]) {
        match &self.form {
            Form::Sparse(m) => m.spmv(x, y),
            Form::Dense(m) => {
                for (row, yi) in m.chunks_exact(self.n).zip(y) {
                    *yi = dot_mixed(row, x);
                }
            }
        }
    }
    fn nnz(&self) -> usize {
        match &self.form {
            Form::Dense(m) => m.len(),
            Form::Sparse(m) => m.nnz(),
        }
    }
}

/// Σ aᵢ xᵢ with a in f32, summed in f64 over eight interleaved partial sums.
fn dot_mixed(a: &[f32], x: &[f64]) -> f64 {
    const LANES: usize = 8;
    let mut acc = [0.0f64; LANES];
    let (ac, ar) = a.as_chunks::<LANES>();
    let (xc, xr) = x.as_chunks::<LANES>();
    for (p, q) in ac.iter().zip(xc) {
        for l in 0..LANES {
            acc[l] += f64::from(p[l]) * q[l];
        }
    }
    let tail: f64 = ar.iter().zip(xr).map(|(p, q)| f64::from(*p) * q).sum();
    acc.iter().sum::<f64>() + tail
}
