//! `jackfield plugin build`

use std::path::{Path, PathBuf};
use std::time::Instant;

use jackfield_build::Built;
use jackfield_sandbox::Sandbox;
use jackfield_types::Digest;
use serde_json::json;

use super::super::failure::Failure;
use super::super::output::Output;

/// Build a plugin.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Beside plugin.toml stands what says the language: Cargo.toml for Rust, src/plugin.c for C, src/plugin.ts for
TypeScript, plugin.py for Python, go.mod for Go.
A tool that is missing is named with the command that installs it.

Examples:
  jackfield plugin build
  jackfield plugin build my-routing --out my-routing.wasm"
)]
pub(crate) struct Arguments {
    /// The plugin's folder.
    #[arg(default_value = ".", value_name = "DIR")]
    dir: PathBuf,
    /// Where the component goes; by default target/ID-VERSION.wasm in the folder.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments, json: bool, out: &mut Output) -> Result<(), Failure> {
    let began = Instant::now();
    let built = built(&arguments.dir, arguments.out.as_deref())?;
    let (head, path) = (&built.head, built.path.display());
    let answer = json!({
        "id": head.id, "version": head.version, "kind": head.kind, "language": built.language.as_str(),
        "path": built.path, "bytes": built.wasm.len(), "digest": Digest::of(&built.wasm),
        "took_ms": began.elapsed().as_millis() as u64,
    });
    let (size, took) = (built.wasm.len().div_ceil(1024), began.elapsed().as_secs_f64());
    out.done(
        json,
        &answer,
        &format!(
            "{}@{} built in {took:.1} s: {path} ({size} KiB)",
            head.id, head.version
        ),
    )
}

/// Builds the plugin of a folder, and has what came of it checked as the server would check it.
pub(super) fn built(dir: &Path, out: Option<&Path>) -> Result<Built, Failure> {
    let built =
        jackfield_build::build(dir, out, &super::say).map_err(|error| Failure::Work(error.to_string()))?;
    Sandbox::inspect(&built.wasm)
        .map_err(|error| Failure::Work(format!("{}: {error}", built.path.display())))?;
    Ok(built)
}
