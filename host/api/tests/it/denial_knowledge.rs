//! The part of the denial test that is about knowledge.

use serde_json::json;

use crate::denial::{Entry, entry};

pub(crate) fn entries() -> Vec<(&'static str, Entry)> {
    const CALL: &[(&str, &str)] = &[("interaction", "CALL")];
    const ARTICLE: &[(&str, &str)] = &[("article", "refunds")];
    const KEPT_ARTICLE: &[(&str, &str)] = &[("article", "kept")];
    const EDITION: &[(&str, &str)] = &[("article", "kept"), ("version", "1")];
    const TEMPLATE: &[(&str, &str)] = &[("template", "hello")];
    vec![
        ("GET /v1/articles", entry(&[], None, 200, "agent")),
        (
            "GET /v1/articles/{article}",
            entry(ARTICLE, None, 404, "operator"),
        ),
        (
            "PUT /v1/articles/{article}",
            entry(
                ARTICLE,
                Some(json!({"title": "T", "body": "B", "language": "en"})),
                200,
                "agent",
            ),
        ),
        (
            "DELETE /v1/articles/{article}",
            entry(&[("article", "spare")], None, 404, "supervisor"),
        ),
        (
            "GET /v1/articles/{article}/versions",
            entry(KEPT_ARTICLE, None, 404, "agent"),
        ),
        (
            "POST /v1/articles/{article}/versions/{version}/review",
            entry(EDITION, Some(json!({})), 404, "agent"),
        ),
        (
            "POST /v1/articles/{article}/versions/{version}/approve",
            entry(EDITION, Some(json!({})), 404, "analyst"),
        ),
        (
            "POST /v1/articles/{article}/withdraw",
            entry(KEPT_ARTICLE, Some(json!({})), 404, "analyst"),
        ),
        (
            "POST /v1/articles/{article}/uses",
            entry(KEPT_ARTICLE, Some(json!({"what": "opened"})), 404, "operator"),
        ),
        (
            "GET /v1/knowledge/search",
            // Without a word to look for.
            entry(&[], None, 400, "operator"),
        ),
        ("GET /v1/knowledge-settings", entry(&[], None, 200, "operator")),
        (
            "PUT /v1/knowledge-settings",
            entry(&[], Some(json!({})), 200, "supervisor"),
        ),
        ("GET /v1/reply-templates", entry(&[], None, 200, "operator")),
        (
            "GET /v1/reply-templates/{template}",
            entry(TEMPLATE, None, 404, "operator"),
        ),
        (
            "PUT /v1/reply-templates/{template}",
            entry(
                TEMPLATE,
                Some(json!({"title": "T", "text": "B", "language": "en"})),
                200,
                "agent",
            ),
        ),
        (
            "DELETE /v1/reply-templates/{template}",
            entry(&[("template", "sparing")], None, 404, "agent"),
        ),
        ("GET /v1/own-reply-templates", entry(&[], None, 200, "analyst")),
        (
            "PUT /v1/own-reply-templates/{template}",
            entry(
                TEMPLATE,
                Some(json!({"title": "T", "text": "B", "language": "en"})),
                200,
                "analyst",
            ),
        ),
        (
            "DELETE /v1/own-reply-templates/{template}",
            entry(&[("template", "spare")], None, 404, "analyst"),
        ),
        (
            "POST /v1/interactions/{interaction}/filled-template",
            entry(CALL, Some(json!({"id": "hello"})), 404, "planner"),
        ),
        (
            "GET /v1/interactions/{interaction}/suggestions",
            entry(CALL, None, 404, "planner"),
        ),
        (
            "POST /v1/interactions/{interaction}/suggestions",
            entry(CALL, Some(json!({})), 404, "analyst"),
        ),
    ]
}
