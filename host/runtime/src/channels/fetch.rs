//! Fetches what came with customers' messages and lies with a provider, as rows say that were written in the commit of the
//! message. The message is shown at once; what becomes of each attachment is an event.
//!
//! A kill at any moment leaves the row, and the message says what was done already, so nothing is lost and nothing is kept
//! twice. An attachment that is refused, or not to be had after as many tries as a message has, is told with a reason.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use jackfield_contact::decision::{Author, Message, ReceivedAttachment};
use jackfield_contact::input::Input;
use jackfield_store::{Space, Tx};
use jackfield_types::{AttachmentId, ConnectorId, InteractionId, Timestamp, limits};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use super::carry::{Attempt, Carried, PAUSE};
use super::http::{Head, Outgoing, Pieces, form, host_of};
use super::outbox::json;
use super::settings::MediaAccess;
use super::{Channel, Live};
use crate::attachments::{Fetched, NOT_AVAILABLE, code_of, is_taken};
use crate::{AttachmentError, SubmitError};

/// Keys `{channel} {number of the journal entry} {which of its attachments}`.
const FETCHES: Space = Space::new("channel-fetches");
/// Attachments of one channel that wait in memory to be fetched; further ones wait in the store.
const MAX_WANTED: usize = 10_000;
/// Attachments of one channel that are being fetched at once.
const AT_ONCE: usize = 4;

/// An attachment that is to be fetched. Where from stands in the message, sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Wanted {
    interaction: InteractionId,
    number: u32,
    index: u32,
    attempts: u32,
    /// Not before.
    due: Timestamp,
}

/// Adds to the commit of a customer's message what is to be fetched for it.
pub(super) fn want(
    tx: Tx,
    channel: &ConnectorId,
    seq: u64,
    (interaction, message): (InteractionId, &Message),
    attachments: &[ReceivedAttachment],
) -> Tx {
    if message.author != Author::Customer {
        return tx;
    }
    let lying = (0..).zip(attachments).filter(|(_, it)| it.source.is_some());
    lying.fold(tx, |tx, (index, _)| {
        let wanted = Wanted {
            interaction,
            number: message.number,
            index,
            attempts: 0,
            due: message.at,
        };
        tx.put(FETCHES, format!("{channel} {seq:020} {index:02}"), json(&wanted))
    })
}

/// Attachments that are fetched.
pub(super) struct Fetches;

impl Carried for Fetches {
    type Row = Wanted;
    const SPACE: Space = FETCHES;
    const WHAT: &'static str = "attachments";
    const MOST: usize = MAX_WANTED;

    fn signs(live: &Live) -> (&Notify, &AtomicUsize) {
        (&live.fetch, &live.to_fetch)
    }

    fn at_once(_: &Channel) -> usize {
        AT_ONCE
    }

    fn due(wanted: &Wanted) -> Timestamp {
        wanted.due
    }

    fn line(_: &Wanted) -> Option<InteractionId> {
        None
    }

    async fn run(attempt: Fetch) -> Option<Wanted> {
        attempt.run().await
    }
}

/// What came of one try.
enum Tried {
    Kept(AttachmentId),
    /// Never; with a code.
    Refused(&'static str),
    /// Not now; for the log.
    Later(String),
    /// Done before, or the message is no more.
    Nothing,
}

impl From<SubmitError> for Tried {
    fn from(error: SubmitError) -> Self {
        Self::Later(error.to_string())
    }
}

impl From<AttachmentError> for Tried {
    fn from(error: AttachmentError) -> Self {
        match code_of(&error) {
            Some(code) => Self::Refused(code),
            None => Self::Later(error.to_string()),
        }
    }
}

type Fetch = Attempt<Wanted>;

impl Fetch {
    /// Tries once and writes down what came of it; what is left to do, if anything is.
    async fn run(self) -> Option<Wanted> {
        let attempts = self.row.attempts + 1;
        let outcome = match self.make().await.unwrap_or_else(|tried| tried) {
            Tried::Nothing => None,
            Tried::Kept(id) => Some(Ok(id)),
            Tried::Refused(code) => Some(Err(Arc::from(code))),
            Tried::Later(reason) if attempts < self.channel.settings.attempts => {
                tracing::debug!(tenant = %self.tenant.id(), channel = %self.channel.id, reason, "an attachment is fetched later");
                return Some(self.put_off(attempts).await);
            }
            Tried::Later(reason) => {
                tracing::warn!(
                    tenant = %self.tenant.id(), channel = %self.channel.id, interaction = %self.row.interaction,
                    number = self.row.number, reason, "an attachment was given up"
                );
                Some(Err(Arc::from(NOT_AVAILABLE)))
            }
        };
        if let Some(outcome) = outcome {
            let told = Input::AttachmentFetched {
                interaction: self.row.interaction,
                number: self.row.number,
                index: self.row.index,
                outcome,
            };
            loop {
                match self.tenant.submit(told.clone()).await {
                    Err(SubmitError::Overloaded) => tokio::time::sleep(PAUSE).await,
                    // The row stays, and the next start goes on from it.
                    Err(_) => return None,
                    Ok(()) => break,
                }
            }
        }
        let tx = Tx::new().delete(FETCHES, self.key.clone());
        if let Err(error) = self.tenant.store().commit(&self.ctx, tx).await {
            tracing::warn!(tenant = %self.tenant.id(), channel = %self.channel.id, %error, "a row is removed at the next start");
        }
        None
    }

