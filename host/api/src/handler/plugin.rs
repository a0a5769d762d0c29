//! Versions of plugins.

use axum::http::{HeaderMap, StatusCode};
use jackfield_registry::{BindingRecord, PluginRecord, PluginSignature, RegistryError, SignedBy};
use jackfield_types::{PluginId, Version};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ceilings::KindCeilings;
use super::page::{Page, Paging};
use crate::auth::InTenant;
use crate::clock;
use crate::error::Problem;
use crate::extract::{Answer, Json, Path, Query, Wasm};

const SIGNATURE: &str = "plugin-signature";

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
    /// `yanked`: it can't be bound anew; `bound`: it is plugged in somewhere; else `available`.
    pub state: String,
    /// Where it is plugged in, as points.
    pub bound: Vec<String>,
    /// What it asks for beyond its question.
    pub capabilities: Vec<CapabilityView>,
    /// Which fields of customers' data it sees; of nothing, everything that it is granted.
    pub projection: Vec<ProjectedFieldView>,
    /// Which limits of a decision it asks for, below those of its kind.
    pub limits: KindCeilings,
    /// Whose signature it came with first; null while it is unsigned.
    pub signed_by: Option<SignedByView>,
    /// Who signed it besides: the same bytes, uploaded again with a signature of another key.
    pub also_signed_by: Vec<SignedByView>,
    /// That it was withdrawn.
    pub yanked: Option<YankView>,
}

/// A capability that a plugin asks for.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CapabilityView {
    /// The interface, for example `cx:profile/customers`.
    pub name: String,
    /// How much of it, in the author's words.
    pub scope: Option<String>,
    /// What for.
    pub reason: String,
}

/// A field of customers' data that a plugin sees.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ProjectedFieldView {
    /// Its path, for example `customer.tags`.
    pub field: String,
    /// How personal its author says that it is: `none`, `pseudonymous`, `personal` or `sensitive`. The host does not
    /// take less than fits the field.
    pub pii: String,
}

/// Who signed a version.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SignedByView {
    /// What the tenant called the key when the version was uploaded.
    pub name: String,
    /// The Ed25519 public key, 64 hex digits.
    pub key: String,
}

/// A version's withdrawal.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct YankView {
    /// When.
    pub at: u64,
    /// Who did it.
    pub by: String,
    /// Why.
    pub why: Option<String>,
}

/// Why something is done.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct YankBody {
    /// For whoever wants to bind the version: at most 1,000 bytes.
    pub why: Option<String>,
}

impl From<SignedBy> for SignedByView {
    fn from(signed: SignedBy) -> Self {
        Self {
            name: signed.name.to_string(),
            key: signed.key.to_string(),
        }
    }
}

impl PluginView {
    fn new(record: PluginRecord, bindings: &[BindingRecord]) -> Self {
        let bound: Vec<_> = bindings
            .iter()
            .filter(|binding| binding.plugin == record.id && binding.version == record.version)
            .map(|binding| binding.point.to_string())
            .collect();
        let state = match (&record.yanked, bound.is_empty()) {
            (Some(_), _) => "yanked",
            (None, false) => "bound",
            (None, true) => "available",
        };
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
            state: state.into(),
            bound,
            capabilities: record
                .capabilities
                .into_iter()
                .map(|request| CapabilityView {
                    name: request.name.to_string(),
                    scope: request.scope,
                    reason: request.reason,
                })
                .collect(),
            projection: record
                .projection
                .into_iter()
                .map(|seen| ProjectedFieldView {
                    field: seen.field,
                    pii: seen.pii.as_str().into(),
                })
                .collect(),
            limits: record.limits.into(),
            signed_by: record.signed_by.map(SignedByView::from),
            also_signed_by: record
                .also_signed_by
                .into_iter()
                .map(SignedByView::from)
                .collect(),
            yanked: record.yanked.map(|yank| YankView {
                at: yank.at.0,
                by: yank.by,
                why: yank.why,
            }),
        }
    }
}

async fn view(who: &InTenant, record: PluginRecord) -> Result<PluginView, Problem> {
    let bindings = who.platform.registry().bindings(&who.ctx).await?;
    Ok(PluginView::new(record, &bindings))
}

