//! `fempipe generate`: a dataset from a recipe, a family's name, or another dataset.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::time::Instant;

use indicatif::ProgressBar;
use serde_json::json;
use toml::{Table, Value};

use super::Common;
use super::output::{bytes, number, print};
use super::progress::{bar, say};
use crate::dataset::{Dataset, InputFile};
use crate::error::{Error, Result};
use crate::families::{self, Family};
use crate::generate::{self, Ending, Event, Recipe, Settings, Summary, parse_recipe};
use crate::io::{assignments, outputs, shell};
use crate::shard::Shard;

/// Generate a dataset; the same command goes on where an interrupted one stopped
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("source").required(true))]
#[command(after_help = "Examples:
  fempipe generate datasets/poisson-level3.toml
  fempipe generate --family poisson --level 3 --samples 2000 --seed 1 -o p3.h5
  fempipe generate --from p3.h5 --samples 10000 -o p3-large.h5
  srun -n 8 fempipe generate recipe.toml; fempipe merge recipe.h5")]
pub struct Args {
    /// Recipe file (TOML), or the name of one that comes with fempipe: datasets/darcy-contrast.toml
    #[arg(group = "source")]
    recipe: Option<PathBuf>,
    /// Family to generate with its default recipe
    #[arg(long, group = "source")]
    family: Option<String>,
    /// Dataset whose recipe to use again (needs -o)
    #[arg(long, group = "source", value_name = "FILE", requires = "output")]
    from: Option<PathBuf>,
    /// Number of samples
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    samples: Option<i64>,
    /// Seed that decides every sample
    #[arg(long, value_name = "S", allow_negative_numbers = true)]
    seed: Option<i64>,
    /// Refinement level, of a family that has levels
    #[arg(long, value_name = "L", allow_negative_numbers = true)]
    level: Option<i64>,
    /// Change any key of the recipe (repeat for more): darcy.cells=32, samples=100
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Dataset to write [default: beside the recipe, or datasets/]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Store arrays shuffled and deflated
    #[arg(long)]
    compress: bool,
    /// Make only share i of N [default: the rank srun, mpirun or a Slurm array gave]
    #[arg(long, value_name = "i/N", value_parser = |s: &str| Shard::parse(s).map_err(|e| e.to_string()))]
    shard: Option<Shard>,
    /// Replace a finished dataset
    #[arg(long)]
    force: bool,
    /// Make a few samples, keep nothing, and say what the run will take: seconds by stage, with as many --threads as
    /// are asked for, bytes on the disk, memory
    #[arg(long)]
    dry_run: bool,
}

/// Runs `fempipe generate`.
pub fn run(args: &Args, common: &Common) -> Result<()> {
    let (recipe, files) = args.recipe()?;
    if let Some(path) = args.recipe.as_ref().filter(|path| args.shipped(path).is_some()) {
        say(
            common,
            &format!("{} is not here: the recipe of that name that comes with fempipe is taken", path.display()),
        );
    }
    let output = args.output(&recipe);
    let inputs: Vec<&PathBuf> = args.recipe.iter().chain(&args.from).collect();
    outputs::check(&[&output], &inputs, true)?;
    generate::check_files(&files, &recipe)?;
    let shard = args.shard.or_else(Shard::here);
    if args.dry_run {
        return foretell(&recipe, &output, shard, common);
    }
    let done = make(&recipe, &output, shard, args.force, common)?;
    report(&done, shard, common)
}

