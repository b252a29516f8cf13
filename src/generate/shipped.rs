//! The recipes of datasets that come with fempipe, inside the binary: what they make can be made from any directory.

use std::path::Path;

/// Names and texts.
macro_rules! recipes {
    ($($name:literal),* $(,)?) => { &[$(($name, include_str!(concat!("../../datasets/", $name, ".toml")))),*] };
}

const RECIPES: &[(&str, &str)] = recipes![
    "biharmonic",
    "biharmonic-225",
    "biharmonic-576",
    "biharmonic-900",
    "biharmonic-c0ip",
    "biharmonic-small",
    "darcy",
    "darcy-contrast",
    "darcy-contrast-128",
    "darcy-contrast-256",
    "darcy-contrast-32",
    "darcy-contrast-eigen",
    "darcy-contrast-icc-eigen",
    "darcy-cube",
    "darcy-cube-32",
    "darcy-cube-48",
    "darcy-cube-64",
    "darcy-eigen",
    "darcy-inclusions-eigen",
    "darcy-koptimal",
    "darcy-koptimal-paper",
    "darcy-neurkitt",
    "darcy-neurkitt-paper",
    "elliptic",
    "elliptic-1000",
    "elliptic-200",
    "elliptic-contrast",
    "elliptic-cube",
    "elliptic-cube-32",
    "elliptic-cube-48",
    "elliptic-cube-64",
    "elliptic-cube-contrast",
    "elliptic-disc",
    "elliptic-lshape",
    "elliptic-quadratic",
    "elliptic-small",
    "frame",
    "frame-koptimal",
    "frame-small",
    "heat",
    "heat-eigen",
    "heat-mesh",
    "heat-neurkitt-paper",
    "heat-steady",
    "helmholtz",
    "helmholtz-absorbing",
    "helmholtz-eigen",
    "helmholtz-indefinite-eigen",
    "helmholtz-neurkitt-paper",
    "helmholtz-shifted",
    "poisson-level2",
    "poisson-level3",
    "poisson-level4",
    "poisson-level5",
    "poisson-level6",
    "poisson-level7",
    "tridiagonal",
    "tridiagonal-independent",
    "tridiagonal-paper",
];

/// The text of the recipe that a path names, whichever directory it gives: `datasets/darcy-contrast.toml`, or the
/// dataset of that name, or `darcy-contrast` alone.
pub fn shipped(path: &Path) -> Option<&'static str> {
    let name = match path.extension() {
        Some(e) if e == "toml" || e == "h5" => path.file_stem(),
        _ => path.file_name(),
    };
    let name = name?.to_str()?;
    RECIPES.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recipe_of_the_source_tree_is_here() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("datasets");
        let files = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path());
        let recipes: Vec<_> = files.filter(|f| f.extension().is_some_and(|e| e == "toml")).collect();
        for file in &recipes {
            assert_eq!(shipped(file), Some(std::fs::read_to_string(file).unwrap().as_str()), "{}", file.display());
        }
        assert_eq!(recipes.len(), RECIPES.len());
        assert_eq!(shipped(Path::new("x/darcy.h5")), shipped(Path::new("darcy")));
        assert_eq!(shipped(Path::new("mine.toml")), None);
    }
}
