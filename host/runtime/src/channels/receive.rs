//! A request of a provider: whose is it, what does it say, and into which conversations does that go?

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jackfield_contact::decision::{
    Answer, ConnectorAnswer, ConnectorQuestion, IncomingMessage, Question, Receipt, Received,
    ReceivedAttachment, Reply, Webhook,
};
use jackfield_contact::input::{Draft, Input};
use jackfield_types::{CustomerId, Digest, InteractionId, OpContext, Timestamp, limits};
use tokio::time::{Instant, timeout_at};

use super::outbox::{DELIVERIES, DeliveryState, SEEN, SENT, StoredDelivery, follows};
use super::verify::{Verified, verify};
use super::{Channel, ChannelError, locked};
use crate::decide::decide_once;
use crate::tenant::Tenant;
use crate::{SubmitError, clock};

/// Headers that no connector sees.
const CREDENTIALS: [&str; 4] = [
    "authorization",
    "cookie",
    "proxy-authorization",
    "x-twilio-signature",
];

/// A request of a provider, as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderCall {
    /// `GET` or `POST`.
    pub method: String,
    /// The query, not decoded.
    pub query: String,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl ProviderCall {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// What the provider gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderReply {
    /// The HTTP status.
    pub status: u16,
    /// The media type; empty for none.
    pub content_type: String,
    /// The body.
    pub body: Vec<u8>,
}

impl From<Reply> for ProviderReply {
    fn from(reply: Reply) -> Self {
        Self {
            status: reply.status,
            content_type: reply.content_type.to_string(),
            body: reply.body,
        }
    }
}

impl Tenant {
    /// Takes a request of a channel's provider. The answer comes when all that it says is durable: a message that came
    /// before under the same id is passed over, and a request that was answered before is answered the same.
    ///
    /// # Errors
    /// The request is not the provider's, too long, or one too many; or it could not be taken, and the provider is expected
    /// to send it again.
    pub async fn receive(
        &self,
        channel: &jackfield_types::ConnectorId,
        call: ProviderCall,
    ) -> Result<ProviderReply, ChannelError> {
        let channel = self.known_channel(channel)?;
        if channel.settings.email.is_some() {
            return Err(ChannelError::Unknown(channel.id.clone()));
        }
        if !channel.settings.enabled {
            return Err(ChannelError::Disabled(channel.id.clone()));
        }
        let now = clock::now();
        if call.body.len() > limits::MAX_WEBHOOK_BODY_BYTES {
            return Err(ChannelError::TooLarge(limits::MAX_WEBHOOK_BODY_BYTES));
        }
        let verified = verify(&channel, &call, now).map_err(|why| {
            tracing::warn!(tenant = %self.id(), channel = %channel.id, why, "a provider's request was refused");
            ChannelError::NotVerified
        })?;
        // Only now: what strangers send is not to use up what the provider may.
        channel.admit(now)?;
        let late = || ChannelError::Unavailable("the channel is busy; send it again".into());
        let deadline = Instant::now() + Duration::from_millis(limits::MAX_WEBHOOK_MS);
        // In the order in which they came; also so that two with the same message don't both find it new.
        let _turn = timeout_at(deadline, channel.live.order.lock())
            .await
            .map_err(|_| late())?;
        if let Some(reply) = verified.once.and_then(|once| channel.answered(&once)) {
            return Ok(reply.into());
        }
        let once = verified.once;
        let taken = timeout_at(deadline, self.take_request(&channel, &call, verified, now)).await;
        let reply = taken.map_err(|_| late())??;
        if let Some(once) = once {
            channel.remember(once, reply.clone());
        }
        Ok(reply.into())
    }

