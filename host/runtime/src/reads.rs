//! What a plugin may ask while it decides, for one tenant, one binding and one customer.

use std::sync::Arc;
use std::time::Duration;

use jackfield_contact::decision::{
    AgentOutcomes, Customer, EvaluationRecord, Message, PastInteraction, QueueStatus, SurveyRecord, Tag,
};
use jackfield_sandbox::{ReadError, Reads};
use jackfield_types::{
    AgentId, Channel, CustomerId, ExtensionPoint, InteractionId, OpContext, QueueId, Timestamp,
};
use tokio::runtime::Handle;

use crate::SubmitError;
use crate::decide::{KV, kv_key};
use crate::tenant::Tenant;

/// A plugin has milliseconds; a loop that is committing is not waited for.
const PATIENCE: Duration = Duration::from_millis(8);

pub(crate) struct TenantReads {
    tenant: Tenant,
    ctx: OpContext,
    point: ExtensionPoint,
    interaction: Option<InteractionId>,
    customer: Option<CustomerId>,
    now: Timestamp,
    handle: Handle,
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
        }
    }

    /// On the blocking thread of the decision.
    fn wait<T>(&self, work: impl Future<Output = Result<T, SubmitError>>) -> Result<T, ReadError> {
        self.handle
            .block_on(async { tokio::time::timeout(PATIENCE, work).await })
            .map_err(|_| ReadError::unavailable("the host is busy; try again with the next decision"))?
            .map_err(|error| ReadError::unavailable(&error.to_string()))
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

impl Reads for TenantReads {
    fn customer(&self) -> Result<Option<Customer>, ReadError> {
        let Some(id) = &self.customer else { return Ok(None) };
        let row = self.wait(self.tenant.customer(&self.ctx, id))?;
        Ok(row.map(|row| with_live_tags(row.customer, self.now)))
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
            Ok(row.map_or_else(Vec::new, |row| with_live_tags(row.customer, self.now).tags))
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
