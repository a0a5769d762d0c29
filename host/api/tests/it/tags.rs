//! Tags: the library, what plugins and people set, what protects and what ends them.

use jackfield_runtime::Tenant;
use jackfield_testkit::guest::tagger;
use jackfield_types::Timestamp;
use serde_json::{Value, json};

use crate::support::{NUMBER, Site};

const CUSTOMER: &str = "/v1/customers/tel:+8613800138000";
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

impl Site {
    /// With a tagger that adds the tag `vip`.
    async fn with_tagger() -> Self {
        let site = Self::start().await;
        let Self { app, admin } = &site;
        app.upload(admin, tagger("1.0.0", "vip", 80)).await.ok();
        app.put(
            "/v1/bindings/tenant:tag-generator",
            admin,
            json!({"plugin": "tagger"}),
        )
        .await
        .ok();
        site
    }

    fn tenant(&self) -> Tenant {
        self.app.handle("one")
    }

    /// A call from beginning to end, after which the customer was tagged.
    async fn contact(&self) {
        let call = self.app.call("one", NUMBER).await;
        let path = format!("/v1/interactions/{call}/end");
        self.app.post(&path, &self.admin, json!({})).await.ok();
        self.app.until_closed("one", call).await;
    }

    async fn tags(&self) -> Vec<Value> {
        let found = self.app.get(CUSTOMER, &self.admin).await.ok();
        found.body["tags"].as_array().unwrap().clone()
    }

    /// What the timeline tells of tags, newest first.
    async fn told(&self) -> Vec<Value> {
        let path = format!("{CUSTOMER}/timeline?kinds=tags");
        let found = self.app.get(&path, &self.admin).await.ok();
        found.body["items"].as_array().unwrap().clone()
    }

    /// Until a run no longer goes on.
    async fn until_over(&self, run: &str) -> Value {
        loop {
            let found = self
                .app
                .get(&format!("/v1/tag-runs/{run}"), &self.admin)
                .await
                .ok();
            if found.body["state"] != "running" {
                return found.body;
            }
            tokio::task::yield_now().await;
        }
    }

    /// What a figure is once it stays.
    async fn settled(&self, figure: &impl AsyncFn() -> u64) -> u64 {
        let mut entries = self.tenant().subscribe();
        let patience = std::time::Duration::from_millis(700);
        while tokio::time::timeout(patience, entries.recv()).await.is_ok() {}
        figure().await
    }

    async fn until_tagged(&self, name: &str) {
        let mut entries = self.tenant().subscribe();
        while !self.tags().await.iter().any(|tag| tag["name"] == name) {
            entries.recv().await.unwrap();
        }
    }

    async fn define(&self, tag: &str, body: Value) {
        let path = format!("/v1/tags/{tag}");
        self.app.put(&path, &self.admin, body).await.ok();
    }
}

#[tokio::test]
async fn a_tag_says_who_set_it_and_when_it_ends() {
    let site = Site::with_tagger().await;
    site.define(
        "vip",
        json!({"kind": "generated", "lifetime_days": 2, "title": {"zh": "贵宾"}}),
    )
    .await;
    site.contact().await;
    let tags = site.tags().await;
    assert_eq!(tags.len(), 1);
    assert_eq!(tags[0]["by"], "tagger@1.0.0");
    assert_eq!(
        (&tags[0]["manual"], &tags[0]["confidence"]),
        (&json!(false), &json!(80))
    );
    let set_at = tags[0]["set_at"].as_u64().unwrap();
    assert_eq!(
        tags[0]["expires_at"],
        set_at + 2 * DAY_MS,
        "the library's lifetime"
    );
    let decision = tags[0]["decision"].as_str().unwrap();
    let record = site.decision(decision).await;
    assert_eq!(record.text("/plugin"), "tagger");

    // Said again, it is refreshed, and no change to be told.
    site.contact().await;
    let again = site.tags().await;
    assert_eq!(again[0]["set_at"], set_at);
    assert!(again[0]["refreshed_at"].as_u64() >= Some(set_at));
    let told = site.told().await;
    assert_eq!(told.len(), 1, "{told:#?}");
    assert_eq!(told[0]["by"], "tagger@1.0.0");
    assert_eq!(told[0]["occasion"], "interaction");
    assert_eq!(told[0]["changes"][0]["add"]["name"], "vip");
}

