//! What an agent is given while a customer writes: suggestions of the bound plugin, and reply templates.

use jackfield_types::InteractionId;
use serde_json::{Value, json};

use crate::support::{CREATED, NUMBER, Reply, TestApp};

const DOOR: &str = "/chat/one/web";

struct Desk {
    app: TestApp,
    admin: String,
    anna: String,
    token: String,
    id: InteractionId,
}

impl Desk {
    /// A conversation of Tom's that anna has taken.
    async fn make(unanswered: Value) -> Self {
        let app = TestApp::start().await;
        let admin = app.tenant("one", NUMBER).await;
        let anna = app.writing_anna(&admin).await;
        for (id, text) in [
            (
                "sent",
                "Dear {{customer.name|customer}}, order {{order}} is on its way. {{agent.name}}, {{queue.name}}",
            ),
            ("busy", "One moment please, {{customer.name}}."),
        ] {
            let body = json!({"title": id, "text": text, "language": "en", "shortcut": format!("/{id}")});
            app.put(&format!("/v1/reply-templates/{id}"), &admin, body)
                .await
                .ok();
        }
        let entry = json!({"name": "Web shop", "language": "en", "default_queue": "support", "unanswered": unanswered});
        app.put("/v1/chat-entries/web", &admin, entry).await.ok();
        let begun = app
            .post(&format!("{DOOR}/sessions"), "", json!({"name": "Tom"}))
            .await
            .ok();
        let id: InteractionId = begun.text("/conversation").parse().unwrap();
        app.until("one", id, "offered").await;
        app.post(&format!("/v1/interactions/{id}/accept"), &anna, json!({}))
            .await
            .ok();
        Self {
            token: begun.text("/token").to_owned(),
            app,
            admin,
            anna,
            id,
        }
    }

    /// The bundled plugin of the folder of built ones.
    async fn upload(&self, built: &std::ffi::OsStr) {
        let plugin = std::path::Path::new(built).join("knowledge-assist-0.1.0.wasm");
        self.app
            .upload(&self.admin, std::fs::read(plugin).unwrap())
            .await
            .ok();
    }

    async fn bind(&self) {
        let bound = json!({"plugin": "knowledge-assist"});
        self.app
            .put("/v1/bindings/tenant:agent-assist", &self.admin, bound)
            .await
            .ok();
    }

    async fn write(&self, client_id: &str, text: &str) {
        let body = json!({"client_id": client_id, "text": text});
        self.app
            .post(&format!("{DOOR}/messages"), &self.token, body)
            .await
            .ok();
    }

    fn at(&self, what: &str) -> String {
        format!("/v1/interactions/{}/{what}", self.id)
    }

    async fn publish(&self, id: &str, title: &str, body: &str) {
        let path = format!("/v1/articles/{id}");
        let article = json!({"title": title, "body": body, "language": "en"});
        self.app.put(&path, &self.admin, article).await.ok();
        for step in ["review", "approve"] {
            let path = format!("{path}/versions/1/{step}");
            self.app.post(&path, &self.admin, json!({})).await.ok();
        }
    }

    async fn send(&self, body: Value) -> Reply {
        self.app.post(&self.at("messages"), &self.anna, body).await
    }
}

