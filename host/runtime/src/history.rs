//! What has been: journal entries, interactions and customers as stored.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jackfield_contact::decision::{EvaluationRecord, PastInteraction, SurveyRecord};
use jackfield_contact::event::{Event, Recorded};
use jackfield_contact::interaction::{Interaction, Stage};
use jackfield_store::{Scan, Space, Tx};
use jackfield_types::{AgentId, CustomerId, InteractionId, OpContext, QueueId, Timestamp, limits};
use serde::{Deserialize, Serialize};

use crate::SubmitError;
use crate::centre_loop::JOURNAL;
use crate::customers::Opener;
use crate::tenant::Tenant;

pub(crate) const INTERACTIONS: Space = Space::new("interactions");
/// Which journal entries tell of an interaction: key `{interaction} {seq}`; in the value, as JSON, the others of its commit,
/// when there are any.
const INTERACTION_EVENTS: Space = Space::new("interaction-events");
/// Entries of one interaction that are told at once.
const MAX_INTERACTION_EVENTS: usize = 1_000;

/// Adds to a commit which interactions its entries tell of.
pub(crate) fn index_events(entries: &[Arc<JournalEntry>], mut tx: Tx) -> Tx {
    let mut of: BTreeMap<InteractionId, Vec<u64>> = BTreeMap::new();
    for entry in entries {
        if let Some(id) = entry.recorded.event.interaction() {
            of.entry(id).or_default().push(entry.seq);
        }
    }
    for (id, seqs) in of {
        let Some((first, others)) = seqs.split_first() else {
            continue;
        };
        let others = match others {
            [] => Vec::new(),
            others => serde_json::to_vec(others).unwrap_or_default(),
        };
        tx = tx.put(INTERACTION_EVENTS, format!("{id} {first:020}"), others);
    }
    tx
}

/// Keys `{customer} {interaction}…`.
pub(crate) const CUSTOMER_HISTORY: Space = Space::new("customer-history");
pub(crate) const CUSTOMER_SURVEYS: Space = Space::new("customer-surveys");
pub(crate) const CUSTOMER_EVALUATIONS: Space = Space::new("customer-evaluations");

/// Rows looked at for one page of a filtered list; a page may be short, and its cursor goes on.
const MAX_LOOKED_AT: usize = 5_000;

/// One entry of a tenant's journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JournalEntry {
    /// Counts up from 0 without a gap.
    pub seq: u64,
    /// What happened, and when.
    #[serde(flatten)]
    pub recorded: Recorded,
}

/// Which interactions are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InteractionFilter {
    /// Only those that go on (`true`) or have ended (`false`).
    pub live: Option<bool>,
    /// Only those that last waited in this queue.
    pub queue: Option<QueueId>,
    /// Only those that this agent last talked in.
    pub agent: Option<AgentId>,
    /// Only those of this customer, by id or address, and of those that were merged into it.
    pub customer: Option<CustomerId>,
    /// Only those that began then or later.
    pub since: Option<Timestamp>,
}

impl InteractionFilter {
    fn fits(&self, it: &Interaction, customers: &BTreeSet<CustomerId>) -> bool {
        self.live.is_none_or(|live| live == (it.stage != Stage::Ended))
            && self
                .queue
                .as_ref()
                .is_none_or(|queue| it.queue.as_ref() == Some(queue))
            && self
                .agent
                .as_ref()
                .is_none_or(|agent| it.agent.as_ref() == Some(agent))
            && (self.customer.is_none() || it.customer.as_ref().is_some_and(|id| customers.contains(id)))
            && self.since.is_none_or(|since| it.started_at >= since)
    }
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<String>,
}

impl Tenant {
    pub(crate) fn opener<'a>(&'a self, ctx: &'a OpContext) -> Opener<'a> {
        Opener::new(self.store(), ctx, &self.inner.customers.keys)
    }

    /// Journal entries from a number on, oldest first, at most `limit` and 1,000.
    pub async fn journal(
        &self,
        ctx: &OpContext,
        from: u64,
        limit: usize,
    ) -> Result<Vec<JournalEntry>, SubmitError> {
        let page = self.store().read_stream(ctx, JOURNAL, from, limit).await?;
        let mut opener = self.opener(ctx);
        let mut entries = Vec::with_capacity(page.len());
        for (seq, bytes) in page {
            let recorded = opener.open(&bytes).await?;
            entries.push(JournalEntry { seq, recorded });
        }
        Ok(entries)
    }

    /// The number of the journal's next entry.
    pub async fn journal_len(&self, ctx: &OpContext) -> Result<u64, SubmitError> {
        Ok(self.store().stream_len(ctx, JOURNAL).await?)
    }

