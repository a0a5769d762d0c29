//! Written conversations: beginning one, what has been written, and who listens.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jackfield_contact::chat::Side;
use jackfield_contact::decision::{Choice, Message, ReceivedAttachment};
use jackfield_contact::event::Event;
use jackfield_contact::input::Input;
use jackfield_store::{Scan, Space};
use jackfield_types::{ChatEntryId, CustomerId, InteractionId, OpContext, limits};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::SubmitError;
use crate::channels::{DELIVERIES, MessageDelivery, delivery_key, stored_delivery};
use crate::history::JournalEntry;
use crate::tenant::Tenant;

/// Keys `{interaction} {number}`.
pub(crate) const MESSAGES: Space = Space::new("messages");
/// News that one listener may fall behind; then it is cut off, and comes back for what it has missed.
const MAX_NEWS: usize = 256;

/// A message as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredMessage {
    /// Number, time, author, text.
    #[serde(flatten)]
    pub message: Message,
    /// The choice that the customer picked with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<Arc<str>>,
    /// What came with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<ReceivedAttachment>,
    /// What the customer may pick in answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<Choice>,
    /// The id that its sender gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<Arc<str>>,
    /// Whether there was more of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
    /// How it went out, when it goes out through a channel. Kept in a row of its own.
    #[serde(skip)]
    pub delivery: Option<MessageDelivery>,
}

impl StoredMessage {
    /// The message of an event that tells of one.
    pub fn of(event: &Event) -> Option<Self> {
        let Event::MessageSent {
            message,
            choice,
            attachments,
            choices,
            client_id,
            cut,
            ..
        } = event
        else {
            return None;
        };
        Some(Self {
            message: message.clone(),
            choice: choice.clone(),
            attachments: attachments.clone(),
            choices: choices.clone(),
            client_id: client_id.clone(),
            cut: *cut,
            delivery: None,
        })
    }
}

pub(crate) fn message_key(interaction: InteractionId, number: u32) -> String {
    format!("{interaction} {number:010}")
}

/// Something new in a conversation.
#[derive(Debug, Clone)]
pub enum ChatNews {
    /// A fact, already durable.
    Entry(Arc<JournalEntry>),
    /// Somebody is writing; nothing that is kept.
    Typing {
        /// The customer's side, or the firm's.
        by: Side,
        /// For so many milliseconds.
        ms: u64,
    },
}

type Ears = BTreeMap<InteractionId, Vec<mpsc::Sender<ChatNews>>>;

/// Who listens to which conversation.
#[derive(Default)]
pub(crate) struct Listeners(Mutex<Ears>);

impl Listeners {
    fn ears(&self) -> MutexGuard<'_, Ears> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells who listens. Who has fallen too far behind, or is gone, is told nothing any more.
    pub(crate) fn tell(&self, interaction: InteractionId, news: &ChatNews) {
        let mut ears = self.ears();
        if let Some(listening) = ears.get_mut(&interaction) {
            listening.retain(|ear| ear.try_send(news.clone()).is_ok());
            if listening.is_empty() {
                ears.remove(&interaction);
            }
        }
    }
}

impl Tenant {
    /// Begins a written conversation, or finds the one that the customer has going on at the entry.
    ///
    /// `address` is the customer's on the entry's channel. The customer is known by `chat:ADDRESS` until somebody says
    /// more about who that is.
    ///
    /// # Errors
    /// `Rejected` with the code `unknown-chat-entry` or `too-many`.
    pub async fn begin_chat(
        &self,
        ctx: &OpContext,
        entry: ChatEntryId,
        address: Arc<str>,
        name: Option<Arc<str>>,
    ) -> Result<InteractionId, SubmitError> {
        let customer = CustomerId::new(&format!("chat:{address}")).ok();
        self.begin_chat_of(ctx, entry, address, name, customer).await
    }

