//! The compiler for guests: cargo for the target `wasm32-unknown-unknown`, set up when it is missing.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, bail};

use crate::{apt, process, workspace};

const TARGET: &str = "wasm32-unknown-unknown";
/// `rustup target add` fetches some 20 MB; a machine that cannot reach its server should not wait for long.
const RUSTUP_LIMIT: Duration = Duration::from_secs(120);
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_SOURCES: &str = "/usr/lib/rustlib/src/rust/library/std";

/// How guests are compiled on this machine.
pub(crate) enum Guest {
    /// The toolchain has the target.
    Target,
    /// Debian's `rustc-web`, whose standard library is built from `rust-web-src`; linked by the toolchain's linker.
    Debian { linker: PathBuf },
}

impl Guest {
    /// Finds the compiler, or sets it up: the target by rustup, else Debian's compiler.
    pub(crate) fn find() -> Result<Self> {
        let sysroot = sysroot("rustc")?;
        let has_target = || sysroot.join("lib/rustlib").join(TARGET).join("lib").is_dir();
        if has_target() {
            return Ok(Self::Target);
        }
        if !debian_is_here() {
            process::say(&format!("adding the Rust target {TARGET} by rustup"));
            let mut add = Command::new("rustup");
            add.args(["target", "add", TARGET]).current_dir(workspace::root());
            if process::succeeds_within(&mut add, RUSTUP_LIMIT) && has_target() {
                return Ok(Self::Target);
            }
            apt::install(
                &["rustc-web", "rust-web-src"],
                &format!("to build plugins (rustup could not fetch the target {TARGET})"),
            )?;
            if !debian_is_here() {
                bail!(
                    "Debian's rustc-web and rust-web-src are not where they should be ({DEBIAN_RUSTC}, \
                     {DEBIAN_SOURCES}); run `rustup target add {TARGET}` on a machine that can reach rustup's server"
                );
            }
        }
        let linker = ["x86_64", "aarch64"]
            .iter()
            .map(|cpu| sysroot.join(format!("lib/rustlib/{cpu}-unknown-linux-gnu/bin/rust-lld")))
            .find(|path| path.is_file())
            .with_context(|| format!("the Rust toolchain in {} has no rust-lld", sysroot.display()))?;
        Ok(Self::Debian { linker })
    }

    /// `cargo build --release` for guests, still without a package.
    pub(crate) fn cargo_build(&self) -> Command {
        let mut command = process::cargo();
        // The outer build's flags and wrappers are for the host.
        for name in [
            "RUSTFLAGS",
            "CARGO_ENCODED_RUSTFLAGS",
            "RUSTC",
            "RUSTC_WRAPPER",
            "CARGO_BUILD_TARGET",
        ] {
            command.env_remove(name);
        }
        command
            .args(["build", "--release", "--target", TARGET])
            .env("CARGO_TARGET_DIR", workspace::target().join("guests"))
            // 64 KiB of stack instead of 1 MiB: less memory to set up for each decision.
            .env(
                "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS",
                "-Clink-arg=-zstack-size=65536",
            );
        if let Self::Debian { linker } = self {
            command
                .arg("-Zbuild-std=std,panic_abort")
                .env("RUSTC", DEBIAN_RUSTC)
                .env("RUSTC_BOOTSTRAP", "1")
                .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
        }
        command
    }
}

fn sysroot(rustc: &str) -> Result<PathBuf> {
    let mut command = Command::new(rustc);
    command
        .args(["--print", "sysroot"])
        .current_dir(workspace::root());
    Ok(PathBuf::from(process::output(&mut command)?.trim()))
}

fn debian_is_here() -> bool {
    Path::new(DEBIAN_SOURCES).is_dir()
        && sysroot(DEBIAN_RUSTC).is_ok_and(|sysroot| sysroot == Path::new("/usr"))
}
