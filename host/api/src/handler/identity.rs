//! Visitors who say who they are.

use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode};
use jackfield_types::{ChatEntryId, InteractionId, TenantId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::interaction::{STEERS_ALL, find};
use super::visit::{Peer, door};
use crate::App;
use crate::auth::InTenant;
use crate::error::Problem;
use crate::extract::{Answer, Json, Path};

/// What the site says of a visitor.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IdentityBody {
    /// A JWT (HS256) under the entry's identity secret, with the claims `sub` (the id in the tenant's own system), `aud`
    /// (`TENANT/ENTRY`), `exp` (an hour from now at most) and `jti`. Good once.
    pub token: String,
}

/// A secret, shown this once.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct IdentitySecretView {
    /// 64 hex digits: as they are, the key of HS256.
    pub secret: String,
}

/// A link for a customer.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct IdentityLinkView {
    /// To be put into a link to the tenant's site.
    pub token: String,
    /// Until then it is good, once.
    pub until: u64,
}

/// Who came with a link.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"token": "1700000000000.4f…", "identity": "crm:4711"}))]
pub struct IdentityLinkBody {
    /// The link's token.
    pub token: String,
    /// Who that is, `scheme:value`.
    pub identity: String,
}

/// Whose conversation it is.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct IdentifiedView {
    /// The customer.
    pub customer: String,
    /// The conversation in which the link was sent.
    pub interaction: String,
}

/// Says who the visitor is, as the page's own site vouches. Carries the visitor's token as bearer.
#[utoipa::path(post, path = "", tag = "chat", params(("tenant" = String, Path), ("entry" = String, Path)), request_body = IdentityBody, responses((status = 204), (status = 409, description = "The token was used, or the visitor is somebody else already.")))]
pub(crate) async fn identify_visitor(
    State(app): State<App>,
    peer: Option<Extension<Peer>>,
    Path(place): Path<(TenantId, ChatEntryId)>,
    headers: HeaderMap,
    Json(body): Json<IdentityBody>,
) -> Result<StatusCode, Problem> {
    let (door, _) = door(app, peer, place).await?;
    let (visitor, _) = door.conversation(&headers).await?;
    door.tenant
        .identify_visitor(&door.entry, &visitor, &body.token)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes a new identity secret for the entry; the one before is no longer good.
#[utoipa::path(post, path = "", tag = "chat", params(("entry" = String, Path)), responses((status = 201, body = IdentitySecretView)))]
pub(crate) async fn make_identity_secret(
    who: InTenant,
    Path(entry): Path<ChatEntryId>,
) -> Result<(StatusCode, Json<IdentitySecretView>), Problem> {
    let secret = who.tenant.make_identity_secret(&who.ctx, &entry).await?;
    Ok((StatusCode::CREATED, Json(IdentitySecretView { secret })))
}

/// Takes the identity secret away: no visitor of the entry is identified any longer.
#[utoipa::path(delete, path = "", tag = "chat", params(("entry" = String, Path)), responses((status = 204)))]
pub(crate) async fn remove_identity_secret(
    who: InTenant,
    Path(entry): Path<ChatEntryId>,
) -> Result<StatusCode, Problem> {
    who.tenant.remove_identity_secret(&who.ctx, &entry).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes a link by which the customer of a conversation says who that is: good once, for 30 minutes.
#[utoipa::path(post, path = "", tag = "chat", params(("interaction" = String, Path)), responses((status = 201, body = IdentityLinkView)))]
pub(crate) async fn make_identity_link(
    who: InTenant,
    Path(interaction): Path<InteractionId>,
) -> Result<(StatusCode, Json<IdentityLinkView>), Problem> {
    find(&who, interaction, STEERS_ALL).await?;
    let link = who.tenant.make_identity_link(&who.ctx, interaction).await?;
    let view = IdentityLinkView {
        token: link.token,
        until: link.until.0,
    };
    Ok((StatusCode::CREATED, Json(view)))
}

/// Says who came with a link.
#[utoipa::path(post, path = "", tag = "chat", request_body = IdentityLinkBody, responses((status = 200, body = IdentifiedView)))]
pub(crate) async fn take_identity_link(
    who: InTenant,
    Json(body): Json<IdentityLinkBody>,
) -> Answer<IdentifiedView> {
    let known = who.tenant.address(&body.identity)?;
    let (customer, interaction) = who
        .tenant
        .take_identity_link(&who.ctx, &body.token, &known)
        .await?;
    Ok(Json(IdentifiedView {
        customer: customer.to_string(),
        interaction: interaction.to_string(),
    }))
}
