//! What a discretisation does for the families that share it.

use std::sync::Arc;

use crate::error::Result;
use crate::families::given::Drawn;
use crate::fem::cube::CubeElements;
use crate::linalg::Pattern;

/// −∇·(w ∇u) + c u with conditions on the boundary. Coefficients and sources are given by their values at all nodes;
/// b has one entry an unknown. Unless a recipe says otherwise u = 0 on the whole boundary, eliminated.
pub(super) trait Operator: Send + Sync {
    /// The pattern of all matrices.
    fn pattern(&self) -> &Arc<Pattern>;

    /// values ← values + scale · (−∇·(w ∇·)).
    fn add_diffusion(&self, w: &[f64], scale: f64, values: &mut [f64]);

    /// The numbers of −∇·(w ∇·) for some w.
    fn diffusion_each(&self, w: &[&[f64]]) -> Vec<Vec<f64>> {
        let alone = |w: &&[f64]| {
            let mut values = vec![0.0; self.pattern().nnz()];
            self.add_diffusion(w, 1.0, &mut values);
            values
        };
        w.iter().map(alone).collect()
    }

    /// values ← values + scale · c.
    fn add_reaction(&self, c: &[f64], scale: f64, values: &mut [f64]) -> Result<()>;

    /// b of the source f.
    fn load(&self, f: &[f64]) -> Vec<f64>;

    /// The conditions in words.
    fn conditions_in_words(&self) -> &str {
        "u = 0 on the whole boundary, eliminated"
    }

    /// How many samples the conditions have arrays for.
    fn condition_samples(&self) -> Option<usize> {
        None
    }

    /// Why −∇·(w ∇·) is singular under the conditions, if it is.
    fn singular(&self) -> Option<&str> {
        None
    }

    /// Refuses a sample whose A is singular since conditions and `reaction`, the values of c at all nodes, leave u
    /// free up to a constant.
    fn check_regular(&self, _reaction: Option<&[f64]>, _: &Drawn) -> Result<()> {
        Ok(())
    }

    /// u at all nodes where it is given, 0 elsewhere; None if it is 0 wherever it is given.
    fn known(&self, _: &Drawn) -> Result<Option<Vec<f64>>> {
        Ok(None)
    }

    /// values ← values + what the conditions add to the matrix of −∇·(w ∇·).
    fn add_conditions(&self, _: &Drawn, _: &mut [f64]) -> Result<()> {
        Ok(())
    }

    /// rhs ← rhs + scale · (what natural conditions add to the load).
    fn add_boundary_load(&self, _: &Drawn, _scale: f64, _rhs: &mut [f64]) -> Result<()> {
        Ok(())
    }

    /// rhs ← rhs − diffusion.1 · K g − reaction.1 · M g, g the nodal values `known` where u is given, K with the
    /// conditions of the coefficient diffusion.0 and M of reaction.0.
    fn lift(
        &self,
        _diffusion: (&[f64], f64),
        _reaction: Option<(&[f64], f64)>,
        _: &Drawn,
        _known: &[f64],
        _rhs: &mut [f64],
    ) -> Result<()> {
        Ok(())
    }
}

/// Linear elements on the cube, by stencils.
impl Operator for CubeElements {
    fn pattern(&self) -> &Arc<Pattern> {
        self.pattern()
    }

    fn add_diffusion(&self, w: &[f64], scale: f64, values: &mut [f64]) {
        self.add_diffusion(w, scale, values);
    }

    fn add_reaction(&self, c: &[f64], scale: f64, values: &mut [f64]) -> Result<()> {
        self.add_reaction(c, scale, values);
        Ok(())
    }

    fn load(&self, f: &[f64]) -> Vec<f64> {
        self.load(f)
    }
}
