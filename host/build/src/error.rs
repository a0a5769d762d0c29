//! Error policy: an error names the file or the tool, says what was expected, and what the author of the plugin is to
//! do. What compilers say is not repeated: it stands above, on standard error.

use std::{
    io,
    path::{Path, PathBuf},
};

/// A plugin could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A file or folder can't be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is no `plugin.toml`.
    #[error(
        "{}: no plugin.toml: expected the folder of a plugin; `jackfield plugin new NAME --kind KIND` makes one",
        dir.display()
    )]
    NoManifest {
        /// Where it was looked for.
        dir: PathBuf,
    },
    /// The `plugin.toml` is wrong.
    #[error("{}: {why}", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// The field, what was found and what was expected.
        why: String,
    },
    /// Nothing beside `plugin.toml` says which language it is.
    #[error("{}: which language? expected beside plugin.toml one of {expected}", dir.display())]
    NoLanguage {
        /// The plugin's folder.
        dir: PathBuf,
        /// What was looked for.
        expected: String,
    },
    /// A tool that the language needs is not there, or too old.
    #[error("{tool} is missing, which is needed {purpose}; install it: {install}")]
    Tool {
        /// Which.
        tool: String,
        /// What for, for example "to compile Rust for WebAssembly".
        purpose: String,
        /// The command that installs it.
        install: String,
    },
    /// The plugin lacks what the host calls, or has it in another form.
    #[error("{file}: {what}; {how}")]
    Export {
        /// Where it belongs.
        file: String,
        /// What is missing.
        what: String,
        /// How it is to be written.
        how: String,
    },
    /// A step failed; the tool has said why.
    #[error("{step} failed: see what it says above")]
    Step {
        /// Which.
        step: String,
    },
    /// What was compiled can't be made a component.
    #[error("{what}: {why}")]
    Component {
        /// What.
        what: String,
        /// Why.
        why: String,
    },
}

impl BuildError {
    pub(crate) fn file(path: &Path, source: io::Error) -> Self {
        Self::File {
            path: path.to_owned(),
            source,
        }
    }
}
