//! Visitors who say who they are: by a token of the tenant's site, and by a link.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::hmac;
use serde_json::{Value, json};

use crate::support::{NUMBER, Reply, TestApp};

struct World {
    app: TestApp,
    admin: String,
    secret: String,
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// What the tenant's site makes.
fn vouched(secret: &str, sub: &str, aud: &str, exp: u64, jti: &str) -> String {
    let part = |json: Value| BASE64_URL_SAFE_NO_PAD.encode(json.to_string());
    let claims = json!({"sub": sub, "aud": aud, "exp": exp, "jti": jti});
    let signed = format!("{}.{}", part(json!({"alg": "HS256", "typ": "JWT"})), part(claims));
    let code = hmac::sign(
        &hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()),
        signed.as_bytes(),
    );
    format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(code))
}

impl World {
    async fn make() -> Self {
        let app = TestApp::start().await;
        let admin = app.tenant("one", NUMBER).await;
        for entry in ["web", "shop"] {
            let body = json!({"name": "Web", "default_queue": "support"});
            app.put(&format!("/v1/chat-entries/{entry}"), &admin, body)
                .await
                .ok();
        }
        let made = app
            .post("/v1/chat-entries/web/identity-secret", &admin, json!({}))
            .await
            .ok();
        let secret = made.text("/secret").to_owned();
        Self { app, admin, secret }
    }

    /// A new visitor who has written: the token, and the address that the customer is known by.
    async fn visitor(&self) -> (String, String) {
        let begun = self.app.post("/chat/one/web/sessions", "", json!({})).await.ok();
        let token = begun.text("/token").to_owned();
        let body = json!({"client_id": "c1", "text": "Hello"});
        self.app.post("/chat/one/web/messages", &token, body).await.ok();
        let name = token.split('.').nth(2).unwrap();
        let address = format!("chat:{name}");
        (token, address)
    }

    async fn say(&self, visitor: &str, token: &str) -> Reply {
        self.app
            .post("/chat/one/web/identity", visitor, json!({"token": token}))
            .await
    }

    async fn customer(&self, of: &str) -> Value {
        self.app
            .get(&format!("/v1/customers/{of}"), &self.admin)
            .await
            .ok()
            .body
    }

    fn good(&self, sub: &str, jti: &str) -> String {
        vouched(&self.secret, sub, "one/web", now() + 300, jti)
    }
}

