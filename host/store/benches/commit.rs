//! Committed events and look-ups, in memory and on each embedded engine.
#![allow(missing_docs, clippy::unwrap_used)]

use std::{
    hint::black_box,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use jackfield_store::{Engine, Space, Store, Tx};
use jackfield_types::{OpContext, TenantId};
use tempfile::TempDir;
use tokio::{runtime::Runtime, task::JoinSet};

const ROWS: Space = Space::new("rows");
/// Concurrent interactions, each committing one event after the other.
const PRODUCERS: u64 = 64;
const EVENT_BYTES: usize = 200;
const LOOKUP_ROWS: u64 = 100_000;

fn ctx() -> OpContext {
    OpContext::system(TenantId::new("acme").unwrap(), "bench")
}

fn backends() -> Vec<(&'static str, Store, Option<TempDir>)> {
    let mut all = vec![("memory", Store::memory().unwrap(), None)];
    for engine in Engine::ALL {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open_with(folder.path(), engine).unwrap();
        all.push((engine.as_str(), store, Some(folder)));
    }
    all
}

fn commit(c: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let mut group = c.benchmark_group("store/commit-64-producers");
    group
        .throughput(Throughput::Elements(1))
        .sample_size(20)
        .measurement_time(Duration::from_secs(8));
    for (name, store, _folder) in backends() {
        let runs = AtomicU64::new(0);
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|events| {
                let run = runs.fetch_add(1, Ordering::Relaxed);
                let start = Instant::now();
                runtime.block_on(async {
                    let mut producers = JoinSet::new();
                    for producer in 0..PRODUCERS {
                        let store = store.clone();
                        let share = events / PRODUCERS + u64::from(producer < events % PRODUCERS);
                        producers.spawn(async move {
                            let (ctx, stream) = (ctx(), format!("interaction-{run}-{producer}"));
                            for seq in 0..share {
                                let event = vec![seq as u8; EVENT_BYTES];
                                store
                                    .commit(&ctx, Tx::new().append(&stream, seq, vec![event]))
                                    .await
                                    .unwrap();
                            }
                        });
                    }
                    producers.join_all().await;
                });
                start.elapsed()
            });
        });
    }
}

fn lookup(c: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let ctx = ctx();
    let mut group = c.benchmark_group("store/lookup-of-100k");
    for (name, store, _folder) in backends() {
        runtime.block_on(async {
            let keys: Vec<u64> = (0..LOOKUP_ROWS).collect();
            for keys in keys.chunks(1_000) {
                let put = |tx: Tx, key: &u64| tx.put(ROWS, key.to_be_bytes(), vec![1; EVENT_BYTES]);
                store
                    .commit(&ctx, keys.iter().fold(Tx::new(), put))
                    .await
                    .unwrap();
            }
        });
        let mut key = 0u64;
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                || {
                    key = (key + 7_919) % LOOKUP_ROWS;
                    key.to_be_bytes()
                },
                |key| runtime.block_on(async { black_box(store.get(&ctx, ROWS, &key).await.unwrap()) }),
                BatchSize::SmallInput,
            );
        });
    }
}

criterion_group!(benches, commit, lookup);
criterion_main!(benches);
