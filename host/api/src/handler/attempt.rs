//! Attempts that were made to reach somebody: reported here, told to outbound rules, so that caps hold.

use axum::http::StatusCode;
use jackfield_contact::decision::Outcome;
use jackfield_runtime::AttemptRecord;
use jackfield_types::{CampaignId, Channel, E164, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::outbound::voice;
use super::page::Page;
use crate::auth::InTenant;
use crate::clock;
use crate::error::Problem;
use crate::extract::{Answer, Json, Query};

/// An attempt that was made.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"number": "+33612345678", "purpose": "sales", "campaign": "spring", "outcome": "unanswered"}))]
pub struct ReportedAttempt {
    /// The number, E.164.
    #[schema(value_type = String)]
    pub number: E164,
    /// `voice` when left out.
    #[serde(default = "voice")]
    #[schema(value_type = String)]
    pub channel: Channel,
    /// What for, as it is checked, 1 to 64 bytes; caps count by it.
    pub purpose: String,
    /// The campaign that it belonged to.
    #[schema(value_type = Option<String>)]
    pub campaign: Option<CampaignId>,
    /// When; now when left out. At most 90 days ago.
    pub at: Option<u64>,
    /// `unanswered`, `conversation`, `abandoned` or `failed`.
    #[schema(value_type = String)]
    pub outcome: Outcome,
}

/// An attempt as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AttemptView {
    /// The number.
    pub number: String,
    /// The channel.
    pub channel: String,
    /// What for.
    pub purpose: String,
    /// The campaign that it belonged to.
    pub campaign: Option<String>,
    /// When.
    pub at: u64,
    /// `unanswered`, `conversation`, `abandoned` or `failed`.
    #[schema(value_type = String)]
    pub outcome: Outcome,
    /// Who reported it.
    pub reported_by: String,
}

/// Of whom.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Whom {
    /// The number, E.164, with its plus sign encoded.
    #[param(value_type = String)]
    number: E164,
    /// What for.
    purpose: String,
}

impl From<AttemptRecord> for AttemptView {
    fn from(record: AttemptRecord) -> Self {
        Self {
            number: record.number.to_string(),
            channel: record.channel.as_str().into(),
            purpose: record.purpose,
            campaign: record.campaign.map(|campaign| campaign.to_string()),
            at: record.at.0,
            outcome: record.outcome,
            reported_by: record.reported_by,
        }
    }
}

/// Reports an attempt that was made. It is kept for 90 days, and outbound rules are told of it in each check of the same
/// number and purpose; of these the newest 200 are kept.
#[utoipa::path(post, path = "", tag = "outbound", request_body = ReportedAttempt, responses((status = 201, body = AttemptView)))]
pub(crate) async fn record_attempt(
    who: InTenant,
    Json(body): Json<ReportedAttempt>,
) -> Result<(StatusCode, Json<AttemptView>), Problem> {
    let record = AttemptRecord {
        number: body.number,
        channel: body.channel,
        purpose: body.purpose,
        campaign: body.campaign,
        at: body.at.map_or_else(clock::now, Timestamp),
        outcome: body.outcome,
        reported_by: who.ctx.actor.to_string(),
    };
    who.tenant.record_attempt(&who.ctx, &record).await?;
    Ok((StatusCode::CREATED, Json(record.into())))
}

/// Lists the attempts that are kept of a number and purpose, newest first, at most 200.
#[utoipa::path(get, path = "", tag = "outbound", params(Whom), responses((status = 200, body = Page<AttemptView>)))]
pub(crate) async fn list_attempts(who: InTenant, Query(whom): Query<Whom>) -> Answer<Page<AttemptView>> {
    let attempts = who.tenant.attempts(&who.ctx, &whom.number, &whom.purpose).await?;
    Ok(Json(Page {
        items: attempts.into_iter().map(AttemptView::from).collect(),
        next: None,
    }))
}
