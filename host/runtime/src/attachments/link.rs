//! Links to attachments that agents send where the provider takes text alone: each opens one file, for a while, and cannot be
//! guessed. Its code follows from the attachment, so a message that is sent again has the same link, and its row is written
//! in the commit of the message.

use std::sync::Arc;

use jackfield_contact::chat::Side;
use jackfield_contact::decision::Author;
use jackfield_contact::event::Event;
use jackfield_contact::input::Input;
use jackfield_store::{Error as StoreError, Space, Store, Tx};
use jackfield_types::{AttachmentId, ConnectorId, InteractionId, OpContext, Timestamp, limits};
use serde::{Deserialize, Serialize};

use super::OpenAttachment;
use crate::SubmitError;
use crate::cases::token::{self, Kind};
use crate::customers::Keys;
use crate::tenant::Tenant;

/// Keys are codes.
const LINKS: Space = Space::new("attachment-links");
/// To an attachment: 80 bits that follow from its id under the tenant's key, and 40 that seal them.
const ATTACHMENT_LINK: Kind = Kind::new("attachment-link", 10, 5);

/// A link as stored. It names nobody.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Link {
    interaction: InteractionId,
    number: u32,
    attachment: AttachmentId,
    expires_at: Timestamp,
    opened_at: Option<Timestamp>,
}

/// What a link leads to.
pub struct LinkedAttachment {
    /// The file.
    pub file: OpenAttachment,
    link: Link,
}

fn code(keys: &Keys, id: AttachmentId) -> [u8; 10] {
    let blind = keys.blind("attachment-link-code", &id.to_string());
    let mut code = [0; 10];
    code.copy_from_slice(&blind[..10]);
    code
}

/// Under which the link of an attachment is kept.
pub(super) fn key(keys: &Keys, id: AttachmentId) -> String {
    token::encode(&code(keys, id))
}

/// What follows the server's address in the link to an attachment.
pub(crate) fn link_path(tenant: &Tenant, id: AttachmentId) -> String {
    let keys = &tenant.inner.customers.keys;
    let token = token::make(keys, ATTACHMENT_LINK, &code(keys, id));
    format!("/file/{}/{token}", tenant.id())
}

/// Adds the links of a message to its commit, when it goes out through a provider.
pub(crate) fn put_links(keys: &Keys, event: &Event, through_provider: bool, tx: Tx) -> Tx {
    let Event::MessageSent {
        interaction,
        message,
        attachments,
        ..
    } = event
    else {
        return tx;
    };
    if !through_provider || message.author == Author::Customer {
        return tx;
    }
    let ids = attachments.iter().filter_map(|attachment| attachment.id);
    ids.fold(tx, |tx, attachment| {
        let link = Link {
            interaction: *interaction,
            number: message.number,
            attachment,
            expires_at: message.at + limits::ATTACHMENT_LINK_MS,
            opened_at: None,
        };
        let key = key(keys, attachment);
        tx.put(LINKS, key, json(&link))
    })
}

/// Adds to the commit of a first opening that it was one.
pub(super) async fn put_opened(
    store: &Store,
    ctx: &OpContext,
    keys: &Keys,
    (attachment, at): (AttachmentId, Timestamp),
    tx: Tx,
) -> Result<Tx, StoreError> {
    let key = key(keys, attachment);
    let row = store.get(ctx, LINKS, key.as_bytes()).await?;
    let link = row.and_then(|row| serde_json::from_slice::<Link>(&row.value).ok());
    Ok(match link {
        Some(mut link) if link.opened_at.is_none() => {
            link.opened_at = Some(at);
            tx.put(LINKS, key, json(&link))
        }
        _ => tx,
    })
}

/// Adds that the link of an attachment is no more.
pub(super) fn forget(keys: &Keys, id: AttachmentId, tx: Tx) -> Tx {
    tx.delete(LINKS, key(keys, id))
}

fn json(link: &Link) -> Vec<u8> {
    // It holds nothing that JSON can't say.
    serde_json::to_vec(link).unwrap_or_default()
}

impl Tenant {
    /// Where links of a channel's messages begin: as the tenant says, else where its provider calls.
    pub(crate) async fn link_origin(
        &self,
        ctx: &OpContext,
        channel: &ConnectorId,
    ) -> Result<Option<Arc<str>>, SubmitError> {
        let settings = self.link_settings(ctx).await;
        let settings = settings.map_err(|error| SubmitError::Unavailable(error.to_string()))?;
        if let Some(url) = settings.public_url {
            return Ok(Some(url.into()));
        }
        let called = self
            .channel(channel)
            .ok()
            .and_then(|channel| channel.settings.public_url);
        let origin = called.and_then(|url| Some(url::Url::parse(&url).ok()?.origin().ascii_serialization()));
        Ok(origin.map(Into::into))
    }

    /// The file that a token opens. `None` says nothing of why: of another tenant, too old, erased, or no token at all.
    ///
    /// # Errors
    /// When the store refuses.
    pub async fn linked_attachment(
        &self,
        ctx: &OpContext,
        token: &str,
        now: Timestamp,
    ) -> Result<Option<LinkedAttachment>, SubmitError> {
        let Some(body) = token::open(&self.inner.customers.keys, ATTACHMENT_LINK, token) else {
            return Ok(None);
        };
        let row = self
            .store()
            .get(ctx, LINKS, token::encode(&body).as_bytes())
            .await?;
        let link = row.and_then(|row| serde_json::from_slice::<Link>(&row.value).ok());
        let Some(link) = link.filter(|link| now < link.expires_at) else {
            return Ok(None);
        };
        let file = self.open_attachment(ctx, link.interaction, link.attachment, Side::Customer);
        Ok(file.await?.map(|file| LinkedAttachment { file, link }))
    }

    /// The customer opens what a link leads to: the first time is an event of the conversation.
    ///
    /// # Errors
    /// When the platform refuses.
    pub async fn opened_by_link(&self, linked: &LinkedAttachment) -> Result<(), SubmitError> {
        if linked.link.opened_at.is_some() {
            return Ok(());
        }
        self.submit(Input::AttachmentOpened {
            interaction: linked.link.interaction,
            number: linked.link.number,
            attachment: linked.link.attachment,
        })
        .await
    }
}
