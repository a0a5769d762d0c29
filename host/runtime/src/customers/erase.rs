//! Erasing: the customer's row goes, and with it the only key to what is sealed of it anywhere; its addresses are nobody's.
//! That is one commit. What its key opened, and what names it, is removed afterwards; a start goes on where a stop came
//! between.

use std::collections::BTreeSet;

use jackfield_contact::Centre;
use jackfield_contact::event::CustomerChange;
use jackfield_contact::interaction::Interaction;
use jackfield_store::{Error as StoreError, Scan, Space, Tx};
use jackfield_types::{CustomerId, InteractionId, OpContext};

use super::CustomerError;
use super::ledger::Ledger;
use super::sealed::blank_interaction;
use super::timeline::TIMELINE;
use super::work::Work;
use crate::chats::MESSAGES;
use crate::history::{CUSTOMER_EVALUATIONS, CUSTOMER_HISTORY, CUSTOMER_SURVEYS, INTERACTIONS};
use crate::tags::DUE;
use crate::tenant::Tenant;

/// Customers that are erased, and of whom something is still to be removed.
const ERASURES: Space = Space::new("customer-erasures");
/// Rows removed in one commit.
const AT_ONCE: usize = 300;

/// What an erasure took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ErasedCustomer {
    /// Customers: the one, and those that were merged into it.
    pub customers: u64,
    /// Entries of timelines.
    pub timeline: u64,
    /// Cases.
    pub cases: u64,
    /// Recordings of conversations.
    pub recordings: u64,
    /// Attachments of written conversations.
    pub attachments: u64,
    /// Recorded decisions of plugins.
    pub decisions: u64,
    /// Attempts to reach its numbers.
    pub attempts: u64,
}

/// Refuses to erase somebody who is in touch: events are still to come that have to be read again.
pub(crate) fn in_touch(centre: &Centre, group: &[CustomerId]) -> Result<(), CustomerError> {
    let mut live = centre.interactions();
    match live.find(|it| it.customer.as_ref().is_some_and(|id| group.contains(id))) {
        Some(it) => Err(CustomerError::Conflict(format!(
            "the customer is in touch: interaction {} is not closed yet; try again when it is",
            it.id
        ))),
        None => Ok(()),
    }
}

/// In the loop: takes away the rows with the keys.
pub(crate) async fn erase(
    ledger: &mut Ledger<'_>,
    root: &CustomerId,
    by: &std::sync::Arc<str>,
) -> Result<(), CustomerError> {
    let group = ledger.group(root).await?;
    for id in &group {
        let Some(record) = ledger.record(id).await?.cloned() else {
            continue;
        };
        for address in &record.personal.identities {
            ledger.hand(address, None);
        }
        ledger.named(id, record.personal.name.as_deref(), None);
        ledger.remove(id);
        ledger
            .beside
            .puts
            .push((ERASURES, id.as_str().into(), Vec::new()));
    }
    ledger.journal(root, CustomerChange::Erased, by);
    Ok(())
}

