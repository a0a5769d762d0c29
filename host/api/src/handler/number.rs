//! Numbers that customers call.

use axum::http::StatusCode;
use jackfield_contact::config::NumberConfig;
use jackfield_contact::input::Input;
use jackfield_types::{E164, QueueId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::page::{Page, Paging};
use crate::auth::InTenant;
use crate::error::Problem;
use crate::extract::{Answer, Json, Path, Query};

/// Settings of a number.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Hotline", "language": "zh-CN", "default_queue": "support"}))]
pub struct NumberBody {
    /// For people, 1 to 128 bytes.
    pub name: String,
    /// BCP 47, for example `zh-CN`; flows speak it first.
    pub language: String,
    /// Where a caller goes when no flow is bound or the flow fails. Must exist.
    #[schema(value_type = String)]
    pub default_queue: QueueId,
}

/// A number.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct NumberView {
    /// E.164.
    pub number: String,
    /// For people.
    pub name: String,
    /// BCP 47.
    pub language: String,
    /// Where a caller goes when no flow is bound or the flow fails.
    pub default_queue: String,
}

impl From<&NumberConfig> for NumberView {
    fn from(config: &NumberConfig) -> Self {
        Self {
            number: config.number.to_string(),
            name: config.name.to_string(),
            language: config.language.to_string(),
            default_queue: config.default_queue.to_string(),
        }
    }
}

/// Lists the numbers.
#[utoipa::path(get, path = "", tag = "numbers", params(Paging), responses((status = 200, body = Page<NumberView>)))]
pub(crate) async fn list_numbers(who: InTenant, Query(paging): Query<Paging>) -> Answer<Page<NumberView>> {
    let page = who.tenant.read(move |centre| {
        paging.cut(
            centre.numbers(),
            |number| number.number.to_string(),
            NumberView::from,
        )
    });
    Ok(Json(page.await??))
}

/// Shows one number.
#[utoipa::path(get, path = "", tag = "numbers", params(("number" = String, Path, description = "E.164, for example `+8675512345678`.")), responses((status = 200, body = NumberView)))]
pub(crate) async fn get_number(who: InTenant, Path(number): Path<E164>) -> Answer<NumberView> {
    view(&who, number).await
}

async fn view(who: &InTenant, number: E164) -> Answer<NumberView> {
    let id = number.clone();
    let found = who
        .tenant
        .read(move |centre| centre.number(&number).map(NumberView::from))
        .await?;
    Ok(Json(found.ok_or_else(|| Problem::not_found("number", id))?))
}

/// Takes a number in, or changes its settings. A number belongs to one tenant of the deployment.
#[utoipa::path(put, path = "", tag = "numbers", params(("number" = String, Path)), request_body = NumberBody, responses((status = 200, body = NumberView)))]
pub(crate) async fn put_number(
    who: InTenant,
    Path(number): Path<E164>,
    Json(body): Json<NumberBody>,
) -> Answer<NumberView> {
    let NumberBody {
        name,
        language,
        default_queue,
    } = body;
    let config = NumberConfig {
        number: number.clone(),
        name: name.into(),
        language: language.into(),
        default_queue,
    };
    who.tenant.submit(Input::SetNumber(config)).await?;
    view(&who, number).await
}

/// Gives a number up. Calls to it are refused from then on; calls under way go on.
#[utoipa::path(delete, path = "", tag = "numbers", params(("number" = String, Path)), responses((status = 204)))]
pub(crate) async fn remove_number(who: InTenant, Path(number): Path<E164>) -> Result<StatusCode, Problem> {
    who.tenant.submit(Input::RemoveNumber(number)).await?;
    Ok(StatusCode::NO_CONTENT)
}
