//! Agents, queues and numbers: whole answers.

use insta::assert_json_snapshot;
use serde_json::json;

use crate::support::{NUMBER, TestApp};

#[tokio::test]
async fn a_queue_is_made_changed_listed_and_removed() {
    let app = TestApp::start().await;
    let admin = app.tenant("one", NUMBER).await;
    let body = json!({"name": "Sales 销售", "overflow": "support", "wrap_up_ms": 5000, "record": false});
    let made = app.put("/v1/queues/sales", &admin, body).await;
    assert_json_snapshot!(made, @r##"
    {
      "status": 200,
      "content_type": "application/json",
      "body": {
        "id": "sales",
        "max_wait_ms": 600000,
        "max_waiting": 200,
        "name": "Sales 销售",
        "offer_timeout_ms": 15000,
        "overflow": "support",
        "progress_every_ms": 20000,
        "record": false,
        "status": {
          "available": 0,
          "expected_wait_ms": null,
          "longest_wait_ms": 0,
          "signed_in": 0,
          "waiting": 0
        },
        "wrap_up_ms": 5000
      }
    }
    "##);
    let page = app.get("/v1/queues?limit=1", &admin).await.ok();
    assert_eq!((page.text("/items/0/id"), page.text("/next")), ("sales", "sales"));
    let page = app.get("/v1/queues?limit=1&cursor=sales", &admin).await.ok();
    assert_eq!((page.text("/items/0/id"), page.text("/next")), ("support", ""));
    assert_eq!(app.delete("/v1/queues/sales", &admin).await.status, 204);
    assert_eq!(
        app.get("/v1/queues/sales", &admin).await.problem(),
        (404, "unknown-queue", "")
    );
}

#[tokio::test]
async fn a_queue_in_use_stays() {
    let app = TestApp::start().await;
    let admin = app.tenant("one", NUMBER).await;
    let refused = app.delete("/v1/queues/support", &admin).await;
    assert_json_snapshot!(refused, {".body.instance" => "[request]"}, @r##"
    {
      "status": 409,
      "content_type": "application/problem+json",
      "body": {
        "code": "in-use",
        "detail": "queue support is still used by number +442079460100 as its default queue; change that first",
        "instance": "[request]",
        "status": 409,
        "title": "Conflict",
        "type": "urn:jackfield:problem:in-use"
      }
    }
    "##);
}

#[tokio::test]
async fn an_agent_is_made_and_changed() {
    let app = TestApp::start().await;
    let admin = app.tenant("one", NUMBER).await;
    let body = json!({"name": "王博", "skills": {"zh": 10, "en": 4}, "queues": ["support"], "capacity": {"voice": 1, "chat": 3}});
    let made = app.put("/v1/agents/bo", &admin, body).await;
    assert_json_snapshot!(made, {".body.since" => "[time]"}, @r##"
    {
      "status": 200,
      "content_type": "application/json",
      "body": {
        "blended": false,
        "capacity": {
          "chat": 3,
          "voice": 1
        },
        "chats": [],
        "id": "bo",
        "interaction": null,
        "name": "王博",
        "phone": false,
        "queues": [
          "support"
        ],
        "since": "[time]",
        "skills": {
          "en": 4,
          "zh": 10
        },
        "state": {
          "name": "offline"
        },
        "wanted": null
      }
    }
    "##);
    let away = app
        .put(
            "/v1/agents/bo/state",
            &admin,
            json!({"state": "break", "reason": "lunch"}),
        )
        .await;
    assert_json_snapshot!(away.body["state"], @r##"
    {
      "name": "break",
      "reason": "lunch"
    }
    "##);
    let password = json!({"password": "long-enough"});
    assert_eq!(
        app.put("/v1/agents/bo/phone-password", &admin, password)
            .await
            .status,
        204
    );
    assert_eq!(app.delete("/v1/agents/bo", &admin).await.status, 204);
    assert_eq!(
        app.get("/v1/agents/bo", &admin).await.problem(),
        (404, "unknown-agent", "")
    );
}

#[tokio::test]
async fn a_number_belongs_to_one_tenant() {
    let app = TestApp::start().await;
    let one = app.tenant("one", NUMBER).await;
    let two = app.tenant("two", "+861055550100").await;
    assert_json_snapshot!(app.get(&format!("/v1/numbers/{NUMBER}"), &one).await, @r##"
    {
      "status": 200,
      "content_type": "application/json",
      "body": {
        "default_queue": "support",
        "language": "en",
        "name": "Hotline",
        "number": "+442079460100"
      }
    }
    "##);
    let config = json!({"name": "Mine", "language": "en", "default_queue": "support"});
    let taken = app
        .put(&format!("/v1/numbers/{NUMBER}"), &two, config.clone())
        .await;
    assert_json_snapshot!(taken, {".body.instance" => "[request]"}, @r##"
    {
      "status": 409,
      "content_type": "application/problem+json",
      "body": {
        "code": "in-use",
        "detail": "number +442079460100 is not free in this deployment; choose another",
        "field": "number",
        "instance": "[request]",
        "status": 409,
        "title": "Conflict",
        "type": "urn:jackfield:problem:in-use"
      }
    }
    "##);
    assert_eq!(
        app.delete(&format!("/v1/numbers/{NUMBER}"), &one).await.status,
        204
    );
    // Escaped and with its spaces it is the same number.
    let made = app
        .put("/v1/numbers/%2B44%2020%207946%200100", &two, config)
        .await
        .ok();
    assert_eq!(made.text("/number"), NUMBER);
}

#[tokio::test]
async fn tenants_with_the_same_names_share_nothing() {
    let app = TestApp::start().await;
    let one = app.tenant("one", NUMBER).await;
    let two = app.tenant("two", "+861055550100").await;
    app.call("one", NUMBER).await;
    let waiting = |reply: crate::support::Reply| reply.body["status"]["waiting"].clone();
    assert_eq!(waiting(app.get("/v1/queues/support", &one).await.ok()), 1);
    assert_eq!(waiting(app.get("/v1/queues/support", &two).await.ok()), 0);
}
