//! Channels: what a provider tells becomes a conversation, and what is written there goes out through the provider, which
//! misbehaves.

use std::sync::Arc;

use axum::body::Body;
use jackfield_runtime::{PluginOptions, ProviderAccess};
use jackfield_testkit::{Conduct, Provider};
use jackfield_types::InteractionId;
use serde_json::{Value, json};

use crate::support::{NUMBER, PATIENCE, Reply, TestApp, request};

pub(crate) struct World {
    pub(crate) app: TestApp,
    pub(crate) admin: String,
    pub(crate) anna: String,
    pub(crate) provider: Arc<Provider>,
}

pub(crate) fn bundled(plugin: &str) -> Vec<u8> {
    let built = std::env::var_os("JACKFIELD_PLUGINS").map_or_else(
        || std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/plugins"),
        Into::into,
    );
    let file = built.join(format!("{plugin}-0.1.0.wasm"));
    std::fs::read(&file)
        .unwrap_or_else(|error| panic!("{}: {error}; run `cargo xtask plugins`", file.display()))
}

pub(crate) fn settings() -> Value {
    json!({
        "name": "Messenger", "entry": "messenger", "account": "shop", "identity": "shopper",
        "verification": {"scheme": "token", "header": "x-token", "secret": "inbound"},
        "hosts": ["api.example.com"], "retry_ms": 10, "attempts": 4,
        "secrets": {"inbound": "let-me-in", "token": "t0ps3cret"},
    })
}

