//! Binding another version: how soon it decides, and what the decisions beside it notice.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use jackfield_contact::decision::{Answer, Question};
use jackfield_store::Store;

use crate::{
    Fixture, again, env_of, point, quantile, report,
    rule::{native, queue},
    tenant, threads, version,
};

const BINDS: usize = 300;
const SWAPS: usize = 1_000;
/// Quiet and swapping times take turns.
const ROUNDS: usize = 10;

/// From the wish to bind to the end of the first decision by the new version.
pub(crate) fn measure_bind(wasm: &[u8]) {
    let dir = tempfile::tempdir().unwrap();
    for (name, store, goal) in [
        ("bind-to-decided/memory", Store::memory().unwrap(), Some("<= 1")),
        ("bind-to-decided/sled", Store::open(dir.path()).unwrap(), None),
    ] {
        let fixture = Fixture::with(store, None);
        let ctx = tenant(0);
        let records = [0, 1].map(|n| fixture.take_in(&ctx, version(wasm, n)));
        let question = Arc::new(Question::Routing(Box::new(queue(1, 10))));
        let mut took: Vec<f64> = (0..BINDS)
            .map(|n| {
                let record = &records[n % 2];
                let began = Instant::now();
                fixture
                    .tokio
                    .block_on(fixture.registry.bind(&ctx, again(record), crate::NOW))
                    .unwrap();
                let bound = fixture.registry.bound(&ctx.tenant, &point()).unwrap();
                let decision = bound.plugin.decide(question.clone(), env_of("{}"));
                assert!(decision.result.is_ok() && bound.record.digest == record.digest);
                began.elapsed().as_secs_f64() * 1e3
            })
            .collect();
        report(name, quantile(&mut took, 0.5), "ms", goal);
        report(&format!("{name}/p99"), quantile(&mut took, 0.99), "ms", None);
    }
}

pub(crate) fn measure(wasm: &[u8]) {
    let fixture = Fixture::new();
    let ctx = tenant(0);
    let records = [0, 1].map(|n| fixture.take_in(&ctx, version(wasm, n)));
    let question = queue(1, 10);
    let expected = Answer::Routing(native(&question));
    let question = Arc::new(Question::Routing(Box::new(question)));
    let (asked, right, swapping, over) = (
        AtomicU64::new(0),
        AtomicU64::new(0),
        AtomicBool::new(false),
        AtomicBool::new(false),
    );
    let (mut quiet, mut swapped, mut rate) = (Vec::new(), Vec::new(), 0.0);
    thread::scope(|scope| {
        let deciders: Vec<_> = (0..threads())
            .map(|_| {
                scope.spawn(|| {
                    let mut took = [Vec::new(), Vec::new()];
                    let env = env_of("{}");
                    while !over.load(Relaxed) {
                        let phase = usize::from(swapping.load(Relaxed));
                        let began = Instant::now();
                        asked.fetch_add(1, Relaxed);
                        let bound = fixture.registry.bound(&ctx.tenant, &point()).unwrap();
                        let decision = bound.plugin.decide(question.clone(), env.clone());
                        let is_right = decision.result.is_ok_and(|answer| answer == expected);
                        right.fetch_add(u64::from(is_right), Relaxed);
                        took[phase].push(began.elapsed().as_nanos() as f64);
                    }
                    took
                })
            })
            .collect();
        thread::sleep(Duration::from_millis(500));
        let mut swapped_for = Duration::ZERO;
        let mut during = 0;
        for _ in 0..ROUNDS {
            let (began, before) = (Instant::now(), asked.load(Relaxed));
            swapping.store(true, Relaxed);
            for n in 0..SWAPS / ROUNDS {
                let request = again(&records[n % 2]);
                fixture
                    .tokio
                    .block_on(fixture.registry.bind(&ctx, request, crate::NOW))
                    .unwrap();
                thread::sleep(Duration::from_millis(2));
            }
            swapping.store(false, Relaxed);
            (swapped_for, during) = (
                swapped_for + began.elapsed(),
                during + asked.load(Relaxed) - before,
            );
            thread::sleep(began.elapsed());
        }
        over.store(true, Relaxed);
        for decider in deciders {
            let [mut a, mut b] = decider.join().unwrap();
            quiet.append(&mut a);
            swapped.append(&mut b);
        }
        rate = during as f64 / swapped_for.as_secs_f64();
    });
    let failed = asked.load(Relaxed) - right.load(Relaxed);
    report("swap-1000/decisions", rate, "/s", Some(">= 20000"));
    report("swap-1000/failed-or-lost", failed as f64, "decisions", None);
    let (quiet, swapped) = (quantile(&mut quiet, 0.99), quantile(&mut swapped, 0.99));
    report("swap-1000/p99-quiet", quiet, "ns", None);
    report("swap-1000/p99-swapping", swapped, "ns", None);
    report("swap-1000/p99-ratio", swapped / quiet, "times", Some("<= 2"));
    assert_eq!(failed, 0, "a decision failed or was lost");
}
