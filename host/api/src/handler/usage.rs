//! What plugins used, to bill from, and what a tenant may use.

use std::collections::BTreeMap;
use std::num::NonZeroU8;

use axum::extract::State;
use jackfield_runtime::{Quota, QuotaState, Tenant, UsageQuery, UsageRow, UsageStep};
use jackfield_types::{TenantId, Timestamp, limits};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::page::Paging;
use crate::App;
use crate::auth::{AsOperator, Caller};
use crate::error::Problem;
use crate::extract::{Answer, Json, Path, Query};

/// What a tenant may use. What is left out or null is unlimited; the weight is 1 then.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"decisions_per_second": 200, "fuel_per_day": 50_000_000_000_u64, "storage_bytes": null, "weight": 2}))]
pub struct QuotaBody {
    /// Plugin decisions per second; as many may come at once after a quiet second. More fail with code `quota`, and
    /// the fail policy of the kind holds.
    pub decisions_per_second: Option<u32>,
    /// Fuel of plugin decisions per UTC day; after it decisions fail with code `quota` until midnight.
    pub fuel_per_day: Option<u64>,
    /// Bytes of plugins, recordings and attachments; after it uploads are refused with 429 `quota`. Recordings are still kept.
    pub storage_bytes: Option<u64>,
    /// How many turns to decide it has for each one of a tenant of weight 1, when both wait: 1 to 100; null is 1.
    #[schema(minimum = 1, maximum = 100)]
    pub weight: Option<u8>,
}

/// Which usage.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct UsageParams {
    /// From here on, rounded up to a full hour; 30 days before `to` when left out.
    from: Option<u64>,
    /// Up to here, not included, rounded up to a full hour; the end of the present hour when left out. At most 92
    /// days after `from`.
    to: Option<u64>,
    /// `total` (the usual), `day` (UTC) or `hour`.
    #[serde(default)]
    #[param(inline)]
    step: Step,
    /// This tenant only. The operator sees all when it is left out, anybody else the own.
    tenant: Option<String>,
    /// The `next` of the page before.
    cursor: Option<String>,
    /// Items of a page, 1 to 200; 50 when left out.
    limit: Option<usize>,
}

/// How finely a report is divided in time.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Step {
    #[default]
    Total,
    Day,
    Hour,
}

/// A page of a usage report.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct UsageView {
    /// By tenant, time, use, point, plugin and version.
    pub items: Vec<UsageItem>,
    /// Where the next page begins, to be sent as `cursor`; null at the end.
    pub next: Option<String>,
    /// How the quotas of the tenants on this page stand.
    pub quotas: Vec<QuotaView>,
}

/// What one plugin version used at one extension point in one step of time.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct UsageItem {
    /// The tenant.
    pub tenant: String,
    /// When the step begins: an hour, a UTC day, or the `from` of the request.
    pub since: u64,
    /// `live`: it decided; `shadow`: a candidate was asked beside the active version; `replay`: recorded decisions were
    /// replayed. Shadow and replay count towards no quota.
    #[serde(rename = "use")]
    pub used_for: String,
    /// Where the plugin was bound.
    pub point: String,
    /// The plugin's kind.
    pub kind: String,
    /// The plugin.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// Decisions that ran, failed ones included.
    pub decisions: u64,
    /// Of those, how many brought no valid answer.
    pub failed: u64,
    /// Decisions that a quota refused; they did not run and are not to be billed.
    pub refused: u64,
    /// Fuel: about one for each WebAssembly instruction; the whole reservation of a decision that was stopped.
    pub fuel: u64,
    /// Memory·time: the peak memory of each decision times its wall time, in MiB·ms.
    pub memory_mib_ms: u64,
    /// Wall time in microseconds.
    pub wall_us: u64,
    /// Failures by code.
    pub failures: BTreeMap<String, u64>,
}

/// How one quota stands.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct QuotaView {
    /// The tenant.
    pub tenant: String,
    /// `decisions-per-second`, `fuel-per-day` or `storage-bytes`.
    pub quota: String,
    /// How much; null: unlimited.
    pub limit: Option<u64>,
    /// How much of it is used: decisions of the last second (counted while there is a limit), fuel of the present
    /// UTC day, bytes now.
    pub used: u64,
    /// `ok`, `warning` from 80 %, `exceeded` when more is refused.
    pub level: String,
}

impl TryFrom<QuotaBody> for Quota {
    type Error = Problem;

    fn try_from(body: QuotaBody) -> Result<Self, Problem> {
        let most = limits::MAX_WEIGHT;
        let weight = body.weight.map(|weight| {
            let fits = NonZeroU8::new(weight).filter(|weight| weight.get() <= most);
            fits.ok_or_else(|| Problem::invalid("weight", format!("weight {weight}: expected 1 to {most}")))
        });
        Ok(Self {
            decisions_per_second: body.decisions_per_second,
            fuel_per_day: body.fuel_per_day,
            storage_bytes: body.storage_bytes,
            weight: weight.transpose()?,
        })
    }
}

impl From<Quota> for QuotaBody {
    fn from(quota: Quota) -> Self {
        Self {
            decisions_per_second: quota.decisions_per_second,
            fuel_per_day: quota.fuel_per_day,
            storage_bytes: quota.storage_bytes,
            weight: quota.weight.map(NonZeroU8::get),
        }
    }
}

impl From<Step> for UsageStep {
    fn from(step: Step) -> Self {
        match step {
            Step::Total => Self::Total,
            Step::Day => Self::Day,
            Step::Hour => Self::Hour,
        }
    }
}

