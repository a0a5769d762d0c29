//! Outbound checks: a chain of rules that fails closed.

use jackfield_contact::decision::{Consent, RuleOutcome, Verdict};
use jackfield_contact::event::Event;
use jackfield_registry::BindRequest;
use jackfield_runtime::{OutboundCheck, TenantRecord};
use jackfield_types::{Channel, E164, OpContext, TenantId, Timestamp, limits};
use serde_json::{Value, json};

use crate::support::{NUMBER, PATIENCE, Reply, TestApp, broken_rule, lenient_rule, stern_rule};
use crate::usage::platform;

const TENANT: &str = "tenant:outbound-rule";
/// Tuesday, 2026-07-07, 11:00 in Paris.
const MORNING: u64 = 1_783_414_800_000;
const HOUR: u64 = 3_600_000;

fn rule_of(place: u8) -> String {
    format!("campaign:spring:outbound-rule:{place}")
}

async fn bind(app: &TestApp, admin: &str, point: &str, plugin: &str) {
    if let Some(campaign) = point.strip_prefix("campaign:") {
        let id = campaign.split(':').next().unwrap();
        app.put(&format!("/v1/campaigns/{id}"), admin, json!({"name": id}))
            .await
            .ok();
    }
    app.put(&format!("/v1/bindings/{point}"), admin, json!({"plugin": plugin}))
        .await
        .ok();
}

async fn check(app: &TestApp, key: &str, at: u64) -> Reply {
    let body = json!({
        "number": "+33612345678", "purpose": "sales", "campaign": "spring", "consent": "given",
        "zones": ["Europe/Paris"], "at": at,
    });
    app.post("/v1/outbound/checks", key, body).await.ok()
}

/// Verdict, reason, and what each rule that was asked said.
fn told(reply: &Reply) -> (String, String, Vec<(String, String)>) {
    let rules = reply.body["rules"].as_array().unwrap().iter().map(|rule| {
        let said = rule["ruling"]["verdict"]
            .as_str()
            .or(rule["failure"]["code"].as_str());
        (
            rule["point"].as_str().unwrap().to_owned(),
            said.unwrap().to_owned(),
        )
    });
    (
        reply.text("/verdict").to_owned(),
        reply.text("/reason").to_owned(),
        rules.collect(),
    )
}

fn expected(verdict: &str, reason: &str, rules: &[(&str, &str)]) -> (String, String, Vec<(String, String)>) {
    let rules = rules
        .iter()
        .map(|(point, said)| (point.to_string(), said.to_string()));
    (verdict.to_owned(), reason.to_owned(), rules.collect())
}

fn quiet_hours() -> Vec<u8> {
    let built = std::env::var_os("JACKFIELD_PLUGINS").map_or_else(
        || std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/plugins"),
        Into::into,
    );
    let file = built.join("quiet-hours-0.1.0.wasm");
    std::fs::read(&file)
        .unwrap_or_else(|error| panic!("{}: {error}; run `cargo xtask plugins`", file.display()))
}

#[tokio::test]
async fn a_campaigns_rules_are_asked_in_order_and_then_the_tenants() {
    let app = TestApp::start().await;
    let admin = app.tenant("one", NUMBER).await;
    for rule in [lenient_rule("1.0.0"), stern_rule("1.0.0"), quiet_hours()] {
        app.upload(&admin, rule).await.ok();
    }
    let (first, second) = (rule_of(3), rule_of(12));
    bind(&app, &admin, &second, "quiet-hours").await;
    bind(&app, &admin, &first, "lenient").await;
    let chain = [(&*first, "allow"), (&*second, "allow")];
    assert_eq!(
        told(&check(&app, &admin, MORNING).await),
        expected("allow", "allowed", &chain)
    );
    // Before ten in France.
    let early = check(&app, &admin, MORNING - 7 * HOUR).await;
    assert_eq!(
        told(&early),
        expected("defer", "quiet-hours", &[(&first, "allow"), (&second, "defer")])
    );
    assert_eq!(early.body["next_permitted_at"], MORNING - HOUR);
    assert_eq!(early.text("/by/plugin"), "quiet-hours");

    bind(&app, &admin, TENANT, "stern").await;
    assert_eq!(
        told(&check(&app, &admin, MORNING).await),
        expected(
            "deny",
            "ok",
            &[(&first, "allow"), (&second, "allow"), (TENANT, "deny")]
        )
    );
    bind(&app, &admin, &first, "stern").await;
    assert_eq!(
        told(&check(&app, &admin, MORNING - 7 * HOUR).await),
        expected("deny", "ok", &[(&first, "deny")]),
        "the first that does not allow"
    );
    let other = app
        .post(
            "/v1/outbound/checks",
            &admin,
            json!({"number": "+33612345678", "purpose": "sales"}),
        )
        .await
        .ok();
    assert_eq!(
        told(&other),
        expected("deny", "ok", &[(TENANT, "deny")]),
        "no campaign"
    );
}

