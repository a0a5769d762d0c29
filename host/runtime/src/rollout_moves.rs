//! Moving a rollout by hand: start, larger canary, promotion, and the way back.

use jackfield_registry::rollout::{Stage, Verdict, judge, too_little_compared};
use jackfield_registry::{BindRequest, BindingRecord, Move, RegistryError, RolloutRecord, RolloutRequest};
use jackfield_types::{ExtensionPoint, OpContext, Timestamp, limits};
use serde_json::{Value, json};

use crate::records::RecordQuery;
use crate::rollouts::note;
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
    /// no gate, or when `force` is given. A canary moreover needs a replay in which enough could be compared, where there
    /// was anything to replay.
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
        // That there was too little to replay holds nobody back: a new point has no records.
        let verdict = judge(Stage::Replayed, &request.gates, &report.seen, &report.recorded);
        if let (Verdict::Violated { message, .. }, false) = (&verdict, force) {
            return Err(RolloutError::Gate(message.clone()));
        }
        // Only shadow can tell of what was not recorded.
        if let (Stage::Canary { .. }, false) = (stage, force)
            && let Some(unknown) = too_little_compared(&request.gates, &report.seen)
        {
            return Err(RolloutError::Gate(format!("{unknown}; begin in shadow")));
        }
        let evidence = json!({ "replay": summary(&report), "verdict": verdict, "forced": force });
        let registry = &self.inner.shared.registry;
        let started = registry.start_rollout(ctx, request, stage, evidence, now).await?;
        for record in started.ended.iter().chain([&started.replayed, &started.record]) {
            note(self, record).await;
        }
        Ok(started.record)
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
        let mut seen = seen.unwrap_or_default();
        if force {
            seen["forced"] = true.into();
        }
        match verdict {
            Some(Verdict::Wait(missing)) if !force => {
                return Err(RolloutError::TooEarly(missing.join("; ")));
            }
            Some(Verdict::Violated { message, .. }) if !force => return Err(RolloutError::Gate(message)),
            _ => {}
        }
        self.move_to(ctx, point, to, why, seen).await
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

    /// Plugs a plugin in, in the place of what is there; a rollout that is under way there ends with an event.
    pub async fn bind(&self, ctx: &OpContext, request: BindRequest) -> Result<BindingRecord, RegistryError> {
        let registry = &self.inner.shared.registry;
        let checks = self.campaign_stays(ctx, &request.point).await?;
        let bound = registry.bind_if(ctx, request, clock::now(), checks).await?;
        self.note_ended(ctx, &bound).await;
        Ok(bound)
    }

    /// Takes a plugin out; a rollout that is under way there ends with an event.
    pub async fn unbind(
        &self,
        ctx: &OpContext,
        point: &ExtensionPoint,
        why: Option<String>,
    ) -> Result<BindingRecord, RegistryError> {
        let registry = &self.inner.shared.registry;
        let removed = registry.unbind(ctx, point, why, clock::now()).await?;
        self.note_ended(ctx, &removed).await;
        Ok(removed)
    }

    async fn note_ended(&self, ctx: &OpContext, binding: &BindingRecord) {
        match self.inner.shared.registry.ended_by(ctx, binding).await {
            Ok(Some(ended)) => note(self, &ended).await,
            Ok(None) => {}
            Err(error) => {
                let (tenant, point) = (self.id(), &binding.point);
                tracing::warn!(%tenant, %point, %error, "whether a rollout ended is in its history alone");
            }
        }
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
        let (seen, verdict) = candidate.evidence(clock::now());
        (Some(seen), Some(verdict))
    }
}

fn summary(report: &ReplayReport) -> Value {
    json!({
        "decisions": report.decisions, "identical": report.identical, "cosmetic": report.cosmetic,
        "material": report.material, "forbidden": report.forbidden, "unreplayable": report.unreplayable,
        "failures": report.failures, "fuel_before": report.fuel.0, "fuel_after": report.fuel.1,
        "fuel_p99_before": report.recorded.fuel_p99(), "fuel_p99_after": report.seen.fuel_p99(),
    })
}
