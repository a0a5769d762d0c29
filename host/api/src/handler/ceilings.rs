//! Ceilings of plugin decisions that the operator lowers for a tenant.

use std::collections::BTreeMap;

use jackfield_runtime::{LoweredCeilings, Tenant};
use jackfield_sandbox::RequestedLimits;
use jackfield_types::{PluginKind, TenantId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::AsOperator;
use crate::error::Problem;
use crate::extract::{Answer, Json, Path};

/// What a decision of a tenant's plugins may use at most, where that is less than the kind's ceiling.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"kinds": {"routing-strategy": {"fuel": 1_000_000, "wall_ms": 5}}}))]
pub struct CeilingsBody {
    /// By kind of plugin; a kind that is left out has its own ceilings.
    #[schema(value_type = BTreeMap<String, KindCeilings>)]
    pub kinds: BTreeMap<PluginKind, KindCeilings>,
}

/// Lowered ceilings of one kind. What is left out or null is the kind's own. Components that bring a run time
/// (JavaScript, Python) have ten times the fuel, five times the time and 64 MiB: what lies between lowers only theirs, and
/// none can be above that.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct KindCeilings {
    /// Fuel of a decision, at least 1. A plugin that needs more fails with code `fuel`.
    pub fuel: Option<u64>,
    /// Milliseconds of processor time of a decision, at least 1. A plugin that needs more fails with code `timeout`.
    pub wall_ms: Option<u64>,
    /// Bytes of memory of a decision, at least 1. A plugin that needs more fails with code `memory`.
    pub memory_bytes: Option<u64>,
}

impl From<RequestedLimits> for KindCeilings {
    fn from(limits: RequestedLimits) -> Self {
        Self {
            fuel: limits.fuel,
            wall_ms: limits.wall_ms,
            memory_bytes: limits.memory_bytes,
        }
    }
}

impl From<LoweredCeilings> for CeilingsBody {
    fn from(lowered: LoweredCeilings) -> Self {
        let kinds = lowered.into_iter();
        Self {
            kinds: kinds.map(|(kind, limits)| (kind, limits.into())).collect(),
        }
    }
}

impl From<CeilingsBody> for LoweredCeilings {
    fn from(body: CeilingsBody) -> Self {
        let kinds = body.kinds.into_iter().map(|(kind, ceilings)| {
            let limits = RequestedLimits {
                fuel: ceilings.fuel,
                wall_ms: ceilings.wall_ms,
                memory_bytes: ceilings.memory_bytes,
            };
            (kind, limits)
        });
        kinds
            .filter(|(_, limits)| *limits != RequestedLimits::default())
            .collect()
    }
}

/// Shows the ceilings that were lowered for a tenant.
#[utoipa::path(get, path = "", tag = "usage", params(("tenant" = String, Path)), responses((status = 200, body = CeilingsBody)))]
pub(crate) async fn get_ceilings(who: AsOperator, Path(tenant): Path<TenantId>) -> Answer<CeilingsBody> {
    Ok(Json(found(&who, &tenant)?.lowered_ceilings().into()))
}

/// Sets the ceilings that are lowered for a tenant, all of them; they hold from the next decision on. What is in force
/// is the lowest of these, of the kind's and of what the plugin's manifest asks for.
#[utoipa::path(put, path = "", tag = "usage", params(("tenant" = String, Path)), request_body = CeilingsBody, responses((status = 200, body = CeilingsBody)))]
pub(crate) async fn put_ceilings(
    who: AsOperator,
    Path(tenant): Path<TenantId>,
    Json(body): Json<CeilingsBody>,
) -> Answer<CeilingsBody> {
    let tenant = found(&who, &tenant)?;
    tenant.lower_ceilings(body.into()).await?;
    let lowered = tenant.lowered_ceilings();
    tracing::info!(tenant = %tenant.id(), actor = %who.ctx.actor, ?lowered, "ceilings lowered");
    Ok(Json(lowered.into()))
}

fn found(who: &AsOperator, tenant: &TenantId) -> Result<Tenant, Problem> {
    let found = who.platform.tenant(tenant);
    found.ok_or_else(|| Problem::not_found("tenant", tenant))
}
