//! Campaigns: what outbound rules and pacing are bound to.

use axum::http::StatusCode;
use jackfield_runtime::CampaignRecord;
use jackfield_types::{CampaignId, SegmentId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::page::{Page, Paging};
use crate::auth::InTenant;
use crate::error::Problem;
use crate::extract::{Answer, Json, Path, Query};

/// A campaign's settings.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Spring sale"}))]
pub struct CampaignBody {
    /// For people, 1 to 128 bytes.
    pub name: String,
    /// The segment whose customers it is to reach, if that is kept here.
    #[schema(value_type = Option<String>)]
    pub segment: Option<SegmentId>,
}

/// A campaign.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CampaignView {
    /// Its id.
    pub id: String,
    /// For people.
    pub name: String,
    /// The segment whose customers it is to reach.
    pub segment: Option<String>,
    /// When it was made.
    pub created_at: u64,
}

impl From<CampaignRecord> for CampaignView {
    fn from(record: CampaignRecord) -> Self {
        Self {
            id: record.id.to_string(),
            name: record.name,
            segment: record.segment.map(|segment| segment.to_string()),
            created_at: record.created_at.0,
        }
    }
}

/// Lists the campaigns, by id.
#[utoipa::path(get, path = "", tag = "outbound", params(Paging), responses((status = 200, body = Page<CampaignView>)))]
pub(crate) async fn list_campaigns(
    who: InTenant,
    Query(paging): Query<Paging>,
) -> Answer<Page<CampaignView>> {
    let campaigns = who.tenant.campaigns(&who.ctx).await?;
    let place = |campaign: &CampaignRecord| campaign.id.to_string();
    Ok(Json(paging.cut(
        campaigns.into_iter(),
        place,
        CampaignView::from,
    )?))
}

/// Shows one campaign.
#[utoipa::path(get, path = "", tag = "outbound", params(("campaign" = String, Path)), responses((status = 200, body = CampaignView)))]
pub(crate) async fn get_campaign(who: InTenant, Path(campaign): Path<CampaignId>) -> Answer<CampaignView> {
    Ok(Json(who.tenant.campaign(&who.ctx, &campaign).await?.into()))
}

/// Makes a campaign, or names it anew. Rules are bound to it at `campaign:ID:outbound-rule:N`.
#[utoipa::path(put, path = "", tag = "outbound", params(("campaign" = String, Path)), request_body = CampaignBody, responses((status = 200, body = CampaignView)))]
pub(crate) async fn put_campaign(
    who: InTenant,
    Path(campaign): Path<CampaignId>,
    Json(body): Json<CampaignBody>,
) -> Answer<CampaignView> {
    let kept = who
        .tenant
        .put_campaign(&who.ctx, campaign, body.name, body.segment)
        .await?;
    Ok(Json(kept.into()))
}

/// Removes a campaign. Refused while a plugin is bound to it.
#[utoipa::path(delete, path = "", tag = "outbound", params(("campaign" = String, Path)), responses((status = 204)))]
pub(crate) async fn remove_campaign(
    who: InTenant,
    Path(campaign): Path<CampaignId>,
) -> Result<StatusCode, Problem> {
    who.tenant.remove_campaign(&who.ctx, &campaign).await?;
    Ok(StatusCode::NO_CONTENT)
}
