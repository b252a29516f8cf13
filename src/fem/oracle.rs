//! fenris' own assembler for the same matrix: slow, independent, and so what the fast kernels are tested against.

use fenris::assembly::global::CsrAssembler;
use fenris::assembly::local::{ElementEllipticAssemblerBuilder, UniformQuadratureTable};
use fenris::assembly::operators::LaplaceOperator;
use fenris::connectivity::Tri3d2Connectivity;
use fenris::mesh::TriangleMesh2d;
use fenris::nalgebra::{DVector, Point2};

use super::dofs::Dofs;
use crate::error::{Error, Result};
use crate::linalg::Csr;
use crate::mesh::TriangleMesh;

/// The mesh with the points where `points` says, as fenris has it.
pub fn fenris_mesh(mesh: &TriangleMesh, points: &[[f64; 2]]) -> TriangleMesh2d<f64> {
    TriangleMesh2d::from_vertices_and_connectivity(
        points.iter().map(|p| Point2::new(p[0], p[1])).collect(),
        mesh.cells.iter().map(|t| Tri3d2Connectivity(t.map(|v| v as usize))).collect(),
    )
}

/// ∫ ∇φ_i · ∇φ_j over the free unknowns, assembled by fenris.
///
/// # Errors
/// [`Error::Numeric`] if fenris fails.
pub fn stiffness(mesh: &TriangleMesh, points: &[[f64; 2]], dofs: &Dofs) -> Result<Csr> {
    let failed = |e: String| Error::Numeric(format!("fenris: {e}"));
    let fenris = fenris_mesh(mesh, points);
    let (weights, at) = fenris::quadrature::total_order::triangle(1).map_err(|e| failed(e.to_string()))?;
    let table = UniformQuadratureTable::from_points_and_weights(at, weights);
    let u = DVector::<f64>::zeros(points.len());
    let local = ElementEllipticAssemblerBuilder::new()
        .with_finite_element_space(&fenris)
        .with_operator(&LaplaceOperator)
        .with_quadrature_table(&table)
        .with_u(&u)
        .build();
    let full = CsrAssembler::default().assemble(&local).map_err(|e| failed(e.to_string()))?;
    let full = Csr::from_nalgebra(&full)?;
    let mut entries = Vec::new();
    for (i, &v) in dofs.points.iter().enumerate() {
        let (cols, vals) = full.row(v as usize);
        for (&w, &value) in cols.iter().zip(vals) {
            let j = dofs.of_point[w as usize];
            if j != super::dofs::ELIMINATED {
                entries.push((i, j as usize, value));
            }
        }
    }
    Csr::from_triplets(dofs.count(), dofs.count(), &entries)
}