impl World {
    /// A tenant with an agent and a channel whose connector is the plain one.
    pub(crate) async fn make() -> Self {
        let provider = Arc::new(Provider::start());
        provider.always("/out", 200, r#"{"id": "p{n}"}"#);
        let app = TestApp::start_with(PluginOptions {
            providers: ProviderAccess::StandIn(provider.at),
            ..PluginOptions::default()
        })
        .await;
        let admin = Self::furnish(&app, "one", NUMBER).await;
        let anna = app.user(&admin, "anna", "agent").await;
        Self {
            app,
            admin,
            anna,
            provider,
        }
    }

    pub(crate) async fn furnish(app: &TestApp, tenant: &str, number: &str) -> String {
        let admin = app.tenant(tenant, number).await;
        let agent = json!({"name": "Anna", "queues": ["support"], "capacity": {"social": 5}});
        app.put("/v1/agents/anna", &admin, agent).await.ok();
        app.put("/v1/agents/anna/state", &admin, json!({"state": "available"}))
            .await
            .ok();
        let entry = json!({"name": "Messenger", "channel": "social", "default_queue": "support"});
        app.put("/v1/chat-entries/messenger", &admin, entry).await.ok();
        app.put("/v1/channels/messenger", &admin, settings()).await.ok();
        app.upload(&admin, bundled("webhook-connector")).await.ok();
        let bound = json!({
            "plugin": "webhook-connector", "version": "0.1.0",
            "config": {"url": "https://api.example.com/out"},
        });
        app.put("/v1/bindings/connector:messenger", &admin, bound)
            .await
            .ok();
        admin
    }

    async fn tell_as(&self, tenant: &str, token: &str, body: &Value) -> Reply {
        let request = request("POST", &format!("/channels/{tenant}/messenger"), "").header("x-token", token);
        self.app
            .send(request.body(body.to_string().into()).unwrap())
            .await
    }

    pub(crate) async fn tell(&self, body: Value) -> Reply {
        self.tell_as("one", "let-me-in", &body).await
    }

    async fn write(&self, id: &str, from: &str, text: &str) -> Reply {
        self.tell(
            json!({"messages": [{"id": id, "from": from, "to": "shop", "name": "Li Lei", "text": text}]}),
        )
        .await
    }

    pub(crate) async fn conversations(&self, admin: &str) -> Vec<Value> {
        let listed = self.app.get("/v1/interactions", admin).await.ok();
        listed.body["items"].as_array().unwrap().clone()
    }

    /// A conversation that a customer began and anna has taken.
    pub(crate) async fn taken(&self, from: &str) -> InteractionId {
        self.write(&format!("{from}-1"), from, "Hello").await.ok();
        let conversations = self.conversations(&self.admin).await;
        let id = conversations.iter().find(|it| it["caller"] == from).unwrap()["id"].clone();
        let id: InteractionId = id.as_str().unwrap().parse().unwrap();
        self.app.until("one", id, "offered").await;
        self.act(id, "accept", json!({})).await.ok();
        id
    }

    pub(crate) async fn act(&self, id: InteractionId, what: &str, body: Value) -> Reply {
        self.app
            .post(&format!("/v1/interactions/{id}/{what}"), &self.anna, body)
            .await
    }

    pub(crate) async fn answer(&self, id: InteractionId, text: &str) -> u64 {
        let sent = self.act(id, "messages", json!({"text": text})).await.ok();
        sent.body["number"].as_u64().unwrap()
    }

    async fn delivery(&self, id: InteractionId, number: u64) -> Value {
        let path = format!("/v1/interactions/{id}/messages?after={}&limit=1", number - 1);
        let page = self.app.get(&path, &self.admin).await.ok();
        page.body["items"][0]["delivery"].clone()
    }

    /// Waits until a message has come so far, told of each change by the journal.
    pub(crate) async fn until(&self, id: InteractionId, number: u64, state: &str) -> Value {
        let mut entries = self.app.handle("one").subscribe();
        let wait = async {
            loop {
                let delivery = self.delivery(id, number).await;
                if delivery["state"] == state {
                    return delivery;
                }
                entries.recv().await.unwrap();
            }
        };
        tokio::time::timeout(PATIENCE, wait)
            .await
            .unwrap_or_else(|_| panic!("message {number} is not {state}"))
    }

    pub(crate) async fn heard(&self, count: usize) -> Vec<jackfield_testkit::Heard> {
        let provider = self.provider.clone();
        tokio::task::spawn_blocking(move || provider.wait_for("/out", count, PATIENCE))
            .await
            .unwrap()
    }
}

#[tokio::test]
async fn settings_are_checked_and_secrets_never_shown() {
    let world = World::make().await;
    let World { app, admin, .. } = &world;
    let shown = app.get("/v1/channels/messenger", admin).await.ok();
    assert_eq!(shown.body["secrets"], json!(["inbound", "token"]));
    assert!(!String::from_utf8_lossy(&shown.bytes).contains("t0ps3cret"));
    let listed = app.get("/v1/channels", admin).await.ok();
    assert!(!String::from_utf8_lossy(&listed.bytes).contains("let-me-in"));

    // What is left out stays, null takes away.
    let mut changed = settings();
    changed["secrets"] = json!({"token": null, "other": "x"});
    let kept = app.put("/v1/channels/messenger", admin, changed).await.ok();
    assert_eq!(kept.body["secrets"], json!(["inbound", "other"]));

    for (field, value, told) in [
        ("entry", json!("nowhere"), (422, "unknown-chat-entry", "entry")),
        ("name", json!(""), (400, "invalid-value", "name")),
        ("attempts", json!(0), (400, "invalid-value", "attempts")),
        ("retry_ms", json!(1), (400, "invalid-value", "retry_ms")),
        ("identity", json!("Tel"), (400, "invalid-value", "identity")),
        ("hosts", json!(["https://x"]), (400, "invalid-value", "hosts")),
        (
            "hosts",
            json!(["api.example.com:8443", "api.example.com:443"]),
            (400, "invalid-value", "hosts[1]"),
        ),
        (
            "verification",
            json!({"scheme": "magic"}),
            (400, "invalid-value", "verification.scheme"),
        ),
        (
            "verification",
            json!({"scheme": "token", "secret": "nothing"}),
            (400, "invalid-value", "verification.secret"),
        ),
        (
            "verification",
            json!({"scheme": "twilio", "secret": "inbound"}),
            (400, "invalid-value", "public_url"),
        ),
        (
            "tokens",
            json!({"access": {"url": "https://elsewhere.example/t", "method": "get", "fields": {}}}),
            (400, "invalid-value", "tokens.access.url"),
        ),
        (
            "secrets",
            json!({"a b": "x"}),
            (400, "invalid-value", "secrets.a b"),
        ),
    ] {
        let mut bad = settings();
        bad[field] = value;
        let refused = app.put("/v1/channels/messenger", admin, bad).await;
        assert_eq!(refused.problem(), told, "{refused:#?}");
    }
    let mut second = settings();
    let refused = app.put("/v1/channels/second", admin, second.clone()).await;
    assert_eq!(refused.problem(), (409, "in-use", "entry"));
    let spare = json!({"name": "Spare", "default_queue": "support"});
    app.put("/v1/chat-entries/spare", admin, spare).await.ok();
    second["entry"] = json!("spare");
    app.put("/v1/channels/second", admin, second).await.ok();
    assert_eq!(app.delete("/v1/channels/second", admin).await.status, 204);
    let refused = app.delete("/v1/channels/messenger", admin).await;
    assert_eq!(
        refused.problem(),
        (409, "in-use", ""),
        "a connector is bound to it"
    );
    // Nobody else writes where a channel feeds.
    let refused = app.post("/chat/one/messenger/sessions", "", json!({})).await;
    assert_eq!(refused.problem(), (409, "fed-by-channel", ""));
}

#[tokio::test]
async fn what_a_provider_tells_becomes_a_conversation_once() {
    let world = World::make().await;
    for _ in 0..3 {
        assert_eq!(world.write("m1", "u1", "你好").await.ok().status, 200);
    }
    let found = world.conversations(&world.admin).await;
    assert_eq!(found.len(), 1);
    let it = &found[0];
    assert_eq!((&it["channel"], &it["caller"]), (&json!("social"), &json!("u1")));
    assert_eq!(it["caller_name"], "Li Lei");
    assert_eq!(it["chat"]["messages"], 1, "the same message counts once");
    // Somebody who is new is a customer at once, and the same the next time.
    let customer = world.app.get("/v1/customers/shopper:u1", &world.admin).await.ok();
    assert_eq!(customer.body["id"], it["customer"]);
    let both = json!({"messages": [
        {"id": "m2", "from": "u1", "text": "one"}, {"id": "m3", "from": "u1", "text": "two"},
        {"id": "m4", "from": "u2", "attachments": [{"url": "https://a.example/1.png", "type": "image/png"}]},
    ]});
    world.tell(both).await.ok();
    let id = it["id"].as_str().unwrap();
    let messages = world
        .app
        .get(&format!("/v1/interactions/{id}/messages"), &world.admin)
        .await
        .ok();
    let texts: Vec<_> = messages.body["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| message["text"].as_str().unwrap())
        .collect();
    assert_eq!(texts, ["你好", "one", "two"]);
    assert_eq!(world.conversations(&world.admin).await.len(), 2);

    // A conversation that is over is not gone on with; what came there is still known.
    let id: InteractionId = id.parse().unwrap();
    world.app.until("one", id, "offered").await;
    world
        .app
        .post(&format!("/v1/interactions/{id}/end"), &world.admin, json!({}))
        .await
        .ok();
    world.app.until_closed("one", id).await;
    world.write("m1", "u1", "你好").await.ok();
    assert_eq!(world.conversations(&world.admin).await.len(), 2);
    world.write("m9", "u1", "Again").await.ok();
    assert_eq!(world.conversations(&world.admin).await.len(), 3);
}

#[tokio::test]
async fn who_is_not_the_provider_is_refused() {
    let world = World::make().await;
    let hello = json!({"messages": [{"id": "m1", "from": "u1", "text": "Hello"}]});
    for token in ["", "let-me-on", "let-me-in-", "Bearer"] {
        let refused = world.tell_as("one", token, &hello).await;
        assert_eq!(refused.problem(), (401, "not-verified", ""), "{token:?}");
    }
    let nobody = world.tell_as("nobody", "let-me-in", &hello).await;
    assert_eq!(nobody.status, 404);
    let other = request("POST", "/channels/one/other", "")
        .body(Body::empty())
        .unwrap();
    assert_eq!(
        world.app.send(other).await.problem(),
        (404, "unknown-channel", "")
    );
    let long = json!({"messages": [{"id": "m1", "from": "u1", "text": "x".repeat(140_000)}]});
    assert_eq!(world.tell(long).await.problem().0, 413);
    // Nonsense is not lost on anybody: the provider is to send it again.
    let nonsense = world.tell(json!("nonsense")).await;
    assert_eq!(nonsense.problem(), (503, "unavailable", ""));
    assert!(!nonsense.text("/detail").contains("nonsense"));
    let greeting = request("GET", "/channels/one/messenger?challenge=42", "").header("x-token", "let-me-in");
    let greeting = world.app.send(greeting.body(Body::empty()).unwrap()).await.ok();
    assert_eq!(greeting.bytes, "42");
    let mut off = settings();
    off["enabled"] = json!(false);
    world
        .app
        .put("/v1/channels/messenger", &world.admin, off)
        .await
        .ok();
    assert_eq!(world.tell(hello.clone()).await.status, 503);
    let mut slow = settings();
    slow["requests_per_second"] = json!(1);
    world
        .app
        .put("/v1/channels/messenger", &world.admin, slow)
        .await
        .ok();
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(world.tell(json!({})).await.status);
    }
    assert!(statuses.contains(&429), "{statuses:?}");
}

#[tokio::test]
async fn an_answer_goes_out_once_whatever_the_provider_does() {
    let world = World::make().await;
    let id = world.taken("u1").await;
    for conduct in [
        Conduct::Answer(500, "down".into()),
        Conduct::HangUp,
        Conduct::Answer(429, String::new()),
    ] {
        world.provider.next("/out", conduct);
    }
    let number = world.answer(id, "Good morning!").await;
    let second = world.answer(id, "How can I help?").await;
    let sent = world.until(id, second, "sent").await;
    assert_eq!(sent["attempts"], 1);
    let first = world.delivery(id, number).await;
    assert_eq!((&first["state"], &first["attempts"]), (&json!("sent"), &json!(4)));
    let heard = world.heard(5).await;
    assert_eq!(heard.len(), 5);
    let ids: Vec<_> = heard
        .iter()
        .map(|heard| heard.header("idempotency-key").to_owned())
        .collect();
    let (one, two) = (format!("{id}-{number}"), format!("{id}-{second}"));
    assert_eq!(
        ids,
        [one.clone(), one.clone(), one.clone(), one, two],
        "in order, each under its own id"
    );
    let body: Value = serde_json::from_str(&heard[0].body).unwrap();
    assert_eq!(heard[0].header("authorization"), "Bearer t0ps3cret");
    assert_eq!(heard[0].header("host"), "api.example.com");
    assert_eq!(
        (&body["from"], &body["to"], &body["text"], &body["reply-to"]),
        (
            &json!("shop"),
            &json!("u1"),
            &json!("Good morning!"),
            &json!("u1-1")
        )
    );

    // What the provider tells of it afterwards, in whatever order.
    let receipt = |status: &str| json!({"receipts": [{"id": "p5", "status": status}]});
    world.tell(receipt("delivered")).await.ok();
    world.until(id, second, "delivered").await;
    world.tell(receipt("read")).await.ok();
    world.tell(receipt("delivered")).await.ok();
    world
        .tell(json!({"receipts": [{"id": "unheard-of", "status": "read"}]}))
        .await
        .ok();
    assert_eq!(world.delivery(id, second).await["state"], "read");
}

#[tokio::test]
async fn what_does_not_go_out_is_given_up_with_a_reason() {
    let world = World::make().await;
    let id = world.taken("u1").await;
    let refused = r#"{"error": {"code": "blocked", "message": "the customer has blocked the shop"}}"#;
    world.provider.next("/out", Conduct::Answer(400, refused.into()));
    let number = world.answer(id, "Hello?").await;
    let failed = world.until(id, number, "failed").await;
    assert_eq!(
        (&failed["reason"], &failed["attempts"]),
        (&json!("blocked"), &json!(1))
    );
    for _ in 0..4 {
        world.provider.next("/out", Conduct::Answer(503, String::new()));
    }
    let number = world.answer(id, "Hello again?").await;
    let failed = world.until(id, number, "failed").await;
    assert_eq!(
        (&failed["reason"], &failed["attempts"]),
        (&json!("http-503"), &json!(4))
    );
    let told = world.app.events(&world.admin, id).await;
    let given_up = told
        .iter()
        .filter(|event| event["type"] == "message-delivery" && event["delivery"] == "failed");
    assert_eq!(given_up.count(), 2);

    // A host that the channel does not name is not called, and a redirect leads nowhere.
    world.provider.next("/out", Conduct::Answer(302, String::new()));
    let number = world.answer(id, "Once more").await;
    assert_eq!(world.until(id, number, "failed").await["reason"], "http-302");
    let before = world.provider.heard("").len();
    let mut elsewhere = settings();
    elsewhere["hosts"] = json!(["other.example.com"]);
    world
        .app
        .put("/v1/channels/messenger", &world.admin, elsewhere)
        .await
        .ok();
    let number = world.answer(id, "And again").await;
    assert_eq!(
        world.until(id, number, "failed").await["reason"],
        "host-not-allowed"
    );
    assert_eq!(world.provider.heard("").len(), before);
}

#[tokio::test]
async fn one_that_hangs_delays_nobody_else() {
    let world = World::make().await;
    let (stuck, other) = (world.taken("u1").await, world.taken("u2").await);
    world.provider.next("/out", Conduct::Hang);
    let hanging = world.answer(stuck, "This one hangs").await;
    world.heard(1).await;
    let number = world.answer(other, "This one does not").await;
    world.until(other, number, "sent").await;
    assert_eq!(world.delivery(stuck, hanging).await["state"], "queued");
    let shown = world.app.get("/v1/channels/messenger", &world.admin).await.ok();
    assert_eq!(shown.body["waiting"], 1);
    world.provider.let_go();
    world.until(stuck, hanging, "sent").await;
}

#[tokio::test]
async fn two_tenants_never_meet() {
    let world = World::make().await;
    let two = World::furnish(&world.app, "two", "+442079460200").await;
    let hello = json!({"messages": [{"id": "m1", "from": "u1", "text": "Hello"}]});
    world.tell_as("one", "let-me-in", &hello).await.ok();
    world.tell_as("two", "let-me-in", &hello).await.ok();
    for admin in [&world.admin, &two] {
        let found = world.conversations(admin).await;
        assert_eq!(found.len(), 1, "the same id is another message to another tenant");
    }
    let mut other = settings();
    other["secrets"] = json!({"inbound": "another"});
    world.app.put("/v1/channels/messenger", &two, other).await.ok();
    assert_eq!(world.tell_as("two", "let-me-in", &hello).await.status, 401);
    world.tell_as("one", "let-me-in", &hello).await.ok();
}

#[tokio::test]
async fn a_burst_is_taken_whole_and_in_order() {
    let world = World::make().await;
    for n in 0..30 {
        let (id, text) = (format!("b{n}"), format!("{n}"));
        world.write(&id, "u1", &text).await.ok();
        if n % 3 == 0 {
            // The provider has not seen the answer.
            world.write(&id, "u1", &text).await.ok();
        }
    }
    let found = world.conversations(&world.admin).await;
    assert_eq!(found[0]["chat"]["messages"], 30);
}

#[tokio::test]
async fn what_is_too_long_together_is_cut_and_nothing_else_is_held_up() {
    let world = World::make().await;
    let message = |n: usize, bytes: usize| json!({"id": format!("m{n}"), "from": format!("u{n}"), "text": "x".repeat(bytes)});
    let mut messages: Vec<_> = (0..12).map(|n| message(n, 8_000)).collect();
    messages.push(message(12, 20));
    world.tell(json!({"messages": messages})).await.ok();
    let conversations = world.conversations(&world.admin).await;
    assert_eq!(conversations.len(), 13);
    for it in conversations {
        let short = it["caller"] == "u12";
        let id: InteractionId = it["id"].as_str().unwrap().parse().unwrap();
        let told = world.app.events(&world.admin, id).await;
        let sent = told.iter().find(|event| event["type"] == "message-sent").unwrap();
        assert_eq!(sent["cut"] == true, !short, "{sent:#}");
        let text = sent["message"]["text"].as_str().unwrap();
        assert_eq!(text == "x".repeat(20), short);
        assert!(short || text.len() > 4_000 && text.ends_with('…'), "{text}");
        let page = world
            .app
            .get(&format!("/v1/interactions/{id}/messages"), &world.admin)
            .await
            .ok();
        assert_eq!(page.body["items"][0]["cut"] == true, !short);
    }
}

#[tokio::test]
async fn on_a_call_a_link_goes_as_a_short_message_and_its_row_says_what_became_of_it() {
    let world = World::make().await;
    let World { app, admin, anna, .. } = &world;
    let agent = json!({"name": "Anna", "queues": ["support"], "capacity": {"voice": 1, "social": 5}});
    app.put("/v1/agents/anna", admin, agent).await.ok();
    let links = json!({"public_url": "https://cx.example", "assistance_hosts": ["help.example"]});
    app.put("/v1/link-settings", admin, links).await.ok();
    app.put("/v1/customer-settings", admin, json!({"default_region": "CN"}))
        .await
        .ok();
    let call = app.conversation("one", admin, NUMBER).await;
    let at = format!("/v1/interactions/{call}/assistances");
    let link = |more: Value| {
        let mut body = json!({"title": "Check your line", "url": "https://help.example/check"});
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        body
    };
    let mut short = settings();
    for (field, value) in [
        ("entry", "sms"),
        ("account", "+861055550100"),
        ("identity", "tel"),
    ] {
        short[field] = json!(value);
    }
    let entry = json!({"name": "SMS", "channel": "social", "default_queue": "support"});
    app.put("/v1/chat-entries/sms", admin, entry).await.ok();
    app.put("/v1/channels/sms", admin, short).await.ok();
    for (body, field) in [
        (json!({"channel": "nowhere"}), "channel"),
        (json!({"channel": "messenger"}), "channel"),
        (json!({"channel": "sms", "to": "a friend"}), "to"),
        (json!({"to": "+8613800138001"}), "to"),
    ] {
        let refused = app.post(&at, anna, link(body)).await;
        assert_eq!(refused.problem(), (400, "invalid-value", field));
    }
    // It waits until somebody can say it in the provider's words.
    let offered = app.post(&at, anna, link(json!({"channel": "sms"}))).await.ok();
    assert_eq!(offered.text("/notice/to"), "+8613800138000");
    let bound = json!({
        "plugin": "webhook-connector", "version": "0.1.0", "config": {"url": "https://api.example.com/out"},
    });
    world.provider.next("/out", Conduct::Answer(503, String::new()));
    let mut entries = app.handle("one").subscribe();
    app.put("/v1/bindings/connector:sms", admin, bound).await.ok();
    let until = async |entries: &mut tokio::sync::broadcast::Receiver<_>, steps: usize| {
        let wait = async {
            loop {
                let told = app.events(admin, call).await;
                let told: Vec<_> = told
                    .iter()
                    .filter(|event| event["type"] == "assistance-changed")
                    .map(|event| event["step"].as_str().unwrap().to_owned())
                    .collect();
                if told.len() >= steps {
                    return told;
                }
                let _: Arc<jackfield_runtime::JournalEntry> = entries.recv().await.unwrap();
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.unwrap()
    };
    assert_eq!(until(&mut entries, 2).await, ["offered", "sent"]);
    let heard = world.heard(2).await;
    let said: Value = serde_json::from_str(&heard[1].body).unwrap();
    assert_eq!(
        (&said["from"], &said["to"], &said["text"]),
        (
            &json!("+861055550100"),
            &json!("+8613800138000"),
            &json!(format!("Check your line\n{}", offered.text("/url")))
        )
    );
    assert_eq!(
        heard[0].header("idempotency-key"),
        heard[1].header("idempotency-key")
    );
    let listed = app.get(&at, anna).await.ok();
    assert!(
        listed.body["items"][0]["notice"]["sent_at"].is_u64(),
        "{:#}",
        listed.body
    );

    // One that the provider refuses says so, to another number than the caller's.
    let refused = r#"{"error": {"code": "unreachable", "message": "no such subscriber"}}"#;
    world.provider.next("/out", Conduct::Answer(400, refused.into()));
    app.post(&at, anna, link(json!({"channel": "sms", "to": "138 0013 8001"})))
        .await
        .ok();
    assert_eq!(until(&mut entries, 4).await[2..], ["offered", "unsent"]);
    let listed = app.get(&at, anna).await.ok();
    let given_up = listed.body["items"].as_array().unwrap().iter();
    let mut given_up = given_up.filter(|link| link["notice"]["failed"] == "unreachable");
    assert_eq!(given_up.next().unwrap()["notice"]["to"], "+8613800138001");
}
