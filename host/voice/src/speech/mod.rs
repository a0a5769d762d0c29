//! Speech synthesis, behind a trait because voices differ by deployment.
//!
//! Policy for errors: they say what to install or to shorten; the call goes on without the prompt.

mod espeak;

use std::{io, time::Duration};

pub use espeak::Espeak;

/// A voice.
pub trait Speech: Send + Sync {
    /// Names the voice and its settings; part of the key under which speech is cached.
    fn name(&self) -> &'static str;

    /// Speaks a text of at most 2,048 bytes in a language (BCP 47), as 8 kHz samples. May block.
    ///
    /// # Errors
    /// See [`SpeechError`].
    fn speak(&self, text: &str, language: &str) -> Result<Vec<i16>, SpeechError>;
}

/// Why a text could not be spoken.
#[derive(Debug, thiserror::Error)]
pub enum SpeechError {
    /// The program is not installed.
    #[error("espeak-ng is not installed: run `apt-get install espeak-ng`, or use prompt files")]
    NotInstalled,
    /// Not a language tag, or one for which there is no voice.
    #[error("no voice for language {language:?}: expected a tag such as `en`, `en-GB` or `zh-CN`{detail}")]
    Language {
        /// As given, cut to 32 characters.
        language: String,
        /// What the program said, if it was asked.
        detail: String,
    },
    /// It took too long.
    #[error("speech took longer than {0:?}: expected a shorter text")]
    TimedOut(Duration),
    /// The program could not be run or talked to.
    #[error("espeak-ng: {0}")]
    Process(#[from] io::Error),
    /// The program ended badly or wrote what is no sound.
    #[error("espeak-ng failed: {0}")]
    Failed(String),
}
