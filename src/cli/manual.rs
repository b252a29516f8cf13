//! `fempipe completions` and `fempipe man`: for shells and for `man`, from the definition of the command line.

use std::path::PathBuf;

use clap::{Command, CommandFactory};
use clap_complete::Shell;

use super::output::print;
use super::{Cli, Common};
use crate::error::{Error, Result};
use crate::io::atomic;
use crate::io::outputs;

/// Print the completions of a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  fempipe completions bash > ~/.local/share/bash-completion/completions/fempipe
  fempipe completions zsh > ~/.zfunc/_fempipe         with fpath+=~/.zfunc before compinit
  fempipe completions fish > ~/.config/fish/completions/fempipe.fish")]
pub struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Print a page of the manual, or write all of them
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  fempipe man | man -l -
  fempipe man generate | man -l -
  fempipe man -o ~/.local/share/man/man1       all pages: man fempipe, man fempipe-generate")]
pub struct ManArgs {
    /// The page of this command [default: that of fempipe]
    command: Option<String>,
    /// Directory to write all pages into
    #[arg(short, long, value_name = "DIR", conflicts_with = "command")]
    output: Option<PathBuf>,
    /// Replace pages that are there
    #[arg(long, requires = "output")]
    force: bool,
}

/// Runs `fempipe completions`.
pub fn completions(args: &CompletionsArgs) -> Result<()> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "fempipe", &mut text);
    print(&String::from_utf8_lossy(&text))
}

/// Runs `fempipe man`.
pub fn man(args: &ManArgs, common: &Common) -> Result<()> {
    let pages = pages()?;
    let Some(directory) = &args.output else {
        let name = args.command.as_ref().map_or("fempipe".into(), |command| format!("fempipe-{command}"));
        let Some((_, page)) = pages.iter().find(|(there, _)| *there == name) else {
            let commands: Vec<&str> = pages.iter().filter_map(|(name, _)| name.strip_prefix("fempipe-")).collect();
            let known = commands.join(", ");
            return Err(Error::Argument(format!("man: no such command (known: {known})")));
        };
        return print(page);
    };
    let files: Vec<PathBuf> = pages.iter().map(|(name, _)| directory.join(format!("{name}.1"))).collect();
    let none: [&PathBuf; 0] = [];
    outputs::check(&files, &none, args.force)?;
    std::fs::create_dir_all(directory).map_err(|e| Error::io(directory, "create", e))?;
    for ((_, page), file) in pages.iter().zip(&files) {
        atomic::write(file, page)?;
    }
    super::progress::say(common, &format!("{} pages", files.len()));
    print(&format!("{}\n", directory.display()))
}

/// The page of fempipe and one of each command, by name.
fn pages() -> Result<Vec<(String, String)>> {
    let mut whole = Cli::command();
    whole.build();
    let own = whole.get_subcommands().filter(|c| c.get_name() != "help").cloned();
    // Pages are named as `git-commit` is.
    let own = own.map(|c| {
        let name = format!("fempipe-{}", c.get_name());
        (name.clone(), c.name(name.clone()).display_name(name))
    });
    let own: Vec<(String, Command)> = own.collect();
    std::iter::once(("fempipe".to_string(), whole))
        .chain(own)
        .map(|(name, command)| Ok((name, page(command)?)))
        .collect()
}

fn page(command: Command) -> Result<String> {
    let mut text = Vec::new();
    clap_mangen::Man::new(command).render(&mut text).map_err(|e| Error::io("the manual", "write", e))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_a_page_with_its_options_and_exit_codes() {
        let pages = pages().unwrap();
        let page = |name: &str| &pages.iter().find(|(there, _)| there == name).unwrap().1;
        assert!(page("fempipe").contains("130"), "{}", page("fempipe"));
        assert!(page("fempipe-generate").contains("samples") && page("fempipe-generate").contains("srun"));
        assert_eq!(pages.len(), Cli::command().get_subcommands().count() + 1);
        let options = page("fempipe-recipe");
        assert!(options.contains("evaluation") && options.contains(".TH fempipe-recipe"), "{options}");
    }

    #[test]
    fn completions_know_every_command() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "fempipe", &mut text);
            let text = String::from_utf8(text).unwrap();
            for command in Cli::command().get_subcommands() {
                assert!(text.contains(command.get_name()), "{shell}: {}", command.get_name());
            }
        }
    }
}
