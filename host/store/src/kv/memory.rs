use std::{
    collections::BTreeMap,
    ops::Bound::{Excluded, Included},
    sync::{PoisonError, RwLock},
};

use super::{Batch, Kv, Pair, page};
use crate::Error;

/// Everything in memory, gone with the process: for tests and trials.
#[derive(Default)]
pub(crate) struct Memory(RwLock<BTreeMap<Vec<u8>, Vec<u8>>>);

impl Kv for Memory {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        Ok(self
            .0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(key)
            .cloned())
    }

    fn range(&self, from: &[u8], to: &[u8], reverse: bool, limit: usize) -> Result<Vec<Pair>, Error> {
        let map = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let range = map.range::<[u8], _>((Included(from), Excluded(to)));
        let owned = |(key, value): (&Vec<u8>, &Vec<u8>)| (key.clone(), value.clone());
        Ok(page(range.map(owned), reverse, limit))
    }

    fn apply(&self, batch: &Batch) -> Result<(), Error> {
        let mut map = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for (key, change) in batch {
            match &change.new {
                Some(value) => map.insert(key.clone(), value.clone()),
                None => map.remove(key),
            };
        }
        Ok(())
    }

    fn shows_unsynced(&self) -> bool {
        false
    }
}
