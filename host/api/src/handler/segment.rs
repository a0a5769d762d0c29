//! Segments: which customers are meant, how many they are, and who.

use axum::http::StatusCode;
use jackfield_runtime::{Segment, SegmentCount, SegmentDraft, SegmentPage};
use jackfield_types::{CampaignId, CustomerId, SegmentId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::customer::CustomerView;
use super::page::{Page, Paging};
use crate::auth::InTenant;
use crate::error::Problem;
use crate::extract::{Answer, Json, Path, Query};

/// Customers in a preview.
const SAMPLE: usize = 20;

/// Who is meant.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Gold customers who may leave", "expression": {"all": [
    {"attribute": "tier", "is": "gold"}, {"tag": "churn:high", "min_confidence": 60},
    {"not": {"event": "interaction", "within_days": 7}}]}, "shown": true}))]
pub struct SegmentBody {
    /// For people, 1 to 128 bytes.
    pub name: String,
    /// For people, at most 2,048 bytes.
    pub description: Option<String>,
    /// One condition, or conditions joined by `{"all": […]}`, `{"any": […]}` and `{"not": …}`, at most 8 levels deep, 100 in all
    /// and 16 KiB. A condition is one of: `"tag"` (a name; beside it `min_confidence`, `set_within_days`); `"attribute"` (an id,
    /// not of a sensitive one) or `"field"` (`language`, `channel`, `account_manager`, `last_agent`, `product`, `interactions`,
    /// `products`, `days_since_first_contact`, `days_since_last_contact`, `tenure_days`), beside it tests: `is` (a value or a list
    /// of them), `at_least`, `at_most`, `from`, `until` (dates), `exists`; `"event"` (a kind of the timeline; beside it
    /// `within_days`, 30 when left out, `at_least`, 1 when left out, `channel` of an interaction, `product` of an intent);
    /// `"consent"` (a purpose; beside it `channel`, and `is`: `given`, `refused` or `unknown`). Of an event the newest 500 entries
    /// of the timeline are looked at.
    #[schema(value_type = Object)]
    pub expression: serde_json::Value,
    /// Whether plugins see who is in it, among a customer's tags, as `segment:ID`; of 16 segments at most.
    #[serde(default)]
    pub shown: bool,
}

/// A segment.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SegmentView {
    /// Its id.
    pub id: String,
    #[serde(flatten)]
    is: SegmentBody,
    /// When it was last changed.
    pub changed_at: u64,
    /// What is wrong with the expression, when it asks for what there is not any more: then nobody is in the segment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invalid: Option<String>,
    /// Tags that the expression asks for and the library does not have. A plugin may give them all the same, unless the
    /// customer settings refuse that (`undefined_tags`); then a segment with one is refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undefined_tags: Vec<String>,
}

impl SegmentView {
    fn of(segment: &Segment, who: &InTenant) -> Self {
        let undefined = who.tenant.undefined_tags(segment);
        Self {
            id: segment.id.to_string(),
            is: SegmentBody {
                name: segment.name.to_string(),
                description: segment.description.clone(),
                expression: segment.source.clone(),
                shown: segment.shown,
            },
            changed_at: segment.changed_at.0,
            invalid: segment.expression.as_ref().err().map(ToString::to_string),
            undefined_tags: undefined.iter().map(ToString::to_string).collect(),
        }
    }
}

/// How many customers are in a segment, as far as it was counted.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SegmentCountView {
    /// The segment.
    pub segment: String,
    /// When counting began.
    pub started_at: u64,
    /// When it last went on.
    pub moved_at: u64,
    /// Whether all customers were looked at; ask again while it is false.
    pub done: bool,
    /// Customers that were looked at.
    pub looked_at: u64,
    /// Of them, those that are in the segment.
    pub matched: u64,
}

impl From<SegmentCount> for SegmentCountView {
    fn from(count: SegmentCount) -> Self {
        Self {
            segment: count.segment.to_string(),
            started_at: count.started_at.0,
            moved_at: count.moved_at.0,
            done: count.done,
            looked_at: count.looked_at,
            matched: count.matched,
        }
    }
}

/// An expression to be tried.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"expression": {"tag": "vip"}}))]
pub struct PreviewBody {
    /// As in a segment.
    #[schema(value_type = Object)]
    pub expression: serde_json::Value,
}

/// What an expression means, by the first customers.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PreviewView {
    /// Customers that were looked at, 5,000 at most.
    pub looked_at: u64,
    /// Of them, those that are meant.
    pub matched: u64,
    /// Whether these are all customers.
    pub complete: bool,
    /// The first twenty of those that are meant.
    pub items: Vec<CustomerView>,
}

/// Lists the segments, by id.
#[utoipa::path(get, path = "", tag = "customers", params(Paging), responses((status = 200, body = Page<SegmentView>)))]
pub(crate) async fn list_segments(who: InTenant, Query(paging): Query<Paging>) -> Answer<Page<SegmentView>> {
    let all = who.tenant.segments();
    let place = |segment: &std::sync::Arc<Segment>| segment.id.to_string();
    Ok(Json(paging.cut(all.into_iter(), place, |segment| {
        SegmentView::of(&segment, &who)
    })?))
}

/// Shows one segment.
#[utoipa::path(get, path = "", tag = "customers", params(("segment" = String, Path)), responses((status = 200, body = SegmentView)))]
pub(crate) async fn get_segment(who: InTenant, Path(segment): Path<SegmentId>) -> Answer<SegmentView> {
    let segment = who.tenant.segment(&segment)?;
    Ok(Json(SegmentView::of(&segment, &who)))
}