impl Tenant {
    /// Erases a customer and all that were merged into it: the profile, the timeline, recordings, recorded decisions, and
    /// what the journal holds of the person, whose key is destroyed. What happened stays countable: that a call waited so
    /// long in a queue, and which agent took it.
    ///
    /// # Errors
    /// [`CustomerError::Conflict`] while the customer is in touch. [`SubmitError::Overloaded`](crate::SubmitError::Overloaded) while another erasure or
    /// replay of the tenant runs.
    pub async fn erase_customer(
        &self,
        ctx: &OpContext,
        customer: &CustomerId,
    ) -> Result<ErasedCustomer, CustomerError> {
        let group = self.known_group(ctx, customer).await?;
        let Some(root) = group.first().map(|record| record.head.id.clone()) else {
            return Err(CustomerError::unknown("customer", customer));
        };
        // Once more in the loop; here, so that nothing is erased of somebody who is not.
        let ids: Vec<CustomerId> = group.iter().map(|record| record.head.id.clone()).collect();
        self.read(move |centre| in_touch(centre, &ids)).await??;
        let records = self.erase_decisions(ctx, &root).await?;
        let links = group.iter().flat_map(|record| &record.personal.links);
        for to in links.map(|link| link.to.clone()).collect::<BTreeSet<_>>() {
            match self.order(ctx, Some(root.clone()), Work::Unlink(to)).await {
                Ok(_) | Err(CustomerError::Unknown { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        self.order(ctx, Some(root), Work::Erase).await?;
        let mut erased = ErasedCustomer {
            decisions: records.decisions,
            attempts: records.attempts,
            ..ErasedCustomer::default()
        };
        for record in group {
            self.sweep_erased(ctx, &record.head.id, &mut erased).await?;
        }
        Ok(erased)
    }

    /// Removes what is left of customers whose erasure was cut short by the end of the process.
    pub(crate) async fn resume_erasures(&self) -> Result<(), StoreError> {
        let ctx = OpContext::system(self.id().clone(), "erasure");
        loop {
            let left = self.store().scan(&ctx, ERASURES, Scan::all().limit(100)).await?;
            if left.rows.is_empty() {
                return Ok(());
            }
            for row in left.rows {
                let id = String::from_utf8(row.key).ok();
                if let Some(id) = id.and_then(|id| CustomerId::new(&id).ok()) {
                    self.sweep_erased(&ctx, &id, &mut ErasedCustomer::default())
                        .await?;
                }
            }
        }
    }

    async fn sweep_erased(
        &self,
        ctx: &OpContext,
        id: &CustomerId,
        erased: &mut ErasedCustomer,
    ) -> Result<(), StoreError> {
        self.inner.customers.keys.forget(id);
        self.blank_interactions_of(ctx, id, erased).await?;
        erased.cases += self.forget_cases(ctx, id).await?;
        for space in [
            DUE,
            TIMELINE,
            CUSTOMER_SURVEYS,
            CUSTOMER_EVALUATIONS,
            CUSTOMER_HISTORY,
        ] {
            let removed = self.remove_rows(ctx, space, &format!("{id} ")).await?;
            if space == TIMELINE {
                erased.timeline += removed;
            }
        }
        let tx = Tx::new().delete(ERASURES, id.as_str());
        self.store().commit(ctx, tx).await?;
        erased.customers += 1;
        Ok(())
    }

    /// Removes the rows whose keys begin so; how many.
    pub(crate) async fn remove_rows(
        &self,
        ctx: &OpContext,
        space: Space,
        prefix: &str,
    ) -> Result<u64, StoreError> {
        let mut removed = 0;
        loop {
            let scan = Scan::prefix(prefix).limit(AT_ONCE);
            let page = self.store().scan(ctx, space, scan).await?;
            if page.rows.is_empty() {
                return Ok(removed);
            }
            removed += page.rows.len() as u64;
            let tx = page
                .rows
                .into_iter()
                .fold(Tx::new(), |tx, row| tx.delete(space, row.key));
            self.store().commit(ctx, tx).await?;
        }
    }

    /// Takes recordings, attachments and messages away, and what rows of interactions say of the person.
    async fn blank_interactions_of(
        &self,
        ctx: &OpContext,
        id: &CustomerId,
        erased: &mut ErasedCustomer,
    ) -> Result<(), StoreError> {
        let (prefix, mut cursor) = (format!("{id} "), None);
        loop {
            let scan = Scan::prefix(prefix.clone()).limit(AT_ONCE).after(cursor);
            let page = self.store().scan(ctx, CUSTOMER_HISTORY, scan).await?;
            for row in page.rows {
                let interaction = String::from_utf8_lossy(&row.key[prefix.len()..]).into_owned();
                let Ok(interaction) = interaction.parse::<InteractionId>() else {
                    continue;
                };
                let key = interaction.to_string();
                let Some(row) = self.store().get(ctx, INTERACTIONS, key.as_bytes()).await? else {
                    continue;
                };
                let it: Interaction = self.opener(ctx).open(&row.value).await?;
                if let Some(recording) = &it.recording
                    && self.store().blobs().delete(ctx, recording.digest).await?
                {
                    erased.recordings += 1;
                }
                erased.attachments += self.forget_attachments(ctx, &key).await?;
                self.forget_assistances(ctx, &key).await?;
                self.remove_rows(ctx, MESSAGES, &format!("{interaction} "))
                    .await?;
                let tx = Tx::new().check(INTERACTIONS, key.as_bytes(), row.version).put(
                    INTERACTIONS,
                    key.as_bytes(),
                    blank_interaction(&row.value)?,
                );
                self.store().commit(ctx, tx).await?;
            }
            cursor = page.next;
            if cursor.is_none() {
                return Ok(());
            }
        }
    }
}
