//! Rollouts: a candidate in shadow, in a canary, active, or taken back.

use jackfield_registry::rollout::{Gates, Stage, Step};
use jackfield_registry::{RolloutRecord, RolloutRequest};
use jackfield_runtime::RolloutStatus;
use jackfield_types::{ExtensionPoint, PluginId, Version};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::binding::empty;
use super::page::{Page, Paging};
use crate::auth::InTenant;
use crate::error::Problem;
use crate::extract::{Answer, Json, Path, Query};

/// A version to roll out beside what is bound.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"plugin": "skills-routing", "version": "0.2.0", "percent": 5, "why": "shorter waits for zh", "gates": {"max_service_level_drop": 5.0}, "steps": [{"percent": 25}, {}]}))]
pub struct RolloutBody {
    /// An uploaded plugin of the point's kind.
    #[schema(value_type = String)]
    pub plugin: PluginId,
    /// Its version; the newest when left out.
    #[schema(value_type = Option<String>)]
    pub version: Option<Version>,
    /// What it is told; empty when left out.
    #[serde(default = "empty")]
    #[schema(value_type = Object)]
    pub config: Value,
    /// Start as a canary that decides for so many per cent of the interactions, 1 to 99; in shadow when left out.
    pub percent: Option<u8>,
    /// What it must keep to; each field has a default.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub gates: Gates,
    /// Where it goes by itself, at most 16 steps, each once the gates of the stage before have held for a whole window:
    /// `percent` (a canary, 1 to 99, larger than before; active when left out) and `gates` (each that is left out is that
    /// of the stage before). None when left out: somebody promotes it.
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    pub steps: Vec<Step>,
    /// Why, for people; at most 1,000 bytes.
    #[serde(default)]
    pub why: String,
    /// Start even if the replay violates a gate.
    #[serde(default)]
    pub force: bool,
}

/// Where a rollout is to go.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"percent": 25, "why": "a quiet hour at 5 %"}))]
pub struct PromotionBody {
    /// A canary of so many per cent, 1 to 99; active when left out.
    pub percent: Option<u8>,
    /// Why, for people; at most 1,000 bytes.
    #[serde(default)]
    pub why: String,
    /// Go on even if a gate is not passed.
    #[serde(default)]
    pub force: bool,
}

/// Why a candidate is taken back.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RollbackBody {
    /// Why, for people; at most 1,000 bytes.
    #[serde(default)]
    pub why: String,
}

/// A rollout at one of its stages.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RolloutView {
    /// Where.
    pub point: String,
    /// The candidate.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of the component, 64 hex digits.
    pub digest: String,
    /// What it is told.
    #[schema(value_type = Object)]
    pub config: Value,
    /// `replayed` (in the history), `shadow`, `canary`, `active` or `rolled-back`.
    pub stage: String,
    /// Of a canary: for how many per cent of the interactions it decides.
    pub percent: Option<u8>,
    /// What it must keep to.
    #[schema(value_type = Object)]
    pub gates: Value,
    /// Where it goes by itself, in this order.
    #[schema(value_type = Vec<Object>)]
    pub steps: Value,
    /// Counts up from 1 with each change of the point's rollouts.
    pub number: u64,
    /// When it came to this stage.
    pub moved_at: u64,
    /// Who moved it; `system:gates` when it went by itself: on, since the gates held, or back, since one was violated.
    pub moved_by: String,
    /// Why.
    pub why: String,
    /// What had been seen then.
    #[schema(value_type = Object)]
    pub evidence: Value,
}

impl From<RolloutRecord> for RolloutView {
    fn from(record: RolloutRecord) -> Self {
        let (stage, percent) = match record.stage {
            Stage::Replayed => ("replayed", None),
            Stage::Shadow => ("shadow", None),
            Stage::Canary { percent } => ("canary", Some(percent)),
            Stage::Active => ("active", None),
            Stage::RolledBack => ("rolled-back", None),
        };
        Self {
            point: record.point.to_string(),
            plugin: record.plugin.to_string(),
            version: record.version.to_string(),
            digest: record.digest.to_string(),
            config: record.config,
            stage: stage.into(),
            percent,
            gates: serde_json::to_value(record.gates).unwrap_or_default(),
            steps: serde_json::to_value(record.steps).unwrap_or_default(),
            number: record.number,
            moved_at: record.moved_at.0,
            moved_by: record.moved_by,
            why: record.why,
            evidence: record.evidence,
        }
    }
}

