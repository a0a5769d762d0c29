//! Carries messages out: a task for each channel, which keeps to the order within a conversation and makes a few requests
//! at once, so that a customer whose provider hangs delays nobody else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jackfield_contact::decision::{
    Answer, Author, Conclusion, ConnectorAnswer, ConnectorQuestion, Delivery, Failure, FieldValue, Method,
    OutgoingMessage, ProviderRequest, ProviderResponse, Question, ReceivedAttachment,
};
use jackfield_contact::input::Input;
use jackfield_contact::interaction::Interaction;
use jackfield_store::{Scan, Tx};
use jackfield_types::{ConnectorId, InteractionId, OpContext, Timestamp, limits};
use tokio::task::JoinSet;

use super::http::{Incoming, Outgoing, form, host_of};
use super::outbox::{
    DELIVERIES, DeliveryState, MessageDelivery, OUTBOX, StoredDelivery, Waiting, delivery_key, json,
    outbox_key,
};
use super::{Channel, SEEN_SWEEP_MS, sweep};
use crate::attachments::link_path;
use crate::cases::NoticeEnd;
use crate::chats::StoredMessage;
use crate::customers::CustomerError;
use crate::decide::decide_once;
use crate::tenant::Tenant;
use crate::{SubmitError, clock};

/// The longest pause between two tries.
pub(super) const MAX_PAUSE_MS: u64 = 10 * 60 * 1_000;
/// How long the store, or the tenant's inbox, is left alone when it refuses.
pub(super) const PAUSE: Duration = Duration::from_millis(500);
/// Earlier messages among which the one that is answered is looked for.
const LOOKED_BACK: u32 = 20;

/// What came of one try.
pub(super) enum Tried {
    /// The provider has it; with its id.
    Sent(Option<Arc<str>>),
    /// Not now: a code, and for the log what is behind it, with a colon between. The same of `Failed`.
    Later(String),
    /// Never.
    Failed(String),
    /// Either, with what the provider said in words that may be shown.
    Said {
        /// Whether it is tried again.
        again: bool,
        /// A code.
        code: String,
        /// What the provider said.
        words: String,
    },
}

/// Carries out what waits in a channel, until the channel is removed or the tenant's loop has stopped.
pub(super) fn begin(tenant: Tenant, channel: &Arc<Channel>) {
    let deliverer = Deliverer {
        ctx: OpContext::system(tenant.id().clone(), "channel"),
        tenant: Arc::downgrade(&tenant.inner),
        id: channel.id.clone(),
        live: channel.live.clone(),
        waiting: BTreeMap::new(),
        read_to: None,
    };
    tokio::spawn(deliverer.run());
}

struct Deliverer {
    ctx: OpContext,
    tenant: std::sync::Weak<crate::tenant::Inner>,
    id: ConnectorId,
    live: Arc<super::Live>,
    /// By the number of their journal entries, which is the order in which they were written.
    waiting: BTreeMap<u64, Waiting>,
    /// The key of the last row that was read.
    read_to: Option<Vec<u8>>,
}

