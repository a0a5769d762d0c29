//! The compiler for guests, set up when it is missing.

use std::{process::Command, time::Duration};

use anyhow::{Context, Result};
use jackfield_build::{
    BuildError,
    rust::{Compiler, DEBIAN_PACKAGES, TARGET},
};

use crate::{apt, process, workspace};

/// `rustup target add` fetches some 20 MB; a machine that cannot reach its server should not wait for long.
const RUSTUP_LIMIT: Duration = Duration::from_secs(120);

/// Finds the compiler, or sets it up: the target by rustup, else Debian's compiler.
pub(crate) fn compiler() -> Result<Compiler> {
    let find = || Compiler::find(workspace::root());
    match find() {
        Err(BuildError::Tool { .. }) => {}
        found => return Ok(found?),
    }
    process::say(&format!("adding the Rust target {TARGET} by rustup"));
    let mut add = Command::new("rustup");
    add.args(["target", "add", TARGET]).current_dir(workspace::root());
    if process::succeeds_within(&mut add, RUSTUP_LIMIT)
        && let Ok(found) = find()
    {
        return Ok(found);
    }
    apt::install(
        &DEBIAN_PACKAGES,
        &format!("to build plugins (rustup could not fetch the target {TARGET})"),
    )?;
    find().context("Debian's packages are not where they should be")
}
