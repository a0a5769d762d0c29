//! What a customer is writing and has not sent: for the agent who has the conversation, for a moment, and nowhere else.

use std::path::Path;

use jackfield_testkit::{Api, Server, Window};
use serde_json::{Value, json};

use crate::firm::{BINARY, bind, done, found, user};

const SECRET: &str = "how do I get a refund for my blue kettle";

struct Desk {
    _server: Server,
    _data: tempfile::TempDir,
    admin: Api,
    anna: Api,
    bo: Api,
    door: String,
}

impl Desk {
    fn open() -> Self {
        let data = tempfile::tempdir().unwrap();
        let server = Server::start(Path::new(BINARY), data.path());
        let admin = found(&server, data.path(), "acme");
        let entry =
            json!({"name": "Web", "default_queue": "support", "typing_preview": true, "unanswered": []});
        done(admin.put("/v1/chat-entries/web", &entry));
        for agent in ["anna", "bo"] {
            let body = json!({"name": agent, "queues": ["support"], "capacity": {"chat": 2}});
            done(admin.put(&format!("/v1/agents/{agent}"), &body));
        }
        done(admin.put("/v1/agents/anna/state", &json!({"state": "available"})));
        Self {
            anna: user(&admin, "anna", "agent"),
            bo: user(&admin, "bo", "agent"),
            door: format!("{}/chat/acme/web", admin.url()),
            admin,
            _server: server,
            _data: data,
        }
    }

    /// The same with another process, which knows nothing but what is on disk.
    fn restarted(self) -> Self {
        let Self {
            _server: server,
            _data: data,
            ..
        } = self;
        let http = self.admin.url().trim_start_matches("http://").to_owned();
        server.kill();
        Self {
            _server: Server::start_at(Path::new(BINARY), data.path(), &[], &http),
            _data: data,
            ..self
        }
    }

    fn publish(&self, id: &str, article: &Value) {
        done(self.admin.put(&format!("/v1/articles/{id}"), article));
        for step in ["review", "approve"] {
            let at = format!("/v1/articles/{id}/versions/1/{step}");
            done(self.admin.post(&at, &json!({})));
        }
    }

    /// What is suggested to anna when she has just taken a conversation in which nothing was said.
    fn first_suggestions(&self, id: &str) -> Value {
        let at = self.at(id, "suggestions");
        loop {
            let now = self.anna.see(&format!("{at}?known=0&wait_ms=20000"));
            if now["revision"] != 0 {
                assert_eq!(now["items"], json!([]), "the customer has said nothing yet");
                return now["revision"].clone();
            }
        }
    }

    /// A window and its conversation, which anna has taken.
    fn taken(&self) -> (Window, String) {
        let session = Window::session(&self.door, &json!({}));
        let mut window = Window::connect(&self.door);
        window.send(&json!({"type": "hello", "token": session["token"]}));
        assert_eq!(
            window.wait("ready")["typing_preview"],
            true,
            "the window says so to the customer"
        );
        let id = session["conversation"].as_str().unwrap().to_owned();
        // Nobody has it yet: it is for nobody, and the flow is not told.
        window.send(&json!({"type": "typing", "text": SECRET}));
        let mut events = self.admin.events();
        events.wait_for("its offer", std::time::Duration::from_secs(60), |event| {
            event["type"] == "offered" && event["interaction"] == *id
        });
        assert_eq!(
            self.anna.get(&self.at(&id, "typing")).0,
            409,
            "on offer, not in hand"
        );
        done(self.anna.post(&self.at(&id, "accept"), &json!({})));
        (window, id)
    }

    fn at(&self, id: &str, what: &str) -> String {
        format!("/v1/interactions/{id}/{what}")
    }

    /// What anna sees next after `known`.
    fn next(&self, id: &str, known: &Value) -> Value {
        let path = format!("{}?known={known}&wait_ms=20000", self.at(id, "typing"));
        self.anna.see(&path)
    }
}

