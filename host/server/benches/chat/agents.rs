//! The agents, and the program that they share.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::site::Site;
use crate::{PATIENCE, connect};

/// When the server has too much to do, an agent tries again after this.
const AGAIN: Duration = Duration::from_millis(50);

/// The agents' program: sees what happens.
pub(crate) fn follow(site: &Site, offers: &std::sync::mpsc::Sender<String>) {
    let mut events = site.api.events();
    loop {
        events.seen.clear();
        let event = events.wait_for("an event of chats", PATIENCE, |event| {
            let kind = event["type"].as_str();
            matches!(kind, Some("offered" | "connected" | "message-sent"))
        });
        match event["type"].as_str() {
            Some("offered") => offers
                .send(event["interaction"].as_str().unwrap().to_owned())
                .unwrap(),
            Some("connected") => drop(site.connected.fetch_add(1, Relaxed)),
            _ => {
                let text = event["message"]["text"].as_str();
                if let Some(n) = text.and_then(|text| text.strip_prefix("visitor ")) {
                    site.arrived(&site.to_agents, n, &event["at"]);
                }
            }
        }
    }
}

/// The agents' program: accepts what is offered.
pub(crate) fn accept(site: &Site, offered: &std::sync::mpsc::Receiver<String>) {
    for interaction in offered {
        let (status, answer) = site
            .api
            .post(&format!("/v1/interactions/{interaction}/accept"), &json!({}));
        assert!((200..300).contains(&status), "accept {interaction}: {answer}");
    }
}

/// A client of the API with one connection.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
    /// What each request says of whom it is from and to.
    head: String,
}

impl Client {
    pub(crate) async fn connect(site: &Site) -> Self {
        Self {
            stream: BufReader::new(connect(site.http, Ipv4Addr::LOCALHOST).await),
            head: format!("host: {}\r\nauthorization: Bearer {}\r\n", site.http, site.key),
        }
    }

    /// POST of JSON: the status.
    async fn post(&mut self, path: &str, body: &Value) -> u16 {
        let body = body.to_string();
        let request = format!(
            "POST {path} HTTP/1.1\r\n{}content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.head,
            body.len()
        );
        self.stream.write_all(request.as_bytes()).await.unwrap();
        let (mut line, mut status, mut length) = (String::new(), 0, 0);
        loop {
            line.clear();
            self.stream.read_line(&mut line).await.unwrap();
            match line.trim_end().split_once([' ', ':']) {
                Some(("HTTP/1.1", said)) => status = said[..3].parse().unwrap(),
                Some((name, said)) if name.eq_ignore_ascii_case("content-length") => {
                    length = said.trim().parse().unwrap();
                }
                Some(_) => {}
                None => break,
            }
        }
        let mut answer = vec![0; length];
        self.stream.read_exact(&mut answer).await.unwrap();
        status
    }
}

/// One agent's part of the messages.
pub(crate) async fn agent_writes(
    site: Arc<Site>,
    mut client: Client,
    conversations: Arc<[String]>,
    agent: usize,
) {
    let way = &site.to_windows;
    for n in (agent..site.messages()).step_by(site.agents()) {
        site.wait_for(n).await;
        let body = json!({"text": format!("agent {n}"), "client_id": format!("a{n}")});
        let to = format!(
            "/v1/interactions/{}/messages",
            conversations[n % conversations.len()]
        );
        site.writes(way, n);
        loop {
            match client.post(&to, &body).await {
                429 => {
                    site.refused.fetch_add(1, Relaxed);
                    tokio::time::sleep(AGAIN).await;
                }
                status => {
                    assert!((200..300).contains(&status), "{to}: {status}");
                    break;
                }
            }
        }
        site.known(way, n);
    }
}
