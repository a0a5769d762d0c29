//! Log, traces and metrics of the process.
//!
//! The log goes to stderr. Logs, traces and metrics also go out by OTLP (http/protobuf) as the standard `OTEL_*`
//! variables say; without an endpoint nothing is sent. Traces and decision metrics are read from the journal after
//! the commit, on a task of their own, so a slow or dead collector can't delay a call.

mod decision;
mod follower;
mod http;
mod ids;
mod metrics;
mod trace;

use std::io::IsTerminal;
use std::sync::{Mutex, OnceLock, PoisonError, mpsc};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use jackfield_runtime::Platform;
use opentelemetry::KeyValue;
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_otlp::{LogExporter, MetricExporter, SpanExporter, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::resource::{EnvResourceDetector, TelemetryResourceDetector};
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use follower::Follower;
use http::Collector;
use ids::JournalIds;

/// Name of the instrumentation scope.
const SCOPE: &str = "jackfield";
/// What the collector has not taken by then is lost.
const FLUSH: Duration = Duration::from_secs(5);

/// The SIP library tells each datagram at level `info`, callers' numbers included.
const QUIET: &str = "rsipstack=error";

/// One process, one telemetry.
static EXPORT: OnceLock<Export> = OnceLock::new();

/// What goes out, each `None` when it is off.
struct Export {
    traces: Option<SdkTracerProvider>,
    metrics: Option<SdkMeterProvider>,
    logs: Option<SdkLoggerProvider>,
    follower: Mutex<Option<Follower>>,
}

/// What has to be flushed at the end.
pub(crate) struct Telemetry(());

/// Starts the log, and the export when it is asked for; `RUST_LOG` overrides the level.
pub(crate) fn start(level: &str) -> anyhow::Result<Telemetry> {
    let resource = resource();
    let mut logs = None;
    if wanted("LOGS")? {
        let exporter = LogExporter::builder()
            .with_http()
            .with_http_client(Collector::new("LOGS"))
            .build();
        let exporter = exporter.context("OTLP export of logs")?;
        logs = Some(
            SdkLoggerProvider::builder()
                .with_resource(resource.clone())
                .with_batch_exporter(exporter)
                .build(),
        );
    }
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(format!("{level},{QUIET}")));
    let stderr = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none());
    let bridge = logs.as_ref().map(OpenTelemetryTracingBridge::new);
    tracing_subscriber::registry()
        .with(filter)
        .with(stderr)
        .with(bridge)
        .init();

    let mut traces = None;
    if wanted("TRACES")? {
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Collector::new("TRACES"))
            .build();
        let provider = SdkTracerProvider::builder()
            .with_resource(resource.clone())
            .with_id_generator(JournalIds::default());
        traces = Some(
            provider
                .with_batch_exporter(exporter.context("OTLP export of traces")?)
                .build(),
        );
    }
    let mut metrics = None;
    if wanted("METRICS")? {
        let exporter = MetricExporter::builder()
            .with_http()
            .with_http_client(Collector::new("METRICS"))
            .build();
        let provider = SdkMeterProvider::builder().with_resource(resource);
        metrics = Some(
            provider
                .with_periodic_exporter(exporter.context("OTLP export of metrics")?)
                .build(),
        );
    }
    if traces.is_some() || metrics.is_some() || logs.is_some() {
        let (traces, metrics, logs) = (traces.is_some(), metrics.is_some(), logs.is_some());
        tracing::info!(traces, metrics, logs, "telemetry goes out by OTLP");
    }
    // Only the first start of a process counts; there is no second.
    let _ = EXPORT.set(Export {
        traces,
        metrics,
        logs,
        follower: Mutex::default(),
    });
    Ok(Telemetry(()))
}

/// Follows the platform's journals and counters, from what its start has journaled on.
pub(crate) fn observe(platform: &Platform) {
    let entries = platform.follow();
    let Some(export) = EXPORT.get() else { return };
    if export.traces.is_none() && export.metrics.is_none() {
        return;
    }
    if let Some(meters) = &export.metrics {
        metrics::observe(meters, platform);
    }
    let follower = Follower::start(
        platform.clone(),
        entries,
        export.traces.as_ref(),
        export.metrics.as_ref(),
    );
    *export.follower.lock().unwrap_or_else(PoisonError::into_inner) = Some(follower);
}

impl Telemetry {
    /// Tells what the journal has told so far, and waits for the collector at most 5 s.
    pub(crate) fn shutdown(self) {
        let Some(export) = EXPORT.get() else { return };
        let deadline = Instant::now() + FLUSH;
        let left = || deadline.saturating_duration_since(Instant::now());
        let follower = export
            .follower
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(follower) = follower {
            follower.finish(left());
        }
        // Side by side, so that one that hangs does not take the others' time.
        let (done, waiting) = mpsc::channel::<(&str, Result<(), String>)>();
        let spawn = |what: &'static str, end: Box<dyn FnOnce(Duration) -> Result<(), String> + Send>| {
            let (done, left) = (done.clone(), left());
            std::thread::spawn(move || drop(done.send((what, end(left)))));
        };
        if let Some(traces) = export.traces.clone() {
            spawn(
                "traces",
                Box::new(move |left| {
                    traces
                        .shutdown_with_timeout(left)
                        .map_err(|error| error.to_string())
                }),
            );
        }
        if let Some(metrics) = export.metrics.clone() {
            spawn(
                "metrics",
                Box::new(move |left| {
                    metrics
                        .shutdown_with_timeout(left)
                        .map_err(|error| error.to_string())
                }),
            );
        }
        if let Some(logs) = export.logs.clone() {
            spawn(
                "logs",
                Box::new(move |left| {
                    logs.shutdown_with_timeout(left)
                        .map_err(|error| error.to_string())
                }),
            );
        }
        drop(done);
        loop {
            match waiting.recv_timeout(left()) {
                Ok((_, Ok(()))) => {}
                Ok((what, Err(error))) => tracing::warn!(%error, "not all {what} reached the collector"),
                Err(mpsc::RecvTimeoutError::Disconnected) => return,
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    tracing::warn!(
                        "the collector did not take everything within {} s",
                        FLUSH.as_secs()
                    );
                    return;
                }
            }
        }
    }
}

/// Whether a signal is exported: `OTEL_SDK_DISABLED`, then `OTEL_<SIGNAL>_EXPORTER`, then whether there is an endpoint.
fn wanted(signal: &str) -> anyhow::Result<bool> {
    if variable("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return Ok(false);
    }
    let name = format!("OTEL_{signal}_EXPORTER");
    match variable(&name).as_deref() {
        Some("none") => Ok(false),
        Some("otlp") => Ok(true),
        None => Ok(variable(&format!("OTEL_EXPORTER_OTLP_{signal}_ENDPOINT"))
            .or_else(|| variable("OTEL_EXPORTER_OTLP_ENDPOINT"))
            .is_some()),
        Some(other) => bail!("{name}: expected otlp or none, found {other:?}"),
    }
}

/// An environment variable; empty is the same as unset, as OpenTelemetry has it.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn resource() -> Resource {
    let own = [
        KeyValue::new("service.name", "jackfield"),
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
    ];
    let resource = Resource::builder_empty().with_attributes(own).with_detectors(&[
        Box::new(TelemetryResourceDetector),
        Box::new(EnvResourceDetector::new()),
    ]);
    match variable("OTEL_SERVICE_NAME") {
        Some(name) => resource.with_service_name(name).build(),
        None => resource.build(),
    }
}
