//! What cases can be about, and the outlets to which they go.

use axum::http::StatusCode;
use jackfield_runtime::{CaseCategory, EscalationStep, Outlet};
use jackfield_types::{CaseOwner, CategoryId, OutletId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::page::{Page, Paging};
use crate::auth::InTenant;
use crate::error::Problem;
use crate::extract::{Answer, Json, Path, Query};

/// What cases of a category are promised, and what happens when the promise is broken.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"title_zh": "报修", "title_en": "Repair", "promise_ms": 172_800_000, "remind_before_ms": 14_400_000, "owner": "queue:repairs", "escalation": [{"after_ms": 0, "to": "agent:lead"}, {"after_ms": 86_400_000, "to": "outlet:head-office"}]}))]
pub struct CategoryBody {
    /// What customers and people are shown in Chinese, 1 to 128 bytes.
    pub title_zh: String,
    /// The same in English.
    pub title_en: String,
    /// How long it takes, as a customer is promised: 1 ms to ten years.
    pub promise_ms: u64,
    /// So long before the promised moment the owner is reminded, less than `promise_ms`; never when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remind_before_ms: Option<u64>,
    /// Who sees to a case when nobody is named: `agent:ID`, `queue:ID` or `outlet:ID`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub owner: Option<CaseOwner>,
    /// To whom a case goes after a broken promise, by time, at most 8 steps.
    #[serde(default)]
    pub escalation: Vec<EscalationStepBody>,
}

/// A step of an escalation.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EscalationStepBody {
    /// Milliseconds after the promised moment; more than the step before.
    pub after_ms: u64,
    /// To whom the case goes: `agent:ID`, `queue:ID` or `outlet:ID`.
    #[schema(value_type = String)]
    pub to: CaseOwner,
}

/// A category of cases.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CategoryView {
    /// Its id.
    pub id: String,
    #[serde(flatten)]
    is: CategoryBody,
}

impl From<CaseCategory> for CategoryView {
    fn from(category: CaseCategory) -> Self {
        let steps = category.escalation.into_iter().map(|step| EscalationStepBody {
            after_ms: step.after_ms,
            to: step.to,
        });
        Self {
            id: category.id.to_string(),
            is: CategoryBody {
                title_zh: category.title_zh,
                title_en: category.title_en,
                promise_ms: category.promise_ms,
                remind_before_ms: category.remind_before_ms,
                owner: category.owner,
                escalation: steps.collect(),
            },
        }
    }
}

/// An outlet.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "西湖营业厅", "address": "杭州市西湖区文三路 1 号", "telephone": "+8657188880000"}))]
pub struct OutletBody {
    /// What it is called, 1 to 128 bytes.
    pub name: String,
    /// Where it is, a line of at most 512 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Its telephone, as people write it, at most 64 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub telephone: Option<String>,
}

/// An outlet: a shop, a branch, a workshop.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct OutletView {
    /// Its id.
    pub id: String,
    #[serde(flatten)]
    is: OutletBody,
}

impl From<Outlet> for OutletView {
    fn from(outlet: Outlet) -> Self {
        Self {
            id: outlet.id.to_string(),
            is: OutletBody {
                name: outlet.name,
                address: outlet.address,
                telephone: outlet.telephone,
            },
        }
    }
}

/// Lists the categories of cases, by id.
#[utoipa::path(get, path = "", tag = "cases", params(Paging), responses((status = 200, body = Page<CategoryView>)))]
pub(crate) async fn list_case_categories(
    who: InTenant,
    Query(paging): Query<Paging>,
) -> Answer<Page<CategoryView>> {
    let all = who.tenant.case_categories(&who.ctx).await?;
    let place = |category: &CaseCategory| category.id.to_string();
    Ok(Json(paging.cut(all.into_iter(), place, CategoryView::from)?))
}

/// Shows a category of cases.
#[utoipa::path(get, path = "", tag = "cases", params(("category" = String, Path)), responses((status = 200, body = CategoryView)))]
pub(crate) async fn get_case_category(
    who: InTenant,
    Path(category): Path<CategoryId>,
) -> Answer<CategoryView> {
    Ok(Json(who.tenant.case_category(&who.ctx, &category).await?.into()))
}

/// Makes a category of cases, or changes it. Cases that are open keep the reminders and the escalation that they were
/// opened with.
#[utoipa::path(put, path = "", tag = "cases", params(("category" = String, Path)), request_body = CategoryBody, responses((status = 200, body = CategoryView)))]
pub(crate) async fn put_case_category(
    who: InTenant,
    Path(category): Path<CategoryId>,
    Json(body): Json<CategoryBody>,
) -> Answer<CategoryView> {
    let steps = body.escalation.into_iter().map(|step| EscalationStep {
        after_ms: step.after_ms,
        to: step.to,
    });
    let category = CaseCategory {
        id: category,
        title_zh: body.title_zh,
        title_en: body.title_en,
        promise_ms: body.promise_ms,
        remind_before_ms: body.remind_before_ms,
        owner: body.owner,
        escalation: steps.collect(),
    };
    who.tenant.put_case_category(&who.ctx, category.clone()).await?;
    Ok(Json(category.into()))
}

/// Removes a category of which no case is open or waiting.
#[utoipa::path(delete, path = "", tag = "cases", params(("category" = String, Path)), responses((status = 204)))]
pub(crate) async fn remove_case_category(
    who: InTenant,
    Path(category): Path<CategoryId>,
) -> Result<StatusCode, Problem> {
    who.tenant.remove_case_category(&who.ctx, &category).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lists the outlets, by id.
#[utoipa::path(get, path = "", tag = "cases", params(Paging), responses((status = 200, body = Page<OutletView>)))]
pub(crate) async fn list_outlets(who: InTenant, Query(paging): Query<Paging>) -> Answer<Page<OutletView>> {
    let all = who.tenant.outlets(&who.ctx).await?;
    let place = |outlet: &Outlet| outlet.id.to_string();
    Ok(Json(paging.cut(all.into_iter(), place, OutletView::from)?))
}

/// Shows an outlet.
#[utoipa::path(get, path = "", tag = "cases", params(("outlet" = String, Path)), responses((status = 200, body = OutletView)))]
pub(crate) async fn get_outlet(who: InTenant, Path(outlet): Path<OutletId>) -> Answer<OutletView> {
    Ok(Json(who.tenant.outlet(&who.ctx, &outlet).await?.into()))
}

/// Makes an outlet, or changes it.
#[utoipa::path(put, path = "", tag = "cases", params(("outlet" = String, Path)), request_body = OutletBody, responses((status = 200, body = OutletView)))]
pub(crate) async fn put_outlet(
    who: InTenant,
    Path(outlet): Path<OutletId>,
    Json(body): Json<OutletBody>,
) -> Answer<OutletView> {
    let outlet = Outlet {
        id: outlet,
        name: body.name,
        address: body.address,
        telephone: body.telephone,
    };
    who.tenant.put_outlet(&who.ctx, outlet.clone()).await?;
    Ok(Json(outlet.into()))
}

/// Removes an outlet that has no case to see to.
#[utoipa::path(delete, path = "", tag = "cases", params(("outlet" = String, Path)), responses((status = 204)))]
pub(crate) async fn remove_outlet(
    who: InTenant,
    Path(outlet): Path<OutletId>,
) -> Result<StatusCode, Problem> {
    who.tenant.remove_outlet(&who.ctx, &outlet).await?;
    Ok(StatusCode::NO_CONTENT)
}
