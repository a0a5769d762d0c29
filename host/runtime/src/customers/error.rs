//! What can go wrong about customers.
//!
//! Policy: `Unknown`, `Invalid`, `InUse`, `Conflict` and `TooMany` changed nothing and are the asker's to mend. `Submit`
//! says itself whether something was changed.

use jackfield_types::CustomerId;

use crate::SubmitError;

/// Why something about customers was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CustomerError {
    /// There is none.
    #[error("there is no {kind} {id}{}", spelling(id))]
    Unknown {
        /// `customer`, `attribute`, `import`, `identity` or `merge`.
        kind: &'static str,
        /// Which.
        id: String,
    },
    /// A field is wrong.
    #[error("{field}: {problem}")]
    Invalid {
        /// Which.
        field: String,
        /// What was found, and what was expected.
        problem: String,
    },
    /// An address belongs to another customer.
    #[error("{identity} belongs to customer {customer}: change that one, or merge the two")]
    InUse {
        /// The address.
        identity: String,
        /// Whose it is.
        customer: CustomerId,
    },
    /// It can't be done as things stand.
    #[error("{0}")]
    Conflict(String),
    /// A limit is reached.
    #[error("{what}: {most} at most; remove one first")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many may be.
        most: usize,
    },
    /// The loop or the store refuses.
    #[error(transparent)]
    Submit(#[from] SubmitError),
}

/// A number has no other spelling.
fn spelling(id: &str) -> &'static str {
    if id.bytes().all(|b| b.is_ascii_digit()) {
        ""
    } else {
        "; look for another spelling"
    }
}

impl CustomerError {
    pub(crate) fn invalid(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Invalid {
            field: field.into(),
            problem: problem.into(),
        }
    }

    pub(crate) fn unknown(kind: &'static str, id: impl ToString) -> Self {
        Self::Unknown {
            kind,
            id: id.to_string(),
        }
    }
}

impl From<jackfield_store::Error> for CustomerError {
    fn from(error: jackfield_store::Error) -> Self {
        Self::Submit(error.into())
    }
}
