//! What others read: h5py into SciPy in five lines, AnnData's group as one matrix, old HDF5 formats.

use std::process::Command;

use crate::command::{alone, finish, ok};

/// The Python to ask: `FEMPIPE_PYTHON`, or python3. `None` (with the reason printed) if it lacks h5py or SciPy.
pub fn python() -> Option<String> {
    let python = std::env::var("FEMPIPE_PYTHON").unwrap_or("python3".into());
    let ask = "command -v \"$0\" && \"$0\" -c 'import h5py, scipy'";
    if finish(Command::new("sh").args(["-c", ask, &python])).status.success() {
        return Some(python);
    }
    println!("skipped: {python} has no h5py and SciPy (set FEMPIPE_PYTHON)");
    None
}

/// The five lines that datasets/README.md shows.
const FIVE_LINES: &str = "
import h5py, scipy.sparse as sp
f, i = h5py.File('d.h5'), 7
p = f['pattern']
A = sp.csr_matrix((f['systems/values'][i], p['indices'][:], p['indptr'][:]), shape=p.attrs['shape'])
b, x = f['systems/rhs'][i], f['systems/solution'][i]
";

const CHECKS: &str = "
import numpy as np
r = np.linalg.norm(A @ x - b) / np.linalg.norm(b)
assert A.shape == (49, 49) and r < 1e-12, r
assert abs(f['systems/table/residual'][i] - r) < 1e-12
assert abs(A - A.T).max() < 1e-12 * abs(A).max()
# /pattern alone is sample 0, with AnnData's attributes and PETSc's names.
# Texts are of fixed length, which h5py reads as bytes.
assert p.attrs['encoding-type'] == b'csr_matrix' and p.attrs['encoding-version'] == b'0.1.0'
assert list(p.attrs['shape']) == [49, 49] and p.attrs['MATLAB_sparse'] == 49
assert (p['data'][:] == f['systems/values'][0]).all()
assert (p['jc'][:] == p['indptr'][:]).all() and (p['ir'][:] == p['indices'][:]).all()
assert p['indices'].dtype == np.int32 and p['indptr'].dtype == np.int32
assert f['systems/values'].compression == COMPRESSION
assert (f['systems/values'].chunks is None) == (COMPRESSION is None)
assert f['systems/values'].shuffle == (COMPRESSION is not None)
assert f.attrs['format'] == b'fempipe' and f.attrs['format_version'] == 2 and f.attrs['samples'] == 20
assert 'level = 3' in f.attrs['recipe'].decode() and f.attrs['seed'] == 1
ids = np.concatenate([f['split'][s][:] for s in ('train', 'validation', 'test')])
assert sorted(ids) == list(range(20)) and ids.dtype == np.uint32
assert f['digest'].dtype == np.uint64 and len(set(f['digest'][:])) == 20
# Superblock version 2: what HDF5 1.8 and later read.
assert open('d.h5', 'rb').read(9)[8] == 2
try:
    import anndata
    B = anndata.io.read_elem(p)
    assert abs(B - sp.csr_matrix((p['data'][:], p['indices'][:], p['indptr'][:]))).max() == 0
    assert len(anndata.io.read_elem(f['systems/table'])) == 20
    print('anndata too')
except ImportError:
    print('no anndata here: its group was read by hand')
";

#[test]
fn h5py_reads_a_sample_in_five_lines() {
    let Some(python) = python() else { return };
    for (flag, compression) in [("--quiet", "None"), ("--compress", "'gzip'")] {
        let dir = tempfile::tempdir().unwrap();
        let args = ["generate", "--family", "poisson", "--level", "3", "--samples", "20", "-o", "d.h5", flag];
        ok(dir.path(), &args);
        let script = format!("{FIVE_LINES}{}", CHECKS.replace("COMPRESSION", compression));
        assert_eq!(FIVE_LINES.trim().lines().count(), 5);
        assert!(include_str!("../../datasets/README.md").contains(FIVE_LINES));
        let out = finish(Command::new(&python).current_dir(dir.path()).args(["-c", &script]));
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    }
}

