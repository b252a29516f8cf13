//! Numbers of several systems side by side: `[f64; W]` has one of each, so that what is done to one number of a system
//! is one vector operation on W of them, in the same order. So every system gets the bits that it gets alone.

/// Systems that are made and solved side by side. Of [`f64`]s that fill a vector register of 512 bits, or two of 256.
pub const LANES: usize = 8;

/// Numbers of a system at most for that: beyond, systems side by side take more than a cache.
const MOST_NUMBERS: usize = 1 << 18;

/// Numbers of each system that are taken apart at a time: so many stay in the nearest cache meanwhile.
const BLOCK: usize = 64;

/// How many systems of so many numbers are best made side by side.
pub fn for_numbers(numbers: usize) -> usize {
    if numbers <= MOST_NUMBERS { LANES } else { 1 }
}

/// What `work` makes of at most [`LANES`] systems at a time.
pub fn groups<I, T>(all: &[I], work: impl FnMut(&[I]) -> Vec<T>) -> Vec<T> {
    all.chunks(LANES).flat_map(work).collect()
}

/// Numbers of systems side by side; what is missing in the last places is that of the first system.
///
/// # Panics
/// If there is no system, there are more than W, or their numbers are not as many.
pub fn together<const W: usize>(systems: &[impl AsRef<[f64]>]) -> Vec<[f64; W]> {
    assert!((1..=W).contains(&systems.len()), "systems side by side");
    let of: [&[f64]; W] = std::array::from_fn(|w| systems.get(w).unwrap_or(&systems[0]).as_ref());
    assert!(of.iter().all(|numbers| numbers.len() == of[0].len()), "numbers of systems side by side");
    (0..of[0].len()).map(|i| of.map(|numbers| numbers[i])).collect()
}

/// The numbers of the first `count` systems, system by system; `numbers` is empty afterwards or as it was.
///
/// # Panics
/// If there are fewer systems.
pub fn apart<const W: usize>(numbers: &mut Vec<[f64; W]>, count: usize) -> Vec<Vec<f64>> {
    assert!(count <= W, "systems side by side");
    if W == 1 && count == 1 {
        // Large systems are made alone: no second copy of theirs.
        return vec![std::mem::take(numbers).into_flattened()];
    }
    let mut out: Vec<Vec<f64>> = (0..count).map(|_| Vec::with_capacity(numbers.len())).collect();
    for block in numbers.chunks(BLOCK) {
        for (w, out) in out.iter_mut().enumerate() {
            out.extend(block.iter().map(|all| all[w]));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_gets_its_own() {
        let mut three: Vec<[f64; 3]> = (0..150).map(|i| [1.0, 2.0, 3.0].map(|w| w + 10.0 * f64::from(i))).collect();
        let all = apart(&mut three, 2);
        assert_eq!(all.len(), 2);
        assert_eq!(together::<3>(&[&all[0], &all[1]])[9], [91.0, 92.0, 91.0]);
        assert!((0..150).all(|i| all[1][i] == 2.0 + 10.0 * i as f64));
        let mut one = vec![[7.0], [8.0]];
        assert_eq!(apart(&mut one, 1), [[7.0, 8.0]]);
        assert!(apart(&mut one, 0).is_empty());
    }
}
