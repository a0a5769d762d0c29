//! Bindings: which plugin is plugged in where.

use axum::http::StatusCode;
use jackfield_contact::input::Input;
use jackfield_registry::{BindRequest, BindingRecord};
use jackfield_types::{ExtensionPoint, PluginId, Version};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::page::{Page, Paging};
use crate::auth::InTenant;
use crate::error::Problem;
use crate::extract::{Answer, Json, Path, Query};

/// What to plug in.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"plugin": "skills-routing", "version": "0.1.0", "config": {"relaxation": [{"after-seconds": 20, "lower-levels-by": 2}]}}))]
pub struct BindingBody {
    /// An uploaded plugin of the point's kind.
    #[schema(value_type = String)]
    pub plugin: PluginId,
    /// Its version; the newest when left out.
    #[schema(value_type = Option<String>)]
    pub version: Option<Version>,
    /// What the plugin is told: a JSON object of at most 64 KiB that the plugin's schema allows; empty when left out.
    #[serde(default = "empty")]
    #[schema(value_type = Object)]
    pub config: Value,
    /// Why, for the history: at most 1,000 bytes.
    pub why: Option<String>,
    /// How many per cent of the decisions are recorded, 0 to 100; when left out as many as of what is bound there now,
    /// and all where nothing is. Failures are recorded always.
    #[schema(minimum = 0, maximum = 100)]
    pub record_percent: Option<u8>,
}

pub(super) fn empty() -> Value {
    Value::Object(serde_json::Map::new())
}

/// What is, or was, plugged in somewhere.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct BindingView {
    /// Where: `number:+E.164`, `chat:ENTRY`, `queue:ID`, `queue:ID:agent-assist`, `campaign:ID:pacing-strategy`,
    /// `campaign:ID:outbound-rule:N`, `connector:ID`, `call-type:ID:qa-scorecard`, `tenant:tag-generator:N`, or `tenant:`
    /// and `outbound-rule`, `tag-generator`, `qa-scorecard` or `agent-assist`.
    pub point: String,
    /// The plugin.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// Its kind.
    pub kind: String,
    /// SHA-256 of the component, 64 hex digits.
    pub digest: String,
    /// What the plugin is told.
    #[schema(value_type = Object)]
    pub config: Value,
    /// Counts up from 1 with each change at this point.
    pub revision: u64,
    /// When it was bound, or taken out.
    pub bound_at: u64,
    /// Who did it.
    pub bound_by: String,
    /// Why.
    pub why: Option<String>,
    /// How many per cent of the decisions are recorded, all of one interaction or none; failures always.
    pub record_percent: u8,
    /// In the history: that it was taken out then, and nothing put in its place.
    pub removed: bool,
}

/// Why something is taken out.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct RemovalParams {
    /// For the history: at most 1,000 bytes.
    why: Option<String>,
}

impl From<BindingRecord> for BindingView {
    fn from(record: BindingRecord) -> Self {
        Self {
            point: record.point.to_string(),
            plugin: record.plugin.to_string(),
            version: record.version.to_string(),
            kind: record.kind.to_string(),
            digest: record.digest.to_string(),
            config: record.config,
            revision: record.revision,
            bound_at: record.bound_at.0,
            bound_by: record.bound_by,
            why: record.why,
            record_percent: record.record_percent,
            removed: record.removed,
        }
    }
}

/// Lists what is plugged in, by point.
#[utoipa::path(get, path = "", tag = "plugins", params(Paging), responses((status = 200, body = Page<BindingView>)))]
pub(crate) async fn list_bindings(who: InTenant, Query(paging): Query<Paging>) -> Answer<Page<BindingView>> {
    let bindings = who.platform.registry().bindings(&who.ctx).await?;
    Ok(Json(paging.cut(
        bindings.into_iter(),
        |binding| binding.point.to_string(),
        BindingView::from,
    )?))
}

/// Shows what is plugged in at a point.
#[utoipa::path(get, path = "", tag = "plugins", params(("point" = String, Path)), responses((status = 200, body = BindingView)))]
pub(crate) async fn get_binding(who: InTenant, Path(point): Path<ExtensionPoint>) -> Answer<BindingView> {
    let bindings = who.platform.registry().bindings(&who.ctx).await?;
    let found = bindings.into_iter().find(|binding| binding.point == point);
    Ok(Json(
        found.ok_or_else(|| Problem::not_found("binding", point))?.into(),
    ))
}

