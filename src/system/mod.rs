//! [`LinearSystem`]: what families make, datasets hold and models see; [`SampleSource`]: where samples come from.

pub mod cache;
mod joined;
mod source;

use std::sync::Arc;

pub use cache::{Cache, Cached};
pub use joined::Joined;
pub use source::{Names, Parts, SampleSource, for_each_chunk};

use crate::linalg::{Csr, Props, SYMMETRY};

/// One linear system `A x = b` with what is known about it. Of a sample that was loaded in part ([`Parts`]) A is 0×0, b
/// empty and the rest absent where it was not asked for.
#[derive(Debug, Clone)]
pub struct LinearSystem {
    /// A (n×n), free degrees of freedom only.
    pub matrix: Csr,
    /// b (n).
    pub rhs: Vec<f64>,
    /// x = A⁻¹ b (n), where it was computed.
    pub solution: Option<Vec<f64>>,
    /// What the family promises of A (an import: what was asked for or found).
    pub props: Props,
    /// The coefficient fields that made the sample.
    pub fields: Vec<Field>,
    /// What a model needs beyond x, computed on demand: eigenvectors, factors of A, its inverse.
    pub labels: Vec<Field>,
    /// Drawn scalar parameters, by name; the same names in every sample of a dataset.
    pub params: Vec<(String, f64)>,
    /// The mesh, where there is one. Samples of one dataset usually share it.
    pub mesh: Option<Arc<MeshData>>,
    /// The sample's index in its dataset: with the seed, its random stream.
    pub index: u64,
}

impl LinearSystem {
    /// A matrix and a right-hand side of which nothing else is known.
    pub fn plain(matrix: Csr, rhs: Vec<f64>, props: Props) -> Self {
        LinearSystem {
            matrix,
            rhs,
            solution: None,
            props,
            fields: Vec::new(),
            labels: Vec::new(),
            params: Vec::new(),
            mesh: None,
            index: 0,
        }
    }

    /// A matrix from anywhere and a right-hand side. It is symmetric as far as its entries are; positive definite in
    /// good faith, which cg takes back at pᵀ A p ≤ 0, but not against the evidence of a diagonal entry that is not
    /// positive.
    pub fn of_unknown_kind(matrix: Csr, rhs: Vec<f64>) -> Self {
        let props = if !matrix.is_symmetric(SYMMETRY) {
            Props::GENERAL
        } else if matrix.diagonal().iter().all(|&d| d > 0.0) {
            Props::SPD
        } else {
            Props::SYMMETRIC
        };
        LinearSystem::plain(matrix, rhs, props)
    }

    /// Number of unknowns, read off b, or off A where only that was loaded.
    pub fn n(&self) -> usize {
        match self.rhs.is_empty() {
            true => self.matrix.nrows(),
            false => self.rhs.len(),
        }
    }

    /// Bytes of its arrays, the pattern of A included, shared or not.
    pub fn bytes(&self) -> usize {
        let named = self.fields.iter().chain(&self.labels).map(|f| f.values.len());
        let reals = self.rhs.len() + self.solution.as_ref().map_or(0, Vec::len) + named.sum::<usize>();
        self.matrix.bytes() + size_of::<f64>() * reals
    }

    /// The sample with these parts of it and no others.
    #[must_use]
    pub fn only(mut self, parts: &Parts) -> Self {
        if !parts.matrix {
            self.matrix = Csr::identity(0);
        }
        if !parts.rhs {
            self.rhs = Vec::new();
        }
        self.solution = self.solution.filter(|_| parts.solution);
        self.fields.retain(|f| parts.fields.contain(&f.name));
        self.labels.retain(|l| parts.labels.contain(&l.name));
        self
    }

    /// The field called `name`, if the sample has it.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|f| f.name == name)
    }

    /// The label called `name`, if the sample has it.
    pub fn label(&self, name: &str) -> Option<&Field> {
        self.labels.iter().find(|f| f.name == name)
    }
}

/// Where the values of a [`Field`] live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Location {
    /// One entry a mesh point.
    Points,
    /// One entry a mesh cell.
    Cells,
    /// One entry a free degree of freedom.
    Dofs,
    /// One entry a point of a regular grid (row-major, x fastest).
    Grid,
    /// One entry a stored entry of the lower triangle of A (diagonal included), row by row.
    Lower,
    /// One entry a sample.
    Sample,
}

impl Location {
    /// The name written into the file.
    pub fn name(self) -> &'static str {
        match self {
            Location::Points => "points",
            Location::Cells => "cells",
            Location::Dofs => "dofs",
            Location::Grid => "grid",
            Location::Lower => "lower",
            Location::Sample => "sample",
        }
    }

    /// The location called `name`.
    pub fn from_name(name: &str) -> Option<Self> {
        [Location::Points, Location::Cells, Location::Dofs, Location::Grid, Location::Lower, Location::Sample]
            .into_iter()
            .find(|l| l.name() == name)
    }
}

