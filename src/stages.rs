//! Seconds of the work of a thread by stage, for those who ask for them ([`watched`]); for others a stage costs one
//! look at a variable of the thread.

use std::cell::Cell;
use std::time::Instant;

/// A stage of the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Entries of matrices and right-hand sides from coefficients.
    Assemble,
    /// A factor, or a hierarchy, of a matrix.
    Factorise,
    /// Solutions of systems with it.
    Solve,
}

/// Seconds by stage.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Seconds {
    /// Of [`Stage::Assemble`].
    pub assemble: f64,
    /// Of [`Stage::Factorise`].
    pub factorise: f64,
    /// Of [`Stage::Solve`].
    pub solve: f64,
}

impl Seconds {
    fn of(&mut self, stage: Stage) -> &mut f64 {
        match stage {
            Stage::Assemble => &mut self.assemble,
            Stage::Factorise => &mut self.factorise,
            Stage::Solve => &mut self.solve,
        }
    }

    /// Of all stages.
    pub fn total(&self) -> f64 {
        self.assemble + self.factorise + self.solve
    }
}

thread_local! {
    /// What is measured on this thread; None while nobody asks, and within a stage.
    static MEASURED: Cell<Option<Seconds>> = const { Cell::new(None) };
}

/// Does some work of a stage. Of stages within stages the outermost counts.
#[inline]
pub fn during<T>(stage: Stage, work: impl FnOnce() -> T) -> T {
    let Some(mut seconds) = MEASURED.take() else {
        return work();
    };
    let start = Instant::now();
    let done = work();
    *seconds.of(stage) += start.elapsed().as_secs_f64();
    MEASURED.set(Some(seconds));
    done
}

/// Does some work on this thread and measures its stages.
pub fn watched<T>(work: impl FnOnce() -> T) -> (T, Seconds) {
    MEASURED.set(Some(Seconds::default()));
    let done = work();
    (done, MEASURED.take().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_outermost_stage_counts_and_only_while_watched() {
        let wait = || std::thread::sleep(Duration::from_millis(2));
        during(Stage::Solve, wait);
        let ((), seconds) = watched(|| {
            during(Stage::Factorise, || during(Stage::Solve, wait));
            during(Stage::Assemble, wait);
            during(Stage::Assemble, wait);
        });
        assert!(seconds.factorise >= 0.002 && seconds.assemble >= 0.004 && seconds.solve == 0.0, "{seconds:?}");
        assert_eq!(seconds.total(), seconds.factorise + seconds.assemble);
        assert_eq!(watched(|| ()).1, Seconds::default());
    }
}
