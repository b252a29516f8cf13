//! Gmsh's files, and the meshes made of them.
#![no_main]

use std::path::Path;

use fempipe::mesh::import;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for merge in [false, true] {
        if let Err(e) = import::from_bytes(bytes, Path::new("a.msh"), merge) {
            assert!(e.to_string().starts_with("a.msh: "), "{e}");
        }
    }
});