/// The latest rollout of a point, and how it does.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RolloutStatusView {
    /// The rollout at its latest stage.
    #[serde(flatten)]
    pub rollout: RolloutView,
    /// Whether it goes on; another binding at the point ends it too.
    pub under_way: bool,
    /// What was seen in this stage and within the gates' window, the verdict, and `estimate`: when enough will have been
    /// seen, `{"in_ms": 60000}`, or `{"never": {"window_ms": 500000}}` with the window that would hold enough. Null when it
    /// does not go on.
    #[schema(value_type = Object)]
    pub seen: Option<Value>,
}

impl From<RolloutStatus> for RolloutStatusView {
    fn from(status: RolloutStatus) -> Self {
        Self {
            rollout: status.record.into(),
            under_way: status.under_way,
            seen: status.seen,
        }
    }
}

/// Shows the latest rollout of a point, and how it does.
#[utoipa::path(get, path = "", tag = "plugins", params(("point" = String, Path)), responses((status = 200, body = RolloutStatusView)))]
pub(crate) async fn get_rollout(
    who: InTenant,
    Path(point): Path<ExtensionPoint>,
) -> Answer<RolloutStatusView> {
    let status = who.tenant.rollout(&who.ctx, &point).await?;
    Ok(Json(
        status
            .ok_or_else(|| Problem::not_found("rollout", &point))?
            .into(),
    ))
}

/// Rolls a version out beside what is bound: it is replayed on the decisions recorded in the last day, then goes into
/// shadow, or decides for some interactions. A gate that it violates takes it back; with `steps` it goes on by itself.
#[utoipa::path(put, path = "", tag = "plugins", params(("point" = String, Path)), request_body = RolloutBody, responses((status = 200, body = RolloutView)))]
pub(crate) async fn start_rollout(
    who: InTenant,
    Path(point): Path<ExtensionPoint>,
    Json(body): Json<RolloutBody>,
) -> Answer<RolloutView> {
    let stage = body
        .percent
        .map_or(Stage::Shadow, |percent| Stage::Canary { percent });
    let request = RolloutRequest {
        point,
        plugin: body.plugin,
        version: body.version,
        config: body.config,
        gates: body.gates,
        steps: body.steps,
        why: body.why,
    };
    let record = who
        .tenant
        .start_rollout(&who.ctx, request, stage, body.force)
        .await?;
    Ok(Json(record.into()))
}

/// Moves the rollout on, to a canary or to active, when it has passed its gates.
#[utoipa::path(post, path = "", tag = "plugins", params(("point" = String, Path)), request_body = PromotionBody, responses((status = 200, body = RolloutView)))]
pub(crate) async fn promote(
    who: InTenant,
    Path(point): Path<ExtensionPoint>,
    Json(body): Json<PromotionBody>,
) -> Answer<RolloutView> {
    let to = body
        .percent
        .map_or(Stage::Active, |percent| Stage::Canary { percent });
    let record = who
        .tenant
        .promote(&who.ctx, &point, to, body.why, body.force)
        .await?;
    Ok(Json(record.into()))
}

/// Takes the candidate back at once; the active version decides alone.
#[utoipa::path(post, path = "", tag = "plugins", params(("point" = String, Path)), request_body = RollbackBody, responses((status = 200, body = RolloutView)))]
pub(crate) async fn roll_back(
    who: InTenant,
    Path(point): Path<ExtensionPoint>,
    Json(body): Json<RollbackBody>,
) -> Answer<RolloutView> {
    let record = who.tenant.roll_back(&who.ctx, &point, body.why).await?;
    Ok(Json(record.into()))
}

/// Lists every stage of every rollout of a point, newest first, with its evidence.
#[utoipa::path(get, path = "", tag = "plugins", params(("point" = String, Path), Paging), responses((status = 200, body = Page<RolloutView>)))]
pub(crate) async fn list_rollout_history(
    who: InTenant,
    Path(point): Path<ExtensionPoint>,
    Query(paging): Query<Paging>,
) -> Answer<Page<RolloutView>> {
    let history = who.platform.registry().rollout_history(&who.ctx, &point).await?;
    let place = |record: &RolloutRecord| format!("{:020}", u64::MAX - record.number);
    Ok(Json(paging.cut(history.into_iter(), place, RolloutView::from)?))
}
