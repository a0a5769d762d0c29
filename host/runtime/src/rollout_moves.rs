//! Moving a rollout by hand: start, larger canary, promotion, and the way back.

use jackfield_contact::decision::compare::Grade;
use jackfield_registry::rollout::{Observed, Stage, Verdict, judge};
use jackfield_registry::{Move, RolloutRecord, RolloutRequest};
use jackfield_types::{ExtensionPoint, OpContext, Timestamp, limits};
use serde_json::{Value, json};

use crate::records::RecordQuery;
use crate::rollouts::{evidence, note};
use crate::tenant::Tenant;
use crate::{ReplayReport, ReplayRequest, RolloutError, clock};

/// Recorded decisions that a candidate is replayed on before it is let near live ones.
const REPLAYED: usize = 1_000;
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// A rollout, and how it does.
#[derive(Debug, Clone, PartialEq)]
pub struct RolloutStatus {
    /// The rollout at its latest stage.
    pub record: RolloutRecord,
    /// Whether it goes on.
    pub under_way: bool,
    /// What was seen in this stage and within the window, and what the gates say; `None` when it does not go on.
    pub seen: Option<Value>,
}

impl Tenant {
    /// Rolls a version out: replays it on what was recorded of the last day, and goes on to `stage` when that violates
    /// no gate, or when `force` is given.
    pub async fn start_rollout(
        &self,
        ctx: &OpContext,
        request: RolloutRequest,
        stage: Stage,
        force: bool,
    ) -> Result<RolloutRecord, RolloutError> {
        let now = clock::now();
        let replay = ReplayRequest {
            records: RecordQuery {
                point: request.point.clone(),
                since: Timestamp(now.0.saturating_sub(DAY_MS)),
                until: Timestamp(now.0 + 1),
                limit: REPLAYED.min(limits::MAX_REPLAY),
            },
            plugin: request.plugin.clone(),
            version: request.version.clone(),
            config: Some(request.config.clone()),
        };
        let report = self.replay(ctx, replay).await?;
        let verdict = replayed(&report, &request);
        if let (Verdict::Violated { message, .. }, false) = (&verdict, force) {
            return Err(RolloutError::Gate(message.clone()));
        }
        let evidence = json!({ "replay": summary(&report), "verdict": verdict });
        let registry = &self.inner.shared.registry;
        let record = registry.start_rollout(ctx, request, stage, evidence, now).await?;
        note(self, &record).await;
        Ok(record)
    }

    /// Moves the rollout on. Refused unless the gates of its stage are passed, or `force` is given.
    pub async fn promote(
        &self,
        ctx: &OpContext,
        point: &ExtensionPoint,
        to: Stage,
        why: String,
        force: bool,
    ) -> Result<RolloutRecord, RolloutError> {
        let (seen, verdict) = self.judged(point);
        match verdict {
            Some(Verdict::Wait(missing)) if !force => {
                return Err(RolloutError::TooEarly(missing.join("; ")));
            }
            Some(Verdict::Violated { message, .. }) if !force => return Err(RolloutError::Gate(message)),
            _ => {}
        }
        self.move_to(ctx, point, to, why, seen.unwrap_or_default()).await
    }

    /// Takes the candidate back at once.
    pub async fn roll_back(
        &self,
        ctx: &OpContext,
        point: &ExtensionPoint,
        why: String,
    ) -> Result<RolloutRecord, RolloutError> {
        let (seen, _) = self.judged(point);
        self.move_to(ctx, point, Stage::RolledBack, why, seen.unwrap_or_default())
            .await
    }

    /// The latest rollout of a point, and how it does.
    pub async fn rollout(
        &self,
        ctx: &OpContext,
        point: &ExtensionPoint,
    ) -> Result<Option<RolloutStatus>, RolloutError> {
        let registry = &self.inner.shared.registry;
        let Some(record) = registry.rollout(ctx, point).await? else {
            return Ok(None);
        };
        let under_way = registry.is_under_way(ctx, &record);
        let seen = if under_way { self.judged(point).0 } else { None };
        Ok(Some(RolloutStatus {
            record,
            under_way,
            seen,
        }))
    }

    async fn move_to(
        &self,
        ctx: &OpContext,
        point: &ExtensionPoint,
        to: Stage,
        why: String,
        evidence: Value,
    ) -> Result<RolloutRecord, RolloutError> {
        let registry = &self.inner.shared.registry;
        let move_to = Move { to, why, evidence };
        let record = registry
            .move_rollout(ctx, point, move_to, None, clock::now())
            .await?;
        note(self, &record).await;
        Ok(record)
    }

    fn judged(&self, point: &ExtensionPoint) -> (Option<Value>, Option<Verdict>) {
        let bound = self.inner.shared.registry.bound(self.id(), point);
        let Some(candidate) = bound.and_then(|bound| bound.candidate.clone()) else {
            return (None, None);
        };
        let (seen, control, verdict) = candidate.judged(clock::now());
        (Some(evidence(&seen, &control, &verdict)), Some(verdict))
    }
}

/// What the gates say of a replay. That there was too little to replay holds nobody back: a new point has no records.
fn replayed(report: &ReplayReport, request: &RolloutRequest) -> Verdict {
    let mut seen = Observed::default();
    for (grade, count) in [
        (Grade::Identical, report.identical),
        (Grade::Cosmetic, report.cosmetic),
        (Grade::Material, report.material),
        (Grade::Forbidden, report.forbidden),
    ] {
        (0..count).for_each(|_| seen.compared(grade));
    }
    seen.decisions = (report.decisions - report.unreplayable) as u64;
    seen.traps = report.failures as u64;
    judge(Stage::Replayed, &request.gates, &seen, &Observed::default())
}

fn summary(report: &ReplayReport) -> Value {
    json!({
        "decisions": report.decisions, "identical": report.identical, "cosmetic": report.cosmetic,
        "material": report.material, "forbidden": report.forbidden, "unreplayable": report.unreplayable,
        "failures": report.failures, "fuel_before": report.fuel.0, "fuel_after": report.fuel.1,
    })
}
