//! Errors of the contract, built by hand.

use crate::Error;

impl Error {
    /// An error that will come again for the same question. `code` is stable and for machines, at most 64 bytes;
    /// `message` says what happened to which thing and what to do now, at most 2,048 bytes.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            message: message.into(),
            retryable: false,
        }
    }

    /// The same error, with the word that asking again later may succeed.
    pub fn retryable(self) -> Self {
        Self {
            retryable: true,
            ..self
        }
    }
}