    async fn take_request(
        &self,
        channel: &Arc<Channel>,
        call: &ProviderCall,
        verified: Verified,
        now: Timestamp,
    ) -> Result<Reply, ChannelError> {
        let text = |(name, value): (String, String)| (Arc::from(name.as_str()), Arc::from(value.as_str()));
        let shown = |(name, _): &&(String, String)| {
            !CREDENTIALS.contains(&name.as_str()) && Some(name.as_str()) != channel.credential()
        };
        let headers = call.headers.iter().filter(shown).cloned();
        let question = ConnectorQuestion::Receive(Webhook {
            method: call.method.as_str().into(),
            query: verified
                .query
                .into_iter()
                .take(limits::MAX_WEBHOOK_FIELDS)
                .map(text)
                .collect(),
            headers: headers.take(limits::MAX_WEBHOOK_FIELDS).map(text).collect(),
            body: verified.body,
        });
        let answer = decide_once(
            self,
            now,
            &channel.point(),
            Question::Connector(question.into()),
            None,
        )
        .await;
        let received = match answer {
            Ok((Answer::Connector(answer), _)) => match *answer {
                ConnectorAnswer::Received(received) => received,
                _ => {
                    return Err(ChannelError::Unavailable(
                        "the connector gave another answer".into(),
                    ));
                }
            },
            Ok(_) => {
                return Err(ChannelError::Unavailable(
                    "the answer is not one of a connector".into(),
                ));
            }
            Err(failure) => {
                tracing::warn!(
                    tenant = %self.id(), channel = %channel.id, code = %failure.code, message = %failure.message,
                    "a provider's request could not be read"
                );
                // What went wrong is the administrator's to know.
                return Err(ChannelError::Unavailable(
                    "the request could not be read; send it again later".into(),
                ));
            }
        };
        let Received {
            messages,
            receipts,
            reply,
        } = received;
        let ctx = OpContext::system(self.id().clone(), "channel");
        for message in messages {
            self.take_message(&ctx, channel, message).await?;
        }
        for receipt in receipts {
            self.take_receipt(&ctx, channel, receipt).await?;
        }
        Ok(reply.unwrap_or_else(|| Reply {
            status: 200,
            content_type: "".into(),
            body: Vec::new(),
        }))
    }

