//! How long customers of written conversations waited for answers.

use std::collections::BTreeMap;
use std::sync::Arc;

use jackfield_contact::event::Event;
use jackfield_contact::interaction::Interaction;
use jackfield_store::{Scan, Space};
use jackfield_types::{
    AgentId, ChatEntryId, CustomerId, InteractionId, OpContext, QueueId, SegmentId, Timestamp, limits,
};
use serde::{Deserialize, Serialize};

use crate::history::decode;
use crate::segments::Segment;
use crate::tenant::Tenant;
use crate::{CustomerError, SubmitError, clock};

/// Keys `{at} {interaction} {message}`, the time in milliseconds with 15 digits.
pub(crate) const RESPONSES: Space = Space::new("responses");

/// One answer of an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ResponseRow {
    ms: u64,
    /// Whether it was the first of the conversation.
    first: bool,
    agent: Option<AgentId>,
    queue: Option<QueueId>,
    entry: ChatEntryId,
}

/// The row of an event that is an agent's answer.
pub(crate) fn row(at: Timestamp, event: &Event, it: &Interaction) -> Option<(String, ResponseRow)> {
    let Event::MessageSent {
        message,
        response_ms: Some(ms),
        first_response,
        ..
    } = event
    else {
        return None;
    };
    let row = ResponseRow {
        ms: *ms,
        first: *first_response,
        agent: it.agent.clone(),
        queue: it.queue.clone(),
        entry: it.chat.as_ref()?.entry.clone(),
    };
    Some((format!("{:015} {} {:010}", at.0, it.id, message.number), row))
}

/// Which answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResponseQuery {
    /// From here on.
    pub from: Timestamp,
    /// Up to here, not included.
    pub to: Timestamp,
    /// Of conversations that last waited in this queue.
    pub queue: Option<QueueId>,
    /// Of this agent.
    pub agent: Option<AgentId>,
    /// Of conversations that came through this entry.
    pub entry: Option<ChatEntryId>,
    /// Of customers who are in this segment at the moment of the report.
    pub segment: Option<SegmentId>,
    /// What counts as in time, in milliseconds.
    pub within_ms: u64,
}

impl ResponseQuery {
    fn fits(&self, row: &ResponseRow) -> bool {
        fn is<T: PartialEq>(wanted: Option<&T>, found: Option<&T>) -> bool {
            wanted.is_none() || wanted == found
        }
        is(self.queue.as_ref(), row.queue.as_ref())
            && is(self.agent.as_ref(), row.agent.as_ref())
            && is(self.entry.as_ref(), Some(&row.entry))
    }
}

/// How long customers waited.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Distribution {
    /// How many answers.
    pub count: u64,
    /// Arithmetic mean in milliseconds.
    pub mean_ms: f64,
    /// Half were answered within so many milliseconds (nearest rank), and so on.
    pub p50_ms: u64,
    /// Nine of ten.
    pub p90_ms: u64,
    /// Nineteen of twenty.
    pub p95_ms: u64,
    /// The longest.
    pub max_ms: u64,
    /// The share that was in time, 0 to 1.
    pub in_time: f64,
}

/// How long customers waited for the first answer, and for every one.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ResponseReport {
    /// From the first unanswered message, or being put into a queue, to the first answer of an agent.
    pub first: Distribution,
    /// Over all turns, the first included.
    pub turns: Distribution,
    /// Whether there were more answers than one report looks at ([`limits::MAX_RESPONSES`]), or with a segment more
    /// conversations ([`limits::MAX_SEGMENT_LOOKED_AT`]): then it tells of the oldest.
    pub cut: bool,
}

impl Distribution {
    fn of(mut waits: Vec<u64>, within_ms: u64) -> Self {
        waits.sort_unstable();
        let (Some(max_ms), count) = (waits.last().copied(), waits.len()) else {
            return Self::default();
        };
        let rank = |share: f64| waits[((share * count as f64).ceil() as usize).clamp(1, count) - 1];
        let in_time = waits.iter().filter(|ms| **ms <= within_ms).count();
        Self {
            count: count as u64,
            mean_ms: waits.iter().sum::<u64>() as f64 / count as f64,
            p50_ms: rank(0.5),
            p90_ms: rank(0.9),
            p95_ms: rank(0.95),
            max_ms,
            in_time: in_time as f64 / count as f64,
        }
    }
}

