//! Versions of plugins.

use axum::http::StatusCode;
use jackfield_registry::PluginRecord;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::page::{Page, Paging};
use crate::auth::InTenant;
use crate::clock;
use crate::error::Problem;
use crate::extract::{Answer, Json, Query, Wasm};

/// One version of a plugin. Versions are never overwritten.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PluginView {
    /// The plugin.
    pub id: String,
    /// Its version.
    pub version: String,
    /// `voice-flow`, `chat-flow`, `routing-strategy`, `outbound-rule`, `pacing-strategy`, `tag-generator`,
    /// `qa-scorecard`, `channel-connector` or `agent-assist`.
    pub kind: String,
    /// SHA-256 of the component, 64 hex digits.
    pub digest: String,
    /// Bytes of the component.
    pub size: u64,
    /// One line for people.
    pub description: Option<String>,
    /// An SPDX expression.
    pub licence: Option<String>,
    /// When it was uploaded.
    pub uploaded_at: u64,
    /// Who uploaded it.
    pub uploaded_by: String,
}

impl From<PluginRecord> for PluginView {
    fn from(record: PluginRecord) -> Self {
        Self {
            id: record.id.to_string(),
            version: record.version.to_string(),
            kind: record.kind.to_string(),
            digest: record.digest.to_string(),
            size: record.size,
            description: record.description,
            licence: record.licence,
            uploaded_at: record.uploaded_at.0,
            uploaded_by: record.uploaded_by,
        }
    }
}

/// Lists the versions of all plugins, by id and version.
#[utoipa::path(get, path = "", tag = "plugins", params(Paging), responses((status = 200, body = Page<PluginView>)))]
pub(crate) async fn list_plugins(who: InTenant, Query(paging): Query<Paging>) -> Answer<Page<PluginView>> {
    let plugins = who.platform.registry().plugins(&who.ctx).await?;
    // Versions don't sort as text, so the cursor is a place in the list, which only grows.
    let place = |(place, _): &(usize, PluginRecord)| format!("{place:06}");
    let page = paging.cut(plugins.into_iter().enumerate(), place, |(_, record)| {
        record.into()
    })?;
    Ok(Json(page))
}

/// Uploads a version of a plugin: the WebAssembly component as it is, at most 32 MiB. Its id, version and kind stand
/// in its manifest. The same bytes again answer the same; other bytes under a known version are refused.
#[utoipa::path(post, path = "", tag = "plugins", request_body(content = [u8], content_type = "application/wasm"), responses((status = 201, body = PluginView)))]
pub(crate) async fn upload_plugin(
    who: InTenant,
    Wasm(component): Wasm,
) -> Result<(StatusCode, Json<PluginView>), Problem> {
    who.tenant.check_storage(&component).await??;
    let record = who
        .platform
        .registry()
        .upload(&who.ctx, component.into(), clock::now())
        .await?;
    Ok((StatusCode::CREATED, Json(record.into())))
}
