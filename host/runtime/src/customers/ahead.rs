//! Changes worked out outside the tenant's loop: the loop looks whether whoever was read is still as read, and takes the rows
//! as they are.

use jackfield_store::Error as StoreError;
use jackfield_types::CustomerId;

use super::CUSTOMERS;
use super::ledger::Ledger;
use super::row::Record;

/// What somebody's changes come to.
pub(crate) struct Ahead {
    /// Whoever was read, and in which version.
    seen: Vec<(CustomerId, u64)>,
    rows: Vec<(CustomerId, Vec<u8>)>,
    told: Vec<(String, Vec<u8>)>,
}

impl Ledger<'_> {
    /// Knows a customer as read.
    pub(crate) fn know(&mut self, record: Record, version: u64) {
        self.seen.push((record.head.id.clone(), version));
        self.records.insert(record.head.id.clone(), record);
    }

    /// What this ledger changed of customers who were there, for another one to take.
    pub(crate) fn ahead(mut self) -> Result<Ahead, StoreError> {
        Ok(Ahead {
            rows: self.encoded()?,
            seen: self.seen,
            told: self.told,
        })
    }

    /// Takes what was worked out ahead, unless somebody who was read has changed since or is changed here.
    pub(crate) async fn take(&mut self, ahead: &Ahead) -> Result<bool, StoreError> {
        for (id, version) in &ahead.seen {
            if self.records.contains_key(id) || self.sealed.contains_key(id) || self.gone.contains(id) {
                return Ok(false);
            }
            let row = self
                .store
                .get(self.ctx, CUSTOMERS, id.as_str().as_bytes())
                .await?;
            if row.map(|row| row.version) != Some(*version) {
                return Ok(false);
            }
        }
        self.sealed.extend(ahead.rows.iter().cloned());
        self.told.extend(ahead.told.iter().cloned());
        Ok(true)
    }
}
