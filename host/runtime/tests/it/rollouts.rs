//! Rollouts over a restart in the middle of a window.

use jackfield_registry::rollout::{Gates, Stage, Step};
use jackfield_registry::{BindRequest, Candidate, RolloutRequest};
use jackfield_runtime::{OutboundCheck, Platform, RolloutError, Tenant};
use jackfield_testkit::guest::{asking_rule, broken_rule, lenient_rule, stern_rule};
use jackfield_types::{E164, ExtensionPoint, Timestamp};
use serde_json::json;

use crate::faults::{Site, check, ctx, id, in_time};

fn point() -> ExtensionPoint {
    "tenant:outbound-rule".parse().unwrap()
}

async fn begin(platform: &Platform, candidate: (&str, Vec<u8>), percent: u8, gates: Gates, steps: Vec<Step>) {
    let (plugin, wasm) = candidate;
    platform
        .registry()
        .upload(&ctx(), wasm, None, Timestamp(1))
        .await
        .unwrap();
    let request = RolloutRequest {
        point: point(),
        plugin: plugin.parse().unwrap(),
        version: None,
        config: json!({"new": true}),
        gates,
        steps,
        why: "to see".into(),
    };
    let tenant = platform.tenant(&id()).unwrap();
    let stage = Stage::Canary { percent };
    tenant.start_rollout(&ctx(), request, stage, true).await.unwrap();
}

fn candidate(platform: &Platform) -> std::sync::Arc<Candidate> {
    let bound = platform.registry().bound(&id(), &point()).unwrap();
    bound.candidate.clone().unwrap()
}

/// A check of the nth number.
async fn decide(tenant: &Tenant, n: u32) {
    let number = E164::new(&format!("+336{n:08}")).unwrap();
    let check = OutboundCheck { number, ..check() };
    in_time(tenant.check_outbound(check)).await.unwrap();
}

/// Where the rollout is, and what the judge said when it came there.
async fn stage(tenant: &Tenant) -> (Stage, serde_json::Value) {
    let rollout = tenant.rollout(&ctx(), &point()).await.unwrap().unwrap();
    (rollout.record.stage, rollout.record.evidence)
}

/// Four traps are not enough to tell; the fifth comes in another process.
#[tokio::test]
async fn a_breach_before_a_restart_counts_after_it() {
    let site = Site::new();
    let (platform, tenant) = site.open().await;
    begin(
        &platform,
        ("broken-rule", broken_rule("1.0.0")),
        99,
        Gates::default(),
        vec![],
    )
    .await;
    let mut n = 0;
    while candidate(&platform).judged(clock()).0.traps < 4 {
        decide(&tenant, n).await;
        n += 1;
    }
    // What the watch does once a second, and at once after a failure.
    platform
        .registry()
        .keep_seen(&ctx(), &candidate(&platform), clock())
        .await
        .unwrap();
    // A kill: nothing of this process reaches the disk any more.
    site.disk.cut();
    let _ = tenant.check_outbound(check()).await;
    drop(tenant);
    in_time(platform.shutdown()).await;
    site.disk.heal();

    let platform = site.start().await.unwrap();
    let tenant = platform.tenant(&id()).unwrap();
    assert_eq!(candidate(&platform).judged(clock()).0.traps, 4);
    assert_eq!(stage(&tenant).await.0, Stage::Canary { percent: 99 });
    in_time(async {
        while stage(&tenant).await.0 != Stage::RolledBack {
            decide(&tenant, n).await;
            n += 1;
        }
    })
    .await;
    let evidence = stage(&tenant).await.1;
    assert!(evidence["candidate"]["traps"].as_u64() >= Some(5), "{evidence:#}");
    in_time(platform.shutdown()).await;
}

/// What was seen before a restart counts, the time without a process does not, and at the end it goes on by itself.
#[tokio::test]
async fn a_stage_is_passed_over_a_restart_for_what_was_seen_and_not_before() {
    let site = Site::new();
    let (platform, tenant) = site.open().await;
    let gates = Gates {
        window_ms: 4_000,
        min_decisions: 20,
        min_interactions: 0,
        ..Gates::default()
    };
    begin(
        &platform,
        ("lenient", lenient_rule("2.0.0")),
        50,
        gates,
        vec![Step::default()],
    )
    .await;
    let mut n = 0;
    while candidate(&platform).watched_ms(clock()) < 2_000 {
        decide(&tenant, n).await;
        n += 1;
    }
    drop(tenant);
    in_time(platform.shutdown()).await;
    // Longer than what is left of the window.
    tokio::time::sleep(std::time::Duration::from_millis(2_500)).await;

    let platform = site.start().await.unwrap();
    let tenant = platform.tenant(&id()).unwrap();
    let before = candidate(&platform).watched_ms(clock());
    assert!((2_000..3_900).contains(&before), "{before}");
    assert_eq!(stage(&tenant).await.0, Stage::Canary { percent: 50 });
    while stage(&tenant).await.0 != Stage::Active {
        decide(&tenant, n).await;
        n += 1;
    }
    let evidence = stage(&tenant).await.1;
    assert!(evidence["watched_ms"].as_u64() >= Some(4_000), "{evidence:#}");
    assert!(
        evidence["candidate"]["decisions"].as_u64() >= Some(20),
        "{evidence:#}"
    );
    in_time(platform.shutdown()).await;
}

