//! What can go wrong with channels.
//!
//! Policy: what names a field or a thing is the asker's to mend and changed nothing. `NotVerified` says no more than that,
//! to whomever it was; the log has the reason. `Overloaded` and `Unavailable` are for a provider, which sends it again.

use jackfield_types::{ChatEntryId, ConnectorId};

use crate::SubmitError;
use crate::customers::CustomerError;

/// Why a channel was not kept, or a provider's request not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChannelError {
    /// There is none of that id.
    #[error("there is no channel {0}; make it first, or look for another spelling")]
    Unknown(ConnectorId),
    /// A field is wrong.
    #[error("{field}: {problem}")]
    Invalid {
        /// Which.
        field: String,
        /// What was found and expected.
        problem: String,
    },
    /// The chat entry is not there.
    #[error("entry: there is no chat entry {0}; make it first")]
    UnknownEntry(ChatEntryId),
    /// The chat entry is fed already.
    #[error("entry: chat entry {0} is fed by channel {1}; give each channel an entry of its own")]
    EntryTaken(ChatEntryId, ConnectorId),
    /// Something depends on it.
    #[error("{0}")]
    InUse(String),
    /// A limit is reached.
    #[error("a tenant can have {1} {0} at most; remove one first")]
    TooMany(&'static str, usize),
    /// The channel is switched off.
    #[error("channel {0} is switched off; send it again later")]
    Disabled(ConnectorId),
    /// The request does not show that it is the provider's.
    #[error("this request is not signed as the channel's settings say, or is too old")]
    NotVerified,
    /// The body is too long.
    #[error("the body has more than {0} bytes")]
    TooLarge(usize),
    /// Too much at once.
    #[error("the channel takes no more requests at the moment; send it again in a second")]
    Overloaded,
    /// The connector failed, or the store refuses.
    #[error("{0}")]
    Unavailable(String),
}

impl ChannelError {
    pub(crate) fn invalid(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Invalid {
            field: field.into(),
            problem: problem.into(),
        }
    }
}

impl From<SubmitError> for ChannelError {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::Overloaded => Self::Overloaded,
            other => Self::Unavailable(other.to_string()),
        }
    }
}

impl From<jackfield_store::Error> for ChannelError {
    fn from(error: jackfield_store::Error) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<CustomerError> for ChannelError {
    fn from(error: CustomerError) -> Self {
        Self::Unavailable(error.to_string())
    }
}
