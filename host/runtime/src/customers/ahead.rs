//! Changes worked out outside the tenant's loop: the loop looks whether whoever was read is still as read, and takes the rows
//! as they are.

use jackfield_store::Error as StoreError;
use jackfield_types::CustomerId;

use super::ledger::Ledger;
use super::recent::{Moment, Recent};
use super::row::Record;

/// What somebody's changes come to.
pub(crate) struct Ahead {
    /// Before anybody was read.
    began: Moment,
    /// Whoever was read.
    seen: Vec<CustomerId>,
    rows: Vec<(CustomerId, Vec<u8>)>,
    told: Vec<(String, Vec<u8>)>,
}

impl Ledger<'_> {
    /// Knows a customer as read.
    pub(crate) fn know(&mut self, record: Record) {
        self.records.insert(record.head.id.clone(), record);
    }

    /// What this ledger changed of customers who were there, for another one to take. `began`: before anybody was read.
    pub(crate) fn ahead(mut self, began: Moment) -> Result<Ahead, StoreError> {
        Ok(Ahead {
            began,
            rows: self.encoded()?,
            seen: self.records.into_keys().collect(),
            told: self.told,
        })
    }

    /// Takes what was worked out ahead, unless somebody who was read has changed since or is known here, perhaps otherwise.
    pub(crate) fn take(&mut self, ahead: &Ahead, recent: &Recent) -> bool {
        let holds = |id: &CustomerId| {
            let known =
                self.records.contains_key(id) || self.sealed.contains_key(id) || self.gone.contains(id);
            !known && recent.unchanged_since(ahead.began, id.as_str().as_bytes())
        };
        if !ahead.seen.iter().all(holds) {
            return false;
        }
        self.sealed.extend(ahead.rows.iter().cloned());
        self.told.extend(ahead.told.iter().cloned());
        true
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
        let (keys, recent) = (Keys::new(&tenant, &[7; 32]).unwrap(), Recent::default());
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
            store.commit(&ctx, tx.clone()).await.unwrap();
            recent.note(super::super::changed_by(&tx));
        };
        let name = async || {
            let mut ledger = Ledger::new(&store, &ctx, &keys);
            let record = ledger.record(&id).await.unwrap().unwrap();
            record.personal.name.as_deref().unwrap().to_owned()
        };
        keep(named("Li Lei").await).await;

        let began = recent.moment();
        let first = named("Han Meimei").await.ahead(began).unwrap();
        let second = named("Lucy").await.ahead(began).unwrap();
        let mut taking = Ledger::new(&store, &ctx, &keys);
        assert!(taking.take(&first, &recent));
        assert!(!taking.take(&second, &recent), "changed in the same commit");
        keep(taking).await;
        assert_eq!(name().await, "Han Meimei");

        let mut taking = Ledger::new(&store, &ctx, &keys);
        assert!(!taking.take(&second, &recent), "changed since");
        taking.change(&id).await.unwrap().unwrap().personal.name = Some("Lily".into());
        let third = named("Jim").await.ahead(recent.moment()).unwrap();
        assert!(!taking.take(&third, &recent), "changed here");
        keep(taking).await;
        assert_eq!(name().await, "Lily");

        let third = named("Jim").await.ahead(recent.moment()).unwrap();
        let mut erasing = Ledger::new(&store, &ctx, &keys);
        erasing.remove(&id);
        keep(erasing).await;
        assert!(!Ledger::new(&store, &ctx, &keys).take(&third, &recent), "erased");
    }
}