#[tokio::test]
async fn a_template_is_sent_with_its_variables_and_what_is_missing_is_named() {
    let desk = Desk::make(json!([])).await;
    let refused = desk.send(json!({"template": {"id": "sent"}})).await;
    assert_eq!(refused.problem(), (422, "missing-variable", "variables.order"));
    let with = json!({"id": "sent", "variables": {"order": "4711"}});
    let shown = desk
        .app
        .post(&desk.at("filled-template"), &desk.anna, with.clone())
        .await
        .ok();
    let expected = "Dear Tom, order 4711 is on its way. Anna, Support";
    assert_eq!(shown.text("/text"), expected);
    let sent = desk.send(json!({ "template": with })).await;
    assert_eq!((sent.status, sent.text("/text")), (CREATED, expected));

    let own = json!({"title": "Hi", "text": "Hi {{customer.name}}!", "language": "en"});
    desk.app
        .put("/v1/own-reply-templates/hi", &desk.anna, own)
        .await
        .ok();
    let sent = desk
        .send(json!({"template": {"id": "hi", "own": true}}))
        .await
        .ok();
    assert_eq!(sent.text("/text"), "Hi Tom!");
    // Nobody else has it.
    let others = desk.app.get("/v1/own-reply-templates", &desk.admin).await.ok();
    assert_eq!(others.body["items"], json!([]));
    let unknown = desk.send(json!({"template": {"id": "hi"}})).await;
    assert_eq!(unknown.problem(), (422, "unknown-reply-template", "template"));
    let both = desk
        .send(json!({"text": "x", "template": {"id": "hi", "own": true}}))
        .await;
    assert_eq!(both.problem(), (400, "invalid-value", "text"));
    for (field, wrong) in [
        ("text", json!("{{open")),
        ("text", json!("")),
        ("text", json!("Dear {{custmer.name}}")),
        ("text", json!("Dear {{customer.nmae|customer}}")),
        ("text", json!("{{agent.title}}")),
        ("title", json!("")),
        ("language", json!("x")),
        ("shortcut", json!("a b")),
    ] {
        let mut body = json!({"title": "T", "text": "t", "language": "en"});
        body[field] = wrong;
        let refused = desk.app.put("/v1/reply-templates/x", &desk.admin, body).await;
        assert_eq!(refused.problem(), (400, "invalid-value", field), "{refused:#?}");
    }
    let tier = json!({"label": "Tier", "type": "text", "class": "none"});
    desk.app
        .put("/v1/customer-attributes/tier", &desk.admin, tier)
        .await
        .ok();
    let text = |text: &str| json!({"title": "T", "text": text, "language": "en"});
    let known = text("{{customer.tier}} {{interaction.topic}} {{order}} {{queue.name}}");
    desk.app
        .put("/v1/reply-templates/x", &desk.admin, known)
        .await
        .ok();
    let slip = text("{{customer.teir}}");
    let refused = desk.app.put("/v1/own-reply-templates/x", &desk.anna, slip).await;
    let detail = refused.text("/detail");
    assert!(
        detail.starts_with("text: {{customer.teir}} stands for nothing: expected customer.name,"),
        "{detail}"
    );
    assert!(detail.contains(", customer.tier, "), "{detail}");
}

#[tokio::test]
async fn a_customer_who_waits_gets_the_entrys_template() {
    let desk = Desk::make(json!([{"after_ms": 1000, "action": {"reply-template": "busy"}}])).await;
    desk.write("c1", "Hello?").await;
    let news = desk
        .app
        .get(&format!("{DOOR}/messages?after=1&wait_ms=10000"), &desk.token)
        .await
        .ok();
    assert_eq!(news.text("/messages/0/text"), "One moment please, Tom.");
    assert_eq!(news.text("/messages/0/author"), "system");
    let unknown = json!({"name": "Web shop", "default_queue": "support", "unanswered": [{"after_ms": 1000, "action": {"reply-template": "nope"}}]});
    let refused = desk.app.put("/v1/chat-entries/web", &desk.admin, unknown).await;
    assert_eq!(refused.problem(), (422, "unknown-reply-template", "unanswered"));
}

