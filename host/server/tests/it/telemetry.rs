//! What a collector gets to know of calls, also of those that a crash has ended; and that a collector which hangs
//! changes nothing for calls.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use jackfield_testkit::Server;
use jackfield_voice::softphone::{Softphone, SoftphoneOptions};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{Metric, number_data_point};
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode as SpanStatus;
use prost::Message;
use tokio::sync::Notify;
use tokio::time::timeout;

/// The demo takes about 40 s; then something is broken.
const PATIENCE: Duration = Duration::from_secs(150);
/// What the process waits for its collector at the end, and time to end.
const END: Duration = Duration::from_secs(9);
const SERVICE: &str = "jackfield-under-test";

#[derive(Default)]
struct Received {
    spans: Vec<Span>,
    metrics: Vec<Metric>,
    logs: Vec<String>,
    services: BTreeSet<String>,
    trace_bodies: Vec<Bytes>,
    wrong: Vec<String>,
}

#[derive(Default)]
struct Collector {
    received: Mutex<Received>,
    arrived: Notify,
}

impl Collector {
    /// Waits until something received fits.
    async fn until(&self, fits: impl Fn(&Received) -> bool) {
        let waiting = async {
            loop {
                let arrived = self.arrived.notified();
                if fits(&self.received.lock().unwrap()) {
                    return;
                }
                arrived.await;
            }
        };
        timeout(PATIENCE, waiting).await.unwrap();
    }
}

type Collected = Arc<Collector>;

