//! The customer behind the interaction, as far as the binding's grants show them.

pub use crate::bindings::host::cx::{
    chat::types::{Author, Message},
    profile::customers::{Customer, PastInteraction},
    scoring::scores::{Evaluation, PhaseEmotion, Survey},
};
use crate::{
    Error,
    imports::{customers, messages as chat, scores},
};

/// The customer; none when the caller is unknown (number withheld).
///
/// # Errors
/// `not-granted`.
pub fn current() -> Result<Option<Customer>, Error> {
    customers::current()
}

/// Finished interactions of the customer, newest first, at most `limit` (1 to 50).
///
/// # Errors
/// `not-granted`.
pub fn history(limit: u32) -> Result<Vec<PastInteraction>, Error> {
    customers::history(limit)
}

/// Survey answers of the customer, newest first, at most `limit` (1 to 50). Not for routing and outbound rules.
///
/// # Errors
/// `not-granted`.
pub fn surveys(limit: u32) -> Result<Vec<Survey>, Error> {
    scores::surveys(limit)
}

/// Evaluations of the customer's interactions, newest first, at most `limit` (1 to 50). Not for routing and outbound
/// rules.
///
/// # Errors
/// `not-granted`.
pub fn evaluations(limit: u32) -> Result<Vec<Evaluation>, Error> {
    scores::evaluations(limit)
}

/// Messages of the interaction at hand with a number above `after`, oldest first, at most `limit` (1 to 200). For
/// chat flows, taggers, scorecards and agent assist.
///
/// # Errors
/// `not-granted`.
pub fn messages(after: u32, limit: u32) -> Result<Vec<Message>, Error> {
    chat::list(after, limit)
}
