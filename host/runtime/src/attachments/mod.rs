//! Attachments of written conversations: taken in piece by piece, judged by their bytes, kept sealed under the customer's key.
//!
//! An upload goes into a file without a name; when all of it is there and is what its sender says, it is sealed into another,
//! and a row is written that knows the sealed bytes' digest. Then they become a blob, and only then the sender is told.
//! So a stop at any moment leaves nothing that no row knows of, and loses nothing that was acknowledged. What no message
//! carries in time is removed ([`Tenant::sweep_unsent`]); the commit of the message that carries it says that it is sent.
//!
//! Policy of [`AttachmentError`]: whatever is refused left nothing behind. `Submit` as of [`SubmitError`].

mod kind;
mod link;
mod name;
mod project;
mod received;
mod seal;
mod sweep;

#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;

use jackfield_contact::chat::Side;
use jackfield_contact::decision::ReceivedAttachment;
use jackfield_contact::event::Event;
use jackfield_contact::interaction::Stage;
use jackfield_store::{Error as StoreError, Scan, Space, Tx};
use jackfield_types::{
    AttachmentId, CustomerId, Digest, InteractionId, OpContext, Timestamp, is_name, limits,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::io::AsyncWriteExt;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;

use self::kind::{Kind, Said};
pub use self::link::LinkedAttachment;
pub(crate) use self::link::{link_path, put_links};
pub(crate) use self::project::{Changed, changed_message};
pub use self::received::refusal;
pub(crate) use self::received::{Fetched, NOT_AVAILABLE, code_of, is_taken};
use crate::customers::{DataKey, seal_row};
use crate::metering::QuotaExceeded;
use crate::tenant::Tenant;
use crate::{SubmitError, clock};

pub(crate) use sweep::keep_unsent_swept;

/// Keys `{interaction} {attachment}`.
const ATTACHMENTS: Space = Space::new("attachments");
/// Those that no message carries yet. Keys are their ids, which sort by time; values the interactions'.
const UNSENT: Space = Space::new("attachments-unsent");

/// Why an attachment is not taken.
#[derive(Debug, thiserror::Error)]
pub enum AttachmentError {
    /// Nobody may send that.
    #[error("attachments of type {found:?} are not taken: expected {}", kind::EXPECTED)]
    NotAllowed {
        /// The type that its sender says.
        found: String,
    },
    /// It is something else.
    #[error(
        "the file is said to be {declared}, and its bytes are {found}: expected {}, as said",
        kind::EXPECTED
    )]
    Mismatch {
        /// What its sender says.
        declared: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// A part of it is missing.
    #[error("the file is no whole {0}: {1}; send it again")]
    Damaged(&'static str, &'static str),
    /// Whoever opens it would need too much memory.
    #[error("the picture says that it has {0} pixels: expected at most {most}", most = limits::MAX_ATTACHMENT_PIXELS)]
    TooManyPixels(u64),
    /// It is too large.
    #[error(
        "the file is larger than {} bytes, the most that is taken",
        limits::MAX_ATTACHMENT_BYTES
    )]
    TooLarge,
    /// There is nothing in it.
    #[error("the file is empty: expected 1 to {} bytes", limits::MAX_ATTACHMENT_BYTES)]
    Empty,
    /// The conversation has enough.
    #[error(
        "the conversation has {files} attachments of {bytes} bytes: expected at most {} and {} with this one",
        limits::MAX_CONVERSATION_ATTACHMENTS,
        limits::MAX_CONVERSATION_ATTACHMENT_BYTES
    )]
    TooMany {
        /// How many.
        files: usize,
        /// How large they are together.
        bytes: u64,
    },
    /// The tenant's storage is full.
    #[error(transparent)]
    Quota(#[from] QuotaExceeded),
    /// The id of the upload.
    #[error("the upload's id: {}", jackfield_types::NAME_EXPECTED)]
    Upload,
    /// The id of the upload was given to another file.
    #[error("an upload with this id brought another file; give each file an id of its own")]
    OtherFile,
    /// The conversation takes none.
    #[error("{0}")]
    WrongState(String),
    /// There is no such attachment that can be sent.
    #[error(
        "attachments[{index}]: there is no attachment {id} of this sender in the conversation that can still be sent; upload it again"
    )]
    Unknown {
        /// Which of the message's.
        index: usize,
        /// Its id.
        id: AttachmentId,
    },
    /// A message names the same one twice.
    #[error("attachments[{index}]: {id} is attached already, as attachments[{first}]; name each once")]
    Twice {
        /// Which of the message's.
        index: usize,
        /// Its id.
        id: AttachmentId,
        /// Where it is named first.
        first: usize,
    },
    /// The platform refuses.
    #[error(transparent)]
    Submit(#[from] SubmitError),
}