#[tokio::test]
async fn what_a_person_sets_no_plugin_changes() {
    let site = Site::with_tagger().await;
    site.app.call("one", NUMBER).await;
    let path = format!("{CUSTOMER}/tags/vip");
    let unknown = site.app.put(&path, &site.admin, json!({})).await;
    assert_eq!(unknown.problem(), (404, "unknown-tag", ""));
    site.define("vip", json!({"kind": "generated"})).await;
    for (body, field) in [
        (json!({"confidence": 101}), "confidence"),
        (json!({"expires_at": 5}), "expires_at"),
        (json!({"reason": "\u{7}"}), "reason"),
    ] {
        let refused = site.app.put(&path, &site.admin, body).await;
        assert_eq!((refused.problem().0, refused.problem().2), (400, field));
    }
    let body = json!({"reason": "the manager asked for it", "confidence": 60});
    site.app.put(&path, &site.admin, body).await.ok();
    site.contact().await;
    let tags = site.tags().await;
    assert_eq!(
        (&tags[0]["manual"], &tags[0]["confidence"]),
        (&json!(true), &json!(60))
    );
    let told = site.told().await;
    assert_eq!(told[0]["refused"], json!([["vip", "manual"]]));
    assert_eq!(told[1]["occasion"], "manual");

    site.app.delete(&path, &site.admin).await.ok();
    assert_eq!(site.tags().await, [] as [Value; 0]);
    let gone = site.app.delete(&path, &site.admin).await;
    assert_eq!(gone.problem(), (404, "unknown-tag", ""));
    site.contact().await;
    assert_eq!(
        site.tags().await[0]["by"],
        "tagger@1.0.0",
        "the plugin may set it again"
    );
}

#[tokio::test]
async fn tags_that_are_peoples_or_unknown_are_left_out_as_the_tenant_says() {
    let site = Site::with_tagger().await;
    site.contact().await;
    assert_eq!(site.tags().await.len(), 1, "an unknown one is kept by default");
    let settings = json!({"undefined_tags": "refuse"});
    site.app
        .put("/v1/customer-settings", &site.admin, settings)
        .await
        .ok();
    site.app
        .delete(&format!("{CUSTOMER}/tags/vip"), &site.admin)
        .await
        .ok();
    site.contact().await;
    assert_eq!(site.tags().await, [] as [Value; 0]);
    assert_eq!(site.told().await[0]["refused"], json!([["vip", "undefined"]]));
    site.define("vip", json!({"kind": "manual"})).await;
    site.contact().await;
    assert_eq!(site.told().await[0]["refused"], json!([["vip", "manual"]]));
}

#[tokio::test]
async fn a_tag_that_ends_is_gone_at_that_moment_and_the_timeline_says_when() {
    let site = Site::with_tagger().await;
    site.define("vip", json!({"kind": "generated", "lifetime_days": 1}))
        .await;
    site.contact().await;
    let ends = site.tags().await[0]["expires_at"].as_u64().unwrap();
    assert_eq!(site.tenant().expire_tags(Timestamp(ends - 1)).await.unwrap(), 0);
    // The sweep goes by the loop's clock too, which has not come so far: nothing is taken away early.
    assert_eq!(site.tenant().expire_tags(Timestamp(ends)).await.unwrap(), 1);
    assert_eq!(site.tags().await.len(), 1);

    let soon = soon_from_now();
    let path = format!("{CUSTOMER}/tags/vip");
    site.app
        .put(&path, &site.admin, json!({"expires_at": soon}))
        .await
        .ok();
    while site.tags().await.iter().any(|tag| tag["name"] == "vip") {
        tokio::task::yield_now().await;
    }
    assert_eq!(
        site.told().await[0]["occasion"],
        "manual",
        "no reader waits for the sweep"
    );
    assert_eq!(site.tenant().expire_tags(Timestamp(soon)).await.unwrap(), 1);
    let told = site.told().await;
    assert_eq!(
        (&told[0]["occasion"], &told[0]["at"]),
        (&json!("expiry"), &json!(soon))
    );
    assert_eq!(told[0]["changes"], json!([{"expire": "vip"}]));
    assert_eq!(
        site.tenant().expire_tags(Timestamp(soon)).await.unwrap(),
        0,
        "once"
    );
}

