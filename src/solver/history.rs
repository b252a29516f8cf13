//! What is kept of a residual history: all of it, or where it is long every second, fourth, … entry.

/// Most entries that are kept (8 MiB of residuals): beyond, every second one goes.
const MOST: usize = 1 << 20;

/// Entries by iteration, in bounded memory.
#[derive(Debug, Clone)]
pub(super) struct History<T> {
    kept: Vec<T>,
    /// Iterations from one kept entry to the next, a power of two.
    every: usize,
    /// Entries noted so far.
    count: usize,
}

impl<T> History<T> {
    /// With memory at hand for so many entries.
    pub(super) fn with_capacity(entries: usize) -> Self {
        History { kept: Vec::with_capacity(entries), every: 1, count: 0 }
    }

    /// Notes the entry of the next iteration.
    pub(super) fn push(&mut self, entry: T) {
        if self.count.is_multiple_of(self.every) {
            if self.kept.len() == MOST {
                self.thin();
            }
            // The entry may be one of those that go now.
            if self.count.is_multiple_of(self.every) {
                self.kept.push(entry);
            }
        }
        self.count += 1;
    }

    fn thin(&mut self) {
        let mut at = 0;
        self.kept.retain(|_| {
            at += 1;
            at % 2 == 1
        });
        self.every *= 2;
    }

    /// Entries noted.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Replaces the entry noted last, where it is kept.
    pub(super) fn replace_last(&mut self, entry: T) {
        let kept = self.count > 0 && (self.count - 1).is_multiple_of(self.every);
        if let Some(last) = self.kept.last_mut().filter(|_| kept) {
            *last = entry;
        }
    }

    /// What is kept, with the number of iterations from one entry to the next.
    pub(super) fn into_parts(self) -> (Vec<T>, usize) {
        (self.kept, self.every)
    }

    /// What is kept.
    pub(super) fn kept(&self) -> &[T] {
        &self.kept
    }
}

/// The second history, which begins where the first ended, behind it; each with the iterations from entry to entry.
/// Where they differ the finer one is thinned.
pub(super) fn joined(first: (Vec<f64>, usize), second: (Vec<f64>, usize)) -> (Vec<f64>, usize) {
    let every = first.1.max(second.1);
    let thinned = |(entries, own): (Vec<f64>, usize), skip: usize| {
        let step = every / own.max(1);
        entries.into_iter().skip(skip).step_by(step.max(1))
    };
    let mut all: Vec<f64> = thinned(first, 0).collect();
    all.extend(thinned(second, 1));
    let mut out = History { count: all.len() * every, kept: all, every };
    while out.kept.len() > MOST {
        out.thin();
    }
    out.into_parts()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_histories_are_thinned_and_short_ones_whole() {
        let mut history = History::with_capacity(0);
        for it in 0..MOST {
            history.push(it as f64);
        }
        assert_eq!((history.count(), history.kept().len()), (MOST, MOST));
        for it in MOST..5 * MOST {
            history.push(it as f64);
        }
        history.replace_last(-1.0);
        assert_eq!(history.count(), 5 * MOST);
        let (kept, every) = history.into_parts();
        assert!(every == 8 && kept.len() <= MOST && kept.len() > MOST / 2, "{every}, {}", kept.len());
        assert!(kept.iter().enumerate().all(|(k, &it)| it == (k * every) as f64));
    }

    #[test]
    fn joined_histories_go_on() {
        let (all, every) = joined((vec![3.0, 2.0], 1), (vec![2.0, 1.0, 0.5], 1));
        assert_eq!((all.as_slice(), every), (&[3.0, 2.0, 1.0, 0.5][..], 1));
        let (all, every) = joined((vec![4.0, 3.0, 2.0], 1), (vec![2.0, 1.0], 2));
        assert_eq!((all.as_slice(), every), (&[4.0, 2.0, 1.0][..], 2));
        let (all, every) = joined((vec![1.0; MOST], 1), (vec![1.0; MOST], 1));
        assert!(every == 2 && all.len() <= MOST);
    }
}
