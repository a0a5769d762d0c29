//! The event stream: from the journal and then live, without gap or double.

use std::collections::VecDeque;

use axum::body::Body;
use axum::http::Request;
use futures_util::StreamExt;
use serde_json::{Value, json};

use crate::support::{NUMBER, PATIENCE, TestApp, request};

/// A reader of server-sent events.
struct Reader {
    body: axum::body::BodyDataStream,
    text: String,
    events: VecDeque<Value>,
}

impl Reader {
    async fn open(app: &TestApp, request: Request<Body>) -> Self {
        let answer = app.open(request).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        Self {
            body: answer.into_body().into_data_stream(),
            text: String::new(),
            events: VecDeque::new(),
        }
    }

    /// The next event; none when the stream has ended.
    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            let chunk = tokio::time::timeout(PATIENCE, self.body.next())
                .await
                .expect("no event came")?;
            self.text.push_str(std::str::from_utf8(&chunk.unwrap()).unwrap());
            while let Some((event, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| {
                    event
                        .lines()
                        .find_map(|line| line.strip_prefix(name))
                        .map(str::trim)
                };
                if let Some(data) = field("data:") {
                    let data: Value = serde_json::from_str(data).unwrap();
                    assert_eq!(field("id:").unwrap(), data["seq"].to_string());
                    assert_eq!(field("event:").unwrap(), data["type"]);
                    self.events.push_back(data);
                }
                self.text = rest.to_owned();
            }
        }
    }

    async fn take(&mut self, count: usize) -> Vec<Value> {
        let mut taken = Vec::new();
        while taken.len() < count {
            taken.push(self.next().await.unwrap());
        }
        taken
    }
}

fn get(path: &str, key: &str) -> Request<Body> {
    request("GET", path, key).body(Body::empty()).unwrap()
}

fn seqs(events: &[Value]) -> Vec<u64> {
    events
        .iter()
        .map(|event| event["seq"].as_u64().unwrap())
        .collect()
}

async fn rename(app: &TestApp, key: &str, name: String) {
    app.put("/v1/queues/support", key, json!({"name": name}))
        .await
        .ok();
}

#[tokio::test]
async fn a_resumed_stream_has_no_gap_and_no_double() {
    let app = TestApp::start().await;
    let admin = app.tenant("one", NUMBER).await;
    for n in 0..20 {
        rename(&app, &admin, format!("first {n}")).await;
    }
    let mut reader = Reader::open(&app, get("/v1/events?from=0", &admin)).await;
    let first = reader.take(10).await;
    assert_eq!(seqs(&first), (0..10).collect::<Vec<_>>());
    drop(reader);

    // While nobody listens, and while the reader catches up, more happens.
    for n in 0..20 {
        rename(&app, &admin, format!("second {n}")).await;
    }
    let resumed = request("GET", "/v1/events?from=0", &admin).header("last-event-id", "9");
    let mut reader = Reader::open(&app, resumed.body(Body::empty()).unwrap()).await;
    let writing = async {
        for n in 0..50 {
            rename(&app, &admin, format!("third {n}")).await;
        }
    };
    let length = app.handle("one").journal_len(&system()).await.unwrap() as usize + 50;
    let (_, rest) = tokio::join!(writing, reader.take(length - 10));
    assert_eq!(seqs(&rest), (10..length as u64).collect::<Vec<_>>());
}

fn system() -> jackfield_types::OpContext {
    jackfield_types::OpContext::system(jackfield_types::TenantId::new("one").unwrap(), "test")
}

#[tokio::test]
async fn a_slow_reader_is_served_from_the_journal() {
    let app = TestApp::start().await;
    let admin = app.tenant("one", NUMBER).await;
    let mut reader = Reader::open(&app, get("/v1/events", &admin)).await;
    let start = app.handle("one").journal_len(&system()).await.unwrap();
    // More than the live channel holds, before the reader reads at all.
    let queue = |n: u32| {
        let id = jackfield_types::QueueId::new("support").unwrap();
        jackfield_contact::config::QueueConfig::new(id, &n.to_string())
    };
    for n in 0..5_000 {
        app.handle("one")
            .submit(jackfield_contact::input::Input::SetQueue(queue(n)))
            .await
            .unwrap();
    }
    let events = reader.take(5_000).await;
    assert_eq!(seqs(&events), (start..start + 5_000).collect::<Vec<_>>());
}

#[tokio::test]
async fn events_are_filtered_and_the_journal_alone_ends() {
    let app = TestApp::start().await;
    let admin = app.tenant("one", NUMBER).await;
    let (call, other) = (app.call("one", NUMBER).await, app.call("one", NUMBER).await);
    let path =
        format!("/v1/events?from=0&follow=false&type=queued,%20interaction-started&interaction={call}");
    let mut reader = Reader::open(&app, get(&path, &admin)).await;
    let mut types = Vec::new();
    while let Some(event) = reader.next().await {
        assert_eq!(event["interaction"], call.to_string());
        assert_ne!(event["interaction"], other.to_string());
        types.push(event["type"].as_str().unwrap().to_owned());
    }
    assert_eq!(types, ["interaction-started", "queued"]);
}

#[tokio::test]
async fn a_type_that_there_is_not_is_refused() {
    let app = TestApp::start().await;
    let admin = app.tenant("one", NUMBER).await;
    let answer = app.get("/v1/events?type=queued,quewed", &admin).await;
    assert_eq!(answer.status, 400);
    let detail = answer.body["detail"].as_str().unwrap();
    assert!(
        detail.contains("\"quewed\"") && detail.contains("queued"),
        "{detail}"
    );
}

#[tokio::test]
async fn a_stream_ends_when_its_key_is_revoked() {
    let app = TestApp::start().await;
    let admin = app.tenant("one", NUMBER).await;
    let watcher = app.user(&admin, "eve", "supervisor").await;
    let mut reader = Reader::open(&app, get("/v1/events", &watcher)).await;
    assert_eq!(app.delete("/v1/users/eve", &admin).await.status, 204);
    assert_eq!(reader.next().await, None);
}

#[tokio::test]
async fn streams_of_a_tenant_have_a_limit() {
    let app = TestApp::start().await;
    let admin = app.tenant("one", NUMBER).await;
    let mut open = Vec::new();
    for _ in 0..jackfield_types::limits::MAX_EVENT_STREAMS {
        open.push(Reader::open(&app, get("/v1/events", &admin)).await);
    }
    let refused = app.get("/v1/events", &admin).await;
    assert_eq!(refused.problem(), (429, "overloaded", ""));
    assert_eq!(refused.header("retry-after"), "1");
    open.pop();
    Reader::open(&app, get("/v1/events", &admin)).await;
    let wrong = request("GET", "/v1/events", &admin)
        .header("last-event-id", "x")
        .body(Body::empty())
        .unwrap();
    assert_eq!(
        app.send(wrong).await.problem(),
        (400, "invalid-value", "Last-Event-ID")
    );
}