/// More taggers, and what gives rise to tags beside interactions.
#[tokio::test]
async fn every_generator_is_asked_in_its_place_and_about_changes_of_the_profile() {
    let site = Site::with_tagger().await;
    let second = tagger("2.0.0", "second", 50);
    site.app.upload(&site.admin, second).await.ok();
    let body = json!({"plugin": "tagger", "version": "2.0.0"});
    let at = "/v1/bindings/tenant:tag-generator:2";
    site.app.put(at, &site.admin, body.clone()).await.ok();
    let none = site
        .app
        .put("/v1/bindings/tenant:tag-generator:9", &site.admin, body)
        .await;
    assert_eq!(none.status, 400, "{none:#?}");
    site.contact().await;
    site.until_tagged("second").await;
    let names: Vec<_> = site.tags().await.iter().map(|tag| tag["name"].clone()).collect();
    assert_eq!(names, ["vip", "second"]);

    let other = json!({"identities": ["crm:1"]});
    let other = site.app.post("/v1/customers", &site.admin, other).await;
    let path = format!("/v1/customers/{}", other.text("/id"));
    let wish = json!({"product": "fibre", "confidence": 70});
    site.app.post(&format!("{path}/intents"), &site.admin, wish).await;
    let mut entries = site.tenant().subscribe();
    loop {
        let found = site.app.get(&path, &site.admin).await.ok();
        if found.body["tags"].as_array().unwrap().len() == 2 {
            break;
        }
        entries.recv().await.unwrap();
    }
    let told = site
        .app
        .get(&format!("{path}/timeline?kinds=tags"), &site.admin)
        .await
        .ok();
    assert_eq!(told.body["items"][0]["occasion"], "intent");
    assert_eq!(told.body["items"][0]["by"], "tagger@2.0.0");
    let decisions = site
        .app
        .get("/v1/decisions?point=tenant:tag-generator:2", &site.admin)
        .await
        .ok();
    let id = decisions.body["items"][0]["id"].as_str().unwrap().to_owned();
    let record = site.decision(&id).await;
    let question = &record.body["question"]["tags"];
    assert_eq!(question["interaction"], Value::Null);
    assert_eq!(
        question["attributes"],
        json!([
            ["occasion", "intent"],
            ["intent.product", "fibre"],
            ["intent.confidence", "70"]
        ])
    );
}

fn soon_from_now() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    u64::try_from(now.unwrap().as_millis()).unwrap() + 300
}

#[tokio::test]
async fn tags_follow_a_merge_and_its_end() {
    let site = Site::with_tagger().await;
    site.contact().await;
    site.define("vip", json!({"kind": "generated"})).await;
    let other = json!({"identities": ["crm:4711"]});
    let other = site.app.post("/v1/customers", &site.admin, other).await;
    let id = other.text("/id").to_owned();
    let body = json!({"reason": "by hand"});
    let path = format!("/v1/customers/{id}/tags/vip");
    site.app.put(&path, &site.admin, body).await.ok();
    let merged = format!("{CUSTOMER}/merged/{id}");
    site.app.put(&merged, &site.admin, json!({})).await.ok();
    assert_eq!(
        site.tags().await[0]["manual"],
        true,
        "what was set by hand goes before"
    );
    let export = site
        .app
        .get(&format!("{CUSTOMER}/export"), &site.admin)
        .await
        .ok();
    assert_eq!(export.body["customer"]["tags"][0]["reason"], "by hand");
    site.app.delete(&merged, &site.admin).await.ok();
    assert_eq!(site.tags().await[0]["by"], "tagger@1.0.0");
    let theirs = site
        .app
        .get(&format!("/v1/customers/{id}"), &site.admin)
        .await
        .ok();
    assert_eq!(theirs.body["tags"][0]["manual"], true);
}

