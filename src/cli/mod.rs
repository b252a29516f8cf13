//! The command line: arguments → library calls, one file per subcommand; alone prints.
//!
//! Data goes to stdout, messages and progress to stderr; the exit code says how it ended (`--help`).

mod choice;
mod evaluate;
mod export;
mod generate;
mod guide;
mod import;
mod inspect;
mod list;
mod manual;
mod merge;
mod mesh;
pub mod output;
mod plot;
pub mod progress;
#[cfg(test)]
mod readme;
mod recipe;
mod solve;
mod split;
mod submit;
mod train;
mod verify;

use std::ffi::OsString;
use std::io::IsTerminal;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::error::{Error, Result};
use crate::interrupt::Signal;
use crate::io::{plain, text};
use crate::linalg::dense;
use crate::{families, interrupt, models, precond, solver};

/// Finite-element systems in, learned solvers out, judged in the same Krylov loop as the classical methods.
#[derive(Debug, Parser)]
#[command(name = "fempipe", version, propagate_version = true)]
#[command(after_help = EXIT_CODES)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// What the process says when it ends.
const EXIT_CODES: &str = "Exit codes:
  0    done
  1    an error, which one line on stderr says
  2    a wrong command line
  130  interrupted; what was finished is on disk, and the same command goes on";

/// The most threads: starting more takes longer than they could ever spare.
const MOST_THREADS: i64 = 1024;

/// Options that every subcommand understands.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Options of every command")]
pub struct Common {
    /// Threads to use [default: all cores]
    #[arg(long, global = true, value_name = "T", value_parser = clap::value_parser!(u16).range(1..=MOST_THREADS))]
    threads: Option<u16>,
    /// Print results as JSON
    #[arg(long, global = true)]
    pub json: bool,
    /// No messages and no progress, only results and errors
    #[arg(short, long, global = true)]
    pub quiet: bool,
}

impl Common {
    /// Threads to use.
    pub fn threads(&self) -> usize {
        let all = || std::thread::available_parallelism().map_or(1, usize::from);
        self.threads.map_or_else(all, usize::from)
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    Generate(generate::Args),
    Import(import::Args),
    Split(split::Args),
    Export(export::Args),
    Inspect(inspect::Args),
    Merge(merge::Args),
    Mesh(mesh::Args),
    Plot(plot::Args),
    Solve(solve::Args),
    Train(Box<train::Args>),
    Evaluate(evaluate::Args),
    Submit(submit::Args),
    Verify(verify::Args),
    Recipe(recipe::Args),
    /// List the families of PDEs: parameters with their defaults, source
    Families(list::Args),
    /// List the models: parameters with their defaults, what they need, source
    Models(list::Args),
    /// List the solvers: parameters with their defaults, what they need, source
    Solvers(list::Args),
    /// List the preconditioners: parameters with their defaults, what they need, source
    Preconditioners(list::Args),
    Completions(manual::CompletionsArgs),
    Man(manual::ManArgs),
}

/// Parses the command line, runs the command, turns its result into an exit code.
pub fn main() -> ExitCode {
    ExitCode::from(main_with(std::env::args_os()))
}

/// The same for a command line, the program's name first, that another program was given.
pub fn main_with(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(e) if !e.use_stderr() => {
            // Help and version: nothing is left to do if they cannot be printed.
            let _ = e.print();
            return 0;
        }
        Err(e) => {
            let given: Vec<String> = arguments.iter().skip(1).map(|a| a.to_string_lossy().into_owned()).collect();
            let text = guide::of(&given).map(|text| plain::lines(&text).into_owned());
            eprintln!("fempipe: {}", text.unwrap_or_else(|| plain::message(&usage_error(&e))));
            return 2;
        }
    };
    if let Command::Evaluate(args) = &cli.command
        && args.has_nothing()
    {
        eprintln!("fempipe: {}", plain::lines(&guide::evaluate()));
        return 2;
    }
    if let Some(columns) = terminal_columns() {
        text::set_width(columns);
    }
    interrupt::install(tell);
    dense::on_one_thread();
    let threads = rayon::ThreadPoolBuilder::new().num_threads(cli.common.threads());
    // The pool can only be there already if a library made it, and then it is as good.
    let _ = threads.build_global();
    match run(&cli) {
        Ok(()) => 0,
        Err(e) => {
            eprintln!("fempipe: {}", plain::message(&e.to_string()));
            if matches!(e, Error::Interrupted(_)) { interrupt::EXIT_CODE } else { 1 }
        }
    }
}

/// Columns of the terminal that stdout is; COLUMNS where that is set. None for a file or a pipe.
fn terminal_columns() -> Option<usize> {
    let stdout = std::io::stdout();
    if !stdout.is_terminal() {
        return None;
    }
    let told = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    told.or_else(|| Some(terminal_size::terminal_size_of(&stdout)?.0.0.into())).filter(|&columns| columns > 0)
}

fn run(cli: &Cli) -> Result<()> {
    match &cli.command {
        Command::Generate(args) => generate::run(args, &cli.common),
        Command::Import(args) => import::run(args, &cli.common),
        Command::Split(args) => split::run(args, &cli.common),
        Command::Export(args) => export::run(args, &cli.common),
        Command::Inspect(args) => inspect::run(args, &cli.common),
        Command::Merge(args) => merge::run(args, &cli.common),
        Command::Mesh(args) => mesh::run(args, &cli.common),
        Command::Plot(args) => plot::run(args, &cli.common),
        Command::Solve(args) => solve::run(args, &cli.common),
        Command::Train(args) => train::run(args, &cli.common),
        Command::Evaluate(args) => evaluate::run(args, &cli.common),
        Command::Submit(args) => submit::run(args, &cli.common),
        Command::Verify(args) => verify::run(args, &cli.common),
        Command::Recipe(args) => recipe::run(args, &cli.common),
        Command::Families(args) => list::run(&families::ENTRIES, args, &cli.common),
        Command::Models(args) => list::run(&models::ENTRIES, args, &cli.common),
        Command::Solvers(args) => list::run(&solver::ENTRIES, args, &cli.common),
        Command::Preconditioners(args) => list::run(&precond::ENTRIES, args, &cli.common),
        Command::Completions(args) => manual::completions(args),
        Command::Man(args) => manual::man(args, &cli.common),
    }
}

/// What a signal does, where it does not end in an error.
fn tell(signal: Signal) {
    eprintln!(
        "fempipe: {}",
        match signal {
            Signal::Saving => "stopping: the step under way is finished and saved first",
            Signal::WhileSaving => "interrupted: saving; once more ends at once, and loses what is not saved",
            Signal::Ending => "interrupted: what was under way is given up; what was finished is on disk",
        }
    );
}

/// clap's complaint in one line.
fn usage_error(e: &clap::Error) -> String {
    let text = e.render().to_string();
    let lines = text.lines().map(str::trim).filter(|l| !l.is_empty());
    let end = |l: &&str| l.starts_with("Usage:") || l.starts_with("For more information");
    let complaint: Vec<&str> = lines.take_while(|l| !end(l)).collect();
    let complaint = complaint.join(" ");
    complaint.strip_prefix("error: ").unwrap_or(&complaint).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn usage_errors_are_one_line() {
        for args in [&["fempipe", "inspect"][..], &["fempipe", "generate", "--shard", "9/4"], &["fempipe", "x"]] {
            let message = usage_error(&Cli::try_parse_from(args).unwrap_err());
            assert!(!message.is_empty() && !message.contains('\n'), "{message}");
        }
    }
}