impl Deliverer {
    async fn run(mut self) {
        let mut tries = JoinSet::new();
        let mut under_way = BTreeSet::new();
        let mut swept_at = Timestamp::default();
        loop {
            let Some(inner) = self.tenant.upgrade() else {
                return;
            };
            let tenant = Tenant { inner };
            if self.live.removed.load(Ordering::Relaxed) || tenant.inner.inbox.is_closed() {
                return;
            }
            let mut again = None;
            if let Err(error) = self.read(&tenant).await {
                tracing::warn!(tenant = %tenant.id(), channel = %self.id, %error, "the outbox is read later");
                again = Some(PAUSE);
            }
            let now = clock::now();
            if now.since(swept_at) >= SEEN_SWEEP_MS {
                swept_at = now;
                sweep(&tenant, &self.ctx, &self.id, now).await;
            }
            if let Some(channel) = tenant
                .inner
                .channels
                .get(&self.id)
                .filter(|channel| channel.settings.enabled)
            {
                let due = self.begin_due(&tenant, &channel, now, &mut under_way, &mut tries);
                again = again.or(due);
            }
            self.live.waiting.store(self.waiting.len(), Ordering::Relaxed);
            drop(tenant);
            let again = again.unwrap_or(Duration::from_millis(SEEN_SWEEP_MS));
            tokio::select! {
                Some(done) = tries.join_next() => {
                    if let Ok((seq, outcome)) = done {
                        under_way.remove(&seq);
                        match outcome {
                            Some(due) => if let Some(waiting) = self.waiting.get_mut(&seq) {
                                waiting.attempts += 1;
                                waiting.due = due;
                            },
                            None => drop(self.waiting.remove(&seq)),
                        }
                    }
                }
                () = self.live.wake.notified() => {}
                () = tokio::time::sleep(again) => {}
            }
        }
    }

    /// Reads what is new in the outbox, as much as there is room for.
    async fn read(&mut self, tenant: &Tenant) -> Result<(), jackfield_store::Error> {
        while self.waiting.len() < limits::MAX_OUTBOX {
            let scan = Scan::prefix(format!("{} ", self.id))
                .after(self.read_to.clone())
                .limit(limits::MAX_PAGE);
            let page = tenant.inner.shared.store.scan(&self.ctx, OUTBOX, scan).await?;
            let Some(last) = page.rows.last() else { break };
            self.read_to = Some(last.key.clone());
            for row in page.rows {
                let seq = String::from_utf8_lossy(&row.key)
                    .rsplit(' ')
                    .next()
                    .and_then(|seq| seq.parse().ok());
                if let (Some(seq), Ok(waiting)) = (seq, serde_json::from_slice(&row.value)) {
                    self.waiting.insert(seq, waiting);
                }
            }
            if page.next.is_none() {
                break;
            }
        }
        Ok(())
    }

    /// Begins what is due, the first of each conversation; answers when the next one is.
    fn begin_due(
        &self,
        tenant: &Tenant,
        channel: &Arc<Channel>,
        now: Timestamp,
        under_way: &mut BTreeSet<u64>,
        tries: &mut JoinSet<(u64, Option<Timestamp>)>,
    ) -> Option<Duration> {
        let mut conversations: BTreeSet<InteractionId> = BTreeSet::new();
        let mut next: Option<Timestamp> = None;
        let most = usize::try_from(channel.settings.concurrency).unwrap_or(1);
        for (seq, waiting) in &self.waiting {
            if under_way.len() >= most {
                return None;
            }
            if !conversations.insert(waiting.interaction) || under_way.contains(seq) {
                continue;
            }
            if waiting.due > now {
                next = Some(next.map_or(waiting.due, |next| next.min(waiting.due)));
                continue;
            }
            under_way.insert(*seq);
            let attempt = Attempt {
                tenant: tenant.clone(),
                ctx: self.ctx.clone(),
                channel: channel.clone(),
                seq: *seq,
                waiting: waiting.clone(),
            };
            tries.spawn(attempt.run());
        }
        next.map(|next| Duration::from_millis(next.since(now).max(1)))
    }
}

pub(super) struct Attempt {
    pub(super) tenant: Tenant,
    pub(super) ctx: OpContext,
    pub(super) channel: Arc<Channel>,
    seq: u64,
    pub(super) waiting: Waiting,
}

