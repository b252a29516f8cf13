//! Patterns of incomplete factors by level of fill.

use crate::linalg::Csr;

/// Strict lower triangle of the level-k pattern of a matrix with symmetric structure, by rows with rising columns.
///
/// lev(i, j) = 0 where a_ij is stored, else min over m < min(i, j) of lev(i, m) + lev(m, j) + 1; kept up to `levels`.
/// Reference: Saad (2003), section 10.3.3.
pub(super) fn lower_levels(a: &Csr, levels: usize) -> (Vec<u32>, Vec<u32>) {
    let n = a.nrows();
    let mut indptr = Vec::with_capacity(n + 1);
    indptr.push(0u32);
    let mut indices = Vec::new();
    // Upper rows found so far: (column, level), needed to eliminate later rows.
    let mut upper: Vec<Vec<(u32, u32)>> = Vec::with_capacity(n);
    let mut level = vec![u32::MAX; n];
    for i in 0..n {
        let mut row: Vec<u32> = a.row(i).0.to_vec();
        for &j in &row {
            level[j as usize] = 0;
        }
        let mut at = 0;
        while at < row.len() && (row[at] as usize) < i {
            let m = row[at] as usize;
            for &(j, l) in &upper[m] {
                let fill = level[m].saturating_add(l).saturating_add(1);
                let old = level[j as usize];
                if fill as usize > levels || fill >= old {
                    continue;
                }
                level[j as usize] = fill;
                if old == u32::MAX
                    && let Err(place) = row.binary_search(&j)
                {
                    row.insert(place, j);
                }
            }
            at += 1;
        }
        indices.extend(row.iter().filter(|&&j| (j as usize) < i));
        indptr.push(indices.len() as u32);
        let above = row.iter().filter(|&&j| j as usize > i);
        upper.push(above.map(|&j| (j, level[j as usize])).collect());
        for &j in &row {
            level[j as usize] = u32::MAX;
        }
    }
    (indptr, indices)
}
