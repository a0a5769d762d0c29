//! The routes of customers, their tags and segments.

use serde_json::json;

use super::{Entry, entry};

pub(super) fn entries() -> Vec<(&'static str, Entry)> {
    const CUSTOMER: &[(&str, &str)] = &[("customer", "tel:+8613800138000")];
    const IDENTITY: &[(&str, &str)] = &[
        ("customer", "tel:+8613800138000"),
        ("identity", "email:li@example.com"),
    ];
    const LINK: &[(&str, &str)] = &[("customer", "tel:+8613800138000"), ("other", "crm:4711")];
    const IMPORT: &[(&str, &str)] = &[("import", "spring")];
    const ATTRIBUTE: &[(&str, &str)] = &[("attribute", "tier")];
    const RUN: &[(&str, &str)] = &[("run", "autumn")];
    const SEGMENT: &[(&str, &str)] = &[("segment", "kept")];
    const TAG: &[(&str, &str)] = &[("tag", "vip")];
    const CUSTOMER_TAG: &[(&str, &str)] = &[("customer", "tel:+8613800138000"), ("tag", "vip")];
    vec![
        ("GET /v1/customers", entry(&[], None, 200, "agent")),
        (
            "GET /v1/customers/{customer}",
            entry(&[("customer", "tel:+8613800138000")], None, 404, "planner"),
        ),
        (
            "DELETE /v1/customers/{customer}/decisions",
            entry(&[("customer", "tel:+8613800138000")], None, 200, "supervisor"),
        ),
        (
            "POST /v1/customers",
            entry(&[], Some(json!({"name": "Li Lei"})), 201, "analyst"),
        ),
        (
            "PATCH /v1/customers/{customer}",
            entry(CUSTOMER, Some(json!({"name": "Li Lei"})), 404, "analyst"),
        ),
        (
            "DELETE /v1/customers/{customer}",
            entry(CUSTOMER, None, 404, "supervisor"),
        ),
        (
            "GET /v1/customers/{customer}/export",
            entry(CUSTOMER, None, 404, "supervisor"),
        ),
        (
            "PUT /v1/customers/{customer}/identities/{identity}",
            entry(IDENTITY, None, 404, "analyst"),
        ),
        (
            "DELETE /v1/customers/{customer}/identities/{identity}",
            entry(IDENTITY, None, 404, "analyst"),
        ),
        (
            "GET /v1/customers/{customer}/timeline",
            entry(CUSTOMER, None, 404, "planner"),
        ),
        (
            "POST /v1/customers/{customer}/notes",
            entry(
                CUSTOMER,
                Some(json!({"text": "Asked for an offer."})),
                404,
                "analyst",
            ),
        ),
        (
            "POST /v1/customers/{customer}/consents",
            entry(
                CUSTOMER,
                Some(json!({"purpose": "sales", "granted": true, "source": "call"})),
                404,
                "analyst",
            ),
        ),
        (
            "POST /v1/customers/{customer}/intents",
            entry(
                CUSTOMER,
                Some(json!({"product": "fibre", "confidence": 50})),
                404,
                "analyst",
            ),
        ),
        (
            "PUT /v1/customers/{customer}/links/{other}",
            entry(LINK, Some(json!({"kind": "household"})), 404, "analyst"),
        ),
        (
            "DELETE /v1/customers/{customer}/links/{other}",
            entry(LINK, None, 404, "analyst"),
        ),
        (
            "PUT /v1/customers/{customer}/merged/{other}",
            entry(LINK, Some(json!({})), 404, "agent"),
        ),
        (
            "DELETE /v1/customers/{customer}/merged/{other}",
            entry(LINK, None, 404, "agent"),
        ),
        (
            "PUT /v1/customers/{customer}/distinct/{other}",
            entry(LINK, None, 404, "agent"),
        ),
        ("GET /v1/customer-matches", entry(&[], None, 200, "agent")),
        ("GET /v1/customer-imports", entry(&[], None, 200, "agent")),
        (
            "GET /v1/customer-imports/{import}",
            entry(IMPORT, None, 404, "agent"),
        ),
        (
            "PUT /v1/customer-imports/{import}",
            entry(&[("import", "new")], Some(json!({"format": "csv"})), 200, "agent"),
        ),
        (
            "DELETE /v1/customer-imports/{import}",
            entry(IMPORT, None, 404, "agent"),
        ),
        (
            "POST /v1/customer-imports/{import}/parts",
            entry(IMPORT, None, 400, "agent"),
        ),
        (
            "GET /v1/customer-imports/{import}/failures",
            entry(IMPORT, None, 404, "agent"),
        ),
        ("GET /v1/customer-settings", entry(&[], None, 200, "operator")),
        (
            "PUT /v1/customer-settings",
            entry(&[], Some(json!({"default_region": "CN"})), 200, "supervisor"),
        ),
        ("GET /v1/customer-attributes", entry(&[], None, 200, "operator")),
        (
            "PUT /v1/customer-attributes/{attribute}",
            entry(
                ATTRIBUTE,
                Some(json!({"label": "Tier", "type": "text", "class": "none"})),
                200,
                "supervisor",
            ),
        ),
        (
            "DELETE /v1/customer-attributes/{attribute}",
            entry(&[("attribute", "kept")], None, 404, "supervisor"),
        ),
        ("GET /v1/tags", entry(&[], None, 200, "operator")),
        ("GET /v1/tags/{tag}", entry(TAG, None, 404, "operator")),
        (
            "PUT /v1/tags/{tag}",
            entry(TAG, Some(json!({"kind": "manual"})), 200, "agent"),
        ),
        (
            "DELETE /v1/tags/{tag}",
            entry(&[("tag", "kept")], None, 404, "agent"),
        ),
        (
            "PUT /v1/customers/{customer}/tags/{tag}",
            entry(CUSTOMER_TAG, Some(json!({})), 404, "analyst"),
        ),
        (
            "DELETE /v1/customers/{customer}/tags/{tag}",
            entry(CUSTOMER_TAG, None, 404, "analyst"),
        ),
        ("GET /v1/tag-runs", entry(&[], None, 200, "agent")),
        ("GET /v1/tag-runs/{run}", entry(RUN, None, 404, "agent")),
        (
            "PUT /v1/tag-runs/{run}",
            entry(RUN, Some(json!({"dry_run": true})), 409, "analyst"),
        ),
        ("DELETE /v1/tag-runs/{run}", entry(RUN, None, 404, "analyst")),
        ("POST /v1/tag-runs/{run}/pause", entry(RUN, None, 404, "analyst")),
        ("POST /v1/tag-runs/{run}/resume", entry(RUN, None, 404, "analyst")),
        ("POST /v1/tag-runs/{run}/stop", entry(RUN, None, 404, "analyst")),
        ("GET /v1/tag-runs/{run}/receipts", entry(RUN, None, 404, "agent")),
        ("GET /v1/tag-schedule", entry(&[], None, 200, "agent")),
        (
            "PUT /v1/tag-schedule",
            entry(&[], Some(json!({"every_hours": 24})), 200, "analyst"),
        ),
        ("GET /v1/segments", entry(&[], None, 200, "agent")),
        ("GET /v1/segments/{segment}", entry(SEGMENT, None, 404, "agent")),
        (
            "PUT /v1/segments/{segment}",
            entry(
                &[("segment", "gold")],
                Some(json!({"name": "Gold", "expression": {"tag": "vip"}})),
                200,
                "analyst",
            ),
        ),
        (
            "DELETE /v1/segments/{segment}",
            entry(SEGMENT, None, 404, "analyst"),
        ),
        (
            "GET /v1/segments/{segment}/customers",
            entry(SEGMENT, None, 404, "agent"),
        ),
        (
            "GET /v1/segments/{segment}/count",
            entry(SEGMENT, None, 404, "agent"),
        ),
        (
            "POST /v1/segments/{segment}/count",
            entry(SEGMENT, None, 404, "agent"),
        ),
        (
            "POST /v1/segment-previews",
            entry(&[], Some(json!({"expression": {"tag": "vip"}})), 200, "agent"),
        ),
        (
            "GET /v1/customers/{customer}/segments",
            entry(CUSTOMER, None, 404, "planner"),
        ),
        (
            "GET /v1/campaigns/{campaign}/customers",
            entry(&[("campaign", "autumn")], None, 404, "agent"),
        ),
    ]
}