    /// Interactions, newest first.
    pub async fn interactions(
        &self,
        ctx: &OpContext,
        filter: &InteractionFilter,
        cursor: Option<String>,
        limit: usize,
    ) -> Result<Listing<Interaction>, SubmitError> {
        let limit = limit.clamp(1, limits::MAX_PAGE);
        let customers = match &filter.customer {
            Some(customer) => self.ids_of(ctx, customer).await?,
            None => BTreeSet::new(),
        };
        let mut cursor = cursor.map(String::into_bytes);
        let (mut items, mut looked_at) = (Vec::new(), 0);
        let mut opener = self.opener(ctx);
        loop {
            let scan = Scan::all().reverse().after(cursor.take()).limit(limit);
            let page = self.store().scan(ctx, INTERACTIONS, scan).await?;
            looked_at += page.rows.len();
            for row in page.rows {
                let it: Interaction = opener.open(&row.value).await?;
                if filter.since.is_some_and(|since| it.started_at < since) {
                    return Ok(Listing { items, next: None });
                }
                if filter.fits(&it, &customers) {
                    items.push(it);
                }
                if items.len() == limit {
                    return Ok(Listing {
                        items,
                        next: Some(text(row.key)),
                    });
                }
            }
            match page.next {
                Some(next) if looked_at < MAX_LOOKED_AT => cursor = Some(next),
                next => {
                    return Ok(Listing {
                        items,
                        next: next.map(text),
                    });
                }
            }
        }
    }

    /// One interaction, live or ended.
    pub async fn interaction(
        &self,
        ctx: &OpContext,
        interaction: InteractionId,
    ) -> Result<Option<Interaction>, SubmitError> {
        let row = self
            .store()
            .get(ctx, INTERACTIONS, interaction.to_string().as_bytes())
            .await?;
        match row {
            Some(row) => Ok(Some(self.opener(ctx).open(&row.value).await?)),
            None => Ok(None),
        }
    }

    /// What the journal tells of an interaction, oldest first, at most 1,000 entries.
    pub async fn interaction_events(
        &self,
        ctx: &OpContext,
        interaction: InteractionId,
    ) -> Result<Vec<JournalEntry>, SubmitError> {
        let page = self
            .store()
            .scan(ctx, INTERACTION_EVENTS, Scan::prefix(format!("{interaction} ")))
            .await?;
        let mut seqs: Vec<u64> = Vec::with_capacity(page.rows.len());
        for row in page.rows {
            let key = text(row.key);
            seqs.extend(key.rsplit(' ').next().and_then(|seq| seq.parse::<u64>().ok()));
            if !row.value.is_empty() {
                seqs.extend(decode::<Vec<u64>>(&row.value)?);
            }
        }
        seqs.truncate(MAX_INTERACTION_EVENTS);
        let mut entries = Vec::with_capacity(seqs.len());
        let mut opener = self.opener(ctx);
        for seq in seqs {
            for (seq, bytes) in self.store().read_stream(ctx, JOURNAL, seq, 1).await? {
                let recorded = opener.open(&bytes).await?;
                entries.push(JournalEntry { seq, recorded });
            }
        }
        Ok(entries)
    }

    /// A customer's finished interactions, newest first.
    pub async fn customer_history(
        &self,
        ctx: &OpContext,
        customer: &CustomerId,
        limit: usize,
    ) -> Result<Vec<PastInteraction>, SubmitError> {
        self.of_customer(ctx, CUSTOMER_HISTORY, customer, limit).await
    }

    /// A customer's survey answers, newest first.
    pub async fn customer_surveys(
        &self,
        ctx: &OpContext,
        customer: &CustomerId,
        limit: usize,
    ) -> Result<Vec<SurveyRecord>, SubmitError> {
        self.of_customer(ctx, CUSTOMER_SURVEYS, customer, limit).await
    }

    /// Evaluations of a customer's interactions, newest first.
    pub async fn customer_evaluations(
        &self,
        ctx: &OpContext,
        customer: &CustomerId,
        limit: usize,
    ) -> Result<Vec<EvaluationRecord>, SubmitError> {
        self.of_customer(ctx, CUSTOMER_EVALUATIONS, customer, limit).await
    }

    async fn of_customer<T: serde::de::DeserializeOwned>(
        &self,
        ctx: &OpContext,
        space: Space,
        customer: &CustomerId,
        limit: usize,
    ) -> Result<Vec<T>, SubmitError> {
        let mut rows = Vec::new();
        for id in self.ids_of(ctx, customer).await? {
            let prefix = format!("{id} ");
            let scan = Scan::prefix(prefix.clone()).reverse().limit(limit);
            let page = self.store().scan(ctx, space, scan).await?;
            rows.extend(
                page.rows
                    .into_iter()
                    .map(|row| (row.key[prefix.len()..].to_vec(), row.value)),
            );
        }
        // What follows the customer in a key is the interaction, whose id sorts by time.
        rows.sort_by(|one, other| other.0.cmp(&one.0));
        rows.iter().take(limit).map(|(_, row)| decode(row)).collect()
    }
}

/// Whether an event changes what the `interactions` table says.
pub(crate) fn changes_interaction(event: &Event) -> Option<InteractionId> {
    match event {
        Event::FlowDecided { .. }
        | Event::ChatDecided { .. }
        | Event::ChatContinued { .. }
        | Event::ChatSkipped { .. }
        | Event::MessageDelivery { .. }
        | Event::AttachmentFetched { .. }
        | Event::AttachmentOpened { .. }
        | Event::DecisionFailed { .. }
        | Event::PromptFailed { .. } => None,
        other => other.interaction(),
    }
}

fn text(key: Vec<u8>) -> String {
    String::from_utf8_lossy(&key).into_owned()
}

pub(crate) fn decode<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, SubmitError> {
    serde_json::from_slice(bytes)
        .map_err(|error| SubmitError::Unavailable(format!("a stored record can't be read: {error}")))
}
