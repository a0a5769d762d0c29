//! Channels: accounts with providers (messengers, gateways of short messages, one's own systems) through which customers
//! write. A channel feeds a chat entry, so that what comes through it is a conversation like any other; what the firm
//! writes in such a conversation goes out through the channel.
//!
//! The connector that is bound at `connector:CHANNEL` translates and has neither network nor credentials. The host checks
//! who calls ([`verify`]), takes messages in once ([`receive`]), fetches what came with them ([`fetch`]), and carries messages
//! out ([`deliver`], [`http`]), by one kind of task ([`carry`]): each is a row, written in the commit of its own event, and stays there until the provider
//! has taken it, or handed it over, or it is given up. A crash between the provider's answer and the commit has the message
//! sent again, under the same id.
//!
//! E-mail ([`email`]) is a channel without a connector: the host speaks SMTP itself, and the rest is the same.

mod carry;
mod deliver;
mod email;
mod error;
mod fetch;
mod http;
mod outbox;
mod receive;
mod secrets;
mod settings;
mod verify;
mod wechat;

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use jackfield_contact::decision::{Author, Reply};
use jackfield_contact::event::Event;
use jackfield_store::{Scan, Space, Store, Tx};
use jackfield_types::{
    ChatEntryId, ConnectorId, Digest, ExtensionPoint, InteractionId, OpContext, Timestamp, limits,
};
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, Semaphore};

pub(crate) use self::email::Mailboxes;
pub use self::email::{EmailSettings, MailHouse, RelaySecurity, RelaySettings};
pub use self::error::ChannelError;
pub use self::http::ProviderAccess;
pub(crate) use self::http::Providers;
pub(crate) use self::outbox::{DELIVERIES, OUTBOX, delivery_key, outbox_key, project, stored_delivery};
pub use self::outbox::{DeliveryState, MessageDelivery};
pub use self::receive::{ProviderCall, ProviderReply};
use self::secrets::Tokens;
pub use self::settings::{
    ChannelSettings, Encoding, HashAlgorithm, MediaAccess, TokenField, TokenMethod, TokenSource, Verification,
};
use crate::customers::CustomerState;
use crate::tenant::Tenant;
use crate::{StartError, clock};

const CHANNELS: Space = Space::new("channels");

/// A channel as stored: its secrets are sealed under the tenant's key.
#[derive(Clone, Serialize, Deserialize)]
struct Stored {
    settings: ChannelSettings,
    created_at: Timestamp,
    secrets: BTreeMap<String, Vec<u8>>,
}

/// A channel as it is shown: of its secrets the names alone.
#[derive(Debug, Clone, PartialEq)]
pub struct ChannelRecord {
    /// Its id; it never changes. A connector is bound to it at `connector:ID`.
    pub id: ConnectorId,
    /// What was set.
    pub settings: ChannelSettings,
    /// Names of the secrets that it has.
    pub secrets: Vec<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Messages that wait to be sent, those that are being sent included.
    pub waiting: usize,
}

/// A channel that is there, with its secrets open.
pub(crate) struct Channel {
    pub(crate) id: ConnectorId,
    pub(crate) settings: ChannelSettings,
    secrets: BTreeMap<String, String>,
    created_at: Timestamp,
    live: Arc<Live>,
}

/// What a channel remembers between requests, whatever its settings.
#[derive(Default)]
struct Live {
    /// One request of the provider at a time, in the order in which they came.
    order: tokio::sync::Mutex<()>,
    bucket: Mutex<Option<(f64, Timestamp)>>,
    /// Requests that were answered, by their signature, with the answers.
    answered: Mutex<VecDeque<(Digest, Reply)>>,
    tokens: Tokens,
    /// Something new is in the outbox, or the settings are others.
    wake: Notify,
    /// A request to the provider has been concluded.
    concluded: Notify,
    /// A message came that has attachments, or the settings are others.
    fetch: Notify,
    sending: AtomicUsize,
    waiting: AtomicUsize,
    /// Attachments that are to be fetched.
    to_fetch: AtomicUsize,
    removed: std::sync::atomic::AtomicBool,
}

type Table = BTreeMap<ConnectorId, Arc<Channel>>;

