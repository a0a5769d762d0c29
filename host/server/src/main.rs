//! `jackfield`: the server and its command line in one binary.

#![allow(clippy::print_stdout, clippy::print_stderr)]

mod cli;
mod compile;
mod demo;
mod load;
mod seed;
mod serve;
mod story;
mod telemetry;

use std::io::Write;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

/// Contact-centre platform whose behaviour is plugins.
#[derive(Parser)]
#[command(name = "jackfield", version, about, propagate_version = true, after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Examples:
  jackfield demo                            three simulated calls, told event by event
  jackfield serve --demo --data ./data      a server with a demo tenant that can be called
  jackfield agent list                      the agents of the tenant whose key is used
  jackfield binding set queue:support longest-idle@0.1.0

Exit codes: 0 done, 1 failed or refused, 2 wrong usage, 3 the server can't be reached.";

#[derive(Subcommand)]
enum Command {
    /// Run the server.
    Serve(serve::Arguments),
    /// Place simulated calls and show each event of their journey.
    Demo(demo::Arguments),
    /// Place simulated calls through a running server, with simulated agents.
    Load(load::Arguments),
    /// Check and compile a component; the server starts this by itself.
    #[command(hide = true)]
    CompilePlugin(compile::Arguments),
    /// Print a script that completes commands in a shell.
    #[command(after_help = "Examples:
  jackfield completions bash > ~/.local/share/bash-completion/completions/jackfield
  jackfield completions zsh > ~/.zfunc/_jackfield
  jackfield completions fish > ~/.config/fish/completions/jackfield.fish")]
    Completions {
        /// For which shell.
        shell: clap_complete::Shell,
    },
    #[command(flatten)]
    Client(cli::Command),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Serve(arguments) => serve::main(arguments),
        Command::Demo(arguments) => demo::main(arguments),
        Command::Load(arguments) => load::main(&arguments),
        Command::CompilePlugin(arguments) => return compile::main(&arguments),
        Command::Completions { shell } => completions(shell),
        Command::Client(command) => return cli::run(command),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("jackfield: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Prints the script; a reader that has seen enough is no error.
fn completions(shell: clap_complete::Shell) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "jackfield", &mut script);
    match std::io::stdout().write_all(&script) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
