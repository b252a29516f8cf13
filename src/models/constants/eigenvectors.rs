//! `eigenvectors`: the stored eigenvectors of each system itself, what a network that predicts them could at best say.

use serde::{Deserialize, Serialize};

use super::{Constant, Fitted, Part, check_columns};
use crate::entry::{self, Entry};
use crate::error::Result;
use crate::models::PredictOptions;
use crate::models::eigenvector_labels::{LABEL, eigenvectors};
use crate::models::unit_square::{check_patches, cut};
use crate::solve::Acceleration;
use crate::system::{LinearSystem, Names, SampleSource};

const NAME: &str = "eigenvectors";

/// What a predicted space can reach; their computation is not in the time.
pub static ENTRY: Entry<dyn Constant> = Entry {
    name: NAME,
    help: "the k stored eigenvectors of the system itself (an oracle), a space to deflate or recycle",
    source: "the labels of the dataset",
    needs: "samples with the label eigenvectors",
    positional: &["k", "patches"],
    defaults: entry::defaults::<Eigenvectors>,
    schema: None,
    parse: |table, name, origin| Ok(Box::new(entry::checked(table, name, origin, Eigenvectors::check)?)),
};

/// Its settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Eigenvectors {
    /// Vectors.
    pub k: usize,
    /// Overlapping squares a side that the columns are cut to; 0 leaves them as they are.
    pub patches: usize,
}

impl Default for Eigenvectors {
    fn default() -> Self {
        Eigenvectors { k: 10, patches: 0 }
    }
}

impl Eigenvectors {
    fn check(&self) -> Result<()> {
        check_columns(NAME, self.k)?;
        check_patches(NAME, self.patches)
    }
}

impl Constant for Eigenvectors {
    fn fit(&self, _source: &dyn SampleSource, _ids: &[u32], _options: &PredictOptions) -> Result<Fitted> {
        let Eigenvectors { k, patches } = *self;
        Ok(Box::new(move |system: &LinearSystem| {
            Ok(Acceleration::space(cut(eigenvectors(system, k)?, patches, system, NAME)?))
        }))
    }

    fn is_fitted(&self) -> bool {
        false
    }

    fn part(&self) -> Part {
        Part::Space
    }

    fn labels(&self) -> Names {
        Names::Only(vec![LABEL.into()])
    }
}