    /// The same of a customer who is known by another address, or by none.
    pub(crate) async fn begin_chat_of(
        &self,
        ctx: &OpContext,
        entry: ChatEntryId,
        address: Arc<str>,
        name: Option<Arc<str>>,
        customer: Option<CustomerId>,
    ) -> Result<InteractionId, SubmitError> {
        if let Some(known) = self.conversation(entry.clone(), address.clone()).await? {
            return Ok(known);
        }
        let last_agent = match &customer {
            Some(customer) => self.customer(ctx, customer).await?.and_then(|row| row.last_agent),
            None => None,
        };
        let (interaction, greeting) = match self.shown_greeting(&entry, &address) {
            Some((interaction, greeting)) => (interaction, Some(Box::new(greeting))),
            None => (InteractionId::from_uuid(uuid::Uuid::now_v7()), None),
        };
        let begun = Input::ChatStarted {
            interaction,
            entry: entry.clone(),
            address: address.clone(),
            anew: false,
            attributes: Vec::new(),
            name,
            customer,
            last_agent,
            greeting,
        };
        self.submit(begun).await?;
        let known = self.conversation(entry, address).await?;
        Ok(known.unwrap_or(interaction))
    }

    /// The conversation that a customer has going on at an entry.
    pub async fn conversation(
        &self,
        entry: ChatEntryId,
        address: Arc<str>,
    ) -> Result<Option<InteractionId>, SubmitError> {
        self.read(move |centre| centre.conversation(&entry, &address).map(|it| it.id))
            .await
    }

    /// Messages of a conversation with a number above `after`, oldest first, at most `limit` and 200.
    pub async fn messages(
        &self,
        ctx: &OpContext,
        interaction: InteractionId,
        after: u32,
        limit: usize,
    ) -> Result<Vec<StoredMessage>, SubmitError> {
        let scan = Scan::prefix(format!("{interaction} "))
            .after(Some(message_key(interaction, after).into_bytes()))
            .limit(limit.min(limits::MAX_MESSAGES_PAGE));
        let page = self.inner.shared.store.scan(ctx, MESSAGES, scan).await?;
        let mut opener = self.opener(ctx);
        let mut messages: Vec<StoredMessage> = Vec::with_capacity(page.rows.len());
        for row in &page.rows {
            messages.push(opener.open(&row.value).await?);
        }
        if !self.inner.channels.is_empty() {
            self.add_deliveries(ctx, interaction, &mut messages).await?;
        }
        Ok(messages)
    }

    /// Adds how messages went out; the numbers of these have no gap.
    async fn add_deliveries(
        &self,
        ctx: &OpContext,
        interaction: InteractionId,
        messages: &mut [StoredMessage],
    ) -> Result<(), SubmitError> {
        let (Some(first), Some(last)) = (messages.first(), messages.last()) else {
            return Ok(());
        };
        let key = |number| delivery_key(interaction, number).into_bytes();
        let scan = Scan::range(key(first.message.number), key(last.message.number + 1)).limit(messages.len());
        let page = self.inner.shared.store.scan(ctx, DELIVERIES, scan).await?;
        for row in page.rows {
            let sent = messages
                .iter_mut()
                .find(|sent| key(sent.message.number) == row.key);
            if let Some(sent) = sent {
                sent.delivery = stored_delivery(&row.value);
            }
        }
        Ok(())
    }

    /// What happens in a conversation from now on. The receiver ends when it has fallen too far behind.
    ///
    /// # Errors
    /// `Overloaded` when [`limits::MAX_CHAT_LISTENERS`] listen already.
    pub fn listen(&self, interaction: InteractionId) -> Result<mpsc::Receiver<ChatNews>, SubmitError> {
        let (ear, news) = mpsc::channel(MAX_NEWS);
        let mut ears = self.inner.listeners.ears();
        let listening = ears.entry(interaction).or_default();
        listening.retain(|ear| !ear.is_closed());
        if listening.len() >= limits::MAX_CHAT_LISTENERS {
            return Err(SubmitError::Overloaded);
        }
        listening.push(ear);
        Ok(news)
    }

    /// Shows that one side of a conversation is writing, for so many milliseconds. Nothing of it is kept.
    pub fn show_typing(&self, interaction: InteractionId, by: Side, ms: u64) {
        self.inner
            .listeners
            .tell(interaction, &ChatNews::Typing { by, ms });
    }
}
