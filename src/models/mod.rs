//! Learned systems, one file each: a model looks at a linear system and returns a [`Prediction`].

use crate::error::Result;
use crate::linalg::LinOp;
use crate::linalg::dense::Dense;
use crate::system::LinearSystem;

/// What a trained model gives the solver for one system.
pub enum Prediction {
    /// x̂ ≈ A⁻¹ b: the answer itself, or the initial vector.
    Guess(Vec<f64>),
    /// z ≈ A⁻¹ r.
    Preconditioner(Box<dyn LinOp + Send>),
    /// Columns span the slow modes (n×k): deflation or recycling space.
    Subspace(Dense),
}

/// A trained model: the one thing the evaluator knows of any of them.
pub trait Model: Send + Sync {
    /// The model's name as recipes have it.
    fn name(&self) -> &'static str;

    /// The prediction for one system.
    ///
    /// # Errors
    /// If the system is not of a size or shape the model was trained for.
    fn predict(&self, system: &LinearSystem) -> Result<Prediction>;
}