#[tokio::test]
async fn a_rule_that_fails_defers_and_the_breaker_changes_nothing_of_it() {
    let app = TestApp::start().await;
    let admin = app.tenant("one", NUMBER).await;
    app.upload(&admin, broken_rule("1.0.0")).await.ok();
    app.upload(&admin, lenient_rule("1.0.0")).await.ok();
    let first = rule_of(1);
    bind(&app, &admin, &first, "broken-rule").await;
    bind(&app, &admin, TENANT, "lenient").await;
    for n in 0..8 {
        let found = check(&app, &admin, MORNING).await;
        let code = if n < 5 { "trap" } else { "breaker-open" };
        assert_eq!(
            told(&found),
            expected("defer", "rule-failed", &[(&first, code)]),
            "{n}"
        );
        let retry = MORNING + limits::OUTBOUND_RETRY_MS;
        assert_eq!(found.body["until"], retry);
        assert_eq!(found.body["next_permitted_at"], retry);
    }
    // Those that ran are billed, like any other decision.
    let usage = app.get("/v1/usage", &admin).await.ok();
    let row = &usage.body["items"][0];
    assert_eq!((&row["point"], &row["decisions"]), (&json!(first), &json!(5)));
    let records = app
        .get(&format!("/v1/decisions?point={first}"), &admin)
        .await
        .ok();
    assert_eq!(records.body["items"].as_array().map(Vec::len), Some(5));
}

#[tokio::test]
async fn each_check_is_in_the_journal_before_it_is_answered() {
    let app = TestApp::start().await;
    let admin = app.tenant("one", NUMBER).await;
    app.upload(&admin, lenient_rule("1.0.0")).await.ok();
    bind(&app, &admin, &rule_of(1), "lenient").await;
    let mut entries = app.handle("one").subscribe();
    let answer = check(&app, &admin, MORNING).await;
    let journaled = loop {
        let entry = entries.try_recv().expect("it is there");
        if let Event::OutboundChecked { check } = &entry.recorded.event {
            break check.clone();
        }
    };
    assert_eq!(journaled.number.as_str(), "+33612345678");
    assert_eq!(
        (&*journaled.purpose, journaled.moment),
        ("sales", Timestamp(MORNING))
    );
    assert_eq!(journaled.campaign, Some("spring".parse().unwrap()));
    assert_eq!(journaled.ruling.verdict, Verdict::Allow);
    let RuleOutcome::Ruled { by, .. } = &journaled.rules[0].outcome else {
        panic!("{journaled:?}")
    };
    assert_eq!(answer.text("/by/decision"), by.decision.unwrap().to_string());
    let shown = serde_json::to_value(&Event::OutboundChecked { check: journaled }).unwrap();
    assert_eq!(shown["type"], "outbound-checked");
}