#[test]
fn what_is_being_written_is_seen_by_its_agent_alone_and_kept_nowhere() {
    let desk = Desk::open();
    let (mut window, id) = desk.taken();
    let before = desk.anna.see(&desk.at(&id, "typing"));
    assert_eq!((&before["revision"], &before["until"]), (&json!(0), &Value::Null));
    window.send(&json!({"type": "typing", "text": SECRET}));
    let seen = desk.next(&id, &json!(0));
    assert_eq!(seen["text"], SECRET);
    assert!(seen["until"].is_u64(), "{seen}");
    assert_eq!(desk.bo.get(&desk.at(&id, "typing")).0, 404, "no concern of bo's");
    window.send(&json!({"type": "typing", "text": "x".repeat(8_193)}));
    assert_eq!(window.wait("error")["code"], "invalid-message");

    // It is sent: nothing is being written any more.
    window.send(&json!({"type": "send", "client_id": "1", "text": "never mind"}));
    let sent = desk.next(&id, &seen["revision"]);
    assert_eq!((&sent["until"], &sent["text"]), (&Value::Null, &Value::Null));
    // It is not: it goes by itself.
    window.send(&json!({"type": "typing", "text": SECRET}));
    let again = desk.next(&id, &sent["revision"]);
    assert_eq!(again["text"], SECRET);
    let gone = desk.next(&id, &again["revision"]);
    assert_eq!((&gone["until"], &gone["text"]), (&Value::Null, &Value::Null));

    // Who lets the conversation go sees no more of it.
    window.send(&json!({"type": "typing", "text": SECRET}));
    assert_eq!(desk.next(&id, &gone["revision"])["text"], SECRET);
    done(desk.anna.post(&desk.at(&id, "leave"), &json!({})));
    assert_eq!(desk.anna.get(&desk.at(&id, "typing")).0, 409);
    let mut events = desk.admin.events();
    events.wait_type("agent-left");
    let kept = serde_json::to_string(&events.seen).unwrap();
    assert!(!kept.contains("kettle"), "nothing of it is journaled: {kept}");
}

#[test]
fn suggestions_come_while_the_customer_writes() {
    let desk = Desk::open();
    bind(
        &desk.admin,
        &[("tenant:agent-assist", "knowledge-assist", json!({}))],
    );
    let article = json!({"title": "Refunds", "body": "A refund takes five days.", "language": "en"});
    desk.publish("refunds", &article);
    let (mut window, id) = desk.taken();
    let at = desk.at(&id, "suggestions");
    let known = desk.first_suggestions(&id);
    window.send(&json!({"type": "typing", "text": SECRET}));
    let suggested = desk.anna.see(&format!("{at}?known={known}&wait_ms=20000"));
    assert_eq!(suggested["items"][0]["id"], "refunds", "{suggested}");
    assert_eq!(suggested["items"][0]["about"], Value::Null, "of no message");

    let decisions = desk.admin.see("/v1/decisions?point=tenant:agent-assist");
    assert!(
        !decisions.to_string().contains("kettle"),
        "no record of what was not sent: {decisions}"
    );
    assert!(
        !decisions["items"].as_array().unwrap().is_empty(),
        "of the others there are"
    );

    // An entry that does not show it: the agent sees that, not what.
    let entry = json!({"name": "Web", "default_queue": "support", "unanswered": []});
    done(desk.admin.put("/v1/chat-entries/web", &entry));
    let before = desk.anna.see(&desk.at(&id, "typing"))["revision"].clone();
    window.send(&json!({"type": "typing", "text": "something else"}));
    let seen = desk.next(&id, &before);
    assert!(seen["until"].is_u64() && seen["text"].is_null(), "{seen}");
}

/// The first search of a process opens the index and reads the dictionary, which takes longer than a plugin has.
#[test]
fn the_first_suggestion_after_a_start_is_there() {
    let desk = Desk::open();
    let points = [("tenant:agent-assist", "knowledge-assist", json!({}))];
    bind(&desk.admin, &points);
    let article = json!({"title": "退款流程", "body": "三个工作日内到账。", "language": "zh-CN"});
    desk.publish("refunds", &article);
    let desk = desk.restarted();
    let (mut window, id) = desk.taken();
    let known = desk.first_suggestions(&id);
    window.send(&json!({"type": "send", "client_id": "1", "text": "请问怎么办理退款？"}));
    let at = desk.at(&id, "suggestions");
    let suggested = desk.anna.see(&format!("{at}?known={known}&wait_ms=20000"));
    assert_eq!(suggested["failure"], Value::Null, "{suggested}");
    assert_eq!(suggested["items"][0]["id"], "refunds", "{suggested}");
}
