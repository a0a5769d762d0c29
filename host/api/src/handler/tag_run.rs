//! Runs over all customers: the tag generators are asked about everybody, in batches that each have a receipt.

use axum::http::StatusCode;
use jackfield_runtime::{TagCounts, TagReceipt, TagRun, TagRunState, TagSchedule};
use jackfield_types::TagRunId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::page::{Page, Paging};
use crate::auth::InTenant;
use crate::error::Problem;
use crate::extract::{Answer, Json, Path, Query};

/// A run that is wanted.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"dry_run": true}))]
pub struct TagRunBody {
    /// Only to say what would come of it: the generators are asked, and nothing is changed.
    #[serde(default)]
    pub dry_run: bool,
}

/// What came of a run so far, or of one batch of it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TagCountsView {
    /// Customers that were looked at; those that were merged into others count with them.
    pub customers: u64,
    /// Decisions that were made.
    pub decisions: u64,
    /// Customers of whom something was changed, or would be.
    pub changed: u64,
    /// Tags that are new or say something else.
    pub added: u64,
    /// Tags that went.
    pub removed: u64,
    /// Tags that were confirmed.
    pub refreshed: u64,
    /// Changes that were left out: of tags that people set or keep for themselves, or that the library does not know.
    pub refused: u64,
    /// Decisions that failed; the customer keeps its tags.
    pub failed: u64,
    /// Fuel that the decisions used.
    pub fuel: u64,
    /// Microseconds that the decisions took together.
    pub wall_us: u64,
}

impl From<TagCounts> for TagCountsView {
    fn from(counts: TagCounts) -> Self {
        Self {
            customers: counts.customers,
            decisions: counts.decisions,
            changed: counts.changed,
            added: counts.added,
            removed: counts.removed,
            refreshed: counts.refreshed,
            refused: counts.refused,
            failed: counts.failed,
            fuel: counts.fuel,
            wall_us: counts.wall_us,
        }
    }
}

/// A run, and how far it is.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TagRunView {
    /// Its id.
    pub id: String,
    /// Whether nothing is changed.
    pub dry_run: bool,
    /// Who began it; the schedule is `tags`.
    pub by: String,
    /// `running`, `paused`, `stopped` or `done`.
    pub state: String,
    /// Why it is paused, when nobody paused it.
    pub problem: Option<String>,
    /// When it was begun.
    pub started_at: u64,
    /// When it last moved.
    pub moved_at: u64,
    /// When it ended.
    pub ended_at: Option<u64>,
    /// Batches that were committed.
    pub batches: u64,
    /// What came of it so far.
    pub counts: TagCountsView,
}

impl From<TagRun> for TagRunView {
    fn from(run: TagRun) -> Self {
        Self {
            id: run.id.to_string(),
            dry_run: run.dry_run,
            by: run.by.to_string(),
            state: run.state.as_str().to_owned(),
            problem: run.problem.map(|problem| problem.to_string()),
            started_at: run.started_at.0,
            moved_at: run.moved_at.0,
            ended_at: run.ended_at.map(|at| at.0),
            batches: run.batches,
            counts: run.counts.into(),
        }
    }
}

/// What one committed batch was and cost.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TagReceiptView {
    /// Its number within the run, from 1.
    pub number: u64,
    /// When it was committed.
    pub at: u64,
    /// The first customer in it.
    pub first: String,
    /// The last customer in it.
    pub last: String,
    /// What came of it.
    pub counts: TagCountsView,
    /// Of decisions that failed, the first ten: the customer, and the failure's code.
    pub failures: Vec<(String, String)>,
}

impl From<TagReceipt> for TagReceiptView {
    fn from(receipt: TagReceipt) -> Self {
        let failures = receipt.failures.into_iter();
        Self {
            number: receipt.number,
            at: receipt.at.0,
            first: receipt.first.to_string(),
            last: receipt.last.to_string(),
            counts: receipt.counts.into(),
            failures: failures
                .map(|(customer, code)| (customer.to_string(), code.to_string()))
                .collect(),
        }
    }
}

/// When runs begin by themselves.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"every_hours": 24, "next_at": 1_800_000_000_000_u64}))]
pub struct TagScheduleBody {
    /// Hours from one to the next, 1 to 8,760; left out: none begins by itself.
    pub every_hours: Option<u32>,
    /// When the next one begins; so many hours from now when left out.
    pub next_at: Option<u64>,
}

impl From<TagSchedule> for TagScheduleBody {
    fn from(schedule: TagSchedule) -> Self {
        Self {
            every_hours: schedule.every_hours,
            next_at: schedule.next_at.map(|at| at.0),
        }
    }
}

