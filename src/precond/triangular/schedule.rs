//! The order of a substitution: rows one after the other, and where they allow it several chains of them side by side.
//!
//! A row that uses its predecessor's result waits for it; on a grid that is every row of a line but the first. Two
//! lines whose rows only look back at each other by a few places can run at once, the second a little behind, and
//! hide each other's wait.

use super::triangle::StrictTriangle;

/// Chains run side by side at most.
const WIDTH: usize = 4;
/// Chains shorter than this are not worth it.
const SHORTEST: usize = 12;

/// Rows by their place in the order of substitution: place p is row p of a lower triangle, row n − 1 − p of an upper
/// one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Step {
    /// Places first .. end, one after the other.
    Plain { first: u32, end: u32 },
    /// `width` chains that begin at `first` + k `len` for k < `width`; chain k runs `lag` k places behind the first.
    Side { first: u32, len: u32, width: u32, lag: u32 },
}

/// The steps in which substitution runs through a triangle.
pub fn substitution_schedule<T>(t: &StrictTriangle<T>) -> Vec<Step> {
    let n = t.n();
    let row = |place: usize| if t.lower { place } else { n - 1 - place };
    let mut starts: Vec<usize> = (0..n).filter(|&p| !t.adjacent[row(p)]).collect();
    starts.push(n);
    let mut steps: Vec<Step> = Vec::new();
    let mut at = 0;
    while at + 1 < starts.len() {
        let (first, len) = (starts[at], starts[at + 1] - starts[at]);
        // Chains of equal length that follow each other.
        let equal = starts[at..].windows(2).take(WIDTH).take_while(|w| w[1] - w[0] == len).count();
        let found = match len >= SHORTEST && equal >= 2 {
            true => (2..=equal).rev().find_map(|width| Some((width, lag(t, first, len, width)?))),
            false => None,
        };
        let width = found.map_or(1, |f| f.0);
        let step = match found {
            Some((width, lag)) => {
                Step::Side { first: first as u32, len: len as u32, width: width as u32, lag: lag as u32 }
            }
            None => Step::Plain { first: first as u32, end: (first + len) as u32 },
        };
        match (steps.last_mut(), step) {
            (Some(Step::Plain { end: last, .. }), Step::Plain { end, .. }) => *last = end,
            _ => steps.push(step),
        }
        at += width;
    }
    steps
}

/// The smallest lag with which `width` chains of `len` rows from `first` on can run side by side.
fn lag<T>(t: &StrictTriangle<T>, first: usize, len: usize, width: usize) -> Option<usize> {
    let n = t.n();
    let place = |i: usize| if t.lower { i } else { n - 1 - i };
    let mut lag = 1;
    for p in first + len..first + width * len {
        let (chain, q) = ((p - first) / len, (p - first) % len);
        for k in t.far(place(p)) {
            let other = place(t.indices[k] as usize);
            if other < first {
                continue;
            }
            let (chain_of, q_of) = ((other - first) / len, (other - first) % len);
            if chain_of < chain && q_of > q {
                // Made at time q_of + lag chain_of, needed at q + lag chain.
                lag = lag.max((q_of - q).div_ceil(chain - chain_of) + 1);
            }
        }
        if lag * (width - 1) * 2 > len {
            return None;
        }
    }
    Some(lag)
}
