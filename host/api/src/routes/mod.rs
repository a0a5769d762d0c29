//! Every route, with who may use it. Nothing else is reachable.

mod centre;
mod customers;
mod open;
mod plugins;
mod work;

use jackfield_types::{Role, limits};
use utoipa::openapi::path::HttpMethod;
use utoipa_axum::router::UtoipaMethodRouter;

use crate::App;
use crate::auth::Access;

const PUBLIC: Access = Access::Public;
const VISITOR: Access = Access::Visitor;
const PROVIDER: Access = Access::Provider;
const ANY_KEY: Access = Access::AnyKey;
const OPERATOR: Access = Access::Operator;
/// What is billed: the operator about all, an administrator about the own tenant.
const BILL: Access = Access::OperatorOrTenant(&[Role::Admin]);
/// Everything inside the tenant.
const ADMIN: Access = Access::Tenant(&[Role::Admin]);
/// Whoever works in the tenant: the names of queues, numbers and colleagues.
const STAFF: Access = Access::Tenant(&[
    Role::Admin,
    Role::Supervisor,
    Role::Analyst,
    Role::Planner,
    Role::Marketer,
    Role::Agent,
    Role::Integrator,
]);
/// Steers agents and live calls; an agent only itself and its own call.
const STEER: Access = Access::Tenant(&[Role::Admin, Role::Supervisor, Role::Agent]);
/// Listens and reads what was said; an agent only its own.
const LISTEN: Access = Access::Tenant(&[Role::Admin, Role::Supervisor, Role::Analyst, Role::Agent]);
/// Watches everything as it happens.
const WATCH: Access = Access::Tenant(&[Role::Admin, Role::Supervisor, Role::Analyst]);
/// Uploads and binds plugins.
const BUILD: Access = Access::Tenant(&[Role::Admin, Role::Integrator]);
/// Sees which plugins decide.
const INSPECT: Access = Access::Tenant(&[Role::Admin, Role::Integrator, Role::Supervisor, Role::Analyst]);
/// Looks customers through.
const SEGMENT: Access = Access::Tenant(&[Role::Admin, Role::Supervisor, Role::Analyst, Role::Marketer]);
/// Sees one customer, who is on the line.
const SERVE: Access = Access::Tenant(&[
    Role::Admin,
    Role::Supervisor,
    Role::Analyst,
    Role::Marketer,
    Role::Agent,
]);
/// Writes down what a customer says.
const KEEP: Access = Access::Tenant(&[Role::Admin, Role::Supervisor, Role::Marketer, Role::Agent]);
/// Says which customers are one; what cases can be about, and where they go.
const RECONCILE: Access = Access::Tenant(&[Role::Admin, Role::Supervisor]);
/// Asks whether a contact attempt may be made.
const REACH_OUT: Access = Access::Tenant(&[
    Role::Admin,
    Role::Supervisor,
    Role::Marketer,
    Role::Agent,
    Role::Integrator,
]);

/// Writes articles, and reads those of others.
const EDIT: Access = Access::Tenant(&[Role::Admin, Role::Supervisor, Role::Analyst, Role::Marketer]);
/// Says which articles are in force, and what all answer with.
const APPROVE: Access = Access::Tenant(&[Role::Admin, Role::Supervisor]);

/// Keeps campaigns.
const PLAN: Access = Access::Tenant(&[Role::Admin, Role::Marketer]);

/// In the order in which people read of them.
pub(crate) fn routes() -> Vec<Route> {
    [
        open::routes(),
        centre::routes(),
        plugins::routes(),
        work::routes(),
        customers::routes(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

pub(crate) struct Route {
    pub(crate) path: &'static str,
    pub(crate) access: Access,
    pub(crate) body_limit: usize,
    pub(crate) streamed: bool,
    pub(crate) handlers: UtoipaMethodRouter<App>,
}

fn route(path: &'static str, access: Access, handlers: UtoipaMethodRouter<App>) -> Route {
    Route {
        path,
        access,
        body_limit: limits::MAX_BODY_BYTES,
        streamed: false,
        handlers,
    }
}

impl Route {
    fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    /// The handler takes the body piece by piece, limits it, and knows by itself what came before.
    fn streamed(mut self) -> Self {
        self.streamed = true;
        self
    }
}

/// A route, for tests and for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteInfo {
    /// The HTTP method, in capitals.
    pub method: &'static str,
    /// The path with its variable parts in braces.
    pub path: &'static str,
    /// Who may use it.
    pub access: Access,
}

/// Every route of [`router`](crate::router()).
pub fn route_table() -> Vec<RouteInfo> {
    let mut table = Vec::new();
    for route in routes() {
        for (method, _) in crate::openapi::operations(&route) {
            table.push(RouteInfo {
                method: method_name(&method),
                path: route.path,
                access: route.access,
            });
        }
    }
    table
}

fn method_name(method: &HttpMethod) -> &'static str {
    match method {
        HttpMethod::Get => "GET",
        HttpMethod::Put => "PUT",
        HttpMethod::Post => "POST",
        HttpMethod::Delete => "DELETE",
        HttpMethod::Options => "OPTIONS",
        HttpMethod::Head => "HEAD",
        HttpMethod::Patch => "PATCH",
        HttpMethod::Trace => "TRACE",
    }
}