impl Attempt {
    /// Tries once and writes down what came of it; when it is to be tried again, if it is.
    async fn run(self) -> (u64, Option<Timestamp>) {
        let live = &self.channel.live;
        live.sending.fetch_add(1, Ordering::Relaxed);
        let tried = match &self.channel.settings.email {
            Some(email) => self.make_mail(email).await,
            None => self.make().await,
        };
        let attempts = self.waiting.attempts + 1;
        let (again, reason, words, provider_id) = match tried {
            Tried::Sent(id) => (false, None, None, id),
            Tried::Failed(reason) => (false, Some(reason), None, None),
            Tried::Later(reason) => (true, Some(reason), None, None),
            Tried::Said { again, code, words } => (again, Some(code), Some(words), None),
        };
        if again && attempts < self.channel.settings.attempts {
            live.sending.fetch_sub(1, Ordering::Relaxed);
            live.concluded.notify_waiters();
            return (self.seq, Some(self.put_off(attempts, reason, words).await));
        }
        let delivery = match reason {
            None => Delivery::Sent,
            Some(_) => Delivery::Failed,
        };
        if let Some(reason) = &reason {
            tracing::warn!(
                tenant = %self.tenant.id(), channel = %self.channel.id, interaction = %self.waiting.interaction,
                number = self.waiting.number, reason, "a message was given up"
            );
        }
        if let Some(code) = &self.waiting.link {
            self.end_link(code, reason.map(|reason| code_of(&reason))).await;
            live.sending.fetch_sub(1, Ordering::Relaxed);
            live.concluded.notify_waiters();
            return (self.seq, None);
        }
        let told = Input::MessageDelivery {
            interaction: self.waiting.interaction,
            number: self.waiting.number,
            delivery,
            attempts: Some(attempts),
            reason: reason.map(|reason| code_of(&reason)),
            words: words.map(Into::into),
            provider_id,
        };
        // Until it is durable the message would be sent again after a crash.
        while let Err(SubmitError::Overloaded) = self.tenant.submit(told.clone()).await {
            tokio::time::sleep(PAUSE).await;
        }
        live.sending.fetch_sub(1, Ordering::Relaxed);
        live.concluded.notify_waiters();
        (self.seq, None)
    }

    /// Writes down what came of a link. Until it is durable it would be sent again after a crash.
    async fn end_link(&self, code: &Arc<str>, failed: Option<Arc<str>>) {
        loop {
            let end = NoticeEnd {
                channel: self.channel.id.clone(),
                seq: self.seq,
                failed: failed.clone(),
            };
            match self.tenant.end_notice(&self.ctx, code, end).await {
                Err(CustomerError::Submit(SubmitError::Overloaded)) => tokio::time::sleep(PAUSE).await,
                _ => return,
            }
        }
    }

    /// Writes down when it is tried again, so that a restart is no reason to hurry.
    async fn put_off(&self, attempts: u32, reason: Option<String>, words: Option<String>) -> Timestamp {
        let pause = self.channel.settings.retry_ms << (attempts - 1).min(20);
        let now = clock::now();
        let due = now + pause.min(MAX_PAUSE_MS);
        let waiting = Waiting {
            attempts,
            due,
            ..self.waiting.clone()
        };
        let delivery = StoredDelivery {
            channel: self.channel.id.clone(),
            seq: self.seq,
            shown: MessageDelivery {
                state: DeliveryState::Queued,
                at: now,
                attempts,
                reason: reason.map(|reason| code_of(&reason).to_string()),
                words,
            },
        };
        let mut tx = Tx::new().put(OUTBOX, outbox_key(&self.channel.id, self.seq), json(&waiting));
        if waiting.link.is_none() {
            let key = delivery_key(waiting.interaction, waiting.number);
            tx = tx.put(DELIVERIES, key, json(&delivery));
        }
        if let Err(error) = self.tenant.inner.shared.store.commit(&self.ctx, tx).await {
            tracing::warn!(tenant = %self.tenant.id(), channel = %self.channel.id, %error, "a pause was not written down");
        }
        due
    }

