//! Who may bring plugins, what they may have, and which of them may be bound.

use jackfield_registry::{PublisherKey, signed_text};
use jackfield_sandbox::Sandbox;
use jackfield_types::{Capability, Digest, ExtensionPoint, Grants, TenantId};
use serde_json::{Value, json};

use crate::support::{CREATED, NUMBER, TestApp, idle_strategy, request, strategy};

const POINT: &str = "/v1/bindings/queue:support";
const SCHEMA: &str = "
[[capabilities]]
name = \"cx:host/key-value\"
reason = \"remembers\"
[[capabilities]]
name = \"cx:profile/customers\"
scope = \"tags\"
reason = \"gold first\"
[config-schema]
type = \"object\"
additionalProperties = false
[config-schema.properties.steps]
type = \"array\"
items = { type = \"object\", properties = { after = { type = \"integer\", maximum = 9 } } }
";

async fn signed(app: &TestApp, key: &str, wasm: &[u8], signature: &str) -> crate::support::Reply {
    let request = request("POST", "/v1/plugins", key)
        .header("content-type", "application/wasm")
        .header("plugin-signature", signature);
    app.send(request.body(wasm.to_vec().into()).unwrap()).await
}

#[tokio::test]
async fn only_what_a_trusted_key_signed_is_taken() {
    let app = TestApp::start().await;
    let admin = app.tenant("one", NUMBER).await;
    let strict = json!({"grants": "requested", "unsigned": "refused"});
    app.put("/v1/plugin-policy", &admin, strict.clone()).await.ok();
    let wasm = idle_strategy("1.0.0");
    assert_eq!(
        app.upload(&admin, wasm.clone()).await.problem(),
        (422, "unsigned", "")
    );

    let (ours, theirs) = (
        PublisherKey::generate().unwrap(),
        PublisherKey::generate().unwrap(),
    );
    let sign = |key: &PublisherKey, wasm: &[u8]| {
        let manifest = Sandbox::manifest(wasm).unwrap();
        key.sign(&manifest, Digest::of(wasm)).to_string()
    };
    let signature = sign(&ours, &wasm);
    let unknown = signed(&app, &admin, &wasm, &signature).await;
    assert_eq!(unknown.problem(), (422, "untrusted-key", ""));
    let key = json!({"key": ours.public()});
    let added = app.put("/v1/trusted-keys/acme", &admin, key.clone()).await.ok();
    assert_eq!(added.text("/added_by"), "user:admin");
    let again = app.put("/v1/trusted-keys/acme", &admin, key).await.ok();
    assert_eq!(again.bytes, added.bytes);
    let other = json!({"key": theirs.public()});
    assert_eq!(
        app.put("/v1/trusted-keys/acme", &admin, other).await.problem(),
        (409, "exists", "")
    );

    let of_other = sign(&ours, &idle_strategy("2.0.0"));
    assert_eq!(
        signed(&app, &admin, &wasm, &of_other).await.problem(),
        (422, "bad-signature", "")
    );
    let by_other = sign(&theirs, &wasm);
    assert_eq!(
        signed(&app, &admin, &wasm, &by_other).await.problem(),
        (422, "untrusted-key", "")
    );
    assert_eq!(
        signed(&app, &admin, &wasm, "ed25519 what").await.problem(),
        (400, "invalid-value", "Plugin-Signature")
    );
    let taken = signed(&app, &admin, &wasm, &signature).await;
    assert_eq!((taken.status, taken.text("/signed_by/name")), (CREATED, "acme"));
    assert_eq!(taken.text("/signed_by/key"), ours.public().to_string());
    app.put(POINT, &admin, json!({"plugin": "idle"})).await.ok();

    // A key that is trusted no more: what is bound stays, nothing is bound anew.
    assert_eq!(app.delete("/v1/trusted-keys/acme", &admin).await.status, 204);
    assert_eq!(
        app.delete("/v1/trusted-keys/acme", &admin).await.problem(),
        (404, "unknown-trusted-key", "")
    );
    app.get(POINT, &admin).await.ok();
    let again = app.put(POINT, &admin, json!({"plugin": "idle"})).await;
    assert_eq!(again.problem(), (422, "untrusted-key", ""));
    app.allow_unsigned(&admin).await;
    app.put(POINT, &admin, json!({"plugin": "idle"})).await.ok();

    // Uploaded while that was allowed, and not to be bound once it is not.
    app.upload(&admin, idle_strategy("3.0.0")).await.ok();
    app.put("/v1/plugin-policy", &admin, strict).await.ok();
    let unsigned = app.put(POINT, &admin, json!({"plugin": "idle"})).await;
    assert_eq!(unsigned.problem(), (422, "unsigned", ""));
}

#[tokio::test]
async fn a_signature_that_comes_later_is_added() {
    let app = TestApp::start().await;
    let admin = app.tenant("one", NUMBER).await;
    let wasm = idle_strategy("1.0.0");
    let unsigned = app.upload(&admin, wasm.clone()).await.ok();
    assert_eq!(unsigned.body["signed_by"], Value::Null);
    let manifest = Sandbox::manifest(&wasm).unwrap();
    let mut signatures = Vec::new();
    for name in ["first", "second"] {
        let key = PublisherKey::generate().unwrap();
        let untrusted = key.sign(&manifest, Digest::of(&wasm)).to_string();
        let refused = signed(&app, &admin, &wasm, &untrusted).await;
        assert_eq!(refused.problem(), (422, "untrusted-key", ""));
        let trust = json!({"key": key.public()});
        app.put(&format!("/v1/trusted-keys/{name}"), &admin, trust)
            .await
            .ok();
        signatures.push(untrusted);
    }
    let strict = json!({"grants": "requested", "unsigned": "refused"});
    app.put("/v1/plugin-policy", &admin, strict).await.ok();
    let refused = app.put(POINT, &admin, json!({"plugin": "idle"})).await;
    assert_eq!(refused.problem(), (422, "unsigned", ""));

    let names = |reply: &crate::support::Reply| {
        let also = reply.body["also_signed_by"].as_array().unwrap().iter();
        let also: Vec<_> = also.map(|signed| signed["name"].clone()).collect();
        json!([reply.text("/signed_by/name"), also])
    };
    let first = signed(&app, &admin, &wasm, &signatures[0]).await.ok();
    assert_eq!(names(&first), json!(["first", []]));
    app.put(POINT, &admin, json!({"plugin": "idle"})).await.ok();
    for _ in 0..2 {
        let second = signed(&app, &admin, &wasm, &signatures[1]).await.ok();
        assert_eq!(names(&second), json!(["first", ["second"]]));
    }
    let stored = app.get("/v1/plugins/idle/1.0.0", &admin).await.ok();
    assert_eq!(names(&stored), json!(["first", ["second"]]));
    assert_eq!(stored.body["uploaded_at"], unsigned.body["uploaded_at"]);

    // One that is still trusted will do.
    assert_eq!(app.delete("/v1/trusted-keys/first", &admin).await.status, 204);
    app.put(POINT, &admin, json!({"plugin": "idle"})).await.ok();
    assert_eq!(app.delete("/v1/trusted-keys/second", &admin).await.status, 204);
    let refused = app.put(POINT, &admin, json!({"plugin": "idle"})).await;
    assert_eq!(refused.problem(), (422, "untrusted-key", ""));
}

#[tokio::test]
async fn a_new_tenant_refuses_unsigned_plugins() {
    let app = TestApp::start().await;
    let made = app
        .post("/v1/tenants", &app.operator, json!({"id": "new", "name": "New"}))
        .await
        .ok();
    let admin = made.text("/key/key");
    let policy = app.get("/v1/plugin-policy", admin).await.ok();
    assert_eq!(policy.body, json!({"grants": "requested", "unsigned": "refused"}));
    assert_eq!(
        app.upload(admin, idle_strategy("1.0.0")).await.problem(),
        (422, "unsigned", "")
    );
}

#[test]
fn the_signed_text_is_what_the_manual_says() {
    let wasm = strategy("kept", "1.2.3", SCHEMA);
    let digest = Digest::of(&wasm);
    let text = format!(
        "jackfield-plugin-v1\nid kept\nversion 1.2.3\ndigest sha256:{digest}\nkind routing-strategy@0.1.0\n\
         requires cx:host/key-value\nrequires cx:profile/customers\n"
    );
    assert_eq!(signed_text(&Sandbox::manifest(&wasm).unwrap(), digest), text);
}

#[tokio::test]
async fn what_is_granted_changes_at_once_and_never_beyond_the_request() {
    let app = TestApp::start().await;
    let admin = app.tenant("one", NUMBER).await;
    app.upload(&admin, strategy("kept", "1.0.0", SCHEMA)).await.ok();
    app.put(POINT, &admin, json!({"plugin": "kept"})).await.ok();
    let point: ExtensionPoint = "queue:support".parse().unwrap();
    let bound = app
        .platform
        .registry()
        .bound(&TenantId::new("one").unwrap(), &point);
    let granted = bound.unwrap().granted.clone();
    assert_eq!(granted.now(), Grants::ALL);

    let at = "/v1/plugin-grants/kept";
    let by_policy = app.get(at, &admin).await.ok();
    let asked = json!(["cx:host/key-value", "cx:profile/customers"]);
    assert_eq!(
        (&by_policy.body["effective"], &by_policy.body["listed"]),
        (&asked, &Value::Null)
    );
    let body = json!({"capabilities": ["cx:profile/customers", "cx:call/calls"], "why": "tags only"});
    let listed = app.put(at, &admin, body).await.ok();
    assert_eq!(listed.body["effective"], json!(["cx:profile/customers"]));
    assert_eq!(listed.text("/why"), "tags only");
    assert!(!granted.now().contains(Capability::KeyValue) && granted.now().contains(Capability::Customers));

    assert_eq!(app.delete(at, &admin).await.status, 204);
    assert_eq!(granted.now(), Grants::ALL);
    let listed_only = json!({"grants": "listed", "unsigned": "allowed"});
    app.put("/v1/plugin-policy", &admin, listed_only).await.ok();
    assert_eq!(granted.now(), Grants::NONE);
    assert_eq!(app.get(at, &admin).await.ok().body["effective"], json!([]));

    let wrong = app.put(at, &admin, json!({"capabilities": ["cx:moon"]})).await;
    assert_eq!(wrong.problem().0, 400);
    assert!(wrong.text("/detail").contains("cx:call/calls"), "{wrong:?}");
    let nobody = app
        .put("/v1/plugin-grants/nobody", &admin, json!({"capabilities": []}))
        .await;
    assert_eq!(nobody.problem(), (404, "unknown-plugin", ""));
}

#[tokio::test]
async fn a_yanked_version_goes_on_where_it_is_and_is_bound_nowhere_anew() {
    let app = TestApp::start().await;
    let admin = app.tenant("one", NUMBER).await;
    for version in ["1.0.0", "1.1.0", "2.0.0-beta.1"] {
        app.upload(&admin, idle_strategy(version)).await.ok();
    }
    let newest = app.put(POINT, &admin, json!({"plugin": "idle"})).await.ok();
    assert_eq!(newest.text("/version"), "1.1.0", "releases before pre-releases");

    let at = "/v1/plugins/idle/1.1.0";
    let yanked = app
        .post(&format!("{at}/yank"), &admin, json!({"why": "loses calls"}))
        .await
        .ok();
    assert_eq!(
        (yanked.text("/state"), yanked.text("/yanked/why")),
        ("yanked", "loses calls")
    );
    assert_eq!(yanked.body["bound"], json!(["queue:support"]));
    let again = app.post(&format!("{at}/yank"), &admin, json!({})).await.ok();
    assert_eq!(again.text("/yanked/why"), "loses calls");
    assert_eq!(app.get(POINT, &admin).await.ok().text("/version"), "1.1.0");
    let named = json!({"plugin": "idle", "version": "1.1.0"});
    let refused = app.put(POINT, &admin, named.clone()).await;
    assert_eq!(refused.problem(), (409, "yanked", "version"));
    assert!(refused.text("/detail").contains("loses calls"), "{refused:?}");
    let newest = app.put(POINT, &admin, json!({"plugin": "idle"})).await.ok();
    assert_eq!(newest.text("/version"), "1.0.0");
    let list = app.get("/v1/plugins", &admin).await.ok();
    let states: Vec<_> = list.body["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["state"].clone())
        .collect();
    assert_eq!(states, ["bound", "yanked", "available"]);

    let restored = app.post(&format!("{at}/unyank"), &admin, json!({})).await.ok();
    assert_eq!(restored.text("/state"), "available");
    app.put(POINT, &admin, named).await.ok();
    let missing = app.post("/v1/plugins/idle/9.9.9/yank", &admin, json!({})).await;
    assert_eq!(missing.problem(), (404, "unknown-plugin", ""));
}

#[tokio::test]
async fn a_configuration_is_checked_and_a_reason_kept() {
    let app = TestApp::start().await;
    let admin = app.tenant("one", NUMBER).await;
    app.upload(&admin, strategy("kept", "1.0.0", SCHEMA)).await.ok();
    let wrong = json!({"plugin": "kept", "config": {"steps": [{"after": 3}, {"after": 12}]}});
    let refused = app.put(POINT, &admin, wrong).await;
    assert_eq!(
        refused.problem(),
        (422, "invalid-config", "/config/steps/1/after")
    );
    assert!(refused.text("/detail").contains('9'), "{refused:?}");
    let unknown = json!({"plugin": "kept", "config": {"stepps": []}});
    assert_eq!(
        app.put(POINT, &admin, unknown).await.problem(),
        (422, "invalid-config", "/config/stepps")
    );
    assert_eq!(app.get(POINT, &admin).await.status, 404, "nothing was bound");

    let right = json!({"plugin": "kept", "config": {"steps": []}, "why": "Black Friday"});
    app.put(POINT, &admin, right).await.ok();
    let history = app.get(&format!("{POINT}/history"), &admin).await.ok();
    assert_eq!(history.text("/items/0/why"), "Black Friday");
    let long = json!({"plugin": "kept", "why": "x".repeat(1_001)});
    assert_eq!(
        app.put(POINT, &admin, long).await.problem(),
        (422, "invalid-value", "why")
    );

    for schema in ["\"$ref\" = \"http://127.0.0.1:9/s.json\"", "type = \"strnig\""] {
        let more = format!("[config-schema]\n{schema}\n");
        let refused = app.upload(&admin, strategy("kept", "1.0.1", &more)).await;
        assert_eq!(refused.problem().1, "invalid-component");
        assert!(refused.text("/detail").contains("config-schema"), "{refused:?}");
    }
}
