//! Two-phase fields: one of two values, by the sign of another field.

/// The values of Li et al. (2021, arXiv:2010.08895): 3 where the field is negative, 12 elsewhere.
pub const PHASES: [f64; 2] = [3.0, 12.0];

/// `g ← phases[0]` where g < 0, `phases[1]` elsewhere.
pub fn by_sign(field: &mut [f64], phases: [f64; 2]) {
    for v in field {
        *v = phases[usize::from(*v >= 0.0)];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_counts_as_positive() {
        let mut field = [-1e-300, 0.0, 2.0];
        by_sign(&mut field, PHASES);
        assert_eq!(field, [3.0, 12.0, 12.0]);
    }
}
