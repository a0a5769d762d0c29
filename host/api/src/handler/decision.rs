//! Recorded plugin decisions: which version decided what, on what input, and what another would have decided.

use jackfield_runtime::{Example, RecordQuery, ReplayReport, ReplayRequest};
use jackfield_sandbox::{Ceilings, DecisionRecord, Read};
use jackfield_types::{DecisionId, ExtensionPoint, PluginId, Timestamp, Version, limits};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::ceilings::KindCeilings;
use super::page::Page;
use crate::auth::InTenant;
use crate::clock;
use crate::error::Problem;
use crate::extract::{Answer, Json, Path, Query};

/// Decisions of a page.
const MAX_LISTED: usize = 200;
const DEFAULT_LISTED: usize = 50;

/// Which decisions.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Filter {
    /// Where the plugin was bound, for example `queue:support`.
    #[param(value_type = String)]
    point: ExtensionPoint,
    /// From this moment on; a day ago when left out.
    since: Option<u64>,
    /// Before this moment; now when left out.
    until: Option<u64>,
    /// At most so many, the newest, 1 to 200; 50 when left out.
    limit: Option<usize>,
}

/// A recorded decision in short.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DecisionView {
    /// The record's id.
    pub id: String,
    /// The decision's moment.
    pub at: u64,
    /// Where the plugin was bound.
    pub point: String,
    /// The plugin.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// The revision of the binding.
    pub revision: u64,
    /// The interaction that it was about; null for routing, which is about a whole queue.
    pub interaction: Option<String>,
    /// Why there was no valid answer; null when there was one.
    pub failure: Option<String>,
    /// Fuel used.
    pub fuel: u64,
    /// Wall time in microseconds.
    pub wall_us: u64,
}

/// A recorded decision, explained: all that went into it and came out of it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DecisionDetail {
    /// The decision in short.
    #[serde(flatten)]
    pub decision: DecisionView,
    /// SHA-256 of the component, 64 hex digits.
    pub digest: String,
    /// The engine and its table of fuel costs.
    pub engine: String,
    /// What the plugin was told by its binding.
    #[schema(value_type = Object)]
    pub config: Value,
    /// The question: an object with one field, the kind.
    #[schema(value_type = Object)]
    pub question: Value,
    /// What the plugin asked of the host, in order, with the answers.
    #[schema(value_type = Vec<Object>)]
    pub reads: Vec<Value>,
    /// The answer, or null when there was none.
    #[schema(value_type = Object)]
    pub answer: Value,
    /// Keys of the binding that it set or took away.
    pub keys_written: Vec<String>,
    /// Highest sum of the bytes of its memories.
    pub peak_memory_bytes: u64,
    /// What it wrote for its author, a line each.
    pub log: Vec<String>,
    /// False when reads and log were left out, because the record was too large.
    pub complete: bool,
    /// Capabilities that tenant and platform granted then.
    #[schema(value_type = Vec<String>)]
    pub grants: Value,
    /// Ceilings that the operator had lowered for the tenant; what is null was not.
    pub budget: KindCeilings,
    /// Which fields of customers' data the version saw, by the paths that its manifest names; null: everything that it was
    /// granted. The reads hold no others.
    pub projection: Option<Vec<String>>,
}

/// What was lowered of a budget.
fn lowered(budget: Option<Ceilings>) -> KindCeilings {
    let budget = budget.unwrap_or(Ceilings::NONE);
    let below = |value: u64, none: u64| Some(value).filter(|value| *value < none);
    KindCeilings {
        fuel: below(budget.fuel, Ceilings::NONE.fuel),
        wall_ms: below(budget.wall_ms, Ceilings::NONE.wall_ms),
        memory_bytes: below(budget.memory_bytes as u64, Ceilings::NONE.memory_bytes as u64),
    }
}

impl From<&DecisionRecord> for DecisionView {
    fn from(record: &DecisionRecord) -> Self {
        let interaction = record.question.interaction();
        let failure = record.result.as_ref().err();
        Self {
            id: record.id.to_string(),
            at: record.at.0,
            point: record.by.point.to_string(),
            plugin: record.by.plugin.to_string(),
            version: record.by.version.to_string(),
            revision: record.by.revision,
            interaction: interaction.map(|id| id.to_string()),
            failure: failure.map(|failure| format!("{}: {}", failure.code, failure.message)),
            fuel: record.receipt.fuel,
            wall_us: record.receipt.wall_us,
        }
    }
}

