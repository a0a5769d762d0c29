//! Usage and quotas: what was decided is billed, and what is too much is refused.

use insta::assert_json_snapshot;
use jackfield_contact::decision::{Consent, OutboundChecked, Verdict};
use jackfield_runtime::{
    OutboundCheck, Platform, PlatformOptions, PluginOptions, Quota, StartError, StoreKind, Tenant,
    TenantRecord, UsageQuery,
};
use jackfield_types::{Channel, E164, OpContext, TenantId, Timestamp};
use serde_json::{Value, json};

use crate::support::{NUMBER, PATIENCE, TestApp, idle_strategy, lenient_rule};

const RULE: &str = "/v1/bindings/tenant:outbound-rule";

/// A tenant whose outbound rule allows everything.
async fn with_rule(app: &TestApp) -> String {
    let admin = app.tenant("one", NUMBER).await;
    app.upload(&admin, lenient_rule("1.0.0")).await.ok();
    app.put(RULE, &admin, json!({"plugin": "lenient"})).await.ok();
    admin
}

/// One decision; its verdict, and the code of its failure.
async fn check(app: &TestApp, key: &str) -> (String, String) {
    let body = json!({"number": "+8613800138000", "purpose": "survey"});
    let answer = app.post("/v1/outbound/checks", key, body).await.ok();
    (
        answer.text("/verdict").to_owned(),
        answer.text("/failure/code").to_owned(),
    )
}

async fn set_quota(app: &TestApp, quota: Value) {
    app.put("/v1/tenants/one/quota", &app.operator, quota).await.ok();
}

fn allowed() -> (String, String) {
    ("allow".to_owned(), String::new())
}

fn refused() -> (String, String) {
    ("defer".to_owned(), "quota".to_owned())
}

#[tokio::test]
async fn what_was_decided_is_reported_to_the_operator_and_to_the_own_tenant() {
    let app = TestApp::start().await;
    let admin = with_rule(&app).await;
    let other = app
        .post("/v1/tenants", &app.operator, json!({"id": "two", "name": "Two"}))
        .await
        .ok();
    let other = other.text("/key/key").to_owned();
    for _ in 0..3 {
        assert_eq!(check(&app, &admin).await, allowed());
    }
    let usage = app.get("/v1/usage", &admin).await;
    assert_json_snapshot!(usage, {
        ".body.items[].since" => "[time]",
        ".body.items[].fuel" => "[fuel]",
        ".body.items[].wall_us" => "[µs]",
        ".body.items[].memory_mib_ms" => "[MiB·ms]",
        ".body.quotas[].used" => "[used]",
    });
    assert!(usage.body["items"][0]["fuel"].as_u64() > Some(0));
    assert!(usage.body["quotas"][1]["used"] == usage.body["items"][0]["fuel"]);

    let all = app.get("/v1/usage?step=hour", &app.operator).await.ok();
    assert_eq!(all.body["items"][0]["decisions"], 3);
    assert_eq!(all.body["items"][0]["since"].as_u64().unwrap() % 3_600_000, 0);
    let one = app.get("/v1/usage?tenant=one&step=day", &app.operator).await.ok();
    assert_eq!(one.body["items"][0]["decisions"], 3);
    let two = app.get("/v1/usage", &other).await.ok();
    assert_eq!(two.body["items"], json!([]));
    // Another tenant does not exist.
    let peek = app.get("/v1/usage?tenant=one", &other).await;
    assert_eq!(peek.problem(), (404, "unknown-tenant", ""));
    let before = app.get("/v1/usage?from=0&to=3600000", &admin).await.ok();
    assert_eq!(before.body["items"], json!([]), "that was before");
}

#[tokio::test]
async fn a_report_comes_in_pages_and_refuses_what_is_no_range() {
    let app = TestApp::start().await;
    let admin = with_rule(&app).await;
    check(&app, &admin).await;
    app.upload(&admin, lenient_rule("1.1.0")).await.ok();
    app.put(RULE, &admin, json!({"plugin": "lenient"})).await.ok();
    check(&app, &admin).await;
    // Without times the range would move between the pages, which changes what `total` begins with.
    let first = app.get("/v1/usage?limit=1&step=hour", &app.operator).await.ok();
    assert_eq!(first.text("/items/0/version"), "1.0.0");
    let cursor = first.text("/next").replace(' ', "%20").replace('+', "%2B");
    let next = format!("/v1/usage?limit=1&step=hour&cursor={cursor}");
    let second = app.get(&next, &app.operator).await.ok();
    assert_eq!(
        (second.text("/items/0/version"), second.text("/next")),
        ("1.1.0", "")
    );

    for (query, field) in [
        ("from=5&to=5", "to"),
        ("from=6&to=5", "to"),
        ("from=0&to=7948800001", "from"),
        ("limit=0", "limit"),
        ("step=week", "step"),
        ("from=yesterday", "from"),
    ] {
        let answer = app.get(&format!("/v1/usage?{query}"), &admin).await;
        assert_eq!((answer.problem().0, answer.problem().2), (400, field), "{query}");
    }
}

