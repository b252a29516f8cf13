//! Recipes of all kinds; what is read is written in full and reads back as itself. Families are made where they are
//! given a size and no number of theirs is large: others take as long as they are told to.
#![no_main]

use fempipe::evaluate::EvalRecipe;
use fempipe::generate::Recipe;
use fempipe::io::toml_file;
use fempipe::mesh::recipe::MeshRecipe;
use fempipe::train::TrainRecipe;
use libfuzzer_sys::fuzz_target;
use toml::Value;

fn small(value: &Value) -> bool {
    match value {
        Value::Integer(i) => (-5..=5).contains(i),
        Value::Float(f) => !(f.abs() < 0.05 || f.abs() > 20.0) || *f == 0.0,
        Value::Array(list) => list.len() < 9 && list.iter().all(small),
        Value::Table(table) => table.values().all(small),
        // Files of others.
        Value::String(text) => !text.contains(['/', '.']),
        _ => true,
    }
}

fn sized(parameters: &toml::Table) -> bool {
    SIZES.iter().any(|key| parameters.contains_key(*key)) && parameters.values().all(small)
}

/// The size of a family, whose default is no small one.
const SIZES: [&str; 4] = ["cells", "grid", "level", "n"];

fn one_line(e: &fempipe::Error) {
    assert!(!e.to_string().contains('\n'), "{e}");
}

fuzz_target!(|text: &str| {
    let origin = "r.toml";
    match Recipe::parse(text, origin) {
        Ok(recipe) if sized(&recipe.parameters) => match recipe.family() {
            Ok(family) => {
                let full = recipe.resolved(&*family);
                let again = Recipe::parse(&full, origin).unwrap();
                assert_eq!(again.resolved(&*again.family().unwrap()), full);
            }
            Err(e) => one_line(&e),
        },
        Ok(_) => {}
        Err(e) => one_line(&e),
    }
    match TrainRecipe::parse(text, origin) {
        Ok(recipe) => {
            let full = recipe.to_toml().unwrap();
            assert_eq!(TrainRecipe::parse(&full, origin).unwrap().to_toml().unwrap(), full);
        }
        Err(e) => one_line(&e),
    }
    match EvalRecipe::parse(text, origin) {
        Ok(recipe) => {
            let full = recipe.to_toml().unwrap();
            assert_eq!(EvalRecipe::parse(&full, origin).unwrap().to_toml().unwrap(), full);
        }
        Err(e) => one_line(&e),
    }
    let _ = toml_file::parse::<MeshRecipe>(text, origin);
});
