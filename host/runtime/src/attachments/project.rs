//! What became of an attachment after its message was written goes into the row of the message, in the commit of the event.

use std::collections::BTreeMap;

use jackfield_contact::event::Event;
use jackfield_store::{Error as StoreError, Store, Tx};
use jackfield_types::{AttachmentId, InteractionId, OpContext, Timestamp};

use super::{ATTACHMENTS, Row, link, row_key};
use crate::chats::{MESSAGES, StoredMessage, message_key};
use crate::customers::{Keys, Opener, seal_message, sealed_for};

/// Messages that one commit changes more than once, by key.
pub(crate) type Changed = BTreeMap<String, StoredMessage>;

/// Adds to a commit what an event of it changes about a message that is there.
pub(crate) async fn changed_message(
    store: &Store,
    ctx: &OpContext,
    keys: &Keys,
    (at, event): (Timestamp, &Event),
    changed: &mut Changed,
    tx: Tx,
) -> Result<Tx, StoreError> {
    let (id, number) = match event {
        Event::AttachmentFetched {
            interaction, number, ..
        }
        | Event::AttachmentOpened {
            interaction, number, ..
        } => (*interaction, *number),
        _ => return Ok(tx),
    };
    let mut opener = Opener::new(store, ctx, keys);
    let key = message_key(id, number);
    let Some(row) = store.get(ctx, MESSAGES, key.as_bytes()).await? else {
        return Ok(tx);
    };
    let mut message: StoredMessage = match changed.get(&key) {
        Some(message) => message.clone(),
        None => opener.open(&row.value).await?,
    };
    let mut tx = tx;
    match event {
        Event::AttachmentFetched {
            index,
            attachment,
            refused,
            ..
        } => {
            let kept = match attachment {
                Some(attachment) => kept(store, ctx, &mut opener, id, *attachment).await?,
                None => None,
            };
            let place = message.attachments.get_mut(*index as usize);
            let Some(place) = place else { return Ok(tx) };
            match kept {
                Some(kept) => *place = kept.view().into(),
                None => place.refused.clone_from(refused),
            }
            place.source = None;
        }
        Event::AttachmentOpened { attachment, .. } => {
            tx = link::put_opened(store, ctx, keys, (*attachment, at), tx).await?;
            let mut all = message.attachments.iter_mut();
            let Some(place) = all.find(|place| place.id == Some(*attachment)) else {
                return Ok(tx);
            };
            place.opened_at.get_or_insert(at);
        }
        _ => {}
    }
    let customer = sealed_for(&row.value);
    let key_of = match &customer {
        Some(customer) => opener.key(customer).await?,
        None => None,
    };
    // Of an erased customer nothing is written that could be read.
    if customer.is_some() && key_of.is_none() {
        return Ok(tx);
    }
    let sealed = seal_message(&message, customer.as_ref().zip(key_of.as_deref()))?;
    changed.insert(key.clone(), message);
    Ok(tx.put(MESSAGES, key, sealed))
}

async fn kept(
    store: &Store,
    ctx: &OpContext,
    opener: &mut Opener<'_>,
    interaction: InteractionId,
    id: AttachmentId,
) -> Result<Option<Row>, StoreError> {
    let key = row_key(interaction, id);
    match store.get(ctx, ATTACHMENTS, key.as_bytes()).await? {
        Some(row) => Ok(Some(opener.open(&row.value).await?)),
        None => Ok(None),
    }
}
