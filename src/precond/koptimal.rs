//! The K-optimal factor of A, from its inverse.

use serde::{Deserialize, Serialize};

use super::fsai::{corner, not_definite};
use super::icc::Icc;
use super::shift::Shift;
use super::triangular::StrictTriangle;
use super::{Built, Preconditioner, Reuse, check_symmetric};
use crate::entry::Entry;
use crate::error::Result;
use crate::linalg::{Csr, Props, dense};

/// `koptimal`.
pub(super) static ENTRY: Entry<dyn Preconditioner> = Entry {
    source: "Kaporin (1994), doi:10.1002/nla.1680010208",
    needs: "A symmetric positive definite",
    ..Entry::of::<Config>(
        "koptimal",
        "the factor on the pattern of A of least K-condition number; from the dense inverse, for small n",
    )
};

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {}

impl Preconditioner for Config {
    fn build(&self, a: &Csr, _reuse: &mut Reuse) -> Result<Built> {
        Ok(Built::new(Icc::k_optimal(a)?))
    }
    fn props(&self) -> Props {
        Props::SPD
    }
}

impl Icc {
    /// The K-optimal factor: L Lᵀ ≈ A with L on the pattern of tril(A) and the K-condition number
    /// tr(L⁻¹ A L⁻ᵀ)ⁿ / det(L⁻¹ A L⁻ᵀ) as small as possible.
    ///
    /// Column i is v/√v₁ with B v = e₁, B the submatrix of A⁻¹ on the column's pattern: FSAI of the inverse. Takes
    /// the dense inverse, O(n³): for small n. Reference: Kaporin (1994), doi:10.1002/nla.1680010208.
    ///
    /// # Errors
    /// [`crate::Error::Shape`] unless A is square; [`crate::Error::Numeric`] unless it is symmetric, finite and
    /// positive definite.
    pub fn k_optimal(a: &Csr) -> Result<Self> {
        check_symmetric("koptimal", a)?;
        let inverse = dense::inverse_spd(a)?;
        let n = a.nrows();
        let (mut indptr, mut indices, mut values) = (vec![0u32], Vec::new(), Vec::new());
        let mut inverse_d = Vec::with_capacity(n);
        for i in 0..n {
            let mut rows = vec![i as u32];
            rows.extend(a.row(i).0.iter().filter(|&&j| j as usize > i));
            let v = corner(&rows, 0, &|i, j| inverse[(i, j)]).ok_or_else(|| not_definite("koptimal", i))?;
            // L = (unit L) √D: the column over its first entry, and D = v₁.
            values.extend(v[1..].iter().map(|w| w / v[0]));
            indices.extend_from_slice(&rows[1..]);
            indptr.push(indices.len() as u32);
            inverse_d.push(1.0 / v[0]);
        }
        let upper = StrictTriangle::from_rows(false, &indptr, &indices, &values);
        Ok(Icc::from_parts(upper.transposed(), upper, inverse_d, Shift::NONE))
    }
}
