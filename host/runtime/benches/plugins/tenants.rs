//! Ten thousand tenants, each with its own binding, over a hundred distinct components.

use std::{sync::Arc, thread, time::Instant};

use jackfield_contact::decision::Question;
use jackfield_types::OpContext;

use crate::{Fixture, env_of, point, quantile, report, rule::queue, tenant, version};

const TENANTS: usize = 10_000;
const DIGESTS: usize = 100;
/// Tenants taken in at once.
const AT_ONCE: usize = 16;
const ROUNDS: usize = 10;

pub(crate) fn measure(wasm: &[u8]) {
    let fixture = Fixture::new();
    let contexts: Vec<OpContext> = (0..TENANTS).map(tenant).collect();
    let versions: Vec<Vec<u8>> = (0..DIGESTS).map(|n| version(wasm, n)).collect();
    let before = resident();
    let began = Instant::now();
    // The first of each component compiles it, alone: more at once would be refused.
    for (n, ctx) in contexts.iter().enumerate().take(DIGESTS) {
        fixture.take_in(ctx, versions[n].clone());
    }
    thread::scope(|scope| {
        for first in 0..AT_ONCE {
            let (fixture, contexts, versions) = (&fixture, &contexts, &versions);
            scope.spawn(move || {
                for n in (DIGESTS + first..TENANTS).step_by(AT_ONCE) {
                    fixture.take_in(&contexts[n], versions[n % DIGESTS].clone());
                }
            });
        }
    });
    let each = began.elapsed().as_secs_f64() * 1e3 / TENANTS as f64;
    report("tenants-10000/upload-and-bind", each, "ms", None);

    let question = Arc::new(Question::Routing(Box::new(queue(1, 10))));
    let decide = |n: usize| {
        let began = Instant::now();
        let bound = fixture.registry.bound(&contexts[n].tenant, &point()).unwrap();
        let decision = bound.plugin.decide(question.clone(), env_of("{}"));
        assert!(decision.result.is_ok());
        began.elapsed().as_nanos() as f64
    };
    let (mut one, mut all) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        one.extend((0..TENANTS).map(|_| decide(0)));
        // A step that shares no factor with the number visits every tenant, far from its neighbour.
        all.extend((0..TENANTS).map(|n| decide(n * 7_919 % TENANTS)));
    }
    let after = resident();
    report("tenants-10000/resident-before", before, "MiB", None);
    report("tenants-10000/resident", after, "MiB", Some("<= 1536"));
    report("tenants-10000/median-one", quantile(&mut one, 0.5), "ns", None);
    report("tenants-10000/median-all", quantile(&mut all, 0.5), "ns", None);
    let (one, all) = (quantile(&mut one, 0.99), quantile(&mut all, 0.99));
    report("tenants-10000/p99-one", one, "ns", None);
    report("tenants-10000/p99-all", all, "ns", None);
    report("tenants-10000/p99-ratio", all / one, "times", Some("<= 2"));
}

/// Resident memory of this process in MiB.
pub(crate) fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}
