//! Which customers were changed lately: whoever worked something out ahead learns by it, without reading them again, whether
//! they are still as they were.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Customers after which the changes of the half before are forgotten. What was read before those counts as changed.
const HALF: usize = 8_192;

/// A moment between two commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Moment(u64);

/// The changes of one tenant's customers.
#[derive(Default)]
pub(crate) struct Recent(Mutex<Halves>);

/// Changes by the customer's key, with the moment from which they could be read.
#[derive(Default)]
struct Halves {
    now: Moment,
    before: Half,
    latest: Half,
}

#[derive(Default)]
struct Half {
    /// It has all changes after this, until the next half.
    since: Moment,
    changes: HashMap<Vec<u8>, Moment>,
}

impl Recent {
    /// The present moment; to be asked for before something is read.
    pub(crate) fn moment(&self) -> Moment {
        self.halves().now
    }

    /// Notes whose rows a commit has changed; to be called once they can be read.
    pub(crate) fn note<'k>(&self, keys: impl Iterator<Item = &'k [u8]>) {
        let mut halves = self.halves();
        halves.now.0 += 1;
        let now = halves.now;
        halves.latest.changes.extend(keys.map(|key| (key.to_vec(), now)));
        if halves.latest.changes.len() >= HALF {
            let latest = Half {
                since: now,
                changes: HashMap::new(),
            };
            halves.before = std::mem::replace(&mut halves.latest, latest);
        }
    }

    /// Whether what was read of a customer after that moment still holds.
    pub(crate) fn unchanged_since(&self, moment: Moment, key: &[u8]) -> bool {
        let halves = self.halves();
        let changed = halves
            .latest
            .changes
            .get(key)
            .or_else(|| halves.before.changes.get(key));
        halves.before.since <= moment && changed.is_none_or(|changed| *changed <= moment)
    }

    fn halves(&self) -> MutexGuard<'_, Halves> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_one_for_those_who_read_before_it_alone() {
        let recent = Recent::default();
        let before = recent.moment();
        recent.note([b"one".as_slice()].into_iter());
        assert!(!recent.unchanged_since(before, b"one"));
        assert!(recent.unchanged_since(before, b"other"));
        assert!(recent.unchanged_since(recent.moment(), b"one"));
    }

    #[test]
    fn what_was_read_before_the_forgotten_counts_as_changed() {
        let recent = Recent::default();
        let many = |from: usize| (from..from + HALF).map(|n| n.to_be_bytes()).collect::<Vec<_>>();
        let read = recent.moment();
        let note = |keys: Vec<[u8; 8]>| recent.note(keys.iter().map(<[u8; 8]>::as_slice));
        note(many(0));
        assert!(recent.unchanged_since(read, b"other"), "nothing is forgotten yet");
        let later = recent.moment();
        note(many(HALF));
        assert!(!recent.unchanged_since(read, b"other"));
        assert!(recent.unchanged_since(later, &0_usize.to_be_bytes()));
        assert!(!recent.unchanged_since(later, &HALF.to_be_bytes()));
    }
}
