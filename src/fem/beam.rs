//! Straight Timoshenko beams in space: 6 unknowns a node (three displacements, three rotations), exact for end loads.

use crate::error::{Error, Result};

/// Material and section of a beam, constant along it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Section {
    /// Young's modulus E, Pa.
    pub young: f64,
    /// Shear modulus G, Pa.
    pub shear: f64,
    /// Area A, m².
    pub area: f64,
    /// Area that carries shear, m².
    pub shear_area: f64,
    /// Second moment of area for bending towards local e₂, m⁴.
    pub bending_2: f64,
    /// Second moment of area for bending towards local e₃, m⁴.
    pub bending_3: f64,
    /// Torsion constant, m⁴.
    pub torsion: f64,
}

impl Section {
    /// A rectangle of `width` along e₂ and `depth` along e₃: shear area A/1.2, torsion by the polar moment (StAnD's).
    pub fn rectangle(young: f64, poisson: f64, width: f64, depth: f64) -> Self {
        let area = width * depth;
        let (bending_2, bending_3) = (area * width * width / 12.0, area * depth * depth / 12.0);
        Section {
            young,
            shear: young / (2.0 * (1.0 + poisson)),
            area,
            shear_area: area / 1.2,
            bending_2,
            bending_3,
            torsion: bending_2 + bending_3,
        }
    }
}

/// A beam between two points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Beam {
    /// Length, m.
    pub length: f64,
    /// Local axes e₁ (along the beam), e₂, e₃ in global coordinates.
    pub axes: [[f64; 3]; 3],
}

/// Unknowns of a beam: u, θ of the first end, then of the second.
pub const DOFS: usize = 12;

impl Beam {
    /// The beam from a to b; local e₃ is the part of `up` perpendicular to it.
    ///
    /// # Errors
    /// [`Error::Argument`] if a = b or `up` points along the beam.
    pub fn new(a: [f64; 3], b: [f64; 3], up: [f64; 3]) -> Result<Self> {
        let along = [0, 1, 2].map(|d| b[d] - a[d]);
        let length = norm(along);
        if length.is_nan() || length <= 0.0 {
            return Err(Error::Argument(format!("beam from {a:?} to {b:?}: has no length")));
        }
        let e1 = along.map(|v| v / length);
        let e2 = cross(up, e1);
        let size = norm(e2);
        if size.is_nan() || size <= 1e-12 * norm(up) {
            return Err(Error::Argument(format!(
                "beam from {a:?} to {b:?}: its direction {up:?} of depth lies along it"
            )));
        }
        let e2 = e2.map(|v| v / size);
        Ok(Beam { length, axes: [e1, e2, cross(e1, e2)] })
    }

    /// The stiffness matrix in global coordinates (N/m, N, N·m), row by row.
    ///
    /// Przemieniecki (1968), Theory of Matrix Structural Analysis, equation 5.116, with Φ = 12 E I/(G A_s L²).
    pub fn stiffness(&self, s: &Section) -> [[f64; DOFS]; DOFS] {
        let l = self.length;
        let mut k = [[0.0; DOFS]; DOFS];
        let mut pair = |i: usize, v: f64| {
            k[i][i] += v;
            k[i + 6][i + 6] += v;
            k[i][i + 6] -= v;
            k[i + 6][i] -= v;
        };
        pair(0, s.young * s.area / l);
        pair(3, s.shear * s.torsion / l);
        // Deflection v with rotation r; the sign of ∂v/∂x = ± r differs between the planes.
        for (v, r, inertia, sign) in [(1, 5, s.bending_2, 1.0), (2, 4, s.bending_3, -1.0)] {
            let phi = 12.0 * s.young * inertia / (s.shear * s.shear_area * l * l);
            let base = s.young * inertia / (l * (1.0 + phi));
            let at = [v, r, v + 6, r + 6];
            let t = sign * 6.0 * base / l;
            let d = 12.0 * base / (l * l);
            let (own, other) = ((4.0 + phi) * base, (2.0 - phi) * base);
            let block = [[d, t, -d, t], [t, own, -t, other], [-d, -t, d, -t], [t, other, -t, own]];
            for (i, row) in at.into_iter().zip(block) {
                for (j, value) in at.into_iter().zip(row) {
                    k[i][j] += value;
                }
            }
        }
        self.to_global(&k)
    }

    /// The nodal forces and moments (N, N·m) that a constant load per length q (N/m, global) is worth.
    pub fn distributed(&self, q: [f64; 3]) -> [f64; DOFS] {
        let local = [0, 1, 2].map(|i| dot(self.axes[i], q));
        let half = 0.5 * self.length;
        let moment = self.length * self.length / 12.0;
        let (m2, m3) = (-moment * local[2], moment * local[1]);
        let mut out = [0.0; DOFS];
        for d in 0..3 {
            let force: f64 = (0..3).map(|i| self.axes[i][d] * local[i] * half).sum();
            let turn = self.axes[1][d] * m2 + self.axes[2][d] * m3;
            out[d] = force;
            out[d + 6] = force;
            out[d + 3] = turn;
            out[d + 9] = -turn;
        }
        out
    }

    /// Rᵀ k R with the rotation on each group of three.
    fn to_global(self, k: &[[f64; DOFS]; DOFS]) -> [[f64; DOFS]; DOFS] {
        let mut half = [[0.0; DOFS]; DOFS];
        let mut out = [[0.0; DOFS]; DOFS];
        for i in 0..DOFS {
            for j in 0..DOFS {
                half[i][j] = (0..3).map(|b| k[i][3 * (j / 3) + b] * self.axes[b][j % 3]).sum();
            }
        }
        for i in 0..DOFS {
            for j in 0..DOFS {
                out[i][j] = (0..3).map(|a| self.axes[a][i % 3] * half[3 * (i / 3) + a][j]).sum();
            }
        }
        out
    }
}

/// The six motions that strain no beam, for nodes at `points`: three shifts, three turns about the origin; each of
/// 6 × points entries.
pub fn rigid_body_modes(points: &[[f64; 3]]) -> Vec<Vec<f64>> {
    let mut modes = vec![Vec::new(); 6];
    for p in points {
        for (k, mode) in modes.iter_mut().enumerate() {
            let mut axis = [0.0; 3];
            axis[k % 3] = 1.0;
            match k < 3 {
                true => mode.extend([axis, [0.0; 3]].concat()),
                false => mode.extend([cross(axis, *p), axis].concat()),
            }
        }
    }
    modes
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn norm(a: [f64; 3]) -> f64 {
    dot(a, a).sqrt()
}

fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [0, 1, 2].map(|d| a[(d + 1) % 3] * b[(d + 2) % 3] - a[(d + 2) % 3] * b[(d + 1) % 3])
}
