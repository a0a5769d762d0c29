//! Every route, with who may use it. Nothing else is reachable.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Redirect};
use axum::routing::get;
use jackfield_runtime::Platform;
use jackfield_types::{Role, limits};
use utoipa::openapi::path::HttpMethod;
use utoipa_axum::router::UtoipaMethodRouter;
use utoipa_axum::routes;

use crate::auth::{Access, Gate, gate};
use crate::error::Problem;
use crate::handler::{
    agent, attempt, attribute, binding, campaign, ceilings, chat_entry, customer, customer_import,
    customer_match, customer_privacy, customer_story, decision, docs, event, health, interaction, key,
    manual, message, number, outbound, plugin, queue, recording, response, rollout, tenant, trust, usage,
    user, visit,
};
use crate::{App, layers};

const PUBLIC: Access = Access::Public;
const VISITOR: Access = Access::Visitor;
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
/// Says which customers are one.
const RECONCILE: Access = Access::Tenant(&[Role::Admin, Role::Supervisor]);
/// Asks whether a contact attempt may be made.
const REACH_OUT: Access = Access::Tenant(&[
    Role::Admin,
    Role::Supervisor,
    Role::Marketer,
    Role::Agent,
    Role::Integrator,
]);

/// Keeps campaigns.
const PLAN: Access = Access::Tenant(&[Role::Admin, Role::Marketer]);

