//! API keys of users.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jackfield_runtime::{KeyRecord, NewKey};
use jackfield_types::UserId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::page::{Page, Paging};
use super::user;
use crate::auth::InTenant;
use crate::clock;
use crate::error::Problem;
use crate::extract::{Answer, Json, Path, Query};
use crate::idempotency::KeptBody;

/// A key to be made.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyBody {
    /// What it is for, 1 to 128 bytes.
    pub label: String,
}

/// A key, without its secret.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct KeyView {
    /// Names the key; it isn't secret.
    pub id: String,
    /// What it is for.
    pub label: String,
    /// When it was made.
    pub created_at: u64,
}

/// A new key.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct NewKeyView {
    /// Names the key; it isn't secret.
    pub id: String,
    /// The user that it belongs to.
    pub user: String,
    /// The key itself, shown this once: only its digest is stored. Null when an idempotent request is replayed; then
    /// revoke the key and make another.
    #[schema(example = "jf_…")]
    pub key: Option<String>,
}

impl From<KeyRecord> for KeyView {
    fn from(record: KeyRecord) -> Self {
        Self {
            id: record.id.to_string(),
            label: record.label.to_string(),
            created_at: record.created_at.0,
        }
    }
}

impl From<NewKey> for NewKeyView {
    fn from(new: NewKey) -> Self {
        Self {
            id: new.record.id,
            user: new.record.user.to_string(),
            key: Some(new.secret),
        }
    }
}

/// An answer that holds a secret once: what is kept for replays has it taken out.
pub(crate) fn with_secret<T: Serialize + Clone>(view: T, forget: impl FnOnce(&mut T)) -> Response {
    let mut kept = view.clone();
    forget(&mut kept);
    let kept = KeptBody(serde_json::to_vec(&kept).unwrap_or_default());
    let mut response = (StatusCode::CREATED, Json(view)).into_response();
    response.extensions_mut().insert(kept);
    response
}

/// Lists the keys of a user, without their secrets.
#[utoipa::path(get, path = "", tag = "people", params(("user" = String, Path), Paging), responses((status = 200, body = Page<KeyView>)))]
pub(crate) async fn list_keys(
    who: InTenant,
    Path(user): Path<UserId>,
    Query(paging): Query<Paging>,
) -> Answer<Page<KeyView>> {
    user::find(&who, &user).await?;
    let mut keys = who.platform.accounts().keys(&who.ctx, &user).await?;
    keys.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(Json(paging.cut(
        keys.into_iter(),
        |key| key.id.to_string(),
        KeyView::from,
    )?))
}

/// Makes a key for a user and shows it, this once.
#[utoipa::path(post, path = "", tag = "people", params(("user" = String, Path)), request_body = KeyBody, responses((status = 201, body = NewKeyView)))]
pub(crate) async fn create_key(
    who: InTenant,
    Path(user): Path<UserId>,
    Json(body): Json<KeyBody>,
) -> Result<Response, Problem> {
    user::check_name("label", &body.label)?;
    user::find(&who, &user).await?;
    let new = who
        .platform
        .accounts()
        .create_key(&who.ctx, &user, &body.label, clock::now())
        .await?;
    Ok(with_secret(NewKeyView::from(new), |kept| kept.key = None))
}

/// Revokes a key. Requests with it are refused from then on; event streams opened with it end within seconds.
#[utoipa::path(delete, path = "", tag = "people", params(("user" = String, Path), ("key" = String, Path, description = "The key's id, not the key.")), responses((status = 204)))]
pub(crate) async fn revoke_key(
    who: InTenant,
    Path((user, key)): Path<(UserId, String)>,
) -> Result<StatusCode, Problem> {
    who.platform.accounts().revoke_key(&who.ctx, &user, &key).await?;
    Ok(StatusCode::NO_CONTENT)
}
