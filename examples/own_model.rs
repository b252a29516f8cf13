//! A model of one's own: M ≈ A⁻¹, each entry by one perceptron from those of A and I, trained for Richardson's rate.

use fempipe::generate::{self, Recipe, Settings};
use fempipe::models::explicit_inverse::ExplicitInverse;
use fempipe::models::{self, Device, Output, PredictOptions, Rowwise};
use fempipe::nn::{Backend, Loss, dense::Probes};
use fempipe::train::{RunDirectory, TrainRecipe, Training};
use fempipe::{Result, dataset::Dataset, entry::Entry};
use fempipe::{solve::Acceleration, solve::Problem, solver::Stop, system::LinearSystem};

/// The `[entrywise]` table of a recipe.
#[derive(Clone, Default, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Entrywise {
    hidden: Vec<usize>,
}

impl Rowwise for Entrywise {
    const NAME: &'static str = "entrywise";
    fn widths(&self) -> (usize, &[usize], usize) {
        (2, &self.hidden, 1)
    }
    fn features(&self, s: &LinearSystem) -> Vec<f32> {
        let entries = (0..s.n()).flat_map(|i| (0..s.n()).map(move |j| (i, j)));
        let both = |(i, j)| [s.matrix.get(i, j) as f32, f32::from(i == j)];
        entries.flat_map(both).collect()
    }
    fn loss<D: Backend>(&self, batch: Output<D>) -> Result<Loss<D>> {
        let (mut ops, systems) = (batch.ops, batch.systems);
        let a = systems.iter().flat_map(|s| self.features(s)).step_by(2);
        let probes = Probes::draw(systems.len(), 4, systems[0].n(), batch.rng);
        let start = ops.probes(&probes, systems[0].n(), 4);
        let error = ops.richardson_error(batch.out, a.collect(), start, 4, 1.0);
        Ok(ops.mean_rate(error, &probes, 4))
    }
    fn predict(&self, m: Vec<f32>, s: &LinearSystem, o: &PredictOptions) -> Result<Acceleration> {
        let inverse = ExplicitInverse::new(s.n(), m, o.filter, o.symmetrize)?;
        Ok(Acceleration::preconditioner(inverse))
    }
}

pub fn main() -> Result<()> {
    models::register(Entry::of::<Entrywise>("entrywise", "A⁻¹ entry by entry"))?;
    let place = tempfile::tempdir().expect("a temporary directory");
    let (data, run) = (place.path().join("data.h5"), place.path().join("run"));
    let recipe = Recipe::parse("family = 'poisson'\nsamples = 40", "example")?;
    generate::run(&recipe, &*recipe.family()?, &data, &Settings::default())?;
    let text = "model = 'entrywise'\nepochs = 20\nbatch_size = 4\nentrywise.hidden = [8]";
    let recipe = TrainRecipe::parse(&format!("{text}\ndata = {data:?}"), "example")?;
    Training::start(recipe, RunDirectory::new(&run), false)?.run(None, &mut |_| ())?;
    let test = Dataset::open(&data)?.read(39)?;
    let learned = models::load(&run, Device::Cpu)?.predict(&test, &PredictOptions::default())?;
    let problem = Problem::new(&test, "richardson".parse()?, Stop::rtol(1e-5));
    let iterations = problem.solve_once(learned)?.outcome.iterations;
    println!("Richardson with the learned inverse: {iterations} iterations");
    assert_eq!(iterations, 28);
    Ok(())
}
