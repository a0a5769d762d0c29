//! Who calls, and what the caller may do.
//!
//! The gate stands before every route that is not public: it finds the key's identity, compares it with the roles
//! that `router.rs` writes beside the route, and hands the handler an operation context. A handler that asks for
//! [`InTenant`] or [`AsOperator`] can't be reached without it, so a route that forgot its gate answers 401.

use axum::extract::{FromRequestParts, Request, State};
use axum::http::{HeaderMap, Method, header, request::Parts};
use axum::middleware::Next;
use axum::response::Response;
use jackfield_runtime::{Identity, Platform, Tenant};
use jackfield_types::{Actor, AgentId, OpContext, Role, TraceId, UserId, limits};

use crate::App;
use crate::clock;
use crate::error::Problem;
use crate::idempotency;

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody, without a key.
    Public,
    /// Visitors of a chat window, on pages that its entry allows; some routes need the visitor's token.
    Visitor,
    /// The provider of a channel, which signs its requests as the channel's settings say.
    Provider,
    /// Any key that is known.
    AnyKey,
    /// The operator of the deployment, by a key of the platform.
    Operator,
    /// Users of a tenant with one of these roles, inside that tenant.
    Tenant(&'static [Role]),
    /// The operator, about any tenant, and users with one of these roles, about their own.
    OperatorOrTenant(&'static [Role]),
}

/// The gate's settings for one route.
#[derive(Clone)]
pub(crate) struct Gate {
    pub(crate) app: App,
    pub(crate) access: Access,
    pub(crate) body_limit: usize,
    /// Whether the handler takes the body piece by piece.
    pub(crate) streamed: bool,
}

/// A caller whose key is known and whose roles fit the route.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) ctx: OpContext,
    pub(crate) user: UserId,
    pub(crate) key: String,
}

/// A caller inside a tenant.
pub(crate) struct InTenant {
    pub(crate) ctx: OpContext,
    pub(crate) user: UserId,
    pub(crate) key: String,
    pub(crate) tenant: Tenant,
    pub(crate) platform: Platform,
}

/// The operator.
pub(crate) struct AsOperator {
    pub(crate) ctx: OpContext,
    pub(crate) platform: Platform,
}

impl InTenant {
    /// The agent whose things alone the caller may see or change; `None` when one of these roles lifts that.
    ///
    /// An agent's user has the same id as the agent.
    pub(crate) fn only_agent(&self, lifted_by: &[Role]) -> Result<Option<AgentId>, Problem> {
        if self.ctx.has_any(lifted_by) {
            return Ok(None);
        }
        Ok(Some(AgentId::new(self.user.as_str())?))
    }
}

/// Lets a request through, or says why not.
pub(crate) async fn gate(
    State(gate): State<Gate>,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let key = bearer(request.headers()).ok_or_else(Problem::no_key)?.to_owned();
    let identity = gate
        .app
        .platform
        .accounts()
        .authenticate(&key)
        .await?
        .ok_or_else(Problem::unknown_key)?;
    allow(gate.access, &identity)?;
    // Before anything of the body is read.
    let upload = gate.body_limit > limits::MAX_BODY_BYTES && request.method() == Method::POST;
    let _place = gate.app.places.take(&identity.tenant, upload)?;
    tracing::Span::current()
        .record("tenant", identity.tenant.as_str())
        .record("user", identity.user.as_str());
    let ctx = OpContext {
        tenant: identity.tenant,
        actor: Actor::User(identity.user.clone()),
        roles: identity.roles,
        trace: trace_id(request.headers()),
        deadline: Some(clock::now() + limits::MAX_REQUEST_MS),
    };
    let caller = Caller {
        ctx,
        user: identity.user,
        key,
    };
    request.extensions_mut().insert(caller.clone());
    idempotency::run(&gate, &caller, request, next).await
}

