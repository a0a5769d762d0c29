//! Many chat windows at once: `cargo bench --workspace --bench chat`.
//!
//! A server of its own process has 5,000 windows with a socket each, each talking with an agent; visitors and agents write
//! 2,000 messages a second together. Delivery is from the moment before the sender writes to the moment at which the other
//! side has read: the window's socket for what agents write (`POST …/messages`), the stream of events for what visitors
//! write. The windows, the agents and the clock are this process, on the same machine.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use futures_util::stream::SplitSink;
use futures_util::{SinkExt, StreamExt, stream};
use jackfield_testkit::{Api, Server};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

const SESSIONS: usize = 5_000;
const AGENTS: usize = 500;
/// Windows share addresses, which have allowances each.
const ADDRESSES: usize = 100;
/// Messages a second of each side.
const RATE: usize = 1_000;
const WARM_UP: Duration = Duration::from_secs(5);
const MEASURED: Duration = Duration::from_secs(20);
/// Clients of the agents' program.
const WRITERS: usize = 32;
/// For all windows to open, or to be accepted.
const PATIENCE: Duration = Duration::from_secs(300);

/// How long messages took, in milliseconds.
#[derive(Default)]
struct Delivered(Mutex<Vec<f64>>);

struct Site {
    api: Api,
    http: SocketAddr,
    /// What times in messages count from.
    epoch: Instant,
    /// From when on it is warm.
    warm: OnceLock<Duration>,
    to_agents: Delivered,
    to_windows: Delivered,
    connected: AtomicUsize,
}

impl Site {
    /// Takes what a message says of when it was due.
    fn arrived(&self, delivered: &Delivered, due: &str) {
        let now = self.epoch.elapsed();
        let due = Duration::from_micros(due.parse().unwrap());
        if self.warm.get().is_some_and(|warm| due >= *warm) {
            delivered
                .0
                .lock()
                .unwrap()
                .push(now.saturating_sub(due).as_secs_f64() * 1e3);
        }
    }
}

/// A window, as its visitor writes in it.
struct Window {
    conversation: String,
    socket: SplitSink<WebSocketStream<TcpStream>, Message>,
}

fn main() {
    let asked = |name: String| name.starts_with('-') || "chat".contains(&*name);
    // `cargo test --benches` only asks whether it starts.
    if std::env::args().any(|a| a == "--test") || !std::env::args().skip(1).all(asked) {
        return;
    }
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(Path::new(env!("CARGO_BIN_EXE_jackfield")), data.path());
    centre(&server.api);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(measure(&server));
    // Who follows the events ends with the server.
    std::panic::set_hook(Box::new(|_| {}));
}

/// A queue, its agents and an entry that leads to it.
fn centre(api: &Api) {
    let put = |path: String, body: Value| {
        let (status, answer) = api.put(&path, &body);
        assert!((200..300).contains(&status), "{path}: {answer}");
    };
    let queue = json!({"name": "Bench", "max_waiting": 10_000, "max_wait_ms": 3_600_000, "offer_timeout_ms": 120_000});
    put("/v1/queues/bench".into(), queue);
    put(
        "/v1/bindings/queue:bench".into(),
        json!({"plugin": "skills-routing", "version": "0.1.0"}),
    );
    for n in 0..AGENTS {
        let agent = json!({"name": format!("Agent {n}"), "queues": ["bench"], "capacity": {"chat": SESSIONS / AGENTS}});
        put(format!("/v1/agents/bench-{n}"), agent);
        put(
            format!("/v1/agents/bench-{n}/state"),
            json!({"state": "available"}),
        );
    }
    let entry = json!({"name": "Bench", "language": "en", "default_queue": "bench"});
    put("/v1/chat-entries/bench".into(), entry);
}

async fn measure(server: &Server) {
    let site = Arc::new(Site {
        api: server.api.clone(),
        http: server.api.url().trim_start_matches("http://").parse().unwrap(),
        epoch: Instant::now(),
        warm: OnceLock::new(),
        to_agents: Delivered::default(),
        to_windows: Delivered::default(),
        connected: AtomicUsize::new(0),
    });
    let (offers, offered) = std::sync::mpsc::channel();
    let stream = site.clone();
    std::thread::spawn(move || follow(&stream, &offers));
    let agents = site.clone();
    std::thread::spawn(move || accept(&agents, &offered));

    let windows: Vec<Window> = stream::iter(0..SESSIONS)
        .map(|n| open(site.clone(), n))
        .buffer_unordered(32)
        .collect()
        .await;
    while site.connected.load(Relaxed) < SESSIONS {
        let connected = site.connected.load(Relaxed);
        assert!(
            site.epoch.elapsed() < PATIENCE,
            "{connected} of {SESSIONS} have an agent"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let opened = SESSIONS as f64 / site.epoch.elapsed().as_secs_f64();
    report("chat/opened-to-agent", opened, "/s", None);

    let start = site.epoch.elapsed();
    site.warm.set(start + WARM_UP).unwrap();
    let ids: Arc<Vec<String>> = Arc::new(windows.iter().map(|window| window.conversation.clone()).collect());
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (site, ids) = (site.clone(), ids.clone());
            std::thread::spawn(move || agents_write(&site, &ids, start, writer))
        })
        .collect();
    let windows = visitors_write(&site, windows, start).await;
    for writer in writers {
        writer.join().unwrap();
    }
    // What is under way arrives, or is missed below.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let due = RATE as f64 * MEASURED.as_secs_f64();
    for (name, delivered) in [("to-agents", &site.to_agents), ("to-windows", &site.to_windows)] {
        let mut all = std::mem::take(&mut *delivered.0.lock().unwrap());
        all.sort_by(f64::total_cmp);
        assert!(
            all.len() as f64 >= due * 0.999,
            "{name}: {} of {due} arrived",
            all.len()
        );
        let at = |part: f64| all[((all.len() - 1) as f64 * part) as usize];
        report(
            &format!("chat/{name}"),
            all.len() as f64 / MEASURED.as_secs_f64(),
            "/s",
            Some(">= 1000"),
        );
        report(&format!("chat/{name}-p50"), at(0.5), "ms", None);
        report(&format!("chat/{name}-p99"), at(0.99), "ms", Some("<= 50"));
    }
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let resident = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    let resident: f64 = resident.split_whitespace().next().unwrap().parse().unwrap();
    report("chat/resident", resident / 1024.0, "MiB", None);
    drop(windows);
}

