//! Decisions are recorded and replayed; candidates are rolled out, judged, and taken back.

use jackfield_contact::input::Input;
use jackfield_contact::leg::{Cause, LegEvent};
use jackfield_types::{AgentId, InteractionId, LegId};
use serde_json::{Value, json};

use crate::support::{NUMBER, TestApp, broken_strategy, first_come_strategy, idle_strategy};

const POINT: &str = "queue:support";
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
    assert_eq!(stages, ["active", "canary", "shadow"]);
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
    let mut calls = 0;
    let rollout = loop {
        site.call().await;
        calls += 1;
        let rollout = site.rollout().await;
        if rollout["under_way"] == false {
            break rollout;
        }
        assert!(calls < 50, "it is not taken back: {rollout:#}");
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
