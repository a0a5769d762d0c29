//! Campaigns are known by name, and attempts are counted by whoever reports them.

use serde_json::{Value, json};

use crate::support::{NUMBER, TestApp, lenient_rule};

const RULE: &str = "/v1/bindings/campaign:spring:outbound-rule:1";
const CALLEE: &str = "+33612345678";

#[tokio::test]
async fn a_campaign_is_made_named_anew_and_removed_when_nothing_is_bound() {
    let app = TestApp::start().await;
    let admin = app.tenant("one", NUMBER).await;
    app.upload(&admin, lenient_rule("1.0.0")).await.ok();
    let unknown = app.put(RULE, &admin, json!({"plugin": "lenient"})).await;
    assert_eq!(unknown.problem(), (404, "unknown-campaign", ""), "{unknown:#?}");

    let made = app
        .put("/v1/campaigns/spring", &admin, json!({"name": "Spring"}))
        .await
        .ok();
    let again = app
        .put("/v1/campaigns/spring", &admin, json!({"name": "Spring sale"}))
        .await
        .ok();
    assert_eq!(
        (again.text("/name"), &again.body["created_at"]),
        ("Spring sale", &made.body["created_at"])
    );
    let list = app.get("/v1/campaigns", &admin).await.ok();
    assert_eq!(list.body["items"], json!([again.body]));
    for name in [json!(""), json!("x".repeat(129))] {
        let refused = app
            .put("/v1/campaigns/spring", &admin, json!({"name": name}))
            .await;
        assert_eq!(refused.problem(), (400, "invalid-value", "name"));
    }

    app.put(RULE, &admin, json!({"plugin": "lenient"})).await.ok();
    let bound = app.delete("/v1/campaigns/spring", &admin).await;
    assert_eq!(bound.problem(), (409, "in-use", ""), "{bound:#?}");
    assert!(bound.text("/detail").contains("campaign:spring:outbound-rule:1"));
    app.delete(RULE, &admin).await.ok();
    app.delete("/v1/campaigns/spring", &admin).await.ok();
    let gone = app.get("/v1/campaigns/spring", &admin).await;
    assert_eq!(gone.problem(), (404, "unknown-campaign", ""));
}

/// A slip of the pen must not lead to the tenant's own rules.
#[tokio::test]
async fn a_mistyped_campaign_is_refused_by_checks_and_reports() {
    let app = TestApp::start().await;
    let admin = app.tenant("one", NUMBER).await;
    app.upload(&admin, lenient_rule("1.0.0")).await.ok();
    app.put(
        "/v1/bindings/tenant:outbound-rule",
        &admin,
        json!({"plugin": "lenient"}),
    )
    .await
    .ok();
    app.put("/v1/campaigns/spring", &admin, json!({"name": "Spring"}))
        .await
        .ok();
    let check = |campaign: Value| json!({"number": CALLEE, "purpose": "sales", "campaign": campaign});
    let refused = app
        .post("/v1/outbound/checks", &admin, check(json!("sprnig")))
        .await;
    assert_eq!(
        refused.problem(),
        (422, "unknown-campaign", "campaign"),
        "{refused:#?}"
    );
    for known in [json!("spring"), Value::Null] {
        let allowed = app.post("/v1/outbound/checks", &admin, check(known)).await.ok();
        assert_eq!(allowed.text("/verdict"), "allow");
    }
    let report = json!({"number": CALLEE, "purpose": "sales", "campaign": "sprnig", "outcome": "unanswered"});
    let refused = app.post("/v1/outbound/attempts", &admin, report).await;
    assert_eq!(refused.problem(), (422, "unknown-campaign", "campaign"));
}

