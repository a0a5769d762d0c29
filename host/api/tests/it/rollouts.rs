//! Decisions are recorded and replayed; candidates are rolled out, judged, and taken back.

use std::time::{Duration, Instant};

use jackfield_contact::input::Input;
use jackfield_contact::leg::{Cause, LegEvent};
use jackfield_types::{AgentId, InteractionId, LegId};
use serde_json::{Value, json};

use crate::support::{NUMBER, TestApp, broken_strategy, first_come_strategy, idle_strategy, slow_strategy};

const POINT: &str = "queue:support";
/// How long to call until a rollout moves by itself: how many calls that takes is the machine's speed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
pub(crate) const ROLLOUT: &str = "/v1/bindings/queue:support/rollout";

pub(crate) struct Site {
    pub(crate) app: TestApp,
    pub(crate) admin: String,
}

impl Site {
    /// `first-come` decides at the queue, an agent is available, and there is no after-call work.
    pub(crate) async fn open() -> Self {
        let app = TestApp::start().await;
        let admin = app.tenant("one", NUMBER).await;
        for component in [
            first_come_strategy("1.0.0"),
            idle_strategy("1.0.0"),
            broken_strategy("1.0.0"),
        ] {
            app.upload(&admin, component).await.ok();
        }
        let body = json!({"name": "Support", "wrap_up_ms": 0});
        app.put("/v1/queues/support", &admin, body).await.ok();
        let body = json!({"plugin": "first-come"});
        app.put("/v1/bindings/queue:support", &admin, body).await.ok();
        let phone = Input::Phone {
            agent: AgentId::new("anna").unwrap(),
            registered: true,
        };
        app.handle("one").submit(phone).await.unwrap();
        let body = json!({"state": "available"});
        app.put("/v1/agents/anna/state", &admin, body).await.ok();
        Self { app, admin }
    }

    /// A whole call, with a conversation.
    pub(crate) async fn call(&self) -> InteractionId {
        let interaction = self.app.conversation("one", &self.admin, NUMBER).await;
        let ended = LegEvent::Ended {
            cause: Cause::Normal,
            sip_status: None,
        };
        self.app.leg("one", LegId::customer(interaction), ended).await;
        interaction
    }

    pub(crate) async fn calls(&self, n: usize) {
        for _ in 0..n {
            self.call().await;
        }
    }

    async fn replay(&self, plugin: &str) -> Value {
        let body = json!({"point": POINT, "plugin": plugin});
        self.app.post("/v1/replays", &self.admin, body).await.ok().body
    }

    /// Use, plugin, decisions and failures of each row of the usage report.
    async fn used(&self) -> Vec<Value> {
        let usage = self.app.get("/v1/usage", &self.admin).await.ok();
        let rows = usage.body["items"].as_array().unwrap().iter();
        rows.map(|row| json!([row["use"], row["plugin"], row["decisions"], row["failed"]]))
            .collect()
    }

    pub(crate) async fn rollout(&self) -> Value {
        self.app.get(ROLLOUT, &self.admin).await.ok().body
    }
}

#[tokio::test]
async fn a_decision_is_explained_and_replayed() {
    let site = Site::open().await;
    site.calls(3).await;
    let list = site
        .app
        .get("/v1/decisions?point=queue:support", &site.admin)
        .await
        .ok();
    let made: Vec<_> = list.body["items"].as_array().unwrap().iter().collect();
    assert!(made.len() >= 3, "{list:#?}");
    let id = made[0]["id"].as_str().unwrap();
    let detail = site
        .app
        .get(&format!("/v1/decisions/{id}"), &site.admin)
        .await
        .ok();
    assert_eq!(detail.text("/plugin"), "first-come");
    assert_eq!(
        detail.body["answer"]["routing"]["assignments"],
        json!([{"work": 0, "agent": 0}])
    );
    assert_eq!(detail.body["question"]["routing"]["agents"][0]["agent"], "anna");

    let same = site.replay("first-come").await;
    assert_eq!(same["decisions"], same["identical"], "{same:#}");
    assert_eq!(same["fuel_before"], same["fuel_after"]);
    let other = site.replay("idle").await;
    assert_eq!(other["material"], other["decisions"], "{other:#}");
    assert_eq!(other["examples"][0]["grade"], "material");
    let broken = site.replay("broken").await;
    assert_eq!(broken["failures"], broken["decisions"], "{broken:#}");
    assert_eq!(broken["forbidden"], broken["decisions"]);
    let replayed = |plugin: &str, failed: bool| {
        json!(["replay", plugin, made.len(), if failed { made.len() } else { 0 }])
    };
    let used = site.used().await;
    for row in [
        replayed("first-come", false),
        replayed("idle", false),
        replayed("broken", true),
    ] {
        assert!(used.contains(&row), "{row}: {used:?}");
    }
    assert!(
        broken["examples"][0]["failure"]
            .as_str()
            .unwrap()
            .contains("trap")
    );
}