impl UsageItem {
    fn new(tenant: &TenantId, row: UsageRow) -> Self {
        Self {
            tenant: tenant.to_string(),
            since: row.from.0,
            used_for: row.used_for.as_str().to_owned(),
            kind: row.point.kind().to_string(),
            point: row.point.to_string(),
            plugin: row.plugin.to_string(),
            version: row.version,
            decisions: row.decisions,
            failed: row.failed,
            refused: row.refused,
            fuel: row.fuel,
            memory_mib_ms: row.memory_mib_ms,
            wall_us: row.wall_us,
            failures: row.failures,
        }
    }
}

impl QuotaView {
    fn new(tenant: &TenantId, state: QuotaState) -> Self {
        Self {
            tenant: tenant.to_string(),
            quota: state.quota.to_owned(),
            limit: state.limit,
            used: state.used,
            level: state.level.as_str().to_owned(),
        }
    }
}

impl UsageParams {
    fn query(&self) -> UsageQuery {
        let usual = UsageQuery::last_30_days();
        let to = self.to.map_or(usual.to, Timestamp);
        let before = Timestamp(to.0.saturating_sub(usual.to.since(usual.from)));
        UsageQuery {
            from: self.from.map_or(before, Timestamp),
            to,
            step: self.step.into(),
        }
    }

    /// The tenants that the caller may see and asks for, by id.
    fn tenants(&self, caller: &Caller, app: &App) -> Result<Vec<Tenant>, Problem> {
        let own = &caller.ctx.tenant;
        let find = |id: &TenantId| app.platform.tenant(id);
        match &self.tenant {
            Some(wanted) => {
                let seen = |id: &TenantId| own.is_platform() || id == own;
                let found = TenantId::new(wanted).ok().filter(seen).as_ref().and_then(find);
                let unknown = || Problem::not_found("tenant", wanted.chars().take(64).collect::<String>());
                Ok(vec![found.ok_or_else(unknown)?])
            }
            None if own.is_platform() => {
                let mut ids: Vec<_> = app
                    .platform
                    .tenants()
                    .into_iter()
                    .map(|record| record.id)
                    .collect();
                ids.sort();
                Ok(ids.iter().filter_map(find).collect())
            }
            None => Ok(find(own).into_iter().collect()),
        }
    }
}

/// Reports what plugins used, by tenant, time, use, point and version, up to the last decision: what an operator bills from.
/// A kill of the server loses what was used in the ten seconds before it.
#[utoipa::path(get, path = "", tag = "usage", params(UsageParams), responses((status = 200, body = UsageView)))]
pub(crate) async fn list_usage(
    caller: Caller,
    State(app): State<App>,
    Query(params): Query<UsageParams>,
) -> Answer<UsageView> {
    let query = params.query();
    let tenants = params.tenants(&caller, &app)?;
    let paging = Paging {
        cursor: params.cursor,
        limit: params.limit,
    };
    let limit = paging.limit()?;
    let begin = paging
        .cursor
        .as_deref()
        .and_then(|cursor| cursor.split(' ').next());
    let mut rows = Vec::new();
    for tenant in tenants {
        if begin.is_some_and(|begin| tenant.id().as_str() < begin) {
            continue;
        }
        let cursor = paging.cursor.as_deref();
        let found = tenant
            .usage(&query)
            .await?
            .into_iter()
            .map(|row| (row.place(tenant.id()), row));
        let wanted = found.filter(|(place, _)| cursor.is_none_or(|cursor| place.as_str() > cursor));
        rows.extend(wanted.map(|(place, row)| (place, tenant.clone(), row)));
        // One more than a page says that there is a next one.
        if rows.len() > limit {
            break;
        }
    }
    rows.sort_by(|a, b| a.0.cmp(&b.0));
    let mut shown: BTreeMap<TenantId, Tenant> = BTreeMap::new();
    let page = paging.cut(
        rows.into_iter(),
        |(place, ..)| place.clone(),
        |(_, tenant, row)| {
            let item = UsageItem::new(tenant.id(), row);
            shown.insert(tenant.id().clone(), tenant);
            item
        },
    )?;
    let mut quotas = Vec::new();
    for (id, tenant) in shown {
        quotas.extend(
            tenant
                .quota_states()
                .await?
                .map(|state| QuotaView::new(&id, state)),
        );
    }
    Ok(Json(UsageView {
        items: page.items,
        next: page.next,
        quotas,
    }))
}

/// Shows what a tenant may use.
#[utoipa::path(get, path = "", tag = "usage", params(("tenant" = String, Path)), responses((status = 200, body = QuotaBody)))]
pub(crate) async fn get_quota(who: AsOperator, Path(tenant): Path<TenantId>) -> Answer<QuotaBody> {
    Ok(Json(found(&who, &tenant)?.quota().into()))
}

/// Sets what a tenant may use; it holds from the next decision on.
#[utoipa::path(put, path = "", tag = "usage", params(("tenant" = String, Path)), request_body = QuotaBody, responses((status = 200, body = QuotaBody)))]
pub(crate) async fn put_quota(
    who: AsOperator,
    Path(tenant): Path<TenantId>,
    Json(body): Json<QuotaBody>,
) -> Answer<QuotaBody> {
    let tenant = found(&who, &tenant)?;
    tenant.set_quota(body.try_into()?).await?;
    tracing::info!(tenant = %tenant.id(), actor = %who.ctx.actor, quota = ?tenant.quota(), "quota set");
    Ok(Json(tenant.quota().into()))
}

fn found(who: &AsOperator, tenant: &TenantId) -> Result<Tenant, Problem> {
    let found = who.platform.tenant(tenant);
    found.ok_or_else(|| Problem::not_found("tenant", tenant))
}
