//! Rollouts as stored.

use jackfield_registry::rollout::{Gates, Stage, Verdict};
use jackfield_registry::{Move, RegistryError, RolloutRecord, RolloutRequest};
use jackfield_store::FaultyDisk;
use jackfield_testkit::guest::lenient_rule;
use serde_json::json;

use jackfield_types::Timestamp;

use crate::support::{NOW, Site, point, version};

async fn canary(site: &Site, percent: u8) -> RolloutRecord {
    let request = RolloutRequest {
        point: point(),
        plugin: "lenient".parse().unwrap(),
        version: Some(version("2.0.0")),
        config: json!({}),
        gates: Gates::default(),
        steps: vec![],
        why: "to see".into(),
    };
    let stage = Stage::Canary { percent };
    let started = site
        .registry
        .start_rollout(&site.ctx, request, stage, json!({}), NOW);
    started.await.unwrap().record
}

async fn go(site: &Site, to: Stage, only: Option<u64>) -> Result<RolloutRecord, RegistryError> {
    let to = Move {
        to,
        why: "well".into(),
        evidence: json!({}),
    };
    site.registry
        .move_rollout(&site.ctx, &point(), to, only, NOW)
        .await
}

async fn stage(site: &Site) -> Stage {
    let rollout = site.registry.rollout(&site.ctx, &point()).await.unwrap();
    rollout.unwrap().stage
}

async fn site(disk: &FaultyDisk) -> Site {
    let site = Site::start(disk).await;
    site.upload(lenient_rule("1.0.0")).await;
    site.upload(lenient_rule("2.0.0")).await;
    site.bind("lenient", "1.0.0").await.unwrap();
    site
}

/// The binding and the rollout's row change together or not at all.
#[tokio::test]
async fn a_promotion_is_whole_or_not_at_all() {
    let disk = FaultyDisk::new().unwrap();
    let site = site(&disk).await;
    canary(&site, 10).await;
    disk.fill();
    let refused = go(&site, Stage::Active, None).await.unwrap_err();
    assert_eq!(refused.code(), "unavailable", "{refused}");
    assert_eq!(site.bound().as_deref(), Some("1.0.0"));

    disk.heal();
    let site = site.restart(&disk).await;
    assert_eq!(stage(&site).await, Stage::Canary { percent: 10 });
    assert_eq!(site.bound().as_deref(), Some("1.0.0"));
    let bound = site.registry.bound(&site.ctx.tenant, &point()).unwrap();
    assert!(bound.candidate.is_some(), "the canary goes on");
    assert_eq!(site.history().await.len(), 1);
    assert_eq!(
        site.registry
            .rollout_history(&site.ctx, &point())
            .await
            .unwrap()
            .len(),
        2,
        "replayed and canary"
    );

    go(&site, Stage::Active, None).await.unwrap();
    let site = site.restart(&disk).await;
    assert_eq!(stage(&site).await, Stage::Active);
    assert_eq!(site.bound().as_deref(), Some("2.0.0"));
    let history = site.history().await;
    assert_eq!(history[0], (2, "2.0.0".to_owned(), Some("well".to_owned())));
    let bound = site.registry.bound(&site.ctx.tenant, &point()).unwrap();
    assert!(bound.candidate.is_none());
    assert_eq!(bound.previous.as_ref().unwrap().record.version, version("1.0.0"));
}

/// On a slow disk nobody sees one without the other either.
#[tokio::test]
async fn a_promotion_becomes_visible_at_once() {
    let disk = FaultyDisk::new().unwrap();
    let site = site(&disk).await;
    canary(&site, 10).await;
    disk.slow();
    let mut promotion = Box::pin(go(&site, Stage::Active, None));
    tokio::select! {
        early = &mut promotion => panic!("too early: {early:?}"),
        () = disk.holding() => {}
    }
    assert_eq!(stage(&site).await, Stage::Canary { percent: 10 });
    assert_eq!(site.history().await.len(), 1);
    assert_eq!(site.bound().as_deref(), Some("1.0.0"));
    disk.heal();
    promotion.await.unwrap();
    assert_eq!(stage(&site).await, Stage::Active);
    assert_eq!(
        (site.history().await.len(), site.bound().as_deref()),
        (2, Some("2.0.0"))
    );
}

/// Whoever has judged one stage must not end the next one.
#[tokio::test]
async fn a_stage_that_was_left_meanwhile_is_not_left_again() {
    let disk = FaultyDisk::new().unwrap();
    let site = site(&disk).await;
    let first = canary(&site, 10).await;
    let second = go(&site, Stage::Canary { percent: 50 }, Some(first.number))
        .await
        .unwrap();
    assert_eq!(second.number, first.number + 1);
    for stale in [first.number, second.number + 1] {
        for to in [Stage::RolledBack, Stage::Active, Stage::Canary { percent: 5 }] {
            let refused = go(&site, to, Some(stale)).await.unwrap_err();
            assert!(matches!(refused, RegistryError::NoRollout(_)), "{refused}");
        }
    }
    assert_eq!(stage(&site).await, Stage::Canary { percent: 50 });
    assert_eq!(site.bound().as_deref(), Some("1.0.0"));
    go(&site, Stage::RolledBack, Some(second.number)).await.unwrap();
    let bound = site.registry.bound(&site.ctx.tenant, &point()).unwrap();
    assert!(bound.candidate.is_none());
    // What is over is not moved again, by whomever.
    let refused = go(&site, Stage::Active, None).await.unwrap_err();
    assert!(matches!(refused, RegistryError::NoRollout(_)), "{refused}");
}