/// Which conversations are with customers of a segment, as far as was asked.
struct Members {
    segment: Arc<Segment>,
    now: Timestamp,
    conversations: BTreeMap<InteractionId, bool>,
    customers: BTreeMap<CustomerId, bool>,
}

impl Members {
    fn of(segment: Arc<Segment>) -> Self {
        Self {
            segment,
            now: clock::now(),
            conversations: BTreeMap::new(),
            customers: BTreeMap::new(),
        }
    }

    fn is_full(&self) -> bool {
        self.conversations.len() >= limits::MAX_SEGMENT_LOOKED_AT
    }

    /// Whether the conversation of a row is with one of them; a customer who was erased is in no segment.
    async fn has(&mut self, tenant: &Tenant, ctx: &OpContext, key: &[u8]) -> Result<bool, SubmitError> {
        let id = std::str::from_utf8(key)
            .ok()
            .and_then(|key| key.split(' ').nth(1));
        let Some(id) = id.and_then(|id| id.parse().ok()) else {
            return Ok(false);
        };
        if let Some(known) = self.conversations.get(&id) {
            return Ok(*known);
        }
        let interaction = tenant.interaction(ctx, id).await?;
        let within = match interaction.and_then(|it| it.customer) {
            None => false,
            Some(customer) => match self.customers.get(&customer) {
                Some(known) => *known,
                None => {
                    let wanted = [self.segment.clone()].into_iter();
                    let found = tenant.segments_among(ctx, wanted, &customer, self.now).await?;
                    self.customers.insert(customer, !found.is_empty());
                    !found.is_empty()
                }
            },
        };
        self.conversations.insert(id, within);
        Ok(within)
    }
}

impl Tenant {
    /// How long customers of written conversations waited for answers.
    ///
    /// # Errors
    /// [`CustomerError::Unknown`] when there is no such segment; when the store refuses.
    pub async fn responses(
        &self,
        ctx: &OpContext,
        query: &ResponseQuery,
    ) -> Result<ResponseReport, CustomerError> {
        let segment = query.segment.as_ref().map(|id| self.segment(id)).transpose()?;
        let mut members = segment.map(Members::of);
        let key = |at: Timestamp| format!("{:015}", at.0).into_bytes();
        let mut after = Some(key(query.from));
        let (mut first, mut turns, mut looked_at) = (Vec::new(), Vec::new(), 0);
        let mut cut = false;
        'pages: while let Some(cursor) = after.take() {
            let scan = Scan::all().after(Some(cursor));
            let page = self.inner.shared.store.scan(ctx, RESPONSES, scan).await?;
            for found in &page.rows {
                if found.key >= key(query.to) {
                    break 'pages;
                }
                let row: ResponseRow = decode(&found.value)?;
                if !query.fits(&row) {
                    continue;
                }
                if let Some(members) = &mut members {
                    if members.is_full() {
                        cut = true;
                        break 'pages;
                    }
                    if !members.has(self, ctx, &found.key).await? {
                        continue;
                    }
                }
                turns.push(row.ms);
                first.extend(row.first.then_some(row.ms));
            }
            looked_at += page.rows.len();
            cut = looked_at >= limits::MAX_RESPONSES && page.next.is_some();
            after = page.next.filter(|_| !cut);
        }
        Ok(ResponseReport {
            first: Distribution::of(first, query.within_ms),
            turns: Distribution::of(turns, query.within_ms),
            cut,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distribution_is_by_nearest_rank() {
        assert_eq!(Distribution::of(vec![], 15_000), Distribution::default());
        let told = Distribution::of((1..=20).rev().map(|s| s * 1_000).collect(), 15_000);
        assert_eq!(
            (told.count, told.p50_ms, told.p90_ms, told.p95_ms),
            (20, 10_000, 18_000, 19_000)
        );
        assert_eq!(
            (told.max_ms, told.in_time, told.mean_ms),
            (20_000, 0.75, 10_500.0)
        );
    }
}
