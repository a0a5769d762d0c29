//! Carries messages out, in the order of each conversation and a few at once, so that a customer whose provider hangs
//! delays nobody else.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jackfield_contact::decision::{
    Answer, Author, Conclusion, ConnectorAnswer, ConnectorQuestion, Delivery, Failure, FieldValue, Method,
    OutgoingMessage, ProviderRequest, ProviderResponse, Question, ReceivedAttachment,
};
use jackfield_contact::input::Input;
use jackfield_contact::interaction::Interaction;
use jackfield_store::{Space, Tx};
use jackfield_types::{ConnectorId, InteractionId, OpContext, Timestamp, limits};
use tokio::sync::Notify;

use super::carry::{Attempt, Carried, PAUSE};
use super::http::{Incoming, Outgoing, form, host_of};
use super::outbox::{
    DELIVERIES, DeliveryState, MessageDelivery, OUTBOX, StoredDelivery, Waiting, delivery_key, json,
};
use super::{Channel, Live, sweep};
use crate::attachments::link_path;
use crate::cases::NoticeEnd;
use crate::chats::StoredMessage;
use crate::customers::CustomerError;
use crate::decide::decide_once;
use crate::tenant::Tenant;
use crate::{SubmitError, clock};

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

/// Messages that go out, in order within a conversation.
pub(super) struct Deliveries;

impl Carried for Deliveries {
    type Row = Waiting;
    const SPACE: Space = OUTBOX;
    const WHAT: &'static str = "messages";
    const MOST: usize = limits::MAX_OUTBOX;

    fn signs(live: &Live) -> (&Notify, &AtomicUsize) {
        (&live.wake, &live.waiting)
    }

    fn at_once(channel: &Channel) -> usize {
        usize::try_from(channel.settings.concurrency).unwrap_or(1)
    }

    fn due(waiting: &Waiting) -> Timestamp {
        waiting.due
    }

    fn line(waiting: &Waiting) -> Option<InteractionId> {
        Some(waiting.interaction)
    }

    async fn run(attempt: Delivering) -> Option<Waiting> {
        attempt.run().await
    }

    async fn aside(tenant: &Tenant, ctx: &OpContext, channel: &ConnectorId, now: Timestamp) {
        sweep(tenant, ctx, channel, now).await;
    }
}

pub(super) type Delivering = Attempt<Waiting>;

impl Delivering {
    /// Tries once and writes down what came of it; what is left to do.
    async fn run(self) -> Option<Waiting> {
        let live = &self.channel.live;
        live.sending.fetch_add(1, Ordering::Relaxed);
        let left = self.try_once().await;
        live.sending.fetch_sub(1, Ordering::Relaxed);
        live.concluded.notify_waiters();
        match left {
            Some((attempts, reason, words)) => Some(self.put_off(attempts, reason, words).await),
            None => None,
        }
    }

    /// What came of it is durable, or it is to be tried again: after how many tries, and why.
    async fn try_once(&self) -> Option<(u32, Option<String>, Option<String>)> {
        let tried = match &self.channel.settings.email {
            Some(email) => self.make_mail(email).await,
            None => self.make().await,
        };
        let attempts = self.row.attempts + 1;
        let (again, reason, words, provider_id) = match tried {
            Tried::Sent(id) => (false, None, None, id),
            Tried::Failed(reason) => (false, Some(reason), None, None),
            Tried::Later(reason) => (true, Some(reason), None, None),
            Tried::Said { again, code, words } => (again, Some(code), Some(words), None),
        };
        if again && attempts < self.channel.settings.attempts {
            return Some((attempts, reason, words));
        }
        let delivery = match reason {
            None => Delivery::Sent,
            Some(_) => Delivery::Failed,
        };
        if let Some(reason) = &reason {
            tracing::warn!(
                tenant = %self.tenant.id(), channel = %self.channel.id, interaction = %self.row.interaction,
                number = self.row.number, reason, "a message was given up"
            );
        }
        let reason = reason.map(|reason| code_of(&reason));
        if let Some(code) = &self.row.link {
            self.end_link(code, reason).await;
            return None;
        }
        let told = Input::MessageDelivery {
            interaction: self.row.interaction,
            number: self.row.number,
            delivery,
            attempts: Some(attempts),
            reason,
            words: words.map(Into::into),
            provider_id,
        };
        // Until it is durable the message would be sent again after a crash.
        while let Err(SubmitError::Overloaded) = self.tenant.submit(told.clone()).await {
            tokio::time::sleep(PAUSE).await;
        }
        None
    }

    /// The number of the message's journal entry, which ends its key.
    fn seq(&self) -> u64 {
        let key = String::from_utf8_lossy(&self.key);
        let seq = key.rsplit(' ').next();
        seq.and_then(|seq| seq.parse().ok()).unwrap_or_default()
    }

    /// Writes down what came of a link. Until it is durable it would be sent again after a crash.
    async fn end_link(&self, code: &Arc<str>, failed: Option<Arc<str>>) {
        loop {
            let end = NoticeEnd {
                channel: self.channel.id.clone(),
                seq: self.seq(),
                failed: failed.clone(),
            };
            match self.tenant.end_notice(&self.ctx, code, end).await {
                Err(CustomerError::Submit(SubmitError::Overloaded)) => tokio::time::sleep(PAUSE).await,
                _ => return,
            }
        }
    }

    /// Writes down when it is tried again, so that a restart is no reason to hurry.
    async fn put_off(&self, attempts: u32, reason: Option<String>, words: Option<String>) -> Waiting {
        let waiting = Waiting {
            attempts,
            due: self.again_at(attempts),
            ..self.row.clone()
        };
        let delivery = StoredDelivery {
            channel: self.channel.id.clone(),
            seq: self.seq(),
            shown: MessageDelivery {
                state: DeliveryState::Queued,
                at: clock::now(),
                attempts,
                reason: reason.map(|reason| code_of(&reason).to_string()),
                words,
            },
        };
        let mut tx = Tx::new().put(OUTBOX, self.key.clone(), json(&waiting));
        if waiting.link.is_none() {
            let key = delivery_key(waiting.interaction, waiting.number);
            tx = tx.put(DELIVERIES, key, json(&delivery));
        }
        if let Err(error) = self.tenant.inner.shared.store.commit(&self.ctx, tx).await {
            tracing::warn!(tenant = %self.tenant.id(), channel = %self.channel.id, %error, "a pause was not written down");
        }
        waiting
    }

    async fn make(&self) -> Tried {
        let message = match &self.row.link {
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
            Ok(None) if self.row.link.is_some() => return Tried::Failed("revoked".into()),
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
        } = self.row;
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
        } = self.row;
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
