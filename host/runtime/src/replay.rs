//! Replays recorded decisions on another version or configuration, before it decides anything.

use std::sync::Arc;
use std::time::Instant;

use jackfield_contact::decision::Failure;
use jackfield_contact::decision::compare::{Comparison, Grade, compare};
use jackfield_registry::rollout::Observed;
use jackfield_registry::{PluginRecord, RegistryError};
use jackfield_sandbox::{DecisionRecord, Plugin, Replayed};
use jackfield_types::{DecisionId, OpContext, PluginId, Timestamp, Version, limits};

use crate::clock;
use crate::idle::Turns;
use crate::metering::{Series, Tally, UsedFor};
use crate::records::RecordQuery;
use crate::tenant::Tenant;
use crate::{ReplayError, SubmitError};

/// Examples shown of each grade.
const EXAMPLES: usize = 5;
/// Records replayed by one thread before it looks for more.
const SHARE: usize = 128;

/// What is to be replayed, on what.
#[derive(Debug, Clone)]
pub struct ReplayRequest {
    /// Which records.
    pub records: RecordQuery,
    /// The candidate.
    pub plugin: PluginId,
    /// Its version; `None`: the newest.
    pub version: Option<Version>,
    /// Its configuration; `None`: that of each record.
    pub config: Option<serde_json::Value>,
}

/// How a candidate's decisions differ from those recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct ReplayReport {
    /// The candidate.
    pub plugin: PluginId,
    /// Its version.
    pub version: Version,
    /// Decisions looked at.
    pub decisions: usize,
    /// Of them: the same answer.
    pub identical: usize,
    /// Another wording.
    pub cosmetic: usize,
    /// Another effect.
    pub material: usize,
    /// What must not be.
    pub forbidden: usize,
    /// The candidate asked for what the record does not hold.
    pub unreplayable: usize,
    /// Decisions that the candidate failed, whatever was recorded.
    pub failures: usize,
    /// Fuel of the recorded decisions that could be replayed, and of their replays.
    pub fuel: (u64, u64),
    /// Some that differ, the worst first, at most five of each grade.
    pub examples: Vec<Example>,
    /// How long it took, in microseconds.
    pub took_us: u64,
    /// What the candidate was seen to do, for its gates.
    pub seen: Observed,
    /// What was recorded of the same decisions.
    pub recorded: Observed,
}

/// One decision that differs.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// The record.
    pub decision: DecisionId,
    /// Its moment.
    pub at: Timestamp,
    /// How it differs; `None`: it could not be replayed.
    pub comparison: Option<Comparison>,
    /// What the record does not hold.
    pub missing: Option<String>,
    /// Why the candidate failed, when it did.
    pub failure: Option<Failure>,
}

/// One replayed record.
struct Outcome {
    record: usize,
    grade: Option<Grade>,
    fuel: (u64, u64),
    example: Option<Example>,
    /// Codes of the failures, recorded and now.
    failed: (Option<Arc<str>>, Option<Arc<str>>),
    used: Tally,
}

impl Tenant {
    /// Replays recorded decisions of a point on a candidate. Nothing that it answers takes effect.
    ///
    /// One replay of a tenant runs at a time; another is refused as [`SubmitError::Overloaded`].
    pub async fn replay(&self, ctx: &OpContext, request: ReplayRequest) -> Result<ReplayReport, ReplayError> {
        let Ok(_turn) = self.inner.replaying.try_lock() else {
            return Err(SubmitError::Overloaded.into());
        };
        let registry = &self.inner.shared.registry;
        let (record, plugin) = registry
            .version(ctx, &request.plugin, request.version.as_ref())
            .await?;
        if record.kind != request.records.point.kind() {
            return Err(RegistryError::WrongKind {
                expected: request.records.point.kind(),
                point: request.records.point,
                plugin: record.id,
                found: record.kind,
            }
            .into());
        }
        let query = RecordQuery {
            limit: request.records.limit.clamp(1, limits::MAX_REPLAY),
            ..request.records
        };
        let records: Arc<[DecisionRecord]> = self.decisions(ctx, &query).await?.into();
        let config: Option<Arc<str>> = request.config.map(|config| config.to_string().into());
        let (point, now) = (&query.point, clock::now());
        let series = Series::of(now, UsedFor::Replay, point, &record.id, &record.version);
        let meter = self.inner.meter.clone();
        let began = Instant::now();
        let turns = Turns::of(self);
        let outcomes = replay_all(&records, &plugin, config, turns, move |used| {
            meter.record_trial(series.clone(), &used);
        })
        .await?;
        let mut report = report(&record, outcomes);
        report.took_us = began.elapsed().as_micros() as u64;
        Ok(report)
    }
}

