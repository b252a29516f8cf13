//! `sine-modes`: the lowest sine modes of the box around a plane mesh, a space that knows neither A nor any training
//! system.

use serde::{Deserialize, Serialize};

use super::{Constant, Fitted, Part, check_columns};
use crate::entry::{self, Entry};
use crate::error::{Error, Result};
use crate::linalg::dense::Dense;
use crate::models::PredictOptions;
use crate::models::unit_square::{self, UnitSquare, check_patches, cut};
use crate::solve::Acceleration;
use crate::system::{LinearSystem, SampleSource};

const NAME: &str = "sine-modes";

/// What a predicted space has to beat.
pub static ENTRY: Entry<dyn Constant> = Entry {
    name: NAME,
    help: "the k lowest sine modes of the mesh's bounding box, a space to deflate or recycle; cut to patches, a coarse \
           level",
    source: "eigenvectors of the Laplacian on a rectangle",
    needs: "a plane mesh, unknowns that are values at its points",
    positional: &["k", "patches"],
    defaults: entry::defaults::<SineModes>,
    schema: None,
    parse: |table, name, origin| Ok(Box::new(entry::checked(table, name, origin, SineModes::check)?)),
};

/// Its settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SineModes {
    /// Modes.
    pub k: usize,
    /// Overlapping squares a side that the columns are cut to; 0 leaves them as they are.
    pub patches: usize,
}

impl Default for SineModes {
    fn default() -> Self {
        SineModes { k: 10, patches: 0 }
    }
}

impl SineModes {
    fn check(&self) -> Result<()> {
        check_columns(NAME, self.k)?;
        check_patches(NAME, self.patches)
    }
}

impl Constant for SineModes {
    fn fit(&self, _source: &dyn SampleSource, _ids: &[u32], _options: &PredictOptions) -> Result<Fitted> {
        let (most, patches) = (self.k, self.patches);
        Ok(Box::new(move |system: &LinearSystem| {
            let mesh = system.mesh.as_ref();
            let mesh = mesh.ok_or_else(|| Error::Argument(format!("{NAME} needs systems on a mesh")))?;
            let at = UnitSquare::new(mesh, NAME)?.unknowns(NAME)?;
            let k = most.min(at.len());
            let values = unit_square::sine_modes(&at, k);
            let modes = Dense::from_fn(at.len(), k, |i, j| values[i * k + j]);
            Ok(Acceleration::space(cut(modes, patches, system, NAME)?))
        }))
    }

    fn is_fitted(&self) -> bool {
        false
    }

    fn part(&self) -> Part {
        Part::Space
    }
}
