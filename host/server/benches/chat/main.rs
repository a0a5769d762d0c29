//! Many chat windows at once: `cargo bench --workspace --bench chat`.
//!
//! A server of its own process has 5,000 windows with a socket each, each talking with an agent; visitors and agents write
//! 2,000 messages a second together. Delivery is from the moment at which a message was due to the moment at which the other
//! side has read it: the window's socket for what agents write (`POST …/messages`), the stream of events for what visitors
//! write. So a sender who is late makes it longer, whoever is to blame. The windows, the agents, each with a connection, and
//! the clock are this process, on the same machine.
//!
//! Where the time goes is told beside it: `late`, from when a message was due until it was written; `accepted`, until the core
//! had it, by its time of whole milliseconds; `told`, from then on, the commit included. Fewer, or others:
//! `JACKFIELD_BENCH_CHAT_WINDOWS`, `JACKFIELD_BENCH_CHAT_RATE` (a second, of both sides), `JACKFIELD_BENCH_CHAT_SECONDS`, and
//! `JACKFIELD_BENCH_SERVER`, another binary.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod agents;
mod site;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use futures_util::stream::SplitSink;
use futures_util::{SinkExt, StreamExt, stream};
use jackfield_testkit::Server;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use crate::agents::{Client, accept, agent_writes, follow};
use crate::site::{OF_AN_AGENT, Site, WARM_UP};

/// Windows share addresses, which have allowances each.
const ADDRESSES: usize = 100;
/// For all windows to open, or to be accepted.
const PATIENCE: Duration = Duration::from_secs(300);

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
    let binary = std::env::var_os("JACKFIELD_BENCH_SERVER");
    let binary = binary.unwrap_or_else(|| env!("CARGO_BIN_EXE_jackfield").into());
    let server = Server::start(&PathBuf::from(binary), data.path());
    let key = std::fs::read_to_string(data.path().join("demo-admin.key")).unwrap();
    let site = Site::new(&server, key.trim());
    centre(&site);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(measure(site.into(), server.id()));
    // Who follows the events ends with the server.
    std::panic::set_hook(Box::new(|_| {}));
}

/// A queue, its agents and an entry that leads to it.
fn centre(site: &Site) {
    let put = |path: String, body: Value| {
        let (status, answer) = site.api.put(&path, &body);
        assert!((200..300).contains(&status), "{path}: {answer}");
    };
    let queue = json!({"name": "Bench", "max_waiting": 10_000, "max_wait_ms": 3_600_000, "offer_timeout_ms": 120_000});
    put("/v1/queues/bench".into(), queue);
    put(
        "/v1/bindings/queue:bench".into(),
        json!({"plugin": "skills-routing", "version": "0.1.0"}),
    );
    for n in 0..site.agents() {
        let agent =
            json!({"name": format!("Agent {n}"), "queues": ["bench"], "capacity": {"chat": OF_AN_AGENT}});
        put(format!("/v1/agents/bench-{n}"), agent);
        put(
            format!("/v1/agents/bench-{n}/state"),
            json!({"state": "available"}),
        );
    }
    let entry = json!({"name": "Bench", "language": "en", "default_queue": "bench"});
    put("/v1/chat-entries/bench".into(), entry);
}

