//! Queues: where calls wait.

use axum::http::StatusCode;
use jackfield_contact::Centre;
use jackfield_contact::config::QueueConfig;
use jackfield_contact::input::Input;
use jackfield_contact::queue::Queue;
use jackfield_types::{Channel, QueueId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::page::{Page, Paging};
use crate::auth::InTenant;
use crate::clock;
use crate::error::Problem;
use crate::extract::{Answer, Json, Path, Query};

/// Settings of a queue. What is left out has its usual value.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Support", "wrap_up_ms": 20000, "overflow": "overflow"}))]
pub struct QueueBody {
    /// For people, 1 to 128 bytes.
    pub name: String,
    /// Callers who may wait at once, 1 to 10,000; usually 200. More go to `overflow`, else back to the flow.
    pub max_waiting: Option<u32>,
    /// Longest wait, 1,000 to 86,400,000 ms; usually 600,000. Then `overflow`, else back to the flow.
    pub max_wait_ms: Option<u64>,
    /// Where calls go that can't or shouldn't wait here: another queue, which must exist.
    #[schema(value_type = Option<String>)]
    pub overflow: Option<QueueId>,
    /// How long an agent's phone rings, or written work is on offer, before the next agent is tried, 1,000 to 120,000 ms;
    /// usually 15,000. Who misses a call or a chat is put on a break; who misses an e-mail is passed over for a while.
    pub offer_timeout_ms: Option<u64>,
    /// After-call work of the agent, 0 to 3,600,000 ms; usually 30,000.
    pub wrap_up_ms: Option<u64>,
    /// How often the flow is told where the caller stands, 1,000 to 600,000 ms; usually 20,000.
    pub progress_every_ms: Option<u64>,
    /// Whether conversations are recorded; usually true.
    pub record: Option<bool>,
}

/// A queue and how it stands.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct QueueView {
    /// The queue.
    pub id: String,
    /// For people.
    pub name: String,
    /// Callers who may wait at once.
    pub max_waiting: u32,
    /// Longest wait in milliseconds.
    pub max_wait_ms: u64,
    /// Where calls go that can't or shouldn't wait here.
    pub overflow: Option<String>,
    /// How long an agent's phone rings, or written work is on offer, in milliseconds.
    pub offer_timeout_ms: u64,
    /// After-call work in milliseconds.
    pub wrap_up_ms: u64,
    /// How often the flow is told where the caller stands, in milliseconds.
    pub progress_every_ms: u64,
    /// Whether conversations are recorded.
    pub record: bool,
    /// How it stands now.
    pub status: QueueStatusView,
}

/// How a queue stands.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct QueueStatusView {
    /// Callers waiting.
    pub waiting: u32,
    /// Agents who are free for this queue now.
    pub available: u32,
    /// Agents who are signed in for this queue.
    pub signed_in: u32,
    /// The longest present wait in milliseconds.
    pub longest_wait_ms: u64,
    /// Expected wait of one more caller in milliseconds; null while nothing is known.
    pub expected_wait_ms: Option<u64>,
}

impl From<&Queue> for QueueView {
    fn from(queue: &Queue) -> Self {
        let config = &queue.config;
        Self {
            id: config.id.to_string(),
            name: config.name.to_string(),
            max_waiting: config.max_waiting,
            max_wait_ms: config.max_wait_ms,
            overflow: config.overflow.as_ref().map(ToString::to_string),
            offer_timeout_ms: config.offer_timeout_ms,
            wrap_up_ms: config.wrap_up_ms,
            progress_every_ms: config.progress_every_ms,
            record: config.record,
            status: QueueStatusView::default(),
        }
    }
}

impl QueueBody {
    fn into_config(self, id: QueueId) -> QueueConfig {
        let usual = QueueConfig::new(id, &self.name);
        QueueConfig {
            max_waiting: self.max_waiting.unwrap_or(usual.max_waiting),
            max_wait_ms: self.max_wait_ms.unwrap_or(usual.max_wait_ms),
            overflow: self.overflow,
            offer_timeout_ms: self.offer_timeout_ms.unwrap_or(usual.offer_timeout_ms),
            wrap_up_ms: self.wrap_up_ms.unwrap_or(usual.wrap_up_ms),
            progress_every_ms: self.progress_every_ms.unwrap_or(usual.progress_every_ms),
            record: self.record.unwrap_or(usual.record),
            ..usual
        }
    }
}

fn view_of(centre: &Centre, queue: &Queue, now: Timestamp) -> QueueView {
    let mut view = QueueView::from(queue);
    if let Some(status) = centre.queue_status(&queue.config.id, Channel::Voice, now) {
        view.status = QueueStatusView {
            waiting: status.waiting,
            available: status.available,
            signed_in: status.signed_in,
            longest_wait_ms: status.longest_wait_ms,
            expected_wait_ms: status.expected_wait_ms,
        };
    }
    view
}

/// Lists the queues, by id, and how they stand.
#[utoipa::path(get, path = "", tag = "queues", params(Paging), responses((status = 200, body = Page<QueueView>)))]
pub(crate) async fn list_queues(who: InTenant, Query(paging): Query<Paging>) -> Answer<Page<QueueView>> {
    let now = clock::now();
    let page = who.tenant.read(move |centre| {
        paging.cut(
            centre.queues(),
            |queue| queue.config.id.to_string(),
            |queue| view_of(centre, queue, now),
        )
    });
    Ok(Json(page.await??))
}

/// Shows one queue and how it stands.
#[utoipa::path(get, path = "", tag = "queues", params(("queue" = String, Path)), responses((status = 200, body = QueueView)))]
pub(crate) async fn get_queue(who: InTenant, Path(queue): Path<QueueId>) -> Answer<QueueView> {
    view(&who, queue).await
}

async fn view(who: &InTenant, queue: QueueId) -> Answer<QueueView> {
    let (id, now) = (queue.clone(), clock::now());
    let found = who
        .tenant
        .read(move |centre| Some(view_of(centre, centre.queue(&queue)?, now)))
        .await?;
    Ok(Json(found.ok_or_else(|| Problem::not_found("queue", id))?))
}

/// Makes a queue, or changes its settings. Calls that wait in it stay.
#[utoipa::path(put, path = "", tag = "queues", params(("queue" = String, Path)), request_body = QueueBody, responses((status = 200, body = QueueView)))]
pub(crate) async fn put_queue(
    who: InTenant,
    Path(queue): Path<QueueId>,
    Json(body): Json<QueueBody>,
) -> Answer<QueueView> {
    who.tenant
        .submit(Input::SetQueue(body.into_config(queue.clone())))
        .await?;
    view(&who, queue).await
}

/// Removes a queue that nobody waits in and nothing refers to.
#[utoipa::path(delete, path = "", tag = "queues", params(("queue" = String, Path)), responses((status = 204)))]
pub(crate) async fn remove_queue(who: InTenant, Path(queue): Path<QueueId>) -> Result<StatusCode, Problem> {
    who.tenant.submit(Input::RemoveQueue(queue)).await?;
    Ok(StatusCode::NO_CONTENT)
}
