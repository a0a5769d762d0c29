//! `jackfield plugin …` for authors: the binary as they run it, without a server.

mod build;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap()
}

/// What a test builds goes to the folder of all guests, so that their dependencies are compiled once.
fn guests() -> PathBuf {
    let binary = Path::new(env!("CARGO_BIN_EXE_jackfield"));
    binary.ancestors().nth(2).unwrap().join("guests")
}

/// Runs `jackfield plugin` with some arguments.
fn plugin(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_jackfield"))
        .arg("plugin")
        .args(arguments)
        .env("CARGO_TARGET_DIR", guests())
        .output()
        .unwrap()
}

/// The same, done well; what it wrote.
fn done(arguments: &[&str]) -> String {
    let output = plugin(arguments);
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The same, refused with an exit code; what it said.
fn refused(code: i32, arguments: &[&str]) -> String {
    let output = plugin(arguments);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {output:?}");
    String::from_utf8(output.stderr).unwrap()
}