#[tokio::test]
async fn attempts_are_told_newest_first_and_not_older_than_ninety_days() {
    let app = TestApp::start().await;
    let admin = app.tenant("one", NUMBER).await;
    app.upload(&admin, lenient_rule("1.0.0")).await.ok();
    bind(&app, &admin, TENANT, "lenient").await;
    let past = |days: u64| json!({"at": MORNING - days * 24 * HOUR, "outcome": "unanswered"});
    let asked = |attempts: Vec<Value>| json!({"number": "+33612345678", "purpose": "sales", "at": MORNING, "attempts": attempts});
    let many = vec![past(1); limits::MAX_PAST_ATTEMPTS + 1];
    let refused = app.post("/v1/outbound/checks", &admin, asked(many)).await;
    assert_eq!(refused.problem(), (400, "invalid-value", "attempts"));
    let body = asked(vec![past(91), past(2), past(90), past(1)]);
    let answer = app.post("/v1/outbound/checks", &admin, body).await.ok();
    let record = format!("/v1/decisions/{}", answer.text("/by/decision"));
    let record = app.get(&record, &admin).await.ok();
    let told = record.body.pointer("/question/outbound/attempts").unwrap();
    let told: Vec<_> = told
        .as_array()
        .unwrap()
        .iter()
        .map(|past| past["at"].as_u64().unwrap())
        .collect();
    assert_eq!(told, [1, 2, 90].map(|days| MORNING - days * 24 * HOUR));
}

/// A rule that is bound and whose component is gone is not an empty place in the chain.
#[tokio::test]
async fn a_rule_that_can_not_be_loaded_after_a_start_defers() {
    let folder = tempfile::tempdir().unwrap();
    let id = TenantId::new("one").unwrap();
    let ctx = OpContext::system(id.clone(), "test");
    {
        let platform = platform(folder.path()).await;
        let record = TenantRecord {
            id: id.clone(),
            name: "One".into(),
            created_at: Timestamp(1),
        };
        let tenant = platform.create_tenant(record).await.unwrap();
        let spring = "spring".parse().unwrap();
        tenant
            .put_campaign(&ctx, spring, "Spring".into(), None)
            .await
            .unwrap();
        for (rule, point) in [
            (stern_rule("1.0.0"), rule_of(1)),
            (lenient_rule("1.0.0"), TENANT.to_owned()),
        ] {
            let registry = platform.registry();
            let plugin = registry.upload(&ctx, rule, None, Timestamp(1)).await.unwrap();
            let request = BindRequest {
                point: point.parse().unwrap(),
                plugin: plugin.id,
                version: None,
                config: json!({}),
                why: None,
                record_percent: None,
            };
            let bound = registry.bind(&ctx, request, Timestamp(1)).await.unwrap();
            if point != TENANT {
                let name = bound.digest.to_string();
                assert!(remove(folder.path(), &name), "its bytes are somewhere");
            }
        }
        platform.shutdown().await;
    }
    let platform = platform(folder.path()).await;
    let check = OutboundCheck {
        number: E164::new("+33612345678").unwrap(),
        channel: Channel::Voice,
        purpose: "sales".into(),
        campaign: Some("spring".parse().unwrap()),
        jurisdiction: None,
        consent: Some(Consent::Given),
        zones: vec![],
        holidays: vec![],
        at: Some(Timestamp(MORNING)),
        attempts: vec![],
    };
    let tenant = platform.tenant(&id).unwrap();
    let asked = tenant.check_outbound(check);
    let checked = tokio::time::timeout(PATIENCE, asked).await.unwrap().unwrap();
    assert_eq!(
        checked.ruling.verdict,
        Verdict::Defer(Timestamp(MORNING + limits::OUTBOUND_RETRY_MS))
    );
    let RuleOutcome::Failed(failure) = &checked.rules[0].outcome else {
        panic!("{checked:?}")
    };
    assert_eq!((&*failure.code, checked.rules.len()), ("unavailable", 1));
}

/// Removes the files that are named after a digest.
fn remove(folder: &std::path::Path, digest: &str) -> bool {
    let mut found = false;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found |= remove(&path, digest);
        } else if path.file_name().unwrap().to_string_lossy().contains(digest) {
            std::fs::remove_file(&path).unwrap();
            found = true;
        }
    }
    found
}
