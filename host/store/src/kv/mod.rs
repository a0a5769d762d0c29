//! Ordered key-value engines: what a backend has to do itself.

mod fjall;
mod folder;
mod memory;
mod sled;
mod watermark;

use std::collections::BTreeMap;

use crate::Error;

pub(crate) use fjall::Fjall;
pub(crate) use folder::{Files, Folder, holds};
pub(crate) use memory::Memory;
pub(crate) use sled::Sled;

/// A key and its value.
pub(crate) type Pair = (Vec<u8>, Vec<u8>);

/// One change of a batch.
pub(crate) struct Change {
    /// The durable value before the batch, for readers meanwhile; `None` where the engine hides what is not durable.
    pub(crate) old: Option<Vec<u8>>,
    /// The value to write; `None` removes.
    pub(crate) new: Option<Vec<u8>>,
}

/// The changes of one batch, by key.
pub(crate) type Batch = BTreeMap<Vec<u8>, Change>;

/// At most `limit` of a range, from the end when `reverse`.
fn page<T, C: FromIterator<T>>(range: impl DoubleEndedIterator<Item = T>, reverse: bool, limit: usize) -> C {
    if reverse {
        range.rev().take(limit).collect()
    } else {
        range.take(limit).collect()
    }
}

/// An ordered key-value engine with one writer (the committer) and many readers.
pub(crate) trait Kv: Send + Sync {
    /// The value of a key.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error>;

    /// At most `limit` pairs from `from` (inclusive) to `to` (exclusive), from the end when `reverse`.
    fn range(&self, from: &[u8], to: &[u8], reverse: bool, limit: usize) -> Result<Vec<Pair>, Error>;

    /// Writes all changes in one step; durable when it returns. After an error the outcome is unknown.
    fn apply(&self, batch: &Batch) -> Result<(), Error>;

    /// Whether readers see changes that are not durable yet, or some of a batch without the others.
    fn shows_unsynced(&self) -> bool {
        true
    }
}
