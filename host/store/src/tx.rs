use std::collections::BTreeSet;

use jackfield_types::limits::{
    MAX_KEY_BYTES, MAX_STREAM_NAME_BYTES, MAX_TX_BYTES, MAX_TX_OPS, MAX_VALUE_BYTES,
};
use sha2::{Digest as _, Sha256};

use crate::Error;

/// A named table of a tenant, for example `agents`. Declared as a constant by the crate that owns the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Space(&'static str);

impl Space {
    /// A table name: 1 to 32 characters out of `a-z`, `0-9` and `-`. Another name does not compile in a
    /// constant.
    pub const fn new(name: &'static str) -> Self {
        let bytes = name.as_bytes();
        assert!(
            !bytes.is_empty() && bytes.len() <= 32,
            "a space name has 1 to 32 characters"
        );
        let mut at = 0;
        while at < bytes.len() {
            assert!(
                matches!(bytes[at], b'a'..=b'z' | b'0'..=b'9' | b'-'),
                "a space name is made of a-z, 0-9 and -"
            );
            at += 1;
        }
        Self(name)
    }

    /// The name.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

/// A condition on one row, judged in the same step as the writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// The table.
    pub space: Space,
    /// The key.
    pub key: Vec<u8>,
    /// The version that the row must have; `None`: there must be no such row.
    pub version: Option<u64>,
}

/// Events to be added to the end of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Append {
    /// The stream's name within the tenant: 1 to 128 printable ASCII characters without spaces.
    pub stream: String,
    /// The length that the stream must have, which is the number of the first event added. Streams count from 0.
    pub expected_seq: u64,
    /// The events, in order.
    pub events: Vec<Vec<u8>>,
}

/// The proof of owning a partition: see [`Store::raise_fence`](crate::Store::raise_fence).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fence {
    /// The partition.
    pub partition: u32,
    /// The epoch that the owner was given.
    pub epoch: u64,
}

/// One transaction of one tenant: all of it takes effect, or nothing.
///
/// At most 1,000 operations (checks, puts, deletes, appends and their events) and 1 MiB. Of a row that is written more than
/// once, by [`put`](Self::put), [`delete`](Self::delete) and their like, the last counts. No stream may be appended to twice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tx {
    /// Conditions; the first that does not hold answers `Conflict`.
    pub checks: Vec<Check>,
    /// Rows to write: table, key (1 to 512 bytes), value (at most 64 KiB).
    pub puts: Vec<(Space, Vec<u8>, Vec<u8>)>,
    /// Rows to remove; one that is not there is no error.
    pub deletes: Vec<(Space, Vec<u8>)>,
    /// Events to add to streams.
    pub appends: Vec<Append>,
    /// The proof of owning a partition, when the rows belong to one.
    pub fence: Option<Fence>,
    /// An idempotency key, 1 to 512 bytes: this transaction sent again under it takes effect once and
    /// gets the same answer. The last 65,536 keys of each tenant are remembered.
    pub idem: Option<Vec<u8>>,
}

impl Tx {
    /// An empty transaction.
    pub fn new() -> Self {
        Self::default()
    }

    /// Demands that the row has this version.
    #[must_use]
    pub fn check(mut self, space: Space, key: impl Into<Vec<u8>>, version: u64) -> Self {
        self.checks.push(Check {
            space,
            key: key.into(),
            version: Some(version),
        });
        self
    }

    /// Demands that there is no such row.
    #[must_use]
    pub fn check_absent(mut self, space: Space, key: impl Into<Vec<u8>>) -> Self {
        self.checks.push(Check {
            space,
            key: key.into(),
            version: None,
        });
        self
    }

