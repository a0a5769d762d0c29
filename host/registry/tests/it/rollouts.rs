//! Rollouts as stored.

use jackfield_registry::rollout::{Gates, Stage};
use jackfield_registry::{Move, RegistryError, RolloutRecord, RolloutRequest};
use jackfield_store::FaultyDisk;
use jackfield_testkit::guest::lenient_rule;
use serde_json::json;

use crate::support::{NOW, Site, point, version};

async fn canary(site: &Site, percent: u8) -> RolloutRecord {
    let request = RolloutRequest {
        point: point(),
        plugin: "lenient".parse().unwrap(),
        version: Some(version("2.0.0")),
        config: json!({}),
        gates: Gates::default(),
        why: "to see".into(),
    };
    let stage = Stage::Canary { percent };
    let started = site
        .registry
        .start_rollout(&site.ctx, request, stage, json!({}), NOW);
    started.await.unwrap()
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
        1
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