impl From<DecisionRecord> for DecisionDetail {
    fn from(record: DecisionRecord) -> Self {
        let value = |value: serde_json::Result<Value>| value.unwrap_or_default();
        Self {
            decision: DecisionView::from(&record),
            digest: record.by.digest.to_string(),
            engine: record.by.engine.to_string(),
            config: value(serde_json::from_str(&record.by.config)),
            question: value(serde_json::to_value(&record.question)),
            reads: record
                .reads
                .iter()
                .map(|read: &Read| value(serde_json::to_value(read)))
                .collect(),
            answer: record
                .result
                .as_ref()
                .map_or(Value::Null, |answer| value(serde_json::to_value(answer))),
            keys_written: record.kv_writes.into_iter().map(|(key, _)| key).collect(),
            peak_memory_bytes: record.receipt.peak_memory_bytes,
            log: record
                .log
                .into_iter()
                .map(|line| format!("{}: {}", line.level.as_str(), line.message))
                .collect(),
            complete: record.complete,
            grants: value(serde_json::to_value(record.grants)),
            budget: lowered(record.budget),
            projection: record.by.projection.paths(),
        }
    }
}

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

fn query(
    point: ExtensionPoint,
    since: Option<u64>,
    until: Option<u64>,
    limit: usize,
) -> Result<RecordQuery, Problem> {
    let now = clock::now().0 + 1;
    let until = until.unwrap_or(now);
    let since = since.unwrap_or(now.saturating_sub(DAY_MS));
    if since > until {
        return Err(Problem::invalid(
            "since",
            "since: expected a moment before `until`",
        ));
    }
    Ok(RecordQuery {
        point,
        since: Timestamp(since),
        until: Timestamp(until),
        limit,
    })
}

/// Lists recorded decisions of a point, newest first. Records are kept for seven days.
#[utoipa::path(get, path = "", tag = "plugins", params(Filter), responses((status = 200, body = Page<DecisionView>)))]
pub(crate) async fn list_decisions(
    who: InTenant,
    Query(filter): Query<Filter>,
) -> Answer<Page<DecisionView>> {
    let limit = filter.limit.unwrap_or(DEFAULT_LISTED);
    if !(1..=MAX_LISTED).contains(&limit) {
        return Err(Problem::invalid(
            "limit",
            format!("limit: expected 1 to {MAX_LISTED}"),
        ));
    }
    let query = query(filter.point, filter.since, filter.until, limit)?;
    let records = who.tenant.decisions(&who.ctx, &query).await?;
    Ok(Json(Page {
        items: records.iter().map(DecisionView::from).collect(),
        next: None,
    }))
}

/// Explains one decision: version, configuration, input, reads and output.
#[utoipa::path(get, path = "", tag = "plugins", params(("decision" = String, Path)), responses((status = 200, body = DecisionDetail)))]
pub(crate) async fn get_decision(who: InTenant, Path(decision): Path<DecisionId>) -> Answer<DecisionDetail> {
    let found = who.tenant.decision(&who.ctx, decision).await?;
    Ok(Json(
        found
            .ok_or_else(|| Problem::not_found("decision", decision))?
            .into(),
    ))
}

/// What to replay, on what.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"point": "queue:support", "plugin": "skills-routing", "version": "0.2.0"}))]
pub struct ReplayBody {
    /// Decisions made at this point.
    #[schema(value_type = String)]
    pub point: ExtensionPoint,
    /// The candidate, an uploaded plugin of the point's kind.
    #[schema(value_type = String)]
    pub plugin: PluginId,
    /// Its version; the newest when left out.
    #[schema(value_type = Option<String>)]
    pub version: Option<Version>,
    /// What the candidate is told; what each recorded decision was told when left out.
    #[schema(value_type = Option<Object>)]
    pub config: Option<Value>,
    /// Decisions from this moment on; a day ago when left out.
    pub since: Option<u64>,
    /// Decisions before this moment; now when left out.
    pub until: Option<u64>,
    /// At most so many, the newest, 1 to 10,000; 1,000 when left out.
    pub limit: Option<usize>,
}

