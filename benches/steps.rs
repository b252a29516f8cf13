//! Training steps per second of a network, for `benches/peers/steps.py`.
//!
//!     cargo bench --bench steps -- MODEL DATA.h5 BATCH SECONDS WEIGHTS.safetensors
//!
//! Writes the weights that came out and prints one line of JSON: the loss of the first batch with them, seconds of a
//! step (quartiles; assembly of the batch included), parameters, and the process's peak memory. The normal numbers
//! that the loss was computed with lie beside the weights, so that a peer can compute the same (WEIGHTS.normals, f64):
//! those of the batch, then those of each training sample.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use fempipe::dataset::Dataset;
use fempipe::models::fit::{AdamConfig, Device};
use fempipe::models::{self, ModelConfig, TrainingSet};
use fempipe::rng::{Purpose, normals, stream};
use fempipe::system::cache;

/// Steps before the clock starts: features and factors are made then.
const WARM_UP: usize = 10;

/// Normal numbers told of a batch: at least as many as a loss draws.
const NORMALS: usize = 1 << 20;

/// Vectors told of a sample: those of the probes of A^-1 that `gcvae` sees by default.
const PROBES: usize = 4;

fn main() -> fempipe::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let [name, data, batch, seconds, weights] = &args[..] else {
        // Cargo runs every bench without arguments at times: then there is nothing to measure.
        println!("steps: MODEL DATA BATCH SECONDS WEIGHTS are needed");
        return Ok(());
    };
    let number = |text: &str| -> fempipe::Result<f64> {
        text.parse().map_err(|_| fempipe::Error::Argument(format!("{text}: must be a number")))
    };
    let model = models::ENTRIES.find(name)?;
    let mut table = (model.defaults)();
    if let Some(pairs) = table.get_mut("pairs") {
        // The dataset's own right-hand sides and solutions, so that the peer trains on the same.
        *pairs = toml::Value::Integer(0);
    }
    measure(
        model.name,
        &*model.parse(&table, "this bench")?,
        Path::new(data),
        number(batch)? as usize,
        number(seconds)?,
        Path::new(weights),
    )
}

fn measure(
    name: &str,
    settings: &dyn ModelConfig,
    data: &Path,
    batch: usize,
    seconds: f64,
    weights: &Path,
) -> fempipe::Result<()> {
    let data = Arc::new(Dataset::open(data)?);
    let set =
        TrainingSet { ids: data.split("train")?.to_vec(), source: data.clone(), cache_bytes: cache::default_bytes() };
    fempipe::train::keep_freed();
    let mut trainer = settings.trainer(&set, 1, Device::Cpu)?;
    let batches: Vec<&[u32]> = set.ids.chunks_exact(batch).collect();
    let adam = AdamConfig::default();
    let (mut times, clock) = (Vec::new(), Instant::now());
    let mut step = 0;
    while step < WARM_UP + batches.len() + 20 || clock.elapsed().as_secs_f64() < seconds {
        let (now, next) = (batches[step % batches.len()], batches[(step + 1) % batches.len()]);
        let start = Instant::now();
        trainer.step(now, next, &mut stream(1, Purpose::Probes, step as u64), &adam)?;
        if step >= WARM_UP + batches.len() {
            times.push(start.elapsed().as_secs_f64());
        }
        step += 1;
    }
    let (peak, loss) = (peak_mib(), trainer.loss(batches[0], &mut stream(1, Purpose::Probes, 0))?);
    trainer.checkpoint(false)?.write(weights)?;
    let mut numbers: Vec<f64> = normals(&mut stream(1, Purpose::Probes, 0), NORMALS);
    for &id in &set.ids {
        numbers
            .extend(normals::<f64>(&mut stream(1, Purpose::Probes, u64::from(id)), PROBES * data.size(id as usize).0));
    }
    let bytes: Vec<u8> = numbers.iter().flat_map(|v| v.to_le_bytes()).collect();
    let file = weights.with_extension("normals");
    std::fs::write(&file, bytes).map_err(|e| fempipe::Error::io(&file, "write", e))?;
    let sizes = batches[0].iter().map(|&id| data.size(id as usize));
    times.sort_by(f64::total_cmp);
    let at = |q: f64| times[((times.len() - 1) as f64 * q) as usize];
    println!(
        "{}",
        serde_json::json!({
            "model": name,
            "batch": batch,
            "nodes": sizes.clone().map(|s| s.0).sum::<usize>(),
            "edges": sizes.map(|s| s.1).sum::<usize>(),
            "parameters": trainer.parameters(),
            "loss": loss,
            "steps": times.len(),
            "seconds": [at(0.25), at(0.5), at(0.75)],
            "peak_mib": peak,
        })
    );
    Ok(())
}

/// VmHWM of this process.
fn peak_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|l| l.starts_with("VmHWM:"))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024.0)
}