pub(crate) fn routes() -> Vec<Route> {
    vec![
        route("/healthz", PUBLIC, routes!(health::get_health)),
        route("/readyz", PUBLIC, routes!(health::get_readiness)),
        route("/metrics", PUBLIC, routes!(health::get_metrics)),
        route("/openapi.json", PUBLIC, routes!(docs::get_openapi)),
        route("/docs", PUBLIC, routes!(docs::get_docs)),
        route("/docs/{asset}", PUBLIC, routes!(docs::get_docs_asset)),
        route("/docs/plugins", PUBLIC, routes!(manual::get_manual)),
        route("/docs/plugins/{page}", PUBLIC, routes!(manual::get_manual_page)),
        // Chat windows
        route("/chat/widget.js", PUBLIC, routes!(visit::get_widget)),
        route("/chat/{tenant}/{entry}", VISITOR, routes!(visit::get_chat_page)),
        route(
            "/chat/{tenant}/{entry}/sessions",
            VISITOR,
            routes!(visit::begin_session),
        ),
        route(
            "/chat/{tenant}/{entry}/messages",
            VISITOR,
            routes!(visit::read_news, visit::write_message),
        ),
        route(
            "/chat/{tenant}/{entry}/read",
            VISITOR,
            routes!(visit::read_so_far),
        ),
        route(
            "/chat/{tenant}/{entry}/end",
            VISITOR,
            routes!(visit::end_conversation),
        ),
        route(
            "/chat/{tenant}/{entry}/socket",
            VISITOR,
            routes!(visit::open_socket),
        ),
        // The deployment
        route(
            "/v1/tenants",
            OPERATOR,
            routes!(tenant::list_tenants, tenant::create_tenant),
        ),
        route("/v1/tenants/{tenant}", OPERATOR, routes!(tenant::get_tenant)),
        route(
            "/v1/tenants/{tenant}/admin-key",
            OPERATOR,
            routes!(tenant::create_admin_key),
        ),
        route(
            "/v1/tenants/{tenant}/quota",
            OPERATOR,
            routes!(usage::get_quota, usage::put_quota),
        ),
        route(
            "/v1/tenants/{tenant}/ceilings",
            OPERATOR,
            routes!(ceilings::get_ceilings, ceilings::put_ceilings),
        ),
        route("/v1/usage", BILL, routes!(usage::list_usage)),
        // People and their keys
        route("/v1/whoami", ANY_KEY, routes!(user::whoami)),
        route("/v1/users", ADMIN, routes!(user::list_users, user::create_user)),
        route(
            "/v1/users/{user}",
            ADMIN,
            routes!(user::get_user, user::remove_user),
        ),
        route(
            "/v1/users/{user}/keys",
            ADMIN,
            routes!(key::list_keys, key::create_key),
        ),
        route("/v1/users/{user}/keys/{key}", ADMIN, routes!(key::revoke_key)),
        // Settings of the contact centre
        route("/v1/agents", STAFF, routes!(agent::list_agents)),
        route("/v1/agents/{agent}", STAFF, routes!(agent::get_agent)),
        route(
            "/v1/agents/{agent}",
            ADMIN,
            routes!(agent::put_agent, agent::remove_agent),
        ),
        route("/v1/agents/{agent}/state", STEER, routes!(agent::put_agent_state)),
        route(
            "/v1/agents/{agent}/phone-password",
            ADMIN,
            routes!(agent::put_phone_password),
        ),
        route("/v1/queues", STAFF, routes!(queue::list_queues)),
        route("/v1/queues/{queue}", STAFF, routes!(queue::get_queue)),
        route(
            "/v1/queues/{queue}",
            ADMIN,
            routes!(queue::put_queue, queue::remove_queue),
        ),
        route("/v1/numbers", STAFF, routes!(number::list_numbers)),
        route("/v1/numbers/{number}", STAFF, routes!(number::get_number)),
        route(
            "/v1/numbers/{number}",
            ADMIN,
            routes!(number::put_number, number::remove_number),
        ),
        route("/v1/chat-entries", STAFF, routes!(chat_entry::list_chat_entries)),
        route(
            "/v1/chat-entries/{entry}",
            STAFF,
            routes!(chat_entry::get_chat_entry),
        ),
        route(
            "/v1/chat-entries/{entry}",
            ADMIN,
            routes!(chat_entry::put_chat_entry, chat_entry::remove_chat_entry),
        ),
        // Plugins
        route("/v1/plugins", INSPECT, routes!(plugin::list_plugins)),
        route("/v1/plugins", BUILD, routes!(plugin::upload_plugin)).body_limit(limits::MAX_COMPONENT_BYTES),
        route(
            "/v1/plugins/{plugin}/{version}",
            INSPECT,
            routes!(plugin::get_plugin),
        ),
        route(
            "/v1/plugins/{plugin}/{version}/yank",
            BUILD,
            routes!(plugin::yank_plugin),
        ),
        route(
            "/v1/plugins/{plugin}/{version}/unyank",
            BUILD,
            routes!(plugin::unyank_plugin),
        ),
        route("/v1/plugin-policy", INSPECT, routes!(trust::get_plugin_policy)),
        route("/v1/plugin-policy", ADMIN, routes!(trust::put_plugin_policy)),
        route(
            "/v1/plugin-grants/{plugin}",
            INSPECT,
            routes!(trust::get_plugin_grant),
        ),
        route(
            "/v1/plugin-grants/{plugin}",
            ADMIN,
            routes!(trust::put_plugin_grant, trust::remove_plugin_grant),
        ),
        route("/v1/trusted-keys", INSPECT, routes!(trust::list_trusted_keys)),
        route(
            "/v1/trusted-keys/{name}",
            ADMIN,
            routes!(trust::put_trusted_key, trust::remove_trusted_key),
        ),
        route("/v1/bindings", INSPECT, routes!(binding::list_bindings)),
        route("/v1/bindings/{point}", INSPECT, routes!(binding::get_binding)),
        route(
            "/v1/bindings/{point}",
            BUILD,
            routes!(binding::put_binding, binding::remove_binding),
        ),
        route(
            "/v1/bindings/{point}/history",
            INSPECT,
            routes!(binding::list_binding_history),
        ),
        route(
            "/v1/bindings/{point}/rollout",
            INSPECT,
            routes!(rollout::get_rollout),
        ),
        route(
            "/v1/bindings/{point}/rollout",
            BUILD,
            routes!(rollout::start_rollout),
        ),
        route(
            "/v1/bindings/{point}/rollout/promote",
            BUILD,
            routes!(rollout::promote),
        ),
        route(
            "/v1/bindings/{point}/rollout/rollback",
            BUILD,
            routes!(rollout::roll_back),
        ),
        route(
            "/v1/bindings/{point}/rollout/history",
            INSPECT,
            routes!(rollout::list_rollout_history),
        ),
        route("/v1/decisions", INSPECT, routes!(decision::list_decisions)),
        route(
            "/v1/decisions/{decision}",
            INSPECT,
            routes!(decision::get_decision),
        ),
        route("/v1/replays", BUILD, routes!(decision::replay)),
        // Calls
        route(
            "/v1/interactions",
            LISTEN,
            routes!(interaction::list_interactions),
        ),
        route(
            "/v1/interactions/{interaction}",
            LISTEN,
            routes!(interaction::get_interaction),
        ),
        route(
            "/v1/interactions/{interaction}/events",
            LISTEN,
            routes!(interaction::list_interaction_events),
        ),
        route(
            "/v1/interactions/{interaction}/recording",
            LISTEN,
            routes!(recording::get_recording),
        ),
        route(
            "/v1/interactions/{interaction}/transfer",
            STEER,
            routes!(interaction::transfer_interaction),
        ),
        route(
            "/v1/interactions/{interaction}/end",
            STEER,
            routes!(interaction::end_interaction),
        ),
        route(
            "/v1/interactions/{interaction}/messages",
            LISTEN,
            routes!(message::list_messages),
        ),
        route(
            "/v1/interactions/{interaction}/messages",
            STEER,
            routes!(message::send_message),
        ),
        route(
            "/v1/interactions/{interaction}/accept",
            STEER,
            routes!(message::accept_offer),
        ),
        route(
            "/v1/interactions/{interaction}/decline",
            STEER,
            routes!(message::decline_offer),
        ),
        route(
            "/v1/interactions/{interaction}/leave",
            STEER,
            routes!(message::leave_chat),
        ),
        route(
            "/v1/interactions/{interaction}/read",
            STEER,
            routes!(message::read_messages),
        ),
        route(
            "/v1/interactions/{interaction}/typing",
            STEER,
            routes!(message::show_typing),
        ),
        route("/v1/chat-responses", WATCH, routes!(response::get_responses)),
        route("/v1/events", WATCH, routes!(event::stream_events)),
        // Customers
        route("/v1/customers", SEGMENT, routes!(customer::list_customers)),
        route("/v1/customers", KEEP, routes!(customer::create_customer)),
        route("/v1/customers/{customer}", SERVE, routes!(customer::get_customer)),
        route(
            "/v1/customers/{customer}",
            KEEP,
            routes!(customer::update_customer),
        ),
        route(
            "/v1/customers/{customer}",
            ADMIN,
            routes!(customer_privacy::erase_customer),
        ),
        route(
            "/v1/customers/{customer}/export",
            ADMIN,
            routes!(customer_privacy::export_customer),
        ),
        route(
            "/v1/customers/{customer}/identities/{identity}",
            KEEP,
            routes!(customer::add_identity, customer::remove_identity),
        ),
        route(
            "/v1/customers/{customer}/timeline",
            SERVE,
            routes!(customer_story::list_timeline),
        ),
        route(
            "/v1/customers/{customer}/notes",
            KEEP,
            routes!(customer_story::write_note),
        ),
        route(
            "/v1/customers/{customer}/consents",
            KEEP,
            routes!(customer_story::record_consent),
        ),
        route(
            "/v1/customers/{customer}/intents",
            KEEP,
            routes!(customer_story::record_intent),
        ),
        route(
            "/v1/customers/{customer}/links/{other}",
            KEEP,
            routes!(customer_story::put_link, customer_story::remove_link),
        ),
        route(
            "/v1/customers/{customer}/merged/{other}",
            RECONCILE,
            routes!(customer_story::merge_customers, customer_story::unmerge_customer),
        ),
        route(
            "/v1/customers/{customer}/distinct/{other}",
            RECONCILE,
            routes!(customer_match::put_distinct),
        ),
        route(
            "/v1/customer-matches",
            RECONCILE,
            routes!(customer_match::list_matches),
        ),
        route(
            "/v1/customer-imports",
            PLAN,
            routes!(customer_import::list_imports),
        ),
        route(
            "/v1/customer-imports/{import}",
            PLAN,
            routes!(
                customer_import::get_import,
                customer_import::begin_import,
                customer_import::remove_import
            ),
        ),
        route(
            "/v1/customer-imports/{import}/parts",
            PLAN,
            routes!(customer_import::import_part),
        )
        .body_limit(limits::MAX_IMPORT_PART_BYTES),
        route(
            "/v1/customer-imports/{import}/failures",
            PLAN,
            routes!(customer_import::list_import_failures),
        ),
        route(
            "/v1/customer-settings",
            STAFF,
            routes!(attribute::get_customer_settings),
        ),
        route(
            "/v1/customer-settings",
            ADMIN,
            routes!(attribute::put_customer_settings),
        ),
        route(
            "/v1/customer-attributes",
            STAFF,
            routes!(attribute::list_attributes),
        ),
        route(
            "/v1/customer-attributes/{attribute}",
            ADMIN,
            routes!(attribute::put_attribute, attribute::remove_attribute),
        ),
        route(
            "/v1/customers/{customer}/decisions",
            ADMIN,
            routes!(customer::erase_decisions),
        ),
        route("/v1/campaigns", STAFF, routes!(campaign::list_campaigns)),
        route("/v1/campaigns/{campaign}", STAFF, routes!(campaign::get_campaign)),
        route(
            "/v1/campaigns/{campaign}",
            PLAN,
            routes!(campaign::put_campaign, campaign::remove_campaign),
        ),
        route(
            "/v1/outbound/attempts",
            REACH_OUT,
            routes!(attempt::list_attempts, attempt::record_attempt),
        ),
        route(
            "/v1/outbound/checks",
            REACH_OUT,
            routes!(outbound::check_outbound),
        ),
    ]
}

