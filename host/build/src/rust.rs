//! Rust: cargo for the target `wasm32-unknown-unknown`, of which a component is made without any WASI.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde::Deserialize;

use crate::{
    BuildError, Job,
    component::{componentise, exports, foreign_import},
    contract, process,
};

/// The target that plugins are compiled for.
pub const TARGET: &str = "wasm32-unknown-unknown";
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_SOURCES: &str = "/usr/lib/rustlib/src/rust/library/std";
/// Debian's compiler for this target, and its standard library.
pub const DEBIAN_PACKAGES: [&str; 2] = ["rustc-web", "rust-web-src"];

/// How Rust is compiled for plugins on this machine.
#[derive(Debug, Clone)]
pub enum Compiler {
    /// The toolchain has the target.
    Target,
    /// Debian's `rustc-web`, whose standard library is built from `rust-web-src`; linked by the toolchain's linker.
    Debian {
        /// The toolchain's `rust-lld`.
        linker: PathBuf,
    },
}

impl Compiler {
    /// What is there, seen from a folder, whose `rust-toolchain.toml` counts.
    ///
    /// # Errors
    /// When there is no Rust, or none for [`TARGET`], with the command that installs it.
    pub fn find(dir: &Path) -> Result<Self, BuildError> {
        let missing = |tool: &str, install: String| BuildError::Tool {
            tool: tool.to_owned(),
            purpose: "to compile Rust for WebAssembly".to_owned(),
            install,
        };
        let packages = DEBIAN_PACKAGES.join(" ");
        let sysroot = sysroot("rustc", dir)
            .ok_or_else(|| missing("rustc", "https://rustup.rs, or apt-get install rustup".to_owned()))?;
        if sysroot.join("lib/rustlib").join(TARGET).join("lib").is_dir() {
            return Ok(Self::Target);
        }
        if !debian_is_here(dir) {
            let install = format!("rustup target add {TARGET} (or, on Debian, apt-get install {packages})");
            return Err(missing(&format!("the Rust target {TARGET}"), install));
        }
        let linker = ["x86_64", "aarch64"]
            .iter()
            .map(|cpu| sysroot.join(format!("lib/rustlib/{cpu}-unknown-linux-gnu/bin/rust-lld")))
            .find(|path| path.is_file())
            .ok_or_else(|| missing("rust-lld", "rustup component add llvm-tools".to_owned()))?;
        Ok(Self::Debian { linker })
    }