/// A named array that belongs to a sample: coefficients, moved node positions, a source term.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// What the family calls it.
    pub name: String,
    /// Where its entries live.
    pub location: Location,
    /// Entries per location: 1 for a scalar, 2 for a plane vector.
    pub components: usize,
    /// locations × components, row-major.
    pub values: Vec<f64>,
}

impl Field {
    /// The shape of its values as an array, row-major: rows × columns of a square grid (y, x), else the locations;
    /// then the components, where there are several.
    pub fn shape(&self) -> Vec<usize> {
        let places = self.values.len() / self.components.max(1);
        let side = places.isqrt();
        let mut shape = match self.location {
            Location::Grid if side * side == places => vec![side, side],
            _ => vec![places],
        };
        if self.components > 1 {
            shape.push(self.components);
        }
        shape
    }
}

/// A mesh as the file keeps it.
#[derive(Debug, Clone, PartialEq)]
pub struct MeshData {
    /// Coordinates of a point.
    pub dim: usize,
    /// points × dim, row-major.
    pub points: Vec<f64>,
    /// "triangle", "triangle6" (corners, then the middles of edges 01, 12, 20), "quad", "tetra", "line".
    pub cell_type: String,
    /// Vertices per cell.
    pub cell_size: usize,
    /// cells × cell_size, row-major.
    pub cells: Vec<u32>,
    /// Per point: 0 inside, 1 on the boundary (further numbers name parts of it).
    pub point_markers: Vec<u32>,
    /// The degree of freedom of A's row i is `free_dofs[i]` in the numbering before elimination.
    pub free_dofs: Vec<u32>,
    /// Points along each axis, the slowest first, where the points are those of a regular grid, row-major; empty where
    /// they are not.
    pub grid: Vec<usize>,
    /// u at points that have no degree of freedom, where it is the same at all of them and in every sample.
    pub boundary_value: Option<f64>,
}

impl MeshData {
    /// The values of a function at all points, row-major, from those of the unknowns, `components` each: what
    /// [`MeshData::boundary_value`] says, else 0, where there is no unknown. None if the unknowns are not those of the
    /// mesh.
    pub fn at_points(&self, unknowns: &[f64], components: usize) -> Option<Vec<f64>> {
        let points = self.points.len() / self.dim.max(1);
        if unknowns.len() != self.free_dofs.len() * components || self.free_dofs.len() > points {
            return None;
        }
        let mut values = vec![self.boundary_value.unwrap_or(0.0); points * components];
        for (&v, row) in self.free_dofs.iter().zip(unknowns.chunks_exact(components.max(1))) {
            let at = v as usize * components;
            values.get_mut(at..at + components)?.copy_from_slice(row);
        }
        Some(values)
    }
}

/// Facets of a mesh's boundary under one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoundaryPart {
    /// What the recipe or the file calls them.
    pub name: String,
    /// The corners of each facet.
    pub facets: Vec<Vec<u32>>,
}

/// A family in words, written into every file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// Its name.
    pub family: String,
    /// The equation in strong form.
    pub equation: String,
    /// What is assembled.
    pub weak_form: String,
    /// What holds on the boundary.
    pub boundary_conditions: String,
    /// Units of the unknowns and the data.
    pub units: String,
    /// What holds for A in every sample.
    pub props: Props,
}

impl Description {
    /// Of an algebraic family, without units; further fields follow as in `Description { units: …, ..Self::new(…) }`.
    pub fn new(family: &str, equation: impl Into<String>, props: Props) -> Self {
        Description {
            family: family.into(),
            equation: equation.into(),
            weak_form: "none (an algebraic family)".into(),
            boundary_conditions: "none".into(),
            units: "none (dimensionless)".into(),
            props,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_have_the_shape_of_where_they_live() {
        let shape = |location, components, len| {
            Field { name: "w".into(), location, components, values: vec![0.0; len] }.shape()
        };
        assert_eq!(shape(Location::Grid, 1, 9), [3, 3]);
        assert_eq!(shape(Location::Grid, 2, 8), [2, 2, 2]);
        assert_eq!(shape(Location::Grid, 1, 6), [6]);
        assert_eq!(shape(Location::Points, 3, 12), [4, 3]);
        assert_eq!(shape(Location::Sample, 1, 1), [1]);
    }

    #[test]
    fn a_matrix_from_anywhere_is_what_its_entries_say() {
        let props = |entries: &[(usize, usize, f64)]| {
            LinearSystem::of_unknown_kind(Csr::from_triplets(2, 2, entries).unwrap(), vec![1.0; 2]).props
        };
        assert_eq!(props(&[(0, 0, 2.0), (1, 1, 1.0)]), Props::SPD);
        assert_eq!(props(&[(0, 0, 2.0), (1, 1, -1.0)]), Props::SYMMETRIC);
        assert_eq!(props(&[(0, 0, 2.0), (0, 1, 1.0), (1, 1, 1.0)]), Props::GENERAL);
    }
}