pub(crate) struct Route {
    pub(crate) path: &'static str,
    pub(crate) access: Access,
    body_limit: usize,
    pub(crate) handlers: UtoipaMethodRouter<App>,
}

fn route(path: &'static str, access: Access, handlers: UtoipaMethodRouter<App>) -> Route {
    Route {
        path,
        access,
        body_limit: limits::MAX_BODY_BYTES,
        handlers,
    }
}

impl Route {
    fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
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

/// Every route of [`router`].
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

/// The whole HTTP interface of a platform. [`serve`](crate::serve) listens with it.
pub fn router(platform: Platform) -> Router {
    router_until(platform, tokio::sync::watch::channel(false).1)
}

pub(crate) fn router_until(platform: Platform, closing: tokio::sync::watch::Receiver<bool>) -> Router {
    let app = App {
        platform,
        streams: event::Streams::default(),
        requests: crate::metrics::Requests::default(),
        places: crate::places::Places::default(),
        flood: std::sync::Arc::default(),
        sockets: crate::chat::sockets::Sockets::default(),
        closing,
    };
    let mut router = Router::new();
    for Route {
        path,
        access,
        body_limit,
        handlers: (_, _, handlers),
    } in routes()
    {
        let handlers = match access {
            // The gate, which limits bodies, does not stand before these.
            Access::Public => handlers.layer(DefaultBodyLimit::max(body_limit)),
            Access::Visitor => handlers
                .options(crate::chat::cors::preflight)
                .layer(DefaultBodyLimit::max(body_limit))
                .route_layer(from_fn_with_state(app.clone(), crate::places::visit))
                .route_layer(from_fn_with_state(app.clone(), crate::chat::cors::layer)),
            _ => {
                let settings = Gate {
                    app: app.clone(),
                    access,
                    body_limit,
                };
                handlers.route_layer(from_fn_with_state(settings, gate))
            }
        };
        router = router.route(path, handlers);
    }
    let router = router
        .route("/", get(|| async { Redirect::temporary("/docs") }))
        .route("/docs/", get(|| async { Redirect::permanent("/docs") }))
        .route(
            "/docs/plugins/",
            get(|| async { Redirect::permanent("/docs/plugins") }),
        )
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(no_such_route)
        // The gate limits bodies, route by route.
        .layer(DefaultBodyLimit::disable())
        .with_state(app.clone());
    layers::around(router, app)
}

async fn no_such_route() -> impl IntoResponse {
    let detail = "there is no such route; /docs shows all that there are";
    Problem::new(StatusCode::NOT_FOUND, "unknown-route", detail)
}

async fn method_not_allowed() -> impl IntoResponse {
    let detail = "this route doesn't take this method; the Allow header says which it takes";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", detail)
}