fn at(later_ms: u64) -> Timestamp {
    Timestamp(NOW.0 + later_ms)
}

impl Site {
    fn candidate(&self) -> std::sync::Arc<jackfield_registry::Candidate> {
        let bound = self.registry.bound(&self.ctx.tenant, &point()).unwrap();
        bound.candidate.clone().unwrap()
    }

    /// Counts decisions of the candidate, of which so many trap.
    fn count(&self, now: Timestamp, decisions: u64, traps: u64) {
        let candidate = self.candidate();
        let mut seen = candidate.seen.lock().unwrap();
        for n in 0..decisions {
            let failed = (n < traps).then_some("trap");
            let moment = seen.moment(now);
            seen.candidate.at(moment).decision(100, failed, failed.is_some());
            seen.control.at(moment).decision(100, None, false);
        }
        seen.changed = true;
    }

    async fn keep(&self, now: Timestamp) {
        self.registry
            .keep_seen(&self.ctx, &self.candidate(), now)
            .await
            .unwrap();
    }
}

/// A breach before a restart counts after it, and what was seen before a stage does not count in it.
#[tokio::test]
async fn what_was_seen_outlives_the_process() {
    let disk = FaultyDisk::new().unwrap();
    let site = site(&disk).await;
    canary(&site, 10).await;
    site.count(at(1_000), 20, 4);
    site.keep(at(2_000)).await;
    // Lost in a kill.
    site.count(at(3_000), 20, 20);

    let site = site.restart_at(&disk, at(60_000)).await;
    let (seen, control, verdict) = site.candidate().judged(at(60_000));
    assert_eq!((seen.decisions, seen.traps, control.decisions), (20, 4, 20));
    assert!(matches!(verdict, Verdict::Wait(_)), "{verdict:?}");
    site.count(at(61_000), 1, 1);
    let (_, _, verdict) = site.candidate().judged(at(61_000));
    assert!(matches!(verdict, Verdict::Violated { gate, .. } if gate == "max_trap_percent"));

    go(&site, Stage::Canary { percent: 20 }, None).await.unwrap();
    let site = site.restart_at(&disk, at(62_000)).await;
    assert_eq!(site.candidate().judged(at(62_000)).0.decisions, 0);
}

/// While no process runs, nobody watches: that time counts towards no window.
#[tokio::test]
async fn a_stage_is_watched_only_while_a_process_runs() {
    let disk = FaultyDisk::new().unwrap();
    let site = site(&disk).await;
    canary(&site, 10).await;
    site.count(at(1_000), 60, 0);
    site.keep(at(20_000)).await;
    assert_eq!(site.candidate().watched_ms(at(20_000)), 20_000);

    let hour = 60 * 60 * 1_000;
    let site = site.restart_at(&disk, at(hour)).await;
    assert_eq!(site.candidate().watched_ms(at(hour)), 20_000);
    assert_eq!(site.candidate().watched_ms(at(hour + 5_000)), 25_000);
    assert_eq!(
        site.candidate().judged(at(hour)).0.decisions,
        60,
        "no older than before"
    );
    site.keep(at(hour + 10_000)).await;
    let site = site.restart_at(&disk, at(2 * hour)).await;
    assert_eq!(site.candidate().watched_ms(at(2 * hour)), 30_000);
}

/// Whoever takes the binding away, or puts another in its place, ends the rollout in the same transaction.
#[tokio::test]
async fn a_rollout_ends_with_its_binding() {
    let disk = FaultyDisk::new().unwrap();
    let site = site(&disk).await;
    canary(&site, 10).await;
    disk.fill();
    let refused = site.registry.unbind(&site.ctx, &point(), None, at(1)).await;
    assert_eq!(refused.unwrap_err().code(), "unavailable");
    disk.heal();
    let site = site.restart(&disk).await;
    assert_eq!(stage(&site).await, Stage::Canary { percent: 10 });

    let removed = site
        .registry
        .unbind(&site.ctx, &point(), None, at(1))
        .await
        .unwrap();
    let ended = site
        .registry
        .ended_by(&site.ctx, &removed)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(ended.stage, Stage::RolledBack);
    assert!(ended.why.contains("removed"), "{}", ended.why);
    assert!(site.registry.candidates().is_empty());
    let refused = go(&site, Stage::Active, None).await.unwrap_err();
    assert!(matches!(refused, RegistryError::NoRollout(_)));

    site.bind("lenient", "1.0.0").await.unwrap();
    canary(&site, 10).await;
    let bound = site.bind("lenient", "2.0.0").await.unwrap();
    let ended = site.registry.ended_by(&site.ctx, &bound).await.unwrap().unwrap();
    assert!(ended.why.contains("another binding"), "{}", ended.why);
    let again = site.bind("lenient", "1.0.0").await.unwrap();
    assert_eq!(site.registry.ended_by(&site.ctx, &again).await.unwrap(), None);
}
