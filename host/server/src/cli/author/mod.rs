//! What authors of plugins do on their own machine, a file per command: `jackfield plugin new`, `build`, …
//!
//! What takes long is told on standard error, so that standard output holds the result alone.

mod build;

use super::client::Connection;
use super::failure::Failure;
use super::output::Output;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Build a plugin: a component with its manifest inside.
    Build(build::Arguments),
}

pub(super) fn run(command: Command, connection: &Connection, out: &mut Output) -> Result<(), Failure> {
    let json = connection.json;
    match command {
        Command::Build(build) => build::run(&build, json, out),
    }
}

/// Tells what happens now, when it takes long.
fn say(step: &str) {
    eprintln!("· {step}");
}