/// Opens a window: a session, and a socket whose frames are read from then on.
async fn open(site: Arc<Site>, n: usize) -> Window {
    let from = Ipv4Addr::new(127, 0, 1, (n % ADDRESSES) as u8 + 1);
    let session = begin(site.http, from).await;
    let stream = connect(site.http, from).await;
    let url = format!("ws://{}/chat/demo/bench/socket", site.http);
    let (socket, _) = tokio_tungstenite::client_async(url, stream).await.unwrap();
    let (mut socket, mut frames) = socket.split();
    let hello = json!({"type": "hello", "token": session["token"], "after": 0});
    socket.send(Message::text(hello.to_string())).await.unwrap();
    let first = json!({"type": "send", "client_id": "first", "text": "Hello?"});
    socket.send(Message::text(first.to_string())).await.unwrap();
    tokio::spawn(async move {
        while let Some(Ok(frame)) = frames.next().await {
            let Ok(text) = frame.to_text() else { continue };
            if text.is_empty() {
                continue;
            }
            let frame: Value = serde_json::from_str(text).unwrap();
            assert_ne!(frame["type"], "error", "{frame}");
            if let Some(due) = frame["text"]
                .as_str()
                .and_then(|text| text.strip_prefix("agent "))
            {
                site.arrived(&site.to_windows, due);
            }
        }
    });
    Window {
        conversation: session["conversation"].as_str().unwrap().to_owned(),
        socket,
    }
}

async fn connect(to: SocketAddr, from: Ipv4Addr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((from, 0).into()).unwrap();
    let stream = socket.connect(to).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

async fn begin(to: SocketAddr, from: Ipv4Addr) -> Value {
    let mut stream = connect(to, from).await;
    let request = format!(
        "POST /chat/demo/bench/sessions HTTP/1.1\r\nhost: {to}\r\ncontent-type: application/json\r\n\
         content-length: 2\r\nconnection: close\r\n\r\n{{}}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{answer}");
    serde_json::from_str(body).unwrap()
}

/// The agents' program: sees what happens.
fn follow(site: &Site, offers: &std::sync::mpsc::Sender<String>) {
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
                if let Some(due) = text.and_then(|text| text.strip_prefix("visitor ")) {
                    site.arrived(&site.to_agents, due);
                }
            }
        }
    }
}

/// The agents' program: accepts what is offered.
fn accept(site: &Site, offered: &std::sync::mpsc::Receiver<String>) {
    for interaction in offered {
        let (status, answer) = site
            .api
            .post(&format!("/v1/interactions/{interaction}/accept"), &json!({}));
        assert!((200..300).contains(&status), "accept {interaction}: {answer}");
    }
}

/// When the nth message of a side is due.
fn due(start: Duration, n: usize) -> Duration {
    start + Duration::from_secs_f64(n as f64 / RATE as f64)
}

fn messages() -> usize {
    RATE * (WARM_UP + MEASURED).as_secs() as usize
}

/// One of the clients through which agents write.
fn agents_write(site: &Site, conversations: &[String], start: Duration, writer: usize) {
    for n in (writer..messages()).step_by(WRITERS) {
        let due = due(start, n);
        std::thread::sleep(due.saturating_sub(site.epoch.elapsed()));
        let body = json!({"text": format!("agent {}", due.as_micros()), "client_id": format!("a{n}")});
        let to = format!(
            "/v1/interactions/{}/messages",
            conversations[n % conversations.len()]
        );
        let (status, answer) = site.api.post(&to, &body);
        assert!((200..300).contains(&status), "{to}: {answer}");
    }
}

async fn visitors_write(site: &Site, mut windows: Vec<Window>, start: Duration) -> Vec<Window> {
    for n in 0..messages() {
        let due = due(start, n);
        tokio::time::sleep_until((site.epoch + due).into()).await;
        let text = format!("visitor {}", due.as_micros());
        let frame = json!({"type": "send", "client_id": format!("v{n}"), "text": text});
        let at = n % windows.len();
        windows[at]
            .socket
            .send(Message::text(frame.to_string()))
            .await
            .unwrap();
    }
    windows
}

/// A line that `cargo xtask bench` reads.
fn report(name: &str, value: f64, unit: &str, goal: Option<&str>) {
    match goal {
        Some(goal) => println!("bench\t{name}\t{value}\t{unit}\t{goal}"),
        None => println!("bench\t{name}\t{value}\t{unit}"),
    }
}
