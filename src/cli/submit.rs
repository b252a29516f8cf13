//! `fempipe submit`: a job script in which a scheduler starts several processes of one command, each with its share.

use std::path::PathBuf;
use std::process::Command;

use super::Common;
use super::output::print;
use super::progress::say;
use crate::error::{Error, Result};
use crate::io::{atomic, shell};

/// Who starts the processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Engine {
    /// sbatch and srun.
    Slurm,
    /// HyperQueue: a task a share.
    Hq,
    /// mpirun, on this machine or in an allocation.
    Mpi,
}

/// Run generate or evaluate as several processes under Slurm, HyperQueue or MPI, and merge what they made
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  fempipe submit --engine slurm --processes 16 --time 2:00:00 -- generate datasets/frame.toml -o frame.h5
  fempipe submit --engine mpi --processes 4 --dry-run -- evaluate training/poisson-table1.toml -o table1

--dry-run prints the job script; without it the script is written beside the output, as OUTPUT.job.sh, and submitted. \
A job that was killed goes on where it stopped when it is submitted again.")]
pub struct Args {
    /// Who starts the processes
    #[arg(long, value_enum)]
    engine: Engine,
    /// Processes
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..))]
    processes: u16,
    /// Cores of each process, and the threads that it uses
    #[arg(long, value_name = "C", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    cores: u16,
    /// Wall-clock limit of a Slurm job, as sbatch reads it
    #[arg(long, value_name = "TIME")]
    time: Option<String>,
    /// Further options of sbatch, hq submit or mpirun, as one text each
    #[arg(long, value_name = "OPTION", allow_hyphen_values = true)]
    option: Vec<String>,
    /// Print the job script and submit nothing
    #[arg(long)]
    dry_run: bool,
    /// The command: generate or evaluate with its arguments, -o OUTPUT among them
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<String>,
}

/// Runs `fempipe submit`.
pub fn run(args: &Args, common: &Common) -> Result<()> {
    let output = output(&args.command)?;
    let program = std::env::current_exe().map_err(|e| Error::io("fempipe", "find the program", e))?;
    let program = shell::word(&program.to_string_lossy());
    let script = script(args, &program, &output);
    if args.dry_run {
        return print(&script);
    }
    let file = PathBuf::from(format!("{}.job.sh", output.trim_end_matches('/')));
    atomic::write(&file, &script)?;
    let starter = if args.engine == Engine::Slurm { "sbatch" } else { "sh" };
    say(common, &format!("{starter} {}", shell::path(&file)));
    let status = Command::new(starter).arg(&file).status().map_err(|e| Error::io(starter, "start", e))?;
    match status.success() {
        true => Ok(()),
        false => Err(Error::file(file, format!("{starter} ended with {status}"))),
    }
}

/// The output of the command that is to be shared.
fn output(command: &[String]) -> Result<String> {
    let name = command.first().map_or("", String::as_str);
    if !["generate", "evaluate"].contains(&name) {
        return Err(Error::Argument(format!("submit: {name:?} has no shares: the command is generate or evaluate")));
    }
    if command.iter().any(|word| word == "--shard" || word.starts_with("--shard=")) {
        return Err(Error::Argument("submit: --shard is what the scheduler says: leave it away".into()));
    }
    let named = command.iter().enumerate().find_map(|(k, word)| match word.as_str() {
        "-o" | "--output" => command.get(k + 1).cloned(),
        word => word.strip_prefix("--output=").map(str::to_string),
    });
    named.ok_or_else(|| Error::Argument(format!("submit: name the output of {name} with -o, so that it can be merged")))
}

/// The job script.
fn script(args: &Args, program: &str, output: &str) -> String {
    let (n, cores) = (args.processes, args.cores);
    let words: Vec<String> = args.command.iter().map(|word| shell::word(word)).collect();
    let command = format!("{program} --threads {cores} {}", words.join(" "));
    let options: String = args.option.iter().map(|option| format!(" {option}")).collect();
    let start = match args.engine {
        Engine::Slurm => format!("srun {command}"),
        Engine::Mpi => format!("mpirun -n {n}{options} {command}"),
        Engine::Hq => {
            let task = shell::word(&format!("{command} --shard \"$HQ_TASK_ID/{n}\""));
            format!("hq submit --wait --array 1-{n} --cpus {cores}{options} sh -c {task}")
        }
    };
    let mut head = "#!/bin/sh\n".to_string();
    if args.engine == Engine::Slurm {
        let directives =
            ["--job-name=fempipe".to_string(), format!("--ntasks={n}"), format!("--cpus-per-task={cores}")];
        let time = args.time.iter().map(|time| format!("--time={time}"));
        for directive in directives.into_iter().chain(time).chain(args.option.iter().cloned()) {
            head += &format!("#SBATCH {directive}\n");
        }
    }
    format!("{head}set -e\n{start}\n{program} --threads {cores} merge {}\n", shell::word(output))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(engine: Engine, command: &[&str]) -> Args {
        Args {
            engine,
            processes: 3,
            cores: 2,
            time: Some("1:00:00".into()),
            option: vec!["--partition=short".into()],
            dry_run: true,
            command: command.iter().map(|word| word.to_string()).collect(),
        }
    }

    #[test]
    fn scripts_start_shares_and_merge_them() {
        let of = |engine| script(&args(engine, &["evaluate", "my e.toml", "-o", "e"]), "/bin/fempipe", "e");
        assert_eq!(
            of(Engine::Slurm),
            "#!/bin/sh\n#SBATCH --job-name=fempipe\n#SBATCH --ntasks=3\n#SBATCH --cpus-per-task=2\n\
             #SBATCH --time=1:00:00\n#SBATCH --partition=short\nset -e\n\
             srun /bin/fempipe --threads 2 evaluate 'my e.toml' -o e\n/bin/fempipe --threads 2 merge e\n"
        );
        assert_eq!(
            of(Engine::Mpi),
            "#!/bin/sh\nset -e\nmpirun -n 3 --partition=short /bin/fempipe --threads 2 evaluate 'my e.toml' -o e\n\
             /bin/fempipe --threads 2 merge e\n"
        );
        let hq = of(Engine::Hq);
        assert!(hq.contains("hq submit --wait --array 1-3 --cpus 2 --partition=short sh -c "), "{hq}");
        assert!(hq.contains("'\\''my e.toml'\\'' -o e --shard \"$HQ_TASK_ID/3\"'"), "{hq}");
    }

    #[test]
    fn what_has_no_shares_or_no_output_is_refused() {
        let of = |command: &[&str]| {
            let command: Vec<String> = command.iter().map(|word| word.to_string()).collect();
            output(&command)
        };
        assert_eq!(of(&["generate", "r.toml", "--output=d.h5"]).unwrap(), "d.h5");
        for (command, part) in [
            (&["train", "r.toml", "-o", "x"][..], "\"train\" has no shares"),
            (&["generate", "r.toml"], "name the output of generate with -o"),
            (&["generate", "r.toml", "-o", "d.h5", "--shard", "1/2"], "leave it away"),
        ] {
            let error = of(command).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
