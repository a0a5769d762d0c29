//! Rows of an import made ready outside the tenant's loop: a row of somebody new is sealed here, so that the loop has only to
//! look whether that one is still new.

use jackfield_types::{CustomerId, Timestamp, limits};

use super::import::ImportRow;
use super::import_rows::Parsed;
use super::ledger::name_key;
use super::row::Record;
use super::state::CustomerState;
use super::{Address, CustomerError};

/// A row as read, and as somebody new if it can be.
pub(crate) struct Ready {
    pub(crate) row: Parsed,
    pub(crate) new: Option<Sealed>,
}

/// A customer as it is going to be stored.
pub(crate) struct Sealed {
    pub(crate) id: CustomerId,
    pub(crate) row: Vec<u8>,
    /// What stands for its addresses.
    pub(crate) identities: Vec<[u8; 16]>,
    /// Its row among those of its name.
    pub(crate) name: Option<Vec<u8>>,
}

/// Makes rows ready. Blocks for as long as sealing takes.
pub(crate) fn ready(rows: impl Iterator<Item = Parsed>, state: &CustomerState, now: Timestamp) -> Vec<Ready> {
    let make = |row: Parsed| {
        // What is wrong with it is told by the loop, which knows whether it is of somebody new.
        let new = row
            .as_ref()
            .ok()
            .and_then(|row| seal(row, state, now).ok().flatten());
        Ready { row, new }
    };
    rows.map(make).collect()
}

fn seal(row: &ImportRow, state: &CustomerState, now: Timestamp) -> Result<Option<Sealed>, CustomerError> {
    let mut row = row.clone();
    row.accept(state)?;
    let mut own: Vec<Address> = Vec::with_capacity(row.identities.len());
    for address in std::mem::take(&mut row.identities) {
        if !own.contains(&address) {
            own.push(address);
        }
    }
    if own.is_empty() || own.len() > limits::MAX_IDENTITIES {
        return Ok(None);
    }
    let id = CustomerId::from_uuid(uuid::Uuid::now_v7());
    let keys = &state.keys;
    let mut record = Record::new(keys, id.clone(), now).map_err(|_| super::row::no_chance())?;
    row.describe(&mut record.personal)?;
    let identities = own
        .iter()
        .map(|address| keys.blind("address", address.as_str()))
        .collect();
    record.personal.identities = own;
    let name = record
        .personal
        .name
        .as_deref()
        .and_then(|name| name_key(keys, name, &id));
    Ok(record.encode()?.map(|row| Sealed {
        id,
        row,
        identities,
        name,
    }))
}
