//! Judges transactions against the durable state and the batch so far, and turns them into changes.

use jackfield_types::{TenantId, limits::MAX_IDEM_KEYS};

use crate::{
    Error, Tx,
    kv::{Batch, Change},
    layout,
    view::View,
};

/// A key and value to be taken in as they are, from an export.
pub(crate) struct Load {
    pub(crate) key: Vec<u8>,
    pub(crate) value: Vec<u8>,
    /// Whether the value gets the version of its commit, as rows do.
    pub(crate) versioned: bool,
}

/// A batch that is being put together.
pub(crate) struct Plan<'a> {
    view: &'a View,
    batch: Batch,
    last_commit: u64,
}

impl<'a> Plan<'a> {
    pub(crate) fn new(view: &'a View, last_commit: u64) -> Self {
        Self {
            view,
            batch: Batch::new(),
            last_commit,
        }
    }

    /// The changes, and the number of the last commit in them. An empty batch has nothing to sync.
    pub(crate) fn finish(mut self) -> (Batch, u64) {
        if !self.batch.is_empty() {
            let change = Change {
                old: None,
                new: Some(self.last_commit.to_be_bytes().to_vec()),
            };
            self.batch.insert(layout::LAST_COMMIT.to_vec(), change);
        }
        (self.batch, self.last_commit)
    }

    /// Takes a transaction into the batch, if all its conditions hold; answers its version.
    pub(crate) fn add(&mut self, tenant: &TenantId, tx: Tx) -> Result<u64, Error> {
        let fingerprint = match &tx.idem {
            Some(key) => {
                let fingerprint = tx.fingerprint();
                if let Some(version) = self.answered(tenant, key, &fingerprint)? {
                    return Ok(version);
                }
                Some(fingerprint)
            }
            None => None,
        };
        self.judge(tenant, &tx)?;

        let version = self.last_commit + 1;
        for (space, key, mut value) in tx.puts {
            // The version stands behind the value, so that adding it seldom moves the bytes.
            value.extend_from_slice(&version.to_be_bytes());
            self.set(layout::row(tenant, space.as_str(), &key), Some(value))?;
        }
        for (space, key) in tx.deletes {
            let key = layout::row(tenant, space.as_str(), &key);
            if self.get(&key)?.is_some() {
                self.set(key, None)?;
            }
        }
        for append in tx.appends {
            for (seq, event) in (append.expected_seq..).zip(append.events) {
                // Beyond the stream's end, where nothing can stand: no need to look.
                let change = Change {
                    old: None,
                    new: Some(event),
                };
                self.batch
                    .insert(layout::event(tenant, &append.stream, seq), change);
            }
        }
        if let (Some(key), Some(fingerprint)) = (tx.idem, fingerprint) {
            self.remember(tenant, key, version, &fingerprint)?;
        }
        self.last_commit = version;
        Ok(version)
    }

    /// Takes in what was exported.
    pub(crate) fn load(&mut self, loads: Vec<Load>) -> Result<u64, Error> {
        let version = self.last_commit + 1;
        for Load {
            key,
            mut value,
            versioned,
        } in loads
        {
            if versioned {
                value.extend_from_slice(&version.to_be_bytes());
            }
            self.set(key, Some(value))?;
        }
        self.last_commit = version;
        Ok(version)
    }

    /// Gives a partition its next epoch.
    pub(crate) fn raise_fence(&mut self, partition: u32) -> Result<u64, Error> {
        let key = layout::fence(partition);
        let epoch = self.number(&key)? + 1;
        self.set(key, Some(epoch.to_be_bytes().to_vec()))?;
        Ok(epoch)
    }

    fn judge(&self, tenant: &TenantId, tx: &Tx) -> Result<(), Error> {
        if let Some(fence) = tx.fence {
            let current = self.number(&layout::fence(fence.partition))?;
            if current != fence.epoch {
                return Err(Error::Fenced {
                    partition: fence.partition,
                    epoch: fence.epoch,
                    current,
                });
            }
        }
        for (at, check) in tx.checks.iter().enumerate() {
            let row = self.get(&layout::row(tenant, check.space.as_str(), &check.key))?;
            let version = row
                .map(|row| split_row(row).map(|(_, version)| version))
                .transpose()?;
            if version != check.version {
                let found = version.map_or("there is no such row".into(), |v| {
                    format!("the row has version {v}")
                });
                return Err(Error::Conflict {
                    field: format!("checks[{at}]"),
                    found,
                });
            }
        }
        for (at, append) in tx.appends.iter().enumerate() {
            let there = |seq| Ok(self.get(&layout::event(tenant, &append.stream, seq))?.is_some());
            let seq = append.expected_seq;
            if there(seq)? || (seq > 0 && !there(seq - 1)?) {
                let field = format!("appends[{at}].expected_seq");
                return Err(Error::Conflict {
                    field,
                    found: "the stream has another length".into(),
                });
            }
        }
        Ok(())
    }

