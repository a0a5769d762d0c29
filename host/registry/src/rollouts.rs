//! Rollouts as stored: one under way at a point, and the history of all of them.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use jackfield_store::{Scan, Space, Tx};
use jackfield_types::{ExtensionPoint, OpContext, Timestamp, limits};
use serde_json::{Value, json};

use crate::record::check_why;
use crate::rollout::{Stage, check_steps, steps_after};
use crate::seen::{Seen, forget};
use crate::{
    BindRequest, BindingRecord, Bound, Candidate, Move, Registry, RegistryError, RolloutRecord,
    RolloutRequest,
};

const ROLLOUTS: Space = Space::new("rollouts");
const HISTORY: Space = Space::new("rollout-history");

/// A rollout that was begun.
#[derive(Debug, Clone, PartialEq)]
pub struct Started {
    /// One that was under way there before, as it ended.
    pub ended: Option<RolloutRecord>,
    /// The first stage, with the replay as its evidence.
    pub replayed: RolloutRecord,
    /// The stage that it is at.
    pub record: RolloutRecord,
}

impl Registry {
    /// Begins a rollout beside what is bound at the point: notes the stage `replayed` with its evidence, and goes on to
    /// `stage`. One that is under way there ends.
    pub async fn start_rollout(
        &self,
        ctx: &OpContext,
        request: RolloutRequest,
        stage: Stage,
        evidence: Value,
        now: Timestamp,
    ) -> Result<Started, RegistryError> {
        check_why(Some(&request.why))?;
        request
            .gates
            .check()
            .map_err(|(field, problem)| RegistryError::InvalidRollout {
                field: "gates",
                problem: format!("{field}: {problem}"),
            })?;
        check_stage(stage)?;
        check_steps(stage, request.gates, &request.steps).map_err(|problem| {
            RegistryError::InvalidRollout {
                field: "steps",
                problem,
            }
        })?;
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
        let ended = self
            .ended(ctx, &point, "another rollout began in its place", now)
            .await?;
        let number = self.next_number(ctx, &point).await? + u64::from(ended.is_some());
        let replayed = RolloutRecord {
            plugin: plugin.id,
            version: plugin.version,
            digest: plugin.digest,
            config: request.config,
            stage: Stage::Replayed,
            gates: request.gates,
            steps: request.steps,
            beside_revision: active.record.revision,
            number,
            moved_at: now,
            moved_by: ctx.actor.to_string(),
            why: request.why,
            evidence,
            point,
        };
        let record = RolloutRecord {
            stage,
            number: number + 1,
            ..replayed.clone()
        };
        let candidate = self
            .candidate(ctx, &record, &active, Seen::new(record.gates.window_ms, now))
            .await?;
        let stages = [ended.as_ref(), Some(&replayed), Some(&record)]
            .into_iter()
            .flatten();
        self.inner.store.commit(ctx, written(stages)?).await?;
        self.put_in(ctx, beside(&active, Some(candidate)));
        Ok(Started {
            ended,
            replayed,
            record,
        })
    }

    /// The rollout that is under way at a point, as it ends now.
    async fn ended(
        &self,
        ctx: &OpContext,
        point: &ExtensionPoint,
        why: &str,
        now: Timestamp,
    ) -> Result<Option<RolloutRecord>, RegistryError> {
        let Some(latest) = self.rollout(ctx, point).await? else {
            return Ok(None);
        };
        // What could not be loaded at the start has no candidate in memory, and ends all the same.
        let history = self.binding_history(ctx, point).await?;
        let revision = history.first().map_or(0, |last| last.revision);
        if !is_open(latest.stage) || latest.beside_revision != revision {
            return Ok(None);
        }
        let candidate = self
            .under_way()
            .get(&(ctx.tenant.clone(), point.clone()))
            .cloned();
        let seen = candidate.map_or_else(|| json!({}), |candidate| candidate.evidence(now).0);
        Ok(Some(RolloutRecord {
            stage: Stage::RolledBack,
            number: latest.number + 1,
            moved_at: now,
            moved_by: ctx.actor.to_string(),
            why: why.into(),
            evidence: seen,
            ..latest
        }))
    }