/// The channels of one tenant.
pub(crate) struct Channels {
    table: ArcSwap<Table>,
    /// One change at a time.
    changing: tokio::sync::Mutex<()>,
    /// Requests to providers of this tenant that are under way.
    slots: Arc<Semaphore>,
    /// Attachments of this tenant that are being fetched.
    fetches: Arc<Semaphore>,
}

impl Channels {
    /// Those that are stored.
    pub(crate) async fn load(
        store: &Store,
        ctx: &OpContext,
        customers: &CustomerState,
    ) -> Result<Self, StartError> {
        let mut table = Table::new();
        let page = store
            .scan(ctx, CHANNELS, Scan::all().limit(limits::MAX_CHANNELS))
            .await?;
        for row in page.rows {
            let record = |error| StartError::Record {
                what: "channel".into(),
                error,
            };
            let stored: Stored = serde_json::from_slice(&row.value).map_err(record)?;
            let id = String::from_utf8_lossy(&row.key);
            let Ok(id) = ConnectorId::new(&id) else { continue };
            let secrets =
                secrets::open(&customers.keys, &id, &stored.secrets).map_err(|_| StartError::File {
                    path: format!("customer-keys/{}.key", ctx.tenant).into(),
                    error: std::io::Error::other(format!(
                        "the secrets of channel {id} can't be opened with this key; restore the file"
                    )),
                })?;
            let channel = Channel {
                id: id.clone(),
                settings: stored.settings,
                secrets,
                created_at: stored.created_at,
                live: Arc::default(),
            };
            table.insert(id, channel.into());
        }
        Ok(Self {
            table: ArcSwap::from_pointee(table),
            changing: tokio::sync::Mutex::default(),
            slots: Arc::new(Semaphore::new(limits::MAX_TENANT_PROVIDER_REQUESTS)),
            fetches: Arc::new(Semaphore::new(limits::MAX_TENANT_FETCHES)),
        })
    }

    fn get(&self, id: &ConnectorId) -> Option<Arc<Channel>> {
        self.table.load().get(id).cloned()
    }

    /// The channel that feeds an entry.
    pub(crate) fn of_entry(&self, entry: &ChatEntryId) -> Option<Arc<Channel>> {
        let table = self.table.load();
        table
            .values()
            .find(|channel| channel.settings.entry == *entry)
            .cloned()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.table.load().is_empty()
    }

    /// Wakes whoever carries messages out, or fetches what came with them, once an event is durable.
    pub(crate) fn written(&self, event: &Event) {
        let (is_to_be_sent, is_to_be_fetched) = match event {
            Event::MessageSent {
                message, attachments, ..
            } => (
                message.author != Author::Customer,
                attachments.iter().any(|it| it.source.is_some()),
            ),
            Event::AssistanceChanged { through, .. } => (through.is_some(), false),
            _ => return,
        };
        for channel in self.table.load().values() {
            if is_to_be_sent {
                channel.live.wake.notify_one();
            } else if is_to_be_fetched {
                channel.live.fetch.notify_one();
            }
        }
    }
}

impl Channel {
    /// Whether its messages are mails.
    pub(crate) fn is_email(&self) -> bool {
        self.settings.email.is_some()
    }

    fn point(&self) -> ExtensionPoint {
        ExtensionPoint::Connector(self.id.clone())
    }

    fn shown(&self) -> ChannelRecord {
        ChannelRecord {
            id: self.id.clone(),
            settings: self.settings.clone(),
            secrets: self.secrets.keys().cloned().collect(),
            created_at: self.created_at,
            waiting: self.live.waiting.load(std::sync::atomic::Ordering::Relaxed),
        }
    }
}

impl Tenant {
    /// All channels, by id.
    pub fn channels(&self) -> Vec<ChannelRecord> {
        let table = self.inner.channels.table.load();
        table.values().map(|channel| channel.shown()).collect()
    }

    /// One channel.
    ///
    /// # Errors
    /// [`ChannelError::Unknown`] when there is none.
    pub fn channel(&self, id: &ConnectorId) -> Result<ChannelRecord, ChannelError> {
        Ok(self.known_channel(id)?.shown())
    }

