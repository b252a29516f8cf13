//! Incomplete factors as matrices: out of [`Icc`], to look at or to learn from, and back into one.

use std::sync::Arc;

use super::icc::Icc;
use super::shift::Shift;
use super::triangular::StrictTriangle;
use crate::error::{Error, Result};
use crate::linalg::{Csr, Pattern};

impl Icc {
    /// L, lower triangular with positive diagonal: M⁻¹ = L Lᵀ.
    ///
    /// # Errors
    /// If the factor has too many entries to index.
    pub fn factor(&self) -> Result<Csr> {
        let (lower, inverse_d) = self.parts();
        let rows = inverse_d.len();
        let root: Vec<f64> = inverse_d.iter().map(|d| 1.0 / d.sqrt()).collect();
        let mut indptr = Vec::with_capacity(rows + 1);
        let (mut indices, mut values) = (Vec::new(), Vec::new());
        indices.reserve_exact(lower.nnz() + rows);
        values.reserve_exact(lower.nnz() + rows);
        indptr.push(0);
        for (i, &root_i) in root.iter().enumerate() {
            for (j, v) in lower.row(i) {
                indices.push(j);
                values.push(v * root[j as usize]);
            }
            indices.push(i as u32);
            values.push(root_i);
            indptr.push(indices.len() as u32);
        }
        Csr::new(Arc::new(Pattern::new(rows, rows, indptr, indices)?), values)
    }

    /// The same pattern with other entries of L, in the order of [`Icc::factor`]'s rows; only the sign of a column may
    /// be negative.
    ///
    /// # Errors
    /// [`Error::Shape`] if there is not one value an entry, [`Error::Numeric`] if one is not finite or one on the
    /// diagonal is zero.
    pub fn with_entries(&self, entries: &[f64]) -> Result<Self> {
        let (triangle, inverse_d) = self.parts();
        let (mut lower, n) = (triangle.clone(), inverse_d.len());
        if entries.len() != lower.nnz() + n {
            return Err(Error::shape("entries of a factor", lower.nnz() + n, entries.len()));
        }
        let mut diagonal = vec![0.0; n];
        let mut next = 0;
        for i in 0..n {
            for k in lower.far(i) {
                lower.values[k] = entries[next] / diagonal[lower.indices[k] as usize];
                next += 1;
            }
            if lower.adjacent[i] {
                lower.near[i] = entries[next] / diagonal[i - 1];
                next += 1;
            }
            diagonal[i] = entries[next];
            next += 1;
            if !diagonal[i].is_finite() || diagonal[i] == 0.0 {
                return Err(Error::Numeric(format!("a factor: diagonal entry {i} is {}", diagonal[i])));
            }
        }
        if !entries.iter().all(|v| v.is_finite()) {
            return Err(Error::Numeric("a factor: an entry is not finite".into()));
        }
        let upper = lower.transposed();
        Ok(Icc::from_parts(lower, upper, diagonal.iter().map(|d| 1.0 / (d * d)).collect(), Shift::NONE))
    }

    /// M⁻¹ = L Lᵀ for a given lower triangular L; only the sign of a column may be negative.
    ///
    /// # Errors
    /// [`Error::Shape`] unless L is square and lower triangular, [`Error::Numeric`] if an entry is not finite or one on
    /// the diagonal is zero or not stored.
    pub fn from_factor(l: &Csr) -> Result<Self> {
        super::check_square_finite(l)?;
        let diagonal = super::nonzero_diagonal("a factor", l)?;
        let (mut indptr, mut indices, mut values) = (vec![0u32], Vec::new(), Vec::new());
        for i in 0..l.nrows() {
            let (cols, vals) = l.row(i);
            if cols.last().is_some_and(|&j| j as usize > i) {
                return Err(Error::shape(
                    "factor",
                    "lower triangular",
                    format!("entries above the diagonal in row {i}"),
                ));
            }
            for (&j, &v) in cols.iter().zip(vals).filter(|&(&j, _)| (j as usize) < i) {
                indices.push(j);
                values.push(v / diagonal[j as usize]);
            }
            indptr.push(indices.len() as u32);
        }
        let lower = StrictTriangle::from_rows(true, &indptr, &indices, &values);
        let upper = lower.transposed();
        let inverse_d = diagonal.iter().map(|d| 1.0 / (d * d)).collect();
        Ok(Icc::from_parts(lower, upper, inverse_d, Shift::NONE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linalg::LinOp;

    #[test]
    fn there_and_back() {
        let n = 6;
        let mut entries = Vec::new();
        for i in 0..n {
            entries.push((i, i, 4.0 + i as f64));
            for j in [i + 1, i + 3] {
                if j < n {
                    entries.extend([(i, j, -1.0 - i as f64 / 10.0), (j, i, -1.0 - i as f64 / 10.0)]);
                }
            }
        }
        let a = Csr::from_triplets(n, n, &entries).unwrap();
        let icc = Icc::new(&a, 0).unwrap();
        let l = icc.factor().unwrap();
        // Incomplete Cholesky meets A on its pattern.
        let product = l.matmul(&l.transpose()).unwrap();
        for &(i, j, v) in &entries {
            assert!((product.get(i, j) - v).abs() < 1e-12);
        }
        let again = Icc::from_factor(&l).unwrap();
        let x: Vec<f64> = (0..n).map(|i| i as f64 - 2.5).collect();
        let (mut y, mut z) = (vec![0.0; n], vec![0.0; n]);
        icc.apply(&x, &mut y);
        again.apply(&x, &mut z);
        assert!(y.iter().zip(&z).all(|(a, b)| (a - b).abs() < 1e-13));
        assert!(Icc::from_factor(&a).is_err());
        // Other entries on the same pattern.
        let doubled: Vec<f64> = l.values().iter().map(|v| 2.0 * v).collect();
        icc.with_entries(&doubled).unwrap().apply(&x, &mut z);
        assert!(y.iter().zip(&z).all(|(a, b)| (a - 4.0 * b).abs() < 1e-13));
        assert!(icc.with_entries(&doubled[1..]).is_err() && icc.with_entries(&vec![0.0; doubled.len()]).is_err());
    }
}
