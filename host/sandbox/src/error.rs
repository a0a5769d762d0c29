//! Error policy: an error names the thing, what was found and what was expected, so that the author of a plugin can
//! act on it without reading this code. What goes wrong *during* a decision is not an error of this crate: it is a
//! [`Failure`](jackfield_contact::decision::Failure) inside the decision, because every kind has a fail policy for it.

use std::path::PathBuf;

use jackfield_types::Capability;
use serde::{Deserialize, Serialize};

use crate::{compile::CompileLimit, fault::bounded};

/// The sandbox could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// wasmtime refused its settings, or the pool's address space could not be reserved.
    #[error("the plugin engine could not be set up: {0}")]
    Engine(String),
    /// The cache directory cannot be made.
    #[error("the plugin cache directory {path} cannot be made: {source}")]
    Cache {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The thread that stops runaway plugins could not be started.
    #[error("the plugin clock thread could not be started: {0}")]
    Ticker(std::io::Error),
}

/// Bytes that are not a plugin for this host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum InvalidComponent {
    /// Above the limit.
    #[error("the component has {found} bytes: expected at most {limit}")]
    TooLarge {
        /// Its size in bytes.
        found: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// Not a component at all.
    #[error("not a WebAssembly component: {0}")]
    NotAComponent(String),
    /// Broken, or it needs WebAssembly features that this host does not offer.
    #[error("not a valid WebAssembly component for this host: {0}")]
    Malformed(String),
    /// The manifest is absent or wrong.
    #[error("the manifest (custom section `jackfield:manifest`): {0}")]
    Manifest(String),
    /// It asks for something that its world does not offer.
    #[error("imports `{found}`, which is not part of the world `{world}`: expected only {expected}")]
    Import {
        /// The world of its kind.
        world: String,
        /// The name of the import.
        found: String,
        /// What may be imported.
        expected: String,
    },
    /// It imports a capability that its manifest does not ask for.
    #[error(
        "imports `{capability}`, which its manifest does not ask for: add [[capabilities]] with this name and a \
         reason to plugin.toml"
    )]
    NotRequested {
        /// Which.
        capability: Capability,
    },
    /// It does not export what its world exports.
    #[error("does not export `{expected}`, as the world `{world}` asks for: found {found}")]
    Export {
        /// The world of its kind.
        world: String,
        /// What it exports.
        found: String,
        /// What was expected.
        expected: String,
    },
    /// Names fit, types do not.
    #[error("does not fit the world `{world}`: {reason}")]
    Types {
        /// The world of its kind.
        world: String,
        /// Which item, what was found and what was expected.
        reason: String,
    },
}

impl InvalidComponent {
    /// The same with texts that are short enough to be shown: names in it are the component's, of any length and number.
    pub(crate) fn bounded(self) -> Self {
        match self {
            short @ (Self::TooLarge { .. } | Self::NotRequested { .. }) => short,
            Self::NotAComponent(what) => Self::NotAComponent(bounded(what)),
            Self::Malformed(what) => Self::Malformed(bounded(what)),
            Self::Manifest(what) => Self::Manifest(bounded(what)),
            Self::Import {
                world,
                found,
                expected,
            } => Self::Import {
                world,
                found: bounded(found),
                expected,
            },
            Self::Export {
                world,
                found,
                expected,
            } => Self::Export {
                world,
                found: bounded(found),
                expected,
            },
            Self::Types { world, reason } => Self::Types {
                world,
                reason: bounded(reason),
            },
        }
    }
}

/// A plugin could not be made ready to run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum LoadError {
    /// The bytes are not a plugin for this host.
    #[error(transparent)]
    Invalid(#[from] InvalidComponent),
    /// wasmtime refused to compile or to link it, for example because it needs more memories or tables than the pool has.
    #[error("the component cannot be made ready to run: {0}")]
    Compile(String),
    /// Checking and compiling it took more than a component may cost.
    #[error("compiling the component took {0}")]
    Limit(CompileLimit),
    /// Too many components are being compiled; the same one may be loaded later.
    #[error("too many components are being compiled at the moment: try again in some seconds")]
    Busy,
    /// The compiler process could not do its work; that is no fault of the component.
    #[error("the compiler process failed: {0}")]
    Compiler(String),
}
