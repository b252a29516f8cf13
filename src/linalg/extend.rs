//! Patterns with further entries.

use super::{Csr, Pattern};
use crate::error::Result;

/// How many further entries a share of those of `a` is.
pub fn share(a: &Pattern, share: f64) -> usize {
    (share * a.nnz() as f64) as usize
}

/// The pattern `a` and a share `extra` of its number of entries more: those of largest magnitude of `further` beyond
/// it; of equal ones the first by rows.
///
/// # Errors
/// [`crate::Error::Shape`] if the pattern grows beyond what indices hold.
pub fn with_largest(a: &Pattern, further: &Csr, extra: f64) -> Result<Pattern> {
    let mut beyond = Vec::new();
    for i in 0..a.nrows() {
        let (cols, values) = further.row(i);
        let outside = cols.iter().zip(values).filter(|(j, _)| a.find(i, **j as usize).is_none());
        beyond.extend(outside.map(|(&j, v)| (v.abs(), i as u32, j)));
    }
    beyond.sort_by(|x, y| y.0.total_cmp(&x.0).then((x.1, x.2).cmp(&(y.1, y.2))));
    beyond.truncate(share(a, extra));
    let own = (0..a.nrows()).flat_map(|i| a.row(i).iter().map(move |&j| (i as u32, j)));
    let mut pairs: Vec<(u32, u32)> = own.chain(beyond.iter().map(|f| (f.1, f.2))).collect();
    pairs.sort_unstable();
    Pattern::from_pairs(a.nrows(), a.ncols(), &pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_come_first() {
        let a = Csr::identity(3);
        let further = Csr::from_triplets(3, 3, &[(0, 0, 9.0), (0, 1, 1.0), (1, 0, -3.0), (2, 0, 1.0)]).unwrap();
        let at = |extra| with_largest(a.pattern(), &further, extra).unwrap();
        assert_eq!(at(0.0), **a.pattern());
        assert_eq!((at(0.34).nnz(), at(0.34).row(1)), (4, &[0, 1][..]));
        assert_eq!((at(0.67).row(0), at(0.67).row(2)), (&[0, 1][..], &[2][..]));
        assert_eq!((at(3.0).nnz(), at(f64::INFINITY).nnz()), (6, 6));
    }
}