/// It allows what the active version denies; nobody's waiting time tells.
#[tokio::test]
async fn a_canary_that_does_what_is_forbidden_is_taken_back() {
    let site = Site::new();
    let (platform, tenant) = site.open().await;
    let registry = platform.registry();
    registry
        .upload(&ctx(), stern_rule("1.0.0"), None, Timestamp(1))
        .await
        .unwrap();
    let stern = BindRequest {
        point: point(),
        plugin: "stern".parse().unwrap(),
        version: None,
        config: json!({}),
        why: None,
        record_percent: None,
    };
    tenant.bind(&ctx(), stern).await.unwrap();
    let gates = Gates {
        min_interactions: 0,
        ..Gates::default()
    };
    begin(&platform, ("lenient", lenient_rule("2.0.0")), 50, gates, vec![]).await;
    in_time(async {
        let mut n = 0;
        while stage(&tenant).await.0 != Stage::RolledBack {
            decide(&tenant, n).await;
            n += 1;
        }
    })
    .await;
    let evidence = stage(&tenant).await.1;
    assert_eq!(
        evidence["verdict"]["violated"]["gate"], "max_forbidden",
        "{evidence:#}"
    );
    in_time(platform.shutdown()).await;
}

/// It reads what was not recorded, so nobody knows how it would have decided: shadow tells, a canary may not.
#[tokio::test]
async fn what_cannot_be_replayed_begins_in_shadow() {
    let site = Site::new();
    let (platform, tenant) = site.open().await;
    for n in 0..10 {
        decide(&tenant, n).await;
    }
    platform
        .registry()
        .upload(&ctx(), asking_rule("1.0.0"), None, Timestamp(1))
        .await
        .unwrap();
    let request = RolloutRequest {
        point: point(),
        plugin: "asker".parse().unwrap(),
        version: None,
        config: json!({}),
        gates: Gates::default(),
        steps: vec![],
        why: "to see".into(),
    };
    let canary = Stage::Canary { percent: 50 };
    let refused = tenant.start_rollout(&ctx(), request.clone(), canary, false).await;
    let Err(RolloutError::Gate(message)) = refused else {
        panic!("{refused:?}")
    };
    assert!(
        message.contains("10 of 10 answers") && message.contains("shadow"),
        "{message}"
    );
    tenant
        .start_rollout(&ctx(), request, Stage::Shadow, false)
        .await
        .unwrap();
    in_time(async {
        let mut n = 10;
        while candidate(&platform).judged(clock()).0.identical < 5 {
            decide(&tenant, n).await;
            n += 1;
        }
    })
    .await;
    in_time(platform.shutdown()).await;
}

/// Three decisions in all, and fifty are asked for.
#[tokio::test]
async fn a_stage_that_sees_too_little_comes_to_an_end() {
    let site = Site::new();
    let (platform, tenant) = site.open().await;
    let gates = Gates {
        window_ms: 1_000,
        max_stage_ms: 2_000,
        min_interactions: 0,
        ..Gates::default()
    };
    begin(
        &platform,
        ("lenient", lenient_rule("2.0.0")),
        99,
        gates,
        vec![Step::default()],
    )
    .await;
    for n in 0..3 {
        decide(&tenant, n).await;
    }
    let end = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
    let mut ticks = tokio::time::interval(std::time::Duration::from_millis(100));
    while stage(&tenant).await.0 != Stage::RolledBack {
        ticks.tick().await;
        assert!(tokio::time::Instant::now() < end, "it waits for ever");
    }
    let rollout = tenant.rollout(&ctx(), &point()).await.unwrap().unwrap();
    assert!(
        rollout.record.why.starts_with("not enough was seen in"),
        "{}",
        rollout.record.why
    );
    assert!(
        rollout.record.evidence["estimate"]["never"].is_object(),
        "{:#}",
        rollout.record.evidence
    );
    in_time(platform.shutdown()).await;
}

fn clock() -> Timestamp {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Timestamp(since_epoch.unwrap().as_millis() as u64)
}
