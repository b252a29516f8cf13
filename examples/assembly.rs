//! Seconds of one assembly of ∫ f ∇φ_i · ∇φ_j, linear elements, f given at the nodes: prints one line of JSON.
//!
//!     cargo run --release --example assembly [CELLS] [natural|rcm|delaunay]
//!
//! 1. Mesh the unit square: CELLS × CELLS squares cut along a diagonal (500: 251,001 nodes), numbered row by row, or
//!    renumbered by reverse Cuthill–McKee; or Delaunay triangles, about as many, renumbered. Renumbering orders the
//!    triangles after their nodes: without that, the values are written all over memory.
//! 2. Make the pattern, the geometry and the scatter map: once a mesh.
//! 3. Again and again, as for the samples of a dataset: nodal f → quadrature points, values ← 0, assembly.
//! 4. Beside it, what memory allows: a triad a ← b + s c over as many bytes as the assembly reads and writes.

use std::time::Instant;

use fempipe::fem::assembler::Assembler;
use fempipe::fem::dofs::{Dofs, Order};
use fempipe::fem::integrals::{Integrals, Kind};
use fempipe::fem::space::Space;
use fempipe::mesh::{TriangleMesh, delaunay, structured};

const REPEATS: usize = 21;

/// The least of [`REPEATS`] runs, in milliseconds: what the machine does when nothing else runs.
fn least(mut run: impl FnMut()) -> f64 {
    run();
    let once = |_| {
        let start = Instant::now();
        run();
        1e3 * start.elapsed().as_secs_f64()
    };
    (0..REPEATS).map(once).fold(f64::INFINITY, f64::min)
}

/// Nodes by reverse Cuthill–McKee, triangles by their first node.
fn renumbered(mesh: &TriangleMesh) -> fempipe::Result<TriangleMesh> {
    let dofs = Dofs::of_space(&Space::p1(mesh), |_| true, Order::Rcm)?;
    let points = dofs.points.iter().map(|&v| mesh.points[v as usize]).collect();
    let mut cells: Vec<_> = mesh.cells.iter().map(|c| c.map(|v| dofs.of_point[v as usize])).collect();
    cells.sort_by_key(|c| c.iter().min().copied());
    Ok(TriangleMesh::new(points, cells))
}

fn main() -> fempipe::Result<()> {
    // 1.
    let args: Vec<String> = std::env::args().collect();
    let cells: usize = args.get(1).and_then(|s| s.parse().ok()).unwrap_or(500);
    let kind = args.get(2).map_or("natural", String::as_str);
    let mesh = match kind {
        "delaunay" => delaunay::polygon(&delaunay::square(), 0.78 / (cells * cells) as f64, 25.0)?,
        _ => structured::triangles(cells, cells),
    };
    let mesh = if kind == "natural" { mesh } else { renumbered(&mesh)? };

    // 2.
    let start = Instant::now();
    let space = Space::p1(&mesh);
    let assembler = Assembler::new(&space, Dofs::of_space(&space, |_| true, Order::Natural)?)?;
    let integrals = Integrals::new(&space, Kind::Stiffness, 1)?;
    let scatter = assembler.scatter(&integrals);
    let setup = 1e3 * start.elapsed().as_secs_f64();

    // 3.
    let f = space.interpolate(|[x, y]| 1.0 + x * y);
    let mut values = vec![0.0; assembler.pattern().nnz()];
    let coefficient = integrals.at_points(&f);
    let points = least(|| drop(std::hint::black_box(integrals.at_points(&f))));
    let assembly = least(|| {
        values.fill(0.0);
        assembler.add(&integrals, &scatter, &coefficient, &mut values);
    });

    // 4. A cell: one coefficient, six entries of the element matrix, twelve places; the values, written twice, read
    //    once.
    let bytes = mesh.cells.len() * (8 + 6 * 8 + 12 * 4) + 24 * values.len();
    let n = bytes / 24;
    let (mut a, b, c) = (vec![0.0; n], vec![1.0; n], vec![2.0; n]);
    let triad = least(|| {
        for ((a, b), c) in a.iter_mut().zip(&b).zip(&c) {
            *a = b + 3.0 * c;
        }
        std::hint::black_box(&a);
    });
    println!(
        "{{\"mesh\": \"{kind}\", \"nodes\": {}, \"cells\": {}, \"nnz\": {}, \"setup_ms\": {setup:.1}, \
         \"coefficient_ms\": {points:.3}, \"assembly_ms\": {assembly:.3}, \"bytes\": {bytes}, \"triad_ms\": \
         {triad:.3}, \"sum\": {:e}}}",
        space.len(),
        mesh.cells.len(),
        values.len(),
        values.iter().map(|v| v.abs()).sum::<f64>()
    );
    Ok(())
}
