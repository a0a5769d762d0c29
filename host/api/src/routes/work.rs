//! Calls and conversations, and what agents know.

use utoipa_axum::routes;

use super::{ADMIN, APPROVE, EDIT, LISTEN, Route, STAFF, STEER, WATCH, route};
use crate::handler::{
    article, attachment, call, event, interaction, message, recording, reply_template, response, suggestion,
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        // Calls
        route(
            "/v1/interactions",
            LISTEN,
            routes!(interaction::list_interactions),
        ),
        route("/v1/interactions", STEER, routes!(call::make_call)),
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
            "/v1/interactions/{interaction}/attachments",
            STEER,
            routes!(attachment::upload_attachment),
        )
        .streamed(),
        route(
            "/v1/interactions/{interaction}/attachments/{attachment}",
            LISTEN,
            routes!(attachment::get_attachment),
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
            routes!(message::get_typing, message::show_typing),
        ),
        route(
            "/v1/interactions/{interaction}/suggestions",
            LISTEN,
            routes!(suggestion::get_suggestions),
        ),
        route(
            "/v1/interactions/{interaction}/suggestions",
            STEER,
            routes!(suggestion::request_suggestions),
        ),
        route("/v1/chat-responses", WATCH, routes!(response::get_responses)),
        route("/v1/events", WATCH, routes!(event::stream_events)),
        // Knowledge
        route("/v1/articles", EDIT, routes!(article::list_articles)),
        route("/v1/articles/{article}", STAFF, routes!(article::get_article)),
        route("/v1/articles/{article}", EDIT, routes!(article::put_article)),
        route("/v1/articles/{article}", ADMIN, routes!(article::remove_article)),
        route(
            "/v1/articles/{article}/versions",
            EDIT,
            routes!(article::list_article_versions),
        ),
        route(
            "/v1/articles/{article}/versions/{version}/review",
            EDIT,
            routes!(article::review_article),
        ),
        route(
            "/v1/articles/{article}/versions/{version}/approve",
            APPROVE,
            routes!(article::approve_article),
        ),
        route(
            "/v1/articles/{article}/withdraw",
            APPROVE,
            routes!(article::withdraw_article),
        ),
        route(
            "/v1/articles/{article}/uses",
            STAFF,
            routes!(article::count_article_use),
        ),
        route("/v1/knowledge/search", STAFF, routes!(article::search_knowledge)),
        route(
            "/v1/knowledge-settings",
            STAFF,
            routes!(article::get_knowledge_settings),
        ),
        route(
            "/v1/knowledge-settings",
            ADMIN,
            routes!(article::put_knowledge_settings),
        ),
        route(
            "/v1/reply-templates",
            STAFF,
            routes!(reply_template::list_templates),
        ),
        route(
            "/v1/reply-templates/{template}",
            STAFF,
            routes!(reply_template::get_template),
        ),
        route(
            "/v1/reply-templates/{template}",
            APPROVE,
            routes!(reply_template::put_template, reply_template::remove_template),
        ),
        route(
            "/v1/own-reply-templates",
            STEER,
            routes!(reply_template::list_own_templates),
        ),
        route(
            "/v1/own-reply-templates/{template}",
            STEER,
            routes!(
                reply_template::put_own_template,
                reply_template::remove_own_template
            ),
        ),
        route(
            "/v1/interactions/{interaction}/filled-template",
            LISTEN,
            routes!(reply_template::fill_template),
        ),
    ]
}
