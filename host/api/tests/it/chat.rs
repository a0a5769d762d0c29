//! Written conversations: as a chat window without a socket sees them, and as agents do.

use axum::body::Body;
use jackfield_types::InteractionId;
use serde_json::{Value, json};

use crate::support::{CREATED, NUMBER, Reply, TestApp, request, with_json};

const DOOR: &str = "/chat/one/web";

struct World {
    app: TestApp,
    admin: String,
    anna: String,
}

impl World {
    /// A tenant with a chat entry, and an agent who takes two conversations at once.
    async fn make() -> Self {
        let app = TestApp::start().await;
        let admin = app.tenant("one", NUMBER).await;
        let anna = app.writing_anna(&admin).await;
        let entry = json!({
            "name": "Web shop", "language": "en", "default_queue": "support",
            "allowed_origins": ["https://shop.example"],
            "unanswered": [{"after_ms": 1000, "action": "warn"}, {"after_ms": 1200, "action": {"reply": "One moment."}}],
        });
        app.put("/v1/chat-entries/web", &admin, entry).await.ok();
        Self { app, admin, anna }
    }

    async fn begin(&self, body: Value) -> (String, InteractionId) {
        let path = format!("{DOOR}/sessions");
        let begun = self.app.post(&path, "", body).await.ok();
        let id = begun.text("/conversation").parse().unwrap();
        (begun.text("/token").to_owned(), id)
    }

    async fn write(&self, token: &str, client_id: &str, text: &str) -> Reply {
        let body = json!({"client_id": client_id, "text": text});
        self.app.post(&format!("{DOOR}/messages"), token, body).await
    }

    async fn news(&self, token: &str, query: &str) -> Reply {
        self.app.get(&format!("{DOOR}/messages{query}"), token).await
    }

    async fn act(&self, key: &str, id: InteractionId, what: &str, body: Value) -> Reply {
        self.app
            .post(&format!("/v1/interactions/{id}/{what}"), key, body)
            .await
    }

    /// A conversation that anna has taken.
    async fn taken(&self) -> (String, InteractionId) {
        let (token, id) = self.begin(json!({})).await;
        self.app.until("one", id, "offered").await;
        self.act(&self.anna, id, "accept", json!({})).await.ok();
        (token, id)
    }
}

#[tokio::test]
async fn a_message_counts_once_and_is_there_for_whoever_comes_back() {
    let world = World::make().await;
    let (token, id) = world.begin(json!({"name": "Tom"})).await;
    assert_eq!(
        world.write(&token, "c1", "Hello").await.ok().body,
        json!({"number": 1})
    );
    assert_eq!(
        world.write(&token, "c1", "Hello").await.ok().body,
        json!({"number": 1})
    );
    assert_eq!(world.write(&token, "c2", "Anybody there?").await.status, CREATED);
    // A window that comes back goes on with its conversation.
    let (again, same) = world.begin(json!({"token": token})).await;
    assert_eq!((again, same), (token.clone(), id));
    let news = world.news(&token, "?after=1").await.ok();
    assert_eq!(news.body["messages"][0]["text"], "Anybody there?");
    assert_eq!(news.body["messages"].as_array().unwrap().len(), 1);
    let it = world
        .app
        .get(&format!("/v1/interactions/{id}"), &world.admin)
        .await
        .ok();
    assert_eq!(it.text("/channel"), "chat");
    assert_eq!(it.text("/caller_name"), "Tom");
    assert_eq!(it.body["number"], Value::Null);
    assert_eq!(it.body["chat"]["messages"], 2);
}