    /// `cargo build --release` for plugins, still without a package.
    pub fn cargo_build(&self) -> Command {
        let mut command = process::cargo();
        // An outer build's flags and wrappers are for the host.
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

fn sysroot(rustc: &str, dir: &Path) -> Option<PathBuf> {
    let mut command = Command::new(rustc);
    command.args(["--print", "sysroot"]).current_dir(dir);
    process::answer(&mut command).map(PathBuf::from)
}

fn debian_is_here(dir: &Path) -> bool {
    Path::new(DEBIAN_SOURCES).is_dir()
        && sysroot(DEBIAN_RUSTC, dir).is_some_and(|sysroot| sysroot == Path::new("/usr"))
}

/// A compiled core module with the package it came from.
#[derive(Debug)]
pub struct Module {
    /// The module's file.
    pub wasm: PathBuf,
    /// The package's folder.
    pub dir: PathBuf,
    /// Whether nothing had to be compiled.
    pub fresh: bool,
}

/// The lines of `cargo build --message-format=json` that matter here.
#[derive(Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
enum Message {
    CompilerArtifact {
        manifest_path: PathBuf,
        target: Target,
        filenames: Vec<PathBuf>,
        fresh: bool,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
}

/// Runs a build of [`Compiler::cargo_build`] in a folder and gives the plugins' core modules (`cdylib`).
///
/// # Errors
/// When it does not compile; the compiler has said why.
pub fn modules(mut command: Command, dir: &Path) -> Result<Vec<Module>, BuildError> {
    let failed = |what: &str, why: &dyn std::fmt::Display| BuildError::Component {
        what: what.to_owned(),
        why: why.to_string(),
    };
    command
        .args(["--lib", "--message-format=json-render-diagnostics"])
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let mut child = command
        .spawn()
        .map_err(|error| failed("cargo", &format_args!("can't be started: {error}")))?;
    let mut modules = Vec::new();
    for line in child
        .stdout
        .take()
        .map(BufReader::new)
        .into_iter()
        .flat_map(BufRead::lines)
    {
        let line = line.map_err(|error| failed("cargo's messages", &error))?;
        let message = serde_json::from_str(&line).map_err(|error| failed("cargo's messages", &error))?;
        let Message::CompilerArtifact {
            manifest_path,
            target,
            filenames,
            fresh,
        } = message
        else {
            continue;
        };
        if !target.kind.iter().any(|kind| kind == "cdylib") {
            continue;
        }
        let dir = manifest_path.parent().map(Path::to_owned).unwrap_or_default();
        let wasm = filenames
            .into_iter()
            .find(|name| name.extension().is_some_and(|end| end == "wasm"));
        modules.extend(wasm.map(|wasm| Module { wasm, dir, fresh }));
    }
    let status = child.wait().map_err(|error| failed("cargo", &error))?;
    if !status.success() {
        return Err(BuildError::Step {
            step: format!("cargo build in {}", dir.display()),
        });
    }
    Ok(modules)
}

/// The component of a module, without its manifest. Rust plugins reach nothing but the contract.
///
/// # Errors
/// When it can't be made a component, or a dependency asks for something else.
pub fn component(module: &Module) -> Result<Vec<u8>, BuildError> {
    let what = module.wasm.display().to_string();
    let core = fs::read(&module.wasm).map_err(|source| BuildError::file(&module.wasm, source))?;
    let component = componentise(&core, &what)?;
    let why = match foreign_import(&component, |name| name.starts_with("cx:")) {
        Ok(None) => return Ok(component),
        Ok(Some(name)) => format!(
            "imports {name}: only packages cx:* are there; find the dependency that asks for it (`cargo tree`)"
        ),
        Err(error) => error.to_string(),
    };
    Err(BuildError::Component { what, why })
}

pub(crate) fn build(job: &Job<'_>) -> Result<Vec<u8>, BuildError> {
    let compiler = Compiler::find(job.dir)?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| job.dir.join("target"), PathBuf::from);
    let known = target.join(TARGET).join("release/deps").is_dir();
    (job.say)(match known {
        true => "compiling with cargo",
        false => "compiling with cargo; the first time with the SDK, up to a minute",
    });
    let modules = modules(compiler.cargo_build(), job.dir)?;
    match modules.iter().find(|module| module.dir == job.dir) {
        Some(module) => registered(job, component(module)?),
        None => Err(BuildError::Component {
            what: job.dir.join("Cargo.toml").display().to_string(),
            why: "builds no component: expected crate-type = [\"cdylib\"] under [lib]".to_owned(),
        }),
    }
}

/// The component, if it is a plugin of its kind.
fn registered(job: &Job<'_>, component: Vec<u8>) -> Result<Vec<u8>, BuildError> {
    let (resolve, world) = contract::world(job.head)?;
    let (interface, ..) = contract::exported(&resolve, world)?;
    let kind = job.head.kind;
    match exports(&component, &interface) {
        Ok(true) => Ok(component),
        Ok(false) => Err(BuildError::Export {
            file: "src/lib.rs".to_owned(),
            what: format!("no {kind} is registered"),
            how: format!(
                "write once, with the type that is the plugin:\n  jackfield_plugin::{}::register!(TYPE);",
                kind.as_str().replace('-', "_")
            ),
        }),
        Err(error) => Err(BuildError::Component {
            what: "the compiled plugin".to_owned(),
            why: error.to_string(),
        }),
    }
}
