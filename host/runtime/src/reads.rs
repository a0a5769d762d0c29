//! What a plugin may ask while it decides, for one tenant, one binding and one customer.

use std::sync::Arc;
use std::time::Duration;

use jackfield_contact::decision::{
    AgentOutcomes, Customer, EvaluationRecord, KnowledgeEntry, KnowledgeHit, KnowledgeQuery, Message,
    PastInteraction, QueueStatus, SurveyRecord, Tag,
};
use jackfield_sandbox::{ReadError, Reads};
use jackfield_types::{
    AgentId, Channel, CustomerId, ExtensionPoint, InteractionId, OpContext, PluginKind, QueueId, Timestamp,
};
use tokio::runtime::Handle;

use crate::SubmitError;
use crate::customers::CustomerRow;
use crate::decide::{KV, kv_key};
use crate::knowledge::{Audience, KnowledgeSearch};
use crate::tenant::Tenant;

/// A plugin has milliseconds; a loop that is committing is not waited for.
const PATIENCE: Duration = Duration::from_millis(8);
/// In a run over all customers a read that fails would leave somebody out.
const LONG_PATIENCE: Duration = Duration::from_secs(2);
/// A search reads a file that may not be in memory yet; whoever asks has five times as much wall time as processor time.
const SEARCH_PATIENCE: Duration = Duration::from_millis(50);

pub(crate) struct TenantReads {
    tenant: Tenant,
    ctx: OpContext,
    point: ExtensionPoint,
    interaction: Option<InteractionId>,
    customer: Option<CustomerId>,
    now: Timestamp,
    handle: Handle,
    patience: Duration,
}

impl TenantReads {
    pub(crate) fn new(
        tenant: Tenant,
        point: ExtensionPoint,
        interaction: Option<InteractionId>,
        customer: Option<CustomerId>,
        now: Timestamp,
    ) -> Self {
        let ctx = OpContext::system(tenant.id().clone(), "plugin");
        Self {
            tenant,
            ctx,
            point,
            interaction,
            customer,
            now,
            handle: Handle::current(),
            patience: PATIENCE,
        }
    }

    /// For decisions that nobody waits for.
    pub(crate) fn patient(mut self) -> Self {
        self.patience = LONG_PATIENCE;
        self
    }

    /// On the blocking thread of the decision.
    fn wait<T>(&self, work: impl Future<Output = Result<T, SubmitError>>) -> Result<T, ReadError> {
        self.wait_for(self.patience, work)
    }

    fn wait_for<T, E: std::fmt::Display>(
        &self,
        patience: Duration,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, ReadError> {
        self.handle
            .block_on(async { tokio::time::timeout(patience, work).await })
            .map_err(|_| ReadError::unavailable("the host is busy; try again with the next decision"))?
            .map_err(|error| ReadError::unavailable(&error.to_string()))
    }

    /// A customer as plugins see it at a moment: with the tags that hold, and those that say in which segments it is.
    pub(crate) fn seen(&self, row: &CustomerRow, now: Timestamp) -> Result<Customer, ReadError> {
        let mut seen = with_live_tags(row.customer.clone(), now);
        if self.tenant.inner.customers.segments.shows_any() {
            seen.tags.extend(self.wait(self.segment_tags(&row.customer.id))?);
        }
        Ok(seen)
    }

    async fn segment_tags(&self, customer: &CustomerId) -> Result<Vec<Tag>, SubmitError> {
        if !self.tenant.inner.customers.segments.shows_any() {
            return Ok(Vec::new());
        }
        self.tenant.segment_tags(&self.ctx, customer, self.now).await
    }

    fn listed<T>(
        &self,
        list: impl AsyncFnOnce(&CustomerId) -> Result<Vec<T>, SubmitError>,
    ) -> Result<Vec<T>, ReadError> {
        match &self.customer {
            Some(customer) => self.wait(list(customer)),
            None => Ok(Vec::new()),
        }
    }
}

impl TenantReads {
    /// What the plugin may find: what is for agents when it assists one, else what is for bots; of conversations of the
    /// queue, when this one has been in any.
    fn looking(&self, query: KnowledgeQuery) -> Result<KnowledgeSearch, ReadError> {
        let queue = match self.interaction {
            Some(id) => self.wait(
                self.tenant
                    .read(move |centre| centre.interaction(id).and_then(|it| it.queue.clone())),
            )?,
            None => None,
        };
        Ok(KnowledgeSearch {
            text: query.text,
            audience: match self.point.kind() {
                PluginKind::AgentAssist => Audience::Agents,
                _ => Audience::Bots,
            },
            queues: Some(queue.into_iter().collect()),
            language: query.language,
            category: None,
            kind: query.kind,
            at: self.now,
            limit: query.limit,
        })
    }
}

impl Reads for TenantReads {
    fn knowledge_search(&self, query: &KnowledgeQuery) -> Result<Vec<KnowledgeHit>, ReadError> {
        let search = self.looking(query.clone())?;
        let found = self.wait_for(SEARCH_PATIENCE, self.tenant.search_knowledge(&self.ctx, &search))?;
        let hits = found.into_iter().map(|found| KnowledgeHit {
            snippet: found.snippet().into(),
            id: found.entry.id,
            kind: found.entry.kind,
            title: found.entry.title,
            language: found.entry.language,
            score: found.score,
        });
        Ok(hits.collect())
    }

