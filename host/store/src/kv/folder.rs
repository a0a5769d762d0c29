//! The folder of an embedded database, and the guard around it: one process at a time, and no start with less than was
//! acknowledged.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use super::{
    Batch, Kv, Pair,
    watermark::{Mark, Watermark},
};
use crate::{Engine, Error, layout, plan::number};

/// The file of the last acknowledged commit.
const ACKNOWLEDGED: &str = "acknowledged";
/// A file with which somebody says that the database is whole, though nothing tells that it is.
const ACCEPT: &str = "accept-database";
/// A database that is being made.
const UNFINISHED: &str = "unfinished";
/// One that another engine's has replaced.
const REPLACED: &str = "replaced";
/// What to do about damage.
const RESTORE: &str = "restore the whole folder from a backup";
const FORMAT: &[u8] = b"jackfield 1";

/// What an engine that keeps its database in files does itself.
pub(crate) trait Files: Kv + Sized {
    /// The sub-folder of its database.
    const HOME: &str;

    /// A file in it without which there is none.
    const MAIN: &str;

    /// Makes a database with this row in it. The caller syncs the files.
    fn create(home: &Path, key: &[u8], value: &[u8]) -> Result<(), Error>;

    /// Opens a database. What recovery writes is durable when it returns.
    fn open(home: &Path) -> Result<Self, Error>;
}

/// Whether the folder holds a database of this engine.
pub(crate) fn holds<E: Files>(folder: &Path) -> bool {
    folder.join(E::HOME).exists()
}

/// An open database and the guard around it.
pub(crate) struct Folder<E> {
    engine: E,
    path: PathBuf,
    acknowledged: Watermark,
    // Dropped last: until then nobody else opens the folder.
    _lock: Lock,
}

impl<E: Files> Folder<E> {
    pub(crate) fn open(folder: &Path) -> Result<Self, Error> {
        let at = |what: &str, error: io::Error| {
            Error::unavailable(format!("{what} {}: {error}", folder.display()))
        };
        let damaged = |what: String| Error::corrupt(format!("{}: {what}", folder.display()));
        fs::create_dir_all(folder).map_err(|error| at("cannot make the folder", error))?;
        let lock = Lock::take(folder)?;
        let watermark = folder.join(ACKNOWLEDGED);
        let mark = Watermark::read(&watermark).map_err(|error| at("cannot read in", error))?;
        let home = folder.join(E::HOME);
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
            create::<E>(folder, |_| Ok(())).map_err(|error| at("cannot make a store in", error))??;
        }
        // Of a conversion that was stopped.
        for left in [UNFINISHED, REPLACED].map(|name| folder.join(name)) {
            if left.exists() {
                fs::remove_dir_all(left).map_err(|error| at("cannot tidy up", error))?;
            }
        }
        if !home.join(E::MAIN).exists() {
            return Err(damaged("its database file is gone".into()));
        }
        let engine = E::open(&home).map_err(|error| match error {
            Error::Corrupt { what } => damaged(what),
            other => other,
        })?;
        match engine.get(layout::FORMAT)? {
            Some(format) if format == FORMAT => {}
            Some(_) => return Err(damaged("the database has another format".into())),
            None => return Err(damaged("the database has no format row".into())),
        }
        let last = engine
            .get(layout::LAST_COMMIT)?
            .map_or(Ok(0), |bytes| number(&bytes))?;
        check_mark(folder, last)?;
        remove_others::<E>(folder).map_err(|error| at("cannot tidy up", error))?;
        let acknowledged = Watermark::open(&watermark).map_err(|error| at("cannot open a file in", error))?;
        sync_folder(&home).map_err(|error| at("cannot sync", error))?;
        Ok(Self {
            engine,
            path: folder.to_owned(),
            acknowledged,
            _lock: lock,
        })
    }

    /// Puts what `fill` writes in the place of this database, for another engine.
    pub(crate) fn replace<To: Files>(
        self,
        fill: impl FnOnce(&E, &To) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let folder = &self.path;
        let at =
            |error: io::Error| Error::unavailable(format!("{} is not converted: {error}", folder.display()));
        let stale = folder.join(To::HOME);
        if stale.exists() {
            fs::remove_dir_all(stale).map_err(at)?;
        }
        create::<To>(folder, |to| fill(&self.engine, to)).map_err(at)??;
        drop(self.engine);
        // In one step, so that no half of it is ever found under its name.
        fs::rename(folder.join(E::HOME), folder.join(REPLACED)).map_err(at)?;
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(at)?;
        fs::remove_dir_all(folder.join(REPLACED)).map_err(at)
    }
}

/// Removes what a conversion has left that was stopped when both databases were there: they were the same then, and this one
/// alone has gone on since. Under another name first, so that no half of one is ever found under its own.
fn remove_others<E: Files>(folder: &Path) -> io::Result<()> {
    for other in Engine::ALL.map(Engine::as_str) {
        let left = folder.join(other);
        if other == E::HOME || !left.exists() {
            continue;
        }
        tracing::warn!(folder = %left.display(), "a conversion was stopped at its end; what it has left is removed");
        fs::rename(left, folder.join(REPLACED))?;
        File::open(folder)?.sync_all()?;
        fs::remove_dir_all(folder.join(REPLACED))?;
    }
    Ok(())
}

/// Makes a database under another name and then renames it, so that it is whole or not there.
fn create<E: Files>(
    folder: &Path,
    fill: impl FnOnce(&E) -> Result<(), Error>,
) -> io::Result<Result<(), Error>> {
    let unfinished = folder.join(UNFINISHED);
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished)?;
    }
    let made = E::create(&unfinished, layout::FORMAT, FORMAT)
        .and_then(|()| E::open(&unfinished))
        .and_then(|engine| fill(&engine));
    if made.is_err() {
        return Ok(made);
    }
    sync_folder(&unfinished)?;
    fs::rename(&unfinished, folder.join(E::HOME))?;
    File::open(folder)?.sync_all()?;
    if let Some(parent) = folder.parent().filter(|parent| parent.is_dir()) {
        File::open(parent)?.sync_all()?;
    }
    Ok(Ok(()))
}

impl<E: Files> Kv for Folder<E> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.engine.get(key)
    }

    fn range(&self, from: &[u8], to: &[u8], reverse: bool, limit: usize) -> Result<Vec<Pair>, Error> {
        self.engine.range(from, to, reverse, limit)
    }

    fn apply(&self, batch: &Batch) -> Result<(), Error> {
        self.engine.apply(batch)?;
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

    fn shows_unsynced(&self) -> bool {
        self.engine.shows_unsynced()
    }
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
                "the folder {} is open in another process, which is the server of these data: end that one first, or choose \
                 another folder (jackfield serve --data)",
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

/// Syncs the files of a folder, its sub-folders and the folder itself. An open engine may remove files meanwhile.
fn sync_folder(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            sync_folder(&path)?;
            continue;
        }
        match File::open(path) {
            Ok(file) => file.sync_all()?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    File::open(folder)?.sync_all()
}