    /// Writes a row.
    #[must_use]
    pub fn put(mut self, space: Space, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> Self {
        self.write(space, key, value);
        self
    }

    /// [`put`](Self::put), in place.
    pub fn write(&mut self, space: Space, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        let key = key.into();
        self.deletes.retain(|(known, row)| *known != space || *row != key);
        self.puts.push((space, key, value.into()));
    }

    /// Removes a row.
    #[must_use]
    pub fn delete(mut self, space: Space, key: impl Into<Vec<u8>>) -> Self {
        self.remove(space, key);
        self
    }

    /// [`delete`](Self::delete), in place.
    pub fn remove(&mut self, space: Space, key: impl Into<Vec<u8>>) {
        let key = key.into();
        self.puts.retain(|(known, row, _)| *known != space || *row != key);
        self.deletes.push((space, key));
    }

    /// Does what another would do, after this one's own.
    pub fn then(&mut self, rows: Self) {
        for (space, key, value) in rows.puts {
            self.write(space, key, value);
        }
        for (space, key) in rows.deletes {
            self.remove(space, key);
        }
    }

    /// Each row once: what was written last.
    pub(crate) fn settled(mut self) -> Self {
        let mut seen = BTreeSet::new();
        let mut last: Vec<bool> = self
            .puts
            .iter()
            .rev()
            .map(|(space, key, _)| seen.insert((*space, key.as_slice())))
            .collect();
        if last.contains(&false) {
            self.puts.retain(|_| last.pop().unwrap_or(true));
        }
        let mut seen = BTreeSet::new();
        self.deletes.retain(|row| seen.insert(row.clone()));
        self
    }

    /// Adds events to the end of a stream that has `expected_seq` events so far.
    #[must_use]
    pub fn append(mut self, stream: impl Into<String>, expected_seq: u64, events: Vec<Vec<u8>>) -> Self {
        self.appends.push(Append {
            stream: stream.into(),
            expected_seq,
            events,
        });
        self
    }

    /// Demands that the partition is still at this epoch.
    #[must_use]
    pub fn fence(mut self, partition: u32, epoch: u64) -> Self {
        self.fence = Some(Fence { partition, epoch });
        self
    }

    /// Makes sending it again harmless.
    #[must_use]
    pub fn idem(mut self, key: impl Into<Vec<u8>>) -> Self {
        self.idem = Some(key.into());
        self
    }

    /// Whether it keeps to the limits of a transaction, with as much to spare as [`MAX_VALUE_BYTES`] a few times over.
    pub fn fits(&self) -> bool {
        self.ops() + 100 <= MAX_TX_OPS && self.bytes() + 4 * MAX_VALUE_BYTES <= MAX_TX_BYTES
    }

    /// Operations, as counted against the limit.
    pub(crate) fn ops(&self) -> usize {
        let events: usize = self.appends.iter().map(|append| append.events.len() + 1).sum();
        self.checks.len() + self.puts.len() + self.deletes.len() + events
    }

    /// Bytes, as counted against the limit.
    pub(crate) fn bytes(&self) -> usize {
        let checks: usize = self.checks.iter().map(|check| check.key.len()).sum();
        let puts: usize = self
            .puts
            .iter()
            .map(|(_, key, value)| key.len() + value.len())
            .sum();
        let deletes: usize = self.deletes.iter().map(|(_, key)| key.len()).sum();
        let events: usize = self
            .appends
            .iter()
            .flat_map(|append| &append.events)
            .map(Vec::len)
            .sum();
        checks + puts + deletes + events
    }

    pub(crate) fn validate(&self) -> Result<(), Error> {
        Error::at_most(|| "tx (operations)".into(), self.ops(), MAX_TX_OPS)?;
        Error::at_most(|| "tx (bytes)".into(), self.bytes(), MAX_TX_BYTES)?;
        for (at, check) in self.checks.iter().enumerate() {
            key_fits(&check.key, || format!("checks[{at}].key"))?;
        }
        let mut rows = BTreeSet::new();
        for (at, (space, key, value)) in self.puts.iter().enumerate() {
            key_fits(key, || format!("puts[{at}].key"))?;
            Error::at_most(
                || format!("puts[{at}].value (bytes)"),
                value.len(),
                MAX_VALUE_BYTES,
            )?;
            if !rows.insert((space, key)) {
                return Err(Error::invalid(format!("puts[{at}].key"), "each row written once"));
            }
        }
        for (at, (space, key)) in self.deletes.iter().enumerate() {
            key_fits(key, || format!("deletes[{at}].key"))?;
            if !rows.insert((space, key)) {
                return Err(Error::invalid(
                    format!("deletes[{at}].key"),
                    "each row written once",
                ));
            }
        }
        let mut streams = BTreeSet::new();
        for (at, append) in self.appends.iter().enumerate() {
            stream_fits(&append.stream, || format!("appends[{at}].stream"))?;
            if !streams.insert(&append.stream) {
                return Err(Error::invalid(
                    format!("appends[{at}].stream"),
                    "each stream appended to once",
                ));
            }
            if append.events.is_empty() {
                return Err(Error::invalid(
                    format!("appends[{at}].events"),
                    "at least one event",
                ));
            }
            for (event, value) in append.events.iter().enumerate() {
                Error::at_most(
                    || format!("appends[{at}].events[{event}] (bytes)"),
                    value.len(),
                    MAX_VALUE_BYTES,
                )?;
            }
        }
        self.idem
            .as_ref()
            .map_or(Ok(()), |key| key_fits(key, || "idem".into()))
    }

    /// What tells one transaction from another under the same idempotency key. The fence is left out:
    /// the next owner may send the same again.
    pub(crate) fn fingerprint(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        let mut part = |tag: u8, parts: &[&[u8]]| {
            hash.update([tag]);
            for bytes in parts {
                hash.update((bytes.len() as u64).to_be_bytes());
                hash.update(bytes);
            }
        };
        for check in &self.checks {
            let version = check.version.map_or([0xff; 8], u64::to_be_bytes);
            part(b'c', &[check.space.0.as_bytes(), &check.key, &version]);
        }
        for (space, key, value) in &self.puts {
            part(b'p', &[space.0.as_bytes(), key, value]);
        }
        for (space, key) in &self.deletes {
            part(b'd', &[space.0.as_bytes(), key]);
        }
        for append in &self.appends {
            part(
                b'a',
                &[append.stream.as_bytes(), &append.expected_seq.to_be_bytes()],
            );
            append.events.iter().for_each(|event| part(b'e', &[event]));
        }
        hash.finalize().into()
    }
}

/// The rule of [`Space::new`], for names that come from outside.
pub(crate) fn space_fits(name: &str) -> Result<(), &'static str> {
    let fits = matches!(name.len(), 1..=32)
        && name
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    if fits {
        Ok(())
    } else {
        Err("1 to 32 characters out of a-z, 0-9 and -")
    }
}

