use std::io::{BufRead, BufReader, Read};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A client of the API with one key.
#[derive(Clone)]
pub struct Api {
    url: String,
    key: String,
    agent: ureq::Agent,
}

impl Api {
    /// A client.
    pub fn new(url: &str, key: &str) -> Self {
        let config = ureq::Agent::config_builder().http_status_as_error(false).build();
        Self {
            url: url.to_owned(),
            key: key.to_owned(),
            agent: config.into(),
        }
    }

    /// Where the server is.
    pub fn url(&self) -> &str {
        &self.url
    }

    fn header(&self) -> String {
        format!("Bearer {}", self.key)
    }

    /// GET: status and JSON.
    pub fn get(&self, path: &str) -> (u16, Value) {
        let url = format!("{}{path}", self.url);
        answer(self.agent.get(url).header("authorization", self.header()).call())
    }

    /// GET of what must be there.
    pub fn see(&self, path: &str) -> Value {
        let (status, body) = self.get(path);
        assert_eq!(status, 200, "GET {path}: {body}");
        body
    }

    /// POST of bytes as they are, for example of a part of an import.
    pub fn post_bytes(&self, path: &str, body: &[u8]) -> (u16, Value) {
        let request = self.agent.post(format!("{}{path}", self.url));
        let request = request.header("authorization", self.header());
        answer(request.header("content-type", "text/csv").send(body))
    }

    /// GET of bytes.
    pub fn bytes(&self, path: &str) -> Vec<u8> {
        let url = format!("{}{path}", self.url);
        let mut answer = self
            .agent
            .get(url)
            .header("authorization", self.header())
            .call()
            .unwrap();
        assert!(answer.status().is_success(), "GET {path}: {}", answer.status());
        answer
            .body_mut()
            .with_config()
            .limit(1 << 30)
            .read_to_vec()
            .unwrap()
    }

    /// PUT of JSON.
    pub fn put(&self, path: &str, body: &Value) -> (u16, Value) {
        let url = format!("{}{path}", self.url);
        answer(
            self.agent
                .put(url)
                .header("authorization", self.header())
                .send_json(body),
        )
    }

    /// POST of JSON.
    pub fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let url = format!("{}{path}", self.url);
        answer(
            self.agent
                .post(url)
                .header("authorization", self.header())
                .send_json(body),
        )
    }

    /// DELETE: status and JSON.
    pub fn delete(&self, path: &str) -> (u16, Value) {
        let url = format!("{}{path}", self.url);
        answer(
            self.agent
                .delete(url)
                .header("authorization", self.header())
                .call(),
        )
    }

    /// POST of a component.
    pub fn upload(&self, wasm: &[u8]) -> (u16, Value) {
        let request = self.agent.post(format!("{}/v1/plugins", self.url));
        let request = request
            .header("authorization", self.header())
            .header("content-type", "application/wasm");
        answer(request.send(wasm))
    }

    /// The stream of events from the beginning of the journal.
    pub fn events(&self) -> Events {
        let request = self.agent.get(format!("{}/v1/events?from=0", self.url));
        let answer = request.header("authorization", self.header()).call().unwrap();
        assert_eq!(answer.status(), 200);
        Events {
            lines: BufReader::new(Box::new(answer.into_body().into_reader())),
            seen: Vec::new(),
        }
    }
}

fn answer(done: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> (u16, Value) {
    let mut answer = done.unwrap();
    let text = answer.body_mut().read_to_string().unwrap();
    (
        answer.status().as_u16(),
        serde_json::from_str(&text).unwrap_or(Value::Null),
    )
}

/// A stream of events being read.
pub struct Events {
    lines: BufReader<Box<dyn Read + Send>>,
    /// Everything read so far.
    pub seen: Vec<Value>,
}

impl Events {
    /// Reads on until an event fits; the stream's keep-alive lines bound the wait.
    pub fn wait_for(&mut self, what: &str, patience: Duration, fits: impl Fn(&Value) -> bool) -> Value {
        let until = Instant::now() + patience;
        let mut line = String::new();
        while Instant::now() < until {
            line.clear();
            assert_ne!(
                self.lines.read_line(&mut line).unwrap(),
                0,
                "the stream ended before {what}"
            );
            if let Some(json) = line.strip_prefix("data:") {
                let event: Value = serde_json::from_str(json.trim()).unwrap();
                self.seen.push(event.clone());
                if fits(&event) {
                    return event;
                }
            }
        }
        let types: Vec<_> = self
            .seen
            .iter()
            .map(|event| event["type"].as_str().unwrap_or("?"))
            .collect();
        panic!("no {what} within {patience:?}; seen: {types:?}");
    }

    /// Reads on until an event of a type.
    pub fn wait_type(&mut self, kind: &str) -> Value {
        self.wait_for(kind, Duration::from_secs(60), |event| event["type"] == kind)
    }
}