impl From<StoreError> for AttachmentError {
    fn from(error: StoreError) -> Self {
        Self::Submit(error.into())
    }
}

impl From<io::Error> for AttachmentError {
    fn from(error: io::Error) -> Self {
        Self::Submit(SubmitError::Unavailable(format!("attachments: {error}")))
    }
}

/// An attachment that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Its id.
    pub id: AttachmentId,
    /// What it is called: a name without a folder, of characters that can be seen, at most 128 bytes.
    pub name: Arc<str>,
    /// What its bytes are.
    pub media_type: Arc<str>,
    /// Bytes.
    pub size: u64,
    /// SHA-256 of its bytes; `None` when the customer is erased.
    pub digest: Option<Digest>,
}

impl Attachment {
    /// Whether it is a picture, which may be shown.
    pub fn is_picture(&self) -> bool {
        self.media_type.starts_with("image/")
    }
}

impl From<Attachment> for ReceivedAttachment {
    fn from(attachment: Attachment) -> Self {
        Self {
            name: attachment.name,
            media_type: attachment.media_type,
            size: Some(attachment.size),
            id: Some(attachment.id),
            digest: attachment.digest,
            source: None,
            refused: None,
            opened_at: None,
        }
    }
}

/// As stored: name and digest are sealed.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Row {
    id: AttachmentId,
    customer: CustomerId,
    by: Side,
    /// The id that its sender gave the upload.
    upload: Arc<str>,
    media_type: Arc<str>,
    size: u64,
    /// Of the sealed bytes.
    blob: Digest,
    name: Arc<str>,
    digest: Option<Digest>,
}

impl Row {
    fn personal() -> Vec<(&'static str, Value)> {
        vec![("/name", json!("erased")), ("/digest", Value::Null)]
    }

    fn view(self) -> Attachment {
        Attachment {
            id: self.id,
            name: self.name,
            media_type: self.media_type,
            size: self.size,
            digest: self.digest,
        }
    }
}

/// What a tenant's uploads share.
pub(crate) struct AttachmentState {
    turns: Arc<Semaphore>,
    /// Held while an upload is counted, written and stored, so that each knows of those before.
    writing: Mutex<()>,
}

impl Default for AttachmentState {
    fn default() -> Self {
        Self {
            turns: Arc::new(Semaphore::new(limits::MAX_TENANT_ATTACHING)),
            writing: Mutex::default(),
        }
    }
}

/// What is about to be uploaded.
#[derive(Debug, Clone)]
pub struct AttachmentUpload<'a> {
    /// To which conversation.
    pub interaction: InteractionId,
    /// Whose it is.
    pub by: Side,
    /// An id that the sender gives it, 1 to 128 bytes: the same file with the same id is kept once.
    pub upload: &'a str,
    /// What the sender calls it.
    pub name: &'a str,
    /// What the sender says that it is.
    pub media_type: &'a str,
}

/// An upload under way. Dropped, it leaves nothing behind.
pub struct Attaching {
    tenant: Tenant,
    ctx: OpContext,
    interaction: InteractionId,
    customer: CustomerId,
    by: Side,
    upload: Arc<str>,
    /// As its sender calls it.
    name: Arc<str>,
    said: Said,
    /// Fetched from a provider, perhaps after the conversation's end, and perhaps again after a stop.
    fetched: bool,
    file: tokio::fs::File,
    hash: Sha256,
    size: u64,
    _turn: OwnedSemaphorePermit,
}

