//! What authors of plugins do on their own machine, a file per command: `jackfield plugin new`, `build`, `test`, …
//!
//! What takes long is told on standard error, so that standard output holds the result alone.

pub(super) mod again;
mod bench;
mod build;
mod case;
mod check;
mod flame;
mod judge;
mod mocks;
mod new;
mod publish;
mod run;
mod subject;
mod test;
mod versions;
mod watch;
mod words;

use super::client::{Client, Connection};
use super::failure::Failure;
use super::output::Output;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Begin a plugin: a folder that builds and passes its test.
    New(new::Arguments),
    /// Build a plugin: a component with its manifest inside.
    Build(build::Arguments),
    /// Build a plugin and ask it the questions of its case files.
    Test(test::Arguments),
    /// Let a plugin decide once, and explain: answer, reads, log, cost.
    Run(run::Arguments),
    /// Check a plugin: contract, size, limits, schema, and its version against what was published.
    Check(check::Arguments),
    /// Measure a plugin: time, fuel and memory of a decision, and where the fuel goes.
    Bench(bench::Arguments),
    /// Build, sign and upload a plugin.
    Publish(publish::Arguments),
}

pub(super) fn run(command: Command, connection: &Connection, out: &mut Output) -> Result<(), Failure> {
    let json = connection.json;
    match command {
        Command::New(new) => new::run(&new, json, out),
        Command::Build(build) => build::run(&build, json, out),
        Command::Test(test) => test::run(&test, json, out),
        Command::Run(run) => run::run(&run, json, out),
        Command::Check(check) => check::run(&check, connection, json, out),
        Command::Bench(bench) => bench::run(&bench, json, out),
        Command::Publish(publish) => publish::run(&publish, &Client::new(connection)?, json, out),
    }
}

/// Tells what happens now, when it takes long.
fn say(step: &str) {
    eprintln!("· {step}");
}
