//! A directory with a small dataset and a recipe, and the binary to run there.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;

use fempipe::models::Checkpoint;

/// A dataset of level-2 systems (n = 9), made once for all tests: 120 to train on, 20 to validate, 20 to test.
pub fn data() -> &'static Path {
    static DATA: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = DATA.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("p2.h5");
        let made = Command::new(env!("CARGO_BIN_EXE_fempipe"))
            .args(["generate", "--family", "poisson", "--level", "2", "--samples", "160", "--seed", "5"])
            .args(["--set", "split.train=120", "--set", "split.validation=20", "--set", "split.test=20"])
            .arg("-o")
            .arg(&path)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        (dir, path)
    });
    path
}

/// A place of its own for one test.
pub struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    pub fn new() -> Self {
        Place { dir: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a recipe for the shared data: the head, then `rest`.
    pub fn recipe(&self, name: &str, rest: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, format!("data = {:?}\n{rest}", data())).unwrap();
        path
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fempipe"));
        command.current_dir(self.dir.path()).args(args);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    pub fn spawn(&self, args: &[&str]) -> Child {
        self.command(args).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap()
    }

    /// Runs what must work; its stdout.
    pub fn ok(&self, args: &[&str]) -> String {
        let out = self.run(args);
        assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap()
    }

    /// Runs what must fail with one line on stderr; that line.
    pub fn fails(&self, args: &[&str]) -> String {
        let out = self.run(args);
        let text = String::from_utf8(out.stderr).unwrap();
        assert!(!out.status.success(), "{args:?} worked: {text}");
        let errors: Vec<&str> = text.lines().filter(|l| l.starts_with("fempipe: ")).collect();
        assert_eq!(errors.len(), 1, "{args:?}: {text:?}");
        assert!(!text.contains("panicked"), "{text}");
        errors[0].to_string()
    }

    pub fn checkpoint(&self, name: &str) -> Checkpoint {
        Checkpoint::read(&self.path(name)).unwrap()
    }
}

/// A recipe of `mlp` that trains in a second.
pub const SMALL: &str = r#"model = "mlp"
epochs = 6
batch_size = 16
[mlp]
hidden = [16, 16, 16]
loss = "rate"
probes = 2
steps = 2
[early_stopping]
patience = 50
"#;

/// The same for `stencil-mlp`.
pub const STENCIL: &str = r#"model = "stencil-mlp"
epochs = 6
batch_size = 16
[stencil-mlp]
hidden = [8, 8]
input_radius = 1
probes = 2
steps = 2
"#;

/// A quick training of the graph network that guesses.
pub const NSLS: &str = r#"model = "nsls"
epochs = 6
batch_size = 16
[nsls]
width = 6
blocks = 2
iterates = 3
"#;

/// A quick training of the graph network that corrects factors.
pub const PRECORRECTOR: &str = r#"model = "precorrector"
epochs = 6
batch_size = 16
[validation]
ksp = { type = "cg" }
[precorrector]
width = 4
rounds = 2
pairs = 2
"#;

/// A quick training of the graph network that predicts factors.
pub const FACTOR: &str = r#"model = "factor-gnn"
epochs = 6
batch_size = 16
[validation]
ksp = { type = "cg" }
[factor-gnn]
node = "graph-transformer"
width = 4
rounds = 2
target = "icc"
"#;

/// A quick training of the autoencoder that writes factored inverses.
pub const GCVAE: &str = r#"model = "gcvae"
epochs = 6
batch_size = 16
[validation]
ksp = { type = "cg" }
[gcvae]
width = 4
layers = 2
latent = 2
vectors = 2
extra = 0.5
"#;

/// A quick training of the graph network that writes sparse factored inverses.
pub const SPAI_GNN: &str = r#"model = "spai-gnn"
epochs = 6
batch_size = 16
[validation]
ksp = { type = "cg" }
[spai-gnn]
width = 4
rounds = 2
vectors = 2
"#;
