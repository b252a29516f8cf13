//! Small systems to fill datasets with: conductance chains, tridiagonal and solved exactly.

use std::sync::Arc;

use fempipe::linalg::{Cholesky, Csr, LinOp, Props};
use fempipe::rng::{self, Purpose};
use fempipe::system::{Field, LinearSystem, Location, MeshData};
use rand::RngExt;

/// The mesh of a chain with n inner points.
pub fn mesh(n: usize) -> MeshData {
    MeshData {
        dim: 1,
        points: (0..n + 2).map(|i| i as f64 / (n + 1) as f64).collect(),
        cell_type: "line".into(),
        cell_size: 2,
        cells: (0..n as u32 + 1).flat_map(|i| [i, i + 1]).collect(),
        point_markers: (0..n + 2).map(|i| u32::from(i == 0 || i == n + 1)).collect(),
        free_dofs: (1..n as u32 + 1).collect(),
        grid: vec![n + 2],
        boundary_value: Some(0.0),
    }
}

/// −(w u')' = 1 with random w per cell, n inner points.
pub fn system(seed: u64, index: u64, n: usize, mesh: Option<Arc<MeshData>>) -> LinearSystem {
    let mut rng = rng::stream(seed, Purpose::Sample, index);
    let w: Vec<f64> = (0..n + 1).map(|_| rng.random_range(0.5..2.0)).collect();
    let mut entries = Vec::new();
    for i in 0..n {
        entries.push((i, i, w[i] + w[i + 1]));
        if i + 1 < n {
            entries.push((i, i + 1, -w[i + 1]));
            entries.push((i + 1, i, -w[i + 1]));
        }
    }
    let matrix = Csr::from_triplets(n, n, &entries).unwrap();
    let rhs = vec![1.0; n];
    let mut x = vec![0.0; n];
    Cholesky::new(&matrix).unwrap().apply(&rhs, &mut x);
    let inverse_diagonal = matrix.diagonal().iter().map(|d| 1.0 / d).collect();
    let mean = w.iter().sum::<f64>() / w.len() as f64;
    LinearSystem {
        matrix,
        rhs,
        solution: Some(x),
        props: Props::SPD,
        fields: vec![Field { name: "w".into(), location: Location::Cells, components: 1, values: w }],
        labels: vec![Field {
            name: "inverse diagonal".into(),
            location: Location::Dofs,
            components: 1,
            values: inverse_diagonal,
        }],
        params: vec![("mean w".into(), mean)],
        mesh,
        index,
    }
}

/// Whether two samples are the same bit for bit.
pub fn assert_same(a: &LinearSystem, b: &LinearSystem) {
    assert_eq!(a.matrix.pattern(), b.matrix.pattern());
    assert_eq!(a.matrix.values(), b.matrix.values());
    assert_eq!(a.rhs, b.rhs);
    assert_eq!(a.solution, b.solution);
    assert_eq!(a.fields, b.fields);
    assert_eq!(a.labels, b.labels);
    assert_eq!(a.props, b.props);
    assert_eq!(a.params, b.params);
    assert_eq!(a.mesh, b.mesh);
    assert_eq!(a.index, b.index);
}