    /// The channel that feeds a chat entry, if one does: then nobody else can write there.
    pub fn channel_of(&self, entry: &ChatEntryId) -> Option<ConnectorId> {
        let found = self.inner.channels.of_entry(entry);
        found.map(|channel| channel.id.clone())
    }

    fn known_channel(&self, id: &ConnectorId) -> Result<Arc<Channel>, ChannelError> {
        let found = self.inner.channels.get(id);
        found.ok_or_else(|| ChannelError::Unknown(id.clone()))
    }

    /// Makes a channel, or changes its settings. A secret that is given replaces the one of its name, `None` removes it,
    /// the others stay.
    ///
    /// # Errors
    /// A setting can't be; the entry is not there or another channel feeds it; there are too many.
    pub async fn put_channel(
        &self,
        ctx: &OpContext,
        id: ConnectorId,
        settings: ChannelSettings,
        secrets: BTreeMap<String, Option<String>>,
    ) -> Result<ChannelRecord, ChannelError> {
        let channels = &self.inner.channels;
        let _one_at_a_time = channels.changing.lock().await;
        let before = channels.get(&id);
        if before.is_none() && channels.table.load().len() >= limits::MAX_CHANNELS {
            return Err(ChannelError::TooMany("channels", limits::MAX_CHANNELS));
        }
        let entry = settings.entry.clone();
        if let Some(other) = channels.of_entry(&entry).filter(|other| other.id != id) {
            return Err(ChannelError::EntryTaken(entry, other.id.clone()));
        }
        let wanted = entry.clone();
        let fed = self.read(move |centre| centre.chat_entry(&wanted).map(|entry| entry.channel));
        let Some(kind) = fed.await? else {
            return Err(ChannelError::UnknownEntry(entry));
        };
        let mut open = before
            .as_ref()
            .map(|channel| channel.secrets.clone())
            .unwrap_or_default();
        for (name, secret) in secrets {
            match secret {
                Some(secret) => drop(open.insert(name, secret)),
                None => drop(open.remove(&name)),
            }
        }
        settings.check(&open)?;
        if settings.email.is_some() && kind != jackfield_types::Channel::Email {
            let problem = format!(
                "chat entry {entry} is for {}: e-mail feeds one of channel email",
                kind.as_str()
            );
            return Err(ChannelError::invalid("entry", problem));
        }
        if before
            .as_ref()
            .is_some_and(|before| before.settings.email.is_some() != settings.email.is_some())
        {
            let problem =
                "a channel stays with e-mail or with a connector: make another, with an id of its own";
            return Err(ChannelError::invalid("email", problem));
        }
        let stored = Stored {
            settings,
            created_at: before
                .as_ref()
                .map_or_else(clock::now, |channel| channel.created_at),
            secrets: secrets::seal(&self.inner.customers.keys, &id, &open)?,
        };
        let row =
            serde_json::to_vec(&stored).map_err(|error| ChannelError::Unavailable(error.to_string()))?;
        if row.len() > limits::MAX_VALUE_BYTES {
            return Err(ChannelError::invalid(
                "secrets",
                "all settings together are too long for one row",
            ));
        }
        let addresses = stored.settings.addresses();
        let claimed = self.claim_addresses(&id, &addresses).await?;
        let store = &self.inner.shared.store;
        let committed = store.commit(ctx, Tx::new().put(CHANNELS, id.as_str(), row)).await;
        if let Err(error) = committed {
            self.release_addresses(&claimed).await;
            return Err(error.into());
        }
        let live = before
            .as_ref()
            .map(|channel| channel.live.clone())
            .unwrap_or_default();
        live.tokens.forget().await;
        let channel = Arc::new(Channel {
            id: id.clone(),
            settings: stored.settings,
            secrets: open,
            created_at: stored.created_at,
            live: live.clone(),
        });
        let mut table = Table::clone(&channels.table.load());
        table.insert(id, channel.clone());
        channels.table.store(table.into());
        let left = before.iter().flat_map(|before| before.settings.addresses());
        let left: Vec<String> = left.filter(|address| !addresses.contains(address)).collect();
        self.release_addresses(&left).await;
        self.inner.shared.mailboxes.add(self.id(), &channel);
        if before.is_none() {
            self.carry_out(&channel);
        }
        live.wake.notify_one();
        live.fetch.notify_one();
        Ok(channel.shown())
    }