    async fn take_message(
        &self,
        ctx: &OpContext,
        channel: &Channel,
        message: IncomingMessage,
    ) -> Result<(), ChannelError> {
        let client_id = stamp(&message.id);
        let key = format!("{} {client_id}", channel.id);
        if self
            .inner
            .shared
            .store
            .get(ctx, SEEN, key.as_bytes())
            .await?
            .is_some()
        {
            return Ok(());
        }
        let entry = &channel.settings.entry;
        // One that ends just now is not gone on with: the second time it is another.
        for last in [false, true] {
            let customer = self.customer_of(ctx, channel, &message.sender).await?;
            let (sender, name) = (message.sender.clone(), message.sender_name.clone());
            let draft = draft(&message, &client_id, customer.is_some());
            let begun = self.begin_chat_of(ctx, entry.clone(), sender, name, customer);
            let interaction = begun.await?;
            let writes = Input::CustomerWrites {
                interaction,
                message: draft,
            };
            match self.submit(writes).await {
                Ok(()) => return Ok(()),
                Err(SubmitError::Rejected(rejected)) if !last && rejected.code == "wrong-state" => {}
                Err(SubmitError::Rejected(rejected)) => {
                    // It would be the same the next time.
                    tracing::warn!(tenant = %self.id(), channel = %channel.id, %rejected, "a message was passed over");
                    return Ok(());
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Whose address it is, as the channel says: somebody's alone, or of a new customer.
    pub(super) async fn customer_of(
        &self,
        ctx: &OpContext,
        channel: &Channel,
        sender: &str,
    ) -> Result<Option<CustomerId>, ChannelError> {
        let settings = &channel.settings;
        let Ok(address) = self.address(&format!("{}:{sender}", settings.identity)) else {
            return Ok(None);
        };
        let Some(address) = address.as_customer() else {
            return Ok(None);
        };
        if settings.create_customers || self.resolve(ctx, &address).await?.is_some() {
            return Ok(Some(address));
        }
        Ok(None)
    }

    async fn take_receipt(
        &self,
        ctx: &OpContext,
        channel: &Channel,
        receipt: Receipt,
    ) -> Result<(), ChannelError> {
        let store = &self.inner.shared.store;
        let sent = format!("{} {}", channel.id, receipt.id);
        let wait = Instant::now() + Duration::from_millis(limits::MAX_RECEIPT_WAIT_MS);
        // A provider may tell of a message before it has answered the request that sent it.
        let row = loop {
            let concluded = channel.live.concluded.notified();
            if let Some(row) = store.get(ctx, SENT, sent.as_bytes()).await? {
                break row;
            }
            let sending = channel.live.sending.load(Ordering::Relaxed) > 0;
            if !sending || timeout_at(wait, concluded).await.is_err() {
                tracing::debug!(tenant = %self.id(), channel = %channel.id, "a receipt for no message of ours");
                return Ok(());
            }
        };
        let Some((interaction, number)) = message_of(&row.value) else {
            return Ok(());
        };
        let Some(known) = store.get(ctx, DELIVERIES, &row.value).await? else {
            return Ok(());
        };
        let known: Option<StoredDelivery> = serde_json::from_slice(&known.value).ok();
        let told = DeliveryState::from(receipt.delivery);
        if known.is_none_or(|known| !follows(known.shown.state, told)) {
            return Ok(());
        }
        self.submit(Input::MessageDelivery {
            interaction,
            number,
            delivery: receipt.delivery,
            attempts: None,
            reason: receipt.reason,
            words: None,
            provider_id: None,
        })
        .await?;
        Ok(())
    }
}

impl Channel {
    /// One more request, unless there were too many.
    pub(super) fn admit(&self, now: Timestamp) -> Result<(), ChannelError> {
        let a_second = f64::from(self.settings.requests_per_second);
        let mut bucket = locked(&self.live.bucket);
        let (left, at) = bucket.unwrap_or((a_second, now));
        let left = a_second.min(left + now.since(at) as f64 / 1_000.0 * a_second);
        if left < 1.0 {
            *bucket = Some((left, now));
            return Err(ChannelError::Overloaded);
        }
        *bucket = Some((left - 1.0, now));
        Ok(())
    }

    fn answered(&self, once: &Digest) -> Option<Reply> {
        let answered = locked(&self.live.answered);
        let found = answered.iter().find(|(known, _)| known == once);
        found.map(|(_, reply)| reply.clone())
    }

    fn remember(&self, once: Digest, reply: Reply) {
        let mut answered = locked(&self.live.answered);
        if answered.len() >= limits::MAX_ANSWERED_WEBHOOKS {
            answered.pop_front();
        }
        answered.push_back((once, reply));
    }

    /// The header that has this channel's credential.
    fn credential(&self) -> Option<&str> {
        use super::Verification::{Hmac, Token};
        match &self.settings.verification {
            Token { header, .. } => header.as_deref(),
            Hmac { header, .. } => Some(header),
            _ => None,
        }
    }
}

/// A provider's id as the id of a message, which is shorter.
pub(super) fn stamp(id: &str) -> String {
    if id.len() <= limits::MAX_CLIENT_ID_BYTES {
        return id.to_owned();
    }
    let digest = Digest::of(id.as_bytes()).to_string();
    format!("sha256:{}", &digest[..48])
}

/// The message as it is shown at once; what came with it is fetched afterwards. Of somebody who is not known nothing can be
/// kept, so it is named by its address.
fn draft(message: &IncomingMessage, client_id: &str, known: bool) -> Draft {
    let attachments = message.attachments.iter().map(|attachment| ReceivedAttachment {
        source: Some(attachment.url.clone()),
        ..ReceivedAttachment::named(attachment.name.clone(), attachment.media_type.clone())
    });
    Draft {
        text: if known {
            message.text.clone()
        } else {
            text_of(message).into()
        },
        attachments: if known { attachments.collect() } else { Vec::new() },
        client_id: Some(client_id.into()),
        cut: message.cut,
        ..Draft::default()
    }
}

/// What the customer wrote; what came with it lies with the provider and is named by its address.
fn text_of(message: &IncomingMessage) -> String {
    let mut text = message.text.to_string();
    for attachment in &message.attachments {
        let line = match &*attachment.name {
            "" => format!("[{}] {}", attachment.media_type, attachment.url),
            name => format!("[{}] {name} {}", attachment.media_type, attachment.url),
        };
        if text.len() + 1 + line.len() > limits::MAX_MESSAGE_BYTES {
            break;
        }
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&line);
    }
    text
}

fn message_of(key: &[u8]) -> Option<(InteractionId, u32)> {
    let (interaction, number) = std::str::from_utf8(key).ok()?.split_once(' ')?;
    Some((interaction.parse().ok()?, number.parse().ok()?))
}
