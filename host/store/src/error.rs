//! What can go wrong in the store.
//!
//! Policy: a caller's mistake (`Invalid`, `TooLarge`) names the field and what was expected, and changes
//! nothing. `Conflict` and `Fenced` change nothing either: read again and decide again. `Unavailable`
//! means "not done". `Ambiguous` means "perhaps done": send the same transaction with the same
//! idempotency key again. `Refused` means that the call does not fit the database that is there, or that there is
//! none: choose another engine or folder. `Corrupt` ends the process: nothing is repaired by starting afresh.

/// What can go wrong in the store. The head of this module says what the caller does about each.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A check did not hold, a stream has another length, or an idempotency key was used for something else.
    #[error("{field} does not hold: {found}")]
    Conflict {
        /// Which part of the transaction, for example `checks[0]` or `appends[1].expected_seq`.
        field: String,
        /// What stands there instead.
        found: String,
    },
    /// The partition has another owner by now; the caller has to stop writing to it.
    #[error("partition {partition} is at epoch {current}, not {epoch}")]
    Fenced {
        /// The partition of the fence.
        partition: u32,
        /// The epoch that the transaction carried.
        epoch: u64,
        /// The epoch that the store holds.
        current: u64,
    },
    /// The outcome is unknown: send the same transaction again under the same idempotency key.
    #[error("the outcome of the commit is unknown: {what}")]
    Ambiguous {
        /// What broke.
        what: String,
    },
    /// Nothing was done: the store is closed, locked by another process, or its disk refuses.
    #[error("the store is unavailable: {what}")]
    Unavailable {
        /// What broke.
        what: String,
    },
    /// A key, value, transaction or blob is over its limit.
    #[error("{field} has {size}, the limit is {limit}")]
    TooLarge {
        /// Which part, for example `puts[3].value (bytes)`.
        field: String,
        /// Its size.
        size: u64,
        /// The limit.
        limit: u64,
    },
    /// A part of the call is not of the expected form.
    #[error("{field} is not valid: expected {expected}")]
    Invalid {
        /// Which part, for example `appends[0].stream`.
        field: String,
        /// What would have been accepted.
        expected: &'static str,
    },
    /// The folder's database is of another engine than the call is for, or there is none. Nothing was done.
    #[error("{what}")]
    Refused {
        /// What was found, and what to do.
        what: String,
    },
    /// Stored data is damaged or of another format. The process has to stop.
    #[error("the store is corrupt: {what}")]
    Corrupt {
        /// What was found.
        what: String,
    },
}

impl Error {
    pub(crate) fn unavailable(what: impl Into<String>) -> Self {
        Self::Unavailable { what: what.into() }
    }

    pub(crate) fn refused(what: impl Into<String>) -> Self {
        Self::Refused { what: what.into() }
    }

    pub(crate) fn corrupt(what: impl Into<String>) -> Self {
        Self::Corrupt { what: what.into() }
    }

    pub(crate) fn invalid(field: impl Into<String>, expected: &'static str) -> Self {
        Self::Invalid {
            field: field.into(),
            expected,
        }
    }

    /// Refuses a size above its limit.
    pub(crate) fn at_most(field: impl FnOnce() -> String, size: usize, limit: usize) -> Result<(), Self> {
        if size <= limit {
            return Ok(());
        }
        Err(Self::TooLarge {
            field: field(),
            size: size as u64,
            limit: limit as u64,
        })
    }
}
