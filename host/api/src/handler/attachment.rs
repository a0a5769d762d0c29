//! What comes with messages of written conversations: taken in piece by piece, and given back so that no browser runs it.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use http_body_util::BodyExt;
use jackfield_contact::chat::Side;
use jackfield_contact::decision::ReceivedAttachment;
use jackfield_runtime::{Attaching, Attachment, AttachmentUpload, OpenAttachment, Tenant, refusal};
use jackfield_types::limits::{COMPILE_MS_PER_MIB, MAX_ATTACHMENT_BYTES, MAX_HTTP_BODY_MS};
use jackfield_types::{AttachmentId, ChatEntryId, InteractionId, OpContext, TenantId};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;
use utoipa::{IntoParams, ToSchema};

use super::interaction::{SEES_ALL, find};
use super::message::acting;
use super::visit::{Peer, door};
use crate::App;
use crate::auth::InTenant;
use crate::chat::flood::Whose;
use crate::clock;
use crate::error::Problem;
use crate::extract::{Json, Path, Query};
use crate::idempotency::IDEMPOTENCY_KEY;

/// Something that came with a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AttachmentView {
    /// Under which it is kept; left out when the host has no contents of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What it is called: no folder, no control characters, at most 128 bytes.
    pub name: String,
    /// What its bytes are: `image/jpeg`, `image/png`, `image/gif`, `image/webp`, `application/pdf` or `text/plain`.
    pub media_type: String,
    /// Bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// SHA-256 of its bytes, 64 hex digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// `fetching` while it lies with the provider, `refused` when it will not be kept; left out when it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Why it was refused: a stable code, such as `wrong-type`, `too-large`, `host-not-allowed` or `not-available`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// The same for people, with what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// When the customer first opened it by the link to it, for one that went out through a provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened_at: Option<u64>,
}

impl From<&ReceivedAttachment> for AttachmentView {
    fn from(attachment: &ReceivedAttachment) -> Self {
        Self {
            id: attachment.id.map(|id| id.to_string()),
            name: attachment.name.to_string(),
            media_type: attachment.media_type.to_string(),
            size: attachment.size,
            digest: attachment.digest.map(|digest| digest.to_string()),
            state: match (&attachment.refused, &attachment.source) {
                (Some(_), _) => Some("refused".into()),
                (None, Some(_)) => Some("fetching".into()),
                (None, None) => None,
            },
            refused: attachment.refused.as_ref().map(ToString::to_string),
            problem: attachment.refused.as_deref().map(|code| refusal(code).into()),
            opened_at: attachment.opened_at.map(|at| at.0),
        }
    }
}

impl From<Attachment> for AttachmentView {
    fn from(attachment: Attachment) -> Self {
        Self::from(&ReceivedAttachment::from(attachment))
    }
}

/// What an agent uploads.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct UploadQuery {
    /// What it is called.
    #[serde(default)]
    name: String,
}

/// What a visitor uploads.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct VisitUploadQuery {
    /// What it is called.
    #[serde(default)]
    name: String,
    /// An id of the window's own, 1 to 128 bytes: the same file with the same id is kept once.
    client_id: String,
}

/// Uploads an attachment, to be sent with a message by its id: the file as it is, at most 10 MiB of `image/jpeg`,
/// `image/png`, `image/gif`, `image/webp`, `application/pdf` or `text/plain`, as the `Content-Type` says and the bytes show.
/// What is not sent within a day is removed. The same file with the same `Idempotency-Key` is kept once.
#[utoipa::path(post, path = "", tag = "chat", params(("interaction" = String, Path), UploadQuery), request_body(content = [u8], content_type = "image/jpeg"), responses((status = 201, body = AttachmentView)))]
pub(crate) async fn upload_attachment(
    who: InTenant,
    Path(interaction): Path<InteractionId>,
    Query(query): Query<UploadQuery>,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<AttachmentView>), Problem> {
    acting(&who, interaction).await?;
    let key = headers
        .get(IDEMPOTENCY_KEY)
        .map(|key| key.to_str().unwrap_or_default().to_owned());
    let upload = AttachmentUpload {
        interaction,
        by: Side::Agent,
        upload: &key.unwrap_or_else(|| uuid::Uuid::now_v7().to_string()),
        name: &query.name,
        media_type: media_type(&headers),
    };
    take(&who.tenant, &who.ctx, upload, &headers, body).await
}