#[tokio::test]
async fn a_quota_refuses_real_decisions_and_says_so() {
    let app = TestApp::start().await;
    let admin = with_rule(&app).await;
    let quota = app.get("/v1/tenants/one/quota", &app.operator).await.ok();
    let unlimited =
        json!({"decisions_per_second": null, "fuel_per_day": null, "storage_bytes": null, "weight": null});
    assert_eq!(quota.body, unlimited);

    assert_eq!(check(&app, &admin).await, allowed());
    set_quota(&app, json!({"fuel_per_day": 1})).await;
    assert_eq!(check(&app, &admin).await, refused());
    let usage = app.get("/v1/usage", &admin).await.ok();
    let row = &usage.body["items"][0];
    assert_eq!((&row["decisions"], &row["refused"]), (&json!(1), &json!(1)));
    let fuel = &usage.body["quotas"][1];
    assert_eq!(
        (&fuel["quota"], &fuel["level"]),
        (&json!("fuel-per-day"), &json!("exceeded"))
    );

    set_quota(&app, json!({"decisions_per_second": 2})).await;
    assert_eq!(check(&app, &admin).await, allowed());
    set_quota(&app, json!({"decisions_per_second": 0})).await;
    assert_eq!(check(&app, &admin).await, refused());
    set_quota(&app, json!({})).await;
    assert_eq!(check(&app, &admin).await, allowed());
    set_quota(&app, json!({"weight": 100})).await;
    let weight = app.get("/v1/tenants/one/quota", &app.operator).await.ok();
    assert_eq!(weight.body["weight"], 100);
    for weight in [0, 101] {
        let body = json!({"weight": weight});
        let refused = app.put("/v1/tenants/one/quota", &app.operator, body).await;
        assert_eq!(refused.problem(), (400, "invalid-value", "weight"));
    }
    let nobody = app
        .put("/v1/tenants/nobody/quota", &app.operator, json!({}))
        .await;
    assert_eq!(nobody.problem(), (404, "unknown-tenant", ""));
    let typo = app
        .put("/v1/tenants/one/quota", &app.operator, json!({"fuel": 1}))
        .await;
    assert_eq!(typo.status, 400);
}

#[tokio::test]
async fn a_call_is_routed_without_its_strategy_when_the_quota_is_used_up() {
    let app = TestApp::start().await;
    let admin = app.tenant("one", NUMBER).await;
    app.upload(&admin, idle_strategy("1.0.0")).await.ok();
    app.upload(&admin, idle_strategy("1.1.0")).await.ok();
    for version in ["1.0.0", "1.1.0"] {
        let body = json!({"plugin": "idle", "version": version});
        app.put("/v1/bindings/queue:support", &admin, body).await.ok();
    }
    set_quota(&app, json!({"fuel_per_day": 0})).await;
    // The strategy would assign nobody; the built-in rule does.
    let mut journal = app.handle("one").subscribe();
    app.conversation("one", &admin, NUMBER).await;
    let failed: Vec<_> = std::iter::from_fn(|| journal.try_recv().ok())
        .map(|entry| serde_json::to_value(&*entry).unwrap())
        .filter(|entry| entry["type"] == "decision-failed" && entry["kind"] == "routing-strategy")
        .collect();
    assert!(!failed.is_empty());
    for event in failed {
        assert_eq!(event["failure"]["code"], "quota", "{event:#}");
        assert_eq!(event["fallback"], "longest-idle");
        assert!(
            event["failure"]["message"]
                .as_str()
                .unwrap()
                .contains("fuel-per-day")
        );
    }
    let usage = app.get("/v1/usage", &admin).await.ok();
    let items = usage.body["items"].as_array().unwrap();
    assert_eq!(
        items.len(),
        1,
        "the version before is not asked instead: {items:?}"
    );
    assert_eq!(items[0]["decisions"], 0);
}

#[tokio::test]
async fn uploads_end_at_the_storage_quota() {
    let app = TestApp::start().await;
    let admin = with_rule(&app).await;
    set_quota(&app, json!({"storage_bytes": 1_000})).await;
    let more = app.upload(&admin, idle_strategy("1.0.0")).await;
    assert_eq!(more.problem(), (429, "quota", ""));
    assert!(more.text("/detail").contains("storage-bytes"), "{more:?}");
    // Sent again, as after a lost answer.
    app.upload(&admin, lenient_rule("1.0.0")).await.ok();
    check(&app, &admin).await;
    let usage = app.get("/v1/usage", &admin).await.ok();
    assert_eq!(usage.body["quotas"][2]["level"], "exceeded");
    set_quota(&app, json!({"storage_bytes": 100_000_000})).await;
    app.upload(&admin, idle_strategy("1.0.0")).await.ok();
}

