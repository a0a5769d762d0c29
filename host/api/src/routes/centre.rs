//! People, the settings of the contact centre, and channels.

use utoipa_axum::routes;

use super::{ADMIN, ANY_KEY, BUILD, INSPECT, PROVIDER, Route, STAFF, STEER, route};
use crate::handler::{agent, channel, chat_entry, identity, key, number, provider, queue, user};

pub(super) fn routes() -> Vec<Route> {
    vec![
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
        route(
            "/v1/chat-entries/{entry}/identity-secret",
            ADMIN,
            routes!(identity::make_identity_secret, identity::remove_identity_secret),
        ),
        route(
            "/v1/interactions/{interaction}/identity-link",
            STEER,
            routes!(identity::make_identity_link),
        ),
        route("/v1/identity-links", BUILD, routes!(identity::take_identity_link)),
        // Channels
        route(
            "/channels/{tenant}/{channel}",
            PROVIDER,
            routes!(provider::greet_provider, provider::hear_provider),
        ),
        route("/v1/channels", INSPECT, routes!(channel::list_channels)),
        route("/v1/channels/{channel}", INSPECT, routes!(channel::get_channel)),
        route(
            "/v1/channels/{channel}",
            ADMIN,
            routes!(channel::put_channel, channel::remove_channel),
        ),
    ]
}