/// What a file is by its bytes when that may be sent, else what its sender says: programs for mail say of many files only
/// that they are bytes.
pub(crate) fn media_type_of<'a>(said: &'a str, bytes: &[u8]) -> &'a str {
    kind::found(bytes).unwrap_or(said)
}

fn row_key(interaction: InteractionId, id: AttachmentId) -> String {
    format!("{interaction} {id}")
}

/// Adds to the commit of a message that what it carries is sent; to that of what was fetched for one, that it is there.
pub(crate) fn project(event: &Event, tx: Tx) -> Tx {
    // One commit may hold the same attachment more than once.
    let sent = |tx: Tx, id: AttachmentId| {
        let key = id.to_string();
        tx.delete(UNSENT, key)
    };
    match event {
        Event::MessageSent { attachments, .. } => attachments
            .iter()
            .filter_map(|attachment| attachment.id)
            .fold(tx, sent),
        Event::AttachmentFetched {
            attachment: Some(id), ..
        } => sent(tx, *id),
        _ => tx,
    }
}

impl Tenant {
    /// Begins an upload: refused at once when it can't be taken whatever comes.
    ///
    /// # Errors
    /// [`AttachmentError::NotAllowed`], `TooMany`, `Upload`, `WrongState`; `Submit` with `Overloaded` while
    /// [`limits::MAX_TENANT_ATTACHING`] are under way.
    pub async fn begin_attachment(
        &self,
        ctx: &OpContext,
        upload: AttachmentUpload<'_>,
    ) -> Result<Attaching, AttachmentError> {
        let kind = Kind::named(upload.media_type)?;
        if !is_name(upload.upload) {
            return Err(AttachmentError::Upload);
        }
        let turns = self.inner.attachments.turns.clone();
        let turn = turns.try_acquire_owned().map_err(|_| SubmitError::Overloaded)?;
        let customer = self.attachable(ctx, upload.interaction, upload.by).await?;
        Ok(Attaching {
            file: tokio::fs::File::from_std(self.store().blobs().scratch(ctx).await?),
            tenant: self.clone(),
            ctx: ctx.clone(),
            interaction: upload.interaction,
            customer,
            by: upload.by,
            upload: upload.upload.into(),
            name: upload.name.into(),
            said: Said::Exactly(kind),
            fetched: false,
            hash: Sha256::new(),
            size: 0,
            _turn: turn,
        })
    }

    /// Whether a conversation takes attachments; whose it is.
    async fn attachable(
        &self,
        ctx: &OpContext,
        id: InteractionId,
        by: Side,
    ) -> Result<CustomerId, AttachmentError> {
        let found = self.read(move |centre| {
            let it = centre.interaction(id).filter(|it| it.stage != Stage::Ended)?;
            Some((it.chat.as_ref()?.entry.clone(), it.customer.clone()))
        });
        let wrong = |what: &str| AttachmentError::WrongState(format!("interaction {id} {what}"));
        let Some((entry, customer)) = found.await? else {
            return Err(wrong("is no written conversation that goes on"));
        };
        if by == Side::Agent
            && let Some(channel) = self.inner.channels.of_entry(&entry)
            && !channel.is_email()
            && self.link_origin(ctx, &channel.id).await?.is_none()
        {
            return Err(wrong(
                "goes on through a provider, where an attachment goes out as a link, and where customers reach this server is \
                 not known: set public_url in /v1/link-settings",
            ));
        }
        customer.ok_or_else(|| wrong("is of nobody who is known, so there is no key to keep it under"))
    }

    async fn rows(&self, ctx: &OpContext, interaction: InteractionId) -> Result<Vec<Row>, StoreError> {
        let scan = Scan::prefix(format!("{interaction} ")).limit(limits::MAX_CONVERSATION_ATTACHMENTS);
        let mut opener = self.opener(ctx);
        let mut rows = Vec::new();
        for row in self.store().scan(ctx, ATTACHMENTS, scan).await?.rows {
            rows.push(opener.open(&row.value).await?);
        }
        Ok(rows)
    }