    fn knowledge_entry(&self, id: &str) -> Result<Option<KnowledgeEntry>, ReadError> {
        let search = self.looking(KnowledgeQuery {
            text: "".into(),
            language: None,
            kind: None,
            limit: 1,
        })?;
        let found = self.wait_for(PATIENCE, self.tenant.visible_entry(&self.ctx, id, &search))?;
        Ok(found.map(|(entry, ..)| entry))
    }

    fn customer(&self) -> Result<Option<Customer>, ReadError> {
        let Some(id) = &self.customer else { return Ok(None) };
        let row = self.wait(self.tenant.customer(&self.ctx, id))?;
        row.map(|row| self.seen(&row, self.now)).transpose()
    }

    fn history(&self, limit: usize) -> Result<Vec<PastInteraction>, ReadError> {
        self.listed(async |customer| self.tenant.customer_history(&self.ctx, customer, limit).await)
    }

    fn surveys(&self, limit: usize) -> Result<Vec<SurveyRecord>, ReadError> {
        self.listed(async |customer| self.tenant.customer_surveys(&self.ctx, customer, limit).await)
    }

    fn evaluations(&self, limit: usize) -> Result<Vec<EvaluationRecord>, ReadError> {
        self.listed(async |customer| self.tenant.customer_evaluations(&self.ctx, customer, limit).await)
    }

    fn messages(&self, after: u32, limit: usize) -> Result<Vec<Message>, ReadError> {
        let Some(interaction) = self.interaction else {
            return Ok(Vec::new());
        };
        let found = self.wait(self.tenant.messages(&self.ctx, interaction, after, limit))?;
        Ok(found.into_iter().map(|stored| stored.message).collect())
    }

    fn queue_status(&self, id: &str) -> Result<Option<QueueStatus>, ReadError> {
        let Ok(queue) = QueueId::new(id) else {
            return Ok(None);
        };
        let now = self.now;
        let entry = match &self.point {
            ExtensionPoint::Chat(entry) => Some(entry.clone()),
            _ => None,
        };
        self.wait(self.tenant.read(move |centre| {
            let entry = entry.and_then(|entry| centre.chat_entry(&entry));
            let channel = entry.map_or(Channel::Voice, |entry| entry.channel);
            centre.queue_status(&queue, channel, now)
        }))
    }

    fn kv_get(&self, key: &str) -> Result<Option<Vec<u8>>, ReadError> {
        let key = kv_key(&self.point, key);
        let store = &self.tenant.inner.shared.store;
        let row = self.wait(async { Ok(store.get(&self.ctx, KV, &key).await?) })?;
        Ok(row.map(|row| row.value))
    }

    fn customer_tags(&self, interaction: InteractionId) -> Result<Vec<Tag>, ReadError> {
        let work = async {
            let it = self.tenant.interaction(&self.ctx, interaction).await?;
            let Some(customer) = it.and_then(|it| it.customer) else {
                return Ok(Vec::new());
            };
            let row = self.tenant.customer(&self.ctx, &customer).await?;
            let Some(row) = row else { return Ok(Vec::new()) };
            let mut tags = with_live_tags(row.customer, self.now).tags;
            tags.extend(self.segment_tags(&customer).await?);
            Ok(tags)
        };
        self.wait(work)
    }

    fn outcomes(&self, agents: &[&AgentId], reasons: &[Arc<str>]) -> Result<Vec<AgentOutcomes>, ReadError> {
        self.wait(self.tenant.outcomes(&self.ctx, agents, reasons))
    }
}

fn with_live_tags(mut customer: Customer, now: Timestamp) -> Customer {
    customer
        .tags
        .retain(|tag| tag.expires_at.is_none_or(|at| at > now));
    customer
}
