//! What plugins cost: a decision beside what else could make it, swaps under load, uploads, many tenants, recording
//! and replay. `cargo xtask bench plugins` builds the plugins and prints the ratios to the goals.
//!
//! What is compared is measured in turns, a few milliseconds each, so that a machine that does other things meanwhile
//! disturbs all alike. Figures are medians over the turns unless they say otherwise.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

mod quickjs;
mod record;
mod reused;
mod routing;
mod rule;
mod served;
mod swap;
mod tenants;
mod upload;
mod webhook;

use std::{
    env, fs, iter,
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use jackfield_registry::{BindRequest, BindingRecord, Registry};
use jackfield_sandbox::{CompileLimits, CompilerCommand, Env, NoReads, Sandbox, SandboxOptions};
use jackfield_store::Store;
use jackfield_types::{ExtensionPoint, Grants, OpContext, QueueId, TenantId, Timestamp};
use tempfile::TempDir;

/// The server's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const NOW: Timestamp = Timestamp(1_800_000_000_000);
/// Under this name the bench is its own compiler process.
const COMPILE: &str = "compile-plugin";

/// A section and what runs it.
type Section = (&'static str, fn(&[u8]));

const SECTIONS: [Section; 7] = [
    ("plugins/routing", routing::measure),
    ("plugins/bind", swap::measure_bind),
    ("plugins/swap", swap::measure),
    ("plugins/upload", upload::measure),
    ("plugins/record", record::measure),
    ("plugins/tenants", tenants::measure),
    ("plugins/served", served::measure),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if arguments.first().is_some_and(|argument| argument == COMPILE) {
        let number = |n: usize| arguments[n].parse().unwrap();
        return jackfield_sandbox::compile_process(CompileLimits {
            cpu_s: number(1),
            memory_bytes: number(2),
            artifact_bytes: number(3),
            ..CompileLimits::default()
        });
    }
    // `cargo test --benches` only asks whether it starts.
    if arguments.iter().any(|argument| argument == "--test") {
        return ExitCode::SUCCESS;
    }
    let Some(wasm) = built("skills-routing-0.1.0.wasm") else {
        return ExitCode::SUCCESS;
    };
    let wanted = arguments.iter().find(|argument| !argument.starts_with('-'));
    for (name, measure) in SECTIONS {
        if wanted.is_none_or(|wanted| name.contains(wanted.as_str())) {
            measure(&wasm);
        }
    }
    ExitCode::SUCCESS
}

/// A bundled plugin; none, and it says so, when it was not built.
fn built(name: &str) -> Option<Vec<u8>> {
    let folder = env::var_os("JACKFIELD_PLUGINS").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/plugins")),
        PathBuf::from,
    );
    let path = folder.join(name);
    let wasm = fs::read(&path).ok();
    if wasm.is_none() {
        eprintln!("{} is not there: run `cargo xtask plugins` first", path.display());
    }
    wasm
}

/// A figure for the table of `cargo xtask bench`.
fn report(name: &str, value: f64, unit: &str, goal: Option<&str>) {
    let goal = goal.map(|goal| format!("\t{goal}")).unwrap_or_default();
    println!("bench\tplugins/{name}\t{value}\t{unit}{goal}");
}

fn env_of(config: &str) -> Env {
    Env {
        now: NOW,
        config: config.into(),
        reads: Arc::new(NoReads),
        grants: Grants::ALL,
        budget: None,
    }
}

/// The component again under another version, so with another digest: `n` below 1,000.
fn version(wasm: &[u8], n: usize) -> Vec<u8> {
    const WRITTEN: &[u8] = b"version = \"0.1.0\"";
    let at = wasm
        .windows(WRITTEN.len())
        .position(|part| part == WRITTEN)
        .unwrap();
    let digits = format!("{}.{}.{}", n / 100, n / 10 % 10, n % 10);
    let mut wasm = wasm.to_vec();
    wasm[at + 11..at + 16].copy_from_slice(digits.as_bytes());
    wasm
}

/// A registry over a store in memory, with its own sandbox.
struct Fixture {
    registry: Registry,
    store: Store,
    tokio: tokio::runtime::Runtime,
    _dir: TempDir,
}

impl Fixture {
    fn new() -> Self {
        Self::with(Store::memory().unwrap(), None)
    }

    fn with(store: Store, compiler: Option<CompilerCommand>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut options = SandboxOptions::new(dir.path().join("cache"), [1; 32]);
        options.compiler = compiler;
        let tokio = tokio::runtime::Runtime::new().unwrap();
        let _inside = tokio.enter();
        Self {
            registry: Registry::new(store.clone(), Sandbox::new(options).unwrap(), Grants::ALL),
            store,
            _dir: dir,
            tokio,
        }
    }

    /// Uploads a version and binds it.
    fn take_in(&self, ctx: &OpContext, wasm: Vec<u8>) -> BindingRecord {
        self.tokio.block_on(async {
            let uploaded = self.registry.upload(ctx, wasm, None, NOW).await.unwrap();
            let request = BindRequest {
                point: point(),
                plugin: uploaded.id,
                version: Some(uploaded.version),
                config: serde_json::json!({}),
                why: None,
                record_percent: None,
            };
            self.registry.bind(ctx, request, NOW).await.unwrap()
        })
    }
}

/// Binds what was bound before with that record.
fn again(record: &BindingRecord) -> BindRequest {
    BindRequest {
        point: record.point.clone(),
        plugin: record.plugin.clone(),
        version: Some(record.version.clone()),
        config: record.config.clone(),
        why: None,
        record_percent: None,
    }
}

fn tenant(n: usize) -> OpContext {
    OpContext::system(TenantId::new(&format!("tenant-{n}")).unwrap(), "bench")
}

fn point() -> ExtensionPoint {
    ExtensionPoint::Queue(QueueId::new("support").unwrap())
}

/// The smallest value that at least this share of the values does not exceed.
fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = (values.len() as f64 * share).ceil() as usize;
    values[at.clamp(1, values.len()) - 1]
}

/// Nanoseconds that a call takes, over about so long.
fn turn(took: Duration, mut call: impl FnMut()) -> f64 {
    let began = Instant::now();
    let mut calls = 0_u32;
    while began.elapsed() < took {
        iter::repeat_n((), 8).for_each(|()| call());
        calls += 8;
    }
    began.elapsed().as_nanos() as f64 / f64::from(calls)
}

/// Threads that decide at once.
fn threads() -> usize {
    std::thread::available_parallelism().map_or(2, |n| n.get().max(2))
}
