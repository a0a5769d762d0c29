//! What waits to be sent, and how far messages have come: rows that are written in the commit of the event that they follow
//! from, so that no message is lost between being written and being sent.

use std::sync::Arc;

use jackfield_contact::case::AssistanceStep;
use jackfield_contact::decision::{Author, Delivery, Message};
use jackfield_contact::event::Event;
use jackfield_contact::interaction::Interaction;
use jackfield_store::{Error as StoreError, Space, Store, Tx};
use jackfield_types::{ConnectorId, InteractionId, OpContext, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Channels, fetch};
use crate::history::JournalEntry;

/// Keys `{channel} {number of the journal entry}`.
pub(crate) const OUTBOX: Space = Space::new("channel-outbox");
/// Keys `{interaction} {number}`, as those of messages.
pub(crate) const DELIVERIES: Space = Space::new("channel-deliveries");
/// Keys `{channel} {provider's id}`: which message of ours that is.
pub(super) const SENT: Space = Space::new("channel-sent");
/// Keys `{channel} {provider's id}`: messages that came, with the time.
pub(super) const SEEN: Space = Space::new("channel-seen");

/// How far a message has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeliveryState {
    /// It waits to be sent.
    Queued,
    /// The provider has it.
    Sent,
    /// The customer's device has it.
    Delivered,
    /// The customer has read it.
    Read,
    /// It will not arrive.
    Failed,
}

impl From<Delivery> for DeliveryState {
    fn from(delivery: Delivery) -> Self {
        match delivery {
            Delivery::Sent => Self::Sent,
            Delivery::Delivered => Self::Delivered,
            Delivery::Read => Self::Read,
            Delivery::Failed => Self::Failed,
        }
    }
}

/// How a message went out through a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageDelivery {
    /// How far it has come.
    pub state: DeliveryState,
    /// Since when.
    pub at: Timestamp,
    /// Tries so far.
    pub attempts: u32,
    /// Why it has failed, or the last try has; the provider's code where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What the provider said about that, without addresses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words: Option<String>,
}

/// The same as stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct StoredDelivery {
    pub(super) channel: ConnectorId,
    /// The journal entry of the message.
    pub(super) seq: u64,
    #[serde(flatten)]
    pub(super) shown: MessageDelivery,
}

/// A message that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Waiting {
    pub(super) interaction: InteractionId,
    pub(super) number: u32,
    pub(super) attempts: u32,
    /// Not before.
    pub(super) due: Timestamp,
    /// The link for remote assistance that it is, in place of a message of the conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) link: Option<Arc<str>>,
}

pub(crate) fn outbox_key(channel: &ConnectorId, seq: u64) -> String {
    format!("{channel} {seq:020}")
}

pub(crate) fn delivery_key(interaction: InteractionId, number: u32) -> String {
    crate::chats::message_key(interaction, number)
}

/// The delivery in a row.
pub(crate) fn stored_delivery(row: &[u8]) -> Option<MessageDelivery> {
    let stored: StoredDelivery = serde_json::from_slice(row).ok()?;
    Some(stored.shown)
}

/// Whether what is told of now is later than what was known.
pub(super) fn follows(known: DeliveryState, told: DeliveryState) -> bool {
    let rank = |state| match state {
        DeliveryState::Queued => 0,
        DeliveryState::Sent => 1,
        DeliveryState::Delivered => 2,
        DeliveryState::Read | DeliveryState::Failed => 3,
    };
    rank(told) > rank(known)
}

/// The rows that follow from an entry. The loop is the only writer of new ones.
pub(crate) async fn project(
    channels: &Channels,
    store: &Store,
    ctx: &OpContext,
    entry: &JournalEntry,
    it: Option<&Interaction>,
    tx: Tx,
) -> Result<Tx, StoreError> {
    match (&entry.recorded.event, it) {
        (
            Event::MessageSent {
                message,
                client_id,
                attachments,
                ..
            },
            Some(it),
        ) => {
            let fed = it.chat.as_ref().and_then(|chat| channels.of_entry(&chat.entry));
            let Some(channel) = fed else { return Ok(tx) };
            let tx = fetch::want(tx, &channel.id, entry.seq, (it.id, message), attachments);
            Ok(match (&message.author, client_id) {
                (Author::Customer, Some(id)) => {
                    tx.put(SEEN, format!("{} {id}", channel.id), json(&message.at))
                }
                (Author::Customer, None) => tx,
                _ => queue(tx, &channel.id, entry.seq, it.id, message),
            })
        }
        (
            Event::MessageDelivery {
                interaction,
                number,
                delivery,
                attempts,
                reason,
                words,
                provider_id,
            },
            _,
        ) => {
            let key = delivery_key(*interaction, *number);
            let row = store.get(ctx, DELIVERIES, key.as_bytes()).await?;
            let known = row.and_then(|row| serde_json::from_slice::<StoredDelivery>(&row.value).ok());
            let Some(mut known) = known else { return Ok(tx) };
            let state = DeliveryState::from(*delivery);
            let mut tx = tx;
            if known.shown.state == DeliveryState::Queued {
                tx = tx.delete(OUTBOX, outbox_key(&known.channel, known.seq));
            }
            if let Some(id) = provider_id {
                tx = tx.put(SENT, format!("{} {id}", known.channel), key.as_str());
            }
            if follows(known.shown.state, state) {
                known.shown = MessageDelivery {
                    state,
                    at: entry.recorded.at,
                    attempts: attempts.unwrap_or(known.shown.attempts),
                    reason: reason.as_ref().map(ToString::to_string),
                    words: words.as_ref().map(ToString::to_string),
                };
                tx = tx.put(DELIVERIES, key, json(&known));
            }
            Ok(tx)
        }
        (
            Event::AssistanceChanged {
                interaction,
                assistance,
                step: AssistanceStep::Offered,
                through: Some(channel),
                ..
            },
            _,
        ) => {
            let waiting = Waiting {
                interaction: *interaction,
                number: 0,
                attempts: 0,
                due: entry.recorded.at,
                link: Some(assistance.clone()),
            };
            Ok(tx.put(OUTBOX, outbox_key(channel, entry.seq), json(&waiting)))
        }
        _ => Ok(tx),
    }
}

fn queue(tx: Tx, channel: &ConnectorId, seq: u64, interaction: InteractionId, message: &Message) -> Tx {
    let waiting = Waiting {
        interaction,
        number: message.number,
        attempts: 0,
        due: message.at,
        link: None,
    };
    let delivery = StoredDelivery {
        channel: channel.clone(),
        seq,
        shown: MessageDelivery {
            state: DeliveryState::Queued,
            at: message.at,
            attempts: 0,
            reason: None,
            words: None,
        },
    };
    tx.put(OUTBOX, outbox_key(channel, seq), json(&waiting)).put(
        DELIVERIES,
        delivery_key(interaction, message.number),
        json(&delivery),
    )
}

pub(super) fn json(value: &impl Serialize) -> Vec<u8> {
    // These types hold nothing that JSON can't say.
    serde_json::to_vec(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_late_changes_nothing() {
        use DeliveryState::{Delivered, Failed, Queued, Read, Sent};
        for (known, told, later) in [
            (Queued, Sent, true),
            (Queued, Failed, true),
            (Sent, Delivered, true),
            (Delivered, Read, true),
            (Sent, Failed, true),
            (Delivered, Sent, false),
            (Read, Delivered, false),
            (Failed, Delivered, false),
            (Sent, Sent, false),
        ] {
            assert_eq!(follows(known, told), later, "{known:?} {told:?}");
        }
    }
}