    async fn make(&self) -> Tried {
        let message = match &self.waiting.link {
            Some(code) => {
                let account = &self.channel.settings.account;
                let message = self.tenant.notice_message(&self.ctx, code, account).await;
                let alone = message.map(|message| message.map(|message| (message, Vec::new())));
                alone.map_err(|error| error.to_string())
            }
            None => self.message().await.map_err(|error| error.to_string()),
        };
        let (mut message, attachments) = match message {
            Ok(Some(message)) => message,
            Ok(None) if self.waiting.link.is_some() => return Tried::Failed("revoked".into()),
            Ok(None) => return Tried::Failed("erased".into()),
            Err(error) => return Tried::Later(format!("unavailable: {error}")),
        };
        if let Err(tried) = self.add_links(&mut message, &attachments).await {
            return tried;
        }
        let id = message.id.clone();
        let request = match self.ask(ConnectorQuestion::Render(message)).await {
            Ok(ConnectorAnswer::Rendered(request)) => request,
            Ok(_) => return Tried::Failed("invalid-answer".into()),
            // The connector may be mended, or another version bound.
            Err(failure) => return Tried::Later(format!("{}: {}", failure.code, failure.message)),
        };
        let request = match self.filled(request).await {
            Ok(request) => request,
            Err(tried) => return tried,
        };
        let Ok(_slot) = self.tenant.inner.channels.slots.acquire().await else {
            return Tried::Later("unavailable: the server is ending".into());
        };
        let response = match self.tenant.inner.shared.providers.send(request).await {
            Ok(response) => response,
            Err(problem) => return Tried::Later(format!("no-response: {problem}")),
        };
        self.concluded(id, response).await
    }

    /// A line for each attachment, with the link that opens it.
    async fn add_links(
        &self,
        message: &mut OutgoingMessage,
        attachments: &[ReceivedAttachment],
    ) -> Result<(), Tried> {
        if attachments.is_empty() {
            return Ok(());
        }
        let origin = self.tenant.link_origin(&self.ctx, &self.channel.id).await;
        let origin = origin.map_err(|error| Tried::Later(format!("unavailable: {error}")))?;
        let Some(origin) = origin else {
            return Err(Tried::Later("no-public-url: set it in /v1/link-settings".into()));
        };
        let mut text = message.text.trim_end().to_owned();
        for attachment in attachments {
            let Some(id) = attachment.id else { continue };
            if !text.is_empty() {
                text.push('\n');
            }
            let path = link_path(&self.tenant, id);
            text.push_str(&format!("{}: {origin}{path}", attachment.name));
        }
        if text.len() > limits::MAX_MESSAGE_BYTES {
            return Err(Tried::Failed("too-long: there is no room for the links".into()));
        }
        message.text = text.into();
        Ok(())
    }

    /// The conversation, and its latest messages up to the one that is to be sent; none when its customer has been erased.
    pub(super) async fn told(&self) -> Result<Option<(Interaction, Vec<StoredMessage>)>, SubmitError> {
        let Waiting {
            interaction, number, ..
        } = self.waiting;
        let it = self.tenant.interaction(&self.ctx, interaction).await?;
        let Some(it) = it else { return Ok(None) };
        if let Some(customer) = &it.customer
            && self.tenant.resolve(&self.ctx, customer).await?.is_none()
        {
            return Ok(None);
        }
        let before = number.saturating_sub(LOOKED_BACK);
        let page = usize::try_from(number - before).unwrap_or(1);
        let messages = self.tenant.messages(&self.ctx, interaction, before, page).await?;
        let is_there = messages.last().is_some_and(|own| own.message.number == number);
        Ok(is_there.then_some((it, messages)))
    }

    /// The message as the connector gets it, and what comes with it; none when its customer has been erased.
    async fn message(&self) -> Result<Option<(OutgoingMessage, Vec<ReceivedAttachment>)>, SubmitError> {
        let Waiting {
            interaction, number, ..
        } = self.waiting;
        let Some((it, mut messages)) = self.told().await? else {
            return Ok(None);
        };
        let Some(own) = messages.pop() else {
            return Ok(None);
        };
        let by_customer = messages
            .iter()
            .rev()
            .find(|said| said.message.author == Author::Customer);
        let message = OutgoingMessage {
            id: format!("{interaction}-{number}").into(),
            sender: self.channel.settings.account.as_str().into(),
            recipient: it.caller.clone(),
            text: own.message.text,
            choices: own
                .choices
                .into_iter()
                .map(|choice| (choice.label, choice.id))
                .collect(),
            in_reply_to: by_customer.and_then(|said| said.client_id.clone()),
        };
        Ok(Some((message, own.attachments)))
    }

