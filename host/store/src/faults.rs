//! A disk that is slow, full or gone at will, for tests (feature `faults`). It outlives the stores that are opened over
//! it, as a disk outlives processes.

use std::{
    path::PathBuf,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tempfile::TempDir;
use tokio::sync::watch;

use crate::{
    Blobs, Error, Store,
    kv::{Batch, Kv, Memory, Pair},
    view::View,
};

/// A write that is held longer is refused: a test that panics must not hang.
const LONGEST_HOLD: Duration = Duration::from_secs(60);

/// A disk with faults. Cheap to clone; all clones are the same disk.
#[derive(Clone)]
pub struct FaultyDisk {
    inner: Arc<Inner>,
}

struct Inner {
    memory: Memory,
    blobs: TempDir,
    fault: Mutex<Fault>,
    changed: Condvar,
    /// Whether a write is being held.
    holding: watch::Sender<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    Slow,
    Full,
    Gone,
}

impl FaultyDisk {
    /// An empty disk without faults.
    ///
    /// # Errors
    /// When there is no room for a temporary folder.
    pub fn new() -> Result<Self, Error> {
        let blobs = tempfile::tempdir().map_err(|error| Error::unavailable(error.to_string()))?;
        let inner = Inner {
            memory: Memory::default(),
            blobs,
            fault: Mutex::new(Fault::None),
            changed: Condvar::new(),
            holding: watch::Sender::new(false),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Opens a store on it, as a process does when it starts. One at a time: the one before must be gone, or have failed.
    ///
    /// # Errors
    /// `Unavailable` when the disk is gone.
    pub fn open(&self) -> Result<Store, Error> {
        let blobs = Blobs::open(&self.blobs())?;
        Store::start(View::new(Box::new(self.clone())), blobs)
    }

    /// The folder of the large objects.
    pub fn blobs(&self) -> PathBuf {
        self.inner.blobs.path().join("blobs")
    }

    /// Holds every write until another method is called; for a minute at most.
    pub fn slow(&self) {
        self.change(Fault::Slow);
    }

    /// Refuses every write, as a full disk does.
    pub fn fill(&self) {
        self.change(Fault::Full);
    }

    /// Refuses every read and write.
    pub fn cut(&self) {
        self.change(Fault::Gone);
    }

    /// Works again.
    pub fn heal(&self) {
        self.change(Fault::None);
    }

    /// Waits until a write is held.
    pub async fn holding(&self) {
        // The sender is ours, so this ends with a write that is held.
        let _ = self.inner.holding.subscribe().wait_for(|holding| *holding).await;
    }

    fn change(&self, fault: Fault) {
        *self.fault() = fault;
        self.inner.changed.notify_all();
    }

    fn fault(&self) -> MutexGuard<'_, Fault> {
        self.inner.fault.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn readable(&self) -> Result<(), Error> {
        match *self.fault() {
            Fault::Gone => Err(Error::unavailable("the disk does not answer")),
            Fault::None | Fault::Slow | Fault::Full => Ok(()),
        }
    }

    /// Waits while the disk is slow.
    fn writable(&self) -> Result<(), Error> {
        let until = Instant::now() + LONGEST_HOLD;
        let mut fault = self.fault();
        while *fault == Fault::Slow {
            self.inner.holding.send_replace(true);
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Error::unavailable("a write took too long"));
            }
            let waited = self.inner.changed.wait_timeout(fault, left);
            fault = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        self.inner.holding.send_replace(false);
        match *fault {
            Fault::Full => Err(Error::unavailable("no space left on the disk")),
            Fault::Gone => Err(Error::unavailable("the disk does not answer")),
            Fault::None | Fault::Slow => Ok(()),
        }
    }
}

impl Kv for FaultyDisk {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        self.readable()?;
        self.inner.memory.get(key)
    }

    fn range(&self, from: &[u8], to: &[u8], reverse: bool, limit: usize) -> Result<Vec<Pair>, Error> {
        self.readable()?;
        self.inner.memory.range(from, to, reverse, limit)
    }

    fn apply(&self, batch: &Batch) -> Result<(), Error> {
        self.writable()?;
        self.inner.memory.apply(batch)
    }
}