/// How the candidate's decisions differ from those recorded.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ReplayView {
    /// The candidate.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// Decisions looked at.
    pub decisions: usize,
    /// Of them: the same answer.
    pub identical: usize,
    /// Another wording, the same effect.
    pub cosmetic: usize,
    /// Another effect.
    pub material: usize,
    /// What must not be, for example an outbound attempt that is allowed and was denied.
    pub forbidden: usize,
    /// The candidate asked for something that the record does not hold.
    pub unreplayable: usize,
    /// Decisions that the candidate failed.
    pub failures: usize,
    /// Fuel of the recorded decisions that were replayed.
    pub fuel_before: u64,
    /// Fuel of their replays.
    pub fuel_after: u64,
    /// How long it took, in microseconds.
    pub took_us: u64,
    /// Some that differ, the worst first, at most five of each grade.
    pub examples: Vec<ExampleView>,
}

/// One decision that differs.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ExampleView {
    /// The record.
    pub decision: String,
    /// Its moment.
    pub at: u64,
    /// `cosmetic`, `material`, `forbidden` or `unreplayable`.
    pub grade: String,
    /// What differs, the worst first.
    #[schema(value_type = Vec<Object>)]
    pub differences: Vec<Value>,
    /// What the record does not hold, when it is unreplayable.
    pub missing: Option<String>,
    /// Why the candidate gave no answer, when it failed.
    pub failure: Option<String>,
}

impl From<Example> for ExampleView {
    fn from(example: Example) -> Self {
        let word = |grade| serde_json::to_value(grade).ok()?.as_str().map(str::to_owned);
        let grade = example
            .comparison
            .as_ref()
            .and_then(|comparison| word(comparison.grade));
        let differences = example.comparison.map(|comparison| comparison.differences);
        Self {
            decision: example.decision.to_string(),
            at: example.at.0,
            grade: grade.unwrap_or_else(|| "unreplayable".into()),
            differences: differences
                .unwrap_or_default()
                .iter()
                .filter_map(|difference| serde_json::to_value(difference).ok())
                .collect(),
            missing: example.missing,
            failure: example
                .failure
                .map(|failure| format!("{}: {}", failure.code, failure.message)),
        }
    }
}

impl From<ReplayReport> for ReplayView {
    fn from(report: ReplayReport) -> Self {
        Self {
            plugin: report.plugin.to_string(),
            version: report.version.to_string(),
            decisions: report.decisions,
            identical: report.identical,
            cosmetic: report.cosmetic,
            material: report.material,
            forbidden: report.forbidden,
            unreplayable: report.unreplayable,
            failures: report.failures,
            fuel_before: report.fuel.0,
            fuel_after: report.fuel.1,
            took_us: report.took_us,
            examples: report.examples.into_iter().map(ExampleView::from).collect(),
        }
    }
}

/// Decides recorded questions again, on another version or configuration. Nothing that it answers takes effect.
#[utoipa::path(post, path = "", tag = "plugins", request_body = ReplayBody, responses((status = 200, body = ReplayView)))]
pub(crate) async fn replay(who: InTenant, Json(body): Json<ReplayBody>) -> Answer<ReplayView> {
    let limit = body.limit.unwrap_or(1_000);
    if !(1..=limits::MAX_REPLAY).contains(&limit) {
        let detail = format!("limit: expected 1 to {}", limits::MAX_REPLAY);
        return Err(Problem::invalid("limit", detail));
    }
    if body.config.as_ref().is_some_and(|config| !config.is_object()) {
        return Err(Problem::invalid("config", "config: expected a JSON object"));
    }
    let request = ReplayRequest {
        records: query(body.point, body.since, body.until, limit)?,
        plugin: body.plugin,
        version: body.version,
        config: body.config,
    };
    Ok(Json(who.tenant.replay(&who.ctx, request).await?.into()))
}