    async fn ask(&self, question: ConnectorQuestion) -> Result<ConnectorAnswer, Failure> {
        let question = Question::Connector(Box::new(question));
        match decide_once(&self.tenant, clock::now(), &self.channel.point(), question, None).await? {
            (Answer::Connector(answer), _) => Ok(*answer),
            _ => Err(Failure {
                code: "invalid-answer".into(),
                message: "the answer is not one of a connector".into(),
            }),
        }
    }

    /// The request with its secrets, when it may be made at all.
    async fn filled(&self, request: ProviderRequest) -> Result<Outgoing, Tried> {
        let settings = &self.channel.settings;
        let host = host_of(&request.url).unwrap_or_default();
        if !settings.hosts.contains(&host) {
            return Err(Tried::Failed(format!("host-not-allowed: {host:.253}")));
        }
        let mut query = Vec::with_capacity(request.query.len());
        for (name, value) in request.query {
            query.push((name, self.value(value).await?));
        }
        let mut headers = Vec::with_capacity(request.headers.len());
        for (name, value) in request.headers {
            headers.push((name.to_string(), self.value(value).await?));
        }
        let mut url = request.url.to_string();
        if !query.is_empty() {
            url.push('?');
            url.push_str(&form(query.iter().map(|(name, value)| (&**name, value.as_str()))));
        }
        Ok(Outgoing {
            method: match request.method {
                Method::Get => "GET",
                Method::Post => "POST",
                Method::Put => "PUT",
            },
            url,
            headers,
            body: request.body,
        })
    }

    async fn value(&self, value: FieldValue) -> Result<String, Tried> {
        match value {
            FieldValue::Text(text) => Ok(text.to_string()),
            FieldValue::Secret { name, prefix } => {
                let secret = self
                    .channel
                    .secret(&name, &self.tenant.inner.shared.providers)
                    .await;
                let secret = secret.map_err(|problem| Tried::Later(format!("no-secret: {problem}")))?;
                Ok(format!("{prefix}{secret}"))
            }
        }
    }

    async fn concluded(&self, id: Arc<str>, response: Incoming) -> Tried {
        let status = response.status;
        let text = |(name, value): (String, String)| (Arc::from(name), Arc::from(value));
        let question = ConnectorQuestion::Conclude(ProviderResponse {
            message: id,
            status,
            headers: response.headers.into_iter().map(text).collect(),
            body: response.body,
        });
        match self.ask(question).await {
            Ok(ConnectorAnswer::Concluded(Conclusion::Accepted(id))) => Tried::Sent(Some(id)),
            Ok(ConnectorAnswer::Concluded(Conclusion::Rejected {
                code,
                message,
                retryable,
            })) => {
                if &*code == "token-expired" {
                    self.channel.live.tokens.forget().await;
                }
                let reason = format!("{code}: {message}");
                if retryable {
                    Tried::Later(reason)
                } else {
                    Tried::Failed(reason)
                }
            }
            _ => match status {
                200..300 => Tried::Sent(None),
                429 | 500.. => Tried::Later(format!("http-{status}")),
                _ => Tried::Failed(format!("http-{status}")),
            },
        }
    }
}

/// The code of a reason: what stands before its colon. The rest may hold what the customer wrote.
fn code_of(reason: &str) -> Arc<str> {
    let code = reason.split(':').next().unwrap_or_default();
    let cut: String = code.chars().take(limits::MAX_CODE_BYTES / 4).collect();
    cut.into()
}
