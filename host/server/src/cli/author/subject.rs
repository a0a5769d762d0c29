//! The plugin at hand: a folder, which is built first, or a component; and the production engine to run it on.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jackfield_sandbox::{Plugin, Sandbox, SandboxOptions};

use super::super::failure::Failure;
use super::super::sign;
use super::build;

/// Decisions at once; authors ask one at a time.
const DECISIONS: u32 = 1;

/// On a crowded machine an author waits longer for the compiler than a server may.
const PATIENCE: u64 = 10;

/// A plugin's component.
pub(super) struct Subject {
    /// Where it lies.
    pub(super) path: PathBuf,
    /// The component.
    pub(super) wasm: Vec<u8>,
}

impl Subject {
    /// Builds a folder's plugin, or reads a component.
    pub(super) fn of(at: &Path) -> Result<Self, Failure> {
        if at.is_dir() {
            let built = build::built(at, None)?;
            return Ok(Self {
                path: built.path,
                wasm: built.wasm,
            });
        }
        Ok(Self {
            path: at.to_owned(),
            wasm: sign::read(at)?,
        })
    }

    /// Makes it ready to run.
    pub(super) fn load(&self) -> Result<Plugin, Failure> {
        self.load_on(&sandbox()?)
    }

    pub(super) fn load_on(&self, sandbox: &Sandbox) -> Result<Plugin, Failure> {
        let mib = self.wasm.len() >> 20;
        if mib > 0 && !sandbox.has_compiled(&self.wasm) {
            let seconds = mib.div_ceil(2) + 1;
            super::say(&format!(
                "compiling {mib} MiB for this machine: some {seconds} s, and kept for the next time"
            ));
        }
        sandbox
            .load(&self.wasm)
            .map_err(|error| Failure::Work(format!("{}: {error}", self.path.display())))
    }
}

/// The engine that serves customers, with its compiler process and its limits. What was compiled is kept in the
/// author's cache folder, under a key that only the author can read: compiled code is trusted.
pub(super) fn sandbox() -> Result<Sandbox, Failure> {
    sandbox_in(&cache_folder())
}

/// How long a component takes from upload to being ready, with nothing known of it.
pub(super) fn compile_time(wasm: &[u8]) -> Result<Duration, Failure> {
    let folder = cache_folder().join(format!("anew-{}", std::process::id()));
    let sandbox = sandbox_in(&folder)?;
    let began = Instant::now();
    let loaded = sandbox
        .load(wasm)
        .map_err(|error| Failure::Work(error.to_string()));
    let took = began.elapsed();
    std::fs::remove_dir_all(&folder)?;
    loaded.map(|_| took)
}

fn sandbox_in(folder: &Path) -> Result<Sandbox, Failure> {
    let trouble =
        |at: &Path, error: &dyn std::fmt::Display| Failure::Work(format!("{}: {error}", at.display()));
    std::fs::create_dir_all(folder).map_err(|error| trouble(folder, &error))?;
    let key_file = folder.join("artifact.key");
    let key = jackfield_runtime::secret_file(&key_file).map_err(|error| trouble(&key_file, &error))?;
    let options = SandboxOptions {
        decisions: DECISIONS,
        compiler: Some(crate::compile::command().patient(PATIENCE)),
        ..SandboxOptions::new(folder.join("compiled"), key)
    };
    Sandbox::new(options).map_err(|error| Failure::Work(error.to_string()))
}

fn cache_folder() -> PathBuf {
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache"));
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(home);
    cache.unwrap_or_else(std::env::temp_dir).join("jackfield")
}
