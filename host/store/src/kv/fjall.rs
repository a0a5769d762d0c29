//! fjall 3: a log-structured merge tree.
//!
//! A batch is added to one file and synced, and is sorted into tables behind the writer's back: so imports with keys in no order
//! cost little, and look-ups among millions of rows take microseconds.

mod journal;

use std::{
    io::ErrorKind,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{PoisonError, RwLock, RwLockReadGuard},
};

use fjall::config::PinningPolicy;
use fjall::{Database, Guard, Keyspace, KeyspaceCreateOptions, PersistMode, Readable, Snapshot};

use super::{Batch, Kv, Pair, folder::Files, page};
use crate::Error;

/// fjall's cache of blocks, enough for a million customers; more is read from the files again.
const CACHE_BYTES: u64 = 640 * 1024 * 1024;
/// What is kept in memory before it is sorted into a table.
const MEMTABLE_BYTES: u64 = 16 * 1024 * 1024;
/// Threads that sort. Of more, the first turns round and round while another one sorts, and takes a processor from everybody.
const WORKERS: usize = 1;

/// The levels of which indexes and filters stay in memory, some 2 % of what is stored there. They are read whole, and where one
/// had left the cache a look-up took ten times as long. Further down they are in small parts, which the cache keeps.
const PINNED_LEVELS: [bool; 4] = [true, true, true, false];

/// An open fjall database.
pub(crate) struct Fjall {
    /// What is durable.
    shown: RwLock<Snapshot>,
    rows: Keyspace,
    database: Database,
}

impl Fjall {
    fn shown(&self) -> RwLockReadGuard<'_, Snapshot> {
        self.shown.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Files for Fjall {
    const HOME: &str = "fjall";
    const MAIN: &str = "version";

    fn create(home: &Path, key: &[u8], value: &[u8]) -> Result<(), Error> {
        let made = Self::open(home)?;
        guarded(|| made.rows.insert(key, value))
    }

    fn open(home: &Path) -> Result<Self, Error> {
        guarded(|| {
            let open = || {
                Database::builder(home)
                    .cache_size(CACHE_BYTES)
                    .worker_threads(WORKERS)
                    .open()
            };
            let database = match open() {
                Err(fjall::Error::JournalRecovery(_)) if journal::cut_torn_batch(home)? => open()?,
                opened => opened?,
            };
            let options = || {
                let pinned = PinningPolicy::new(PINNED_LEVELS);
                KeyspaceCreateOptions::default()
                    .max_memtable_size(MEMTABLE_BYTES)
                    .index_block_pinning_policy(pinned.clone())
                    .filter_block_pinning_policy(pinned)
            };
            let rows = database.keyspace("rows", options)?;
            database.persist(PersistMode::SyncAll)?;
            Ok(Self {
                shown: RwLock::new(database.snapshot()),
                rows,
                database,
            })
        })
    }
}

impl Kv for Fjall {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        Ok(guarded(|| self.shown().get(&self.rows, key))?.map(|value| value.to_vec()))
    }

    fn range(&self, from: &[u8], to: &[u8], reverse: bool, limit: usize) -> Result<Vec<Pair>, Error> {
        guarded(|| {
            let range = self.shown().range(&self.rows, from..to);
            let owned = |guard: Guard| {
                let pair = guard.into_inner();
                pair.map(|(key, value)| (key.to_vec(), value.to_vec()))
            };
            page(range.map(owned), reverse, limit)
        })
    }

    fn apply(&self, batch: &Batch) -> Result<(), Error> {
        guarded(|| {
            let mut writes = self.database.batch().durability(Some(PersistMode::SyncData));
            for (key, change) in batch {
                match &change.new {
                    Some(value) => writes.insert(&self.rows, key.as_slice(), value.as_slice()),
                    None => writes.remove(&self.rows, key.as_slice()),
                }
            }
            writes.commit()?;
            *self.shown.write().unwrap_or_else(PoisonError::into_inner) = self.database.snapshot();
            Ok(())
        })
    }

    fn shows_unsynced(&self) -> bool {
        false
    }
}

/// Turns fjall's errors, and its panics over damaged files, into ours.
fn guarded<T>(call: impl FnOnce() -> fjall::Result<T>) -> Result<T, Error> {
    let error = match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => return Ok(value),
        Ok(Err(error)) => error,
        Err(_) => return Err(Error::corrupt("the engine gave up on its files")),
    };
    let of_disk = match &error {
        fjall::Error::Io(error) | fjall::Error::Storage(fjall::LsmError::Io(error)) => {
            is_of_disk(error.kind())
        }
        fjall::Error::Locked | fjall::Error::Poisoned => true,
        _ => false,
    };
    Err(if of_disk {
        Error::unavailable(error.to_string())
    } else {
        Error::corrupt(error.to_string())
    })
}

/// Whether the disk refuses; else a file is not what it was.
fn is_of_disk(kind: ErrorKind) -> bool {
    !matches!(
        kind,
        ErrorKind::InvalidData | ErrorKind::UnexpectedEof | ErrorKind::NotFound
    )
}