/// Every digest, then what a last bit of a field, a label and a parameter does to one.
const DIGESTS: &str = "
import h5py, numpy as np
for name in 'abcd':
    f = h5py.File(name + '.h5')
    found = [digest(f, i) for i in range(len(f['digest']))]
    assert len(found) > 4 and found == f['digest'][:].tolist(), name
f = h5py.File('a.h5', 'r+')
for name in ('fields/w', 'labels/eigenvectors', 'table/param:contrast'):
    old = f['systems'][name][2]
    f['systems'][name][2] = np.nextafter(old, 9e9)
    assert digest(f, 2) != f['digest'][2], name
    f['systems'][name][2] = old
    assert digest(f, 2) == f['digest'][2], name
";

/// The function that datasets/README.md shows.
fn digest_function() -> &'static str {
    let text = include_str!("../../datasets/README.md");
    let (_, rest) = text.split_once("```python\nimport struct, xxhash").expect("datasets/README.md has the function");
    let (function, _) = rest.split_once("```").unwrap();
    let start = text.len() - rest.len() - "import struct, xxhash".len();
    &text[start..start + "import struct, xxhash".len() + function.len()]
}

#[test]
fn digests_are_recomputed_outside() {
    let Some(python) = python() else { return };
    let dir = tempfile::tempdir().unwrap();
    // Fields, parameters and labels on one pattern; no solution, no labels; a pattern a sample.
    let darcy = ["--set", "darcy.cells=6", "--set", "darcy.contrast=100.0", "--samples", "5"];
    let labels = ["--set", "labels.icc=true", "--set", "labels.eigenpairs=3"];
    let make = |output: &str, more: &[&str]| {
        ok(dir.path(), &[&["generate", "--quiet", "-o", output], more].concat());
    };
    make("a.h5", &[&["--family", "darcy"], &darcy[..], &labels].concat());
    make("b.h5", &[&["--family", "darcy"], &darcy[..], &["--set", "darcy.solution=false"]].concat());
    make("c.h5", &["--family", "tridiagonal", "--set", "tridiagonal.n=12", "--samples", "5", "--compress"]);
    let guard = alone();
    crate::roundtrip::write_own_patterns(&dir.path().join("d.h5"), 6, 7);
    drop(guard);
    let script = format!("{}\n{DIGESTS}", digest_function());
    let out = finish(Command::new(&python).current_dir(dir.path()).args(["-c", &script]));
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}

/// Sample 4 of a file in which every sample has its own pattern, as datasets/README.md says.
const OWN_PATTERN: &str = "
import h5py, numpy as np, scipy.sparse as sp
f, i = h5py.File('own.h5'), 4
s = f['systems']
assert s.attrs['layout'] == b'own pattern'
r, z, o = s['row_offsets'][:], s['nnz_offsets'][:], s['field_offsets/w'][:]
indptr = s['indptr'][r[i] + i : r[i + 1] + i + 1]
A = sp.csr_matrix((s['values'][z[i] : z[i + 1]], s['indices'][z[i] : z[i + 1]], indptr))
b, x = s['rhs'][r[i] : r[i + 1]], s['solution'][r[i] : r[i + 1]]
assert A.shape == (8, 8) and np.linalg.norm(A @ x - b) < 1e-12
assert o[i + 1] - o[i] == 9 and s['fields/w'].attrs['location'] == b'cells'
";

#[test]
fn h5py_reads_samples_with_their_own_patterns() {
    let Some(python) = python() else { return };
    let dir = tempfile::tempdir().unwrap();
    let guard = alone();
    crate::roundtrip::write_own_patterns(&dir.path().join("own.h5"), 6, 7);
    drop(guard);
    let mut command = Command::new(&python);
    let out = finish(command.current_dir(dir.path()).args(["-c", OWN_PATTERN]));
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}