#[tokio::test]
async fn the_agent_is_given_articles_and_replies_while_the_customer_writes() {
    let Some(built) = std::env::var_os("JACKFIELD_PLUGINS") else {
        return println!("JACKFIELD_PLUGINS is not set");
    };
    let desk = Desk::make(json!([])).await;
    let asked = desk
        .app
        .post(&desk.at("suggestions"), &desk.anna, json!({}))
        .await;
    assert_eq!(asked.problem(), (409, "wrong-state", ""), "nothing is bound");
    desk.upload(&built).await;
    desk.bind().await;
    desk.publish("refunds", "Refunds", "Money is back within three days.")
        .await;
    desk.publish("parcels", "Parcels", "Where a parcel is.").await;

    desk.write("c1", "How do I get a refnud, and is my order on its way?")
        .await;
    let given = desk
        .app
        .get(&desk.at("suggestions?wait_ms=20000"), &desk.anna)
        .await
        .ok();
    assert_eq!(given.body["revision"], 1, "{given:#?}");
    assert_eq!(given.text("/by"), "knowledge-assist 0.1.0");
    let items = given.body["items"].as_array().unwrap();
    let article = items.iter().find(|item| item["kind"] == "article").unwrap();
    assert_eq!(
        (&article["id"], &article["about"]),
        (&json!("refunds"), &json!(1))
    );
    let reply = items.iter().find(|item| item["kind"] == "reply").unwrap();
    assert_eq!(
        reply["text"],
        "Dear Tom, order {{order}} is on its way. Anna, Support"
    );
    assert_eq!(reply["missing"], json!(["order"]));
    assert!(items.iter().all(|item| item["id"] != "parcels"));

    // The next message leads to other suggestions.
    desk.write("c2", "Where is my parcel?").await;
    let next = desk
        .app
        .get(&desk.at("suggestions?known=1&wait_ms=20000"), &desk.anna)
        .await
        .ok();
    assert_eq!(
        (next.body["revision"].as_u64(), next.text("/items/0/id")),
        (Some(2), "parcels")
    );
    let again = desk
        .app
        .post(&desk.at("suggestions"), &desk.anna, json!({}))
        .await
        .ok();
    assert_eq!(again.body["revision"], 3);

    // An answer out of an article counts.
    desk.send(json!({"text": "It is in Leeds.", "article": "parcels"}))
        .await
        .ok();
    let uses = desk.app.get("/v1/articles/parcels", &desk.admin).await.ok();
    assert_eq!(
        (&uses.body["uses"]["used"], &uses.body["uses"]["shown"]),
        (&json!(1), &json!(2))
    );

    // Whoever does not have the conversation sees nothing of it.
    let bo = json!({"name": "Bo", "queues": ["support"]});
    desk.app.put("/v1/agents/bo", &desk.admin, bo).await.ok();
    let bo = desk.app.user(&desk.admin, "bo", "agent").await;
    assert_eq!(desk.app.get(&desk.at("suggestions"), &bo).await.status, 404);
    desk.app.post(&desk.at("leave"), &desk.anna, json!({})).await.ok();
    let over = desk.app.get(&desk.at("suggestions"), &desk.anna).await.ok();
    assert_eq!(over.body["items"], json!([]));
}

/// Without a right to the knowledge base a plugin suggests nothing, and the message is there all the same.
#[tokio::test]
async fn a_plugin_that_fails_stands_in_nobodys_way() {
    let Some(built) = std::env::var_os("JACKFIELD_PLUGINS") else {
        return println!("JACKFIELD_PLUGINS is not set");
    };
    let desk = Desk::make(json!([])).await;
    desk.upload(&built).await;
    let nothing = json!({"capabilities": []});
    desk.app
        .put("/v1/plugin-grants/knowledge-assist", &desk.admin, nothing)
        .await
        .ok();
    desk.bind().await;
    desk.write("c1", "Hello").await;
    let given = desk
        .app
        .get(&desk.at("suggestions?wait_ms=20000"), &desk.anna)
        .await
        .ok();
    assert_eq!(
        (given.text("/failure"), &given.body["items"]),
        ("plugin-error", &json!([]))
    );
    let messages = desk.app.get(&desk.at("messages"), &desk.anna).await.ok();
    assert_eq!(messages.text("/items/0/text"), "Hello");
}
