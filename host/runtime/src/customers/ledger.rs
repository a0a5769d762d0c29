//! Customers that one commit changes: read once, changed here, written together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jackfield_contact::event::{CustomerChange, Event};
use jackfield_store::{Error as StoreError, Store, Tx};
use jackfield_types::{CustomerId, OpContext, Timestamp, limits};

use super::import_ready::Sealed;
use super::keys::Keys;
use super::row::{Record, no_chance};
use super::timeline::{TIMELINE, TimelineEntry, timeline_key};
use super::{Address, CUSTOMERS, CustomerError, DataKey, IDENTITIES, NAMES};

/// What a commit changes of customers.
pub(crate) struct Ledger<'a> {
    pub(crate) store: &'a Store,
    pub(crate) ctx: &'a OpContext,
    pub(crate) keys: &'a Keys,
    pub(super) records: BTreeMap<CustomerId, Record>,
    /// Customers that are sealed already, as long as nothing more is changed of them.
    pub(super) sealed: BTreeMap<CustomerId, Vec<u8>>,
    pub(super) changed: BTreeSet<CustomerId>,
    /// Customers that are erased.
    pub(super) gone: BTreeSet<CustomerId>,
    /// Addresses that change hands.
    identities: BTreeMap<[u8; 16], Option<CustomerId>>,
    /// Rows by name that go and come.
    names: BTreeMap<Vec<u8>, bool>,
    pub(super) told: Vec<(String, Vec<u8>)>,
    /// What the journal is told.
    pub(crate) events: Vec<Event>,
    /// Rows beside those of customers.
    pub(crate) beside: Tx,
}

impl<'a> Ledger<'a> {
    pub(crate) fn new(store: &'a Store, ctx: &'a OpContext, keys: &'a Keys) -> Self {
        Self {
            store,
            ctx,
            keys,
            records: BTreeMap::new(),
            sealed: BTreeMap::new(),
            changed: BTreeSet::new(),
            gone: BTreeSet::new(),
            identities: BTreeMap::new(),
            names: BTreeMap::new(),
            told: Vec::new(),
            events: Vec::new(),
            beside: Tx::new(),
        }
    }

    /// Reads a customer, whoever it counts for.
    pub(crate) async fn record(&mut self, id: &CustomerId) -> Result<Option<&Record>, StoreError> {
        if self.gone.contains(id) {
            return Ok(None);
        }
        if let Some(row) = self.sealed.remove(id) {
            self.put(Record::decode(self.keys, &row)?);
        }
        if !self.records.contains_key(id) {
            let row = self
                .store
                .get(self.ctx, CUSTOMERS, id.as_str().as_bytes())
                .await?;
            let Some(row) = row else { return Ok(None) };
            self.know(Record::decode(self.keys, &row.value)?);
        }
        Ok(self.records.get(id))
    }

    /// The key of a customer.
    ///
    /// # Errors
    /// `Unknown` when there is no such customer.
    pub(crate) async fn key(&mut self, id: &CustomerId) -> Result<Arc<DataKey>, CustomerError> {
        let record = self.record(id).await?;
        let key = record.map(|record| record.key.clone());
        key.ok_or_else(|| CustomerError::unknown("customer", id))
    }

    /// The same, to be changed; only after everything was checked.
    pub(crate) async fn change(&mut self, id: &CustomerId) -> Result<Option<&mut Record>, StoreError> {
        if self.record(id).await?.is_none() {
            return Ok(None);
        }
        self.changed.insert(id.clone());
        Ok(self.records.get_mut(id))
    }

    /// Makes a customer.
    pub(crate) fn make(&mut self, id: &CustomerId, at: Timestamp) -> Result<&mut Record, StoreError> {
        let record = Record::new(self.keys, id.clone(), at).map_err(|_| no_chance())?;
        self.changed.insert(id.clone());
        Ok(self.records.entry(id.clone()).or_insert(record))
    }

    /// Keeps a customer that was made elsewhere.
    pub(crate) fn put(&mut self, record: Record) {
        self.changed.insert(record.head.id.clone());
        self.records.insert(record.head.id.clone(), record);
    }

    /// Keeps a customer that was sealed elsewhere, unless one of its addresses is somebody's by now.
    pub(crate) async fn put_sealed(&mut self, new: &Sealed) -> Result<bool, StoreError> {
        for key in &new.identities {
            let taken = match self.identities.get(key) {
                Some(owner) => owner.is_some(),
                None => self.store.get(self.ctx, IDENTITIES, key).await?.is_some(),
            };
            if taken {
                return Ok(false);
            }
        }
        let owner = Some(new.id.clone());
        self.identities
            .extend(new.identities.iter().map(|key| (*key, owner.clone())));
        self.names.extend(new.name.iter().map(|key| (key.clone(), true)));
        self.sealed.insert(new.id.clone(), new.row.clone());
        Ok(true)
    }

    /// Takes a customer's row away, and with it the key.
    pub(crate) fn remove(&mut self, id: &CustomerId) {
        self.records.remove(id);
        self.sealed.remove(id);
        self.changed.remove(id);
        self.gone.insert(id.clone());
        let prefix = format!("{id} ");
        self.told.retain(|(key, _)| !key.starts_with(&prefix));
    }

    /// Whose an address is; whoever that one counts for.
    pub(crate) async fn owner(&self, address: &Address) -> Result<Option<CustomerId>, StoreError> {
        let key = self.keys.blind("address", address.as_str());
        match self.identities.get(&key) {
            Some(owner) => Ok(owner.clone()),
            None => owner_of(self.store, self.ctx, self.keys, address).await,
        }
    }

