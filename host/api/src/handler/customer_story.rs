//! What happens with a customer: the timeline, and what people add to it.

use axum::http::StatusCode;
use axum::response::Response;
use jackfield_runtime::{ConsentRecord, Intent, TimelineEntry};
use jackfield_types::{Channel, CustomerId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::customer::{CustomerView, created, shown};
use super::page::{Page, checked};
use crate::auth::InTenant;
use crate::clock;
use crate::error::Problem;
use crate::extract::{Answer, Json, Path, Query};

/// Kinds that one request may name.
const MAX_KINDS: usize = 16;

/// One thing that happened with a customer.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TimelineView {
    /// When.
    pub at: u64,
    /// `interaction`, `survey`, `evaluation`, `tags`, `note`, `consent`, `intent`, `profile`, `case`, `merged` or `unmerged`.
    pub kind: String,
    /// What the kind has to say: for an interaction its id, channel, queue and agent, for a note its text, and so on.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub what: serde_json::Map<String, serde_json::Value>,
}

impl From<TimelineEntry> for TimelineView {
    fn from(entry: TimelineEntry) -> Self {
        let mut what = match serde_json::to_value(&entry.what) {
            Ok(serde_json::Value::Object(fields)) => fields,
            _ => serde_json::Map::new(),
        };
        what.remove("kind");
        Self {
            at: entry.at.0,
            kind: entry.what.kind().to_owned(),
            what,
        }
    }
}

/// Which part of a timeline.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct TimelineQuery {
    /// The `next` of the page before.
    cursor: Option<String>,
    /// Items of a page, 1 to 200; 50 when left out. A page of some kinds may be short and go on.
    limit: Option<usize>,
    /// Kinds with commas between them; all when left out.
    kinds: Option<String>,
}

/// A note.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"text": "Moves to Lyon in May; asked for an offer there."}))]
pub struct NoteBody {
    /// The text, 1 to 2,048 bytes.
    pub text: String,
}

/// What a customer said to being contacted.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"purpose": "sales", "channel": "voice", "granted": true, "source": "web-form", "proof": "form 4711"}))]
pub struct ConsentBody {
    /// For what, as outbound checks name it; 1 to 64 bytes.
    pub purpose: String,
    /// `voice`, `chat`, `sms`, `email` or `social`; on all of which nothing was said apart, when left out.
    #[schema(value_type = Option<String>)]
    pub channel: Option<Channel>,
    /// Given, or refused or withdrawn.
    pub granted: bool,
    /// Where it was said: `call`, `web-form`, `contract`…; 1 to 64 bytes.
    pub source: String,
    /// What shows it: the id of a recording, a form, a message.
    pub proof: Option<String>,
    /// When it was said; now when left out. A moment in the future is refused.
    pub from: Option<u64>,
    /// When it ends; when it is withdrawn, when left out.
    pub expires_at: Option<u64>,
}

/// A wish to buy.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"product": "fibre-1000", "confidence": 70, "value": 240_000}))]
pub struct IntentBody {
    /// What, 1 to 64 bytes.
    pub product: String,
    /// How sure that is, 0 to 100.
    pub confidence: u8,
    /// How much it would be, in the minor unit of the tenant's currency.
    pub value: Option<u64>,
    /// How it was seen.
    pub note: Option<String>,
}

/// How two customers are linked.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"kind": "household"}))]
pub struct LinkBody {
    /// `household`, `firm`, `guardian`…; 1 to 64 bytes.
    pub kind: String,
}

/// Why two customers are one.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MergeBody {
    /// For people.
    pub why: Option<String>,
}

/// Shows what happened with a customer and with all that were merged into it, on whatever channel, newest first.
#[utoipa::path(get, path = "", tag = "customers", params(("customer" = String, Path, description = "An id, or an address."), TimelineQuery), responses((status = 200, body = Page<TimelineView>)))]
pub(crate) async fn list_timeline(
    who: InTenant,
    Path(customer): Path<CustomerId>,
    Query(query): Query<TimelineQuery>,
) -> Answer<Page<TimelineView>> {
    let limit = checked(query.limit, query.cursor.as_deref())?;
    let kinds = query.kinds.unwrap_or_default();
    let kinds: Vec<String> = kinds
        .split(',')
        .filter(|kind| !kind.is_empty())
        .take(MAX_KINDS)
        .map(str::to_owned)
        .collect();
    let page = who
        .tenant
        .timeline(&who.ctx, &customer, &kinds, query.cursor, limit)
        .await?;
    Ok(Json(page.into()))
}