fn allow(access: Access, identity: &Identity) -> Result<(), Problem> {
    let has = |roles: &[Role]| identity.roles.iter().any(|role| roles.contains(role));
    let operator = identity.tenant.is_platform() && has(&[Role::Operator]);
    let (fits, needed): (bool, &[Role]) = match access {
        Access::Public | Access::Visitor | Access::Provider | Access::AnyKey => (true, &[]),
        Access::Operator => (operator, &[Role::Operator]),
        Access::Tenant(roles) => (!identity.tenant.is_platform() && has(roles), roles),
        Access::OperatorOrTenant(roles) => (operator || !identity.tenant.is_platform() && has(roles), roles),
    };
    if fits {
        Ok(())
    } else {
        Err(Problem::forbidden(needed))
    }
}

pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, key) = value.split_once(' ')?;
    let key = key.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !key.is_empty()).then_some(key)
}

/// The trace of a W3C `traceparent` header, else a new one.
fn trace_id(headers: &HeaderMap) -> TraceId {
    let given = headers.get("traceparent").and_then(|value| value.to_str().ok());
    let id = given
        .and_then(|value| value.split('-').nth(1))
        .filter(|id| id.len() == 32);
    let id = id
        .and_then(|id| u128::from_str_radix(id, 16).ok())
        .filter(|id| *id != 0);
    TraceId(id.unwrap_or_else(|| uuid::Uuid::now_v7().as_u128()))
}

impl FromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or_else(Problem::no_key)
    }
}

impl FromRequestParts<App> for InTenant {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let Caller { ctx, user, key } = Caller::from_request_parts(parts, app).await?;
        let tenant = app
            .platform
            .tenant(&ctx.tenant)
            .ok_or_else(Problem::unknown_key)?;
        Ok(Self {
            ctx,
            user,
            key,
            tenant,
            platform: app.platform.clone(),
        })
    }
}

impl FromRequestParts<App> for AsOperator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, app).await?;
        if !caller.ctx.tenant.is_platform() {
            return Err(Problem::forbidden(&[Role::Operator]));
        }
        Ok(Self {
            ctx: caller.ctx,
            platform: app.platform.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use jackfield_types::TenantId;

    use super::*;

    fn headers(name: &'static str, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())])
    }

    #[test]
    fn only_a_bearer_key_is_a_key() {
        assert_eq!(bearer(&headers("authorization", "Bearer jf_a")), Some("jf_a"));
        assert_eq!(bearer(&headers("authorization", "bearer  jf_a ")), Some("jf_a"));
        for bad in ["jf_a", "Basic jf_a", "Bearer", "Bearer ", ""] {
            assert_eq!(bearer(&headers("authorization", bad)), None, "{bad}");
        }
    }

    #[test]
    fn a_trace_is_taken_over_or_made() {
        let given = headers(
            "traceparent",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        );
        assert_eq!(
            trace_id(&given),
            TraceId(0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736)
        );
        for bad in [
            "",
            "00-0-0-0",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        ] {
            assert_ne!(trace_id(&headers("traceparent", bad)), TraceId(0), "{bad}");
        }
    }

    #[test]
    fn a_platform_key_has_no_power_inside_tenants_and_the_other_way_round() {
        let of = |tenant, role| Identity {
            tenant,
            user: UserId::new("u").unwrap(),
            roles: vec![role],
        };
        let tenant = TenantId::new("demo").unwrap();
        let platform = TenantId::platform();
        let admins = Access::Tenant(&[Role::Admin]);
        assert!(allow(admins, &of(tenant.clone(), Role::Admin)).is_ok());
        assert!(allow(admins, &of(platform.clone(), Role::Admin)).is_err());
        assert!(allow(Access::Operator, &of(platform, Role::Operator)).is_ok());
        let both = Access::OperatorOrTenant(&[Role::Admin]);
        assert!(allow(both, &of(tenant.clone(), Role::Admin)).is_ok());
        assert!(allow(both, &of(tenant.clone(), Role::Operator)).is_err());
        assert!(allow(both, &of(TenantId::platform(), Role::Operator)).is_ok());
        assert!(allow(both, &of(TenantId::platform(), Role::Admin)).is_err());
        assert!(allow(Access::Operator, &of(tenant, Role::Operator)).is_err());
    }
}
