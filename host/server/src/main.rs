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

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

/// A decision makes an instance of its own, with all that belongs to it, and a run over a million customers makes some of it for
/// each: with this allocator it takes a tenth less of the processors than with the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
    let done = match Arguments::parse_from(arranged(std::env::args_os())).command {
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

/// The options of the connection stand behind the command; those that were given before it are put there.
fn arranged(arguments: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut rest = arguments.peekable();
    let mut line: Vec<_> = rest.next().into_iter().collect();
    let mut early = Vec::new();
    while let Some(next) = rest.peek().and_then(|next| next.to_str()) {
        let takes_value = match next.split_once('=').map_or(next, |(name, _)| name) {
            "--url" | "--key" | "--key-file" => !next.contains('='),
            "--json" => false,
            _ => break,
        };
        early.extend(rest.by_ref().take(1 + usize::from(takes_value)));
    }
    line.extend(rest.next());
    line.extend(early);
    line.extend(rest);
    line
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

#[cfg(test)]
mod tests {
    use super::*;

    fn arranged(line: &str) -> String {
        let line = super::arranged(line.split(' ').map(OsString::from));
        let line: Vec<_> = line.iter().map(|word| word.to_str().unwrap()).collect();
        line.join(" ")
    }

    #[test]
    fn options_of_the_connection_may_stand_before_the_command() {
        assert_eq!(
            arranged("jackfield --url http://x --json agent set anna --name A"),
            "jackfield agent --url http://x --json set anna --name A"
        );
        assert_eq!(
            arranged("jackfield --key=jf_1 --key-file k queue list"),
            "jackfield queue --key=jf_1 --key-file k list"
        );
        for same in [
            "jackfield",
            "jackfield agent list --url http://x",
            "jackfield --version",
        ] {
            assert_eq!(arranged(same), same);
        }
        let line = super::arranged(
            "jackfield --url http://x agent list"
                .split(' ')
                .map(OsString::from),
        );
        assert!(Arguments::try_parse_from(line).is_ok());
    }
}
