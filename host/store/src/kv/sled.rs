//! sled 0.34, guarded.
//!
//! Its own `flush()` hands pages to the kernel by `sync_file_range`, which survives the death of the
//! process but not of the machine. So each batch is followed by `fdatasync` of the `db` file. Values
//! must never go to sled's blob files, which nobody syncs: segments are large enough to hold them inline.

use std::{
    fs::{self, File, TryLockError},
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

use super::{
    Batch, Kv, Pair,
    watermark::{Mark, Watermark},
};
use crate::{Error, layout, plan::number};

/// Large enough that a page with the largest values stays inside its segment.
const SEGMENT_BYTES: usize = 8 * 1024 * 1024;
/// sled's page cache; more is read from the file again.
const CACHE_BYTES: u64 = 256 * 1024 * 1024;
/// The file of the last acknowledged commit.
const ACKNOWLEDGED: &str = "acknowledged";
/// A file with which somebody says that the database is whole, though nothing tells that it is.
const ACCEPT: &str = "accept-database";
/// What to do about damage.
const RESTORE: &str = "restore the whole folder from a backup";
const FORMAT: &[u8] = b"jackfield 1";

/// An open sled database and the guard around it.
pub(crate) struct Sled {
    tree: sled::Db,
    db_file: File,
    acknowledged: Watermark,
    // Dropped last: until then nobody else opens the folder.
    _lock: Lock,
}

impl Sled {
    pub(crate) fn open(folder: &Path) -> Result<Self, Error> {
        let at = |what: &str, error: io::Error| {
            Error::unavailable(format!("{what} {}: {error}", folder.display()))
        };
        let damaged = |what: String| Error::corrupt(format!("{}: {what}", folder.display()));
        fs::create_dir_all(folder).map_err(|error| at("cannot make the folder", error))?;
        let lock = Lock::take(folder)?;
        let watermark = folder.join(ACKNOWLEDGED);
        let mark = Watermark::read(&watermark).map_err(|error| at("cannot read in", error))?;
        let home = folder.join("sled");
        if !home.exists() {
            match mark {
                Mark::None | Mark::At(0) => {}
                Mark::At(mark) => {
                    return Err(damaged(format!(
                        "{mark} commits were acknowledged, and their database is gone: {RESTORE}"
                    )));
                }
                Mark::Damaged => {
                    return Err(damaged(format!(
                        "the file `{ACKNOWLEDGED}` is damaged, and the database is gone: {RESTORE}"
                    )));
                }
            }
            // Before the database, so that it is never there without it.
            Watermark::make(&watermark, 0)
                .and_then(|()| File::open(folder)?.sync_all())
                .map_err(|error| at("cannot make a file in", error))?;
            Self::create(folder, &home).map_err(|error| at("cannot make a store in", error))??;
        }
        if !home.join("db").exists() {
            return Err(damaged("its database file is gone".into()));
        }
        let tree = guarded(|| open_db(&home)).map_err(|error| match error {
            Error::Corrupt { what } => damaged(what),
            other => other,
        })?;
        match guarded(|| tree.get(layout::FORMAT))? {
            Some(format) if format == FORMAT => {}
            Some(_) => return Err(damaged("the database has another format".into())),
            None => return Err(damaged("the database has no format row".into())),
        }
        let last = guarded(|| tree.get(layout::LAST_COMMIT))?.map_or(Ok(0), |bytes| number(&bytes))?;
        Self::check_mark(folder, last)?;
        let acknowledged = Watermark::open(&watermark).map_err(|error| at("cannot open a file in", error))?;
        let db_file =
            File::open(home.join("db")).map_err(|error| at("cannot open the database in", error))?;
        // What recovery wrote has to be durable before anything is built upon it.
        let store = Self {
            tree,
            db_file,
            acknowledged,
            _lock: lock,
        };
        store.sync()?;
        sync_folder(&home).map_err(|error| at("cannot sync", error))?;
        Ok(store)
    }

    /// Whether everything that was acknowledged is in a database that ends at this commit.
    fn check_mark(folder: &Path, last: u64) -> Result<(), Error> {
        let at = |error: io::Error| Error::unavailable(format!("{}: {error}", folder.display()));
        let (watermark, accept) = (folder.join(ACKNOWLEDGED), folder.join(ACCEPT));
        let sync = || {
            File::open(folder)
                .and_then(|folder| folder.sync_all())
                .map_err(at)
        };
        let found = match Watermark::read(&watermark).map_err(at)? {
            Mark::At(mark) if last < mark => {
                return Err(Error::corrupt(format!(
                    "{}: {mark} commits were acknowledged, and the database ends at {last}: {RESTORE}",
                    folder.display()
                )));
            }
            Mark::At(_) => {
                // Not for the next damage, of which nobody can have known.
                return match fs::remove_file(&accept) {
                    Ok(()) => {
                        tracing::warn!(folder = %folder.display(), "`{ACCEPT}` was not needed, and is removed");
                        sync()
                    }
                    Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                    Err(error) => Err(at(error)),
                };
            }
            Mark::None if watermark.exists() => "empty",
            Mark::None => "missing",
            Mark::Damaged => "damaged",
        };
        if !accept.exists() {
            return Err(Error::corrupt(format!(
                "the file {} is {found}, so nobody knows whether the database, which ends at commit {last}, is \
                 whole: {RESTORE}. If you know that it is, make an empty file `{ACCEPT}` beside it, and start again",
                watermark.display()
            )));
        }
        tracing::warn!(folder = %folder.display(), last, "the database is taken as it is, as `{ACCEPT}` says");
        Watermark::make(&watermark, last).map_err(at)?;
        fs::remove_file(&accept).map_err(at)?;
        sync()
    }

    /// Makes the database under another name and then renames it, so that `sled` is whole or not there.
    fn create(folder: &Path, home: &Path) -> io::Result<Result<(), Error>> {
        let unfinished = folder.join("unfinished");
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished)?;
        }
        let made = guarded(|| {
            let tree = open_db(&unfinished)?;
            tree.insert(layout::FORMAT, FORMAT)?;
            tree.flush().map(drop)
        });
        if made.is_err() {
            return Ok(made);
        }
        sync_folder(&unfinished)?;
        fs::rename(&unfinished, home)?;
        File::open(folder)?.sync_all()?;
        if let Some(parent) = folder.parent().filter(|parent| parent.is_dir()) {
            File::open(parent)?.sync_all()?;
        }
        Ok(Ok(()))
    }

    fn sync(&self) -> Result<(), Error> {
        guarded(|| self.tree.flush())?;
        self.db_file
            .sync_data()
            .map_err(|error| Error::unavailable(format!("fdatasync: {error}")))
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
            if reverse {
                range.rev().take(limit).map(owned).collect()
            } else {
                range.take(limit).map(owned).collect()
            }
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
        self.sync()?;
        let Some(last) = batch
            .get(layout::LAST_COMMIT)
            .and_then(|change| change.new.as_deref())
        else {
            return Ok(());
        };
        self.acknowledged
            .set(number(last)?)
            .map_err(|error| Error::unavailable(error.to_string()))
    }
}

/// The right to a folder, until it is dropped.
struct Lock(File);

impl Lock {
    fn take(folder: &Path) -> Result<Self, Error> {
        let file = folder.join("lock");
        let failed = |error| Error::unavailable(format!("cannot lock {}: {error}", file.display()));
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&file)
            .map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self(lock)),
            Err(TryLockError::WouldBlock) => Err(Error::unavailable(format!(
                "the folder {} is open in another process",
                folder.display()
            ))),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }
}

impl Drop for Lock {
    /// Closing alone would not do while a process that is just being started holds a copy.
    fn drop(&mut self) {
        if let Err(error) = self.0.unlock() {
            tracing::warn!(%error, "the lock of the store's folder could not be released");
        }
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

/// Syncs the files of a folder, its sub-folders and the folder itself.
fn sync_folder(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path: PathBuf = entry?.path();
        if path.is_dir() {
            sync_folder(&path)?
        } else {
            File::open(path)?.sync_all()?
        }
    }
    File::open(folder)?.sync_all()
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
