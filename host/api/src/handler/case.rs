//! Cases: what was promised to a customer, who sees to it, and by when.

use axum::http::StatusCode;
use jackfield_contact::case::CaseStatus;
use jackfield_runtime::{Case, CaseFilter, NewCase, Outcome, StatusChange};
use jackfield_types::{CaseOwner, CaseRef, CategoryId, CustomerId, InteractionId, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::interaction::{SEES_ALL, find};
use super::link::public_url;
use super::page::{Page, checked};
use crate::auth::InTenant;
use crate::error::Problem;
use crate::extract::{Answer, Json, Path, Query};
use crate::host::Asked;

/// A case.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CaseView {
    /// Its id.
    pub id: String,
    /// The number that people say on the telephone.
    pub number: u64,
    /// Whose it is.
    pub customer: String,
    /// What it is about.
    pub category: String,
    /// What it is called.
    pub subject: String,
    /// What it is about in more words.
    pub description: Option<String>,
    /// `open`, `waiting`, `resolved` or `closed`.
    pub status: String,
    /// Who sees to it: `agent:ID`, `queue:ID` or `outlet:ID`.
    pub owner: String,
    /// When it was opened.
    pub opened_at: u64,
    /// Who opened it.
    pub opened_by: String,
    /// When it was last changed.
    pub changed_at: u64,
    /// For when it is promised.
    pub promised_at: Option<u64>,
    /// When something is due next: a reminder, the promise, an escalation.
    pub due_at: Option<u64>,
    /// Steps of the escalation that were taken.
    pub escalated: u32,
    /// The interactions that have to do with it.
    pub interactions: Vec<String>,
    /// What was promised, oldest first; the last one counts.
    pub promises: Vec<PromiseView>,
    /// How it went from hand to hand, oldest first.
    pub hand_overs: Vec<HandOverView>,
    /// What was written about it, oldest first.
    pub notes: Vec<CaseNoteView>,
    /// Whether the customer has a link to look at it.
    pub link: bool,
}

/// Something was promised for a moment.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct PromiseView {
    /// When it was promised.
    pub made_at: u64,
    /// Who promised it.
    pub by: String,
    /// For when.
    pub due_at: u64,
    /// Why it is another moment than before.
    pub why: Option<String>,
    /// `kept`, `broken` or `moved`; null while that is open.
    pub outcome: Option<String>,
}

/// A case went from one to another.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct HandOverView {
    /// When.
    pub at: u64,
    /// Who handed it over; `system:cases` after a broken promise.
    pub by: String,
    /// Who had it.
    pub from: String,
    /// Who has it now.
    pub to: String,
    /// Why.
    pub why: Option<String>,
}

/// Something that was written about a case.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CaseNoteView {
    /// When.
    pub at: u64,
    /// Who.
    pub by: String,
    /// What.
    pub text: String,
    /// Whether the customer sees it.
    pub visible: bool,
}

impl From<Case> for CaseView {
    fn from(case: Case) -> Self {
        let text = |text: std::sync::Arc<str>| text.to_string();
        let outcome = |outcome| match outcome {
            Outcome::Kept => "kept".to_owned(),
            Outcome::Broken => "broken".to_owned(),
            Outcome::Moved => "moved".to_owned(),
        };
        let promises = case.promises.into_iter().map(|promise| PromiseView {
            made_at: promise.made_at.0,
            by: promise.by.to_string(),
            due_at: promise.due_at.0,
            why: promise.why.map(text),
            outcome: promise.outcome.map(outcome),
        });
        let hand_overs = case.hand_overs.into_iter().map(|over| HandOverView {
            at: over.at.0,
            by: over.by.to_string(),
            from: over.from.to_string(),
            to: over.to.to_string(),
            why: over.why.map(text),
        });
        let notes = case.notes.into_iter().map(|note| CaseNoteView {
            at: note.at.0,
            by: note.by.to_string(),
            text: note.text.to_string(),
            visible: note.visible,
        });
        Self {
            id: case.id.to_string(),
            number: case.number,
            customer: case.customer.to_string(),
            category: case.category.to_string(),
            subject: case.subject.to_string(),
            description: case.description.map(text),
            status: case.status.as_str().into(),
            owner: case.owner.to_string(),
            opened_at: case.opened_at.0,
            opened_by: case.opened_by.to_string(),
            changed_at: case.changed_at.0,
            promised_at: case.promised_at.map(|at| at.0),
            due_at: case.due.map(|at| at.0),
            escalated: case.escalated,
            interactions: case.interactions.iter().map(ToString::to_string).collect(),
            promises: promises.collect(),
            hand_overs: hand_overs.collect(),
            notes: notes.collect(),
            link: case.link,
        }
    }
}

