//! Builds plugins: from a folder with a `plugin.toml` to a component with that manifest inside, a module per language
//! (floor 2). `jackfield plugin build` and `cargo xtask plugins` are both made of this.
//!
//! A language is a value of [`Language`] and a module whose `build` takes a [`Job`] and gives the component without
//! its manifest; everything around that is here.

pub mod c;
mod component;
mod contract;
mod error;
pub mod go;
pub mod js;
mod language;
mod manifest;
pub mod manual;
pub mod process;
pub mod python;
pub mod rust;
mod source_map;
mod stamp;
mod table;
mod tools;
mod typescript;

use std::{
    fs,
    path::{Path, PathBuf},
};

pub use component::{componentise, with_manifest};
pub use error::BuildError;
pub use language::Language;
pub use manifest::{MANIFEST_FILE, ManifestHead};
pub use tools::TOOLS;

/// Where what is built lies within a plugin's folder.
pub const OUTPUT_FOLDER: &str = "target";

/// What the steps of a language get.
pub struct Job<'a> {
    /// The plugin's folder.
    pub dir: &'a Path,
    /// What its `plugin.toml` says it is.
    pub head: &'a ManifestHead,
    /// For what is made on the way: a folder of the language's own, which is there.
    pub work: &'a Path,
    /// Tells the author what happens now; for steps that take longer than a second.
    pub say: &'a dyn Fn(&str),
}

/// A component that was built.
#[derive(Debug, Clone)]
pub struct Built {
    /// What its `plugin.toml` says it is.
    pub head: ManifestHead,
    /// What it is written in.
    pub language: Language,
    /// Where it lies.
    pub path: PathBuf,
    /// Its bytes.
    pub wasm: Vec<u8>,
}

/// Builds the plugin of a folder. The component goes to `out`, or else to `target/ID-VERSION.wasm` in the folder; it
/// is left alone when it is the same.
///
/// # Errors
/// What is missing or wrong, and what to do. What the compilers of a language say goes to standard error as they say
/// it.
pub fn build(dir: &Path, out: Option<&Path>, say: &dyn Fn(&str)) -> Result<Built, BuildError> {
    let dir = fs::canonicalize(dir).map_err(|source| BuildError::file(dir, source))?;
    let (head, text) = ManifestHead::read(&dir)?;
    let language = Language::of(&dir)?;
    let output = dir.join(OUTPUT_FOLDER);
    let work = output.join(language.as_str());
    fs::create_dir_all(&work).map_err(|source| BuildError::file(&work, source))?;
    let job = Job {
        dir: &dir,
        head: &head,
        work: &work,
        say,
    };
    let component = language.build(&job)?;
    let wasm = with_manifest(component, &text);
    let path = out.map_or_else(|| output.join(head.file_name()), Path::to_owned);
    write(&path, &wasm)?;
    Ok(Built {
        head,
        language,
        path,
        wasm,
    })
}

/// Writes a component, unless it is there already: what depends on it need not run again.
///
/// # Errors
/// When it can't be written.
pub fn write(path: &Path, wasm: &[u8]) -> Result<(), BuildError> {
    if fs::read(path).is_ok_and(|found| found == wasm) {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|source| BuildError::file(folder, source))?;
    }
    fs::write(path, wasm).map_err(|source| BuildError::file(path, source))
}
