//! Plugins and bindings.

use insta::assert_json_snapshot;
use serde_json::json;

use crate::support::{CREATED, NUMBER, TestApp, idle_strategy};

#[tokio::test]
async fn a_plugin_is_uploaded_and_bound_and_swapped() {
    let app = TestApp::start().await;
    let admin = app.tenant("one", NUMBER).await;
    let first = app.upload(&admin, idle_strategy("1.0.0")).await;
    assert_json_snapshot!(first, {".body.digest" => "[digest]", ".body.size" => "[bytes]", ".body.uploaded_at" => "[time]"}, @r##"
    {
      "status": 201,
      "content_type": "application/json",
      "body": {
        "also_signed_by": [],
        "bound": [],
        "capabilities": [],
        "description": "Assigns nothing.",
        "digest": "[digest]",
        "id": "idle",
        "kind": "routing-strategy",
        "licence": null,
        "limits": {
          "fuel": null,
          "memory_bytes": null,
          "wall_ms": null
        },
        "projection": [],
        "signed_by": null,
        "size": "[bytes]",
        "state": "available",
        "uploaded_at": "[time]",
        "uploaded_by": "user:admin",
        "version": "1.0.0",
        "yanked": null
      }
    }
    "##);
    let again = app.upload(&admin, idle_strategy("1.0.0")).await;
    assert_eq!((again.status, &again.bytes), (CREATED, &first.bytes));
    app.upload(&admin, idle_strategy("1.10.0")).await.ok();
    app.upload(&admin, idle_strategy("1.9.0")).await.ok();
    let page = app.get("/v1/plugins?limit=2", &admin).await.ok();
    assert_eq!(
        (page.text("/items/0/version"), page.text("/items/1/version")),
        ("1.0.0", "1.9.0")
    );
    let cursor = page.text("/next");
    let page = app
        .get(&format!("/v1/plugins?limit=2&cursor={cursor}"), &admin)
        .await
        .ok();
    assert_eq!(page.text("/items/0/version"), "1.10.0");

    let point = "/v1/bindings/queue:support";
    let body = json!({"plugin": "idle", "version": "1.0.0", "config": {"greeting": "你好"}});
    let bound = app.put(point, &admin, body).await;
    assert_json_snapshot!(bound, {".body.digest" => "[digest]", ".body.bound_at" => "[time]"}, @r##"
    {
      "status": 200,
      "content_type": "application/json",
      "body": {
        "bound_at": "[time]",
        "bound_by": "user:admin",
        "config": {
          "greeting": "你好"
        },
        "digest": "[digest]",
        "kind": "routing-strategy",
        "plugin": "idle",
        "point": "queue:support",
        "record_percent": 100,
        "removed": false,
        "revision": 1,
        "version": "1.0.0",
        "why": null
      }
    }
    "##);
    let swapped = app.put(point, &admin, json!({"plugin": "idle"})).await.ok();
    assert_eq!(swapped.text("/version"), "1.10.0");
    assert_eq!(swapped.body["revision"], 2);
    assert_eq!(app.get(point, &admin).await.ok().bytes, swapped.bytes);
    assert_eq!(
        app.get("/v1/bindings", &admin).await.ok().body["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );

    let page = app.get(&format!("{point}/history?limit=1"), &admin).await.ok();
    assert_eq!(page.body["items"][0]["revision"], 2);
    let cursor = page.text("/next");
    let page = app
        .get(&format!("{point}/history?limit=1&cursor={cursor}"), &admin)
        .await
        .ok();
    assert_eq!(
        (&page.body["items"][0]["revision"], page.text("/next")),
        (&json!(1), "")
    );

    let long = format!("{point}?why={}", "x".repeat(1_001));
    let refused = app.delete(&long, &admin).await;
    assert_eq!(refused.problem(), (422, "invalid-value", "why"));
    let removal = app.delete(&format!("{point}?why=not%20needed"), &admin).await;
    assert_eq!(removal.status, 204);
    let history = app.get(&format!("{point}/history"), &admin).await.ok();
    let last = &history.body["items"][0];
    assert_eq!(
        json!([
            last["removed"],
            last["revision"],
            last["plugin"],
            last["why"],
            last["bound_by"]
        ]),
        json!([true, 3, "idle", "not needed", "user:admin"])
    );
    assert_eq!(history.body["items"][1]["removed"], false);
    assert_eq!(
        app.get(point, &admin).await.problem(),
        (404, "unknown-binding", "")
    );
    assert_eq!(
        app.delete(point, &admin).await.problem(),
        (404, "unknown-binding", "")
    );
}

#[tokio::test]
async fn what_does_not_fit_is_refused() {
    let app = TestApp::start().await;
    let admin = app.tenant("one", NUMBER).await;
    for bytes in [&b""[..], b"\0asm", b"not wasm at all"] {
        let refused = app.upload(&admin, bytes.to_vec()).await;
        assert_eq!(refused.problem().0, 422, "{refused:?}");
        assert_eq!(refused.problem().1, "invalid-component");
    }
    app.upload(&admin, idle_strategy("1.0.0")).await.ok();
    let put = async |point: &str, body| app.put(&format!("/v1/bindings/{point}"), &admin, body).await;
    let idle = json!({"plugin": "idle"});
    assert_eq!(
        put("queue:nowhere", idle.clone()).await.problem(),
        (404, "unknown-queue", "")
    );
    assert_eq!(
        put("number:+8613800138000", idle.clone()).await.problem(),
        (404, "unknown-number", "")
    );
    assert_eq!(
        put("tenant:outbound-rule", idle).await.problem(),
        (422, "wrong-kind", "plugin")
    );
    let nothing = put("queue:support", json!({"plugin": "nothing"})).await;
    assert_eq!(nothing.problem(), (422, "unknown-plugin", "plugin"));
    let version = put("queue:support", json!({"plugin": "idle", "version": "9.9.9"})).await;
    assert_eq!(version.problem(), (422, "unknown-plugin", "version"));
    let text = put("queue:support", json!({"plugin": "idle", "config": "text"})).await;
    assert_eq!(text.problem(), (422, "invalid-config", "config"));
    let wrong = put("queue:support", json!({"plugin": "idle", "version": "one"})).await;
    assert_eq!(wrong.problem(), (400, "invalid-value", "version"));
}
