//! One seed, many independent streams: `(seed, purpose, index)` decides every random number.
//!
//! A sample draws from its own stream, so that thread count, sharding, order and resuming change no bit.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// What a stream is for. Different purposes never share numbers, even at the same seed and index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Drawing sample `index` of a family; the seed is one of the dataset's recipe and the family's parameters.
    Sample,
    /// Assigning samples to train, validation and test.
    Split,
    /// Initial weights of a model.
    Weights,
    /// Order of the training samples in epoch `index`.
    Shuffle,
    /// Random probe vectors of training step `index`.
    Probes,
    /// Right-hand sides and start vectors in measurements.
    Measure,
    /// Parameters of expressions in sample `index`; the seed is that of [`Purpose::Sample`].
    Parameters,
}

/// The generator of stream `index` for `purpose` under `seed`.
///
/// ```
/// use fempipe::rng::{stream, Purpose};
/// use rand::RngExt;
/// let a: f64 = stream(1, Purpose::Sample, 7).random();
/// let b: f64 = stream(1, Purpose::Sample, 7).random();
/// assert_eq!(a, b);
/// ```
pub fn stream(seed: u64, purpose: Purpose, index: u64) -> ChaCha8Rng {
    let mut key = [0u8; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8] = purpose as u8;
    let mut rng = ChaCha8Rng::from_seed(key);
    rng.set_stream(index);
    rng
}

/// So many numbers from N(0, 1).
pub fn normals<T>(rng: &mut ChaCha8Rng, count: usize) -> Vec<T>
where
    StandardNormal: Distribution<T>,
{
    (0..count).map(|_| StandardNormal.sample(rng)).collect()
}
