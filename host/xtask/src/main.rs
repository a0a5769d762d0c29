//! `cargo xtask`: builds plugins, sets a machine up, runs, tests, checks and measures.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod apt;
mod bench;
mod check;
mod example;
mod frozen;
mod guest;
mod languages;
mod manual;
mod plugins;
mod process;
mod run;
mod test;
mod workspace;

use clap::{Parser, Subcommand};

/// Everything that is done with this repository, from a fresh machine on.
#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    after_help = "Examples:\n  cargo xtask run            set up, build, start with a demo tenant\n  \
                  cargo xtask test           set up, run every test\n  cargo xtask plugins        build all plugins\n  \
                  cargo xtask bench routing  measure what has `routing` in its name"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Run(run::Arguments),
    Test(test::Arguments),
    Plugins(plugins::Arguments),
    Check(check::Arguments),
    Bench(bench::Arguments),
    /// Write the reference manual, sdk/docs/reference, out of wit/, limits and templates
    Manual,
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Run(arguments) => run::main(&arguments),
        Command::Test(arguments) => test::main(&arguments),
        Command::Plugins(arguments) => plugins::main(&arguments),
        Command::Check(arguments) => check::main(&arguments),
        Command::Bench(arguments) => bench::main(&arguments),
        Command::Manual => manual::main(),
    }
}