/// Writes a note about a customer.
#[utoipa::path(post, path = "", tag = "customers", params(("customer" = String, Path, description = "An id, or an address.")), request_body = NoteBody, responses((status = 204)))]
pub(crate) async fn write_note(
    who: InTenant,
    Path(customer): Path<CustomerId>,
    Json(body): Json<NoteBody>,
) -> Result<StatusCode, Problem> {
    who.tenant.note(&who.ctx, &customer, body.text.into()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Records what a customer said to being contacted for a purpose. What was said last holds, until it expires; outbound
/// checks that say nothing of consent go by it.
#[utoipa::path(post, path = "", tag = "customers", params(("customer" = String, Path, description = "An id, or an address.")), request_body = ConsentBody, responses((status = 201, body = CustomerView)))]
pub(crate) async fn record_consent(
    who: InTenant,
    Path(customer): Path<CustomerId>,
    Json(body): Json<ConsentBody>,
) -> Result<Response, Problem> {
    let consent = ConsentRecord {
        purpose: body.purpose.into(),
        channel: body.channel,
        granted: body.granted,
        source: body.source.into(),
        proof: body.proof.map(Into::into),
        from: body.from.map_or_else(clock::now, Timestamp),
        expires_at: body.expires_at.map(Timestamp),
    };
    let id = who.tenant.record_consent(&who.ctx, &customer, consent).await?;
    created(&who, &id).await
}

/// Records that a customer wants to buy something.
#[utoipa::path(post, path = "", tag = "customers", params(("customer" = String, Path, description = "An id, or an address.")), request_body = IntentBody, responses((status = 204)))]
pub(crate) async fn record_intent(
    who: InTenant,
    Path(customer): Path<CustomerId>,
    Json(body): Json<IntentBody>,
) -> Result<StatusCode, Problem> {
    let intent = Intent {
        product: body.product.into(),
        confidence: body.confidence,
        value: body.value,
        note: body.note.map(Into::into),
    };
    who.tenant.record_intent(&who.ctx, &customer, intent).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Links two customers of a household or firm, both ways.
#[utoipa::path(put, path = "", tag = "customers", params(("customer" = String, Path, description = "An id, or an address."), ("other" = String, Path, description = "An id, or an address.")), request_body = LinkBody, responses((status = 200, body = CustomerView)))]
pub(crate) async fn put_link(
    who: InTenant,
    Path((customer, other)): Path<(CustomerId, CustomerId)>,
    Json(body): Json<LinkBody>,
) -> Answer<CustomerView> {
    let kind = body.kind.into();
    let id = who
        .tenant
        .link_customers(&who.ctx, &customer, &other, kind)
        .await?;
    shown(&who, &id).await
}

/// Takes a link away, both ways.
#[utoipa::path(delete, path = "", tag = "customers", params(("customer" = String, Path, description = "An id, or an address."), ("other" = String, Path, description = "An id, or an address.")), responses((status = 200, body = CustomerView)))]
pub(crate) async fn remove_link(
    who: InTenant,
    Path((customer, other)): Path<(CustomerId, CustomerId)>,
) -> Answer<CustomerView> {
    let id = who.tenant.unlink_customers(&who.ctx, &customer, &other).await?;
    shown(&who, &id).await
}

/// Merges a customer into another. Nothing moves: what is and will be known through the other's addresses counts for this
/// one, until the merge is taken back. The other's id goes on meaning this one.
#[utoipa::path(put, path = "", tag = "customers", params(("customer" = String, Path, description = "Who stays: an id, or an address."), ("other" = String, Path, description = "Who is merged into it: an id, or an address.")), request_body = MergeBody, responses((status = 200, body = CustomerView)))]
pub(crate) async fn merge_customers(
    who: InTenant,
    Path((customer, other)): Path<(CustomerId, CustomerId)>,
    Json(body): Json<MergeBody>,
) -> Answer<CustomerView> {
    let why = body.why.map(Into::into);
    let id = who
        .tenant
        .merge_customers(&who.ctx, &customer, &other, why)
        .await?;
    shown(&who, &id).await
}

/// Takes a merge back: the other is a customer of its own again, with what it had and what came through its addresses since.
/// What people wrote after the merge stays with the customer that they wrote it about.
#[utoipa::path(delete, path = "", tag = "customers", params(("customer" = String, Path, description = "Who stayed: an id, or an address."), ("other" = String, Path, description = "The id of who was merged into it.")), responses((status = 200, body = CustomerView)))]
pub(crate) async fn unmerge_customer(
    who: InTenant,
    Path((customer, other)): Path<(CustomerId, CustomerId)>,
) -> Answer<CustomerView> {
    let id = who.tenant.unmerge_customer(&who.ctx, &customer, &other).await?;
    shown(&who, &id).await
}
