//! The `fempipe` command: everything is in [`fempipe::cli`].

fn main() -> std::process::ExitCode {
    fempipe::cli::main()
}
