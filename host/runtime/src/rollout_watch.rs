//! Looks at every rollout that is under way, once a second: keeps what was seen, takes back what violates a gate or has
//! waited too long for enough to be seen, and lets go on what has kept to its gates for a whole window, where the rollout
//! says so.
//!
//! A kill loses what was seen in the last second; what has failed is kept at once. So a breach before a restart counts
//! after it, and a stage is left only for what was seen of it, over a window in which somebody watched.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Weak};
use std::time::Duration;

use jackfield_registry::rollout::{Stage, Verdict};
use jackfield_registry::{Candidate, Move};
use jackfield_types::{OpContext, TenantId, Timestamp};
use tokio::time::MissedTickBehavior;

use crate::clock;
use crate::platform::Shared;
use crate::rollouts::{move_by_itself, roll_back_if_due};

/// How often; also how much of what was seen a kill may lose.
const EVERY: Duration = Duration::from_secs(1);

/// Watches the rollouts of all tenants until the platform is gone.
pub(crate) fn keep_watched(shared: Weak<Shared>) {
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let Some(hurry) = shared.upgrade().map(|shared| shared.rollout_failed.clone()) else {
            return;
        };
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = hurry.notified() => {}
            }
            let Some(shared) = shared.upgrade() else { return };
            for (tenant, candidate) in shared.registry.candidates() {
                look(&shared, &tenant, &candidate, clock::now()).await;
            }
        }
    });
}

/// Keeps what was seen of all rollouts; at the end of the process.
pub(crate) async fn keep_all(shared: &Shared) {
    for (tenant, candidate) in shared.registry.candidates() {
        keep(shared, &tenant, &candidate, clock::now()).await;
    }
}

async fn keep(shared: &Shared, tenant: &TenantId, candidate: &Candidate, now: Timestamp) -> bool {
    let ctx = OpContext::system(tenant.clone(), "gates");
    let kept = shared.registry.keep_seen(&ctx, candidate, now).await;
    if let Err(error) = &kept {
        let point = &candidate.bound.record.point;
        tracing::warn!(%tenant, %point, %error, "what was seen of a rollout is kept later");
    }
    kept.is_ok()
}

async fn look(shared: &Shared, tenant: &TenantId, candidate: &Arc<Candidate>, now: Timestamp) {
    let Some(tenant) = shared.directory.tenants.get(tenant) else {
        return;
    };
    if !keep(shared, tenant.id(), candidate, now).await {
        return;
    }
    roll_back_if_due(&tenant, candidate, now);
    let Some(on) = due(candidate, now) else { return };
    if !candidate.moving.swap(true, Relaxed) {
        move_by_itself(&tenant, candidate, on).await;
    }
}

/// Where a candidate goes by itself now: on, when it was watched for a whole window and has kept to its gates in it; back,
/// when its stage has come to its end and too little was seen to tell.
fn due(candidate: &Candidate, now: Timestamp) -> Option<Move> {
    let (longest, watched) = (candidate.gates.max_stage_ms, candidate.watched_ms(now));
    if longest > 0
        && watched >= longest
        && let (evidence, Verdict::Wait(missing)) = candidate.evidence(now)
    {
        let why = format!(
            "not enough was seen in {} s of this stage: {}",
            watched / 1_000,
            missing.join("; ")
        );
        return Some(Move {
            to: Stage::RolledBack,
            why,
            evidence,
        });
    }
    let to = candidate.steps.first()?.stage();
    let window_ms = candidate.gates.window_ms;
    if candidate.watched_ms(now) < window_ms {
        return None;
    }
    let (evidence, verdict) = candidate.evidence(now);
    let (Verdict::Pass, Stage::Shadow | Stage::Canary { .. }) = (verdict, candidate.stage) else {
        return None;
    };
    let why = format!("it kept to its gates for {} s", window_ms / 1_000);
    Some(Move { to, why, evidence })
}
