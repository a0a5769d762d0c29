//! Rollouts as stored: one under way at a point, and the history of all of them.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use jackfield_store::{Scan, Space, Tx};
use jackfield_types::{ExtensionPoint, OpContext, Timestamp, limits};
use serde_json::Value;

use crate::record::check_why;
use crate::rollout::{Stage, Window};
use crate::{
    BindRequest, BindingRecord, Bound, Candidate, Move, Registry, RegistryError, RolloutRecord,
    RolloutRequest, Seen,
};

const ROLLOUTS: Space = Space::new("rollouts");
const HISTORY: Space = Space::new("rollout-history");

impl Registry {
    /// Begins a rollout beside what is bound at the point. A stage of it under way there is superseded.
    pub async fn start_rollout(
        &self,
        ctx: &OpContext,
        request: RolloutRequest,
        stage: Stage,
        evidence: Value,
        now: Timestamp,
    ) -> Result<RolloutRecord, RegistryError> {
        check_why(Some(&request.why))?;
        request
            .gates
            .check()
            .map_err(|(field, problem)| RegistryError::InvalidRollout {
                field: "gates",
                problem: format!("{field}: {problem}"),
            })?;
        check_stage(stage)?;
        let point = request.point;
        let plugin = self
            .fitting(
                ctx,
                &point,
                &request.plugin,
                request.version.as_ref(),
                &request.config,
            )
            .await?;
        let _one_at_a_time = self.inner.bound.changing(&ctx.tenant).await;
        let active = self
            .bound(&ctx.tenant, &point)
            .ok_or_else(|| RegistryError::UnknownBinding(point.clone()))?;
        if active.record.digest == plugin.digest && active.record.config == request.config {
            return Err(RegistryError::InvalidRollout {
                field: "plugin",
                problem: format!(
                    "{} {} with this configuration is active already",
                    plugin.id, plugin.version
                ),
            });
        }
        let record = RolloutRecord {
            plugin: plugin.id,
            version: plugin.version,
            digest: plugin.digest,
            config: request.config,
            stage,
            gates: request.gates,
            beside_revision: active.record.revision,
            number: self.next_number(ctx, &point).await?,
            moved_at: now,
            moved_by: ctx.actor.to_string(),
            why: request.why,
            evidence,
            point,
        };
        let candidate = self.candidate(ctx, &record, &active).await?;
        self.inner.store.commit(ctx, written(&record)?).await?;
        self.put_in(ctx, beside(&active, Some(candidate)));
        Ok(record)
    }

    /// Moves the rollout under way to another stage: a larger or first canary, active, or back. `only` names the stage
    /// that is to be left by its number, for whoever has judged that one: another that began meanwhile stays.
    pub async fn move_rollout(
        &self,
        ctx: &OpContext,
        point: &ExtensionPoint,
        move_to: Move,
        only: Option<u64>,
        now: Timestamp,
    ) -> Result<RolloutRecord, RegistryError> {
        let Move { to, why, evidence } = move_to;
        check_why(Some(&why))?;
        if !matches!(to, Stage::Active | Stage::RolledBack) {
            check_stage(to)?;
        }
        let _one_at_a_time = self.inner.bound.changing(&ctx.tenant).await;
        let no_rollout = || RegistryError::NoRollout(point.clone());
        let before = self.rollout(ctx, point).await?.ok_or_else(no_rollout)?;
        if !self.is_under_way(ctx, &before) || only.is_some_and(|number| number != before.number) {
            return Err(no_rollout());
        }
        let active = self.bound(&ctx.tenant, point).ok_or_else(no_rollout)?;
        let record = RolloutRecord {
            stage: to,
            number: before.number + 1,
            moved_at: now,
            moved_by: ctx.actor.to_string(),
            why,
            evidence,
            ..before
        };
        let written = written(&record)?;
        if to == Stage::Active {
            let request = BindRequest {
                point: point.clone(),
                plugin: record.plugin.clone(),
                version: Some(record.version.clone()),
                config: record.config.clone(),
                why: Some(record.why.clone()).filter(|why| !why.is_empty()),
                record_percent: None,
            };
            let version = request.version.as_ref();
            let plugin = self
                .fitting(ctx, point, &request.plugin, version, &request.config)
                .await?;
            self.swap(ctx, plugin, request, now, written).await?;
            return Ok(record);
        }
        let candidate = match to {
            Stage::RolledBack => None,
            _ => Some(self.candidate(ctx, &record, &active).await?),
        };
        self.inner.store.commit(ctx, written).await?;
        self.put_in(ctx, beside(&active, candidate));
        Ok(record)
    }

