//! What a model or a method needs of A: refused in training and for predictions, a failed row in an evaluation.

use fempipe::models;

use crate::setup::{FACTOR, GCVAE, NSLS, PRECORRECTOR, Place, SMALL, SPAI_GNN, STENCIL};

const RECIPES: [&str; 7] = [SMALL, STENCIL, PRECORRECTOR, FACTOR, GCVAE, SPAI_GNN, NSLS];

/// Symmetric indefinite systems of 9 unknowns on the same grid as the shared data.
fn helmholtz(place: &Place) {
    let recipe = "family = \"helmholtz\"\nsamples = 30\n[helmholtz]\ncells = 4\nk = 9.0\n";
    std::fs::write(place.path("h.toml"), recipe).unwrap();
    place.ok(&["generate", "h.toml", "-o", "h.h5"]);
}

/// A recipe on the indefinite systems, judged by a method for them.
fn on_helmholtz(recipe: &str) -> String {
    let recipe = recipe.replace("[validation]\nksp = { type = \"cg\" }\n", "");
    format!("data = \"h.h5\"\n{recipe}\n[validation]\nksp = \"gmres\"\n")
}

#[test]
fn the_words_of_an_entry_are_what_is_enforced() {
    for entry in models::ENTRIES.shipped() {
        let need = entry.default_member().unwrap().needs().words();
        let said = entry.needs.starts_with(&format!("A {need}")) && !entry.needs.contains(" with ");
        assert_eq!(said, !need.is_empty(), "{}: {:?} and {need:?}", entry.name, entry.needs);
    }
}

#[test]
fn training_on_systems_that_a_model_is_not_for_names_model_need_and_file() {
    let place = Place::new();
    helmholtz(&place);
    for recipe in RECIPES {
        std::fs::write(place.path("r.toml"), on_helmholtz(recipe)).unwrap();
        if recipe == NSLS {
            // Only some of its settings need more.
            place.ok(&["train", "r.toml", "-o", "nsls", "--epochs", "1"]);
            for set in ["nsls.scale=energy", "nsls.features=icc"] {
                let error = place.fails(&["train", "r.toml", "-o", "no", "--set", set]);
                assert!(error.contains("h.h5: nsls needs A promised symmetric positive definite"), "{error}");
            }
            continue;
        }
        let error = place.fails(&["train", "r.toml", "-o", "no"]);
        let model = recipe.split('"').nth(1).unwrap();
        let words =
            format!("h.h5: {model} needs A promised symmetric positive definite; it is promised symmetric only");
        assert!(error.contains(&words), "{error}");
        assert!(!place.path("no").exists());
    }
    // The method of the validation is looked at before the first epoch, too.
    std::fs::write(place.path("r.toml"), on_helmholtz(NSLS).replace("gmres", "cg")).unwrap();
    let error = place.fails(&["train", "r.toml", "-o", "no"]);
    assert!(error.contains("h.h5: validation.ksp: cg needs A promised") && error.contains("take minres"), "{error}");
}

#[test]
fn predictions_for_a_matrix_that_a_model_is_not_for_name_model_need_and_file() {
    let place = Place::new();
    let mut general = "%%MatrixMarket matrix coordinate real general\n9 9 17\n".to_string();
    for i in 1..=9 {
        general += &format!("{i} {i} 4\n");
        if i < 9 {
            general += &format!("{i} {} -1\n", i + 1);
        }
    }
    std::fs::write(place.path("a.mtx"), general).unwrap();
    for recipe in [SMALL, GCVAE, SPAI_GNN] {
        place.recipe("r.toml", recipe);
        place.ok(&["train", "r.toml", "-o", "run", "--epochs", "1", "--force"]);
        for option in ["--model", "--pc"] {
            let error = place.fails(&["solve", "a.mtx", option, "run", "--ksp", "gmres"]);
            let model = recipe.split('"').nth(1).unwrap();
            let words =
                format!("run ({model}) cannot take a.mtx: {model} needs A promised symmetric positive definite");
            assert!(error.contains(&words), "{error}");
        }
    }
}

#[test]
fn in_an_evaluation_they_are_failed_rows_that_say_why() {
    let place = Place::new();
    helmholtz(&place);
    place.recipe("r.toml", GCVAE);
    place.ok(&["train", "r.toml", "-o", "vae", "--epochs", "1"]);
    std::fs::write(place.path("n.toml"), on_helmholtz(NSLS)).unwrap();
    place.ok(&["train", "n.toml", "-o", "guess", "--epochs", "1"]);
    let rows = [
        "ksp = \"cg\"\npc = \"none\"",
        "ksp = \"cg\"\nmodel = \"guess\"",
        "ksp = \"cg\"\nmodel = \"vae\"",
        "ksp = \"gmres\"\nmodel = \"vae\"",
        "ksp = \"gmres\"\npc = \"mean-inverse\"",
        "ksp = \"cg\"\nspace = \"sine-modes(2)\"",
        "ksp = \"gmres\"\nmodel = \"guess\"",
    ];
    let rows: String = rows.iter().map(|row| format!("[[row]]\n{row}\n")).collect();
    std::fs::write(place.path("e.toml"), format!("data = [\"h.h5\"]\ntrivial = false\n{rows}")).unwrap();
    let table = place.ok(&["evaluate", "e.toml", "-o", "e"]);
    for words in [
        "cg + none: 3 of 3 not solved, the first: sample ",
        "UNSUITABLE: cg needs A promised symmetric positive definite; it is promised symmetric only: take minres or",
        "cg + guess: 3 of 3 not solved",
        "cg + vae: 3 of 3 not solved",
        "UNSUITABLE: gcvae needs A promised symmetric positive definite; it is promised symmetric only",
        "UNSUITABLE: mean-inverse needs A promised symmetric positive definite",
        "UNSUITABLE: deflated cg needs A promised",
    ] {
        assert!(table.contains(words), "{words} is not in\n{table}");
    }
    assert!(!table.contains("gmres(30) + guess: 3"), "{table}");
    let results = std::fs::read_to_string(place.path("e/results.csv")).unwrap();
    assert_eq!(results.matches("UNSUITABLE").count(), 6 * 3, "{results}");
}
