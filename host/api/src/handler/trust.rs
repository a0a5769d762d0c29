//! Whom a tenant trusts to make plugins, and what plugins may have.

use axum::http::StatusCode;
use jackfield_registry::{GrantPolicy, PluginPolicy, PublicKey, RegistryError, TrustedKey, UnsignedPolicy};
use jackfield_types::{Grants, KeyName, PluginId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::page::{Page, Paging};
use crate::auth::InTenant;
use crate::clock;
use crate::error::Problem;
use crate::extract::{Answer, Json, Path, Query};

/// What a tenant decides about all its plugins.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"grants": "requested", "unsigned": "refused"}))]
pub struct PluginPolicyBody {
    /// What a plugin gets for which nothing is listed: `requested`, what its manifest asks for; `listed`, nothing.
    #[schema(value_type = String)]
    pub grants: GrantPolicy,
    /// What becomes of versions that no trusted key has signed: `allowed`, or `refused` at upload and binding.
    #[schema(value_type = String)]
    pub unsigned: UnsignedPolicy,
}

impl From<PluginPolicy> for PluginPolicyBody {
    fn from(policy: PluginPolicy) -> Self {
        Self {
            grants: policy.grants,
            unsigned: policy.unsigned,
        }
    }
}

/// A key to be trusted.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TrustedKeyBody {
    /// The Ed25519 public key, 64 hex digits.
    #[schema(value_type = String)]
    pub key: PublicKey,
}

/// A publisher's key that the tenant trusts.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TrustedKeyView {
    /// What the tenant calls it.
    pub name: String,
    /// The Ed25519 public key, 64 hex digits.
    pub key: String,
    /// When it was added.
    pub added_at: u64,
    /// Who added it.
    pub added_by: String,
}

impl From<TrustedKey> for TrustedKeyView {
    fn from(key: TrustedKey) -> Self {
        Self {
            name: key.name.to_string(),
            key: key.key.to_string(),
            added_at: key.added_at.0,
            added_by: key.added_by,
        }
    }
}

/// What a plugin may have.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"capabilities": ["cx:profile/customers"], "why": "reads tags only"}))]
pub struct GrantBody {
    /// The capabilities, for example `cx:profile/customers`; of them a plugin gets what its manifest asks for.
    #[schema(value_type = Vec<String>)]
    pub capabilities: Grants,
    /// Why: at most 1,000 bytes.
    pub why: Option<String>,
}

/// What a plugin may have, and why.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct GrantView {
    /// The plugin, in all its versions.
    pub plugin: String,
    /// What its newest version asks for.
    #[schema(value_type = Vec<String>)]
    pub requested: Grants,
    /// What the tenant lists for it; null when nothing is listed and the policy holds.
    #[schema(value_type = Option<Vec<String>>)]
    pub listed: Option<Grants>,
    /// What the platform allows any plugin at most.
    #[schema(value_type = Vec<String>)]
    pub ceiling: Grants,
    /// What its newest version has.
    #[schema(value_type = Vec<String>)]
    pub effective: Grants,
    /// When it was listed.
    pub granted_at: Option<u64>,
    /// Who listed it.
    pub granted_by: Option<String>,
    /// Why.
    pub why: Option<String>,
}

/// Shows what the tenant decides about all its plugins.
#[utoipa::path(get, path = "", tag = "plugins", responses((status = 200, body = PluginPolicyBody)))]
pub(crate) async fn get_plugin_policy(who: InTenant) -> Answer<PluginPolicyBody> {
    Ok(Json(who.platform.registry().policy(&who.ctx).await?.into()))
}

/// Decides about all plugins of the tenant. What is granted changes at once; what is bound stays.
#[utoipa::path(put, path = "", tag = "plugins", request_body = PluginPolicyBody, responses((status = 200, body = PluginPolicyBody)))]
pub(crate) async fn put_plugin_policy(
    who: InTenant,
    Json(body): Json<PluginPolicyBody>,
) -> Answer<PluginPolicyBody> {
    let policy = PluginPolicy {
        grants: body.grants,
        unsigned: body.unsigned,
    };
    who.platform.registry().set_policy(&who.ctx, policy).await?;
    Ok(Json(body))
}