#[tokio::test]
async fn uploads_at_the_same_time_do_not_go_over_the_storage_quota_together() {
    let app = TestApp::start().await;
    let admin = with_rule(&app).await;
    let usage = app.get("/v1/usage", &admin).await.ok();
    assert_eq!(usage.body["items"], json!([]));
    let size = idle_strategy("1.0.0").len() as u64;
    let used = app.handle("one").quota_states().await.unwrap()[2].used;
    // Room for one and a half.
    set_quota(&app, json!({"storage_bytes": used + size + size / 2})).await;
    let upload = |version| app.upload(&admin, idle_strategy(version));
    let (a, b, c) = tokio::join!(upload("1.0.0"), upload("1.0.1"), upload("1.0.2"));
    let mut told = [a, b, c].map(|reply| (reply.status, reply.text("/code").to_owned()));
    told.sort();
    assert_eq!(
        told,
        [(201, ""), (429, "quota"), (429, "quota")].map(|(status, code)| (status, code.to_owned()))
    );
}

/// A platform over a store that outlives it. The tasks of the one before let the store go in their own time.
pub(crate) async fn platform(folder: &std::path::Path) -> Platform {
    let options = PlatformOptions {
        data_dir: folder.to_owned(),
        store: StoreKind::Folder(folder.join("store"), None),
        voice: None,
        plugins: PluginOptions::default(),
    };
    let start = async {
        loop {
            match Platform::start(options.clone()).await {
                Ok(platform) => return platform,
                Err(StartError::Store(_)) => tokio::task::yield_now().await,
                Err(error) => panic!("{error}"),
            }
        }
    };
    tokio::time::timeout(PATIENCE, start).await.unwrap()
}

async fn ask(tenant: &Tenant) -> OutboundChecked {
    let check = OutboundCheck {
        number: E164::new("+8613800138000").unwrap(),
        channel: Channel::Voice,
        purpose: "survey".into(),
        campaign: None,
        jurisdiction: None,
        consent: Some(Consent::Given),
        zones: vec![],
        holidays: vec![],
        // Billed when it is made, whatever moment it is about.
        at: Some(Timestamp(1)),
        attempts: vec![],
    };
    tenant.check_outbound(check).await.unwrap()
}

#[tokio::test]
async fn a_restart_keeps_usage_and_quotas() {
    let folder = tempfile::tempdir().unwrap();
    let id = TenantId::new("one").unwrap();
    let quota = Quota {
        fuel_per_day: Some(1_000_000_000),
        ..Quota::default()
    };
    let before = {
        let platform = platform(folder.path()).await;
        let record = TenantRecord {
            id: id.clone(),
            name: "One".into(),
            created_at: Timestamp(1),
        };
        let tenant = platform.create_tenant(record).await.unwrap();
        let ctx = OpContext::system(id.clone(), "test");
        let registry = platform.registry();
        registry
            .upload(&ctx, lenient_rule("1.0.0"), None, Timestamp(1))
            .await
            .unwrap();
        let request = jackfield_registry::BindRequest {
            point: "tenant:outbound-rule".parse().unwrap(),
            plugin: "lenient".parse().unwrap(),
            version: None,
            config: json!({}),
            why: None,
            record_percent: None,
        };
        registry.bind(&ctx, request, Timestamp(1)).await.unwrap();
        for _ in 0..5 {
            assert_eq!(ask(&tenant).await.ruling.verdict, Verdict::Allow);
        }
        tenant.set_quota(quota).await.unwrap();
        let rows = tenant.usage(&UsageQuery::last_30_days()).await.unwrap();
        // These are only in memory when the platform ends.
        assert_eq!(ask(&tenant).await.ruling.verdict, Verdict::Allow);
        drop(tenant);
        platform.shutdown().await;
        rows
    };
    assert_eq!(before[0].decisions, 5);
    let platform = platform(folder.path()).await;
    let tenant = platform.tenant(&id).unwrap();
    let rows = tenant.usage(&UsageQuery::last_30_days()).await.unwrap();
    assert_eq!((rows[0].decisions, rows[0].failed), (6, 0));
    assert_eq!(rows[0].fuel, before[0].fuel / 5 * 6);
    assert_eq!(tenant.quota(), quota);
    assert_eq!(tenant.quota_states().await.unwrap()[1].used, rows[0].fuel);
}