    /// Removes a channel.
    ///
    /// # Errors
    /// [`ChannelError::InUse`] while a connector is bound to it or messages wait to be sent.
    pub async fn remove_channel(&self, ctx: &OpContext, id: &ConnectorId) -> Result<(), ChannelError> {
        let channels = &self.inner.channels;
        let _one_at_a_time = channels.changing.lock().await;
        let channel = self.known_channel(id)?;
        let registry = &self.inner.shared.registry;
        let _nothing_is_bound_meanwhile = registry.unchanging(self.id()).await;
        if registry.is_taken(self.id(), &channel.point()) {
            return Err(ChannelError::InUse(format!(
                "a connector is bound at {}: take it out first",
                channel.point()
            )));
        }
        let waiting = channel.live.waiting.load(std::sync::atomic::Ordering::Relaxed);
        if waiting > 0 {
            return Err(ChannelError::InUse(format!(
                "{waiting} messages wait to be sent through it; try again when they are sent or given up"
            )));
        }
        let to_fetch = channel.live.to_fetch.load(std::sync::atomic::Ordering::Relaxed);
        if to_fetch > 0 {
            return Err(ChannelError::InUse(format!(
                "{to_fetch} attachments of customers are still to be fetched; try again when they are there or given up"
            )));
        }
        let store = &self.inner.shared.store;
        store.commit(ctx, Tx::new().delete(CHANNELS, id.as_str())).await?;
        let mut table = Table::clone(&channels.table.load());
        table.remove(id);
        channels.table.store(table.into());
        self.release_addresses(&channel.settings.addresses()).await;
        let live = &channel.live;
        live.removed.store(true, std::sync::atomic::Ordering::Relaxed);
        live.wake.notify_one();
        live.fetch.notify_one();
        Ok(())
    }

    /// Carries out what waits, from now on.
    pub(crate) fn begin_deliveries(&self) {
        let table = self.inner.channels.table.load();
        for channel in table.values() {
            self.inner.shared.mailboxes.add(self.id(), channel);
            self.carry_out(channel);
        }
    }

    fn carry_out(&self, channel: &Arc<Channel>) {
        carry::begin::<deliver::Deliveries>(self, channel);
        carry::begin::<fetch::Fetches>(self, channel);
    }
}

/// How long ids of messages that came are remembered: no provider sends one again after three days, no mail server after
/// five.
const SEEN_MS: u64 = 7 * 24 * 60 * 60 * 1_000;

/// Forgets ids of messages that came long ago.
async fn sweep(tenant: &Tenant, ctx: &OpContext, channel: &ConnectorId, now: Timestamp) {
    for space in [outbox::SEEN, email::BEGUN] {
        sweep_space(tenant, ctx, space, channel, now).await;
    }
}

async fn sweep_space(tenant: &Tenant, ctx: &OpContext, space: Space, channel: &ConnectorId, now: Timestamp) {
    let store = &tenant.inner.shared.store;
    let mut cursor = None;
    loop {
        let scan = Scan::prefix(format!("{channel} "))
            .after(cursor)
            .limit(limits::MAX_PAGE / 2);
        let Ok(page) = store.scan(ctx, space, scan).await else {
            return;
        };
        let old = page.rows.into_iter().filter(|row| {
            let at: Option<Timestamp> = serde_json::from_slice(&row.value).ok();
            let begun: Option<(InteractionId, Timestamp)> = serde_json::from_slice(&row.value).ok();
            let at = at.or(begun.map(|(_, at)| at));
            at.is_none_or(|at| now.since(at) > SEEN_MS)
        });
        let tx = old.fold(Tx::new(), |tx, row| tx.delete(space, row.key));
        if tx != Tx::new()
            && let Err(error) = store.commit(ctx, tx).await
        {
            tracing::warn!(tenant = %tenant.id(), %channel, %error, "old ids of messages are removed later");
            return;
        }
        cursor = page.next;
        if cursor.is_none() {
            return;
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
