//! The tenant's knowledge base, for chat flows and agent assist. Read only.

pub use crate::bindings::host::cx::knowledge::entries::{Entry, EntryKind, Hit, Query};
use crate::{Error, imports::entries};

/// Entries that fit, best first.
///
/// # Errors
/// `bad-query` for a text that is empty or longer than 512 bytes, `bad-limit`, `not-granted`.
pub fn search(query: &Query) -> Result<Vec<Hit>, Error> {
    entries::search(query)
}

/// One entry.
///
/// # Errors
/// `unknown-entry`, `not-granted`.
pub fn get(id: &str) -> Result<Entry, Error> {
    entries::get(id)
}
