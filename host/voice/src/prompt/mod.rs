//! The prompt library: files and speech, as 8 kHz sound.

use std::path::PathBuf;

/// Prompts, loaded once and shared.
#[derive(Debug)]
pub struct Library {
    dir: PathBuf,
}

impl Library {
    /// A library over `dir`: `<dir>/<tenant>/<name>.wav`, else `<dir>/<name>.wav`. Spoken prompts are kept in
    /// `speech_cache`.
    pub fn new(dir: PathBuf, speech_cache: PathBuf) -> Self {
        let _ = speech_cache;
        Self { dir }
    }
}
