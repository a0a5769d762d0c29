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
    if !root && process::output(Command::new("sudo").args(["-n", "true"])).is_err() {
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

/// A program and the Debian package that brings it.
pub(crate) struct Tool {
    program: &'static str,
    package: &'static str,
}

pub(crate) const SIPP: Tool = Tool {
    program: "sipp",
    package: "sip-tester",
};
pub(crate) const BARESIP: Tool = Tool {
    program: "baresip",
    package: "baresip-core",
};
pub(crate) const SPEECH: Tool = Tool {
    program: "espeak-ng",
    package: "espeak-ng",
};
pub(crate) const CHROMIUM: Tool = Tool {
    program: "chromium",
    package: "chromium",
};
pub(crate) const STRACE: Tool = Tool {
    program: "strace",
    package: "strace",
};

/// Installs those of these tools that are missing. Where that cannot be, one line says what to do, and what needs
/// them says so itself.
pub(crate) fn prepare(tools: &[Tool], purpose: &str) {
    let missing: Vec<_> = tools
        .iter()
        .filter(|tool| !process::has(tool.program))
        .map(|tool| tool.package)
        .collect();
    if missing.is_empty() {
        return;
    }
    if let Err(error) = install(&missing, purpose) {
        process::say(&format!("{error:#}"));
    }
}
