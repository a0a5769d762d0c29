//! Customers who may be one: listed for people to decide, never merged by themselves.

use axum::http::StatusCode;
use jackfield_runtime::CustomerMatch;
use jackfield_types::CustomerId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::page::{Page, Paging};
use crate::auth::InTenant;
use crate::error::Problem;
use crate::extract::{Answer, Json, Path, Query};

/// Two customers who may be one.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct MatchView {
    /// The one that was seen first.
    pub customer: String,
    /// The other one.
    pub other: String,
    /// Their name, as the first has it.
    pub name: String,
    /// What else they share: `attributes.ID`, `email` (what stands before the @), `link` (a household or firm).
    pub shared: Vec<String>,
}

impl From<CustomerMatch> for MatchView {
    fn from(found: CustomerMatch) -> Self {
        Self {
            customer: found.customer.to_string(),
            other: found.other.to_string(),
            name: found.name,
            shared: found.shared,
        }
    }
}

/// Lists customers of one name who share something more, so that they may be one: merge them
/// (`PUT /v1/customers/{customer}/merged/{other}`), or say that they are two. A page may be short and go on.
#[utoipa::path(get, path = "", tag = "customers", params(Paging), responses((status = 200, body = Page<MatchView>)))]
pub(crate) async fn list_matches(who: InTenant, Query(paging): Query<Paging>) -> Answer<Page<MatchView>> {
    let limit = paging.limit()?;
    let page = who
        .tenant
        .customer_matches(&who.ctx, paging.cursor, limit)
        .await?;
    Ok(Json(page.into()))
}

/// Says that two customers are two: they are not listed as a match again.
#[utoipa::path(put, path = "", tag = "customers", params(("customer" = String, Path, description = "An id, or an address."), ("other" = String, Path, description = "An id, or an address.")), responses((status = 204)))]
pub(crate) async fn put_distinct(
    who: InTenant,
    Path((customer, other)): Path<(CustomerId, CustomerId)>,
) -> Result<StatusCode, Problem> {
    who.tenant.keep_distinct(&who.ctx, &customer, &other).await?;
    Ok(StatusCode::NO_CONTENT)
}
