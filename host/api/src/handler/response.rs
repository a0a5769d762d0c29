//! How long customers of written conversations waited for answers.

use jackfield_runtime::{Distribution, ResponseQuery, ResponseReport};
use jackfield_types::{AgentId, ChatEntryId, QueueId, SegmentId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::auth::InTenant;
use crate::clock;
use crate::error::Problem;
use crate::extract::{Answer, Json, Query};

const DAY_MS: u64 = 86_400_000;
/// The longest that one report can be about: 92 days.
const MAX_RANGE_MS: u64 = 92 * DAY_MS;
/// Most people leave a window in which nothing happens for so long.
const WITHIN_MS: u64 = 15_000;

/// Which answers.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ResponseParams {
    /// From here on; a day before `to` when left out.
    from: Option<u64>,
    /// Up to here, not included; now when left out. At most 92 days after `from`.
    to: Option<u64>,
    /// Of conversations that last waited in this queue.
    #[param(value_type = Option<String>)]
    queue: Option<QueueId>,
    /// Of this agent.
    #[param(value_type = Option<String>)]
    agent: Option<AgentId>,
    /// Of conversations that came through this chat entry.
    #[param(value_type = Option<String>)]
    entry: Option<ChatEntryId>,
    /// Of customers who are in this segment now.
    #[param(value_type = Option<String>)]
    segment: Option<SegmentId>,
    /// What counts as in time, in milliseconds; 15,000 when left out.
    within_ms: Option<u64>,
}

/// How long customers waited for answers of agents, from the oldest unanswered message, or being put into a queue.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ResponseView {
    /// For the first answer of a conversation.
    pub first: DistributionView,
    /// For every answer, the first included.
    pub turns: DistributionView,
    /// Whether there were more than 200,000 answers, or with a segment more than 5,000 conversations: then it tells of the
    /// oldest.
    pub cut: bool,
}

/// A distribution of waits in milliseconds; percentiles by nearest rank.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DistributionView {
    /// How many answers; without any, the rest is 0.
    pub count: u64,
    /// Arithmetic mean.
    pub mean_ms: f64,
    /// Half were answered within this.
    pub p50_ms: u64,
    /// Nine of ten.
    pub p90_ms: u64,
    /// Nineteen of twenty.
    pub p95_ms: u64,
    /// The longest.
    pub max_ms: u64,
    /// The share that was in time, 0 to 1.
    pub in_time: f64,
}

impl From<Distribution> for DistributionView {
    fn from(of: Distribution) -> Self {
        Self {
            count: of.count,
            mean_ms: of.mean_ms,
            p50_ms: of.p50_ms,
            p90_ms: of.p90_ms,
            p95_ms: of.p95_ms,
            max_ms: of.max_ms,
            in_time: of.in_time,
        }
    }
}

impl From<ResponseReport> for ResponseView {
    fn from(report: ResponseReport) -> Self {
        Self {
            first: report.first.into(),
            turns: report.turns.into(),
            cut: report.cut,
        }
    }
}

/// Reports how long customers of written conversations waited for answers: first responses, and every turn.
#[utoipa::path(get, path = "", tag = "chat", params(ResponseParams), responses((status = 200, body = ResponseView)))]
pub(crate) async fn get_responses(
    who: InTenant,
    Query(params): Query<ResponseParams>,
) -> Answer<ResponseView> {
    let to = params.to.map_or_else(clock::now, Timestamp);
    let from = params.from.unwrap_or_else(|| to.0.saturating_sub(DAY_MS));
    if from > to.0 || to.0 - from > MAX_RANGE_MS {
        let detail = "from: expected a time before to, at most 92 days before it";
        return Err(Problem::invalid("from", detail));
    }
    let query = ResponseQuery {
        from: Timestamp(from),
        to,
        queue: params.queue,
        agent: params.agent,
        entry: params.entry,
        segment: params.segment,
        within_ms: params.within_ms.unwrap_or(WITHIN_MS),
    };
    Ok(Json(who.tenant.responses(&who.ctx, &query).await?.into()))
}
