//! A POST sent again is done once.

use serde_json::{Value, json};

use crate::support::{CREATED, NUMBER, Reply, TestApp, request, with_json};

async fn post(app: &TestApp, path: &str, key: &str, once: &str, body: &Value) -> Reply {
    app.send(with_json(
        request("POST", path, key).header("idempotency-key", once),
        body,
    ))
    .await
}

#[tokio::test]
async fn the_same_request_gets_the_same_answer() {
    let app = TestApp::start().await;
    let admin = app.tenant("one", NUMBER).await;
    let body = json!({"id": "bo", "name": "Bo", "roles": ["agent"]});
    let first = post(&app, "/v1/users", &admin, "k1", &body).await;
    let again = post(&app, "/v1/users", &admin, "k1", &body).await;
    assert_eq!((first.status, again.status), (CREATED, CREATED));
    assert_eq!(first.bytes, again.bytes);
    assert_eq!(
        (
            first.header("idempotency-replayed"),
            again.header("idempotency-replayed")
        ),
        ("", "true")
    );

    let other = json!({"id": "chen", "name": "Chen", "roles": ["agent"]});
    let reused = post(&app, "/v1/users", &admin, "k1", &other).await;
    assert_eq!(
        reused.problem(),
        (422, "idempotency-key-reused", "Idempotency-Key")
    );
    assert_eq!(
        post(&app, "/v1/users", &admin, "k2", &body).await.problem(),
        (409, "exists", "id")
    );
    // A refusal is an answer too.
    let again = post(&app, "/v1/users", &admin, "k2", &body).await;
    assert_eq!(
        (again.problem(), again.header("idempotency-replayed")),
        ((409, "exists", "id"), "true")
    );
    for wrong in ["", "a b", &"x".repeat(129)] {
        let refused = post(&app, "/v1/users", &admin, wrong, &body).await;
        assert_eq!(refused.problem(), (400, "invalid-value", "Idempotency-Key"));
    }
}

#[tokio::test]
async fn a_secret_is_not_kept_for_replays() {
    let app = TestApp::start().await;
    let admin = app.tenant("one", NUMBER).await;
    let body = json!({"label": "x"});
    let first = post(&app, "/v1/users/admin/keys", &admin, "k1", &body).await.ok();
    let again = post(&app, "/v1/users/admin/keys", &admin, "k1", &body).await.ok();
    assert_eq!(first.text("/id"), again.text("/id"));
    assert!(first.body["key"].is_string() && again.body["key"].is_null());
    assert_eq!(
        app.get("/v1/users/admin/keys", &admin).await.ok().body["items"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

#[tokio::test]
async fn keys_of_different_users_and_tenants_do_not_meet() {
    let app = TestApp::start().await;
    let one = app.tenant("one", NUMBER).await;
    let two = app.tenant("two", "+861055550100").await;
    let body = json!({"id": "bo", "name": "Bo", "roles": ["agent"]});
    post(&app, "/v1/users", &one, "k1", &body).await.ok();
    let there = post(&app, "/v1/users", &two, "k1", &body).await.ok();
    assert_eq!(there.header("idempotency-replayed"), "");
    app.get("/v1/users/bo", &two).await.ok();
}

#[tokio::test]
async fn requests_at_once_are_done_once() {
    let app = TestApp::start().await;
    let admin = app.tenant("one", NUMBER).await;
    let body = json!({"label": "x"});
    let send = || post(&app, "/v1/users/admin/keys", &admin, "k1", &body);
    let (a, b, c, d) = tokio::join!(send(), send(), send(), send());
    let replies = [a, b, c, d];
    for reply in &replies {
        let expected = reply.status == CREATED || reply.text("/code") == "idempotency-under-way";
        assert!(expected, "{reply:?}");
    }
    let made = replies
        .iter()
        .filter(|reply| reply.body["key"].is_string())
        .count();
    assert_eq!(made, 1);
    assert_eq!(
        app.get("/v1/users/admin/keys", &admin).await.ok().body["items"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}
