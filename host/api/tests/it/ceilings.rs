//! What a decision may use at most: the lowest of the kind's, the manifest's and the tenant's ceilings.

use serde_json::{Value, json};

use crate::rollouts::Site;
use crate::support::strategy;

const CEILINGS: &str = "/v1/tenants/one/ceilings";
const BINDING: &str = "/v1/bindings/queue:support";

impl Site {
    async fn lower(&self, kinds: Value) -> Value {
        let body = json!({ "kinds": kinds });
        self.app.put(CEILINGS, &self.app.operator, body).await.ok().body
    }

    /// The record of a decision that is made now: why it failed, and its fuel.
    async fn decide(&self) -> (Option<String>, u64) {
        self.call().await;
        let list = self
            .app
            .get("/v1/decisions?point=queue:support&limit=1", &self.admin)
            .await
            .ok();
        let record = &list.body["items"][0];
        let failure = record["failure"].as_str().map(str::to_owned);
        (failure, record["fuel"].as_u64().unwrap())
    }
}

#[tokio::test]
async fn the_operator_lowers_the_ceilings_of_a_tenant_and_they_hold_at_once() {
    let site = Site::open().await;
    let (failure, used) = site.decide().await;
    assert_eq!(failure, None);
    assert!(used > 1);

    let lowered = site.lower(json!({"routing-strategy": {"fuel": used - 1}})).await;
    assert_eq!(lowered["kinds"]["routing-strategy"]["fuel"], used - 1);
    let (failure, fuel) = site.decide().await;
    assert!(
        failure.as_deref().unwrap_or_default().starts_with("fuel"),
        "{failure:?}"
    );
    assert_eq!(fuel, used - 1, "the whole reservation");

    site.lower(json!({"routing-strategy": {"fuel": used + 1}, "voice-flow": {"fuel": 1}}))
        .await;
    assert_eq!(site.decide().await, (None, used), "another kind has its own");
    let shown = site.app.get(CEILINGS, &site.app.operator).await.ok();
    assert_eq!(
        shown.body["kinds"]["routing-strategy"],
        json!({"fuel": used + 1, "wall_ms": null, "memory_bytes": null})
    );

    for (ceilings, field) in [
        (json!({"fuel": 0}), "/kinds/routing-strategy/fuel"),
        (json!({"wall_ms": 51}), "/kinds/routing-strategy/wall_ms"),
        (
            json!({"memory_bytes": 1_u64 << 40}),
            "/kinds/routing-strategy/memory_bytes",
        ),
    ] {
        let body = json!({"kinds": {"routing-strategy": ceilings}});
        let refused = site.app.put(CEILINGS, &site.app.operator, body).await;
        assert_eq!(refused.problem(), (400, "invalid-value", field));
    }
    assert_eq!(
        site.app.get(CEILINGS, &site.app.operator).await.body,
        shown.body,
        "nothing changed"
    );
}

#[tokio::test]
async fn a_manifest_that_asks_for_less_gets_less_and_never_more_than_the_tenant_has() {
    let site = Site::open().await;
    for (id, fuel) in [("tight", 1_u64), ("wide", 900_000_000)] {
        let component = strategy(id, "1.0.0", &format!("[limits]\nfuel = {fuel}"));
        let uploaded = site.app.upload(&site.admin, component).await.ok();
        assert_eq!(uploaded.body["limits"]["fuel"], fuel, "the administrator sees it");
    }
    site.app
        .put(BINDING, &site.admin, json!({"plugin": "wide"}))
        .await
        .ok();
    let used = site.looked_at("wide").await;
    assert_eq!(used["failure"], Value::Null);
    site.app
        .put(BINDING, &site.admin, json!({"plugin": "tight"}))
        .await
        .ok();
    let record = site.looked_at("tight").await;
    assert!(
        record["failure"].as_str().unwrap().starts_with("fuel"),
        "{record:#}"
    );
    assert_eq!(record["fuel"], 1);

    let less = used["fuel"].as_u64().unwrap() - 1;
    site.lower(json!({"routing-strategy": {"fuel": less}})).await;
    site.app
        .put(BINDING, &site.admin, json!({"plugin": "wide"}))
        .await
        .ok();
    let record = site.looked_at("wide").await;
    assert_eq!(
        record["fuel"], less,
        "the tenant's ceiling is the lowest: {record:#}"
    );
}

impl Site {
    /// The record of a decision of this plugin about work that waits from now on.
    async fn looked_at(&self, plugin: &str) -> Value {
        self.app.call("one", crate::support::NUMBER).await;
        loop {
            let list = self
                .app
                .get("/v1/decisions?point=queue:support&limit=5", &self.admin)
                .await
                .ok();
            let items = list.body["items"].as_array().unwrap().clone();
            if let Some(found) = items.into_iter().find(|record| record["plugin"] == plugin) {
                return found;
            }
            tokio::task::yield_now().await;
        }
    }
}