/// A case to be opened.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"category": "repair", "subject": "Router restarts every night", "interaction": "019b76da-0000-7000-8000-000000000000"}))]
pub struct CaseBody {
    /// What it is about.
    #[schema(value_type = String)]
    pub category: CategoryId,
    /// What it is called, 1 to 128 bytes.
    pub subject: String,
    /// What it is about in more words, at most 2,048 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whose it is, an id or an address; the interaction's customer's when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub customer: Option<CustomerId>,
    /// In which interaction it is opened; an agent opens it in an own one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub interaction: Option<InteractionId>,
    /// `agent:ID`, `queue:ID` or `outlet:ID`; whom the category names when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub owner: Option<CaseOwner>,
    /// For when it is promised, in the next ten years; as the category says when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promise_at: Option<u64>,
}

/// How a case is to stand.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"status": "resolved", "why": "router replaced"}))]
pub struct CaseStatusBody {
    /// `open`, `waiting`, `resolved` or `closed`. A case that is resolved or closed is opened again by `open`.
    #[schema(value_type = String)]
    pub status: CaseStatus,
    /// Why, for people, at most 2,048 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// For when a case is promised that is opened again; as its category says when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promise_at: Option<u64>,
}

/// Who gets a case.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"to": "outlet:west-lake", "why": "the customer lives round the corner"}))]
pub struct HandOverBody {
    /// `agent:ID`, `queue:ID` or `outlet:ID`.
    #[schema(value_type = String)]
    pub to: CaseOwner,
    /// Why, for people, at most 2,048 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// Another moment.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"due_at": 1_798_761_600_000_u64, "why": "the part comes on Monday"}))]
pub struct PromiseBody {
    /// For when, in the next ten years.
    pub due_at: u64,
    /// Why, for people, at most 2,048 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// A note.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"text": "A technician comes on Monday between 9 and 11.", "visible": true}))]
pub struct CaseNoteBody {
    /// What, 1 to 2,048 bytes.
    pub text: String,
    /// Whether the customer sees it; not when left out.
    #[serde(default)]
    pub visible: bool,
}

/// A customer's link to a case.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CaseLinkView {
    /// What the customer opens. Whoever has it sees how the case stands, so it is the customer's secret.
    pub url: String,
}

/// Which cases.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct CaseQuery {
    /// The `next` of the page before.
    cursor: Option<String>,
    /// Items of a page, 1 to 200; 50 when left out. A page may be short and go on.
    limit: Option<usize>,
    /// Only those that stand so.
    #[param(value_type = Option<String>)]
    status: Option<CaseStatus>,
    /// Only those that `agent:ID`, `queue:ID` or `outlet:ID` sees to; open and waiting ones unless `status` says otherwise.
    #[param(value_type = Option<String>)]
    owner: Option<CaseOwner>,
    /// Only those of this category; open and waiting ones unless `status` says otherwise.
    #[param(value_type = Option<String>)]
    category: Option<CategoryId>,
    /// Only those of this customer, by id or address.
    #[param(value_type = Option<String>)]
    customer: Option<CustomerId>,
    /// Only open and waiting ones that are promised for before then; the earliest promise comes first.
    due_before: Option<u64>,
}

/// Lists cases, the newest first.
#[utoipa::path(get, path = "", tag = "cases", params(CaseQuery), responses((status = 200, body = Page<CaseView>)))]
pub(crate) async fn list_cases(who: InTenant, Query(query): Query<CaseQuery>) -> Answer<Page<CaseView>> {
    let limit = checked(query.limit, query.cursor.as_deref())?;
    if query.due_before.is_some() && query.customer.is_some() {
        let detail = "due_before: expected without customer, whose cases are few";
        return Err(Problem::invalid("due_before", detail));
    }
    let filter = CaseFilter {
        status: query.status,
        owner: query.owner,
        category: query.category,
        customer: query.customer,
        due_before: query.due_before.map(Timestamp),
    };
    let page = who.tenant.cases(&who.ctx, &filter, query.cursor, limit).await?;
    Ok(Json(page.into()))
}

/// Opens a case, by itself or in an interaction.
#[utoipa::path(post, path = "", tag = "cases", request_body = CaseBody, responses((status = 201, body = CaseView)))]
pub(crate) async fn open_case(
    who: InTenant,
    Json(body): Json<CaseBody>,
) -> Result<(StatusCode, Json<CaseView>), Problem> {
    if let Some(interaction) = body.interaction {
        find(&who, interaction, SEES_ALL).await?;
    }
    let new = NewCase {
        category: body.category,
        subject: body.subject.into(),
        description: body.description.map(Into::into),
        customer: body.customer,
        interaction: body.interaction,
        owner: body.owner,
        promise_at: body.promise_at.map(Timestamp),
    };
    let case = who.tenant.open_case(&who.ctx, new).await?;
    Ok((StatusCode::CREATED, Json(case.into())))
}

/// Shows a case.
#[utoipa::path(get, path = "", tag = "cases", params(("case" = String, Path, description = "A number, or an id.")), responses((status = 200, body = CaseView)))]
pub(crate) async fn get_case(who: InTenant, Path(case): Path<CaseRef>) -> Answer<CaseView> {
    Ok(Json(who.tenant.case(&who.ctx, &case).await?.into()))
}

