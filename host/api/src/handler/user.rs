//! Users of a tenant, and who the caller is.

use axum::http::StatusCode;
use axum::response::IntoResponse;
use jackfield_runtime::UserRecord;
use jackfield_types::{Role, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::page::{Page, Paging};
use crate::auth::{Caller, InTenant};
use crate::clock;
use crate::error::Problem;
use crate::extract::{Answer, Json, Path, Query};

/// A user to be made.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"id": "anna", "name": "Anna", "roles": ["agent"]}))]
pub struct UserBody {
    /// 1 to 64 characters out of a-z, 0-9, `-` and `_`. An agent's user has the same id as the agent.
    #[schema(value_type = String)]
    pub id: UserId,
    /// For people, 1 to 128 bytes.
    pub name: String,
    /// `admin`, `supervisor`, `analyst`, `planner`, `marketer`, `agent` or `integrator`; at least one.
    #[schema(value_type = Vec<String>)]
    pub roles: Vec<Role>,
}

/// A user.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct UserView {
    /// The user.
    pub id: String,
    /// For people.
    pub name: String,
    /// What the user's keys may do.
    pub roles: Vec<String>,
    /// When the user was made.
    pub created_at: u64,
}

/// Who a key belongs to.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct WhoAmI {
    /// The tenant that the key acts in; null for the platform.
    pub tenant: Option<String>,
    /// The user.
    pub user: String,
    /// What the key may do.
    pub roles: Vec<String>,
}

fn names(roles: &[Role]) -> Vec<String> {
    roles.iter().map(|role| role.as_str().into()).collect()
}

impl From<UserRecord> for UserView {
    fn from(record: UserRecord) -> Self {
        Self {
            id: record.id.to_string(),
            name: record.name.to_string(),
            roles: names(&record.roles),
            created_at: record.created_at.0,
        }
    }
}

impl TryFrom<UserBody> for UserRecord {
    type Error = Problem;

    fn try_from(body: UserBody) -> Result<Self, Problem> {
        check_name("name", &body.name)?;
        let UserBody { id, name, mut roles } = body;
        roles.sort_unstable();
        roles.dedup();
        if roles.is_empty() || roles.contains(&Role::Operator) {
            let detail = "roles: expected at least one out of admin, supervisor, analyst, planner, marketer, agent \
                          and integrator; the operator stands above tenants";
            return Err(Problem::invalid("roles", detail));
        }
        Ok(Self {
            id,
            name,
            roles,
            created_at: clock::now(),
        })
    }
}

pub(crate) fn check_name(field: &str, name: &str) -> Result<(), Problem> {
    if !name.trim().is_empty() && name.len() <= 128 {
        return Ok(());
    }
    Err(Problem::invalid(
        field,
        format!("{field}: expected 1 to 128 bytes of text"),
    ))
}

/// Says whom the key belongs to.
#[utoipa::path(get, path = "", tag = "people", responses((status = 200, body = WhoAmI)))]
pub(crate) async fn whoami(who: Caller) -> Json<WhoAmI> {
    let tenant = &who.ctx.tenant;
    Json(WhoAmI {
        tenant: (!tenant.is_platform()).then(|| tenant.to_string()),
        user: who.user.to_string(),
        roles: names(&who.ctx.roles),
    })
}

/// Lists the users, by id.
#[utoipa::path(get, path = "", tag = "people", params(Paging), responses((status = 200, body = Page<UserView>)))]
pub(crate) async fn list_users(who: InTenant, Query(paging): Query<Paging>) -> Answer<Page<UserView>> {
    let mut users = who.platform.accounts().users(&who.ctx).await?;
    users.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(Json(paging.cut(
        users.into_iter(),
        |user| user.id.to_string(),
        UserView::from,
    )?))
}

/// Makes a user. Keys are made separately.
#[utoipa::path(post, path = "", tag = "people", request_body = UserBody, responses((status = 201, body = UserView)))]
pub(crate) async fn create_user(
    who: InTenant,
    Json(body): Json<UserBody>,
) -> Result<impl IntoResponse, Problem> {
    let record = UserRecord::try_from(body)?;
    let user = who.platform.accounts().create_user(&who.ctx, record).await?;
    Ok((StatusCode::CREATED, Json(UserView::from(user))))
}

/// Shows one user.
#[utoipa::path(get, path = "", tag = "people", params(("user" = String, Path)), responses((status = 200, body = UserView)))]
pub(crate) async fn get_user(who: InTenant, Path(user): Path<UserId>) -> Answer<UserView> {
    Ok(Json(find(&who, &user).await?.into()))
}

pub(crate) async fn find(who: &InTenant, user: &UserId) -> Result<UserRecord, Problem> {
    let found = who.platform.accounts().user(&who.ctx, user).await?;
    found.ok_or_else(|| Problem::not_found("user", user))
}

/// Removes a user and revokes all of the user's keys. You can't remove yourself, so one administrator always stays.
#[utoipa::path(delete, path = "", tag = "people", params(("user" = String, Path)), responses((status = 204)))]
pub(crate) async fn remove_user(who: InTenant, Path(user): Path<UserId>) -> Result<StatusCode, Problem> {
    if user == who.user {
        return Err(Problem::conflict(
            "in-use",
            "you can't remove the user whose key you are using",
        ));
    }
    who.platform.accounts().remove_user(&who.ctx, &user).await?;
    Ok(StatusCode::NO_CONTENT)
}
