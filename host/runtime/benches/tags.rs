//! Tagging all customers anew: a run of the bundled RFM plugin over customers in each embedded engine. `JACKFIELD_CUSTOMERS`
//! says how many, 20,000 when it does not, and `JACKFIELD_ENGINE` which engine alone; the goal is for a million.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)]

mod shared;

use std::path::PathBuf;
use std::time::Instant;

use jackfield_registry::BindRequest;
use jackfield_runtime::TagRunState;
use jackfield_store::Engine;
use jackfield_types::{TagRunId, Timestamp};
use serde_json::json;
use shared::{Site, engines, how_many, is_asked};

const MILLION: u64 = 1_000_000;
const USUAL: u64 = 20_000;

fn main() {
    if !is_asked("tags") || std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let built = std::env::var_os("JACKFIELD_PLUGINS").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/plugins")),
        PathBuf::from,
    );
    let path = built.join("rfm-mood-tags-0.1.0.wasm");
    let Ok(wasm) = std::fs::read(&path) else {
        eprintln!("{} is not there: run `cargo xtask plugins` first", path.display());
        return;
    };
    for engine in engines() {
        shared::run(measure(engine, wasm.clone()));
    }
}

async fn measure(engine: Engine, wasm: Vec<u8>) {
    let customers = how_many("JACKFIELD_CUSTOMERS", USUAL);
    let site = Site::start(Some(engine)).await;
    let (platform, tenant, ctx) = (&site.platform, &site.tenant, &site.ctx);
    platform
        .registry()
        .upload(ctx, wasm, None, Timestamp(1))
        .await
        .unwrap();
    let request = BindRequest {
        point: "tenant:tag-generator".parse().unwrap(),
        plugin: "rfm-mood-tags".parse().unwrap(),
        version: None,
        config: json!({}),
        why: None,
        record_percent: None,
    };
    platform
        .registry()
        .bind(ctx, request, Timestamp(1))
        .await
        .unwrap();

    site.import(customers).await;

    // The first gives everybody a tag, the second finds it there.
    for (what, expected) in [("first", customers), ("again", 0)] {
        let run = TagRunId::new(what).unwrap();
        let mut entries = tenant.subscribe();
        let began = Instant::now();
        tenant.begin_tag_run(ctx, run.clone(), false).await.unwrap();
        let done = loop {
            let now = tenant.tag_run(ctx, &run).await.unwrap();
            if now.state != TagRunState::Running {
                break now;
            }
            // Whatever is journaled, or a little while: a run that changes nothing journals nothing.
            let _ = tokio::time::timeout(std::time::Duration::from_millis(20), entries.recv()).await;
        };
        let took = began.elapsed().as_secs_f64();
        assert_eq!(done.state, TagRunState::Done, "{done:?}");
        assert_eq!(
            (done.counts.customers, done.counts.failed, done.counts.changed),
            (customers, 0, expected)
        );
        let scale = MILLION as f64 / customers as f64;
        println!(
            "bench\ttags/re-tag 1 M, {what}, {engine}\t{:.1}\ts\t<= 60",
            took * scale
        );
        println!(
            "bench\ttags/a decision of them, {what}, {engine}\t{:.1}\tus",
            done.counts.wall_us as f64 / done.counts.decisions as f64
        );
    }
    site.platform.shutdown().await;
}