/// Gives an attachment of a conversation. Pictures may be shown, anything else is to be saved; nothing of it is run.
#[utoipa::path(get, path = "", tag = "chat", params(("interaction" = String, Path), ("attachment" = String, Path)), responses((status = 200, content_type = "image/jpeg", body = [u8])))]
pub(crate) async fn get_attachment(
    who: InTenant,
    Path((interaction, attachment)): Path<(InteractionId, AttachmentId)>,
) -> Result<Response, Problem> {
    find(&who, interaction, SEES_ALL).await?;
    give(&who.tenant, &who.ctx, interaction, attachment, Side::Agent).await
}

/// Uploads what the visitor wants to send, as agents do. Carries the visitor's token as bearer.
#[utoipa::path(post, path = "", tag = "chat", params(("tenant" = String, Path), ("entry" = String, Path), VisitUploadQuery), request_body(content = [u8], content_type = "image/jpeg"), responses((status = 201, body = AttachmentView)))]
pub(crate) async fn visitor_uploads(
    State(app): State<App>,
    peer: Option<Extension<Peer>>,
    Path(place): Path<(TenantId, ChatEntryId)>,
    Query(query): Query<VisitUploadQuery>,
    headers: HeaderMap,
    body: Body,
) -> Result<(StatusCode, Json<AttachmentView>), Problem> {
    let (door, _) = door(app.clone(), peer, place).await?;
    let (visitor, interaction) = door.conversation(&headers).await?;
    let now = clock::now();
    app.flood.take(Whose::Uploads(visitor.name), now)?;
    app.flood.take(Whose::UploadsFrom(door.peer), now)?;
    let upload = AttachmentUpload {
        interaction,
        by: Side::Customer,
        upload: &query.client_id,
        name: &query.name,
        media_type: media_type(&headers),
    };
    take(&door.tenant, &door.ctx(), upload, &headers, body).await
}

/// Gives the visitor an attachment of a conversation of the visitor's own at this entry, also of one that is over.
#[utoipa::path(get, path = "", tag = "chat", params(("tenant" = String, Path), ("entry" = String, Path), ("interaction" = String, Path), ("attachment" = String, Path)), responses((status = 200, content_type = "image/jpeg", body = [u8])))]
pub(crate) async fn visitor_gets_attachment(
    State(app): State<App>,
    peer: Option<Extension<Peer>>,
    Path((tenant, entry, interaction, attachment)): Path<(
        TenantId,
        ChatEntryId,
        InteractionId,
        AttachmentId,
    )>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (door, _) = door(app, peer, (tenant, entry)).await?;
    let visitor = door.known_visitor(&headers)?;
    let found = door.tenant.interaction(&door.ctx(), interaction).await?;
    let own = found.filter(|it| {
        let entry = it.chat.as_ref().map(|chat| &chat.entry);
        *it.caller == *visitor.name && entry == Some(&door.entry)
    });
    own.ok_or_else(|| missing(attachment))?;
    give(&door.tenant, &door.ctx(), interaction, attachment, Side::Customer).await
}

fn missing(attachment: AttachmentId) -> Problem {
    Problem::not_found("attachment", attachment)
}

fn media_type(headers: &HeaderMap) -> &str {
    let said = headers.get(header::CONTENT_TYPE);
    said.and_then(|said| said.to_str().ok()).unwrap_or_default()
}