    /// The version answered under an idempotency key before.
    fn answered(&self, tenant: &TenantId, key: &[u8], fingerprint: &[u8; 32]) -> Result<Option<u64>, Error> {
        let Some(row) = self.get(&layout::idem(tenant, key))? else {
            return Ok(None);
        };
        let (seen, version) = split_row(row)?;
        if seen != fingerprint {
            return Err(Error::Conflict {
                field: "idem".into(),
                found: "the key was used for another transaction".into(),
            });
        }
        Ok(Some(version))
    }

    fn remember(
        &mut self,
        tenant: &TenantId,
        key: Vec<u8>,
        version: u64,
        fingerprint: &[u8; 32],
    ) -> Result<(), Error> {
        let count_key = layout::idem_count(tenant);
        let nth = self.number(&count_key)?;
        if let Some(oldest) = nth.checked_sub(MAX_IDEM_KEYS) {
            let nth_key = layout::idem_nth(tenant, oldest);
            if let Some(oldest_key) = self.get(&nth_key)? {
                self.set(layout::idem(tenant, &oldest_key), None)?;
                self.set(nth_key, None)?;
            }
        }
        self.set(
            layout::idem(tenant, &key),
            Some([fingerprint.as_slice(), &version.to_be_bytes()].concat()),
        )?;
        self.set(layout::idem_nth(tenant, nth), Some(key))?;
        self.set(count_key, Some((nth + 1).to_be_bytes().to_vec()))
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        match self.batch.get(key) {
            Some(change) => Ok(change.new.clone()),
            None => self.view.get(key),
        }
    }

    fn set(&mut self, key: Vec<u8>, new: Option<Vec<u8>>) -> Result<(), Error> {
        if let Some(change) = self.batch.get_mut(&key) {
            change.new = new;
        } else {
            let old = self.view.before(&key)?;
            self.batch.insert(key, Change { old, new });
        }
        Ok(())
    }

    fn number(&self, key: &[u8]) -> Result<u64, Error> {
        self.get(key)?.map_or(Ok(0), |bytes| number(&bytes))
    }
}

/// A stored number.
pub(crate) fn number(bytes: &[u8]) -> Result<u64, Error> {
    bytes
        .try_into()
        .map(u64::from_be_bytes)
        .map_err(|_| Error::corrupt("a stored number has not 8 bytes"))
}

/// A stored row: its value and its version.
pub(crate) fn split_row(mut row: Vec<u8>) -> Result<(Vec<u8>, u64), Error> {
    let at = row
        .len()
        .checked_sub(8)
        .ok_or_else(|| Error::corrupt("a stored row is shorter than its version"))?;
    let version = number(&row[at..])?;
    row.truncate(at);
    Ok((row, version))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Space, kv::Memory};

    #[test]
    fn the_oldest_idempotency_key_is_forgotten_for_one_more() {
        let view = View::new(Box::<Memory>::default());
        let tenant = TenantId::new("acme").unwrap();
        let mut last_commit = 0;
        let mut send = |n: u64| {
            let tx = Tx::new().put(Space::new("rows"), "k", "v").idem(n.to_be_bytes());
            let mut plan = Plan::new(&view, last_commit);
            let version = plan.add(&tenant, tx).unwrap();
            let (batch, commit) = plan.finish();
            last_commit = commit;
            view.apply(batch).unwrap();
            version
        };
        let versions: Vec<_> = (0..=MAX_IDEM_KEYS).map(&mut send).collect();
        assert_eq!(send(1), versions[1], "still remembered");
        assert!(send(0) > versions[MAX_IDEM_KEYS as usize], "forgotten");
        let rows = view.range(b"acme", b"acmf", false, usize::MAX).unwrap();
        assert_eq!(
            rows.len() as u64,
            2 * MAX_IDEM_KEYS + 2,
            "the rows of what is forgotten are gone"
        );
    }
}
