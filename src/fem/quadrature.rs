//! Quadrature on triangles: fenris' rules in barycentric form.

use crate::error::{Error, Result};

/// Points (barycentric) and weights (summing to 1) on a triangle: ∫_T f ≈ |T| Σ w_q f(x_q).
#[derive(Debug, Clone, PartialEq)]
pub struct TriangleRule {
    /// Barycentric coordinates.
    pub points: Vec<[f64; 3]>,
    /// Shares of the area.
    pub weights: Vec<f64>,
}

impl TriangleRule {
    /// A rule that is exact for polynomials of total degree `strength`.
    ///
    /// # Errors
    /// [`Error::Argument`] if there is no rule of that strength.
    pub fn new(strength: usize) -> Result<Self> {
        let (weights, points) = fenris::quadrature::total_order::triangle::<f64>(strength)
            .map_err(|_| Error::Argument(format!("no triangle quadrature of strength {strength}")))?;
        // fenris' reference triangle is (−1,−1), (1,−1), (−1,1), of area 2.
        Ok(TriangleRule {
            points: points.iter().map(|p| [-0.5 * (p.x + p.y), 0.5 * (1.0 + p.x), 0.5 * (1.0 + p.y)]).collect(),
            weights: weights.iter().map(|w| 0.5 * w).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integrates_monomials_in_barycentric_coordinates_exactly() {
        // ∫ λ₀^a λ₁^b λ₂^c = 2|T| a! b! c! / (a + b + c + 2)!
        let factorial = |k: u32| (1..=k).map(f64::from).product::<f64>();
        for strength in 1..=6 {
            let rule = TriangleRule::new(strength as usize).unwrap();
            for a in 0..=strength {
                for b in 0..=strength - a {
                    let c = strength - a - b;
                    let exact = 2.0 * factorial(a) * factorial(b) * factorial(c) / factorial(strength + 2);
                    let sum: f64 = rule
                        .points
                        .iter()
                        .zip(&rule.weights)
                        .map(|(p, w)| w * p[0].powi(a as i32) * p[1].powi(b as i32) * p[2].powi(c as i32))
                        .sum();
                    assert!((sum - exact).abs() < 1e-14, "strength {strength}: {sum} against {exact}");
                }
            }
        }
    }
}
