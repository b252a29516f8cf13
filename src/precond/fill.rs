//! Patterns of incomplete factors by level of fill.

use crate::linalg::Csr;

/// Row pointers and column indices of a triangle.
pub(super) type Triangle = (Vec<u32>, Vec<u32>);

/// Strict lower and strict upper triangle of the level-k pattern of a square matrix, columns rising.
///
/// lev(i, j) = 0 where a_ij is stored, else min over m < min(i, j) of lev(i, m) + lev(m, j) + 1; kept up to `levels`.
/// Reference: Saad (2003), section 10.3.3.
pub(super) fn levels(a: &Csr, levels: usize) -> (Triangle, Triangle) {
    let n = a.nrows();
    let mut lower: Triangle = (vec![0], Vec::new());
    let mut upper: Triangle = (vec![0], Vec::new());
    // Levels of the upper entries, needed to eliminate later rows.
    let mut upper_level: Vec<u32> = Vec::new();
    let mut level = vec![u32::MAX; n];
    let mut row: Vec<u32> = Vec::new();
    for i in 0..n {
        row.clear();
        row.extend_from_slice(a.row(i).0);
        for &j in &row {
            level[j as usize] = 0;
        }
        if levels > 0 {
            eliminate(i, levels, &mut row, &mut level, &upper, &upper_level);
        }
        for &j in &row {
            match (j as usize).cmp(&i) {
                std::cmp::Ordering::Less => lower.1.push(j),
                std::cmp::Ordering::Equal => {}
                std::cmp::Ordering::Greater => {
                    upper.1.push(j);
                    upper_level.push(level[j as usize]);
                }
            }
            level[j as usize] = u32::MAX;
        }
        lower.0.push(lower.1.len() as u32);
        upper.0.push(upper.1.len() as u32);
    }
    (lower, upper)
}

/// Adds to row i what elimination with the rows above fills in, up to the level allowed.
fn eliminate(
    i: usize,
    levels: usize,
    row: &mut Vec<u32>,
    level: &mut [u32],
    upper: &Triangle,
    known: &[u32],
) {
    let mut at = 0;
    while at < row.len() && (row[at] as usize) < i {
        let m = row[at] as usize;
        let above = upper.0[m] as usize..upper.0[m + 1] as usize;
        for (&j, &up) in upper.1[above.clone()].iter().zip(&known[above]) {
            let fill = level[m].saturating_add(up).saturating_add(1);
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
}
