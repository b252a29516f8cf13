//! Two-phase fields: one of two values, by the sign or the rank of another field.

/// The values of Li et al. (2021, arXiv:2010.08895): 3 where the field is negative, 12 elsewhere.
pub const PHASES: [f64; 2] = [3.0, 12.0];

/// `g ← phases[0]` where g < 0, `phases[1]` elsewhere.
pub fn by_sign(field: &mut [f64], phases: [f64; 2]) {
    for v in field {
        *v = phases[usize::from(*v >= 0.0)];
    }
}

/// `g ← phases[1]` at the share `fraction` of the points with the largest g, `phases[0]` elsewhere; of equal values the
/// later points come first.
pub fn by_fraction(field: &mut [f64], phases: [f64; 2], fraction: f64) {
    let mut order: Vec<usize> = (0..field.len()).collect();
    order.sort_by(|&i, &j| field[i].total_cmp(&field[j]).then(i.cmp(&j)));
    let first = field.len() - in_second(field.len(), fraction);
    for (rank, i) in order.into_iter().enumerate() {
        field[i] = phases[usize::from(rank >= first)];
    }
}

/// How many of so many points have the second value.
pub fn in_second(points: usize, fraction: f64) -> usize {
    ((fraction * points as f64).round() as usize).min(points)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fraction_is_exact_whatever_the_field() {
        let mut field = [0.5, -3.0, 7.0, 7.0, 1.0, 0.0, -1.0, 2.0];
        by_fraction(&mut field, [1.0, 9.0], 0.25);
        assert_eq!(field, [1.0, 1.0, 9.0, 9.0, 1.0, 1.0, 1.0, 1.0]);
        let mut equal = [4.0; 4];
        by_fraction(&mut equal, [1.0, 9.0], 0.5);
        assert_eq!(equal, [1.0, 1.0, 9.0, 9.0]);
    }

    #[test]
    fn zero_counts_as_positive() {
        let mut field = [-1e-300, 0.0, 2.0];
        by_sign(&mut field, PHASES);
        assert_eq!(field, [3.0, 12.0, 12.0]);
    }
}