/// Says how a case stands: open, waiting, resolved, closed, or open again. A promise is kept when its case is resolved or
/// closed in time.
#[utoipa::path(put, path = "", tag = "cases", params(("case" = String, Path, description = "A number, or an id.")), request_body = CaseStatusBody, responses((status = 200, body = CaseView)))]
pub(crate) async fn put_case_status(
    who: InTenant,
    Path(case): Path<CaseRef>,
    Json(body): Json<CaseStatusBody>,
) -> Answer<CaseView> {
    let change = StatusChange {
        status: body.status,
        why: body.why.map(Into::into),
        promise_at: body.promise_at.map(Timestamp),
    };
    let case = who.tenant.set_case_status(&who.ctx, &case, change).await?;
    Ok(Json(case.into()))
}

/// Hands a case over, to a person, a queue or an outlet.
#[utoipa::path(put, path = "", tag = "cases", params(("case" = String, Path, description = "A number, or an id.")), request_body = HandOverBody, responses((status = 200, body = CaseView)))]
pub(crate) async fn put_case_owner(
    who: InTenant,
    Path(case): Path<CaseRef>,
    Json(body): Json<HandOverBody>,
) -> Answer<CaseView> {
    let why = body.why.map(Into::into);
    let case = who.tenant.hand_case_over(&who.ctx, &case, body.to, why).await?;
    Ok(Json(case.into()))
}

/// Promises the customer another moment. The earlier promises stay in the case, with what came of them.
#[utoipa::path(put, path = "", tag = "cases", params(("case" = String, Path, description = "A number, or an id.")), request_body = PromiseBody, responses((status = 200, body = CaseView)))]
pub(crate) async fn put_case_promise(
    who: InTenant,
    Path(case): Path<CaseRef>,
    Json(body): Json<PromiseBody>,
) -> Answer<CaseView> {
    let why = body.why.map(Into::into);
    let due_at = Timestamp(body.due_at);
    let case = who.tenant.promise_case(&who.ctx, &case, due_at, why).await?;
    Ok(Json(case.into()))
}

/// Writes a note about a case, for colleagues or for the customer.
#[utoipa::path(post, path = "", tag = "cases", params(("case" = String, Path, description = "A number, or an id.")), request_body = CaseNoteBody, responses((status = 201, body = CaseNoteView)))]
pub(crate) async fn write_case_note(
    who: InTenant,
    Path(case): Path<CaseRef>,
    Json(body): Json<CaseNoteBody>,
) -> Result<(StatusCode, Json<CaseNoteView>), Problem> {
    let noted = who
        .tenant
        .note_on_case(&who.ctx, &case, body.text.into(), body.visible)
        .await?;
    // The note alone, since the whole case would be too long to be kept for an idempotency key.
    let note = CaseView::from(noted).notes.pop();
    let note = note.ok_or_else(|| Problem::not_found("note", case))?;
    Ok((StatusCode::CREATED, Json(note)))
}

/// Says that another interaction of the customer has to do with a case.
#[utoipa::path(put, path = "", tag = "cases", params(("case" = String, Path, description = "A number, or an id."), ("interaction" = String, Path)), responses((status = 200, body = CaseView)))]
pub(crate) async fn add_case_interaction(
    who: InTenant,
    Path((case, interaction)): Path<(CaseRef, InteractionId)>,
) -> Answer<CaseView> {
    find(&who, interaction, SEES_ALL).await?;
    let case = who.tenant.continue_case(&who.ctx, &case, interaction).await?;
    Ok(Json(case.into()))
}

/// Gives the customer's link to a case, and makes it if there is none: a page that says how the case stands, for when it
/// is promised, and what was written for the customer. It is the same until it is revoked.
#[utoipa::path(put, path = "", tag = "cases", params(("case" = String, Path, description = "A number, or an id.")), responses((status = 200, body = CaseLinkView)))]
pub(crate) async fn put_case_link(
    who: InTenant,
    Path(case): Path<CaseRef>,
    asked: Asked,
) -> Answer<CaseLinkView> {
    who.tenant.case(&who.ctx, &case).await?;
    let base = public_url(&who, asked).await?;
    let (_, token) = who.tenant.link_case(&who.ctx, &case).await?;
    let url = format!("{base}/case/{}/{token}", who.tenant.id());
    Ok(Json(CaseLinkView { url }))
}

/// Revokes the customer's link to a case; the next one is another.
#[utoipa::path(delete, path = "", tag = "cases", params(("case" = String, Path, description = "A number, or an id.")), responses((status = 200, body = CaseView)))]
pub(crate) async fn revoke_case_link(who: InTenant, Path(case): Path<CaseRef>) -> Answer<CaseView> {
    Ok(Json(who.tenant.unlink_case(&who.ctx, &case).await?.into()))
}