/// What the path doesn't name is not found; elsewhere it would be a wrong field.
fn missing(error: RegistryError) -> Problem {
    match &error {
        RegistryError::UnknownPlugin { .. } => {
            Problem::new(StatusCode::NOT_FOUND, error.code(), error.to_string())
        }
        _ => error.into(),
    }
}

/// Lists the versions of all plugins, by id and version.
#[utoipa::path(get, path = "", tag = "plugins", params(Paging), responses((status = 200, body = Page<PluginView>)))]
pub(crate) async fn list_plugins(who: InTenant, Query(paging): Query<Paging>) -> Answer<Page<PluginView>> {
    let registry = who.platform.registry();
    let plugins = registry.plugins(&who.ctx).await?;
    let bindings = registry.bindings(&who.ctx).await?;
    // Versions don't sort as text, so the cursor is a place in the list, which only grows.
    let place = |(place, _): &(usize, PluginRecord)| format!("{place:06}");
    let page = paging.cut(plugins.into_iter().enumerate(), place, |(_, record)| {
        PluginView::new(record, &bindings)
    })?;
    Ok(Json(page))
}

/// Shows a version.
#[utoipa::path(get, path = "", tag = "plugins", params(("plugin" = String, Path), ("version" = String, Path)), responses((status = 200, body = PluginView)))]
pub(crate) async fn get_plugin(
    who: InTenant,
    Path((plugin, version)): Path<(PluginId, Version)>,
) -> Answer<PluginView> {
    let found = who
        .platform
        .registry()
        .plugin(&who.ctx, &plugin, Some(&version))
        .await;
    Ok(Json(view(&who, found.map_err(missing)?).await?))
}

/// Withdraws a version: it can't be bound anew. Where it is bound it goes on. Again changes nothing.
#[utoipa::path(post, path = "", tag = "plugins", params(("plugin" = String, Path), ("version" = String, Path)), request_body = YankBody, responses((status = 200, body = PluginView)))]
pub(crate) async fn yank_plugin(
    who: InTenant,
    Path((plugin, version)): Path<(PluginId, Version)>,
    Json(body): Json<YankBody>,
) -> Answer<PluginView> {
    let registry = who.platform.registry();
    let yanked = registry
        .yank(&who.ctx, &plugin, &version, body.why, clock::now())
        .await;
    Ok(Json(view(&who, yanked.map_err(missing)?).await?))
}

/// Takes a withdrawal back. Again changes nothing.
#[utoipa::path(post, path = "", tag = "plugins", params(("plugin" = String, Path), ("version" = String, Path)), responses((status = 200, body = PluginView)))]
pub(crate) async fn unyank_plugin(
    who: InTenant,
    Path((plugin, version)): Path<(PluginId, Version)>,
) -> Answer<PluginView> {
    let restored = who.platform.registry().unyank(&who.ctx, &plugin, &version).await;
    Ok(Json(view(&who, restored.map_err(missing)?).await?))
}

/// Uploads a version of a plugin: the WebAssembly component as it is, at most 32 MiB. Its id, version and kind stand
/// in its manifest. The same bytes again answer the same, and a signature of another key is added to the version; other
/// bytes under a known version are refused.
#[utoipa::path(post, path = "", tag = "plugins", params(("Plugin-Signature" = Option<String>, Header, description = "`ed25519 PUBLIC-KEY SIGNATURE` in hex digits, as `jackfield plugin sign` makes it. Needed unless the tenant's policy allows unsigned plugins.")), request_body(content = [u8], content_type = "application/wasm"), responses((status = 201, body = PluginView)))]
pub(crate) async fn upload_plugin(
    who: InTenant,
    headers: HeaderMap,
    Wasm(component): Wasm,
) -> Result<(StatusCode, Json<PluginView>), Problem> {
    // Also before it waits for its turn and for the compiler.
    who.tenant.check_storage(&component).await??;
    let storage = who.tenant.quota().storage_bytes;
    let signature = headers.get(SIGNATURE).map(|value| {
        let signature = value.to_str().unwrap_or_default().parse::<PluginSignature>();
        signature.map_err(|error| Problem::invalid("Plugin-Signature", error.to_string()))
    });
    let record = who
        .platform
        .registry()
        .upload_within(
            &who.ctx,
            component.into(),
            signature.transpose()?,
            storage,
            clock::now(),
        )
        .await?;
    Ok((StatusCode::CREATED, Json(view(&who, record).await?)))
}
