//! A model of one's own, Jacobi with a learned damping: M = ω D⁻¹, ω by gradient descent on ‖w − ω A D⁻¹ w‖²/‖w‖² for random w.
//!
//!     cargo run --example own_model

use std::path::Path;

use fempipe::entry::{self, Entry};
use fempipe::linalg::{LinOp, Props};
use fempipe::models::fit::AdamConfig;
use fempipe::models::{
    self, Checkpoint, Device, Model, ModelConfig, PredictOptions, StepReport, Trainer, TrainingSet,
};
use fempipe::nn::NamedArray;
use fempipe::rng::{Purpose, stream};
use fempipe::solve::{Acceleration, Problem};
use fempipe::system::{LinearSystem, Parts};
use fempipe::{Result, families, solver::Stop};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// The `[damped]` table of a recipe: ω before training.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Damped {
    start: f64,
}

#[rustfmt::skip]
const ENTRY: Entry<dyn ModelConfig> = Entry {
    name: "damped", help: "the damping of Jacobi", source: "", needs: "", positional: &[],
    defaults: || entry::to_table(&Damped { start: 0.1 }),
    parse: |table, origin| Ok(Box::new(entry::config::<Damped>(table, "damped", origin)?)),
};

#[rustfmt::skip]
impl ModelConfig for Damped {
    fn table(&self) -> toml::Table { entry::to_table(self) }
    fn trainer(&self, set: &TrainingSet, _seed: u64, _device: Device) -> Result<Box<dyn Trainer>> {
        Ok(Box::new(Training { omega: self.start, settings: self.clone(), set: set.clone() }))
    }
    fn load(&self, checkpoint: &Checkpoint, _file: &Path, _on: Device) -> Result<Box<dyn Model>> {
        Ok(Box::new(Jacobi { omega: omega(checkpoint)?, diagonal: Vec::new() }))
    }
}

/// The one weight of a checkpoint.
fn omega(checkpoint: &Checkpoint) -> Result<f64> {
    let found = checkpoint.weights.first().and_then(|w| w.data.first());
    found
        .map(|&v| f64::from(v))
        .ok_or_else(|| fempipe::Error::Argument("no omega".into()))
}

struct Training {
    omega: f64,
    settings: Damped,
    set: TrainingSet,
}

impl Training {
    /// The loss of a batch and its derivative by ω.
    fn measure(&self, batch: &[u32], rng: &mut ChaCha8Rng) -> Result<(f64, f64)> {
        let (mut loss, mut slope) = (0.0, 0.0);
        for s in self.set.source.load(batch, &Parts::matrix())? {
            let w: Vec<f64> = (0..s.matrix.nrows())
                .map(|_| StandardNormal.sample(&mut *rng))
                .collect();
            let z: Vec<f64> = w.iter().zip(s.matrix.diagonal()).map(|(w, d)| w / d).collect();
            let mut az = vec![0.0; w.len()];
            s.matrix.spmv(&z, &mut az);
            let size: f64 = w.iter().map(|w| w * w).sum::<f64>() * batch.len() as f64;
            let left: Vec<f64> = w.iter().zip(&az).map(|(w, az)| w - self.omega * az).collect();
            loss += left.iter().map(|e| e * e).sum::<f64>() / size;
            slope -= 2.0 * left.iter().zip(&az).map(|(e, az)| e * az).sum::<f64>() / size;
        }
        Ok((loss, slope))
    }
}

#[rustfmt::skip]
impl Trainer for Training {
    fn step(&mut self, batch: &[u32], _next: &[u32], rng: &mut ChaCha8Rng, adam: &AdamConfig) -> Result<StepReport> {
        let (loss, slope) = self.measure(batch, rng)?;
        self.omega -= adam.lr * slope;
        Ok(StepReport { loss, grad_norm: slope.abs() })
    }
    fn loss(&mut self, batch: &[u32], rng: &mut ChaCha8Rng) -> Result<f64> { Ok(self.measure(batch, rng)?.0) }
    fn model(&self) -> Box<dyn Model> { Box::new(Jacobi { omega: self.omega, diagonal: Vec::new() }) }
    fn checkpoint(&self, _with_optimiser: bool) -> Result<Checkpoint> {
        let weight = NamedArray { name: "omega".into(), shape: (1, 1), data: vec![self.omega as f32] };
        let config = self.settings.table().to_string();
        Ok(Checkpoint { model: ENTRY.name.into(), config, weights: vec![weight], ..Default::default() })
    }
    fn restore(&mut self, checkpoint: &Checkpoint) -> Result<()> { self.omega = omega(checkpoint)?; Ok(()) }
    fn parameters(&self) -> usize { 1 }
    fn device(&self) -> Device { Device::Cpu }
}

/// The model, and (with a diagonal) what it predicts.
struct Jacobi {
    omega: f64,
    diagonal: Vec<f64>,
}

#[rustfmt::skip]
impl Model for Jacobi {
    fn name(&self) -> &'static str { ENTRY.name }
    fn parameters(&self) -> usize { 1 }
    fn predict(&self, system: &LinearSystem, _options: &PredictOptions) -> Result<Acceleration> {
        Ok(Acceleration::preconditioner(Jacobi { omega: self.omega, diagonal: system.matrix.diagonal() }))
    }
}

#[rustfmt::skip]
impl LinOp for Jacobi {
    fn shape(&self) -> (usize, usize) { (self.diagonal.len(), self.diagonal.len()) }
    fn props(&self) -> Props { Props::SPD }
    fn apply(&self, x: &[f64], y: &mut [f64]) {
        y.iter_mut().zip(x.iter().zip(&self.diagonal)).for_each(|(y, (x, d))| *y = self.omega * x / d);
    }
}

pub fn main() -> Result<()> {
    models::register(ENTRY)?;
    let family = families::build("poisson", &toml::toml! { level = 3 }, "this example")?;
    let mut sampler = family.sampler()?;
    let samples = (0..20)
        .map(|i| sampler.sample(1, i))
        .collect::<Result<Vec<_>>>()?;
    let test = sampler.sample(1, 20)?;
    let entry = models::ENTRIES.find("damped")?;
    let settings = (entry.parse)(&(entry.defaults)(), "this example")?;
    let mut trainer = settings.trainer(&TrainingSet::in_memory(samples), 1, Device::Cpu)?;
    let adam = AdamConfig {
        lr: 0.1,
        ..Default::default()
    };
    let ids: Vec<u32> = (0..20).collect();
    for step in 0..100 {
        trainer.step(&ids, &[], &mut stream(1, Purpose::Probes, step), &adam)?;
    }
    // Through a checkpoint, as `fempipe evaluate --model` does.
    let file = std::env::temp_dir().join(format!("own-model-{}.safetensors", std::process::id()));
    trainer.checkpoint(false)?.write(&file)?;
    let model = models::load(&file, Device::Cpu)?;
    std::fs::remove_file(&file).map_err(|e| fempipe::Error::io(&file, "remove", e))?;
    let problem = Problem::new(&test, "richardson".parse()?, Stop::rtol(1e-5));
    let done = problem.solve_once(model.predict(&test, &PredictOptions::default())?)?;
    println!(
        "{} Richardson iterations with the learned damping",
        done.outcome.iterations
    );
    assert_eq!((done.outcome.converged(), done.outcome.iterations), (true, 194));
    Ok(())
}