#[tokio::test]
async fn an_agent_takes_answers_and_leaves() {
    let world = World::make().await;
    let (token, id) = world.begin(json!({})).await;
    world.write(&token, "c1", "Hello").await.ok();
    world.app.until("one", id, "offered").await;
    assert_eq!(world.news(&token, "").await.text("/standing"), "waiting");
    world.act(&world.anna, id, "accept", json!({})).await.ok();
    let standing = world.news(&token, "").await.ok();
    assert_eq!(
        (standing.text("/standing"), standing.text("/agent")),
        ("agent", "Anna")
    );
    let body = json!({"text": "Good morning!", "client_id": "a1"});
    let sent = world.act(&world.anna, id, "messages", body.clone()).await.ok();
    assert_eq!((sent.text("/author"), sent.text("/agent")), ("agent", "anna"));
    let again = world.act(&world.anna, id, "messages", body).await.ok();
    assert_eq!(
        again.body["number"], sent.body["number"],
        "the same message counts once"
    );
    let read = json!({"up_to": sent.body["number"]});
    assert_eq!(world.act(&world.anna, id, "read", read).await.status, 204);
    assert_eq!(world.act(&world.anna, id, "typing", json!({})).await.status, 204);
    let events = world.app.events(&world.admin, id).await;
    let answered = events
        .iter()
        .find(|event| event["type"] == "message-sent" && event["message"]["author"]["agent"] == "anna");
    assert!(answered.unwrap()["response_ms"].is_u64(), "{events:#?}");
    let path = "/v1/chat-responses?queue=support&agent=anna&entry=web";
    let report = world.app.get(path, &world.admin).await.ok();
    assert_eq!(report.body["first"]["count"], 1);
    assert_eq!(report.body["turns"]["count"], 1);
    assert_eq!(report.body["turns"]["in_time"], 1.0);
    for (segment, expression, count) in [
        ("vip", json!({"tag": "vip"}), 0),
        ("others", json!({"not": {"tag": "vip"}}), 1),
    ] {
        let body = json!({"name": segment, "expression": expression});
        let to = format!("/v1/segments/{segment}");
        world.app.put(&to, &world.admin, body).await.ok();
        let report = format!("/v1/chat-responses?segment={segment}");
        let report = world.app.get(&report, &world.admin).await.ok();
        assert_eq!(report.body["first"]["count"], count, "{segment}");
    }
    let nobody = world
        .app
        .get("/v1/chat-responses?segment=nobody", &world.admin)
        .await;
    assert_eq!((nobody.status, nobody.text("/code")), (404, "unknown-segment"));
    let others = world
        .app
        .get("/v1/chat-responses?queue=sales", &world.admin)
        .await
        .ok();
    assert_eq!(others.body["turns"]["count"], 0);
    let refused = world
        .app
        .get("/v1/chat-responses?from=5&to=4", &world.admin)
        .await;
    assert_eq!(refused.problem().2, "from");
    world.act(&world.anna, id, "leave", json!({})).await.ok();
    world.app.until_closed("one", id).await;
    let refused = world.write(&token, "c9", "Thank you").await;
    assert_eq!(refused.problem(), (409, "no-conversation", ""));
    let (_, next) = world.begin(json!({"token": token})).await;
    assert_ne!(next, id, "a new conversation");
}

#[tokio::test]
async fn one_agent_serves_as_many_customers_as_the_agent_has_room_for() {
    let world = World::make().await;
    let (_, first) = world.taken().await;
    let (_, second) = world.taken().await;
    let (_, third) = world.begin(json!({})).await;
    world.app.until("one", third, "queued").await;
    let anna = world.app.get("/v1/agents/anna", &world.admin).await.ok();
    assert_eq!(anna.body["chats"], json!([first.to_string(), second.to_string()]));
    assert_eq!(anna.text("/state/name"), "available");
    let removed = world.app.delete("/v1/agents/anna", &world.admin).await;
    assert_eq!(removed.problem(), (409, "in-use", ""));
    world.act(&world.anna, first, "leave", json!({})).await.ok();
    world.app.until("one", third, "offered").await;
}