#[tokio::test]
async fn rules_are_told_of_reported_attempts_until_they_are_erased() {
    let app = TestApp::start().await;
    let admin = app.tenant("one", NUMBER).await;
    app.upload(&admin, lenient_rule("1.0.0")).await.ok();
    app.put(
        "/v1/bindings/tenant:outbound-rule",
        &admin,
        json!({"plugin": "lenient"}),
    )
    .await
    .ok();
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_millis() as u64;
    let hour = 3_600_000;
    let report = |purpose: &str, at: u64| json!({"number": CALLEE, "purpose": purpose, "at": at, "outcome": "unanswered"});
    for (purpose, at) in [
        ("sales", now - 2 * hour),
        ("sales", now - hour),
        ("survey", now - hour),
    ] {
        let kept = app
            .post("/v1/outbound/attempts", &admin, report(purpose, at))
            .await
            .ok();
        assert_eq!(kept.status, 201);
        assert!(kept.text("/reported_by").starts_with("user:"), "{kept:#?}");
    }
    for (body, field) in [
        (report("sales", now + hour), "at"),
        (report("sales", now - 91 * 24 * hour), "at"),
        (report("", now), "purpose"),
    ] {
        let refused = app.post("/v1/outbound/attempts", &admin, body).await;
        assert_eq!(refused.problem(), (400, "invalid-value", field));
    }

    // One that the asker knows too is told once; one that only the asker knows is told as well.
    let known = json!({"at": now - hour, "outcome": "unanswered"});
    let own = json!({"at": now - 3 * hour, "outcome": "conversation"});
    let check = json!({"number": CALLEE, "purpose": "sales", "attempts": [known, own]});
    let checked = app.post("/v1/outbound/checks", &admin, check.clone()).await.ok();
    let told = |id: String| {
        let (app, admin) = (&app, &admin);
        async move {
            let record = app.get(&format!("/v1/decisions/{id}"), admin).await.ok();
            let attempts = record.body["question"]["outbound"]["attempts"]
                .as_array()
                .unwrap()
                .clone();
            attempts
                .iter()
                .map(|past| past["at"].as_u64().unwrap())
                .collect::<Vec<_>>()
        }
    };
    let decision = checked.text("/by/decision").to_owned();
    assert_eq!(told(decision).await, [now - hour, now - 2 * hour, now - 3 * hour]);

    let path = format!("/v1/outbound/attempts?number=%2B{}&purpose=sales", &CALLEE[1..]);
    let list = app.get(&path, &admin).await.ok();
    assert_eq!(list.body["items"].as_array().unwrap().len(), 2);
    let two = app
        .post("/v1/tenants", &app.operator, json!({"id": "two", "name": "Two"}))
        .await
        .ok();
    let theirs = app.get(&path, two.text("/key/key")).await.ok();
    assert_eq!(theirs.body["items"], json!([]), "another tenant's");

    let erased = app
        .delete(&format!("/v1/customers/tel:{CALLEE}/decisions"), &admin)
        .await
        .ok();
    assert_eq!(
        (&erased.body["attempts"], &erased.body["decisions"]),
        (&json!(3), &json!(1))
    );
    assert_eq!(app.get(&path, &admin).await.ok().body["items"], json!([]));
}

/// As many as a rule is told of; the oldest goes.
#[tokio::test]
async fn two_hundred_attempts_are_kept_of_a_number_and_purpose() {
    let app = TestApp::start().await;
    let admin = app.tenant("one", NUMBER).await;
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_millis() as u64;
    for n in 0..203u64 {
        let body = json!({"number": CALLEE, "purpose": "sales", "at": now - 1_000 + n, "outcome": "failed"});
        app.post("/v1/outbound/attempts", &admin, body).await.ok();
    }
    let path = format!("/v1/outbound/attempts?number=%2B{}&purpose=sales", &CALLEE[1..]);
    let list = app.get(&path, &admin).await.ok();
    let items = list.body["items"].as_array().unwrap();
    assert_eq!(items.len(), 200);
    assert_eq!(items[0]["at"], now - 1_000 + 202);
    assert_eq!(items[199]["at"], now - 1_000 + 3);
}
