//! What it costs to record every decision, writing included, and how fast records are replayed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use jackfield_contact::decision::Question;
use jackfield_registry::Bound;
use jackfield_runtime::{Metrics, Recorder};
use jackfield_sandbox::{DecisionRecord, Env, Recording, Replayed};
use jackfield_types::{DecisionId, Grants, TenantId};

use crate::{Fixture, env_of, point, quantile, report, rule::queue, tenant, threads};

const ROUNDS: usize = 15;
const ROUND: Duration = Duration::from_millis(200);
const REPLAYED: usize = 20_000;
/// Records that one thread takes at a time, as a tenant's replay does.
const SHARE: usize = 128;

/// A decision as the runtime makes and records it.
fn recorded(bound: &Bound, question: &Arc<Question>, id: DecisionId) -> DecisionRecord {
    let env = env_of("{}");
    let recording = Arc::new(Recording::new(env.reads));
    let env = Env {
        reads: recording.clone(),
        ..env
    };
    let now = env.now;
    let decision = bound.plugin.decide(question.clone(), env);
    DecisionRecord {
        id,
        at: now,
        by: bound.by.clone(),
        question: question.clone(),
        reads: recording.take().unwrap_or_default(),
        result: decision.result,
        kv_writes: decision.kv_writes,
        receipt: decision.receipt,
        log: decision.log,
        grants: Grants::ALL,
        budget: None,
        complete: true,
    }
}

/// What becomes of a decision.
#[derive(Clone, Copy)]
enum Made<'a> {
    /// Nothing but its answer.
    Bare,
    /// A record, as the runtime makes one of every decision; it is let go, as where a binding keeps none.
    Seen(&'a Recorder),
    /// A record that is kept.
    Kept(&'a Recorder, &'a TenantId),
}

/// Decisions a second of all threads; how many records of them were not kept.
fn rate(bound: &Bound, question: &Arc<Question>, made: Made<'_>) -> (f64, u64) {
    let began = Instant::now();
    let (decided, lost) = thread::scope(|scope| {
        let deciders: Vec<_> = (0..threads())
            .map(|_| {
                scope.spawn(|| {
                    let (mut decided, mut lost) = (0_u64, 0_u64);
                    while began.elapsed() < ROUND {
                        let (recorder, tenant) = match made {
                            Made::Bare => {
                                let decision = bound.plugin.decide(question.clone(), env_of("{}"));
                                assert!(decision.result.is_ok());
                                decided += 1;
                                continue;
                            }
                            Made::Seen(recorder) => (recorder, None),
                            Made::Kept(recorder, tenant) => (recorder, Some(tenant)),
                        };
                        let record = Arc::new(recorded(bound, question, recorder.id()));
                        let answer = record.result.clone();
                        if let Some(tenant) = tenant {
                            lost += u64::from(!recorder.keep(tenant, record));
                        }
                        assert!(answer.is_ok());
                        decided += 1;
                    }
                    (decided, lost)
                })
            })
            .collect();
        deciders
            .into_iter()
            .map(|decider| decider.join().unwrap())
            .fold((0, 0), |sum, each| (sum.0 + each.0, sum.1 + each.1))
    });
    (decided as f64 / began.elapsed().as_secs_f64(), lost)
}

pub(crate) fn measure(wasm: &[u8]) {
    let fixture = Fixture::new();
    let ctx = tenant(0);
    fixture.take_in(&ctx, wasm.to_vec());
    let bound = fixture.registry.bound(&ctx.tenant, &point()).unwrap();
    let question = Arc::new(Question::Routing(Box::new(queue(1, 10))));
    let _inside = fixture.tokio.enter();
    let recorder = Recorder::start(fixture.store.clone(), Arc::new(Metrics::default()));

    let (mut bare, mut seen, mut kept, mut lost, mut all) = (Vec::new(), Vec::new(), Vec::new(), 0, 0.0);
    for _ in 0..ROUNDS {
        bare.push(rate(&bound, &question, Made::Bare).0);
        seen.push(rate(&bound, &question, Made::Seen(&recorder)).0);
        let (rate, not_kept) = rate(&bound, &question, Made::Kept(&recorder, &ctx.tenant));
        kept.push(rate);
        all += rate * ROUND.as_secs_f64();
        lost += not_kept;
        fixture.tokio.block_on(recorder.flush());
    }
    let [bare, seen, kept] = [&mut bare, &mut seen, &mut kept].map(|rates| quantile(rates, 0.5));
    report("record/bare-decisions", bare, "/s", None);
    report("record/none-kept", seen, "/s", None);
    report("record/all-kept", kept, "/s", None);
    report("record/lost", 100.0 * lost as f64 / all, "%", None);
    report("record/cost", 100.0 * (1.0 - kept / seen), "%", Some("<= 20"));
    report("record/cost-over-bare", 100.0 * (1.0 - kept / bare), "%", None);

    let records: Vec<_> = (0..REPLAYED)
        .map(|_| recorded(&bound, &question, recorder.id()))
        .collect();
    let mut rates: Vec<f64> = (0..5).map(|_| replay(&bound, &records)).collect();
    report("replay", quantile(&mut rates, 0.5), "/s", Some(">= 50000"));
}

/// Records replayed a second, by as many threads as there are processors.
fn replay(bound: &Bound, records: &[DecisionRecord]) -> f64 {
    let (began, next) = (Instant::now(), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..threads() {
            scope.spawn(|| {
                loop {
                    let from = next.fetch_add(SHARE, Relaxed);
                    if from >= records.len() {
                        return;
                    }
                    for record in &records[from..records.len().min(from + SHARE)] {
                        let Replayed::Decided(decision) =
                            bound.plugin.replay(record, record.by.config.clone(), None)
                        else {
                            unreachable!("nothing is read")
                        };
                        assert_eq!(decision.result, record.result);
                    }
                }
            });
        }
    });
    records.len() as f64 / began.elapsed().as_secs_f64()
}
