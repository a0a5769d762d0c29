//! `jackfield plugin …` for authors: the binary as they run it.

mod build;
mod cases;
mod check;
mod mistakes;
mod publish;
mod templates;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use tempfile::TempDir;

/// Compiled code is kept once for all these tests.
static CACHE: LazyLock<TempDir> = LazyLock::new(|| tempfile::tempdir().unwrap());

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap()
}

/// What a test builds goes to the folder of all guests, so that their dependencies are compiled once.
fn guests() -> PathBuf {
    let binary = Path::new(env!("CARGO_BIN_EXE_jackfield"));
    binary.ancestors().nth(2).unwrap().join("guests")
}

/// Where `cargo xtask test` puts the tools of languages.
fn tools() -> PathBuf {
    guests().with_file_name("tools")
}

/// `jackfield plugin` with some arguments.
fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jackfield"));
    command
        .arg("plugin")
        .args(arguments)
        .env("CARGO_TARGET_DIR", guests())
        .env("JACKFIELD_TOOLS", tools())
        .env("XDG_CACHE_HOME", CACHE.path());
    command
}

/// The same, with what is compiled kept for the next run of the tests: run times of languages take long.
fn kept_command(arguments: &[&str]) -> Command {
    let mut command = command(arguments);
    command.env(
        "XDG_CACHE_HOME",
        Path::new(env!("CARGO_TARGET_TMPDIR")).join("author-cache"),
    );
    command
}

fn plugin(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

/// Done well; what it wrote.
fn done(arguments: &[&str]) -> String {
    let output = plugin(arguments);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Ended with an exit code; what it wrote, and what it said.
fn ended(code: i32, arguments: &[&str]) -> (String, String) {
    let output = plugin(arguments);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {output:?}");
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr))
}

/// The same; what it said.
fn refused(code: i32, arguments: &[&str]) -> String {
    ended(code, arguments).1
}

/// A new plugin in a folder, with the SDK of this checkout and the versions of dependencies that are there already.
fn begin(name: &str, kind: &str, folder: &Path) -> String {
    let dir = folder.join(name);
    let dir = dir.to_str().unwrap().to_owned();
    let sdk = repository().join("sdk/rust");
    done(&[
        "new",
        name,
        "--kind",
        kind,
        "--dir",
        &dir,
        "--sdk",
        sdk.to_str().unwrap(),
    ]);
    let lock = std::fs::read_to_string(repository().join("examples/rust-longest-idle/Cargo.lock")).unwrap();
    let lock = lock.replace("name = \"longest-idle\"", &format!("name = \"{name}\""));
    std::fs::write(Path::new(&dir).join("Cargo.lock"), lock).unwrap();
    dir
}