/// Says what a run will take.
fn foretell(recipe: &Recipe, output: &Path, shard: Option<Shard>, common: &Common) -> Result<()> {
    let threads = common.threads();
    let clock = Instant::now();
    let family = recipe.family()?;
    let seconds = clock.elapsed().as_secs_f64();
    warn_of_copies(recipe, family.as_ref(), common);
    let e = generate::estimate(recipe, (family.as_ref(), seconds), output, threads, shard)?;
    let s = e.stages;
    let stages = [
        ("setup", s.setup),
        ("draw", s.draw),
        ("assemble", s.assemble),
        ("factorise", s.factorise),
        ("solve", s.solve),
        ("hash", s.hash),
        ("write", s.write),
    ];
    if common.json {
        let stages: serde_json::Map<_, _> = stages.iter().map(|(name, s)| (name.to_string(), json!(s))).collect();
        let result = json!({
            "samples": e.samples, "tried": e.tried, "threads": threads, "seconds": e.seconds, "bytes": e.bytes,
            "working_bytes": e.working_bytes, "memory": e.memory, "stages": stages, "slowdown": e.slowdown,
            "making": e.making, "filing": e.filing, "disk": e.disk, "disk_rate": e.disk_rate,
            "processors": e.processors,
        });
        return print(&format!("{result}\n"));
    }
    let assumed = match e.threads > e.processors {
        true => format!("; assumes {} processors, this machine has {}", e.threads, e.processors),
        false => String::new(),
    };
    let memory = e.memory.map_or("not known on this system".into(), bytes);
    let stages: Vec<String> = stages.iter().map(|(name, s)| format!("{name} {}", number(*s))).collect();
    let disk = e.disk.zip(e.disk_rate).map_or("none could be tried".into(), |(seconds, rate)| {
        format!("{} s at {} a second, which it took in a trial", number(seconds), bytes(rate as u64))
    });
    print(&format!(
        "samples   {} to make; {} were made to measure, none is kept\n\
         seconds   {}: setup, then the longest of the next three, which overlap\n\
         threads   {} s, {} at work, each {:.2} times slower than one alone{assumed}\n\
         file      {} s, rows one after the other\n\
         disk      {disk}\n\
         stages    {} (seconds of one thread)\n\
         dataset   {}, at most {} on the disk before it is finished\n\
         memory    {memory}\n",
        e.samples,
        e.tried,
        number(e.seconds),
        number(e.making),
        e.threads,
        e.slowdown,
        number(e.filing),
        stages.join(", "),
        bytes(e.bytes),
        bytes(e.working_bytes)
    ))
}

/// Makes a dataset, or a share of it, under a bar.
pub(super) fn make(
    recipe: &Recipe,
    output: &Path,
    shard: Option<Shard>,
    force: bool,
    common: &Common,
) -> Result<Summary> {
    let family = recipe.family()?;
    warn_of_copies(recipe, family.as_ref(), common);
    with_bars(common, |progress| {
        let settings = Settings { threads: common.threads(), shard, force, progress };
        generate::run(recipe, family.as_ref(), output, &settings)
    })
}

/// Says that all samples will be the same, where they will.
fn warn_of_copies(recipe: &Recipe, family: &dyn Family, common: &Common) {
    let what = if family.group() > 1 { "trajectories" } else { "samples" };
    if let Some(why) = family.nothing_drawn().filter(|_| recipe.samples > family.group()) {
        say(common, &format!("warning: {}: all {what} will be the same: {why}", recipe.origin));
    }
}

/// Does something under bars that show what it tells, and clears them.
pub(super) fn with_bars<T>(common: &Common, work: impl FnOnce(&dyn Fn(Event)) -> T) -> T {
    let bars = RefCell::new(None);
    let done = work(&|event| show(common, &bars, event));
    if let Some(bar) = bars.take() {
        ProgressBar::finish_and_clear(&bar);
    }
    done
}

/// Draws what a run or a merge tells.
fn show(common: &Common, bars: &RefCell<Option<ProgressBar>>, event: Event) {
    let mut current = bars.borrow_mut();
    match event {
        Event::Start { total, kept } => {
            if kept > 0 {
                say(common, &format!("{kept} of {total} samples are there from before"));
            }
            let b = bar(common, "generating", total, "samples").with_position(kept as u64);
            // The rate counts from here: what was there cost no time.
            b.reset_eta();
            *current = Some(b);
        }
        Event::Sample => {
            if let Some(b) = current.as_ref() {
                b.inc(1);
            }
        }
        Event::Join { done, total } => {
            if current.as_ref().is_none_or(|b| b.message() != "joining") {
                if let Some(b) = current.take() {
                    b.finish_and_clear();
                }
                *current = Some(bar(common, "joining", total, "samples").with_message("joining"));
            }
            if let Some(b) = current.as_ref() {
                b.set_position(done as u64);
            }
        }
    }
}

/// Says what was done: the file on stdout, the rest on stderr.
pub(super) fn report(done: &Summary, shard: Option<Shard>, common: &Common) -> Result<()> {
    let file = done.output.display().to_string();
    let word = shell::path(&done.output);
    let rate = done.made as f64 / done.seconds.max(1e-9);
    let (ending, missing, message) = match done.ending {
        Ending::Complete if done.made == 0 => (
            "complete",
            0,
            format!("joined {} samples in {:.1} s\nnext: fempipe inspect {word}", done.samples, done.seconds),
        ),
        Ending::Complete => (
            "complete",
            0,
            format!(
                "{} samples, {} made in {:.1} s ({rate:.0} a second)\nnext: fempipe inspect {word}",
                done.samples, done.made, done.seconds
            ),
        ),
        Ending::AlreadyThere => (
            "already there",
            0,
            format!("{file} is complete already ({} samples); --force makes it again", done.samples),
        ),
        Ending::Shard { missing } => {
            let share = shard.map_or(String::new(), |s| format!("share {s} is made; "));
            let next = match missing {
                0 => format!("{share}all parts are there\nnext: fempipe merge {word}"),
                _ => format!("{share}{missing} parts of others are missing; when all are there: fempipe merge {word}"),
            };
            ("shard", missing, next)
        }
    };
    if common.json {
        let result = json!({
            "output": file, "samples": done.samples, "made": done.made, "seconds": done.seconds,
            "ending": ending, "missing_parts": missing,
        });
        print(&format!("{result}\n"))?;
    } else if !matches!(done.ending, Ending::Shard { .. }) {
        print(&format!("{file}\n"))?;
    }
    say(common, &message);
    Ok(())
}