    /// Writes down when it is tried again, so that a restart is no reason to hurry.
    async fn put_off(&self, attempts: u32) -> Wanted {
        let wanted = Wanted {
            attempts,
            due: self.again_at(attempts),
            ..self.row.clone()
        };
        let tx = Tx::new().put(FETCHES, self.key.clone(), json(&wanted));
        if let Err(error) = self.tenant.store().commit(&self.ctx, tx).await {
            tracing::warn!(tenant = %self.tenant.id(), channel = %self.channel.id, %error, "a pause was not written down");
        }
        wanted
    }

    async fn make(&self) -> Result<Tried, Tried> {
        let Wanted {
            interaction,
            number,
            index,
            ..
        } = self.row;
        let found = self
            .tenant
            .messages(&self.ctx, interaction, number - 1, 1)
            .await?;
        let found = found.into_iter().find(|found| found.message.number == number);
        let attachment = found.and_then(|found| found.attachments.into_iter().nth(index as usize));
        let Some((attachment, source)) = attachment.and_then(|it| Some((it.clone(), it.source?))) else {
            return Ok(Tried::Nothing);
        };
        let it = self.tenant.interaction(&self.ctx, interaction).await?;
        let Some(customer) = it.and_then(|it| it.customer) else {
            return Ok(Tried::Refused("unknown-customer"));
        };
        if !is_taken(&attachment.media_type) {
            return Ok(Tried::Refused("wrong-type"));
        }
        let turns = self.tenant.inner.channels.fetches.clone();
        let Ok(turn) = turns.acquire_owned().await else {
            return Err(Tried::Later("the server is ending".into()));
        };
        let (head, pieces) = self.follow(&source).await?;
        self.check(&head, &attachment).await?;
        let fetched = Fetched {
            interaction,
            customer,
            number,
            index,
            name: &attachment.name,
            media_type: &attachment.media_type,
        };
        let attaching = self.tenant.begin_fetched(&self.ctx, fetched, turn).await?;
        take(attaching, pieces).await
    }

    /// Requests it, and goes where that leads as far as the channel's hosts go.
    async fn follow(&self, source: &str) -> Result<(Head, Pieces), Tried> {
        let mut url = source.to_owned();
        for hop in 0..=limits::MAX_FETCH_REDIRECTS {
            let host = host_of(&url).unwrap_or_default();
            if !self.channel.settings.hosts.contains(&host) {
                tracing::warn!(
                    tenant = %self.tenant.id(), channel = %self.channel.id, host,
                    "an attachment lies on a host that the channel does not name"
                );
                let code = if hop == 0 {
                    "host-not-allowed"
                } else {
                    "redirected"
                };
                return Err(Tried::Refused(code));
            }
            let request = self.request(&url, &host).await?;
            let fetched = self.tenant.inner.shared.providers.fetch(request).await;
            let (head, pieces) = fetched.map_err(Tried::Later)?;
            let location = head
                .location
                .as_deref()
                .filter(|_| (300..400).contains(&head.status));
            let Some(location) = location else {
                return Ok((head, pieces));
            };
            let next = url::Url::parse(&url).and_then(|from| from.join(location));
            url = next.map_err(|_| Tried::Refused("redirected"))?.to_string();
        }
        Err(Tried::Refused("redirected"))
    }

    /// The request, with the credential of its host and of no other.
    async fn request(&self, url: &str, host: &str) -> Result<Outgoing, Tried> {
        let mut request = Outgoing {
            method: "GET",
            url: url.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
        };
        let Some(access) = self.channel.settings.media.get(host) else {
            return Ok(request);
        };
        let MediaAccess {
            secret,
            prefix,
            header,
            query,
        } = access;
        let providers = &self.tenant.inner.shared.providers;
        let secret = self
            .channel
            .secret(secret, providers)
            .await
            .map_err(Tried::Later)?;
        let value = format!("{prefix}{secret}");
        match query {
            Some(name) => {
                let joint = if request.url.contains('?') { '&' } else { '?' };
                let parameter = form([(name.as_str(), value.as_str())]);
                request.url = format!("{}{joint}{parameter}", request.url);
            }
            None => {
                let header = header.clone().unwrap_or_else(|| "authorization".into());
                request.headers.push((header, value));
            }
        }
        Ok(request)
    }

    async fn check(&self, head: &Head, attachment: &ReceivedAttachment) -> Result<(), Tried> {
        match head.status {
            // A provider that tells of a fault in JSON, and means the token by it.
            200 if head.media_type == "application/json" || head.media_type == "text/json" => {
                self.channel.live.tokens.forget().await;
                Err(Tried::Later(format!(
                    "JSON in place of {}",
                    attachment.media_type
                )))
            }
            200 if head
                .length
                .is_some_and(|length| length > limits::MAX_ATTACHMENT_BYTES) =>
            {
                Err(Tried::Refused("too-large"))
            }
            200 => Ok(()),
            status @ (401 | 403) => {
                self.channel.live.tokens.forget().await;
                Err(Tried::Later(format!("http-{status}")))
            }
            // Not there yet, perhaps.
            status => Err(Tried::Later(format!("http-{status}"))),
        }
    }
}

/// Writes the pieces down as they come, and has the whole judged and kept.
async fn take(mut attaching: crate::Attaching, mut pieces: Pieces) -> Result<Tried, Tried> {
    while let Some(piece) = pieces.recv().await {
        attaching.write(&piece.map_err(Tried::Later)?).await?;
    }
    Ok(Tried::Kept(attaching.finish().await?.id))
}
