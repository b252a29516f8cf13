//! CUDA: asked for in a CPU build it says how to get it; with a GPU at hand it must agree with the CPU.

use crate::setup::{FACTOR, GCVAE, NSLS, PRECORRECTOR, Place, SMALL, SPAI_GNN};

#[cfg(not(feature = "cuda"))]
#[test]
fn a_cpu_build_says_how_to_get_cuda() {
    let place = Place::new();
    place.recipe("r.toml", SMALL);
    let error = place.fails(&["train", "r.toml", "--device", "cuda"]);
    assert!(error.contains("--features cuda"), "{error}");
}

/// Why there is nothing to compare with here, if there is not.
fn no_gpu() -> Option<&'static str> {
    if !cfg!(feature = "cuda") {
        return Some("this build has no CUDA (cargo test --features cuda)");
    }
    let listed = std::process::Command::new("nvidia-smi").arg("-L").output();
    let there = listed.is_ok_and(|o| o.stdout.starts_with(b"GPU"));
    (!there).then_some("there is no GPU here")
}

#[test]
fn cuda_trains_as_the_cpu_does() {
    if let Some(reason) = no_gpu() {
        println!("skipped: {reason}");
        return;
    }
    for recipe in [SMALL, NSLS, PRECORRECTOR, FACTOR, GCVAE, SPAI_GNN] {
        compare(recipe);
    }
}

/// One epoch on each; the weights must agree.
fn compare(recipe: &str) {
    let place = Place::new();
    place.recipe("r.toml", recipe);
    place.ok(&["train", "r.toml", "-o", "cpu", "--epochs", "1"]);
    place.ok(&["train", "r.toml", "-o", "gpu", "--epochs", "1", "--device", "cuda"]);
    let (cpu, gpu) = (place.checkpoint("cpu/last.safetensors"), place.checkpoint("gpu/last.safetensors"));
    assert_eq!(cpu.weights.len(), gpu.weights.len());
    for (a, b) in cpu.weights.iter().zip(&gpu.weights) {
        for (x, y) in a.data.iter().zip(&b.data) {
            assert!((x - y).abs() < 1e-3 * (1.0 + x.abs()), "{}: {x} against {y}", a.name);
        }
    }
}

#[test]
fn stencil_mlp_refuses_cuda() {
    let place = Place::new();
    place.recipe("r.toml", crate::setup::STENCIL);
    let error = place.fails(&["train", "r.toml", "--device", "cuda"]);
    assert!(error.contains("stencil-mlp") && error.contains("--device cpu"), "{error}");
}