async fn measure(site: Arc<Site>, server: u32) {
    let (offers, offered) = std::sync::mpsc::channel();
    let stream = site.clone();
    std::thread::spawn(move || follow(&stream, &offers));
    let agents = site.clone();
    std::thread::spawn(move || accept(&agents, &offered));

    let windows: Vec<Window> = stream::iter(0..site.windows)
        .map(|n| open(site.clone(), n))
        .buffer_unordered(32)
        .collect()
        .await;
    while site.connected.load(Relaxed) < site.windows {
        let (connected, all) = (site.connected.load(Relaxed), site.windows);
        assert!(
            site.epoch.elapsed() < PATIENCE,
            "{connected} of {all} have an agent"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let opened = site.windows as f64 / site.epoch.elapsed().as_secs_f64();
    report("chat/opened-to-agent", opened, "/s", None);

    let conversations: Vec<String> = windows.iter().map(|window| window.conversation.clone()).collect();
    let conversations: Arc<[String]> = conversations.into();
    let mut clients = Vec::new();
    for _ in 0..site.agents() {
        clients.push(Client::connect(&site).await);
    }
    let start = site.epoch.elapsed() + Duration::from_millis(200);
    site.start.store(start.as_micros() as u64, Relaxed);
    let writing = clients.into_iter().enumerate().map(|(agent, client)| {
        let (site, conversations) = (site.clone(), conversations.clone());
        tokio::spawn(agent_writes(site, client, conversations, agent))
    });
    let writing: Vec<_> = writing.collect();
    let used = tokio::spawn(processor(site.clone(), server));
    let windows = visitors_write(&site, windows).await;
    for agent in writing {
        agent.await.unwrap();
    }
    for (name, used) in ["server", "program"].into_iter().zip(used.await.unwrap()) {
        report(&format!("chat/{name}-processor"), used * 100.0, "%", None);
    }
    // What is under way arrives, or is missed below.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let due = site.rate as f64 * site.measured.as_secs_f64();
    for (name, known, way) in [
        ("to-agents", "acknowledged", &site.to_agents),
        ("to-windows", "answered", &site.to_windows),
    ] {
        let arrived = way.delivered.report(&format!("chat/{name}"), Some("<= 50")) as f64;
        assert!(arrived >= due * 0.999, "{name}: {arrived} of {due} arrived");
        let (a_second, goal) = (arrived / site.measured.as_secs_f64(), format!(">= {}", site.rate));
        report(&format!("chat/{name}"), a_second, "/s", Some(&goal));
        way.late.report(&format!("chat/{name}-late"), None);
        way.accepted.report(&format!("chat/{name}-accepted"), None);
        way.told.report(&format!("chat/{name}-told"), None);
        way.known.report(&format!("chat/{known}"), None);
    }
    report("chat/refused", site.refused.load(Relaxed) as f64, "times", None);
    let status = std::fs::read_to_string(format!("/proc/{server}/status")).unwrap();
    let resident = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    let resident: f64 = resident.split_whitespace().next().unwrap().parse().unwrap();
    report("chat/resident", resident / 1024.0, "MiB", None);
    drop(windows);
}

/// How much of a processor the server and this program use while it is measured.
async fn processor(site: Arc<Site>, server: u32) -> [f64; 2] {
    let used = || {
        [server, std::process::id()].map(|process| {
            let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
            // After the name, which may hold spaces: the times in user and kernel mode are the 12th and 13th.
            let (_, fields) = stat.rsplit_once(") ").unwrap();
            let ticks = fields.split(' ').skip(11).take(2);
            ticks.map(|ticks| ticks.parse::<f64>().unwrap()).sum::<f64>()
        })
    };
    site.wait_for(site.rate * WARM_UP.as_secs() as usize).await;
    let before = used();
    site.wait_for(site.messages()).await;
    let after = used();
    // A hundred ticks are a second.
    [0, 1].map(|at| (after[at] - before[at]) / 100.0 / site.measured.as_secs_f64())
}

/// Opens a window: a session, and a socket whose frames are read from then on.
async fn open(site: Arc<Site>, n: usize) -> Window {
    let from = Ipv4Addr::new(127, 0, 1, (n % ADDRESSES) as u8 + 1);
    let session = begin(site.http, from).await;
    let stream = connect(site.http, from).await;
    let url = format!("ws://{}/chat/demo/bench/socket", site.http);
    // Room for what is read, which is cleared whenever the socket is looked at.
    let config = WebSocketConfig::default().read_buffer_size(4 * 1024);
    let connected = tokio_tungstenite::client_async_with_config(url, stream, Some(config)).await;
    let (socket, _) = connected.unwrap();
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
            let after =
                |field: &str, prefix: &str| frame[field].as_str().and_then(|text| text.strip_prefix(prefix));
            if let Some(n) = after("text", "agent ") {
                site.arrived(&site.to_windows, n, &frame["at"]);
            } else if frame["type"] == "ack"
                && let Some(n) = after("client_id", "v")
            {
                site.known(&site.to_agents, n.parse().unwrap());
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

async fn visitors_write(site: &Site, mut windows: Vec<Window>) -> Vec<Window> {
    for n in 0..site.messages() {
        site.wait_for(n).await;
        let frame = json!({"type": "send", "client_id": format!("v{n}"), "text": format!("visitor {n}")});
        let at = n % windows.len();
        site.writes(&site.to_agents, n);
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
