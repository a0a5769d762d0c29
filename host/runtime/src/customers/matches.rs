//! Customers who may be one person: people look at them and say so; nothing is merged by itself.
//!
//! The index of names lists customers of one name side by side. Two of them may be one when they share something more: a
//! personal attribute (a birthday, an address), the local part of an e-mail address, a household or firm. That two are not
//! one is remembered.

use jackfield_sandbox::PiiClass;
use jackfield_store::{Scan, Space, Tx};
use jackfield_types::{CustomerId, OpContext, Timestamp};
use serde::{Deserialize, Serialize};

use super::row::Record;
use super::state::json;
use super::{CUSTOMERS, CustomerError, NAMES};
use crate::clock;
use crate::history::Listing;
use crate::tenant::Tenant;

/// Pairs that are known to be two: key `{one} {other}`, the smaller id first.
const DISTINCT: Space = Space::new("customer-distinct");
/// Bytes of a name's place in the index.
const NAME: usize = 16;
/// Rows of the index looked at for one page; a page may be short, and its cursor goes on.
const MAX_LOOKED_AT: usize = 1_000;
/// Customers of one name that are compared with each other; of a very common name, the first.
const MAX_NAMESAKES: usize = 50;

/// Two customers who may be one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerMatch {
    /// The one that was seen first.
    pub customer: CustomerId,
    /// The other one.
    pub other: CustomerId,
    /// Their name, as the first has it.
    pub name: String,
    /// What else they share: `attributes.birthday`, `email`, `link`.
    pub shared: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Distinct {
    by: String,
    at: Timestamp,
}

fn pair(one: &CustomerId, other: &CustomerId) -> String {
    format!("{} {}", one.min(other), one.max(other))
}

impl Tenant {
    /// Customers who may be one, to be looked at. `cursor` is the `next` of the page before; a page may be short and go on.
    ///
    /// # Errors
    /// When the cursor is none, or the store refuses.
    pub async fn customer_matches(
        &self,
        ctx: &OpContext,
        cursor: Option<String>,
        limit: usize,
    ) -> Result<Listing<CustomerMatch>, CustomerError> {
        let after =
            match &cursor {
                Some(cursor) => Some(place_of(cursor).ok_or_else(|| {
                    CustomerError::invalid("cursor", "expected the `next` of the page before")
                })?),
                None => None,
            };
        let scan = Scan::all().after(after).limit(MAX_LOOKED_AT);
        let page = self.store().scan(ctx, NAMES, scan).await?;
        let mut keys: Vec<Vec<u8>> = page.rows.into_iter().map(|row| row.key).collect();
        let mut more = page.next.is_some();
        if more && let Some(last) = keys.last().map(|key| key[..NAME.min(key.len())].to_vec()) {
            // The last name may go on behind the page; the next page begins with it, unless it fills the page.
            let whole = keys
                .iter()
                .position(|key| key.starts_with(&last))
                .unwrap_or_default();
            if whole > 0 {
                keys.truncate(whole);
            }
        }
        let mut items = Vec::new();
        let mut last = None;
        for namesakes in
            keys.chunk_by(|one, other| one[..NAME.min(one.len())] == other[..NAME.min(other.len())])
        {
            if items.len() >= limit {
                more = true;
                break;
            }
            last = namesakes.last().cloned();
            if namesakes.len() > 1 {
                items.extend(self.compared(ctx, namesakes).await?);
            }
        }
        let next = last.filter(|_| more).map(|key| cursor_of(&key));
        Ok(Listing { items, next })
    }

    async fn compared(&self, ctx: &OpContext, keys: &[Vec<u8>]) -> Result<Vec<CustomerMatch>, CustomerError> {
        let mut records = Vec::new();
        for key in keys.iter().take(MAX_NAMESAKES) {
            let id = key.get(NAME..).unwrap_or_default();
            if let Some(row) = self.store().get(ctx, CUSTOMERS, id).await? {
                let record = Record::decode(&self.inner.customers.keys, &row.value)?;
                if record.head.merged_into.is_none() {
                    records.push(record);
                }
            }
        }
        let mut found = Vec::new();
        for (at, one) in records.iter().enumerate() {
            for other in &records[at + 1..] {
                let shared = self.shared(one, other);
                let known = pair(&one.head.id, &other.head.id);
                if shared.is_empty() || self.store().get(ctx, DISTINCT, known.as_bytes()).await?.is_some() {
                    continue;
                }
                let first_seen = |record: &Record| (record.head.first_seen_at, record.head.id.clone());
                let (one, other) = if first_seen(one) <= first_seen(other) {
                    (one, other)
                } else {
                    (other, one)
                };
                found.push(CustomerMatch {
                    customer: one.head.id.clone(),
                    other: other.head.id.clone(),
                    name: one.personal.name.as_deref().unwrap_or_default().to_owned(),
                    shared,
                });
            }
        }
        Ok(found)
    }

    /// What two customers of one name share.
    fn shared(&self, one: &Record, other: &Record) -> Vec<String> {
        let (mine, theirs) = (&one.personal, &other.personal);
        let definitions = self.inner.customers.definitions.load();
        let personal = mine.attributes.iter().filter(|(id, value)| {
            let about_a_person = definitions
                .get(*id)
                .is_some_and(|found| found.class >= PiiClass::Personal);
            about_a_person && theirs.attributes.get(*id) == Some(value)
        });
        let mut shared: Vec<String> = personal.map(|(id, _)| format!("attributes.{id}")).collect();
        let local = |record: &Record| -> Vec<String> {
            let addresses = record.personal.identities.iter();
            let mails = addresses.filter_map(|address| address.as_str().strip_prefix("email:"));
            mails
                .filter_map(|mail| mail.split('@').next().map(str::to_owned))
                .collect()
        };
        let mails = local(other);
        if local(one).iter().any(|mail| mails.contains(mail)) {
            shared.push("email".into());
        }
        let linked = |link: &super::Link| theirs.links.iter().any(|their| their.to == link.to);
        if mine.links.iter().any(linked) {
            shared.push("link".into());
        }
        shared
    }

    /// Remembers that two customers are not one: they are not listed again.
    pub async fn keep_distinct(
        &self,
        ctx: &OpContext,
        one: &CustomerId,
        other: &CustomerId,
    ) -> Result<(), CustomerError> {
        let (one, other) = (self.known(ctx, one).await?, self.known(ctx, other).await?);
        if one == other {
            return Err(CustomerError::Conflict(format!(
                "{one} and {other} are one customer already"
            )));
        }
        let said = Distinct {
            by: ctx.actor.to_string(),
            at: clock::now(),
        };
        let tx = Tx::new().put(DISTINCT, pair(&one, &other), json(&said)?);
        self.store().commit(ctx, tx).await?;
        Ok(())
    }
}

/// A place in the index as text.
fn cursor_of(key: &[u8]) -> String {
    let (name, id) = key.split_at(NAME.min(key.len()));
    let name: String = name.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{name}{}", String::from_utf8_lossy(id))
}

fn place_of(cursor: &str) -> Option<Vec<u8>> {
    let (name, id) = cursor.split_at_checked(2 * NAME)?;
    let mut key = Vec::with_capacity(NAME + id.len());
    for at in (0..name.len()).step_by(2) {
        key.push(u8::from_str_radix(name.get(at..at + 2)?, 16).ok()?);
    }
    key.extend_from_slice(id.as_bytes());
    Some(key)
}
