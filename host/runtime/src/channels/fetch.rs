//! Fetches what came with customers' messages and lies with a provider: a task for each channel, driven by rows that were
//! written in the commit of the message. The message is shown at once; what becomes of each attachment is an event.
//!
//! A kill at any moment leaves the row, and the message says what was done already, so nothing is lost and nothing is kept
//! twice. An attachment that is refused, or not to be had after as many tries as a message has, is told with a reason.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jackfield_contact::decision::{Author, Message, ReceivedAttachment};
use jackfield_contact::input::Input;
use jackfield_store::{Scan, Space, Tx};
use jackfield_types::{AttachmentId, ConnectorId, InteractionId, OpContext, Timestamp, limits};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use super::Channel;
use super::deliver::{MAX_PAUSE_MS, PAUSE};
use super::http::{Head, Outgoing, Pieces, form, host_of};
use super::outbox::json;
use super::settings::MediaAccess;
use crate::attachments::{Fetched, NOT_AVAILABLE, code_of, is_taken};
use crate::tenant::Tenant;
use crate::{AttachmentError, SubmitError, clock};

/// Keys `{channel} {number of the journal entry} {which of its attachments}`.
const FETCHES: Space = Space::new("channel-fetches");
/// Attachments of one channel that wait in memory to be fetched; further ones wait in the store.
const MAX_WANTED: usize = 10_000;
/// Attachments of one channel that are being fetched at once.
const AT_ONCE: usize = 4;

/// An attachment that is to be fetched. Where from stands in the message, sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Wanted {
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

/// Fetches what waits in a channel, until the channel is removed or the tenant's loop has stopped.
pub(super) fn begin(tenant: &Tenant, channel: &Arc<Channel>) {
    let fetcher = Fetcher {
        ctx: OpContext::system(tenant.id().clone(), "channel"),
        tenant: Arc::downgrade(&tenant.inner),
        id: channel.id.clone(),
        live: channel.live.clone(),
        waiting: BTreeMap::new(),
        read_to: None,
    };
    tokio::spawn(fetcher.run());
}

struct Fetcher {
    ctx: OpContext,
    tenant: std::sync::Weak<crate::tenant::Inner>,
    id: ConnectorId,
    live: Arc<super::Live>,
    /// By key, which is the order in which the messages came.
    waiting: BTreeMap<Vec<u8>, Wanted>,
    /// The key of the last row that was read.
    read_to: Option<Vec<u8>>,
}

