//! Which decisions are recorded.

use std::time::Instant;

use serde_json::{Value, json};

use crate::rollouts::{PATIENCE, ROLLOUT, Site};

const BINDING: &str = "/v1/bindings/queue:support";

impl Site {
    async fn bind(&self, plugin: &str, percent: Value) -> Value {
        let body = json!({"plugin": plugin, "record_percent": percent});
        self.app.put(BINDING, &self.admin, body).await.ok().body
    }

    /// Recorded decisions at the queue, newest first.
    async fn records(&self) -> Vec<Value> {
        let list = self
            .app
            .get("/v1/decisions?point=queue:support", &self.admin)
            .await
            .ok();
        list.body["items"].as_array().unwrap().clone()
    }
}

#[tokio::test]
async fn a_binding_says_how_many_of_its_decisions_are_recorded_and_failures_are_always() {
    let site = Site::open().await;
    let bound = site.app.get(BINDING, &site.admin).await.ok();
    assert_eq!(
        bound.body["record_percent"], 100,
        "all when nobody said otherwise"
    );
    site.call().await;
    let before = site.records().await.len();
    assert!(before > 0);

    assert_eq!(site.bind("first-come", json!(0)).await["record_percent"], 0);
    site.calls(2).await;
    assert_eq!(site.records().await.len(), before, "none of them is recorded");

    let bound = site.bind("broken", Value::Null).await;
    assert_eq!(bound["record_percent"], 0, "as before when nothing is said");
    site.call().await;
    let records = site.records().await;
    assert!(records.len() > before);
    let newer = &records[..records.len() - before];
    let failed = |record: &Value| record["plugin"] == "broken" && record["failure"].is_string();
    assert!(newer.iter().all(failed), "only what failed: {newer:#?}");

    for percent in [json!(101), json!(255)] {
        let body = json!({"plugin": "first-come", "record_percent": percent});
        let refused = site.app.put(BINDING, &site.admin, body).await;
        assert_eq!(refused.problem(), (422, "invalid-value", "record_percent"));
    }
}

#[tokio::test]
async fn a_shadow_is_compared_with_what_is_not_recorded() {
    let site = Site::open().await;
    site.bind("first-come", json!(0)).await;
    let body = json!({"plugin": "idle", "force": true});
    site.app.put(ROLLOUT, &site.admin, body).await.ok();
    let start = Instant::now();
    let seen = loop {
        site.call().await;
        let seen = site.rollout().await["seen"].clone();
        let compared = |grade: &str| seen["candidate"][grade].as_u64().unwrap_or(0);
        if compared("material") + compared("identical") > 0 {
            break seen;
        }
        assert!(start.elapsed() < PATIENCE, "nothing is compared: {seen:#}");
    };
    assert!(seen["candidate"]["material"].as_u64() > Some(0), "{seen:#}");
    assert_eq!(site.records().await, Vec::<Value>::new());
}