/// Plugs a plugin in. The next decision at the point is made by it; decisions under way end as they began. A rollout
/// that is under way there is over.
#[utoipa::path(put, path = "", tag = "plugins", params(("point" = String, Path, description = "`number:+E.164`, `chat:ENTRY`, `queue:ID`, `queue:ID:agent-assist`, `campaign:ID:pacing-strategy`, `campaign:ID:outbound-rule:N`, `connector:ID`, `call-type:ID:qa-scorecard`, `tenant:tag-generator:N`, or `tenant:` and `outbound-rule`, `tag-generator`, `qa-scorecard` or `agent-assist`.")), request_body = BindingBody, responses((status = 200, body = BindingView)))]
pub(crate) async fn put_binding(
    who: InTenant,
    Path(point): Path<ExtensionPoint>,
    Json(body): Json<BindingBody>,
) -> Answer<BindingView> {
    check_exists(&who, &point).await?;
    let request = BindRequest {
        point: point.clone(),
        plugin: body.plugin,
        version: body.version,
        config: body.config,
        why: body.why,
        record_percent: body.record_percent,
    };
    let record = who.tenant.bind(&who.ctx, request).await?;
    look_again(&who, point).await;
    Ok(Json(record.into()))
}

/// A point of a queue, number or campaign that isn't there would wait in vain. Chat entries, connectors and call types
/// are not kept by this version: what is bound there waits for them.
async fn check_exists(who: &InTenant, point: &ExtensionPoint) -> Result<(), Problem> {
    match point.clone() {
        ExtensionPoint::Number(number) => {
            let wanted = number.clone();
            let exists = who.tenant.read(move |centre| centre.number(&wanted).is_some());
            exists
                .await?
                .then_some(())
                .ok_or_else(|| Problem::not_found("number", number))
        }
        ExtensionPoint::Queue(queue) | ExtensionPoint::QueueAssist(queue) => {
            let wanted = queue.clone();
            let exists = who.tenant.read(move |centre| centre.queue(&wanted).is_some());
            exists
                .await?
                .then_some(())
                .ok_or_else(|| Problem::not_found("queue", queue))
        }
        ExtensionPoint::CampaignPacing(campaign) | ExtensionPoint::CampaignRule(campaign, _) => {
            who.tenant.campaign(&who.ctx, &campaign).await?;
            Ok(())
        }
        ExtensionPoint::Tenant(_)
        | ExtensionPoint::Tagger(_)
        | ExtensionPoint::Chat(_)
        | ExtensionPoint::Connector(_)
        | ExtensionPoint::CallTypeScorecard(_) => Ok(()),
    }
}

/// Work that waits is looked at again by the new rule. The binding holds even if this doesn't get through.
async fn look_again(who: &InTenant, point: ExtensionPoint) {
    if let Err(error) = who.tenant.submit(Input::BindingChanged(point.clone())).await {
        tracing::warn!(%point, %error, "waiting work is not looked at before something else happens");
    }
}

/// Takes a plugin out. The fail policy of its kind holds from then on, and a rollout that is under way there is over.
#[utoipa::path(delete, path = "", tag = "plugins", params(("point" = String, Path), RemovalParams), responses((status = 204)))]
pub(crate) async fn remove_binding(
    who: InTenant,
    Path(point): Path<ExtensionPoint>,
    Query(params): Query<RemovalParams>,
) -> Result<StatusCode, Problem> {
    who.tenant.unbind(&who.ctx, &point, params.why).await?;
    look_again(&who, point).await;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists everything that was ever plugged in at a point and taken out, newest first.
#[utoipa::path(get, path = "", tag = "plugins", params(("point" = String, Path), Paging), responses((status = 200, body = Page<BindingView>)))]
pub(crate) async fn list_binding_history(
    who: InTenant,
    Path(point): Path<ExtensionPoint>,
    Query(paging): Query<Paging>,
) -> Answer<Page<BindingView>> {
    let history = who.platform.registry().binding_history(&who.ctx, &point).await?;
    if history.is_empty() {
        return Err(Problem::not_found("binding", point));
    }
    // Newest first: the cursor must grow while the revision falls.
    let place = |record: &BindingRecord| format!("{:020}", u64::MAX - record.revision);
    Ok(Json(paging.cut(history.into_iter(), place, BindingView::from)?))
}
