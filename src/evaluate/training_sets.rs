//! The datasets that models were trained on, each file opened once.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::dataset::Dataset;

/// Those that were opened; None of one that is not there or cannot be read.
#[derive(Default)]
pub struct TrainingSets(HashMap<PathBuf, Option<Arc<Dataset>>>);

impl TrainingSets {
    /// With datasets that are open already.
    pub fn with<'a>(open: impl Iterator<Item = &'a Arc<Dataset>>) -> Self {
        TrainingSets(open.map(|data| (place(data.path()), Some(data.clone()))).collect())
    }

    /// The dataset of a file.
    pub fn open(&mut self, file: &str) -> Option<Arc<Dataset>> {
        let read =
            |path: &PathBuf| Some(path).filter(|p| p.is_file()).and_then(|p| Dataset::open(p).ok()).map(Arc::new);
        let path = place(Path::new(file));
        self.0.entry(path).or_insert_with_key(read).clone()
    }
}

/// One name for a file, however it is named.
fn place(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{families, generate};

    #[test]
    fn a_file_is_opened_once_and_one_that_is_none_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("p.h5");
        let recipe = "family = \"poisson\"\nsamples = 3\n[poisson]\nlevel = 2\n[split]\ntest = 1.0\n";
        let recipe = generate::Recipe::parse(recipe, "test").unwrap();
        let family = families::build("poisson", &toml::toml! { level = 2 }, "test").unwrap();
        generate::run(&recipe, &*family, &path, &generate::Settings::default()).unwrap();
        let mut sets = TrainingSets::default();
        let first = sets.open(path.to_str().unwrap()).unwrap();
        let other = dir.path().join(".").join("p.h5");
        assert!(Arc::ptr_eq(&first, &sets.open(other.to_str().unwrap()).unwrap()));
        assert!(Arc::ptr_eq(&first, &TrainingSets::with([&first].into_iter()).open(path.to_str().unwrap()).unwrap()));
        std::fs::write(dir.path().join("none.h5"), "no dataset").unwrap();
        assert!(sets.open(dir.path().join("none.h5").to_str().unwrap()).is_none() && sets.open("/no/such").is_none());
    }
}
