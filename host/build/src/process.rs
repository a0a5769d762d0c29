//! Tools as child processes. They inherit standard error, so that their authors speak for themselves.

use std::{
    ffi::OsStr,
    process::{Command, Stdio},
};

use crate::BuildError;

/// Runs a step that writes nothing of use to standard output; what it says goes to standard error.
///
/// # Errors
/// When it can't be started or fails; `step` names it.
pub fn run(command: &mut Command, step: &str) -> Result<(), BuildError> {
    let failed = || BuildError::Step {
        step: step.to_owned(),
    };
    let output = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .and_then(std::process::Child::wait_with_output)
        .map_err(|error| BuildError::Component {
            what: shown(command),
            why: format!("can't be started: {error}"),
        })?;
    if output.status.success() {
        return Ok(());
    }
    // Some tools complain on standard output.
    eprint(&output.stdout);
    Err(failed())
}

/// What of a tool's complaints is told in other words: those words, and what is left to be shown as the tool said it.
pub(crate) struct Explained {
    pub(crate) error: BuildError,
    pub(crate) rest: String,
}

/// The same for a tool whose complaints may be about what the build has made: `explain` gets all that it says when it
/// fails.
pub(crate) fn run_explained(
    command: &mut Command,
    step: &str,
    explain: impl FnOnce(&str) -> Option<Explained>,
) -> Result<(), BuildError> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| BuildError::Component {
            what: shown(command),
            why: format!("can't be started: {error}"),
        })?;
    if output.status.success() {
        eprint(&output.stderr);
        return Ok(());
    }
    let mut said = String::from_utf8_lossy(&output.stdout).into_owned();
    said.push_str(&String::from_utf8_lossy(&output.stderr));
    match explain(&said) {
        Some(Explained { error, rest }) => {
            eprint(rest.as_bytes());
            Err(error)
        }
        None => {
            eprint(said.as_bytes());
            Err(BuildError::Step {
                step: step.to_owned(),
            })
        }
    }
}

#[allow(clippy::print_stderr)]
pub(crate) fn eprint(text: &[u8]) {
    eprint!("{}", String::from_utf8_lossy(text));
}

/// The standard output of a short question to a tool, such as its version; none when it can't answer.
pub fn answer(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Whether a program of this name is in `PATH`.
pub fn has(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}

/// `cargo`, free of what an outer cargo has set for this process alone: a nested build must neither inherit its flags
/// nor rebuild because of them.
pub fn cargo() -> Command {
    let mut command = Command::new("cargo");
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        let inherited = name.starts_with("CARGO_PKG_")
            || name.starts_with("CARGO_MANIFEST_")
            || name.starts_with("CARGO_BIN_")
            || [
                "CARGO",
                "CARGO_CRATE_NAME",
                "CARGO_PRIMARY_PACKAGE",
                "LD_LIBRARY_PATH",
            ]
            .contains(&name.as_ref());
        if inherited {
            command.env_remove(name.as_ref());
        }
    }
    command
}

/// A command as one would type it.
pub fn shown(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(OsStr::to_string_lossy)
        .collect::<Vec<_>>()
        .join(" ")
}
