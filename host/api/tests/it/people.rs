//! Tenants, users and keys.

use insta::assert_json_snapshot;
use serde_json::json;

use crate::support::{CREATED, NUMBER, TestApp};

#[tokio::test]
async fn a_tenant_is_made_with_its_administrator() {
    let app = TestApp::start().await;
    let body = json!({"id": "acme", "name": "Acme 有限公司", "admin": {"id": "anna", "name": "Anna"}});
    let made = app.post("/v1/tenants", &app.operator, body.clone()).await;
    let key = made.text("/key/key").to_owned();
    assert!(key.starts_with("jf_") && key.len() >= 29, "{key}");
    assert_json_snapshot!(made, {
        ".body.**.created_at" => "[time]", ".body.key.id" => "[id]", ".body.key.key" => "[key]",
    }, @r##"
    {
      "status": 201,
      "content_type": "application/json",
      "body": {
        "admin": {
          "created_at": "[time]",
          "id": "anna",
          "name": "Anna",
          "roles": [
            "admin"
          ]
        },
        "key": {
          "id": "[id]",
          "key": "[key]",
          "user": "anna"
        },
        "tenant": {
          "created_at": "[time]",
          "id": "acme",
          "name": "Acme 有限公司"
        }
      }
    }
    "##);
    assert_json_snapshot!(app.get("/v1/whoami", &key).await.body, @r##"
    {
      "roles": [
        "admin"
      ],
      "tenant": "acme",
      "user": "anna"
    }
    "##);
    assert_json_snapshot!(app.get("/v1/whoami", &app.operator).await.body, @r##"
    {
      "roles": [
        "operator"
      ],
      "tenant": null,
      "user": "operator"
    }
    "##);

    let again = app.post("/v1/tenants", &app.operator, body).await;
    assert_json_snapshot!(again, {".body.instance" => "[request]"}, @r##"
    {
      "status": 409,
      "content_type": "application/problem+json",
      "body": {
        "code": "exists",
        "detail": "there is a tenant acme already; choose another id",
        "field": "id",
        "instance": "[request]",
        "status": 409,
        "title": "Conflict",
        "type": "urn:jackfield:problem:exists"
      }
    }
    "##);
    let listed = app.get("/v1/tenants", &app.operator).await.ok();
    assert_eq!(listed.text("/items/0/id"), "acme");
    assert_eq!(
        app.get("/v1/tenants/nobody", &app.operator).await.problem(),
        (404, "unknown-tenant", "")
    );
}

#[tokio::test]
async fn a_key_works_until_it_is_revoked() {
    let app = TestApp::start().await;
    let admin = app.tenant("one", NUMBER).await;
    let user = json!({"id": "ci", "name": "Pipeline", "roles": ["integrator", "analyst", "integrator"]});
    let made = app.post("/v1/users", &admin, user).await;
    assert_json_snapshot!(made, {".body.created_at" => "[time]"}, @r##"
    {
      "status": 201,
      "content_type": "application/json",
      "body": {
        "created_at": "[time]",
        "id": "ci",
        "name": "Pipeline",
        "roles": [
          "analyst",
          "integrator"
        ]
      }
    }
    "##);
    let new = app
        .post("/v1/users/ci/keys", &admin, json!({"label": "laptop"}))
        .await;
    assert_eq!(new.status, CREATED);
    let (id, key) = (new.text("/id"), new.text("/key"));
    assert_eq!(app.get("/v1/whoami", key).await.ok().text("/user"), "ci");

    let listed = app.get("/v1/users/ci/keys", &admin).await.ok();
    assert_json_snapshot!(listed.body, {".items[].id" => "[id]", ".items[].created_at" => "[time]"}, @r##"
    {
      "items": [
        {
          "created_at": "[time]",
          "id": "[id]",
          "label": "laptop"
        }
      ],
      "next": null
    }
    "##);
    assert!(!String::from_utf8_lossy(&listed.bytes).contains(key));

    assert_eq!(
        app.delete(&format!("/v1/users/ci/keys/{id}"), &admin)
            .await
            .status,
        204
    );
    let refused = app.get("/v1/whoami", key).await;
    assert_json_snapshot!(refused, {".body.instance" => "[request]"}, @r##"
    {
      "status": 401,
      "content_type": "application/problem+json",
      "body": {
        "code": "unknown-key",
        "detail": "this API key is not known, or was revoked; ask an administrator for another",
        "instance": "[request]",
        "status": 401,
        "title": "Unauthorized",
        "type": "urn:jackfield:problem:unknown-key"
      }
    }
    "##);
    assert_eq!(refused.header("www-authenticate"), "Bearer realm=\"jackfield\"");
    assert_eq!(
        app.delete(&format!("/v1/users/ci/keys/{id}"), &admin)
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn a_removed_users_keys_are_dead() {
    let app = TestApp::start().await;
    let admin = app.tenant("one", NUMBER).await;
    let key = app.user(&admin, "sam", "supervisor").await;
    app.get("/v1/agents", &key).await.ok();
    assert_eq!(app.delete("/v1/users/sam", &admin).await.status, 204);
    assert_eq!(app.get("/v1/agents", &key).await.problem().0, 401);
    let (status, code, _) = (app.delete("/v1/users/admin", &admin).await.status, "in-use", "");
    assert_eq!((status, code), (409, "in-use"));
}

#[tokio::test]
async fn nobody_inside_a_tenant_becomes_operator() {
    let app = TestApp::start().await;
    let admin = app.tenant("one", NUMBER).await;
    for roles in [json!(["operator"]), json!([])] {
        let body = json!({"id": "eve", "name": "Eve", "roles": roles});
        assert_eq!(
            app.post("/v1/users", &admin, body).await.problem(),
            (400, "invalid-value", "roles")
        );
    }
    let body = json!({"id": "_platform", "name": "Eve"});
    let refused = app.post("/v1/tenants", &app.operator, body).await;
    assert_eq!(refused.problem(), (400, "invalid-value", "id"));
}

/// The answer to `create_tenant` was lost: nobody has a key, and the operator makes another.
#[tokio::test]
async fn the_operator_makes_a_new_key_for_a_tenant_that_nobody_can_administer() {
    let app = TestApp::start().await;
    let lost = app.tenant("one", NUMBER).await;
    let path = "/v1/tenants/one/admin-key";
    let made = app.post(path, &app.operator, json!({})).await.ok();
    assert_eq!((made.status, made.text("/user")), (201, "admin"));
    let key = made.text("/key").to_owned();
    app.get("/v1/users", &key).await.ok();
    app.get("/v1/users", &lost).await.ok();
    let labels = app.get("/v1/users/admin/keys", &key).await.ok();
    let label = |n: usize| labels.body["items"][n]["label"].as_str().unwrap().to_owned();
    let mut labels = [label(0), label(1)];
    labels.sort();
    assert_eq!(labels, ["first key", "made by the operator"]);

    // The lost one may be in the wrong hands.
    let body = json!({"revoke_others": true});
    let only = app
        .post(path, &app.operator, body)
        .await
        .ok()
        .text("/key")
        .to_owned();
    for old in [&lost, &key] {
        assert_eq!(
            app.get("/v1/users", old).await.problem(),
            (401, "unknown-key", "")
        );
    }
    app.get("/v1/users", &only).await.ok();

    // A user that is not there is made; one who is no administrator does not become one.
    let anna = app.post(path, &app.operator, json!({"user": "boss"})).await.ok();
    app.get("/v1/users", anna.text("/key")).await.ok();
    app.user(&only, "ann", "agent").await;
    let refused = app.post(path, &app.operator, json!({"user": "ann"})).await;
    assert_eq!(refused.problem(), (409, "wrong-state", "user"), "{refused:#?}");
    let unknown = app
        .post("/v1/tenants/none/admin-key", &app.operator, json!({}))
        .await;
    assert_eq!(unknown.problem(), (404, "unknown-tenant", ""));
}