impl Args {
    /// The recipe from wherever it comes, with the command line's changes; and what a dataset that it comes from says
    /// of files that it names.
    fn recipe(&self) -> Result<(Recipe, Vec<InputFile>)> {
        let mut files = Vec::new();
        let (mut table, mut origin) = match (&self.recipe, &self.from) {
            (Some(path), _) => match self.shipped(path) {
                Some(text) => (parse_recipe(text, &path.display().to_string())?, path.display().to_string()),
                None => (Recipe::read_table(path, &self.set)?, path.display().to_string()),
            },
            (None, Some(path)) => {
                let header = Dataset::open(path)?.header().clone();
                let text = header.recipe;
                files = header.files;
                let origin = format!("recipe in {}", path.display());
                (Recipe::table_of_dataset(&text, &origin)?, origin)
            }
            (None, None) => (Table::new(), "command line".to_string()),
        };
        let changes = self.changes(&table)?;
        if !(changes.is_empty() && self.set.is_empty()) && origin != "command line" {
            origin.push_str(" with command line");
        }
        for (key, value) in changes {
            assignments::set(&mut table, &key, value)?;
        }
        assignments::assign(&mut table, &self.set)?;
        Ok((Recipe::from_table(table, &origin)?, files))
    }

    /// The recipe of this name that comes with fempipe, where no file has it.
    fn shipped(&self, path: &Path) -> Option<&'static str> {
        generate::shipped(path).filter(|_| !path.exists() && path.extension().is_none_or(|e| e != "h5"))
    }

    /// What the command line changes, as (dotted key, value).
    fn changes(&self, table: &Table) -> Result<Vec<(String, Value)>> {
        let mut out: Vec<(String, Value)> = Vec::new();
        if let Some(name) = &self.family {
            out.push(("family".into(), name.as_str().into()));
        }
        let numbers = [("samples", self.samples), ("seed", self.seed)];
        out.extend(numbers.iter().filter_map(|(k, v)| Some((k.to_string(), Value::Integer((*v)?)))));
        let family = self.family.as_deref();
        // A recipe without a family is refused as a whole.
        if let (Some(level), Some(family)) = (self.level, family.or(table.get("family").and_then(Value::as_str))) {
            has_levels(family)?;
            out.push((format!("{family}.level"), Value::Integer(level)));
        }
        if self.compress {
            out.push(("compress".into(), Value::Boolean(true)));
        }
        Ok(out)
    }

    /// Where the dataset goes: -o, the recipe's `output`, beside the recipe, or datasets/.
    fn output(&self, recipe: &Recipe) -> PathBuf {
        if let Some(path) = self.output.as_ref().or(recipe.output.as_ref()) {
            return path.clone();
        }
        if let Some(path) = &self.recipe {
            // A name without a directory is that of a recipe that comes with fempipe.
            let bare = path.parent().is_none_or(|dir| dir.as_os_str().is_empty()) && self.shipped(path).is_some();
            return if bare { Path::new("datasets").join(path) } else { path.clone() }.with_extension("h5");
        }
        let level = recipe.parameters.get("level").and_then(Value::as_integer);
        let level = level.map_or(String::new(), |l| format!("-level{l}"));
        Path::new("datasets").join(format!("{}{level}-{}.h5", recipe.family, recipe.samples))
    }
}

/// Refuses a level of a family that has none.
fn has_levels(family: &str) -> Result<()> {
    let keys = (families::ENTRIES.find(family)?.defaults)();
    if keys.contains_key("level") {
        return Ok(());
    }
    let sizes = ["cells", "n", "grid", "mesh"].into_iter().filter(|key| keys.contains_key(*key));
    let sizes: Vec<String> = sizes.map(|key| format!("{family}.{key}")).collect();
    let instead = match sizes.first() {
        Some(key) => format!("its size is {key}: --set {key}=…"),
        None => "its keys say how large it is".into(),
    };
    Err(Error::Argument(format!(
        "--level: {family} has no levels; {instead} (`fempipe recipe --family {family}` shows all keys)"
    )))
}
