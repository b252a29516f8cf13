//! Matrices that tests share.

use crate::linalg::Csr;

/// The 5-point Laplacian on m×m points.
pub(super) fn laplacian(m: usize) -> Csr {
    let mut entries = Vec::new();
    for i in 0..m * m {
        entries.push((i, i, 4.0));
        for (there, j) in [(i % m + 1 < m, i + 1), (i + m < m * m, i + m)] {
            if there {
                entries.extend([(i, j, -1.0), (j, i, -1.0)]);
            }
        }
    }
    Csr::from_triplets(m * m, m * m, &entries).unwrap()
}
