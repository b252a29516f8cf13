//! Training and evaluation as a user has them: the binary on small data, killed, interrupted, misused.

mod device;
mod evaluate;
mod factor;
mod resume;
mod setup;
mod solve;
mod usage;
