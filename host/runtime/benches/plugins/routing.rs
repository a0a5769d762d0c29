//! One routing decision: by a plugin in a fresh instance, by the same rule in native Rust, and by the same rule
//! behind a webhook on loopback with keep-alive. `cargo xtask bench routing` builds the plugins and prints the ratios.
//!
//! The webhook is as cheap as one can be: a thread that does nothing but answer one blocking connection, JSON by
//! serde, no framework, no TLS. What a tenant would really run is dearer.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stderr)]

use std::{
    cmp::Reverse,
    env, fs,
    io::{self, BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    sync::Arc,
    thread,
};

use criterion::{Criterion, criterion_group, criterion_main};
use jackfield_contact::decision::{
    Answer, Assignment, Plan, Question, RoutingAgent, RoutingQuestion, RoutingWork,
};
use jackfield_sandbox::{Env, NoReads, Plugin, Sandbox, SandboxOptions};
use jackfield_types::{AgentId, Channel, Grants, QueueId, SkillId, Timestamp};

const PLUGIN: &str = "skills-routing-0.1.0.wasm";

/// One call waits for somebody who speaks two languages; half of the agents do, none of the first few.
fn queue(agents: u32) -> RoutingQuestion {
    RoutingQuestion {
        queue: QueueId::new("support").unwrap(),
        skills: ["zh", "en", "billing"]
            .map(|skill| SkillId::new(skill).unwrap())
            .to_vec(),
        work: vec![RoutingWork {
            interaction: "0198f000-0000-7000-8000-000000000001".parse().unwrap(),
            channel: Channel::Voice,
            needs: 0b011,
            levels: vec![(0, 1), (1, 1)],
            waiting_ms: 4_000,
            priority: 0,
            last_agent: None,
            attributes: vec![],
        }],
        agents: (0..agents)
            .map(|n| RoutingAgent {
                agent: AgentId::new(&format!("agent-{n}")).unwrap(),
                skills: if n < agents / 2 { 0b101 } else { 0b011 },
                levels: vec![5, 5, 5],
                idle_ms: u64::from(60_000 - n),
                load: 0,
                capacity: 1,
            })
            .collect(),
    }
}

/// What the plugin does, without a border: priority, then waiting; the longest idle of those who fit.
fn native(question: &RoutingQuestion) -> Plan {
    let mut left: Vec<u16> = question
        .agents
        .iter()
        .map(|agent| agent.capacity.saturating_sub(agent.load))
        .collect();
    let mut order: Vec<u32> = (0..question.work.len() as u32).collect();
    order.sort_by_key(|&work| Reverse(question.work[work as usize].priority));
    let mut plan = Plan::default();
    for index in order {
        let work = &question.work[index as usize];
        let fits = |(n, agent): &(usize, &RoutingAgent)| {
            left[*n] > 0
                && agent.skills & work.needs == work.needs
                && work
                    .levels
                    .iter()
                    .all(|&(skill, level)| agent.levels[usize::from(skill)] >= level)
        };
        if let Some((agent, _)) = question.agents.iter().enumerate().find(fits) {
            left[agent] -= 1;
            plan.assignments.push(Assignment {
                work: index,
                agent: agent as u32,
            });
        }
    }
    plan
}

/// Answers POSTs on one connection until it is closed.
fn serve(stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut reader, mut writer) = (BufReader::new(stream.try_clone()?), stream);
    while let Some(body) = message(&mut reader)? {
        let plan = native(&serde_json::from_slice(&body)?);
        send(&mut writer, "HTTP/1.1 200 OK", &serde_json::to_vec(&plan)?)?;
    }
    Ok(())
}

fn send(writer: &mut impl Write, first: &str, body: &[u8]) -> io::Result<()> {
    let head = format!(
        "{first}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    writer.write_all(&[head.as_bytes(), body].concat())
}

/// The body of the next message; none at the end.
fn message(reader: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let (mut line, mut length) = (String::new(), 0);
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        if let Some(value) = line.strip_prefix("Content-Length: ") {
            length = value.trim().parse().map_err(io::Error::other)?;
        } else if line == "\r\n" {
            let mut body = vec![0; length];
            return reader.read_exact(&mut body).map(|()| Some(body));
        }
    }
}

fn webhook(
    writer: &mut TcpStream,
    reader: &mut impl BufRead,
    question: &RoutingQuestion,
) -> io::Result<Plan> {
    send(
        writer,
        "POST /assign HTTP/1.1\r\nHost: localhost",
        &serde_json::to_vec(question)?,
    )?;
    let body = message(reader)?.ok_or(io::ErrorKind::UnexpectedEof)?;
    Ok(serde_json::from_slice(&body)?)
}

/// `None`, with a word on what to do, when the plugins have not been built.
fn plugin() -> Option<(Plugin, tempfile::TempDir)> {
    let built = env::var_os("JACKFIELD_PLUGINS").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/plugins")),
        PathBuf::from,
    );
    let path = built.join(PLUGIN);
    let Ok(wasm) = fs::read(&path) else {
        eprintln!("{} is not there: run `cargo xtask plugins` first", path.display());
        return None;
    };
    let dir = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::new(SandboxOptions::new(dir.path().to_owned(), [1; 32])).unwrap();
    Some((sandbox.load(&wasm).unwrap(), dir))
}

fn routing(criterion: &mut Criterion) {
    let Some((plugin, _dir)) = plugin() else { return };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut writer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    writer.set_nodelay(true).unwrap();
    let mut reader = BufReader::new(writer.try_clone().unwrap());
    let (stream, _) = listener.accept().unwrap();
    thread::spawn(move || serve(stream));

    for agents in [10, 100] {
        let question = queue(agents);
        let shared = Arc::new(Question::Routing(Box::new(question.clone())));
        let env = Env {
            now: Timestamp(1_800_000_000_000),
            config: "{}".into(),
            reads: Arc::new(NoReads),
            grants: Grants::ALL,
            budget: None,
        };
        let expected = native(&question);
        assert_eq!(
            expected.assignments,
            [Assignment {
                work: 0,
                agent: agents / 2
            }]
        );
        assert_eq!(
            plugin.decide(shared.clone(), env.clone()).result.unwrap(),
            Answer::Routing(expected.clone())
        );
        assert_eq!(webhook(&mut writer, &mut reader, &question).unwrap(), expected);

        let mut group = criterion.benchmark_group(format!("sandbox/routing-{agents}-agents"));
        group.bench_function("native", |bench| bench.iter(|| native(&question)));
        group.bench_function("fresh", |bench| {
            bench.iter(|| plugin.decide(shared.clone(), env.clone()))
        });
        group.bench_function("webhook", |bench| {
            bench.iter(|| webhook(&mut writer, &mut reader, &question).unwrap());
        });
        group.finish();
    }
}

criterion_group!(benches, routing);
criterion_main!(benches);
