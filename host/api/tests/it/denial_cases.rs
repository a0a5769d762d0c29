//! What [`denial`](crate::denial) needs to know of cases.

use serde_json::json;

use crate::denial::{Entry, entry};
use crate::support::TestApp;

/// What the first tenant has. One customer, `crm:4711`, is there.
pub(crate) async fn make(app: &TestApp, one: &str) {
    let repair =
        json!({"title_zh": "报修", "title_en": "Repair", "promise_ms": 1_000_000, "owner": "queue:support"});
    app.put("/v1/case-categories/repair", one, repair).await.ok();
    app.put("/v1/outlets/west-lake", one, json!({"name": "West Lake"}))
        .await
        .ok();
    let case = json!({"category": "repair", "subject": "Router", "customer": "crm:4711"});
    app.post("/v1/cases", one, case).await.ok();
}

/// What every route takes.
pub(crate) fn entries() -> Vec<(&'static str, Entry)> {
    const CALL: &[(&str, &str)] = &[("interaction", "CALL")];
    const CASE: &[(&str, &str)] = &[("case", "1")];
    const CATEGORY: &[(&str, &str)] = &[("category", "repair")];
    const OUTLET: &[(&str, &str)] = &[("outlet", "west-lake")];
    vec![
        ("GET /v1/cases", entry(&[], None, 200, "marketer")),
        (
            "POST /v1/cases",
            entry(
                &[],
                Some(json!({"category": "repair", "subject": "Router", "customer": "crm:4711"})),
                400,
                "analyst",
            ),
        ),
        ("GET /v1/cases/{case}", entry(CASE, None, 404, "marketer")),
        (
            "PUT /v1/cases/{case}/status",
            entry(CASE, Some(json!({"status": "waiting"})), 404, "analyst"),
        ),
        (
            "PUT /v1/cases/{case}/owner",
            entry(CASE, Some(json!({"to": "agent:anna"})), 400, "analyst"),
        ),
        (
            "PUT /v1/cases/{case}/promise",
            entry(
                CASE,
                Some(json!({"due_at": 9_000_000_000_000_u64})),
                404,
                "analyst",
            ),
        ),
        (
            "POST /v1/cases/{case}/notes",
            entry(CASE, Some(json!({"text": "x"})), 404, "analyst"),
        ),
        (
            "PUT /v1/cases/{case}/interactions/{interaction}",
            entry(&[("case", "1"), ("interaction", "CALL")], None, 404, "analyst"),
        ),
        ("PUT /v1/cases/{case}/link", entry(CASE, None, 404, "analyst")),
        ("DELETE /v1/cases/{case}/link", entry(CASE, None, 404, "analyst")),
        ("GET /v1/case-categories", entry(&[], None, 200, "operator")),
        (
            "GET /v1/case-categories/{category}",
            entry(CATEGORY, None, 404, "operator"),
        ),
        (
            "PUT /v1/case-categories/{category}",
            entry(
                &[("category", "returns")],
                Some(
                    json!({"title_zh": "报修", "title_en": "Repair", "promise_ms": 1000, "owner": "queue:support"}),
                ),
                200,
                "agent",
            ),
        ),
        (
            "DELETE /v1/case-categories/{category}",
            entry(CATEGORY, None, 404, "agent"),
        ),
        ("GET /v1/outlets", entry(&[], None, 200, "operator")),
        ("GET /v1/outlets/{outlet}", entry(OUTLET, None, 404, "operator")),
        (
            "PUT /v1/outlets/{outlet}",
            entry(&[("outlet", "east")], Some(json!({"name": "East"})), 200, "agent"),
        ),
        ("DELETE /v1/outlets/{outlet}", entry(OUTLET, None, 404, "agent")),
        ("GET /v1/link-settings", entry(&[], None, 200, "operator")),
        (
            "PUT /v1/link-settings",
            entry(&[], Some(json!({})), 200, "supervisor"),
        ),
        (
            "GET /v1/interactions/{interaction}/assistances",
            entry(CALL, None, 404, "marketer"),
        ),
        (
            "POST /v1/interactions/{interaction}/assistances",
            entry(
                CALL,
                Some(json!({"title": "Line check", "url": "https://help.example/"})),
                404,
                "analyst",
            ),
        ),
        (
            "DELETE /v1/interactions/{interaction}/assistances/{assistance}",
            entry(
                &[("interaction", "CALL"), ("assistance", "00000000")],
                None,
                404,
                "analyst",
            ),
        ),
    ]
}