impl Fetcher {
    async fn run(mut self) {
        let mut tries = JoinSet::new();
        let mut under_way = BTreeSet::new();
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
                tracing::warn!(tenant = %tenant.id(), channel = %self.id, %error, "attachments are looked for later");
                again = Some(PAUSE);
            }
            let channel = tenant.inner.channels.get(&self.id);
            if let Some(channel) = channel.filter(|channel| channel.settings.enabled) {
                let due = self.begin_due(&tenant, &channel, &mut under_way, &mut tries);
                again = again.or(due);
            }
            self.live.to_fetch.store(self.waiting.len(), Ordering::Relaxed);
            drop(tenant);
            let later = async {
                match again {
                    Some(pause) => tokio::time::sleep(pause).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                Some(done) = tries.join_next() => {
                    if let Ok((key, left)) = done {
                        under_way.remove(&key);
                        match left {
                            Some(wanted) => drop(self.waiting.insert(key, wanted)),
                            None => drop(self.waiting.remove(&key)),
                        }
                    }
                }
                () = self.live.fetch.notified() => {}
                () = later => {}
            }
        }
    }

    /// Reads what is new, as much as there is room for.
    async fn read(&mut self, tenant: &Tenant) -> Result<(), jackfield_store::Error> {
        while self.waiting.len() < MAX_WANTED {
            let scan = Scan::prefix(format!("{} ", self.id))
                .after(self.read_to.clone())
                .limit(limits::MAX_PAGE);
            let page = tenant.inner.shared.store.scan(&self.ctx, FETCHES, scan).await?;
            let Some(last) = page.rows.last() else { break };
            self.read_to = Some(last.key.clone());
            for row in page.rows {
                if let Ok(wanted) = serde_json::from_slice(&row.value) {
                    self.waiting.insert(row.key, wanted);
                }
            }
            if page.next.is_none() {
                break;
            }
        }
        Ok(())
    }

    /// Begins what is due; answers when the next one is.
    fn begin_due(
        &self,
        tenant: &Tenant,
        channel: &Arc<Channel>,
        under_way: &mut BTreeSet<Vec<u8>>,
        tries: &mut JoinSet<(Vec<u8>, Option<Wanted>)>,
    ) -> Option<Duration> {
        let now = clock::now();
        let mut next: Option<Timestamp> = None;
        for (key, wanted) in &self.waiting {
            if under_way.len() >= AT_ONCE {
                return None;
            }
            if under_way.contains(key) {
                continue;
            }
            if wanted.due > now {
                next = Some(next.map_or(wanted.due, |next| next.min(wanted.due)));
                continue;
            }
            under_way.insert(key.clone());
            let fetch = Fetch {
                tenant: tenant.clone(),
                ctx: self.ctx.clone(),
                channel: channel.clone(),
                key: key.clone(),
                wanted: wanted.clone(),
            };
            tries.spawn(fetch.run());
        }
        next.map(|next| Duration::from_millis(next.since(now).max(1)))
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

struct Fetch {
    tenant: Tenant,
    ctx: OpContext,
    channel: Arc<Channel>,
    key: Vec<u8>,
    wanted: Wanted,
}

impl Fetch {
    /// Tries once and writes down what came of it; what is left to do, if anything is.
    async fn run(self) -> (Vec<u8>, Option<Wanted>) {
        let attempts = self.wanted.attempts + 1;
        let outcome = match self.make().await.unwrap_or_else(|tried| tried) {
            Tried::Nothing => None,
            Tried::Kept(id) => Some(Ok(id)),
            Tried::Refused(code) => Some(Err(Arc::from(code))),
            Tried::Later(reason) if attempts < self.channel.settings.attempts => {
                tracing::debug!(tenant = %self.tenant.id(), channel = %self.channel.id, reason, "an attachment is fetched later");
                let wanted = self.put_off(attempts).await;
                return (self.key, Some(wanted));
            }
            Tried::Later(reason) => {
                tracing::warn!(
                    tenant = %self.tenant.id(), channel = %self.channel.id, interaction = %self.wanted.interaction,
                    number = self.wanted.number, reason, "an attachment was given up"
                );
                Some(Err(Arc::from(NOT_AVAILABLE)))
            }
        };
        if let Some(outcome) = outcome {
            let told = Input::AttachmentFetched {
                interaction: self.wanted.interaction,
                number: self.wanted.number,
                index: self.wanted.index,
                outcome,
            };
            loop {
                match self.tenant.submit(told.clone()).await {
                    Err(SubmitError::Overloaded) => tokio::time::sleep(PAUSE).await,
                    // The row stays, and the next start goes on from it.
                    Err(_) => return (self.key, None),
                    Ok(()) => break,
                }
            }
        }
        let tx = Tx::new().delete(FETCHES, self.key.clone());
        if let Err(error) = self.tenant.store().commit(&self.ctx, tx).await {
            tracing::warn!(tenant = %self.tenant.id(), channel = %self.channel.id, %error, "a row is removed at the next start");
        }
        (self.key, None)
    }

    /// Writes down when it is tried again, so that a restart is no reason to hurry.
    async fn put_off(&self, attempts: u32) -> Wanted {
        let pause = self.channel.settings.retry_ms << (attempts - 1).min(20);
        let wanted = Wanted {
            attempts,
            due: clock::now() + pause.min(MAX_PAUSE_MS),
            ..self.wanted.clone()
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
        } = self.wanted;
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
