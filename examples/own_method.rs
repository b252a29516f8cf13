//! A method of one's own: Barzilai and Borwein's, each step as long as steepest descent would have made the one before.

use fempipe::entry::Entry;
use fempipe::linalg::{LinOp, vector};
use fempipe::solver::{self, ConvergenceTest, KrylovMethod, Memory, Monitor, Need, Outcome};
use fempipe::solver::{Requirements, Stop, Workspace};
use fempipe::{families, solve::Acceleration, solve::Problem};

#[derive(Debug, Default, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Gradient {}
#[derive(Default)]
struct Vectors([Vec<f64>; 3]);
impl Memory for Vectors {}

impl KrylovMethod for Gradient {
    fn requirements(&self) -> Requirements {
        Requirements::of("bb", Need::Spd, Need::Spd)
    }
    fn solve(
        &self,
        ws: &mut Workspace,
        a: &dyn LinOp,
        m: &dyn LinOp,
        b: &[f64],
        x: &mut [f64],
        stop: &Stop,
        monitor: &mut dyn Monitor,
    ) -> fempipe::Result<Outcome> {
        let test = ConvergenceTest::start(a, m, b, x, stop, monitor)?;
        let Vectors([r, z, az]) = ws.of();
        [&mut *r, z, az].into_iter().for_each(|v| v.resize(b.len(), 0.0));
        let mut before = None;
        Ok(test.run(x, r, |x, r| {
            m.apply(r, z);
            a.apply(z, az);
            let length = vector::dot(r, z) / vector::dot(z, az);
            vector::advance(before.replace(length).unwrap_or(length), z, az, x, r)
        }))
    }
}

pub fn main() -> fempipe::Result<()> {
    solver::register(Entry {
        source: "Barzilai & Borwein (1988), doi:10.1093/imanum/8.1.141",
        needs: "A and M symmetric positive definite",
        ..Entry::of::<Gradient>("bb", "gradient method of Barzilai and Borwein")
    })?;
    let family = families::build("poisson", &toml::toml! { level = 4 }, "example")?;
    let system = family.sampler()?.sample(1, 0)?;
    let problem = Problem::new(&system, "bb".parse()?, Stop::rtol(1e-8));
    let done = problem.solve_once(Acceleration::default())?.outcome;
    assert!(done.iterations.abs_diff(138) <= 10);
    Ok(())
}