#[tokio::test]
async fn who_waits_for_an_answer_is_not_left_in_silence() {
    let world = World::make().await;
    let (token, id) = world.taken().await;
    world
        .act(&world.anna, id, "messages", json!({"text": "Hello"}))
        .await
        .ok();
    world.write(&token, "c1", "Where is my order?").await.ok();
    let news = world.news(&token, "?after=2&wait_ms=15000").await.ok();
    assert_eq!(news.body["messages"][0]["text"], "One moment.");
    assert_eq!(news.body["messages"][0]["author"], "system");
    let events = world.app.events(&world.admin, id).await;
    let steps: Vec<_> = events
        .iter()
        .filter(|event| event["type"] == "unanswered")
        .map(|event| (&event["agent"], &event["action"]))
        .collect();
    assert_eq!(
        steps,
        [
            (&json!("anna"), &json!("warn")),
            (&json!("anna"), &json!({"reply": "One moment."}))
        ]
    );
}

#[tokio::test]
async fn a_conversation_belongs_to_its_agent_and_its_visitor() {
    let world = World::make().await;
    let bo = json!({"name": "Bo", "queues": ["support"], "capacity": {"chat": 2}});
    world.app.put("/v1/agents/bo", &world.admin, bo).await.ok();
    let bo = world.app.user(&world.admin, "bo", "agent").await;
    let (token, id) = world.taken().await;
    for (what, body) in [
        ("messages", json!({"text": "x"})),
        ("accept", json!({})),
        ("decline", json!({})),
        ("leave", json!({})),
        ("read", json!({"up_to": 0})),
        ("typing", json!({})),
    ] {
        assert_eq!(world.act(&bo, id, what, body).await.status, 404, "{what}");
    }
    let path = format!("/v1/interactions/{id}/messages");
    assert_eq!(world.app.get(&path, &bo).await.status, 404);
    // Who declines what is in hand already is told so.
    let refused = world.act(&world.anna, id, "decline", json!({})).await;
    assert_eq!(refused.problem(), (409, "wrong-state", ""));

    // Tokens: none, a wrong one, another visitor's, another tenant's.
    assert_eq!(world.news("", "").await.status, 401);
    assert_eq!(world.news(&token.replace("one", "two"), "").await.status, 401);
    assert_eq!(world.news("jv1.one.x.9999999999999.00", "").await.status, 401);
    let (other, another) = world.begin(json!({})).await;
    assert_ne!(another, id);
    assert_eq!(world.news(&other, "").await.ok().body["messages"], json!([]));
    let two = world.app.tenant("two", "+442079460999").await;
    let entry = json!({"name": "Web", "default_queue": "support"});
    world.app.put("/v1/chat-entries/web", &two, entry).await.ok();
    let stranger = world.app.get("/chat/two/web/messages", &token).await;
    assert_eq!(stranger.status, 401, "a token is its tenant's");
}

#[tokio::test]
async fn only_pages_that_the_entry_allows_may_use_it() {
    let world = World::make().await;
    let ask = |method: &str, origin: &str| {
        let request = request(method, "/chat/one/web/sessions", "").header("origin", origin);
        let request = request.header("host", "cx.example");
        match method {
            "OPTIONS" => request.body(Body::empty()).unwrap(),
            _ => with_json(request, &json!({})),
        }
    };
    for origin in ["https://shop.example", "https://cx.example"] {
        let before = world.app.send(ask("OPTIONS", origin)).await;
        assert_eq!(
            (before.status, before.header("access-control-allow-origin")),
            (204, origin)
        );
        let begun = world.app.send(ask("POST", origin)).await.ok();
        assert_eq!(begun.header("access-control-allow-origin"), origin);
    }
    for method in ["OPTIONS", "POST"] {
        let refused = world.app.send(ask(method, "https://elsewhere.example")).await;
        assert_eq!(refused.problem(), (403, "origin-not-allowed", ""));
        assert_eq!(refused.header("access-control-allow-origin"), "");
    }
}