async fn replay_all(
    records: &Arc<[DecisionRecord]>,
    plugin: &Arc<Plugin>,
    config: Option<Arc<str>>,
    turns: Turns,
    bill: impl Fn(Tally) + Clone + Send + 'static,
) -> Result<Vec<Outcome>, SubmitError> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let next = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let workers: Vec<_> = (0..threads)
        .map(|_| {
            let (records, plugin, config, next) =
                (records.clone(), plugin.clone(), config.clone(), next.clone());
            let (bill, turns) = (bill.clone(), turns.clone());
            tokio::task::spawn_blocking(move || {
                let mut outcomes = Vec::new();
                loop {
                    let from = next.fetch_add(SHARE, std::sync::atomic::Ordering::Relaxed);
                    let Some(share) = records.get(from..records.len().min(from + SHARE)) else {
                        return outcomes;
                    };
                    if share.is_empty() {
                        return outcomes;
                    }
                    let replayed = |(n, record)| replay_one(from + n, record, &plugin, config.as_ref());
                    let share = turns.each(share.iter().enumerate(), replayed);
                    // By each share, since whoever asked may be gone before the end.
                    let mut used = Tally::default();
                    share.iter().for_each(|outcome: &Outcome| used.add(&outcome.used));
                    bill(used);
                    outcomes.extend(share);
                }
            })
        })
        .collect();
    let mut outcomes = Vec::with_capacity(records.len());
    for worker in workers {
        let done = worker.await;
        outcomes.extend(
            done.map_err(|error| SubmitError::Unavailable(format!("the replay did not end: {error}")))?,
        );
    }
    if outcomes.len() < records.len() {
        return Err(SubmitError::Overloaded);
    }
    outcomes.sort_unstable_by_key(|outcome| outcome.record);
    Ok(outcomes)
}

fn replay_one(n: usize, record: &DecisionRecord, plugin: &Plugin, config: Option<&Arc<str>>) -> Outcome {
    let config = config.unwrap_or(&record.by.config).clone();
    let example = |comparison, missing, failure| Example {
        decision: record.id,
        at: record.at,
        comparison,
        missing,
        failure,
    };
    match plugin.replay(record, config, None) {
        Replayed::Unreplayable(what) => Outcome {
            record: n,
            grade: None,
            fuel: (0, 0),
            example: Some(example(None, Some(what), None)),
            failed: (None, None),
            used: Tally::default(),
        },
        Replayed::Decided(decision) => {
            let comparison = compare(&record.question, &record.result, &decision.result);
            let used = Tally::of(&decision.receipt, decision.result.as_ref().err());
            let failure = decision.result.err();
            Outcome {
                record: n,
                grade: Some(comparison.grade),
                fuel: (record.receipt.fuel, decision.receipt.fuel),
                failed: (code(record.result.as_ref().err()), code(failure.as_ref())),
                used,
                example: (comparison.grade > Grade::Identical)
                    .then(|| example(Some(comparison), None, failure)),
            }
        }
    }
}

fn code(failure: Option<&Failure>) -> Option<Arc<str>> {
    failure.map(|failure| failure.code.clone())
}

fn report(candidate: &PluginRecord, outcomes: Vec<Outcome>) -> ReplayReport {
    let of = |grade| outcomes.iter().filter(|outcome| outcome.grade == grade).count();
    let mut report = ReplayReport {
        plugin: candidate.id.clone(),
        version: candidate.version.clone(),
        decisions: outcomes.len(),
        identical: of(Some(Grade::Identical)),
        cosmetic: of(Some(Grade::Cosmetic)),
        material: of(Some(Grade::Material)),
        forbidden: of(Some(Grade::Forbidden)),
        unreplayable: of(None),
        failures: outcomes
            .iter()
            .filter(|outcome| outcome.failed.1.is_some())
            .count(),
        fuel: outcomes.iter().fold((0, 0), |(before, after), outcome| {
            (before + outcome.fuel.0, after + outcome.fuel.1)
        }),
        examples: Vec::new(),
        took_us: 0,
        seen: Observed::default(),
        recorded: Observed::default(),
    };
    for outcome in &outcomes {
        let Some(grade) = outcome.grade else {
            report.seen.unreplayable();
            continue;
        };
        let (before, after) = (&outcome.failed.0, &outcome.failed.1);
        report.recorded.decision(outcome.fuel.0, before.as_deref(), false);
        report.seen.decision(outcome.fuel.1, after.as_deref(), false);
        report.seen.compared(grade);
    }
    for grade in [
        Some(Grade::Forbidden),
        Some(Grade::Material),
        Some(Grade::Cosmetic),
        None,
    ] {
        let of_grade = outcomes.iter().filter(|outcome| outcome.grade == grade);
        report.examples.extend(
            of_grade
                .filter_map(|outcome| outcome.example.clone())
                .take(EXAMPLES),
        );
    }
    report
}
