//! One tenant's flood of requests and uploads, and the tenant next door.

use std::future::pending;

use axum::body::{Body, Bytes};
use jackfield_api::Peer;
use jackfield_types::limits::{
    MAX_ADDRESS_HTTP_VISITS, MAX_HTTP_REQUESTS, MAX_TENANT_HTTP_REQUESTS, MAX_TENANT_HTTP_UPLOADS,
    MAX_TENANT_HTTP_VISITS,
};
use serde_json::json;
use tokio::task::JoinSet;

use crate::channels::{World, settings};
use crate::support::{NUMBER, PATIENCE, TestApp, idle_strategy, request};

/// A body of which a little comes, and then nothing for ever.
fn slow_body() -> Body {
    let some = futures_util::stream::once(async { Ok::<_, std::io::Error>(Bytes::from_static(b"{")) });
    let rest = futures_util::stream::once(pending());
    Body::from_stream(futures_util::StreamExt::chain(some, rest))
}

struct Street {
    app: std::sync::Arc<TestApp>,
    loud: String,
    calm: String,
    held: JoinSet<u16>,
}

impl Street {
    async fn make() -> Self {
        let app = TestApp::start().await;
        let loud = app.tenant("loud", NUMBER).await;
        let calm = app
            .post(
                "/v1/tenants",
                &app.operator,
                json!({"id": "calm", "name": "Calm"}),
            )
            .await
            .ok();
        let calm = calm.text("/key/key").to_owned();
        app.allow_unsigned(&calm).await;
        Self {
            app: app.into(),
            loud,
            calm,
            held: JoinSet::new(),
        }
    }

