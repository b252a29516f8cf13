//! Patterns of incomplete factors by level of fill.

use crate::linalg::Csr;

/// Row pointers and column indices of a triangle.
pub(super) type Triangle = (Vec<u32>, Vec<u32>);

/// StrictTriangle lower and strict upper triangle of the level-k pattern of a square matrix, columns rising.
///
/// lev(i, j) = 0 where a_ij is stored, else min over m < min(i, j) of lev(i, m) + lev(m, j) + 1; kept up to `levels`.
/// Reference: Saad (2003), section 10.3.3.
pub(super) fn pattern(a: &Csr, levels: usize) -> (Triangle, Triangle) {
    let n = a.nrows();
    let mut lower: Triangle = (vec![0], Vec::with_capacity(a.nnz()));
    let mut upper: Triangle = (vec![0], Vec::with_capacity(a.nnz()));
    // Levels of the upper entries, needed to eliminate later rows.
    let mut upper_level: Vec<u32> = Vec::with_capacity(a.nnz());
    let mut level = vec![u32::MAX; n];
    // The columns of the row at hand as a rising list: from `n` to its first, from each to the next, from the last to
    // `n`.
    let mut next = vec![n as u32; n + 1];
    for i in 0..n {
        let mut last = n;
        for &j in a.row(i).0 {
            level[j as usize] = 0;
            next[last] = j;
            last = j as usize;
        }
        next[last] = n as u32;
        let mut m = next[n] as usize;
        while m < i {
            if levels > 0 {
                let above = upper.0[m] as usize..upper.0[m + 1] as usize;
                let known = (&upper.1[above.clone()], &upper_level[above]);
                eliminate(m, levels, known, &mut level, &mut next);
            }
            lower.1.push(m as u32);
            level[m] = u32::MAX;
            m = next[m] as usize;
        }
        while m < n {
            if m > i {
                upper.1.push(m as u32);
                upper_level.push(level[m]);
            }
            level[m] = u32::MAX;
            m = next[m] as usize;
        }
        lower.0.push(lower.1.len() as u32);
        upper.0.push(upper.1.len() as u32);
    }
    (lower, upper)
}

/// Adds to the row at hand what elimination with row m of U, its columns and their levels, fills in, up to the level
/// allowed.
fn eliminate(m: usize, levels: usize, (above, known): (&[u32], &[u32]), level: &mut [u32], next: &mut [u32]) {
    let mut at = m;
    for (&j, &up) in above.iter().zip(known) {
        let fill = level[m].saturating_add(up).saturating_add(1);
        if fill as usize > levels {
            continue;
        }
        let old = level[j as usize];
        if old == u32::MAX {
            while next[at] < j {
                at = next[at] as usize;
            }
            next[j as usize] = next[at];
            next[at] = j;
            at = j as usize;
        }
        level[j as usize] = old.min(fill);
    }
}