#[tokio::test]
async fn the_library_is_kept_and_checked() {
    let site = Site::with_tagger().await;
    let vip = json!({
        "title": {"zh": "贵宾", "en": "VIP"}, "description": "Spends most", "owner": "marketing", "kind": "manual",
        "lifetime_days": 30, "colour": "#B8860B", "zone": "value",
    });
    site.define("%E8%B4%B5%E5%AE%BE:1", vip).await;
    let found = site.app.get("/v1/tags", &site.admin).await.ok();
    let expected = json!({
        "name": "贵宾:1", "title": {"zh": "贵宾", "en": "VIP"}, "description": "Spends most", "owner": "marketing",
        "kind": "manual", "lifetime_days": 30, "colour": "#b8860b", "zone": "value",
    });
    let mut item = found.body["items"][0].clone();
    item.as_object_mut().unwrap().remove("changed_at");
    assert_eq!(item, expected);
    for (tag, body, field) in [
        ("x", json!({"kind": "manual", "colour": "red"}), "colour"),
        (
            "x",
            json!({"kind": "manual", "lifetime_days": 0}),
            "lifetime_days",
        ),
        ("x", json!({"kind": "manual", "title": {"en": ""}}), "title.en"),
        ("segment:x", json!({"kind": "manual"}), "tag"),
    ] {
        let refused = site.app.put(&format!("/v1/tags/{tag}"), &site.admin, body).await;
        assert_eq!((refused.problem().0, refused.problem().2), (400, field));
    }
    site.app
        .delete("/v1/tags/%E8%B4%B5%E5%AE%BE:1", &site.admin)
        .await;
    let gone = site.app.get("/v1/tags/%E8%B4%B5%E5%AE%BE:1", &site.admin).await;
    assert_eq!(gone.problem(), (404, "unknown-tag", ""));
}

/// All customers, in batches: first only to say what would come of it.
#[tokio::test]
async fn a_run_tags_everybody_once_and_says_what_it_did() {
    let site = Site::with_tagger().await;
    for n in 0..450 {
        let body = json!({"identities": [format!("crm:{n}")]});
        site.app.post("/v1/customers", &site.admin, body).await;
    }
    let merged = "/v1/customers/crm:1/merged/crm:2";
    site.app.put(merged, &site.admin, json!({})).await.ok();
    site.define("vip", json!({"kind": "generated"})).await;
    let by_hand = "/v1/customers/crm:7/tags/vip";
    site.app.put(by_hand, &site.admin, json!({})).await.ok();
    let tagged = async || {
        let count = json!({"expression": {"tag": "vip"}});
        let found = site.app.post("/v1/segment-previews", &site.admin, count).await;
        found.body["matched"].as_u64().unwrap()
    };
    // What was asked for because of the merge and the tag by hand is done.
    let before = site.settled(&tagged).await;

    let dry = json!({"dry_run": true});
    site.app.put("/v1/tag-runs/dry", &site.admin, dry).await.ok();
    let dry = site.until_over("dry").await;
    assert_eq!(dry["state"], "done");
    assert_eq!(dry["counts"]["customers"], 449, "one counts for another");
    assert_eq!(dry["counts"]["changed"], 449 - before);
    assert_eq!(tagged().await, before, "nothing was changed");

    site.app
        .put("/v1/tag-runs/real", &site.admin, json!({}))
        .await
        .ok();
    let done = site.until_over("real").await;
    assert_eq!(done["counts"]["changed"], dry["counts"]["changed"]);
    assert_eq!(done["counts"]["refused"], 1, "what a person set stays");
    assert_eq!(done["counts"]["decisions"], 449);
    assert!(done["counts"]["fuel"].as_u64() > Some(0));
    assert_eq!(tagged().await, 449);
    let receipts = site.app.get("/v1/tag-runs/real/receipts", &site.admin).await.ok();
    let receipts = receipts.body["items"].as_array().unwrap();
    assert_eq!(receipts.len() as u64, done["batches"].as_u64().unwrap());
    let sum = |field: &str| -> u64 {
        let fields = receipts
            .iter()
            .map(|receipt| receipt["counts"][field].as_u64().unwrap());
        fields.sum()
    };
    assert_eq!((sum("customers"), sum("failed")), (449, 0));
    assert_eq!(sum("fuel"), done["counts"]["fuel"].as_u64().unwrap());
    let told = site
        .app
        .get("/v1/customers/crm:9/timeline?kinds=tags", &site.admin)
        .await
        .ok();
    assert_eq!(told.body["items"].as_array().unwrap().len(), 1);
    assert_eq!(told.body["items"][0]["occasion"], "run");
    let again = site.app.put("/v1/tag-runs/real", &site.admin, json!({})).await;
    assert_eq!(again.problem(), (409, "wrong-state", ""));
    let over = site
        .app
        .post("/v1/tag-runs/real/pause", &site.admin, json!({}))
        .await;
    assert_eq!(over.problem(), (409, "wrong-state", ""));
    site.app.delete("/v1/tag-runs/real", &site.admin).await;
    let gone = site.app.get("/v1/tag-runs/real", &site.admin).await;
    assert_eq!(gone.problem(), (404, "unknown-run", ""));
}

