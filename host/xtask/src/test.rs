//! `cargo xtask test`: every test, on any machine.

use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use jackfield_build::go;

use crate::{apt, check, example, plugins, process, workspace};

/// Set up what the tests need, then run every test and check
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  cargo xtask test\n  cargo xtask test routing   only tests with `routing` in their name"
)]
pub(crate) struct Arguments {
    /// Run only tests whose name contains this, and no checks of style
    filter: Option<String>,
}

pub(crate) fn main(arguments: &Arguments) -> Result<()> {
    let mut steps = Steps::default();
    apt::prepare(
        &[apt::SIPP, apt::BARESIP, apt::SPEECH, apt::STRACE, apt::CHROMIUM],
        "for the tests",
    );
    steps.run("plugins", || plugins::build().map(|_| ()));
    for (language, built) in plugins::build_others() {
        steps.maybe(&format!("plugins in {}", language.as_str()), || {
            built.map(|built| built.map(|_| ()))
        });
    }
    if arguments.filter.is_none() {
        style(&mut steps)?;
        steps.maybe("test sdk/go", || match go::toolchain(workspace::root()) {
            Ok(go) => {
                let mut test = Command::new(go);
                test.args(["test", "./json"])
                    .current_dir(workspace::root().join("sdk/go"));
                process::run(&mut test).map(Ok)
            }
            Err(missing) => Ok(Err(missing.to_string())),
        });
    }
    tests(&mut steps, arguments.filter.as_deref())?;
    if arguments.filter.is_none() {
        steps.run("scenarios of examples", example::run);
    }
    steps.report()
}

/// What needs no run of the product.
fn style(steps: &mut Steps) -> Result<()> {
    steps.run("floors, sizes, top level", check::run);
    let folders = guest_folders()?;
    steps.optional("format", "rustfmt", |command| {
        command
            .args(["fmt", "--all", "--check"])
            .current_dir(workspace::root());
    });
    for folder in &folders {
        let name = format!("format {}", shown(folder));
        steps.optional(&name, "rustfmt", |command| {
            command.args(["fmt", "--check"]).current_dir(folder);
        });
    }
    steps.optional("clippy", "cargo-clippy", |command| {
        command
            .args([
                "clippy",
                "--quiet",
                "--workspace",
                "--all-targets",
                "--",
                "-Dwarnings",
            ])
            .current_dir(workspace::root());
    });
    for folder in &folders {
        let name = format!("clippy {}", shown(folder));
        steps.optional(&name, "cargo-clippy", |command| {
            guest(command, folder).args([
                "clippy",
                "--quiet",
                "--workspace",
                "--all-targets",
                "--",
                "-Dwarnings",
            ]);
        });
    }
    steps.command("documentation", |command| {
        command
            .args(["doc", "--quiet", "--workspace", "--no-deps"])
            .env("RUSTDOCFLAGS", "-Dwarnings")
            .current_dir(workspace::root());
    });
    if workspace::root().join("deny.toml").is_file() {
        steps.optional("licences and advisories", "cargo-deny", |command| {
            command.args(["deny", "check"]).current_dir(workspace::root());
        });
    }
    Ok(())
}

fn tests(steps: &mut Steps, filter: Option<&str>) -> Result<()> {
    for folder in guest_folders()? {
        steps.command(&format!("test {}", shown(&folder)), |command| {
            guest(command, &folder)
                .args(["test", "--quiet", "--workspace", "--no-fail-fast"])
                .args(filter);
        });
    }
    steps.command("test host", |command| {
        command
            .args(["test", "--workspace", "--no-fail-fast"])
            .args(filter)
            .env("JACKFIELD_PLUGINS", workspace::plugins())
            .current_dir(workspace::root());
    });
    Ok(())
}

/// The SDK and the packages that hold plugins, which have workspaces of their own.
fn guest_folders() -> Result<Vec<std::path::PathBuf>> {
    let mut folders = vec![workspace::root().join("sdk/rust")];
    folders.extend(plugins::packages()?);
    Ok(folders)
}

/// These share a target folder, so that their common dependencies are built once.
fn guest<'a>(command: &'a mut Command, folder: &Path) -> &'a mut Command {
    command
        .env("CARGO_TARGET_DIR", workspace::target().join("guests"))
        .current_dir(folder)
}

fn shown(folder: &Path) -> String {
    folder
        .strip_prefix(workspace::root())
        .unwrap_or(folder)
        .display()
        .to_string()
}

/// What has been run, and what came of it.
#[derive(Default)]
struct Steps {
    done: Vec<(String, Duration, Outcome)>,
}

enum Outcome {
    Passed,
    Failed(String),
    Skipped(String),
}

impl Steps {
    /// Runs a step; a failure does not keep the next steps from running.
    fn run(&mut self, name: &str, step: impl FnOnce() -> Result<()>) {
        process::say(name);
        let began = Instant::now();
        let outcome = match step() {
            Ok(()) => Outcome::Passed,
            Err(error) => {
                eprintln!("{error:#}");
                Outcome::Failed(format!("{error:#}"))
            }
        };
        self.done.push((name.to_owned(), began.elapsed(), outcome));
    }

    /// A step that this machine may not be able to do; `Err` says what it lacks.
    fn maybe(&mut self, name: &str, step: impl FnOnce() -> Result<Result<(), String>>) {
        let mut lacks = None;
        self.run(name, || {
            lacks = step()?.err();
            Ok(())
        });
        if let (Some(why), Some((_, _, outcome))) = (lacks, self.done.last_mut()) {
            *outcome = Outcome::Skipped(why.lines().next().unwrap_or_default().to_owned());
        }
    }

    /// A step that is one run of cargo.
    fn command(&mut self, name: &str, set: impl FnOnce(&mut Command)) {
        self.run(name, || {
            let mut command = process::cargo();
            set(&mut command);
            process::run(&mut command)
        });
    }

    /// The same, skipped where the toolchain has no such tool.
    fn optional(&mut self, name: &str, tool: &str, set: impl FnOnce(&mut Command)) {
        let mut version = Command::new(tool);
        version.arg("--version").current_dir(workspace::root());
        if process::output(&mut version).is_ok() {
            self.command(name, set);
        } else {
            self.done.push((
                name.to_owned(),
                Duration::ZERO,
                Outcome::Skipped(format!("{tool} is not installed")),
            ));
        }
    }

    fn report(&self) -> Result<()> {
        process::say("summary");
        for (name, took, outcome) in &self.done {
            let (word, why) = match outcome {
                Outcome::Passed => ("passed", ""),
                Outcome::Failed(why) => ("FAILED", why.lines().next().unwrap_or_default()),
                Outcome::Skipped(why) => ("skipped", why.as_str()),
            };
            println!("{word:<8}{:>7.1} s  {name}  {why}", took.as_secs_f64());
        }
        let failed = self
            .done
            .iter()
            .filter(|(.., outcome)| matches!(outcome, Outcome::Failed(_)))
            .count();
        if failed > 0 {
            bail!("{failed} of {} steps failed", self.done.len());
        }
        Ok(())
    }
}