#[tokio::test]
async fn bad_input_is_told_by_its_field() {
    let world = World::make().await;
    let (token, _) = world.begin(json!({})).await;
    let long = "x".repeat(8_193);
    for (body, code, field) in [
        (json!({"client_id": "a", "text": ""}), "invalid-message", "text"),
        (
            json!({"client_id": "a", "text": " \n "}),
            "invalid-message",
            "text",
        ),
        (json!({"client_id": "a", "text": long}), "invalid-message", "text"),
        (
            json!({"client_id": "", "text": "x"}),
            "invalid-message",
            "client_id",
        ),
        (
            json!({"client_id": "x".repeat(65), "text": "x"}),
            "invalid-message",
            "client_id",
        ),
        (
            json!({"client_id": "a", "choice": "none"}),
            "invalid-message",
            "choice",
        ),
        (json!({"client_id": "a", "text": 5}), "invalid-value", "text"),
        (json!({"text": "x"}), "invalid-value", ""),
    ] {
        let refused = world
            .app
            .post(&format!("{DOOR}/messages"), &token, body.clone())
            .await;
        let (status, found, at) = refused.problem();
        assert!((400..500).contains(&status), "{body}");
        assert_eq!((found, at), (code, field), "{body}");
    }
    let far = world
        .app
        .post(&format!("{DOOR}/read"), &token, json!({"up_to": 7}))
        .await;
    assert_eq!(far.problem().2, "up_to");
    for (entry, field) in [
        (json!({"name": "", "default_queue": "support"}), "name"),
        (json!({"name": "W", "default_queue": "nowhere"}), "default_queue"),
        (
            json!({"name": "W", "default_queue": "support", "channel": "voice"}),
            "channel",
        ),
        (
            json!({"name": "W", "default_queue": "support", "language": "x"}),
            "language",
        ),
        (
            json!({"name": "W", "default_queue": "support", "idle_timeout_ms": 5}),
            "idle_timeout_ms",
        ),
        (
            json!({"name": "W", "default_queue": "support", "allowed_origins": ["shop"]}),
            "allowed_origins",
        ),
        (
            json!({"name": "W", "default_queue": "support", "unanswered": [{"after_ms": 2000, "action": "warn"}, {"after_ms": 2000, "action": "cover"}]}),
            "unanswered",
        ),
        (
            json!({"name": "W", "default_queue": "support", "unanswered": [{"after_ms": 2000, "action": {"escalate": "nowhere"}}]}),
            "unanswered",
        ),
    ] {
        let refused = world
            .app
            .put("/v1/chat-entries/w", &world.admin, entry.clone())
            .await;
        assert_eq!(refused.problem().2, field, "{entry}");
    }
    assert_eq!(
        world
            .app
            .post("/chat/one/nowhere/sessions", "", json!({}))
            .await
            .status,
        404
    );
    assert_eq!(
        world
            .app
            .post("/chat/nobody/web/sessions", "", json!({}))
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn a_visitor_who_floods_is_held_back() {
    let world = World::make().await;
    let (token, _) = world.begin(json!({})).await;
    let (other, _) = world.begin(json!({})).await;
    let mut refused = None;
    for n in 0..60 {
        let answer = world.write(&token, &format!("c{n}"), "spam").await;
        if answer.status == 429 {
            refused = Some(n);
            break;
        }
    }
    assert!(refused.is_some_and(|n| n >= 15), "{refused:?}");
    world.write(&other, "c1", "Hello").await.ok();
}

#[tokio::test]
async fn an_entry_with_open_conversations_stays() {
    let world = World::make().await;
    let (token, id) = world.begin(json!({})).await;
    let refused = world.app.delete("/v1/chat-entries/web", &world.admin).await;
    assert_eq!(refused.problem(), (409, "in-use", ""));
    let refused = world.app.delete("/v1/queues/support", &world.admin).await;
    assert_eq!(refused.status, 409);
    let ended = world.app.post(&format!("{DOOR}/end"), &token, json!({})).await;
    assert_eq!(ended.status, 204);
    world.app.until_closed("one", id).await;
    assert_eq!(
        world
            .app
            .delete("/v1/chat-entries/web", &world.admin)
            .await
            .status,
        204
    );
}

#[tokio::test]
async fn a_window_that_is_opened_begins_nothing_until_somebody_writes() {
    let world = World::make().await;
    let World { app, admin, .. } = &world;
    let visit = async |token: Option<&str>| {
        let body = token.map_or_else(|| json!({}), |token| json!({"token": token}));
        app.post(&format!("{DOOR}/visits"), "", body).await.ok()
    };
    let nothing = async || {
        let conversations = app.get("/v1/interactions", admin).await.ok();
        let customers = app.get("/v1/customers", admin).await.ok();
        assert_eq!(
            (&conversations.body["items"], &customers.body["items"]),
            (&json!([]), &json!([]))
        );
    };
    // Without a bot there is nothing to say, and still nobody is routed.
    let seen = visit(None).await;
    assert_eq!(seen.body.as_object().unwrap().len(), 3, "{:#}", seen.body);
    assert_eq!(seen.text("/title"), "Web shop");
    nothing().await;

    app.upload(admin, crate::channels::bundled("chat-menu"))
        .await
        .ok();
    let bind = async |greeting: &str| {
        let config =
            json!({"greeting": greeting, "menu": [{"id": "hours", "label": "Hours", "reply": "9 to 18."}]});
        let bound = json!({"plugin": "chat-menu", "version": "0.1.0", "config": config});
        app.put("/v1/bindings/chat:web", admin, bound).await.ok();
    };
    bind("Welcome!").await;
    for _ in 0..3 {
        visit(None).await;
    }
    let token = seen.text("/token");
    let greeted = visit(Some(token)).await;
    assert_eq!(greeted.text("/token"), token);
    let greeting = &greeted.body["greeting"][0];
    assert_eq!(
        (&greeting["text"], &greeting["choices"][0]["id"]),
        (&json!("Welcome!"), &json!("hours"))
    );
    assert_eq!(visit(Some(token)).await.body, greeted.body, "the same again");
    nothing().await;

    // Who writes begins the conversation, with what was shown; what was offered there can be picked.
    let (same, id) = world.begin(json!({"token": token, "name": "Tom"})).await;
    assert_eq!(same, token);
    let picked = json!({"client_id": "c1", "choice": "hours"});
    let picked = app.post(&format!("{DOOR}/messages"), token, picked).await.ok();
    assert_eq!(picked.body["number"], 2);
    let answer = world.news(token, "?after=2&wait_ms=5000").await.ok();
    assert_eq!(answer.text("/messages/0/text"), "9 to 18.");
    let first = world.news(token, "").await.ok();
    assert_eq!(first.body["messages"][0]["text"], "Welcome!");
    let events = app.events(admin, id).await;
    let told = events.iter().filter(|event| event["type"] == "chat-decided");
    let told: Vec<_> = told.map(|event| event["on"].clone()).collect();
    assert_eq!(
        told,
        [json!("started"), json!({"chosen": "hours"})],
        "asked once about each"
    );
    let again = visit(Some(token)).await;
    assert_eq!(again.text("/conversation"), id.to_string());
    assert_eq!(again.body["greeting"], Value::Null);

    // A greeting of what is no longer bound is not gone on with.
    let other = visit(None).await;
    bind("Good evening!").await;
    let (token, id) = world.begin(json!({"token": other.text("/token")})).await;
    let news = world.news(&token, "?wait_ms=5000").await.ok();
    assert_eq!(news.text("/messages/0/text"), "Good evening!");
    // Who leaves without a word has given nothing up.
    app.post(&format!("{DOOR}/end"), &token, json!({})).await.ok();
    app.until_closed("one", id).await;
    let it = app.get(&format!("/v1/interactions/{id}"), admin).await.ok();
    assert_eq!(it.body["ending"]["abandoned"], Value::Null);
}
