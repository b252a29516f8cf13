//! Dense arrays that do not fit are refused before any is made.

use crate::setup::{FACTOR, GCVAE, Place, SMALL, SPAI_GNN, STENCIL};

#[test]
fn arrays_beyond_the_bound_are_refused_with_the_key_that_avoids_them() {
    let place = Place::new();
    let dense = format!("{GCVAE}inverse = \"dense\"\n");
    let both = format!("{dense}decoder = \"image\"\n");
    let koptimal = FACTOR.replace("\"icc\"", "\"koptimal\"");
    for (recipe, avoids) in [
        (SMALL, "mlp.hidden"),
        (&dense, "set gcvae.inverse = \"probes\""),
        (&both, "gcvae.decoder = \"graph\""),
        (&koptimal, "factor-gnn.target = \"icc\""),
    ] {
        place.recipe("r.toml", recipe);
        let error = place.fails(&["train", "r.toml", "-o", "run", "--set", "memory_mib=0"]);
        for words in [
            "p2.h5: ",
            "on systems of 9 unknowns holds dense arrays of about",
            "0.0 MiB that memory_mib allows",
            avoids,
        ] {
            assert!(error.contains(words), "{words} is not in {error}");
        }
        assert!(!place.path("run").exists());
        // The bound is no part of what decides the weights.
        place.ok(&["train", "r.toml", "-o", "run", "--force", "--epochs", "1", "--set", "memory_mib=100"]);
        std::fs::remove_dir_all(place.path("run")).unwrap();
    }
    // What grows with the entries of A alone is bound by nothing.
    for recipe in [STENCIL, SPAI_GNN, GCVAE, FACTOR] {
        place.recipe("r.toml", recipe);
        place.ok(&["train", "r.toml", "-o", "run", "--force", "--epochs", "1", "--set", "memory_mib=0"]);
    }
}

#[test]
fn arrays_that_no_machine_has_are_refused_in_a_moment() {
    let place = Place::new();
    place.ok(&["generate", "--family", "poisson", "--level", "7", "--samples", "10", "-o", "p7.h5"]);
    let recipe = "model = \"mlp\"\ndata = \"p7.h5\"\n[mlp]\nhidden = [4096]\nloss = \"l2\"\n";
    std::fs::write(place.path("r.toml"), recipe).unwrap();
    let start = std::time::Instant::now();
    let error = place.fails(&["train", "r.toml"]);
    assert!(error.contains("on systems of 16129 unknowns") && error.contains("this process may use"), "{error}");
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
}
