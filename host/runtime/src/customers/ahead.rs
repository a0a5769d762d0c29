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

#[cfg(test)]
mod tests {
    use jackfield_store::{Store, Tx};
    use jackfield_types::{OpContext, TenantId, Timestamp};

    use super::super::keys::Keys;
    use super::*;

    #[tokio::test]
    async fn what_was_worked_out_counts_only_for_customers_as_they_were_read() {
        let tenant = TenantId::new("acme").unwrap();
        let (store, ctx) = (
            Store::memory().unwrap(),
            OpContext::system(tenant.clone(), "test"),
        );
        let keys = Keys::new(&tenant, &[7; 32]).unwrap();
        let id = CustomerId::new("crm:1").unwrap();
        let named = async |name: &str| {
            let mut ledger = Ledger::new(&store, &ctx, &keys);
            match ledger.change(&id).await.unwrap() {
                Some(record) => record.personal.name = Some(name.into()),
                None => ledger.make(&id, Timestamp(1)).unwrap().personal.name = Some(name.into()),
            }
            ledger
        };
        let keep = async |ledger: Ledger<'_>| {
            let tx = ledger.into_tx(Tx::new()).unwrap();
            store.commit(&ctx, tx).await.unwrap();
        };
        let name = async || {
            let mut ledger = Ledger::new(&store, &ctx, &keys);
            let record = ledger.record(&id).await.unwrap().unwrap();
            record.personal.name.as_deref().unwrap().to_owned()
        };
        keep(named("Li Lei").await).await;

        let first = named("Han Meimei").await.ahead().unwrap();
        let second = named("Lucy").await.ahead().unwrap();
        let mut taking = Ledger::new(&store, &ctx, &keys);
        assert!(taking.take(&first).await.unwrap());
        assert!(!taking.take(&second).await.unwrap(), "changed in the same commit");
        keep(taking).await;
        assert_eq!(name().await, "Han Meimei");

        let mut taking = Ledger::new(&store, &ctx, &keys);
        assert!(!taking.take(&second).await.unwrap(), "changed since");
        taking.change(&id).await.unwrap().unwrap().personal.name = Some("Lily".into());
        let third = named("Jim").await.ahead().unwrap();
        assert!(!taking.take(&third).await.unwrap(), "changed here");
        keep(taking).await;
        assert_eq!(name().await, "Lily");

        let third = named("Jim").await.ahead().unwrap();
        store
            .commit(&ctx, Tx::new().delete(CUSTOMERS, id.as_str()))
            .await
            .unwrap();
        assert!(
            !Ledger::new(&store, &ctx, &keys).take(&third).await.unwrap(),
            "erased"
        );
    }
}