#[tokio::test]
async fn a_run_is_paused_resumed_and_stopped_and_begins_by_itself() {
    let site = Site::with_tagger().await;
    for n in 0..300 {
        let body = json!({"identities": [format!("crm:{n}")]});
        site.app.post("/v1/customers", &site.admin, body).await;
    }
    site.app
        .put("/v1/tag-runs/one", &site.admin, json!({}))
        .await
        .ok();
    let second = site.app.put("/v1/tag-runs/two", &site.admin, json!({})).await;
    let paused = site
        .app
        .post("/v1/tag-runs/one/pause", &site.admin, json!({}))
        .await;
    // It may have been through already.
    if paused.status == 200 {
        assert_eq!(second.problem(), (409, "wrong-state", ""));
        assert_eq!(paused.body["state"], "paused");
        let stays = site.app.get("/v1/tag-runs/one", &site.admin).await.ok();
        assert_eq!(stays.body["state"], "paused");
        site.app
            .post("/v1/tag-runs/one/resume", &site.admin, json!({}))
            .await
            .ok();
    }
    let done = site.until_over("one").await;
    assert_eq!(
        (&done["state"], &done["counts"]["customers"]),
        (&json!("done"), &json!(300))
    );
    site.app
        .delete("/v1/bindings/tenant:tag-generator", &site.admin)
        .await;
    let nobody = site.app.put("/v1/tag-runs/three", &site.admin, json!({})).await;
    assert_eq!(nobody.problem(), (409, "wrong-state", ""));

    let body = json!({"plugin": "tagger"});
    site.app
        .put("/v1/bindings/tenant:tag-generator", &site.admin, body)
        .await
        .ok();
    let wrong = site
        .app
        .put("/v1/tag-schedule", &site.admin, json!({"every_hours": 0}))
        .await;
    assert_eq!(wrong.problem().2, "every_hours");
    let schedule = json!({"every_hours": 24, "next_at": 1_000});
    site.app.put("/v1/tag-schedule", &site.admin, schedule).await.ok();
    assert!(!site.tenant().begin_due_tag_run(Timestamp(999)).await.unwrap());
    assert!(site.tenant().begin_due_tag_run(Timestamp(1_000)).await.unwrap());
    assert_eq!(site.until_over("scheduled-1000").await["state"], "done");
    let next = site.app.get("/v1/tag-schedule", &site.admin).await.ok();
    assert_eq!(next.body["next_at"], 1_000 + DAY_MS);
    assert!(!site.tenant().begin_due_tag_run(Timestamp(1_001)).await.unwrap());
}

/// A generator that can't answer fails for each customer; one that the host can't ask is waited for.
#[tokio::test]
async fn a_run_names_what_failed_and_pauses_when_nobody_can_be_asked() {
    let site = Site::with_tagger().await;
    for n in 0..40 {
        let body = json!({"identities": [format!("crm:{n}")]});
        site.app.post("/v1/customers", &site.admin, body).await;
    }
    site.app
        .upload(&site.admin, jackfield_testkit::guest::broken_tagger("1.0.0"))
        .await
        .ok();
    let body = json!({"plugin": "broken-tagger"});
    site.app
        .put("/v1/bindings/tenant:tag-generator", &site.admin, body)
        .await
        .ok();
    site.app
        .put("/v1/tag-runs/broken", &site.admin, json!({}))
        .await
        .ok();
    let over = site.until_over("broken").await;
    assert_eq!(over["state"], "paused", "{over:#?}");
    assert!(
        over["problem"].as_str().unwrap().contains("again and again"),
        "{over:#?}"
    );
    let body = json!({"plugin": "tagger"});
    site.app
        .put("/v1/bindings/tenant:tag-generator", &site.admin, body)
        .await
        .ok();
    site.app
        .post("/v1/tag-runs/broken/resume", &site.admin, json!({}))
        .await
        .ok();
    let done = site.until_over("broken").await;
    assert_eq!((&done["state"], &done["problem"]), (&json!("done"), &Value::Null));
    assert_eq!(done["counts"]["customers"], 40);
}