async fn take(
    tenant: &Tenant,
    ctx: &OpContext,
    upload: AttachmentUpload<'_>,
    headers: &HeaderMap,
    mut body: Body,
) -> Result<(StatusCode, Json<AttachmentView>), Problem> {
    let said = headers.get(header::CONTENT_LENGTH);
    let said = said.and_then(|bytes| bytes.to_str().ok()?.parse::<u64>().ok());
    // As much longer as the request may take for it.
    let mib = said.unwrap_or(MAX_ATTACHMENT_BYTES).min(MAX_ATTACHMENT_BYTES) >> 20;
    let limit = MAX_HTTP_BODY_MS + mib * COMPILE_MS_PER_MIB;
    let whole = async {
        let taken = match said {
            Some(said) if said > MAX_ATTACHMENT_BYTES => {
                Err(Problem::too_large(MAX_ATTACHMENT_BYTES as usize))
            }
            _ => read(tenant, ctx, upload, &mut body).await,
        };
        if taken.is_err() {
            // Who still sends when the connection ends does not see the answer.
            let mut left = MAX_ATTACHMENT_BYTES;
            while left > 0
                && let Some(Ok(frame)) = body.frame().await
            {
                left = left.saturating_sub(frame.data_ref().map_or(1, |data| data.len() as u64));
            }
        }
        taken
    };
    let Ok(attaching) = timeout(Duration::from_millis(limit), whole).await else {
        let detail = format!("the file had not come in whole after {limit} ms; nothing was kept");
        return Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "broken-body", detail));
    };
    let attachment = attaching?.finish().await?;
    Ok((StatusCode::CREATED, Json(attachment.into())))
}

async fn read(
    tenant: &Tenant,
    ctx: &OpContext,
    upload: AttachmentUpload<'_>,
    body: &mut Body,
) -> Result<Attaching, Problem> {
    let mut attaching = tenant.begin_attachment(ctx, upload).await?;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            let detail = format!("the file could not be read: {error}");
            Problem::new(StatusCode::BAD_REQUEST, "broken-body", detail)
        })?;
        if let Some(bytes) = frame.data_ref() {
            attaching.write(bytes).await?;
        }
    }
    Ok(attaching)
}

async fn give(
    tenant: &Tenant,
    ctx: &OpContext,
    interaction: InteractionId,
    id: AttachmentId,
    side: Side,
) -> Result<Response, Problem> {
    let found = tenant.open_attachment(ctx, interaction, id, side).await?;
    Ok(served(found.ok_or_else(|| missing(id))?))
}

/// The contents, so that no browser does anything with them.
pub(super) fn served(found: OpenAttachment) -> Response {
    let attachment = found.attachment();
    let headers = [
        (header::CONTENT_TYPE, attachment.media_type.to_string()),
        (header::CONTENT_LENGTH, attachment.size.to_string()),
        (header::CONTENT_DISPOSITION, disposition(attachment)),
        // Whatever a browser makes of it, it can do nothing.
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; sandbox".to_owned(),
        ),
    ];
    let pieces = stream::try_unfold(found, |mut found: OpenAttachment| async move {
        let piece = found.next().await?;
        Ok::<_, jackfield_store::Error>(piece.map(|piece| (Bytes::from(piece), found)))
    });
    (headers, Body::from_stream(pieces)).into_response()
}

/// RFC 6266: the name in ASCII for those that know no better, and as it is.
fn disposition(attachment: &Attachment) -> String {
    let how = if attachment.is_picture() {
        "inline"
    } else {
        "attachment"
    };
    let plain: String = attachment
        .name
        .chars()
        .map(|c| match c {
            '"' | '\\' | '%' => '_',
            ' '..='~' => c,
            _ => '_',
        })
        .collect();
    let mut whole = String::new();
    for byte in attachment.name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            whole.push(char::from(byte));
        } else {
            whole.push_str(&format!("%{byte:02X}"));
        }
    }
    format!("{how}; filename=\"{plain}\"; filename*=UTF-8''{whole}")
}
