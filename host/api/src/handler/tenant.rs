//! Tenants, as the operator sees them: their names, and nothing inside.

use axum::response::Response;
use jackfield_registry::PluginPolicy;
use jackfield_runtime::{TenantError, TenantRecord, UserRecord};
use jackfield_types::{OpContext, Role, TenantId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::key::{NewKeyView, with_secret};
use super::page::{Page, Paging};
use super::user::{UserView, check_name};
use crate::auth::AsOperator;
use crate::clock;
use crate::error::Problem;
use crate::extract::{Answer, Json, Path, Query};

/// A tenant to be made, with its first administrator.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"id": "demo", "name": "Demo Ltd.", "admin": {"id": "admin", "name": "Anna"}}))]
pub struct TenantBody {
    /// 1 to 64 characters out of a-z, 0-9, `-` and `_`; it never changes.
    #[schema(value_type = String)]
    pub id: TenantId,
    /// For people, 1 to 128 bytes.
    pub name: String,
    /// The first administrator; a user `admin` when left out.
    pub admin: Option<AdminBody>,
}

/// The first administrator of a tenant.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AdminBody {
    /// The user to be made.
    #[schema(value_type = String)]
    pub id: UserId,
    /// For people, 1 to 128 bytes.
    pub name: String,
}

/// A tenant.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TenantView {
    /// The tenant.
    pub id: String,
    /// For people.
    pub name: String,
    /// When it was made.
    pub created_at: u64,
}

/// A new tenant with its administrator and the administrator's key.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct NewTenantView {
    /// The tenant.
    pub tenant: TenantView,
    /// Its administrator.
    pub admin: UserView,
    /// The administrator's key.
    pub key: NewKeyView,
}

impl From<TenantRecord> for TenantView {
    fn from(record: TenantRecord) -> Self {
        Self {
            id: record.id.to_string(),
            name: record.name.to_string(),
            created_at: record.created_at.0,
        }
    }
}

/// A new administrator's key for a tenant.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(example = json!({"user": "admin", "revoke_others": true}))]
pub struct AdminKeyBody {
    /// The administrator; `admin` when left out. Made when the tenant has no such user.
    #[schema(value_type = Option<String>)]
    pub user: Option<UserId>,
    /// Revoke the user's other keys: they may be in the wrong hands.
    pub revoke_others: bool,
}

/// Lists the tenants, by id.
#[utoipa::path(get, path = "", tag = "tenants", params(Paging), responses((status = 200, body = Page<TenantView>)))]
pub(crate) async fn list_tenants(who: AsOperator, Query(paging): Query<Paging>) -> Answer<Page<TenantView>> {
    let mut tenants = who.platform.tenants();
    tenants.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(Json(paging.cut(
        tenants.into_iter(),
        |tenant| tenant.id.to_string(),
        TenantView::from,
    )?))
}

/// Shows one tenant.
#[utoipa::path(get, path = "", tag = "tenants", params(("tenant" = String, Path)), responses((status = 200, body = TenantView)))]
pub(crate) async fn get_tenant(who: AsOperator, Path(tenant): Path<TenantId>) -> Answer<TenantView> {
    let found = who
        .platform
        .tenants()
        .into_iter()
        .find(|record| record.id == tenant);
    Ok(Json(
        found.ok_or_else(|| Problem::not_found("tenant", tenant))?.into(),
    ))
}

/// Makes a tenant, its first administrator and a key for that administrator, which is shown this once. The tenant
/// begins with a policy that refuses unsigned plugins.
#[utoipa::path(post, path = "", tag = "tenants", request_body = TenantBody, responses((status = 201, body = NewTenantView)))]
pub(crate) async fn create_tenant(
    who: AsOperator,
    Json(body): Json<TenantBody>,
) -> Result<Response, Problem> {
    check_name("name", &body.name)?;
    let admin = match body.admin {
        Some(admin) => {
            check_name("admin.name", &admin.name)?;
            admin
        }
        None => AdminBody {
            id: UserId::new("admin")?,
            name: "Administrator".into(),
        },
    };
    let now = clock::now();
    let tenant = TenantRecord {
        id: body.id,
        name: body.name,
        created_at: now,
    };
    let inside = OpContext {
        tenant: tenant.id.clone(),
        ..who.ctx.clone()
    };
    let accounts = who.platform.accounts();
    if let Err(error) = who.platform.create_tenant(tenant.clone()).await {
        // A tenant without any user was left half made by a crash: it is finished now.
        let half_made = matches!(error, TenantError::Exists(_)) && accounts.users(&inside).await?.is_empty();
        if !half_made {
            return Err(error.into());
        }
    }
    // Before there is anybody who could change it.
    who.platform
        .registry()
        .set_policy(&inside, PluginPolicy::STRICT)
        .await?;
    let user = UserRecord {
        id: admin.id,
        name: admin.name,
        roles: vec![Role::Admin],
        created_at: now,
    };
    accounts.create_user(&inside, user.clone()).await?;
    let key = accounts.create_key(&inside, &user.id, "first key", now).await?;
    let view = NewTenantView {
        tenant: tenant.into(),
        key: key.into(),
        admin: user.into(),
    };
    Ok(with_secret(view, |kept| kept.key.key = None))
}

/// Makes a new key for an administrator of a tenant and shows it, this once: for a tenant whose keys are all lost. The
/// user keeps the name and has the role of an administrator. The tenant's list of keys shows it, as `made by the operator`.
#[utoipa::path(post, path = "", tag = "tenants", params(("tenant" = String, Path)), request_body = AdminKeyBody, responses((status = 201, body = NewKeyView)))]
pub(crate) async fn create_admin_key(
    who: AsOperator,
    Path(tenant): Path<TenantId>,
    Json(body): Json<AdminKeyBody>,
) -> Result<Response, Problem> {
    if who.platform.tenant(&tenant).is_none() {
        return Err(Problem::not_found("tenant", tenant));
    }
    let inside = OpContext {
        tenant: tenant.clone(),
        ..who.ctx.clone()
    };
    let user = match body.user {
        Some(user) => user,
        None => UserId::new("admin")?,
    };
    let (accounts, now) = (who.platform.accounts(), clock::now());
    match accounts.user(&inside, &user).await? {
        Some(found) if !found.roles.contains(&Role::Admin) => {
            let detail = format!(
                "user: {user} of {tenant} is no administrator: name another, or a user that is to be made"
            );
            return Err(Problem::conflict("wrong-state", detail).field("user"));
        }
        Some(_) => {}
        None => {
            let record = UserRecord {
                id: user.clone(),
                name: "Administrator".into(),
                roles: vec![Role::Admin],
                created_at: now,
            };
            accounts.create_user(&inside, record).await?;
        }
    }
    if body.revoke_others {
        for key in accounts.keys(&inside, &user).await? {
            accounts.revoke_key(&inside, &user, &key.id).await?;
        }
    }
    let new = accounts
        .create_key(&inside, &user, "made by the operator", now)
        .await?;
    let (key, actor) = (&new.record.id, &who.ctx.actor);
    tracing::info!(%tenant, %user, key, %actor, revoked_others = body.revoke_others, "an administrator's key was made");
    Ok(with_secret(NewKeyView::from(new), |kept| kept.key = None))
}
