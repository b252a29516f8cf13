//! Matrix Market files, gzipped or not: a matrix that holds together, or an error of one line.
#![no_main]

use std::path::Path;

use fempipe::io::{Unpack, matrix_market};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let read = matrix_market::from_reader(bytes, bytes.len() as u64, Path::new("a.mtx"), Unpack::at_most(1 << 20));
    match read {
        Ok(a) => {
            assert_eq!(a.pattern().indptr().len(), a.nrows() + 1);
            assert!(a.pattern().indices().iter().all(|&j| (j as usize) < a.ncols()));
            assert!(a.values().iter().all(|v| v.is_finite()) || a.nnz() > 0);
        }
        Err(e) => assert!(e.to_string().starts_with("a.mtx: "), "{e}"),
    }
});