pub(crate) fn key_fits(key: &[u8], field: impl Fn() -> String) -> Result<(), Error> {
    if key.is_empty() {
        return Err(Error::invalid(field(), "1 to 512 bytes"));
    }
    Error::at_most(|| format!("{} (bytes)", field()), key.len(), MAX_KEY_BYTES)
}

pub(crate) fn stream_fits(stream: &str, field: impl Fn() -> String) -> Result<(), Error> {
    Error::at_most(
        || format!("{} (bytes)", field()),
        stream.len(),
        MAX_STREAM_NAME_BYTES,
    )?;
    if stream.is_empty() || !stream.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Error::invalid(
            field(),
            "1 to 128 printable ASCII characters without spaces",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_row_that_is_written_again_the_last_counts() {
        const ROWS: Space = Space::new("rows");
        let tx = Tx::new()
            .put(ROWS, "a", "1")
            .delete(ROWS, "b")
            .put(ROWS, "c", "1")
            .put(ROWS, "a", "2")
            .delete(ROWS, "c")
            .put(ROWS, "b", "2")
            .delete(ROWS, "c");
        let expected = Tx::new()
            .put(ROWS, "a", "2")
            .put(ROWS, "b", "2")
            .delete(ROWS, "c");
        assert_eq!(tx.settled(), expected);
    }
}
