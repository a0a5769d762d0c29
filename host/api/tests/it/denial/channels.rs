//! The routes of channels, and those by which visitors say who they are.

use serde_json::json;

use super::{Entry, entry};

pub(super) fn entries() -> Vec<(&'static str, Entry)> {
    const CALL: &[(&str, &str)] = &[("interaction", "CALL")];
    const CHANNEL: &[(&str, &str)] = &[("channel", "sms")];
    vec![
        (
            "POST /v1/chat-entries/{entry}/identity-secret",
            entry(&[("entry", "spare")], Some(json!({})), 404, "supervisor"),
        ),
        (
            "DELETE /v1/chat-entries/{entry}/identity-secret",
            entry(&[("entry", "spare")], None, 204, "supervisor"),
        ),
        (
            "POST /v1/interactions/{interaction}/identity-link",
            entry(CALL, Some(json!({})), 404, "analyst"),
        ),
        (
            "POST /v1/identity-links",
            entry(
                &[],
                Some(json!({"token": "1.x", "identity": "crm:1"})),
                404,
                "agent",
            ),
        ),
        ("GET /v1/channels", entry(&[], None, 200, "agent")),
        ("GET /v1/channels/{channel}", entry(CHANNEL, None, 404, "agent")),
        (
            "PUT /v1/channels/{channel}",
            entry(
                CHANNEL,
                Some(json!({"name": "S", "entry": "sms", "verification": {"scheme": "none"}})),
                422,
                "integrator",
            ),
        ),
        (
            "DELETE /v1/channels/{channel}",
            entry(CHANNEL, None, 404, "integrator"),
        ),
    ]
}
