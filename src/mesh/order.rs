//! Bandwidth-reducing numbering.

use std::collections::VecDeque;

use crate::linalg::Pattern;

/// Reverse Cuthill–McKee: `order[new] = old` (Cuthill & McKee 1969, doi:10.1145/800195.805928; George 1971).
///
/// Components start from a vertex that is far from all others (two sweeps of breadth-first search); ties go to the
/// lower number, so that the order is a function of the pattern.
pub fn reverse_cuthill_mckee(pattern: &Pattern) -> Vec<u32> {
    let n = pattern.nrows();
    let degree = |v: u32| pattern.row(v as usize).len();
    let mut order: Vec<u32> = Vec::with_capacity(n);
    let mut seen = vec![false; n];
    for seed in 0..n as u32 {
        if seen[seed as usize] {
            continue;
        }
        let far = last_level(pattern, seed);
        let start = last_level(pattern, far);
        let mut queue = VecDeque::from([start]);
        seen[start as usize] = true;
        while let Some(v) = queue.pop_front() {
            order.push(v);
            let mut next: Vec<u32> = pattern.row(v as usize).to_vec();
            next.retain(|&w| !seen[w as usize]);
            next.sort_by_key(|&w| (degree(w), w));
            for w in next {
                seen[w as usize] = true;
                queue.push_back(w);
            }
        }
    }
    order.reverse();
    order
}

/// A vertex of least degree among those farthest from `start`.
fn last_level(pattern: &Pattern, start: u32) -> u32 {
    let mut level = vec![start];
    let mut seen = vec![false; pattern.nrows()];
    seen[start as usize] = true;
    loop {
        let mut next = Vec::new();
        for &v in &level {
            for &w in pattern.row(v as usize) {
                if !std::mem::replace(&mut seen[w as usize], true) {
                    next.push(w);
                }
            }
        }
        if next.is_empty() {
            let degree = |v: u32| pattern.row(v as usize).len();
            return level.iter().copied().min_by_key(|&v| (degree(v), v)).unwrap_or(start);
        }
        level = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bandwidth(pattern: &Pattern, order: &[u32]) -> usize {
        let mut new = vec![0usize; order.len()];
        for (i, &old) in order.iter().enumerate() {
            new[old as usize] = i;
        }
        (0..pattern.nrows())
            .flat_map(|i| pattern.row(i).iter().map(move |&j| (i, j as usize)))
            .map(|(i, j)| new[i].abs_diff(new[j]))
            .max()
            .unwrap_or(0)
    }

    #[test]
    fn a_shuffled_path_gets_bandwidth_one() {
        let names = [4u32, 0, 6, 2, 5, 1, 3];
        let mut pairs: Vec<(u32, u32)> = (0..7).map(|i| (i, i)).collect();
        for w in names.windows(2) {
            pairs.extend([(w[0], w[1]), (w[1], w[0])]);
        }
        let pattern = Pattern::from_pairs(7, 7, &pairs).unwrap();
        let order = reverse_cuthill_mckee(&pattern);
        assert_eq!(bandwidth(&pattern, &order), 1);
        let mut sorted = order;
        sorted.sort_unstable();
        assert_eq!(sorted, (0..7).collect::<Vec<_>>());
    }

    #[test]
    fn every_component_is_numbered() {
        let pattern = Pattern::from_pairs(4, 4, &[(0, 2), (2, 0), (1, 1)]).unwrap();
        let mut order = reverse_cuthill_mckee(&pattern);
        order.sort_unstable();
        assert_eq!(order, [0, 1, 2, 3]);
    }
}