#[tokio::test]
async fn a_candidate_goes_through_shadow_and_canary_and_becomes_active() {
    let site = Site::open().await;
    site.calls(2).await;
    let body = json!({"plugin": "idle", "why": "to see", "gates": {"min_decisions": 3}});
    let started = site.app.put(ROLLOUT, &site.admin, body).await.ok();
    assert_eq!(started.text("/stage"), "shadow");
    assert_eq!(started.body["evidence"]["replay"]["decisions"], 2, "{started:#?}");
    site.calls(3).await;
    // What is asked in shadow is asked after the decision; a replay of the records waits for its turn behind it.
    let seen = loop {
        let rollout = site.rollout().await;
        if rollout["seen"]["candidate"]["material"].as_u64() >= Some(3) {
            break rollout;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(seen["under_way"], true);
    assert_eq!(seen["seen"]["control"]["decisions"], 3);
    assert_eq!(
        site.used().await,
        [
            ("live", "first-come", 5, 0),
            ("replay", "idle", 2, 0),
            ("shadow", "idle", 3, 0)
        ]
        .map(|(used_for, plugin, decisions, failed)| json!([used_for, plugin, decisions, failed])),
        "what had no effect is billed apart"
    );
    let standing = site.app.get("/v1/usage", &site.admin).await.ok();
    assert_eq!(
        standing.body["quotas"][1]["used"], standing.body["items"][0]["fuel"],
        "and counts towards no quota"
    );

    let body = json!({"percent": 50});
    let refused = site
        .app
        .post(&format!("{ROLLOUT}/promote"), &site.admin, body)
        .await;
    assert_eq!(refused.problem(), (409, "gate", ""), "{refused:#?}");
    assert!(refused.text("/detail").contains("fuel"), "{refused:#?}");
    let body = json!({"percent": 50, "force": true, "why": "because"});
    let canary = site
        .app
        .post(&format!("{ROLLOUT}/promote"), &site.admin, body)
        .await
        .ok();
    assert_eq!(
        (canary.text("/stage"), &canary.body["percent"]),
        ("canary", &json!(50))
    );
    let body = json!({"force": true});
    let active = site
        .app
        .post(&format!("{ROLLOUT}/promote"), &site.admin, body)
        .await
        .ok();
    assert_eq!(active.text("/stage"), "active");
    let bound = site.app.get("/v1/bindings/queue:support", &site.admin).await.ok();
    assert_eq!(
        (bound.text("/plugin"), &bound.body["revision"]),
        ("idle", &json!(2))
    );
    let over = site
        .app
        .post(&format!("{ROLLOUT}/rollback"), &site.admin, json!({}))
        .await;
    assert_eq!(over.problem(), (404, "unknown-rollout", ""));

    let history = site
        .app
        .get(&format!("{ROLLOUT}/history"), &site.admin)
        .await
        .ok();
    let stages: Vec<_> = history.body["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| &item["stage"])
        .collect();
    assert_eq!(stages, ["active", "canary", "shadow", "replayed"]);
    let evidence = |n: usize| &history.body["items"][n]["evidence"];
    assert_eq!(evidence(3)["replay"]["decisions"], 2);
    assert_eq!(evidence(0)["forced"], true, "{:#}", evidence(0));
}

impl Site {
    /// What the journal tells of the rollout from now on, up to this stage: stage, who, and evidence.
    fn told_until(&self, stage: &'static str) -> tokio::task::JoinHandle<Vec<(String, String, Value)>> {
        let mut entries = self.app.handle("one").subscribe();
        tokio::spawn(async move {
            let mut told: Vec<(String, String, Value)> = Vec::new();
            while told.last().is_none_or(|(to, _, _)| to != stage) {
                let entry = entries.recv().await.unwrap();
                let event = serde_json::to_value(&entry.recorded.event).unwrap();
                let moved = &event["note"]["rollout-moved"];
                if event["type"] == "binding-noted" && !moved.is_null() {
                    let text = |field: &str| moved[field].as_str().unwrap().to_owned();
                    let evidence = serde_json::from_str(&text("evidence")).unwrap();
                    told.push((text("to"), text("by"), evidence));
                }
            }
            told
        })
    }
}

/// Nobody touches it after its start: replayed, shadow, canary, active, each step for what was seen in its window.
#[tokio::test]
async fn a_rollout_with_steps_goes_up_by_itself() {
    let site = Site::open().await;
    site.app
        .upload(&site.admin, first_come_strategy("1.1.0"))
        .await
        .ok();
    site.calls(2).await;
    let gates = json!({"window_ms": 3_000, "min_decisions": 20, "min_interactions": 5, "max_service_level_drop": 100});
    let body = json!({
        "plugin": "first-come", "version": "1.1.0", "config": {"other": 1}, "gates": gates,
        "steps": [{"percent": 50, "gates": gates}, {}],
    });
    let told = site.told_until("active");
    let started = site.app.put(ROLLOUT, &site.admin, body).await.ok();
    assert_eq!(
        (started.text("/stage"), &started.body["steps"][0]["percent"]),
        ("shadow", &json!(50))
    );
    let start = Instant::now();
    while site.rollout().await["under_way"] == true {
        site.call().await;
        assert!(
            start.elapsed() < PATIENCE,
            "it goes nowhere: {:#}",
            site.rollout().await
        );
    }
    let told = told.await.unwrap();
    let stages: Vec<_> = told
        .iter()
        .map(|(to, by, _)| (to.as_str(), by.as_str()))
        .collect();
    let (admin, gates) = (stages[0].1.to_owned(), "system:gates");
    assert!(admin.starts_with("user:"), "{admin}");
    assert_eq!(
        stages,
        [
            ("replayed", &*admin),
            ("shadow", &*admin),
            ("canary 50 %", gates),
            ("active", gates)
        ]
    );
    for (to, _, evidence) in &told[2..] {
        assert!(
            evidence["watched_ms"].as_u64() >= Some(3_000),
            "{to}: {evidence:#}"
        );
        assert_eq!(evidence["verdict"], "pass");
        assert!(
            evidence["candidate"]["decisions"].as_u64() >= Some(20),
            "{to}: {evidence:#}"
        );
        assert_eq!(evidence["candidate"]["forbidden"], 0);
    }
    let bound = site.app.get("/v1/bindings/queue:support", &site.admin).await.ok();
    assert_eq!(
        (bound.text("/version"), bound.text("/bound_by")),
        ("1.1.0", gates)
    );
}

#[tokio::test]
async fn steps_that_lead_nowhere_are_refused() {
    let site = Site::open().await;
    for steps in [
        json!([{"percent": 0}]),
        json!([{}, {"percent": 5}]),
        json!([{"percent": 5}, {"percent": 5}]),
        json!([{"percent": 5, "gates": {"window_ms": 1}}]),
    ] {
        let body = json!({"plugin": "idle", "steps": steps});
        let refused = site.app.put(ROLLOUT, &site.admin, body).await;
        assert_eq!(refused.problem(), (422, "invalid-value", "steps"), "{refused:#?}");
    }
}

/// The canary's customers wait longer than the others, and that alone takes it back.
#[tokio::test]
async fn a_canary_whose_callers_wait_longer_is_taken_back_for_its_service_level() {
    let site = Site::open().await;
    site.app
        .upload(&site.admin, slow_strategy("1.0.0", 1_000))
        .await
        .ok();
    let told = site.told_until("rolled-back");
    let gates = json!({
        "min_interactions": 5, "service_level_ms": 800, "max_service_level_drop": 50,
        "max_fuel_p99_ratio": 1_000,
    });
    let body = json!({"plugin": "slow", "percent": 50, "gates": gates});
    site.app.put(ROLLOUT, &site.admin, body).await.ok();
    let mut calls = 0;
    let start = Instant::now();
    while site.rollout().await["under_way"] == true {
        site.call().await;
        calls += 1;
        assert!(
            start.elapsed() < PATIENCE,
            "it is not taken back: {:#}",
            site.rollout().await
        );
    }
    assert!(calls >= 10, "both groups have had five calls before");
    let told = told.await.unwrap();
    let (_, by, evidence) = told.last().unwrap();
    assert_eq!(by, "system:gates");
    assert_eq!(
        evidence["verdict"]["violated"]["gate"], "max_service_level_drop",
        "{evidence:#}"
    );
    let level = |side: &str| evidence[side]["service_level"].as_f64().unwrap();
    assert_eq!(level("candidate"), 0.0, "{evidence:#}");
    assert!(level("control") > 50.0, "{evidence:#}");
    for side in ["candidate", "control"] {
        assert!(evidence[side]["answered"].as_u64() >= Some(5), "{evidence:#}");
    }
    let rollout = site.rollout().await;
    assert!(
        rollout["why"].as_str().unwrap().contains("service level"),
        "{rollout:#}"
    );
}

/// Who takes the binding away ends the rollout, and everybody is told so.
#[tokio::test]
async fn a_rollout_ends_with_its_binding() {
    let site = Site::open().await;
    let body = json!({"plugin": "idle", "percent": 10});
    site.app.put(ROLLOUT, &site.admin, body.clone()).await.ok();
    let told = site.told_until("rolled-back");
    site.app
        .delete("/v1/bindings/queue:support", &site.admin)
        .await
        .ok();
    let told = told.await.unwrap();
    assert!(told[0].1.starts_with("user:"), "{told:?}");
    let over = site.rollout().await;
    assert_eq!(
        (&over["under_way"], &over["stage"]),
        (&json!(false), &json!("rolled-back"))
    );
    assert!(over["why"].as_str().unwrap().contains("removed"), "{over:#}");
    for way in ["promote", "rollback"] {
        let refused = site
            .app
            .post(&format!("{ROLLOUT}/{way}"), &site.admin, json!({}))
            .await;
        assert_eq!(refused.problem(), (404, "unknown-rollout", ""));
    }
    // The same when another version is plugged in, and when another rollout begins.
    let first_come = json!({"plugin": "first-come"});
    site.app
        .put("/v1/bindings/queue:support", &site.admin, first_come)
        .await
        .ok();
    site.app.put(ROLLOUT, &site.admin, body.clone()).await.ok();
    let second = json!({"plugin": "idle", "percent": 20});
    site.app.put(ROLLOUT, &site.admin, second).await.ok();
    let bound = json!({"plugin": "idle"});
    site.app
        .put("/v1/bindings/queue:support", &site.admin, bound)
        .await
        .ok();
    let history = site
        .app
        .get(&format!("{ROLLOUT}/history"), &site.admin)
        .await
        .ok();
    let items = history.body["items"].as_array().unwrap();
    let stages: Vec<_> = items
        .iter()
        .rev()
        .map(|item| item["stage"].as_str().unwrap())
        .collect();
    let one = ["replayed", "canary", "rolled-back"];
    assert_eq!(stages, [one, one, one].concat());
    assert!(
        items[3]["why"].as_str().unwrap().contains("another rollout"),
        "{:#}",
        items[3]
    );
    assert!(
        items[0]["why"].as_str().unwrap().contains("another binding"),
        "{:#}",
        items[0]
    );
}

#[tokio::test]
async fn a_broken_canary_is_taken_back_by_itself_and_no_call_is_lost() {
    let site = Site::open().await;
    site.calls(1).await;
    let body = json!({"plugin": "broken", "percent": 99});
    let refused = site.app.put(ROLLOUT, &site.admin, body).await;
    assert_eq!(
        refused.problem(),
        (409, "gate", ""),
        "its replay shows it: {refused:#?}"
    );
    let body = json!({"plugin": "broken", "percent": 99, "force": true});
    site.app.put(ROLLOUT, &site.admin, body).await.ok();
    let mut entries = site.app.handle("one").subscribe();
    // Each of them is connected, since the active version stands in.
    let start = Instant::now();
    let rollout = loop {
        site.call().await;
        let rollout = site.rollout().await;
        if rollout["under_way"] == false {
            break rollout;
        }
        assert!(start.elapsed() < PATIENCE, "it is not taken back: {rollout:#}");
    };
    assert_eq!(rollout["stage"], "rolled-back");
    assert_eq!(rollout["moved_by"], "system:gates");
    assert!(rollout["why"].as_str().unwrap().contains("traps"), "{rollout:#}");
    assert!(
        rollout["evidence"]["candidate"]["traps"].as_u64() >= Some(5),
        "{rollout:#}"
    );
    let mut noted = Vec::new();
    while noted.last() != Some(&json!("rolled-back")) {
        let entry = entries.recv().await.unwrap();
        let event = serde_json::to_value(&entry.recorded.event).unwrap();
        if event["type"] == "binding-noted" {
            noted.push(event["note"]["rollout-moved"]["to"].clone());
        }
    }
    let before = site
        .app
        .get("/v1/decisions?point=queue:support", &site.admin)
        .await
        .ok();
    site.calls(2).await;
    let after = site
        .app
        .get("/v1/decisions?point=queue:support", &site.admin)
        .await
        .ok();
    let first = after.body["items"][0]["plugin"].as_str();
    assert_eq!(first, Some("first-come"));
    assert!(after.body["items"].as_array().unwrap().len() > before.body["items"].as_array().unwrap().len());
}