    /// The customer that this one counts for, itself when it was not merged.
    pub(crate) async fn root(&mut self, id: &CustomerId) -> Result<Option<CustomerId>, StoreError> {
        let mut at = id.clone();
        for _ in 0..limits::MAX_MERGED {
            match self.record(&at).await? {
                None => return Ok(None),
                Some(record) => match &record.head.merged_into {
                    Some(into) => at = into.clone(),
                    None => return Ok(Some(at)),
                },
            }
        }
        Ok(Some(at))
    }

    /// A customer and all that count for it, itself first.
    pub(crate) async fn group(&mut self, root: &CustomerId) -> Result<Vec<CustomerId>, StoreError> {
        let mut group = vec![root.clone()];
        let mut at = 0;
        while at < group.len() && group.len() <= limits::MAX_MERGED {
            let id = group[at].clone();
            if let Some(record) = self.record(&id).await? {
                let merged = record.head.merged.clone();
                group.extend(merged);
            }
            at += 1;
        }
        Ok(group)
    }

    /// Gives an address to a customer, or to nobody.
    pub(crate) fn hand(&mut self, address: &Address, owner: Option<&CustomerId>) {
        let key = self.keys.blind("address", address.as_str());
        self.identities.insert(key, owner.cloned());
    }

    /// Keeps the index of names in step.
    pub(crate) fn named(&mut self, id: &CustomerId, before: Option<&str>, after: Option<&str>) {
        if before == after {
            return;
        }
        for (name, there) in [(before, false), (after, true)] {
            if let Some(key) = name.and_then(|name| name_key(self.keys, name, id)) {
                self.names.insert(key, there);
            }
        }
    }

    /// Adds to a customer's timeline. The customer must have been read or made here.
    pub(crate) fn tell(
        &mut self,
        id: &CustomerId,
        of: &str,
        entry: &TimelineEntry,
    ) -> Result<(), StoreError> {
        let Some(record) = self.records.get(id) else {
            return Ok(());
        };
        let text = serde_json::to_vec(entry).map_err(|error| StoreError::Corrupt {
            what: error.to_string(),
        })?;
        let sealed = record.key.seal("timeline", &text).map_err(|_| no_chance())?;
        let key = timeline_key(id, entry.at, of);
        self.told.retain(|(known, _)| *known != key);
        self.told.push((key, sealed));
        Ok(())
    }

    /// Tells the journal.
    pub(crate) fn journal(
        &mut self,
        customer: &CustomerId,
        change: CustomerChange,
        by: &std::sync::Arc<str>,
    ) {
        self.events.push(Event::CustomerChanged {
            customer: customer.clone(),
            change,
            by: by.clone(),
        });
    }

    /// Operations of the commit so far, about.
    pub(crate) fn ops(&self) -> usize {
        self.changed.len()
            + self.sealed.len()
            + self.gone.len()
            + self.identities.len()
            + self.names.len()
            + self.told.len()
            + self.events.len()
            + self.beside.puts.len()
            + self.beside.deletes.len()
    }

    /// The rows of those who were changed.
    pub(super) fn encoded(&mut self) -> Result<Vec<(CustomerId, Vec<u8>)>, StoreError> {
        let mut rows = Vec::with_capacity(self.changed.len());
        for id in &self.changed {
            let Some(record) = self.records.get_mut(id) else {
                continue;
            };
            match record.encode()? {
                Some(row) => rows.push((id.clone(), row)),
                None => {
                    tracing::warn!(customer = %id, "a change is left out: the customer has {} bytes", limits::MAX_PROFILE_BYTES)
                }
            }
        }
        Ok(rows)
    }

    /// Adds the rows to a transaction.
    pub(crate) fn into_tx(mut self, mut tx: Tx) -> Result<Tx, StoreError> {
        for (id, row) in std::mem::take(&mut self.sealed) {
            tx = tx.put(CUSTOMERS, id.as_str(), row);
        }
        for (id, row) in self.encoded()? {
            tx = tx.put(CUSTOMERS, id.as_str(), row);
        }
        for id in &self.gone {
            tx = tx.delete(CUSTOMERS, id.as_str());
        }
        for (key, owner) in self.identities {
            tx = match owner {
                Some(owner) => tx.put(IDENTITIES, key, owner.as_str()),
                None => tx.delete(IDENTITIES, key),
            };
        }
        for (key, there) in self.names {
            tx = if there {
                tx.put(NAMES, key, Vec::new())
            } else {
                tx.delete(NAMES, key)
            };
        }
        for (key, entry) in self.told {
            tx = tx.put(TIMELINE, key, entry);
        }
        tx.then(self.beside);
        Ok(tx)
    }
}

/// Whose an address is, as stored.
pub(crate) async fn owner_of(
    store: &Store,
    ctx: &OpContext,
    keys: &Keys,
    address: &Address,
) -> Result<Option<CustomerId>, StoreError> {
    let key = keys.blind("address", address.as_str());
    let Some(row) = store.get(ctx, IDENTITIES, &key).await? else {
        return Ok(None);
    };
    let id = std::str::from_utf8(&row.value)
        .ok()
        .and_then(|id| CustomerId::new(id).ok());
    id.map(Some).ok_or_else(|| StoreError::Corrupt {
        what: "the owner of an address".into(),
    })
}

/// The row of a customer among those of its name; names differ by more than case and spaces.
pub(crate) fn name_key(keys: &Keys, name: &str, id: &CustomerId) -> Option<Vec<u8>> {
    let plain: String = name
        .chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect();
    if plain.is_empty() {
        return None;
    }
    let mut key = keys.blind("name", &plain).to_vec();
    key.extend_from_slice(id.as_str().as_bytes());
    Some(key)
}