    async fn row(
        &self,
        ctx: &OpContext,
        interaction: InteractionId,
        id: AttachmentId,
        side: Side,
    ) -> Result<Option<Row>, StoreError> {
        let key = row_key(interaction, id);
        let Some(row) = self.store().get(ctx, ATTACHMENTS, key.as_bytes()).await? else {
            return Ok(None);
        };
        let row: Row = self.opener(ctx).open(&row.value).await?;
        // What is not sent is its sender's alone.
        if row.by != side && self.is_unsent(ctx, id).await? {
            return Ok(None);
        }
        Ok(Some(row))
    }

    async fn is_unsent(&self, ctx: &OpContext, id: AttachmentId) -> Result<bool, StoreError> {
        let found = self.store().get(ctx, UNSENT, id.to_string().as_bytes()).await?;
        Ok(found.is_some())
    }

    /// What a message of one side may carry, in this order.
    ///
    /// # Errors
    /// [`AttachmentError::Unknown`] for what that side has not uploaded to the conversation, or longer than
    /// [`limits::MAX_UNSENT_ATTACHMENT_MS`] ago without sending it; [`AttachmentError::Twice`].
    pub async fn attached(
        &self,
        ctx: &OpContext,
        interaction: InteractionId,
        by: Side,
        ids: &[AttachmentId],
    ) -> Result<Vec<ReceivedAttachment>, AttachmentError> {
        let now = clock::now();
        let oldest =
            AttachmentId::lowest_at(Timestamp(now.0.saturating_sub(limits::MAX_UNSENT_ATTACHMENT_MS)));
        let mut attached = Vec::with_capacity(ids.len());
        // One more than there may be, so that the core can say how many those are.
        let looked_at = &ids[..ids.len().min(limits::MAX_ATTACHMENTS + 1)];
        for (index, id) in looked_at.iter().copied().enumerate() {
            let first = looked_at.iter().position(|other| *other == id);
            if let Some(first) = first.filter(|first| *first < index && ids.len() <= limits::MAX_ATTACHMENTS)
            {
                return Err(AttachmentError::Twice { index, id, first });
            }
            let row = self
                .row(ctx, interaction, id, by)
                .await?
                .filter(|row| row.by == by);
            let row = row.ok_or(AttachmentError::Unknown { index, id })?;
            if id < oldest && self.is_unsent(ctx, id).await? {
                return Err(AttachmentError::Unknown { index, id });
            }
            attached.push(row.view().into());
        }
        Ok(attached)
    }

    /// An attachment of a conversation, to be read; `None` when there is none that this side may see.
    ///
    /// # Errors
    /// When the store refuses.
    pub async fn open_attachment(
        &self,
        ctx: &OpContext,
        interaction: InteractionId,
        id: AttachmentId,
        side: Side,
    ) -> Result<Option<OpenAttachment>, SubmitError> {
        let Some(row) = self.row(ctx, interaction, id, side).await? else {
            return Ok(None);
        };
        let Some(key) = self.opener(ctx).key(&row.customer).await? else {
            return Ok(None);
        };
        if self.store().blobs().len(ctx, row.blob).await?.is_none() {
            return Ok(None);
        }
        let blob = row.blob;
        Ok(Some(OpenAttachment {
            tenant: self.clone(),
            ctx: ctx.clone(),
            attachment: row.view(),
            blob,
            key,
            frame: 0,
        }))
    }
}