/// Lists the runs, by id.
#[utoipa::path(get, path = "", tag = "customers", params(Paging), responses((status = 200, body = Page<TagRunView>)))]
pub(crate) async fn list_tag_runs(who: InTenant, Query(paging): Query<Paging>) -> Answer<Page<TagRunView>> {
    let runs = who.tenant.tag_runs(&who.ctx).await?;
    let place = |run: &TagRun| run.id.to_string();
    Ok(Json(paging.cut(runs.into_iter(), place, TagRunView::from)?))
}

/// Shows how far a run is.
#[utoipa::path(get, path = "", tag = "customers", params(("run" = String, Path)), responses((status = 200, body = TagRunView)))]
pub(crate) async fn get_tag_run(who: InTenant, Path(run): Path<TagRunId>) -> Answer<TagRunView> {
    Ok(Json(who.tenant.tag_run(&who.ctx, &run).await?.into()))
}

/// Begins a run: every tag generator is asked about every customer, in the order of their ids. It goes on by itself, after a
/// restart too. Refused when there is one of that id, or another one goes on.
#[utoipa::path(put, path = "", tag = "customers", params(("run" = String, Path)), request_body = TagRunBody, responses((status = 200, body = TagRunView)))]
pub(crate) async fn begin_tag_run(
    who: InTenant,
    Path(run): Path<TagRunId>,
    Json(body): Json<TagRunBody>,
) -> Answer<TagRunView> {
    let begun = who.tenant.begin_tag_run(&who.ctx, run, body.dry_run).await?;
    Ok(Json(begun.into()))
}

/// Pauses a run.
#[utoipa::path(post, path = "", tag = "customers", params(("run" = String, Path)), responses((status = 200, body = TagRunView)))]
pub(crate) async fn pause_tag_run(who: InTenant, Path(run): Path<TagRunId>) -> Answer<TagRunView> {
    let moved = who
        .tenant
        .move_tag_run(&who.ctx, &run, TagRunState::Paused)
        .await?;
    Ok(Json(moved.into()))
}

/// Goes on with a paused run, from the first customer that is not done.
#[utoipa::path(post, path = "", tag = "customers", params(("run" = String, Path)), responses((status = 200, body = TagRunView)))]
pub(crate) async fn resume_tag_run(who: InTenant, Path(run): Path<TagRunId>) -> Answer<TagRunView> {
    let moved = who
        .tenant
        .move_tag_run(&who.ctx, &run, TagRunState::Running)
        .await?;
    Ok(Json(moved.into()))
}

/// Ends a run before it is through. What it has changed stays.
#[utoipa::path(post, path = "", tag = "customers", params(("run" = String, Path)), responses((status = 200, body = TagRunView)))]
pub(crate) async fn stop_tag_run(who: InTenant, Path(run): Path<TagRunId>) -> Answer<TagRunView> {
    let moved = who
        .tenant
        .move_tag_run(&who.ctx, &run, TagRunState::Stopped)
        .await?;
    Ok(Json(moved.into()))
}

/// Lists the receipts of a run's batches, oldest first.
#[utoipa::path(get, path = "", tag = "customers", params(("run" = String, Path), Paging), responses((status = 200, body = Page<TagReceiptView>)))]
pub(crate) async fn list_tag_receipts(
    who: InTenant,
    Path(run): Path<TagRunId>,
    Query(paging): Query<Paging>,
) -> Answer<Page<TagReceiptView>> {
    let limit = paging.limit()?;
    let page = who
        .tenant
        .tag_run_receipts(&who.ctx, &run, paging.cursor, limit)
        .await?;
    Ok(Json(page.into()))
}

/// Forgets a run that has ended, with its receipts.
#[utoipa::path(delete, path = "", tag = "customers", params(("run" = String, Path)), responses((status = 204)))]
pub(crate) async fn remove_tag_run(who: InTenant, Path(run): Path<TagRunId>) -> Result<StatusCode, Problem> {
    who.tenant.remove_tag_run(&who.ctx, &run).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Shows when runs begin by themselves.
#[utoipa::path(get, path = "", tag = "customers", responses((status = 200, body = TagScheduleBody)))]
pub(crate) async fn get_tag_schedule(who: InTenant) -> Answer<TagScheduleBody> {
    Ok(Json(who.tenant.tag_schedule(&who.ctx).await?.into()))
}

/// Says when runs begin by themselves.
#[utoipa::path(put, path = "", tag = "customers", request_body = TagScheduleBody, responses((status = 200, body = TagScheduleBody)))]
pub(crate) async fn put_tag_schedule(
    who: InTenant,
    Json(body): Json<TagScheduleBody>,
) -> Answer<TagScheduleBody> {
    let schedule = TagSchedule {
        every_hours: body.every_hours,
        next_at: body.next_at.map(jackfield_types::Timestamp),
    };
    let kept = who.tenant.put_tag_schedule(&who.ctx, schedule).await?;
    Ok(Json(kept.into()))
}
