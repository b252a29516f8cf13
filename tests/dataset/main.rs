//! Datasets: what is written is read, what is killed is resumed, what is altered is refused.

mod cases;
mod chain;
mod command;
mod damage;
mod errors;
mod evaluate;
mod explain;
mod families;
mod faults;
mod foreign;
mod labels;
mod memory;
mod mesh;
mod once;
mod overwrite;
mod own;
#[path = "../../examples/own_family.rs"]
mod own_family;
mod physics;
mod python;
mod resume;
mod roundtrip;
mod shards;
mod source;
mod split;
mod stale;
mod transfer;

#[test]
fn a_family_from_outside() {
    let _guard = command::alone();
    own_family::main().unwrap();
}
