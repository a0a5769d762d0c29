//! Customers as read: whoever an address or an id stands for, with all that was merged into it.

use std::collections::BTreeSet;

use jackfield_contact::decision::Customer;
use jackfield_store::{Scan, Store};
use jackfield_types::{CustomerId, OpContext, limits};

use super::ledger::owner_of;
use super::profile::CustomerRow;
use super::row::Record;
use super::{Address, CUSTOMERS, CustomerError};
use crate::SubmitError;
use crate::history::Listing;
use crate::tags::HeldTag;
use crate::tenant::Tenant;

impl Tenant {
    pub(crate) fn store(&self) -> &Store {
        &self.inner.shared.store
    }

    /// Whom an id or an address stands for: the customer that it counts for. `None`: nobody is known by it.
    pub async fn resolve(
        &self,
        ctx: &OpContext,
        customer: &CustomerId,
    ) -> Result<Option<CustomerId>, SubmitError> {
        Ok(self.root(ctx, customer).await?.map(|record| record.head.id))
    }

    async fn record(&self, ctx: &OpContext, id: &CustomerId) -> Result<Option<Record>, SubmitError> {
        let row = self.store().get(ctx, CUSTOMERS, id.as_str().as_bytes()).await?;
        let record = row.map(|row| Record::decode(&self.inner.customers.keys, &row.value));
        Ok(record.transpose()?)
    }

    async fn root(&self, ctx: &OpContext, customer: &CustomerId) -> Result<Option<Record>, SubmitError> {
        let state = &self.inner.customers;
        let mut id = customer.clone();
        if customer.is_address() {
            let Ok(address) = Address::new(customer.as_str(), state.region()) else {
                return Ok(None);
            };
            match owner_of(self.store(), ctx, &state.keys, &address).await? {
                Some(owner) => id = owner,
                None => return Ok(None),
            }
        }
        for _ in 0..=limits::MAX_MERGED {
            let Some(record) = self.record(ctx, &id).await? else {
                return Ok(None);
            };
            match record.head.merged_into {
                Some(into) => id = into,
                None => return Ok(Some(record)),
            }
        }
        Ok(None)
    }

    /// A customer and all that count for it, itself first; empty when there is no such customer.
    pub(crate) async fn group(
        &self,
        ctx: &OpContext,
        customer: &CustomerId,
    ) -> Result<Vec<Record>, SubmitError> {
        let mut group: Vec<Record> = self.root(ctx, customer).await?.into_iter().collect();
        let mut at = 0;
        while at < group.len() && group.len() <= limits::MAX_MERGED {
            for id in group[at].head.merged.clone() {
                group.extend(self.record(ctx, &id).await?);
            }
            at += 1;
        }
        Ok(group)
    }

    pub(crate) async fn known_group(
        &self,
        ctx: &OpContext,
        customer: &CustomerId,
    ) -> Result<Vec<Record>, CustomerError> {
        let group = self.group(ctx, customer).await?;
        if group.is_empty() {
            return Err(CustomerError::unknown("customer", customer));
        }
        Ok(group)
    }

    /// The ids under which something is kept of a customer; the given one alone when nobody is known by it.
    pub(crate) async fn ids_of(
        &self,
        ctx: &OpContext,
        customer: &CustomerId,
    ) -> Result<BTreeSet<CustomerId>, SubmitError> {
        let group = self.group(ctx, customer).await?;
        if group.is_empty() {
            return Ok([customer.clone()].into());
        }
        Ok(group.into_iter().map(|record| record.head.id).collect())
    }

    /// One customer, by id or by address.
    pub async fn customer(
        &self,
        ctx: &OpContext,
        customer: &CustomerId,
    ) -> Result<Option<CustomerRow>, SubmitError> {
        let group = self.group(ctx, customer).await?;
        Ok(self.shown(group))
    }

    /// Customers by id; those that were merged into others are not listed.
    pub async fn customers(
        &self,
        ctx: &OpContext,
        cursor: Option<String>,
        limit: usize,
    ) -> Result<Listing<CustomerRow>, SubmitError> {
        let scan = Scan::all().after(cursor.map(String::into_bytes)).limit(limit);
        let page = self.store().scan(ctx, CUSTOMERS, scan).await?;
        let mut items = Vec::with_capacity(page.rows.len());
        for row in page.rows {
            let record = Record::decode(&self.inner.customers.keys, &row.value)?;
            match (&record.head.merged_into, record.head.merged.is_empty()) {
                (Some(_), _) => {}
                (None, true) => items.extend(self.shown(vec![record])),
                (None, false) => items.extend(self.customer(ctx, &record.head.id).await?),
            }
        }
        Ok(Listing {
            items,
            next: page.next.map(|key| String::from_utf8_lossy(&key).into_owned()),
        })
    }

    /// One customer out of a group. What the first says goes before what the others say.
    pub(crate) fn shown(&self, group: Vec<Record>) -> Option<CustomerRow> {
        let mut members = group.into_iter();
        let first = members.next()?;
        let (head, mut all) = (first.head, first.personal);
        let (mut first_seen_at, mut last_seen_at, mut interactions) =
            (head.first_seen_at, head.last_seen_at, head.interactions);
        let (mut last_agent, mut merged) = (head.last_agent, Vec::new());
        for Record { head, personal, .. } in members {
            first_seen_at = first_seen_at.min(head.first_seen_at);
            if head.last_agent.is_some() && (last_agent.is_none() || head.last_seen_at > last_seen_at) {
                last_agent = head.last_agent;
            }
            last_seen_at = last_seen_at.max(head.last_seen_at);
            interactions += head.interactions;
            merged.push(head.id);
            all.name = all.name.or(personal.name);
            all.language = all.language.or(personal.language);
            all.identities.extend(personal.identities);
            for (key, value) in personal.attributes {
                all.attributes.entry(key).or_insert(value);
            }
            crate::tags::with(&mut all.tags, personal.tags);
            if all.preferences == Default::default() {
                all.preferences = personal.preferences;
            }
            all.relationship.products.extend(personal.relationship.products);
            all.relationship.account_manager = all
                .relationship
                .account_manager
                .or(personal.relationship.account_manager);
            all.relationship.since = [all.relationship.since, personal.relationship.since]
                .into_iter()
                .flatten()
                .min();
            all.links.extend(personal.links);
            all.consents.extend(personal.consents);
        }
        let state = &self.inner.customers;
        let open = all.attributes.iter().filter(|(key, _)| state.is_open(key));
        let open = open.map(|(key, value)| (key.as_str().into(), value.to_string().into()));
        let customer = Customer {
            id: head.id,
            name: all.name,
            language: all.language,
            first_seen_at,
            attributes: open.chain(all.relationship.facts()).collect(),
            tags: all.tags.iter().map(HeldTag::tag).collect(),
        };
        Some(CustomerRow {
            customer,
            last_seen_at,
            interactions,
            last_agent,
            identities: all.identities,
            tags: all.tags,
            attributes: all.attributes,
            preferences: all.preferences,
            relationship: all.relationship,
            links: all.links,
            consents: all.consents,
            merged,
        })
    }
}

/// What is sealed under a key that does not open it.
pub(crate) fn unreadable(what: &str) -> CustomerError {
    SubmitError::Unavailable(format!(
        "{what} can't be read: the customer's key does not open it"
    ))
    .into()
}
