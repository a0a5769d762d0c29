//! What can go wrong when something is asked of a tenant's loop or when the platform starts.
//!
//! Policy: `Rejected` is the asker's to mend and changed nothing. `Overloaded` changed nothing and may be tried again
//! soon. `Unavailable` means that the outcome is unknown or the loop has stopped. A start that fails says which part
//! refused and why; nothing is half started.

use jackfield_contact::input::Rejected;

/// Why an input was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// The core refused; nothing was changed.
    #[error(transparent)]
    Rejected(#[from] Rejected),
    /// The tenant's inbox is full; nothing was changed. Try again in a second.
    #[error("the tenant has too much to do at the moment; try again in a second")]
    Overloaded,
    /// The tenant's loop has stopped, or its store refuses.
    #[error("{0}")]
    Unavailable(String),
}

impl From<jackfield_store::Error> for SubmitError {
    fn from(error: jackfield_store::Error) -> Self {
        Self::Unavailable(error.to_string())
    }
}

/// Why the platform did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store.
    #[error("store")]
    Store(#[from] jackfield_store::Error),
    /// The sandbox.
    #[error("sandbox")]
    Sandbox(#[from] jackfield_sandbox::SandboxError),
    /// The voice side.
    #[error("voice")]
    Voice(#[from] jackfield_voice::VoiceError),
    /// The registry.
    #[error("registry")]
    Registry(#[from] jackfield_registry::RegistryError),
    /// A file or folder.
    #[error("{path}: {error}")]
    File {
        /// Which.
        path: std::path::PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A stored record can't be read.
    #[error("{what} can't be read: {error}")]
    Record {
        /// Which.
        what: String,
        /// Why.
        error: serde_json::Error,
    },
    /// Customers.
    #[error("customers")]
    Customers(#[from] crate::CustomerError),
    /// The accounts.
    #[error("accounts")]
    Accounts(#[from] crate::AccountError),
}

/// Why recorded decisions were not replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The tenant is busy with another replay, or its store refuses.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// There is no such candidate, or it does not fit.
    #[error(transparent)]
    Registry(#[from] jackfield_registry::RegistryError),
}

/// Why a rollout was not started or moved.
#[derive(Debug, thiserror::Error)]
pub enum RolloutError {
    /// A gate is violated.
    #[error("{0}; mend the candidate, or go on without the gate by `force` (--force)")]
    Gate(String),
    /// Not enough was seen for the gates to be judged.
    #[error("not enough was seen yet: {0}; wait until it was, or go on without it by `force` (--force)")]
    TooEarly(String),
    /// It could not be replayed.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// The registry refuses.
    #[error(transparent)]
    Registry(#[from] jackfield_registry::RegistryError),
}
