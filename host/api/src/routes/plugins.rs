//! Plugins and what is bound where.

use jackfield_types::limits;
use utoipa_axum::routes;

use super::{ADMIN, BUILD, INSPECT, Route, route};
use crate::handler::{binding, decision, plugin, rollout, trust};

pub(super) fn routes() -> Vec<Route> {
    vec![
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
    ]
}
