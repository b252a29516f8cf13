//! Examples of the library, run with the number that each of them pins.

#[path = "../../examples/own_method.rs"]
mod own_method;
#[path = "../../examples/own_preconditioner.rs"]
mod own_preconditioner;

#[test]
fn a_method_from_outside() {
    own_method::main().unwrap();
}

#[test]
fn a_preconditioner_from_outside() {
    own_preconditioner::main().unwrap();
}
