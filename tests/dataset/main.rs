//! Datasets: what is written is read, what is killed is resumed, what is altered is refused.

mod chain;
mod command;
mod errors;
mod families;
mod labels;
mod memory;
mod mesh;
mod python;
mod resume;
mod roundtrip;
mod shards;
mod source;
mod transfer;