    /// The latest rollout of a point, whether it is under way or over.
    pub async fn rollout(
        &self,
        ctx: &OpContext,
        point: &ExtensionPoint,
    ) -> Result<Option<RolloutRecord>, RegistryError> {
        let row = self
            .inner
            .store
            .get(ctx, ROLLOUTS, point.to_string().as_bytes())
            .await?;
        Ok(row.map(|row| serde_json::from_slice(&row.value)).transpose()?)
    }

    /// Every stage of every rollout of a point, newest first, at most 1,000.
    pub async fn rollout_history(
        &self,
        ctx: &OpContext,
        point: &ExtensionPoint,
    ) -> Result<Vec<RolloutRecord>, RegistryError> {
        let scan = Scan::prefix(format!("{point} "))
            .reverse()
            .limit(limits::MAX_PAGE);
        let page = self.inner.store.scan(ctx, HISTORY, scan).await?;
        page.rows
            .iter()
            .map(|row| Ok(serde_json::from_slice(&row.value)?))
            .collect()
    }

    /// Whether a rollout goes on: another binding at the point, or its end, ends it.
    pub fn is_under_way(&self, ctx: &OpContext, rollout: &RolloutRecord) -> bool {
        matches!(rollout.stage, Stage::Shadow | Stage::Canary { .. })
            && self
                .bound(&ctx.tenant, &rollout.point)
                .is_some_and(|active| active.record.revision == rollout.beside_revision)
    }

    /// After a start: a rollout that was under way goes on at its stage; what had been seen counts anew.
    pub(crate) async fn resume_rollout(&self, ctx: &OpContext, point: &ExtensionPoint) {
        let (Ok(Some(record)), Some(active)) =
            (self.rollout(ctx, point).await, self.bound(&ctx.tenant, point))
        else {
            return;
        };
        if !self.is_under_way(ctx, &record) {
            return;
        }
        match self.candidate(ctx, &record, &active).await {
            Ok(candidate) => self.put_in(ctx, beside(&active, Some(candidate))),
            Err(error) => {
                tracing::error!(tenant = %ctx.tenant, %point, %error, "a rollout does not go on: its plugin can't be loaded");
            }
        }
    }

    async fn candidate(
        &self,
        ctx: &OpContext,
        rollout: &RolloutRecord,
        active: &Arc<Bound>,
    ) -> Result<Arc<Candidate>, RegistryError> {
        let record = BindingRecord {
            plugin: rollout.plugin.clone(),
            version: rollout.version.clone(),
            digest: rollout.digest,
            config: rollout.config.clone(),
            bound_at: rollout.moved_at,
            bound_by: rollout.moved_by.clone(),
            why: Some(rollout.why.clone()),
            ..active.record.clone()
        };
        let window = || Window::new(rollout.gates.window_ms);
        Ok(Arc::new(Candidate {
            bound: self.ready(ctx, record, Some(beside(active, None))).await?,
            stage: rollout.stage,
            number: rollout.number,
            gates: rollout.gates,
            seen: Mutex::new(Seen {
                candidate: window(),
                control: window(),
            }),
            rolled_back: AtomicBool::new(false),
        }))
    }

    async fn next_number(&self, ctx: &OpContext, point: &ExtensionPoint) -> Result<u64, RegistryError> {
        Ok(self
            .rollout(ctx, point)
            .await?
            .map_or(1, |latest| latest.number + 1))
    }
}

/// The rollout's row and its entry in the history.
fn written(record: &RolloutRecord) -> Result<Tx, RegistryError> {
    let (point, row) = (record.point.to_string(), serde_json::to_vec(record)?);
    let history = format!("{point} {:020}", record.number);
    Ok(Tx::new()
        .put(ROLLOUTS, point, row.clone())
        .put(HISTORY, history, row))
}

/// What is bound, with another candidate beside it.
fn beside(active: &Bound, candidate: Option<Arc<Candidate>>) -> Arc<Bound> {
    Arc::new(Bound {
        record: active.record.clone(),
        config: active.config.clone(),
        plugin: active.plugin.clone(),
        granted: active.granted.clone(),
        previous: active.previous.clone(),
        candidate,
    })
}

fn check_stage(stage: Stage) -> Result<(), RegistryError> {
    match stage {
        Stage::Shadow | Stage::Canary { percent: 1..=99 } => Ok(()),
        _ => Err(RegistryError::InvalidRollout {
            field: "percent",
            problem: "expected 1 to 99".into(),
        }),
    }
}
