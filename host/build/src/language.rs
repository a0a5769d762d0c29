use std::path::Path;

use crate::{BuildError, Job, rust};

/// A language that plugins are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Rust, built by cargo.
    Rust,
}

impl Language {
    /// All languages, in the order in which a folder is looked through.
    pub const ALL: [Self; 1] = [Self::Rust];

    /// The name used on the command line and in folders.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rust => "rust",
        }
    }

    /// What says so beside `plugin.toml`.
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Rust => "Cargo.toml",
        }
    }

    fn is_in(self, dir: &Path) -> bool {
        match self {
            Self::Rust => dir.join("Cargo.toml").is_file(),
        }
    }

    /// The language of a plugin's folder.
    ///
    /// # Errors
    /// When nothing there says so.
    pub fn of(dir: &Path) -> Result<Self, BuildError> {
        let found = Self::ALL.into_iter().find(|language| language.is_in(dir));
        found.ok_or_else(|| BuildError::NoLanguage {
            dir: dir.to_owned(),
            expected: Self::ALL
                .map(|language| format!("{} ({})", language.sign(), language.as_str()))
                .join(", "),
        })
    }

    /// The component, without its manifest.
    pub(crate) fn build(self, job: &Job<'_>) -> Result<Vec<u8>, BuildError> {
        match self {
            Self::Rust => rust::build(job),
        }
    }
}
