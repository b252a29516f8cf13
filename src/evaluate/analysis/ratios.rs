//! What one row takes over what another takes, system by system.

use super::quantity::Quantity;
use crate::evaluate::bootstrap::{Interval, RESAMPLES, median};
use crate::evaluate::measure::Solve;
use crate::evaluate::noise::Noise;
use crate::evaluate::rounds;

/// The ratios of two rows on the systems that both tried. Of several rounds that of a system is the median of the
/// ratios within each, so that a machine that becomes slower slows both. A system that only one of both solved has the
/// ratio 0 or infinity; where both failed it is a tie of ratio 1.
pub struct Ratios {
    rising: Vec<f64>,
    /// Systems that both failed on.
    failed: usize,
    noise: Noise,
}

impl Ratios {
    /// Of pairs of solves of one system each.
    pub fn of(pairs: &[(&Solve, &Solve)], quantity: Quantity) -> Self {
        let ratio = |a: f64, b: f64| if a == b { 1.0 } else { a / b };
        let rounds = rounds::of_all(pairs.iter().flat_map(|&(a, b)| [a, b]));
        let of_round = |k: usize| {
            pairs.iter().map(|(a, b)| ratio(quantity.cost_in(a, k), quantity.cost_in(b, k))).collect::<Vec<f64>>()
        };
        let in_rounds: Vec<Vec<f64>> = (0..rounds).map(of_round).collect();
        let one = |(i, (a, b)): (usize, &(&Solve, &Solve))| match rounds {
            0 => ratio(quantity.cost(a), quantity.cost(b)),
            _ => middle(in_rounds.iter().map(|round| round[i]).collect()),
        };
        let mut rising: Vec<f64> = pairs.iter().enumerate().map(one).collect();
        rising.sort_by(f64::total_cmp);
        Ratios {
            rising,
            failed: pairs.iter().filter(|(a, b)| !a.converged && !b.converged).count(),
            noise: Noise::of_factor(&in_rounds, 0),
        }
    }

    /// Systems on which the first row took less.
    pub fn won(&self) -> usize {
        self.rising.partition_point(|&r| r < 1.0)
    }

    /// Systems on which both took the same.
    pub fn tied(&self) -> usize {
        self.rising.partition_point(|&r| r <= 1.0) - self.won()
    }

    /// Their median; None of no pairs.
    pub fn median(&self) -> Option<f64> {
        median(&self.rising)
    }

    /// Its 95 % interval: systems drawn, the machine's noise on all of them together.
    pub fn interval(&self) -> Option<Interval> {
        Interval::of_median_with(&self.rising, |median, k| median * self.noise.factor(k))
    }

    /// The 95 % interval of the share of systems that are won.
    pub fn share_interval(&self) -> Option<Interval> {
        let of = self.rising.len();
        if self.noise.is_none() {
            return Interval::of_share(self.won() as f64 / of as f64, of);
        }
        // The systems that both failed on are ties of ratio 1 on any machine.
        let ties = self.tied().min(self.failed);
        let won = |k: usize| {
            let factor = self.noise.factor(k);
            let below = self.rising.partition_point(|&r| r * factor < 1.0);
            let of_ties = if factor < 1.0 { ties } else { 0 };
            (below - of_ties.min(below)) as f64 / of as f64
        };
        Interval::of_shares((0..RESAMPLES).map(won), of)
    }
}

fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    median(&values).unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::sample::solve;
    use crate::evaluate::{Group, sample};
    use crate::rng::{Purpose, stream};
    use rand_chacha::ChaCha8Rng;
    use rand_distr::{Distribution, StandardNormal};

    /// Deviations of logarithms of seconds.
    #[derive(Clone, Copy)]
    struct Spread {
        systems: f64,
        /// Of the ratio of two rows from system to system.
        ratios: f64,
        /// Of a round, both rows alike.
        rounds: f64,
        /// Of a row within a round, all systems alike.
        rows: f64,
        /// Of each solve.
        solves: f64,
    }

    const SYSTEMS: usize = 20;

    /// Both rows on systems drawn anew, in so many rounds; the median of either, and of the ratio, is 1.
    fn drawn(rng: &mut ChaCha8Rng, spread: Spread, count: usize) -> [Vec<Solve>; 2] {
        let mut normal = |deviation: f64| -> f64 {
            let z: f64 = StandardNormal.sample(rng);
            deviation * z
        };
        let systems: Vec<[f64; 2]> = (0..SYSTEMS)
            .map(|_| [normal(spread.systems), normal(spread.ratios)])
            .map(|[both, ratio]| [both + 0.5 * ratio, both - 0.5 * ratio])
            .collect();
        let mut all = [Vec::new(), Vec::new()];
        for _ in 0..count {
            let round = normal(spread.rounds);
            for (r, rounds) in all.iter_mut().enumerate() {
                let row = round + normal(spread.rows);
                let one = |(i, system): (usize, &[f64; 2])| {
                    let seconds = (system[r] + row + normal(spread.solves)).exp();
                    Solve { setup_seconds: 0.0, solve_seconds: seconds, note: None, ..solve(r, i as u64, Some(3)) }
                };
                rounds.push(systems.iter().enumerate().map(one).collect::<Vec<Solve>>());
            }
        }
        all.map(rounds::combined)
    }

    /// Shares of 200 evaluations whose 95 % intervals hold the truth: of a median of seconds, of the median ratio, of
    /// the share won; and of the ratio where only systems are drawn.
    fn coverage(spread: Spread, count: usize) -> [f64; 4] {
        const TIMES: usize = 200;
        let mut rng = stream(11, Purpose::Measure, count as u64);
        let mut held = [0usize; 4];
        let mut results = sample::results();
        for _ in 0..TIMES {
            let [ours, theirs] = drawn(&mut rng, spread, count);
            let pairs: Vec<(&Solve, &Solve)> = ours.iter().zip(&theirs).collect();
            let ratios = Ratios::of(&pairs, Quantity::Seconds);
            let alone = Interval::of_median(&ratios.rising).unwrap();
            results.solves = ours.clone();
            let of_row = Group::of(&results, 0, 0, ours[0].target).unwrap();
            let median = of_row.timed(|s| Some(s.total())).unwrap().median_interval;
            let [ratio, share] = [ratios.interval(), ratios.share_interval()].map(Option::unwrap);
            let holds = [median.contains(1.0), ratio.contains(1.0), share.contains(0.5), alone.contains(1.0)];
            held.iter_mut().zip(holds).for_each(|(held, holds)| *held += usize::from(holds));
        }
        held.map(|held| held as f64 / TIMES as f64)
    }

    #[test]
    fn intervals_hold_the_truth_as_often_as_they_say() {
        let machine = Spread { systems: 0.05, ratios: 0.02, rounds: 0.3, rows: 0.1, solves: 0.05 };
        let systems = Spread { systems: 0.7, ratios: 0.4, rounds: 0.05, rows: 0.02, solves: 0.02 };
        let both = Spread { systems: 0.4, ratios: 0.3, rounds: 0.1, rows: 0.08, solves: 0.05 };
        for (spread, count) in [(systems, 3), (both, 2), (both, 3), (machine, 5), (machine, 3)] {
            let held = coverage(spread, count);
            println!("{count} rounds: {held:?}");
            assert!(held[..3].iter().all(|&share| share >= 0.9), "{count} rounds: {held:?}");
            // Systems alone leave out what the machine does.
            assert!(spread.rounds < 0.3 || held[3] < 0.6, "{count} rounds: {held:?}");
        }
    }

    #[test]
    fn what_slows_both_rows_cancels_and_failures_keep_their_places() {
        let mut rng = stream(12, Purpose::Measure, 0);
        let quiet = Spread { systems: 0.5, ratios: 0.0, rounds: 1.0, rows: 1e-3, solves: 0.0 };
        let [mut ours, mut theirs] = drawn(&mut rng, quiet, 5);
        ours.iter_mut().for_each(|s| s.rounds.iter_mut().for_each(|r| r.solving *= 0.9));
        let of = |ours: &[Solve], theirs: &[Solve]| {
            Ratios::of(&ours.iter().zip(theirs).collect::<Vec<_>>(), Quantity::Seconds)
        };
        let ratios = of(&ours, &theirs);
        let interval = ratios.interval().unwrap();
        assert!(interval.low > 0.89 && interval.high < 0.91, "{interval:?}");
        assert_eq!((ratios.won(), ratios.tied(), ratios.share_interval().unwrap().high), (SYSTEMS, 0, 1.0));
        // Two that both failed on, one that either did.
        for i in [0, 1, 2] {
            ours[i].converged = false;
        }
        for i in [0, 1, 3] {
            theirs[i].converged = false;
        }
        let ratios = of(&ours, &theirs);
        assert_eq!((ratios.won(), ratios.tied(), ratios.failed), (SYSTEMS - 3, 2, 2));
        assert!(ratios.share_interval().unwrap().contains(ratios.won() as f64 / SYSTEMS as f64));
        // Iterations are the same in each round.
        let its = Ratios::of(&ours.iter().zip(&theirs).skip(4).collect::<Vec<_>>(), Quantity::Iterations);
        assert_eq!(its.interval(), Some(Interval { low: 1.0, high: 1.0 }));
    }
}
