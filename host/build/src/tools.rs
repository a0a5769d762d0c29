//! Finds tools that come from a language's own registry.

use std::{
    env,
    path::{Path, PathBuf},
};

use crate::process;

/// Names the folder of the tools of all languages, a folder for each: `js`, `python`, `go`.
pub const TOOLS: &str = "JACKFIELD_TOOLS";

/// A tool that lies at `place` in the folder of the tools, or else in `PATH`. That folder is what [`TOOLS`] names,
/// `tools` in cargo's target folder, or `target/tools` of a folder around the plugin.
pub(crate) fn find(dir: &Path, place: &str, name: &str) -> Option<PathBuf> {
    let named = env::var_os(TOOLS).map(PathBuf::from);
    let cargos = env::var_os("CARGO_TARGET_DIR").map(|target| PathBuf::from(target).join("tools"));
    let around = dir.ancestors().map(|folder| folder.join("target/tools"));
    named
        .into_iter()
        .chain(cargos)
        .chain(around)
        .map(|tools| tools.join(place).join(name))
        .find(|path| path.is_file())
        .or_else(|| process::has(name).then(|| name.into()))
}
