//! What the world sees, and what the deployment has.

use utoipa_axum::routes;

use super::{BILL, OPERATOR, PUBLIC, Route, VISITOR, route};
use crate::handler::{
    assistance_page, attachment, attachment_link, case_page, ceilings, docs, health, identity, manual,
    tenant, usage, visit,
};

pub(super) fn routes() -> Vec<Route> {
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
            "/chat/{tenant}/{entry}/visits",
            VISITOR,
            routes!(visit::begin_visit),
        ),
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
            "/chat/{tenant}/{entry}/identity",
            VISITOR,
            routes!(identity::identify_visitor),
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
        route(
            "/chat/{tenant}/{entry}/attachments",
            VISITOR,
            routes!(attachment::visitor_uploads),
        )
        .streamed(),
        route(
            "/chat/{tenant}/{entry}/attachments/{interaction}/{attachment}",
            VISITOR,
            routes!(attachment::visitor_gets_attachment),
        ),
        // Links of customers
        route(
            "/case/{tenant}/{token}",
            VISITOR,
            routes!(case_page::get_case_page),
        ),
        route(
            "/assist/{tenant}/{token}",
            VISITOR,
            routes!(
                assistance_page::get_assistance_page,
                assistance_page::follow_assistance
            ),
        ),
        route(
            "/file/{tenant}/{token}",
            VISITOR,
            routes!(attachment_link::get_linked_attachment),
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
    ]
}