/// Makes a segment, or changes it. Another expression forgets its count. What is wrong in an expression is named by its path,
/// for example `expression.all[1].tag`.
#[utoipa::path(put, path = "", tag = "customers", params(("segment" = String, Path)), request_body = SegmentBody, responses((status = 200, body = SegmentView)))]
pub(crate) async fn put_segment(
    who: InTenant,
    Path(segment): Path<SegmentId>,
    Json(body): Json<SegmentBody>,
) -> Answer<SegmentView> {
    let draft = SegmentDraft {
        name: body.name,
        description: body.description,
        expression: body.expression,
        shown: body.shown,
    };
    let kept = who.tenant.put_segment(&who.ctx, segment, draft).await?;
    Ok(Json(SegmentView::of(&kept, &who)))
}

/// Removes a segment. Refused while a campaign is for it.
#[utoipa::path(delete, path = "", tag = "customers", params(("segment" = String, Path)), responses((status = 204)))]
pub(crate) async fn remove_segment(
    who: InTenant,
    Path(segment): Path<SegmentId>,
) -> Result<StatusCode, Problem> {
    who.tenant.remove_segment(&who.ctx, &segment).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists who is in a segment now, by id. A page looks at 5,000 customers at most; it may be short and go on.
#[utoipa::path(get, path = "", tag = "customers", params(("segment" = String, Path), Paging), responses((status = 200, body = Page<CustomerView>)))]
pub(crate) async fn list_segment_customers(
    who: InTenant,
    Path(segment): Path<SegmentId>,
    Query(paging): Query<Paging>,
) -> Answer<Page<CustomerView>> {
    meant(&who, &segment, paging).await
}

/// Lists whom a campaign is to reach: who is in its segment now. A page looks at 5,000 customers at most; it may be short and
/// go on. Whether somebody may be contacted now the outbound check says.
#[utoipa::path(get, path = "", tag = "outbound", params(("campaign" = String, Path), Paging), responses((status = 200, body = Page<CustomerView>)))]
pub(crate) async fn list_campaign_customers(
    who: InTenant,
    Path(campaign): Path<CampaignId>,
    Query(paging): Query<Paging>,
) -> Answer<Page<CustomerView>> {
    let found = who.tenant.campaign(&who.ctx, &campaign).await?;
    match found.segment {
        Some(segment) => meant(&who, &segment, paging).await,
        None => Err(Problem::conflict(
            "wrong-state",
            format!("campaign {campaign} is for no segment: set one first"),
        )),
    }
}

async fn meant(who: &InTenant, segment: &SegmentId, paging: Paging) -> Answer<Page<CustomerView>> {
    let limit = paging.limit()?;
    let segment = who.tenant.segment(segment)?;
    let page = who
        .tenant
        .matching(&who.ctx, segment.meant()?, paging.cursor, limit)
        .await?;
    Ok(Json(Page {
        next: page.next.clone(),
        items: shown(page, who),
    }))
}

fn shown(page: SegmentPage, who: &InTenant) -> Vec<CustomerView> {
    page.items
        .into_iter()
        .map(|row| CustomerView::of(row, who))
        .collect()
}

/// Shows how far a segment was counted.
#[utoipa::path(get, path = "", tag = "customers", params(("segment" = String, Path)), responses((status = 200, body = SegmentCountView)))]
pub(crate) async fn get_segment_count(
    who: InTenant,
    Path(segment): Path<SegmentId>,
) -> Answer<SegmentCountView> {
    Ok(Json(who.tenant.segment_count(&who.ctx, &segment).await?.into()))
}

/// Counts a segment, or goes on counting it: 20,000 customers or two seconds at a time. Send it again until `done`; then
/// another one begins anew.
#[utoipa::path(post, path = "", tag = "customers", params(("segment" = String, Path)), responses((status = 200, body = SegmentCountView)))]
pub(crate) async fn count_segment(who: InTenant, Path(segment): Path<SegmentId>) -> Answer<SegmentCountView> {
    Ok(Json(who.tenant.count_segment(&who.ctx, &segment).await?.into()))
}

/// Tries an expression on the first 5,000 customers.
#[utoipa::path(post, path = "", tag = "customers", request_body = PreviewBody, responses((status = 200, body = PreviewView)))]
pub(crate) async fn preview_segment(who: InTenant, Json(body): Json<PreviewBody>) -> Answer<PreviewView> {
    let expression = who.tenant.expression(&body.expression)?;
    let page = who.tenant.preview(&who.ctx, &expression, SAMPLE).await?;
    Ok(Json(PreviewView {
        looked_at: page.looked_at,
        matched: page.matched,
        complete: page.next.is_none(),
        items: shown(page, &who),
    }))
}

/// Lists the segments that a customer is in now, by id.
#[utoipa::path(get, path = "", tag = "customers", params(("customer" = String, Path, description = "An id, or an address."), Paging), responses((status = 200, body = Page<SegmentView>)))]
pub(crate) async fn list_customer_segments(
    who: InTenant,
    Path(customer): Path<CustomerId>,
    Query(paging): Query<Paging>,
) -> Answer<Page<SegmentView>> {
    let found = who.tenant.segments_of(&who.ctx, &customer).await?;
    let place = |segment: &std::sync::Arc<Segment>| segment.id.to_string();
    Ok(Json(paging.cut(found.into_iter(), place, |segment| {
        SegmentView::of(&segment, &who)
    })?))
}
