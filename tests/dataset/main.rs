//! Datasets: what is written is read, what is killed is resumed, what is altered is refused.

mod chain;
mod roundtrip;