/// Lists the publishers' keys that the tenant trusts, by name.
#[utoipa::path(get, path = "", tag = "plugins", params(Paging), responses((status = 200, body = Page<TrustedKeyView>)))]
pub(crate) async fn list_trusted_keys(
    who: InTenant,
    Query(paging): Query<Paging>,
) -> Answer<Page<TrustedKeyView>> {
    let keys = who.platform.registry().trusted_keys(&who.ctx).await?;
    Ok(Json(paging.cut(
        keys.into_iter(),
        |key| key.name.to_string(),
        TrustedKeyView::from,
    )?))
}

/// Trusts a publisher's key. The same again changes nothing; another key under a known name is refused.
#[utoipa::path(put, path = "", tag = "plugins", params(("name" = String, Path)), request_body = TrustedKeyBody, responses((status = 200, body = TrustedKeyView)))]
pub(crate) async fn put_trusted_key(
    who: InTenant,
    Path(name): Path<KeyName>,
    Json(body): Json<TrustedKeyBody>,
) -> Answer<TrustedKeyView> {
    let registry = who.platform.registry();
    let key = registry.trust_key(&who.ctx, name, body.key, clock::now()).await?;
    Ok(Json(key.into()))
}

/// Trusts a key no more: what it signed can't be uploaded or bound anew. What is bound stays.
#[utoipa::path(delete, path = "", tag = "plugins", params(("name" = String, Path)), responses((status = 204)))]
pub(crate) async fn remove_trusted_key(
    who: InTenant,
    Path(name): Path<KeyName>,
) -> Result<StatusCode, Problem> {
    who.platform.registry().distrust_key(&who.ctx, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Shows what a plugin may have.
#[utoipa::path(get, path = "", tag = "plugins", params(("plugin" = String, Path)), responses((status = 200, body = GrantView)))]
pub(crate) async fn get_plugin_grant(who: InTenant, Path(plugin): Path<PluginId>) -> Answer<GrantView> {
    view(&who, &plugin).await
}

/// Lists what a plugin may have, in all its versions and instead of what the policy says; holds at once.
#[utoipa::path(put, path = "", tag = "plugins", params(("plugin" = String, Path)), request_body = GrantBody, responses((status = 200, body = GrantView)))]
pub(crate) async fn put_plugin_grant(
    who: InTenant,
    Path(plugin): Path<PluginId>,
    Json(body): Json<GrantBody>,
) -> Answer<GrantView> {
    let registry = who.platform.registry();
    let granted = registry
        .grant(&who.ctx, &plugin, body.capabilities, body.why, clock::now())
        .await;
    granted.map_err(|error| missing(error, &plugin))?;
    view(&who, &plugin).await
}

/// Takes the list of a plugin away, so that the policy holds again, at once.
#[utoipa::path(delete, path = "", tag = "plugins", params(("plugin" = String, Path)), responses((status = 204)))]
pub(crate) async fn remove_plugin_grant(
    who: InTenant,
    Path(plugin): Path<PluginId>,
) -> Result<StatusCode, Problem> {
    who.platform.registry().unlist_grant(&who.ctx, &plugin).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn view(who: &InTenant, plugin: &PluginId) -> Answer<GrantView> {
    let registry = who.platform.registry();
    let newest = registry.plugin(&who.ctx, plugin, None).await;
    let newest = newest.map_err(|error| missing(error, plugin))?;
    let requested: Grants = newest.capabilities.iter().map(|request| request.name).collect();
    let granted = registry.tenant_grants(&who.ctx, plugin).await?;
    let listed = registry.listed_grant(&who.ctx, plugin).await?;
    let mut view = GrantView {
        plugin: plugin.to_string(),
        requested,
        listed: None,
        ceiling: registry.ceiling(),
        effective: requested.and(granted),
        granted_at: None,
        granted_by: None,
        why: None,
    };
    if let Some(listed) = listed {
        view.listed = Some(listed.capabilities);
        view.granted_at = Some(listed.granted_at.0);
        view.granted_by = Some(listed.granted_by);
        view.why = listed.why;
    }
    Ok(Json(view))
}

/// What the path doesn't name is not found.
fn missing(error: RegistryError, plugin: &PluginId) -> Problem {
    match error {
        RegistryError::UnknownPlugin { .. } => Problem::not_found("plugin", plugin),
        other => other.into(),
    }
}
