//! Debian packages that are set up when they are missing.

use std::{path::Path, process::Command};

use anyhow::{Context, Result, bail};

use crate::process;

/// Installs packages, telling which and what for.
///
/// # Errors
/// In one line, what to do by hand where this machine cannot install them.
pub(crate) fn install(packages: &[&str], purpose: &str) -> Result<()> {
    let by_hand = || {
        format!(
            "install by hand what is needed {purpose}: apt-get install {}",
            packages.join(" ")
        )
    };
    if !process::has("apt-get") {
        bail!("this machine has no apt-get; {}", by_hand());
    }
    let root = process::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    if !root && !process::output(Command::new("sudo").args(["-n", "true"])).is_ok_and(|_| true) {
        bail!("neither root nor sudo without a password; {}", by_hand());
    }
    let apt_get = || {
        let mut command = if root {
            Command::new("apt-get")
        } else {
            Command::new("sudo")
        };
        if !root {
            command.args(["-n", "apt-get"]);
        }
        command.env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    process::say(&format!(
        "installing Debian packages {purpose}: {}",
        packages.join(" ")
    ));
    let install = || {
        process::run(
            apt_get()
                .args(["install", "--yes", "--quiet", "--no-install-recommends"])
                .args(packages),
        )
    };
    // A fresh machine has no package lists, an old one outdated lists: fetch them then, not each time.
    let listed = Path::new("/var/lib/apt/lists").read_dir().is_ok_and(|entries| {
        entries
            .flatten()
            .any(|entry| entry.file_name().to_string_lossy().ends_with("_Packages"))
    });
    if listed && install().is_ok() {
        return Ok(());
    }
    process::run(apt_get().args(["update", "--quiet"])).with_context(by_hand)?;
    install().with_context(by_hand)
}