/// A collector on a free port of loopback, until the runtime ends.
async fn collector() -> (String, Collected) {
    let collected = Collected::default();
    let router = Router::new()
        .route("/v1/{signal}", post(collect))
        .with_state(collected.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (endpoint, collected)
}

async fn collect(
    State(collected): State<Collected>,
    Path(signal): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let mut received = collected.received.lock().unwrap();
    if headers
        .get("content-type")
        .is_none_or(|kind| kind != "application/x-protobuf")
    {
        received.wrong.push(format!("{signal}: {headers:?}"));
    }
    let resources: Vec<_> = match signal.as_str() {
        "traces" => {
            let request = ExportTraceServiceRequest::decode(body.clone()).unwrap();
            received.trace_bodies.push(body);
            let all = request.resource_spans.into_iter();
            all.map(|of| {
                received
                    .spans
                    .extend(of.scope_spans.into_iter().flat_map(|scope| scope.spans));
                of.resource
            })
            .collect()
        }
        "metrics" => {
            let all = ExportMetricsServiceRequest::decode(body)
                .unwrap()
                .resource_metrics
                .into_iter();
            all.map(|of| {
                received
                    .metrics
                    .extend(of.scope_metrics.into_iter().flat_map(|scope| scope.metrics));
                of.resource
            })
            .collect()
        }
        "logs" => {
            let all = ExportLogsServiceRequest::decode(body)
                .unwrap()
                .resource_logs
                .into_iter();
            all.map(|of| {
                let records = of.scope_logs.into_iter().flat_map(|scope| scope.log_records);
                received
                    .logs
                    .extend(records.filter_map(|record| text(&record.body?)));
                of.resource
            })
            .collect()
        }
        _ => {
            received.wrong.push(signal);
            return StatusCode::NOT_FOUND;
        }
    };
    let names = resources
        .into_iter()
        .flatten()
        .filter_map(|resource| attribute(&resource.attributes, "service.name"));
    received.services.extend(names);
    collected.arrived.notify_waiters();
    StatusCode::OK
}

fn text(value: &AnyValue) -> Option<String> {
    match value.value.as_ref()? {
        Value::StringValue(text) => Some(text.clone()),
        Value::IntValue(number) => Some(number.to_string()),
        Value::DoubleValue(number) => Some(number.to_string()),
        Value::BoolValue(yes) => Some(yes.to_string()),
        _ => None,
    }
}

fn attribute(attributes: &[KeyValue], key: &str) -> Option<String> {
    attributes
        .iter()
        .find(|attribute| attribute.key == key)
        .and_then(|attribute| text(attribute.value.as_ref()?))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A run of `jackfield demo --json`.
struct Demo {
    entries: Vec<serde_json::Value>,
    took: Duration,
}

impl Demo {
    /// Runs it to its end; it is killed when it takes too long.
    fn run(endpoint: &str) -> Self {
        let begun = Instant::now();
        let mut demo = Command::new(env!("CARGO_BIN_EXE_jackfield"))
            .args(["demo", "--json"])
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
            .env("OTEL_SERVICE_NAME", SERVICE)
            .env("RUST_LOG", "info,rsipstack=error")
            // A proxy of this machine is none of the collector's business.
            .env("NO_PROXY", "127.0.0.1")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (mut stdout, mut stderr) = (demo.stdout.take().unwrap(), demo.stderr.take().unwrap());
        let log = std::thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).map(|_| text)
        });
        let (told, telling) = mpsc::channel();
        std::thread::spawn(move || {
            let mut text = String::new();
            let _ = told.send(stdout.read_to_string(&mut text).map(|_| text));
        });
        let Ok(output) = telling.recv_timeout(PATIENCE) else {
            demo.kill().unwrap();
            demo.wait().unwrap();
            panic!("the demo did not end: {}", log.join().unwrap().unwrap());
        };
        let status = demo.wait().unwrap();
        let took = begun.elapsed();
        let log = log.join().unwrap().unwrap();
        assert!(status.success(), "{status}: {log}");
        let entries = output
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        Self { entries, took }
    }

    fn told(&self, kind: &str) -> impl Iterator<Item = &serde_json::Value> {
        self.entries.iter().filter(move |entry| entry["type"] == kind)
    }

    /// Closed interactions as trace ids.
    fn closed(&self) -> BTreeSet<String> {
        self.told("closed")
            .map(|entry| entry["interaction"].as_str().unwrap().replace('-', ""))
            .collect()
    }

    /// Plugin decisions told of one interaction.
    fn decisions(&self, trace: &str) -> usize {
        let about = |entry: &&serde_json::Value| {
            entry["interaction"]
                .as_str()
                .is_some_and(|id| id.replace('-', "") == trace)
        };
        let by_plugin = self.told("offered").filter(|entry| !entry["by"].is_null());
        let others = ["flow-decided", "evaluated", "tagged", "decision-failed"];
        others
            .iter()
            .flat_map(|kind| self.told(kind))
            .chain(by_plugin)
            .filter(about)
            .count()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_gets_one_trace_per_interaction_and_one_that_hangs_delays_nothing() {
    let (endpoint, collected) = collector().await;
    // Connections are taken into its backlog, and nobody ever answers.
    let hanging = TcpListener::bind("127.0.0.1:0").unwrap();
    let nowhere = format!("http://{}", hanging.local_addr().unwrap());
    let unheard = tokio::task::spawn_blocking(move || Demo::run(&nowhere));
    let demo = tokio::task::spawn_blocking(move || Demo::run(&endpoint))
        .await
        .unwrap();
    let unheard = unheard.await.unwrap();

    assert_eq!(unheard.closed().len(), 3);
    assert!(
        unheard.took < demo.took + END,
        "{:?} with a collector that hangs, {:?} with one",
        unheard.took,
        demo.took
    );

    let received = collected.received.lock().unwrap();
    assert_eq!(received.wrong, Vec::<String>::new());
    assert_eq!(received.services, [SERVICE.to_owned()].into());
    assert!(
        received.logs.iter().any(|line| line.contains("OTLP")),
        "{:?}",
        received.logs
    );
    traces(&demo, &received);
    figures(&received);
}

fn traces(demo: &Demo, received: &Received) {
    let mut traces: BTreeMap<String, Vec<&Span>> = BTreeMap::new();
    for span in &received.spans {
        traces.entry(hex(&span.trace_id)).or_default().push(span);
    }
    assert_eq!(traces.keys().cloned().collect::<BTreeSet<_>>(), demo.closed());
    assert_eq!(traces.len(), 3);

    let mut outcomes = Vec::new();
    for (trace, spans) in &traces {
        let ids: BTreeSet<_> = spans.iter().map(|span| &span.span_id).collect();
        assert_eq!(ids.len(), spans.len(), "{trace}: two spans with one id");
        let roots: Vec<_> = spans
            .iter()
            .filter(|span| span.parent_span_id.is_empty())
            .collect();
        assert_eq!(roots.len(), 1, "{trace}");
        let root = roots[0];
        assert_eq!(root.name, "interaction");
        assert_eq!(
            attribute(&root.attributes, "jackfield.tenant").as_deref(),
            Some("demo")
        );
        for span in spans.iter().filter(|span| !span.parent_span_id.is_empty()) {
            assert_eq!(span.parent_span_id, root.span_id, "{span:?}");
            assert!(root.start_time_unix_nano <= span.start_time_unix_nano, "{span:?}");
            assert!(span.start_time_unix_nano <= span.end_time_unix_nano, "{span:?}");
            assert!(span.end_time_unix_nano <= root.end_time_unix_nano, "{span:?}");
        }
        let decisions: Vec<_> = spans
            .iter()
            .filter(|span| span.name.starts_with("plugin "))
            .collect();
        assert_eq!(decisions.len(), demo.decisions(trace), "{trace}");
        for span in decisions {
            let said =
                |key: &str| attribute(&span.attributes, key).unwrap_or_else(|| panic!("no {key}: {span:?}"));
            assert_eq!(said("jackfield.decision.outcome"), "ok");
            assert_eq!(said("jackfield.plugin.version"), "0.1.0");
            assert_eq!(said("jackfield.plugin.digest").len(), 64);
            assert!(said("jackfield.decision.fuel").parse::<u64>().unwrap() > 0);
            assert!(!said("jackfield.plugin.id").is_empty());
        }
        let outcome = attribute(&root.attributes, "jackfield.outcome").unwrap();
        let names: BTreeSet<_> = spans.iter().map(|span| span.name.as_str()).collect();
        let expected: &[_] = match outcome.as_str() {
            "handled" => &[
                "plugin voice-flow",
                "plugin routing-strategy",
                "plugin qa-scorecard",
                "plugin tag-generator",
                "ivr",
                "queue waiting",
                "ringing",
                "talk",
                "survey",
                "wrap-up",
            ],
            _ => &["plugin voice-flow", "plugin tag-generator", "ivr"],
        };
        for name in expected {
            assert!(names.contains(name), "{outcome} without {name}: {names:?}");
        }
        if outcome == "abandoned" {
            assert_eq!(
                attribute(&root.attributes, "jackfield.abandoned.stage").as_deref(),
                Some("ivr")
            );
        }
        outcomes.push(outcome);
    }
    outcomes.sort();
    assert_eq!(outcomes, ["abandoned", "handled", "handled"]);
    for secret in ["8613800138000", "442079460001", "李雷", "Tom"] {
        let leaks = received
            .trace_bodies
            .iter()
            .any(|body| body.windows(secret.len()).any(|at| at == secret.as_bytes()));
        assert!(!leaks, "traces tell {secret}");
    }
}

fn figures(received: &Received) {
    let last = |name: &str| {
        let metric = received.metrics.iter().rev().find(|metric| metric.name == name);
        metric
            .and_then(|metric| metric.data.clone())
            .unwrap_or_else(|| panic!("no {name}"))
    };
    let Data::Sum(begun) = last("jackfield.interactions") else {
        panic!("expected a counter")
    };
    assert!(begun.is_monotonic);
    assert_eq!(
        begun.data_points[0].value,
        Some(number_data_point::Value::AsInt(3))
    );
    let Data::Gauge(live) = last("jackfield.interactions.live") else {
        panic!("expected a gauge")
    };
    assert_eq!(live.data_points.len(), 5);
    let Data::Histogram(fuel) = last("jackfield.decision.fuel") else {
        panic!("expected a histogram")
    };
    let kinds: BTreeSet<_> = fuel
        .data_points
        .iter()
        .filter_map(|point| attribute(&point.attributes, "kind"))
        .collect();
    let expected = ["qa-scorecard", "routing-strategy", "tag-generator", "voice-flow"].map(String::from);
    assert_eq!(kinds, BTreeSet::from(expected));
    let Data::Histogram(duration) = last("jackfield.decision.duration") else {
        panic!("expected a histogram")
    };
    assert!(
        duration
            .data_points
            .iter()
            .all(|point| point.count > 0 && point.sum.is_some_and(|sum| sum > 0.0))
    );
}

fn serve(data: &std::path::Path, endpoint: &str) -> Server {
    let env = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
        ("OTEL_SERVICE_NAME", SERVICE),
        ("OTEL_METRICS_EXPORTER", "none"),
        ("OTEL_BSP_SCHEDULE_DELAY", "100"),
        ("NO_PROXY", "127.0.0.1"),
    ];
    Server::start_with(std::path::Path::new(env!("CARGO_BIN_EXE_jackfield")), data, &env)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_a_crash_has_ended_gets_its_trace_after_the_restart() {
    let (endpoint, collected) = collector().await;
    let data = tempfile::tempdir().unwrap();
    let server = serve(data.path(), &endpoint);
    let phone = Softphone::start(SoftphoneOptions::loopback(server.sip, "+442079460009"))
        .await
        .unwrap();
    let mut call = phone.call("+442079460100").unwrap();
    timeout(PATIENCE, call.answered()).await.unwrap().unwrap();
    server.kill();
    assert!(collected.received.lock().unwrap().spans.is_empty());

    let again = serve(data.path(), &endpoint);
    let is_root = |span: &&Span| span.parent_span_id.is_empty();
    collected
        .until(|received| received.spans.iter().any(|span| is_root(&span)))
        .await;
    again.kill();
    let received = collected.received.lock().unwrap();
    assert_eq!(received.wrong, Vec::<String>::new());
    assert!(received.metrics.is_empty());
    let roots: Vec<_> = received.spans.iter().filter(is_root).collect();
    assert_eq!(roots.len(), 1);
    assert!(
        received
            .spans
            .iter()
            .all(|span| span.trace_id == roots[0].trace_id)
    );
    assert_eq!(
        attribute(&roots[0].attributes, "jackfield.outcome").as_deref(),
        Some("orphaned")
    );
    assert_eq!(
        roots[0].status.as_ref().map(|status| status.code),
        Some(SpanStatus::Error as i32)
    );
}
