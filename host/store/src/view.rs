use std::{
    collections::BTreeMap,
    ops::Bound::{Excluded, Included},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
};

use tokio::sync::watch;

use crate::{
    Error,
    kv::{Batch, Kv, Pair},
};

/// What readers see: the engine without the batch that is being made durable.
///
/// While a batch is written and synced, its old values stand in front of an engine that would show it already, so a reader
/// sees all of a batch or nothing of it, and never what a power cut could still take away.
pub(crate) struct View {
    kv: Box<dyn Kv>,
    in_flight: RwLock<InFlight>,
    /// Set once the engine has failed: nothing can be trusted from then on.
    failed: watch::Sender<Option<Error>>,
}

/// The batch that is being made durable.
type InFlight = Option<Arc<Batch>>;

impl View {
    pub(crate) fn new(kv: Box<dyn Kv>) -> Self {
        Self {
            kv,
            in_flight: RwLock::default(),
            failed: watch::Sender::new(None),
        }
    }

    /// The durable value of a key.
    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let in_flight = self.readable()?;
        match in_flight.as_ref().and_then(|batch| batch.get(key)) {
            Some(change) => Ok(change.old.clone()),
            None => self.kv.get(key).inspect_err(|error| self.stop_if_corrupt(error)),
        }
    }

    /// At most `limit` durable pairs from `from` (inclusive) to `to` (exclusive), as of one moment.
    pub(crate) fn range(
        &self,
        from: &[u8],
        to: &[u8],
        reverse: bool,
        limit: usize,
    ) -> Result<Vec<Pair>, Error> {
        if from >= to {
            return Ok(Vec::new());
        }
        let in_flight = self.readable()?;
        let Some(batch) = &*in_flight else {
            return self.rows(from, to, reverse, limit);
        };
        let hidden: Vec<_> = batch.range::<[u8], _>((Included(from), Excluded(to))).collect();
        // Each hidden key can take one row away, so this many are enough to fill the page.
        let rows = self.rows(from, to, reverse, limit.saturating_add(hidden.len()))?;
        let mut merged: BTreeMap<_, _> = rows.into_iter().collect();
        for (key, change) in hidden {
            match &change.old {
                Some(old) => merged.insert(key.clone(), old.clone()),
                None => merged.remove(key),
            };
        }
        Ok(if reverse {
            merged.into_iter().rev().take(limit).collect()
        } else {
            merged.into_iter().take(limit).collect()
        })
    }

    /// The value that a change puts an end to, where readers need it meanwhile.
    pub(crate) fn before(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        if self.kv.shows_unsynced() {
            self.get(key)
        } else {
            Ok(None)
        }
    }

    /// Makes a batch durable and then visible. After an error the batch stays invisible.
    pub(crate) fn apply(&self, batch: Batch) -> Result<(), Error> {
        if !self.kv.shows_unsynced() {
            return self.kv.apply(&batch);
        }
        let batch = Arc::new(batch);
        self.hide(Some(batch.clone()));
        self.kv.apply(&batch)?;
        self.hide(None);
        Ok(())
    }

    /// Closes the view for good: every read answers this error from now on.
    pub(crate) fn fail(&self, error: Error) -> Error {
        self.failed.send_replace(Some(error.clone()));
        error
    }

    /// Waits until the view is closed.
    pub(crate) async fn failure(&self) -> Error {
        let mut failed = self.failed.subscribe();
        match failed.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(error)) => error.clone(),
            // Cannot be: the sender is ours.
            _ => Error::unavailable("the store is closed"),
        }
    }

    fn rows(&self, from: &[u8], to: &[u8], reverse: bool, limit: usize) -> Result<Vec<Pair>, Error> {
        let rows = self.kv.range(from, to, reverse, limit);
        rows.inspect_err(|error| self.stop_if_corrupt(error))
    }

    fn stop_if_corrupt(&self, error: &Error) {
        if matches!(error, Error::Corrupt { .. }) {
            self.fail(error.clone());
        }
    }

    fn readable(&self) -> Result<RwLockReadGuard<'_, InFlight>, Error> {
        let in_flight = self.in_flight.read().unwrap_or_else(PoisonError::into_inner);
        match &*self.failed.borrow() {
            None => Ok(in_flight),
            Some(Error::Corrupt { what }) => Err(Error::corrupt(what.clone())),
            Some(error) => Err(Error::unavailable(format!("stopped after: {error}"))),
        }
    }

    fn hide(&self, batch: InFlight) {
        *self.in_flight.write().unwrap_or_else(PoisonError::into_inner) = batch;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;
    use crate::kv::{Change, Memory};

    /// Says when a batch is applied and waits for leave before it counts as synced.
    struct SlowDisk {
        memory: Memory,
        applied: Sender<()>,
        synced: std::sync::Mutex<Receiver<Result<(), Error>>>,
    }

    impl Kv for SlowDisk {
        fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
            self.memory.get(key)
        }

        fn range(&self, from: &[u8], to: &[u8], reverse: bool, limit: usize) -> Result<Vec<Pair>, Error> {
            self.memory.range(from, to, reverse, limit)
        }

        fn apply(&self, batch: &Batch) -> Result<(), Error> {
            self.memory.apply(batch)?;
            self.applied.send(()).unwrap();
            self.synced.lock().unwrap().recv().unwrap()
        }
    }

    fn change(old: Option<&str>, new: Option<&str>) -> Change {
        Change {
            old: old.map(|v| v.as_bytes().to_vec()),
            new: new.map(|v| v.as_bytes().to_vec()),
        }
    }

    fn keys(view: &View, reverse: bool, limit: usize) -> String {
        let pairs = view.range(b"a", b"z", reverse, limit).unwrap();
        pairs
            .into_iter()
            .map(|(key, value)| String::from_utf8([key, value].concat()).unwrap() + " ")
            .collect()
    }

    #[test]
    fn what_is_applied_but_not_synced_is_not_read() {
        let (applied, is_applied) = channel();
        let (sync, synced) = channel();
        let view = View::new(Box::new(SlowDisk {
            memory: Memory::default(),
            applied,
            synced: synced.into(),
        }));
        sync.send(Ok(())).unwrap();
        let start = ["b", "d", "f"].map(|key| (key.into(), change(None, Some("1"))));
        view.apply(Batch::from(start)).unwrap();
        is_applied.recv().unwrap();

        let batch = || {
            Batch::from([
                (b"a".to_vec(), change(None, Some("2"))),
                (b"b".to_vec(), change(Some("1"), Some("2"))),
                (b"c".to_vec(), change(None, Some("2"))),
                (b"f".to_vec(), change(Some("1"), None)),
            ])
        };
        std::thread::scope(|scope| {
            scope.spawn(|| view.apply(batch()).unwrap());
            is_applied.recv().unwrap();
            assert_eq!(view.get(b"a").unwrap(), None);
            assert_eq!(view.get(b"b").unwrap().unwrap(), b"1");
            assert_eq!(view.get(b"f").unwrap().unwrap(), b"1");
            assert_eq!(keys(&view, false, 9), "b1 d1 f1 ");
            assert_eq!(keys(&view, true, 9), "f1 d1 b1 ");
            assert_eq!(keys(&view, false, 2), "b1 d1 ");
            assert_eq!(keys(&view, true, 1), "f1 ");
            sync.send(Ok(())).unwrap();
        });
        assert_eq!(keys(&view, false, 9), "a2 b2 c2 d1 ");
        assert_eq!(keys(&view, true, 2), "d1 c2 ");
    }

    #[tokio::test]
    async fn after_a_failure_nothing_is_read() {
        let (applied, _is_applied) = channel();
        let (sync, synced) = channel();
        let view = View::new(Box::new(SlowDisk {
            memory: Memory::default(),
            applied,
            synced: synced.into(),
        }));
        sync.send(Err(Error::unavailable("fdatasync: input/output error")))
            .unwrap();
        let error = view
            .apply(Batch::from([(b"a".to_vec(), change(None, Some("1")))]))
            .unwrap_err();
        let failure = tokio::join!(view.failure(), async { view.fail(error) }).0;
        assert!(matches!(failure, Error::Unavailable { .. }));
        let refused = view.get(b"a").unwrap_err().to_string();
        assert!(refused.contains("input/output error"), "{refused}");
        assert!(view.range(b"a", b"z", false, 1).is_err());
    }
}
