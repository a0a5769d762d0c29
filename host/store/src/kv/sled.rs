//! sled 0.34, guarded.
//!
//! Its own `flush()` hands pages to the kernel by `sync_file_range`, which survives the death of the
//! process but not of the machine. So each batch is followed by `fdatasync` of the `db` file. Values
//! must never go to sled's blob files, which nobody syncs: segments are large enough to hold them inline.

use std::{
    fs::{self, File},
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use super::{Batch, Kv, Pair, folder::Files, page};
use crate::Error;

/// Large enough that a page with the largest values stays inside its segment.
const SEGMENT_BYTES: usize = 8 * 1024 * 1024;
/// sled's page cache; more is read from the file again.
const CACHE_BYTES: u64 = 256 * 1024 * 1024;

/// An open sled database.
pub(crate) struct Sled {
    tree: sled::Db,
    db_file: File,
}

impl Sled {
    fn sync(&self) -> Result<(), Error> {
        guarded(|| self.tree.flush())?;
        self.db_file
            .sync_data()
            .map_err(|error| Error::unavailable(format!("fdatasync: {error}")))
    }
}

impl Files for Sled {
    const HOME: &str = "sled";
    const MAIN: &str = "db";

    fn create(home: &Path, key: &[u8], value: &[u8]) -> Result<(), Error> {
        guarded(|| {
            let tree = open_db(home)?;
            tree.insert(key, value)?;
            tree.flush().map(drop)
        })
    }

    fn open(home: &Path) -> Result<Self, Error> {
        let tree = guarded(|| open_db(home))?;
        let db_file = File::open(home.join("db")).map_err(|error| {
            Error::unavailable(format!("cannot open the database in {}: {error}", home.display()))
        })?;
        let open = Self { tree, db_file };
        open.sync()?;
        Ok(open)
    }
}

impl Kv for Sled {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        Ok(guarded(|| self.tree.get(key))?.map(|value| value.to_vec()))
    }

    fn range(&self, from: &[u8], to: &[u8], reverse: bool, limit: usize) -> Result<Vec<Pair>, Error> {
        guarded(|| {
            let range = self.tree.range(from..to);
            let owned = |pair: Result<(sled::IVec, sled::IVec), _>| {
                pair.map(|(key, value)| (key.to_vec(), value.to_vec()))
            };
            page(range.map(owned), reverse, limit)
        })
    }

    fn apply(&self, batch: &Batch) -> Result<(), Error> {
        let mut writes = sled::Batch::default();
        for (key, change) in batch {
            match &change.new {
                Some(value) => writes.insert(key.as_slice(), value.as_slice()),
                None => writes.remove(key.as_slice()),
            }
        }
        guarded(|| self.tree.apply_batch(writes))?;
        self.sync()
    }
}

/// Opens a database, if need be after making it possible.
fn open_db(home: &Path) -> sled::Result<sled::Db> {
    if home.exists() {
        let db_file = File::open(home.join("db"))?;
        // An earlier handle of this process lives on for a moment in background threads: wait for its
        // end. No other process can hold the file, since the folder is locked.
        db_file.lock()?;
        db_file.unlock()?;
        // Recovery writes a synced summary of the log, so the log has to be synced before.
        db_file.sync_data()?;
        for entry in fs::read_dir(home)? {
            let path = entry?.path();
            // A summary that was not finished: recovery would take it for a damaged one.
            if path
                .extension()
                .is_some_and(|extension| extension == "generating")
            {
                fs::remove_file(path)?;
            }
        }
    }
    // No flush timer: the committer flushes, and nobody else writes.
    sled::Config::default()
        .path(home)
        .segment_size(SEGMENT_BYTES)
        .cache_capacity(CACHE_BYTES)
        .flush_every_ms(None)
        .open()
}

/// Turns sled's errors, and its panics over damaged files, into ours.
fn guarded<T>(call: impl FnOnce() -> sled::Result<T>) -> Result<T, Error> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(sled::Error::Io(error))) => Err(Error::unavailable(error.to_string())),
        Ok(Err(error)) => Err(Error::corrupt(error.to_string())),
        Err(_) => Err(Error::corrupt("the engine gave up on its files")),
    }
}
