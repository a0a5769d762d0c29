use std::path::Path;

use crate::{BuildError, Job, c, go, js, python, rust};

/// A language that plugins are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Rust, built by cargo.
    Rust,
    /// C, built by clang with a libc for WebAssembly.
    C,
    /// TypeScript or JavaScript, run by QuickJS.
    Js,
    /// Python, run by CPython.
    Python,
    /// Go, built by its standard toolchain.
    Go,
}

impl Language {
    /// All languages, in the order in which a folder is looked through.
    pub const ALL: [Self; 5] = [Self::Rust, Self::C, Self::Js, Self::Python, Self::Go];

    /// The name used on the command line and in folders.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::C => "c",
            Self::Js => "js",
            Self::Python => "python",
            Self::Go => "go",
        }
    }

    /// What says so beside `plugin.toml`.
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Rust => "Cargo.toml",
            Self::C => "src/plugin.c",
            Self::Js => "src/plugin.ts",
            Self::Python => "plugin.py",
            Self::Go => "go.mod",
        }
    }

    fn is_in(self, dir: &Path) -> bool {
        match self {
            Self::Js => js::source(dir).is_some(),
            Self::Rust | Self::C | Self::Python | Self::Go => dir.join(self.sign()).is_file(),
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
            Self::C => c::build(job),
            Self::Js => js::build(job),
            Self::Python => python::build(job),
            Self::Go => go::build(job),
        }
    }
}
