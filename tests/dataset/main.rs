//! Datasets: what is written is read, what is killed is resumed, what is altered is refused.

mod chain;
mod command;
mod errors;
mod evaluate;
mod families;
mod faults;
mod labels;
mod memory;
mod mesh;
#[path = "../../examples/own_family.rs"]
mod own_family;
mod python;
mod resume;
mod roundtrip;
mod shards;
mod source;
mod transfer;

#[test]
fn a_family_from_outside() {
    let _guard = command::alone();
    own_family::main().unwrap();
}