#[tokio::test]
async fn an_anonymous_visitor_turns_out_to_be_a_customer() {
    let world = World::make().await;
    let known = json!({"identities": ["crm:4711"], "name": "Li Lei"});
    let known = world.app.post("/v1/customers", &world.admin, known).await.ok();
    let (visitor, address) = world.visitor().await;
    assert_ne!(world.customer(&address).await["id"], known.body["id"]);
    let token = world.good("4711", "a");
    assert_eq!(world.say(&visitor, &token).await.status, 204);
    assert_eq!(
        world.say(&visitor, &token).await.status,
        204,
        "the same visitor may say it again"
    );
    let customer = world.customer(&address).await;
    assert_eq!(
        (&customer["id"], &customer["name"]),
        (&known.body["id"], &json!("Li Lei"))
    );
    let timeline = world
        .app
        .get("/v1/customers/crm:4711/timeline", &world.admin)
        .await
        .ok();
    let kinds: Vec<_> = timeline.body["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["kind"].as_str().unwrap())
        .collect();
    assert!(
        kinds.contains(&"interaction") && kinds.contains(&"merged"),
        "{kinds:?}"
    );

    // Whom nobody knows yet becomes known by the id of the tenant's own system.
    let (visitor, address) = world.visitor().await;
    assert_eq!(world.say(&visitor, &world.good("4712", "b")).await.status, 204);
    assert_eq!(
        world.customer(&address).await["id"],
        world.customer("crm:4712").await["id"]
    );
    // One window, one person.
    let refused = world.say(&visitor, &world.good("4711", "c")).await;
    assert_eq!(refused.problem(), (409, "another-customer", ""));
}

#[tokio::test]
async fn tokens_that_are_used_old_or_not_meant_are_refused() {
    let world = World::make().await;
    let (one, _) = world.visitor().await;
    let (other, _) = world.visitor().await;
    let token = world.good("4711", "a");
    assert_eq!(world.say(&one, &token).await.status, 204);
    assert_eq!(
        world.say(&other, &token).await.problem(),
        (409, "used-token", "token")
    );
    let secret = &world.secret;
    for (token, told) in [
        (
            vouched(secret, "1", "one/web", now() - 5, "b"),
            (403, "expired-token", "token"),
        ),
        (
            vouched(secret, "1", "one/shop", now() + 300, "b"),
            (403, "foreign-token", "token"),
        ),
        (
            vouched(secret, "1", "two/web", now() + 300, "b"),
            (403, "foreign-token", "token"),
        ),
        (
            vouched("guessed", "1", "one/web", now() + 300, "b"),
            (403, "foreign-token", "token"),
        ),
        (
            vouched(secret, "1", "one/web", now() + 9_000, "b"),
            (400, "invalid-value", "token"),
        ),
        (
            vouched(secret, "a b", "one/web", now() + 300, "b"),
            (400, "invalid-value", "identity"),
        ),
        ("nonsense".to_owned(), (400, "invalid-value", "token")),
    ] {
        assert_eq!(world.say(&other, &token).await.problem(), told);
    }
    assert_eq!(world.say("nonsense", &world.good("1", "d")).await.status, 401);
    // A new secret, and none.
    let path = "/v1/chat-entries/web/identity-secret";
    world.app.post(path, &world.admin, json!({})).await.ok();
    let refused = world.say(&other, &world.good("1", "e")).await;
    assert_eq!(refused.problem(), (403, "foreign-token", "token"));
    assert_eq!(world.app.delete(path, &world.admin).await.status, 204);
    let refused = world.say(&other, &world.good("1", "f")).await;
    assert_eq!(refused.problem(), (409, "no-identity-secret", ""));
}

#[tokio::test]
async fn a_link_binds_a_conversation_to_a_customer_once() {
    let world = World::make().await;
    let World { app, admin, .. } = &world;
    let two = app.tenant("two", "+442079460200").await;
    let (_, address) = world.visitor().await;
    let known = json!({"identities": ["crm:4711"]});
    let known = app.post("/v1/customers", admin, known).await.ok();
    let listed = app.get("/v1/interactions", admin).await.ok();
    let id = listed.text("/items/0/id").to_owned();
    let path = format!("/v1/interactions/{id}/identity-link");
    let link = app.post(&path, admin, json!({})).await.ok();
    let taken = json!({"token": link.body["token"], "identity": "crm:4711"});
    let refused = app.post("/v1/identity-links", &two, taken.clone()).await;
    assert_eq!(refused.problem(), (404, "unknown-identity-link", ""));
    let bound = app.post("/v1/identity-links", admin, taken.clone()).await.ok();
    assert_eq!(
        (&bound.body["customer"], bound.text("/interaction")),
        (&known.body["id"], &*id)
    );
    assert_eq!(world.customer(&address).await["id"], known.body["id"]);
    // A site that has not heard the answer says it again; nobody else may.
    let again = app.post("/v1/identity-links", admin, taken.clone()).await.ok();
    assert_eq!(again.body, bound.body);
    let other = json!({"token": link.body["token"], "identity": "crm:4712"});
    let refused = app.post("/v1/identity-links", admin, other).await;
    assert_eq!(refused.problem(), (409, "used-token", "token"));
    for bad in [
        "",
        "1.x",
        "x",
        "9.4444444444444444444444444444444444444444444444444444444444444444",
    ] {
        let taken = json!({"token": bad, "identity": "crm:4711"});
        let refused = app.post("/v1/identity-links", admin, taken).await;
        assert_eq!(refused.problem(), (404, "unknown-identity-link", ""), "{bad}");
    }
}
