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

/// A number in an answer that is kept for a key goes with the customer's other data, and nothing is done twice.
#[tokio::test]
async fn an_answer_that_names_an_erased_customer_goes_and_nothing_is_done_twice() {
    let app = TestApp::start().await;
    let admin = app.tenant("one", NUMBER).await;
    let number = "+33612345678";
    let body = json!({"number": number, "purpose": "sales", "outcome": "unanswered"});
    let key = "call-to-33612345678";
    let path = "/v1/outbound/attempts";
    let first = post(&app, path, &admin, key, &body).await;
    assert!(
        first
            .bytes
            .windows(number.len())
            .any(|part| part == number.as_bytes())
    );
    let other = json!({"number": "+442079460000", "purpose": "sales", "outcome": "unanswered"});
    let other_first = post(&app, path, &admin, "k2", &other).await;

    let erased = app
        .delete(&format!("/v1/customers/tel:{number}/decisions"), &admin)
        .await
        .ok();
    assert_eq!(
        (&erased.body["answers"], &erased.body["attempts"]),
        (&json!(1), &json!(1))
    );
    let again = post(&app, path, &admin, key, &body).await;
    assert_eq!(
        (again.problem(), again.header("idempotency-replayed")),
        ((410, "answer-erased", ""), "true")
    );
    let path_of = format!("{path}?number=%2B{}&purpose=sales", &number[1..]);
    let kept = app.get(&path_of, &admin).await.ok();
    assert_eq!(kept.body["items"], json!([]), "it was not done again");
    let again = post(&app, path, &admin, "k2", &other).await;
    assert_eq!(again.bytes, other_first.bytes);
}
