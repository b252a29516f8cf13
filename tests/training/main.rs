//! Training and evaluation as a user has them: the binary on small data, killed, interrupted, misused.

mod device;
mod evaluate;
mod factor;
mod faults;
mod gcvae;
mod going_on;
mod honest;
mod identity;
mod memory;
mod needs;
#[path = "../../examples/own_model.rs"]
mod own_model;
mod pipeline;
mod report;
mod resume;
mod rows;
mod settings;
mod setup;
mod shares;
mod solve;
mod unasked;
mod untrained;
mod usage;

#[test]
fn a_model_from_outside() {
    own_model::main().unwrap();
}
