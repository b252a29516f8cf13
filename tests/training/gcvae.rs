//! Draws of the generative model in an evaluation.

use crate::setup::{GCVAE, Place, SMALL, data};

#[test]
fn rows_draw_once_several_times_or_not_at_all() {
    let place = Place::new();
    place.recipe("r.toml", GCVAE);
    place.ok(&["train", "r.toml", "--epochs", "2"]);
    let row = |label: &str, draws: usize, model: &str| {
        format!("[[row]]\nlabel = \"{label}\"\nksp = \"cg\"\nmodel = \"{model}\"\ndraws = {draws}\n")
    };
    let rows = row("mean", 0, "r") + &row("one", 1, "r") + &row("best", 4, "r");
    let constant = "[[row]]\nksp = \"cg\"\npc = \"mean-fsai\"\n";
    let evaluation = |name: &str, rest: &str| {
        std::fs::write(place.path(name), format!("data = [{:?}]\nsamples = 5\n{rest}", data())).unwrap();
    };
    evaluation("e.toml", &format!("{rows}{constant}"));
    let table = place.ok(&["evaluate", "e.toml", "-o", "e"]);
    for label in ["mean", "one", "best", "cg + mean-fsai"] {
        assert!(table.contains(label), "{table}");
    }
    let stored = std::fs::read_to_string(place.path("e/recipe.toml")).unwrap();
    assert!(stored.contains("draws = 4"), "{stored}");

    for (wrong, words) in
        [(row("many", 100_000, "r"), "must be at most 1000"), (format!("{constant}draws = 3\n"), "those of a model")]
    {
        evaluation("w.toml", &wrong);
        let error = place.fails(&["evaluate", "w.toml"]);
        assert!(error.contains(words), "{error}");
    }
    place.recipe("s.toml", SMALL);
    place.ok(&["train", "s.toml", "--epochs", "1"]);
    evaluation("f.toml", &row("mlp", 2, "s"));
    let error = place.fails(&["evaluate", "f.toml"]);
    assert!(error.contains("no generative model"), "{error}");
}