    /// One more request of the loud tenant whose body never comes in whole.
    fn hold(&mut self, (method, path, media_type): (&'static str, &'static str, &'static str)) {
        let (app, key) = (self.app.clone(), self.loud.clone());
        self.held.spawn(async move {
            let request = request(method, path, &key).header("content-type", media_type);
            app.open(request.body(slow_body()).unwrap())
                .await
                .status()
                .as_u16()
        });
    }

    /// Holds places until the loud tenant has none left for a request like these.
    async fn flood(&mut self, like: (&'static str, &'static str, &'static str), places: usize) {
        for _ in 0..places {
            self.hold(like);
        }
        let end = std::time::Instant::now() + PATIENCE;
        loop {
            assert!(std::time::Instant::now() < end, "it is never refused");
            let reply = if like.1 == "/v1/plugins" {
                self.app.upload(&self.loud, idle_strategy("1.0.0")).await
            } else {
                self.app.get(like.1, &self.loud).await
            };
            if reply.status == 429 {
                assert_eq!(reply.problem(), (429, "overloaded", ""));
                assert_eq!(reply.header("retry-after"), "1");
                assert!(reply.text("/detail").contains("of this tenant"), "{reply:#?}");
                return;
            }
            // This one may have had the place of one of those.
            self.hold(like);
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn a_flood_of_requests_fills_the_places_of_its_own_tenant_alone() {
    let mut street = Street::make().await;
    street
        .flood(
            ("PUT", "/v1/queues/support", "application/json"),
            MAX_TENANT_HTTP_REQUESTS,
        )
        .await;
    for _ in 0..20 {
        street.app.get("/v1/queues", &street.calm).await.ok();
        street.app.get("/v1/tenants", &street.app.operator).await.ok();
    }
    street.app.upload(&street.calm, idle_strategy("1.0.0")).await.ok();
    street.held.shutdown().await;
}

#[tokio::test]
async fn uploads_have_fewer_places_and_hold_nobody_else_up() {
    let mut street = Street::make().await;
    street
        .flood(
            ("POST", "/v1/plugins", "application/wasm"),
            MAX_TENANT_HTTP_UPLOADS,
        )
        .await;
    // The rest of its own work goes on, and so does everybody else's.
    street.app.get("/v1/plugins", &street.loud).await.ok();
    street.app.upload(&street.calm, idle_strategy("1.0.0")).await.ok();
    street.held.shutdown().await;
}

#[tokio::test]
async fn many_floods_at_once_leave_places_to_the_others() {
    let mut street = Street::make().await;
    let mut keys = vec![street.loud.clone()];
    for n in 1..MAX_HTTP_REQUESTS / MAX_TENANT_HTTP_REQUESTS {
        let body = json!({"id": format!("loud-{n}"), "name": "Loud"});
        let made = street
            .app
            .post("/v1/tenants", &street.app.operator, body)
            .await
            .ok();
        keys.push(made.text("/key/key").to_owned());
    }
    for key in &keys {
        street.loud.clone_from(key);
        for _ in 0..MAX_TENANT_HTTP_REQUESTS {
            street.hold(("PUT", "/v1/queues/support", "application/json"));
        }
    }
    let end = std::time::Instant::now() + PATIENCE;
    for key in &keys {
        while street.app.get("/v1/queues", key).await.status != 429 {
            assert!(std::time::Instant::now() < end, "it is never refused");
            tokio::task::yield_now().await;
        }
    }
    street.app.get("/v1/queues", &street.calm).await.ok();
    street
        .app
        .put("/v1/queues/support", &street.calm, json!({"name": "Support"}))
        .await
        .ok();
    street.app.get("/v1/tenants", &street.app.operator).await.ok();
    for path in ["/healthz", "/readyz", "/metrics"] {
        let open = request("GET", path, "").body(Body::empty()).unwrap();
        assert_eq!(street.app.open(open).await.status(), 200, "{path}");
    }
    street.held.shutdown().await;
}

/// Of chat windows, whose visitors have no key: each half of a request.
#[tokio::test]
async fn a_flood_of_visitors_is_of_their_tenant_and_their_address_alone() {
    let mut street = Street::make().await;
    let from = |n: usize| Peer([198, 51, 100, n as u8].into());
    let visit = |tenant: &str, from: Peer| {
        let path = format!("/chat/{tenant}/web/sessions");
        let request = request("POST", &path, "").header("content-type", "application/json");
        request.extension(from)
    };
    let come = async |app: &TestApp, tenant: &str, from: Peer| {
        app.send(visit(tenant, from).body("{}".into()).unwrap()).await
    };
    // There is no such window, but it is looked for.
    let served = (404, "unknown-chat-entry", "");
    let full = MAX_TENANT_HTTP_VISITS / MAX_ADDRESS_HTTP_VISITS;
    for n in 0..=full {
        let mut told = come(&street.app, "loud", from(n)).await;
        if n == full {
            assert!(told.text("/detail").contains("of this tenant"), "{told:#?}");
            break;
        }
        assert_eq!(told.problem(), served, "{n}");
        let end = std::time::Instant::now() + PATIENCE;
        for held in 0.. {
            assert!(std::time::Instant::now() < end, "it is never refused");
            let app = street.app.clone();
            let half = visit("loud", from(n)).body(slow_body()).unwrap();
            street
                .held
                .spawn(async move { app.open(half).await.status().as_u16() });
            tokio::task::yield_now().await;
            told = come(&street.app, "loud", from(n)).await;
            if told.status == 429 {
                assert!(held >= MAX_ADDRESS_HTTP_VISITS - 1, "{held}");
                break;
            }
        }
        // At whomever.
        assert_eq!(
            come(&street.app, "calm", from(n)).await.problem(),
            (429, "overloaded", "")
        );
    }
    assert_eq!(come(&street.app, "calm", from(200)).await.problem(), served);
    let nobody = come(&street.app, "nobody", from(201)).await;
    assert_eq!(nobody.problem(), served);
    for key in [&street.loud, &street.calm] {
        street.app.get("/v1/queues", key).await.ok();
    }
    street.held.shutdown().await;
}

#[tokio::test]
async fn what_is_open_to_all_says_what_there_is_not() {
    let app = TestApp::start().await;
    for (path, code, detail) in [
        (
            "/channels/nope/none",
            "unknown-channel",
            "there is no channel nope/none",
        ),
        (
            "/chat/nope/web/sessions",
            "unknown-chat-entry",
            "there is no chat entry nope/web",
        ),
        ("/assist/nope/S3CR3T", "unknown-link", "there is no link nope/…"),
    ] {
        let told = app.post(path, "", json!({})).await;
        assert_eq!((told.problem().1, told.text("/detail")), (code, detail));
    }
}

/// Of a channel, whose provider is known by its secret.
#[tokio::test]
async fn strangers_use_nothing_up_that_is_a_providers() {
    let world = World::make().await;
    let two = World::furnish(&world.app, "two", "+442079460200").await;
    for admin in [&world.admin, &two] {
        let mut slow = settings();
        slow["requests_per_second"] = json!(2);
        world.app.put("/v1/channels/messenger", admin, slow).await.ok();
    }
    let tell = async |tenant: &str, from: [u8; 4], token: &str| {
        let request = request("POST", &format!("/channels/{tenant}/messenger"), "")
            .header("x-token", token)
            .extension(Peer(from.into()));
        world.app.send(request.body("{}".into()).unwrap()).await
    };
    let (stranger, provider) = ([198, 51, 100, 1], [203, 0, 113, 1]);
    let mut refused = tell("one", stranger, "guess").await;
    for tried in 0.. {
        assert!(tried < 100, "it is never too much");
        match refused.problem() {
            (401, "not-verified", _) => refused = tell("one", stranger, "guess").await,
            told => {
                assert_eq!(told, (429, "overloaded", ""));
                assert!(tried >= 19, "{tried}");
                break;
            }
        }
    }
    // The provider has all of its allowance, and the address is as good as any at the channel next door.
    tell("one", provider, "let-me-in").await.ok();
    tell("two", stranger, "let-me-in").await.ok();
    assert_eq!(tell("one", stranger, "let-me-in").await.status, 429);
    // What is the provider's is counted.
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(tell("one", provider, "let-me-in").await.status);
    }
    assert!(statuses.contains(&429), "{statuses:?}");
}