impl Attaching {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// [`AttachmentError::TooLarge`]; when the disk refuses.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), AttachmentError> {
        self.size += bytes.len() as u64;
        if self.size > limits::MAX_ATTACHMENT_BYTES {
            return Err(AttachmentError::TooLarge);
        }
        self.hash.update(bytes);
        Ok(self.file.write_all(bytes).await?)
    }

    /// All is there: it is judged and kept. Durable when it returns.
    ///
    /// # Errors
    /// Any of [`AttachmentError`] but `Unknown`.
    pub async fn finish(mut self) -> Result<Attachment, AttachmentError> {
        if self.size == 0 {
            return Err(AttachmentError::Empty);
        }
        self.file.flush().await?;
        let (tenant, ctx) = (&self.tenant, &self.ctx);
        let store = tenant.store();
        let key = tenant.opener(ctx).key(&self.customer).await?;
        let key = key.ok_or_else(|| AttachmentError::WrongState("the customer is erased".into()))?;
        let id = AttachmentId::from_uuid(uuid::Uuid::now_v7());
        let (said, size, sealing) = (self.said, self.size, key.clone());
        let (mut plain, mut sealed) = (self.file.into_std().await, store.blobs().scratch(ctx).await?);
        let judged = spawn_blocking(move || {
            let kind = said.judge(&mut plain)?;
            let blob = seal::seal(&sealing, id, size, &mut plain, &mut sealed)?;
            Ok::<_, AttachmentError>((kind, blob, sealed))
        });
        let (kind, blob, sealed) = judged.await.map_err(io::Error::other)??;
        let row = Row {
            id,
            customer: self.customer,
            by: self.by,
            upload: self.upload,
            media_type: kind.media_type().into(),
            size,
            blob,
            name: name::clean(&self.name, kind),
            digest: Some(Digest::from_bytes(self.hash.finalize().into())),
        };

        let _writing = tenant.inner.attachments.writing.lock().await;
        // It may have ended while the bytes came in.
        if !self.fetched {
            tenant.attachable(ctx, self.interaction, self.by).await?;
        }
        let known = tenant.rows(ctx, self.interaction).await?;
        for same in known
            .iter()
            .filter(|known| known.by == row.by && known.upload == row.upload)
        {
            if (same.digest, &same.media_type) != (row.digest, &row.media_type) {
                // What was fetched before a stop and is carried by no message is removed like what was never sent.
                if self.fetched {
                    continue;
                }
                return Err(AttachmentError::OtherFile);
            }
            // Without its bytes it is left over from a stop, and nobody was told of it.
            if store.blobs().len(ctx, same.blob).await?.is_some() {
                return Ok(same.clone().view());
            }
        }
        let (files, bytes) = (known.len(), known.iter().map(|known| known.size).sum::<u64>());
        if files >= limits::MAX_CONVERSATION_ATTACHMENTS
            || bytes + size > limits::MAX_CONVERSATION_ATTACHMENT_BYTES
        {
            return Err(AttachmentError::TooMany { files, bytes });
        }
        tenant.check_room(size).await??;
        let at = row_key(self.interaction, id);
        let value = seal_row(&row, Row::personal(), (&row.customer, &key))?;
        let tx =
            Tx::new()
                .put(ATTACHMENTS, at, value)
                .put(UNSENT, id.to_string(), self.interaction.to_string());
        store.commit(ctx, tx).await?;
        let stored = store
            .blobs()
            .put_stream(ctx, tokio::fs::File::from_std(sealed))
            .await;
        if stored.as_ref() != Ok(&blob) {
            tenant
                .forget_attachment(ctx, &self.interaction.to_string(), &row)
                .await?;
            stored?;
            let other = "attachments: what was read back is not what was written";
            return Err(SubmitError::Unavailable(other.into()).into());
        }
        Ok(row.view())
    }
}

/// An attachment that is being read.
pub struct OpenAttachment {
    tenant: Tenant,
    ctx: OpContext,
    attachment: Attachment,
    blob: Digest,
    key: Arc<DataKey>,
    frame: u64,
}

impl OpenAttachment {
    /// What is read.
    pub const fn attachment(&self) -> &Attachment {
        &self.attachment
    }

    /// The next bytes, at most 64 KiB; `None` at the end.
    ///
    /// # Errors
    /// When they are not what was kept, or were erased meanwhile.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        let (id, size) = (self.attachment.id, self.attachment.size);
        if self.frame >= seal::frames(size) {
            return Ok(None);
        }
        let blobs = self.tenant.store().blobs();
        let from = self.frame * seal::SEALED as u64;
        let sealed = blobs.get_range(&self.ctx, self.blob, from, seal::SEALED).await?;
        let opened = sealed.and_then(|sealed| seal::open(&self.key, id, size, self.frame, &sealed));
        self.frame += 1;
        opened.map(Some).ok_or_else(|| StoreError::Corrupt {
            what: format!("attachment {id} of tenant {}", self.ctx.tenant),
        })
    }
}