    /// What makes the end of a rollout durable together with the change that ends it.
    pub(crate) async fn ended_rollout(
        &self,
        ctx: &OpContext,
        point: &ExtensionPoint,
        why: &str,
        now: Timestamp,
    ) -> Result<Tx, RegistryError> {
        written(self.ended(ctx, point, why, now).await?.as_ref())
    }

    /// The rollout that ended since this was bound, or taken away; `None`: none was under way.
    pub async fn ended_by(
        &self,
        ctx: &OpContext,
        binding: &BindingRecord,
    ) -> Result<Option<RolloutRecord>, RegistryError> {
        let latest = self.rollout(ctx, &binding.point).await?;
        Ok(latest.filter(|latest| {
            latest.stage == Stage::RolledBack
                && latest.beside_revision + 1 == binding.revision
                && latest.moved_at == binding.bound_at
        }))
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
        let (gates, steps) = steps_after(to, before.gates, &before.steps);
        let record = RolloutRecord {
            stage: to,
            gates,
            steps,
            number: before.number + 1,
            moved_at: now,
            moved_by: ctx.actor.to_string(),
            why,
            evidence,
            ..before
        };
        let written = written([&record])?;
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
            _ => {
                let seen = Seen::new(record.gates.window_ms, now);
                Some(self.candidate(ctx, &record, &active, seen).await?)
            }
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
        is_open(rollout.stage)
            && self
                .bound(&ctx.tenant, &rollout.point)
                .is_some_and(|active| active.record.revision == rollout.beside_revision)
    }

    /// After a start: a rollout that was under way goes on at its stage, with what had been seen of it.
    pub(crate) async fn resume_rollout(&self, ctx: &OpContext, point: &ExtensionPoint, now: Timestamp) {
        let (Ok(Some(record)), Some(active)) =
            (self.rollout(ctx, point).await, self.bound(&ctx.tenant, point))
        else {
            return;
        };
        if !self.is_under_way(ctx, &record) {
            return;
        }
        let candidate = match self.kept_seen(ctx, &record, now).await {
            Ok(seen) => self.candidate(ctx, &record, &active, seen).await,
            Err(error) => Err(error),
        };
        match candidate {
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
        seen: Seen,
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
        Ok(Arc::new(Candidate {
            bound: self.ready(ctx, record, Some(beside(active, None))).await?,
            stage: rollout.stage,
            number: rollout.number,
            gates: rollout.gates,
            steps: rollout.steps.clone(),
            seen: Mutex::new(seen),
            moving: AtomicBool::new(false),
        }))
    }

    async fn next_number(&self, ctx: &OpContext, point: &ExtensionPoint) -> Result<u64, RegistryError> {
        Ok(self
            .rollout(ctx, point)
            .await?
            .map_or(1, |latest| latest.number + 1))
    }
}

/// The latest stage as the rollout's row, and each as an entry of its history; what was seen of the stage before goes.
fn written<'a>(stages: impl IntoIterator<Item = &'a RolloutRecord>) -> Result<Tx, RegistryError> {
    let (mut tx, mut latest) = (Tx::new(), None);
    for record in stages {
        let (point, row) = (record.point.to_string(), serde_json::to_vec(record)?);
        tx = tx.put(HISTORY, format!("{point} {:020}", record.number), row.clone());
        latest = Some((&record.point, point, row));
    }
    Ok(match latest {
        Some((point, key, row)) => forget(tx, point).put(ROLLOUTS, key, row),
        None => tx,
    })
}

/// Whether a candidate is at work at this stage.
const fn is_open(stage: Stage) -> bool {
    matches!(stage, Stage::Shadow | Stage::Canary { .. })
}

/// What is bound, with another candidate beside it.
fn beside(active: &Bound, candidate: Option<Arc<Candidate>>) -> Arc<Bound> {
    Arc::new(Bound {
        record: active.record.clone(),
        by: active.by.clone(),
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
