//! What the tenant's loop does for a whole-base run.

use std::sync::Arc;

use jackfield_contact::decision::TagChange;
use jackfield_contact::event::CustomerChange;
use jackfield_store::{Error as StoreError, Scan};
use jackfield_types::{CustomerId, TagRunId, Timestamp, limits};

use super::apply::{Applied, Rules, Told, apply_and_tell};
use super::held::TagSource;
use super::run::{RECEIPTS, RUNS, TagCounts, TagReceipt, TagRun, TagRunState, put};
use crate::customers::{Ahead, CustomerError, CustomerState, Ledger, Moment, json};
use crate::decide::{KV, KvWrites, kv_key};
use crate::history::decode;

/// Operations after which a batch is committed.
const MAX_OPS: usize = 850;
/// Bytes of customers after which a batch is committed.
const MAX_BYTES: usize = 512 * 1024;
/// Failures that a receipt names.
const MAX_NAMED: usize = 10;

/// One step of a run.
pub(crate) enum RunStep {
    /// Begin it.
    Begin(TagRun),
    /// Pause, resume or stop it.
    Move {
        id: TagRunId,
        state: TagRunState,
        problem: Option<Arc<str>>,
    },
    /// Change customers.
    Batch(RunBatch),
}

/// What the generators answered about some customers, in the order of their ids.
pub(crate) struct RunBatch {
    pub(crate) run: TagRunId,
    /// The customer before the first.
    pub(crate) from: Option<CustomerId>,
    pub(crate) items: Arc<[Item]>,
    /// Of these, the first that are not done yet.
    pub(crate) at: usize,
    /// Whether no customer follows.
    pub(crate) last: bool,
}

/// What the generators answered about one customer.
pub(crate) struct Item {
    pub(crate) customer: CustomerId,
    /// False for one that counts for another, and is done with it.
    pub(crate) asked: bool,
    pub(crate) answers: Vec<Answered>,
    pub(crate) ahead: Option<Applying>,
    /// Bytes of its row, about.
    pub(crate) bytes: usize,
}

/// The answers applied already, as far as nothing changes meanwhile.
pub(crate) struct Applying {
    pub(crate) rules: Rules,
    pub(crate) changes: Ahead,
    /// What became of each answer.
    pub(crate) applied: Vec<Applied>,
}

impl Applying {
    /// Outside the loop: applies answers of which none failed.
    pub(crate) async fn of(
        mut ledger: Ledger<'_>,
        rules: Rules,
        customer: &CustomerId,
        answers: &[Answered],
        began: Moment,
    ) -> Result<Option<Self>, StoreError> {
        let mut applied = Vec::with_capacity(answers.len());
        for answer in answers {
            let Ok(changes) = &answer.changes else {
                return Ok(None);
            };
            applied.push(apply_and_tell(&mut ledger, &rules, customer, changes, answer.told()).await?);
        }
        Ok(Some(Self {
            rules,
            changes: ledger.ahead(began)?,
            applied,
        }))
    }
}

/// What one generator answered.
pub(crate) struct Answered {
    pub(crate) changes: Result<Vec<TagChange>, Arc<str>>,
    pub(crate) source: TagSource,
    /// The place of the generator.
    pub(crate) place: u8,
    pub(crate) kv_writes: KvWrites,
    pub(crate) fuel: u64,
    pub(crate) wall_us: u64,
}

impl Answered {
    fn told(&self) -> Told {
        Told {
            source: self.source.clone(),
            occasion: "run",
            interaction: None,
        }
    }
}

/// In the loop: does one step.
pub(crate) async fn carry_out(
    ledger: &mut Ledger<'_>,
    state: &CustomerState,
    now: Timestamp,
    step: RunStep,
    by: &Arc<str>,
) -> Result<TagRun, CustomerError> {
    match step {
        RunStep::Begin(run) => begin(ledger, run).await,
        RunStep::Move { id, state, problem } => {
            let mut run = known(ledger, &id).await?;
            match (run.state, state) {
                (TagRunState::Stopped | TagRunState::Done, _) => {
                    return Err(CustomerError::Conflict(format!(
                        "run {id} has ended; begin another one"
                    )));
                }
                (before, after) if before == after => return Ok(run),
                (_, TagRunState::Running) => only_one(ledger, &id).await?,
                (_, TagRunState::Stopped | TagRunState::Done) => run.ended_at = Some(now),
                _ => {}
            }
            run.state = state;
            run.problem = problem;
            run.moved_at = now;
            put(ledger, &run)?;
            Ok(run)
        }
        RunStep::Batch(batch) => batch.carry_out(ledger, state, now, by).await,
    }
}

async fn known(ledger: &Ledger<'_>, id: &TagRunId) -> Result<TagRun, CustomerError> {
    let row = ledger.store.get(ledger.ctx, RUNS, id.as_str().as_bytes()).await?;
    let row = row.ok_or_else(|| CustomerError::unknown("run", id))?;
    Ok(decode(&row.value)?)
}

async fn begin(ledger: &mut Ledger<'_>, run: TagRun) -> Result<TagRun, CustomerError> {
    match known(ledger, &run.id).await {
        Ok(_) => {
            return Err(CustomerError::Conflict(format!(
                "there is a run {} already; choose another id",
                run.id
            )));
        }
        Err(CustomerError::Unknown { .. }) => {}
        Err(error) => return Err(error),
    }
    only_one(ledger, &run.id).await?;
    put(ledger, &run)?;
    Ok(run)
}

/// Refuses while another run goes on, and one more than may be kept.
async fn only_one(ledger: &Ledger<'_>, id: &TagRunId) -> Result<(), CustomerError> {
    let scan = Scan::all().limit(limits::MAX_TAG_RUNS);
    let rows = ledger.store.scan(ledger.ctx, RUNS, scan).await?.rows;
    let mut known = false;
    for row in &rows {
        let run: TagRun = decode(&row.value)?;
        known |= run.id == *id;
        if run.state == TagRunState::Running && run.id != *id {
            return Err(CustomerError::Conflict(format!(
                "run {} goes on: wait for it, or pause or stop it",
                run.id
            )));
        }
    }
    if !known && rows.len() >= limits::MAX_TAG_RUNS {
        return Err(CustomerError::TooMany {
            what: "runs",
            most: limits::MAX_TAG_RUNS,
        });
    }
    Ok(())
}

impl RunBatch {
    /// As many customers as fit into one commit. A run that does not stand where the batch begins, or does not go on, is
    /// answered as it is.
    async fn carry_out(
        self,
        ledger: &mut Ledger<'_>,
        state: &CustomerState,
        now: Timestamp,
        by: &Arc<str>,
    ) -> Result<TagRun, CustomerError> {
        let mut run = known(ledger, &self.run).await?;
        if run.state != TagRunState::Running || run.after != self.from {
            return Ok(run);
        }
        let mut trial = Ledger::new(ledger.store, ledger.ctx, ledger.keys);
        let (mut counts, mut failures, mut bytes, mut done) = (TagCounts::default(), Vec::new(), 0, 0);
        let rest = self.items.get(self.at..).unwrap_or_default();
        for item in rest {
            let target = if run.dry_run { &mut trial } else { &mut *ledger };
            item.carry_out(target, state, now, run.dry_run, &mut counts, &mut failures)
                .await?;
            done += 1;
            bytes += item.bytes;
            if ledger.ops() > MAX_OPS || bytes > MAX_BYTES {
                break;
            }
        }
        run.moved_at = now;
        run.counts.add(&counts);
        if let (Some(first), Some(last)) = (rest.first(), rest[..done].last()) {
            run.after = Some(last.customer.clone());
            run.batches += 1;
            let receipt = TagReceipt {
                number: run.batches,
                at: now,
                first: first.customer.clone(),
                last: last.customer.clone(),
                counts,
                failures,
            };
            let key = format!("{} {:012}", run.id, run.batches).into_bytes();
            ledger.beside.write(RECEIPTS, key, json(&receipt)?);
            if counts.changed > 0 && !run.dry_run {
                let change = CustomerChange::Retagged {
                    run: run.id.as_str().into(),
                    customers: counts.customers,
                    changed: counts.changed,
                };
                ledger.journal(&first.customer, change, by);
            }
        }
        if self.last && done == rest.len() {
            run.state = TagRunState::Done;
            run.ended_at = Some(now);
        }
        put(ledger, &run)?;
        Ok(run)
    }
}

impl Item {
    async fn carry_out(
        &self,
        ledger: &mut Ledger<'_>,
        state: &CustomerState,
        now: Timestamp,
        dry_run: bool,
        counts: &mut TagCounts,
        failures: &mut Vec<(CustomerId, Arc<str>)>,
    ) -> Result<(), CustomerError> {
        if !self.asked {
            return Ok(());
        }
        counts.customers += 1;
        let ready = match &self.ahead {
            Some(ready) if ready.rules.hold_still(state) && ledger.take(&ready.changes, &state.recent) => {
                &ready.applied[..]
            }
            _ => &[],
        };
        let rules = Rules::new(state, now);
        let mut changed = false;
        for (at, answer) in self.answers.iter().enumerate() {
            counts.decisions += 1;
            counts.fuel += answer.fuel;
            counts.wall_us += answer.wall_us;
            let changes = match &answer.changes {
                Ok(changes) => changes,
                Err(code) => {
                    counts.failed += 1;
                    if failures.len() < MAX_NAMED {
                        failures.push((self.customer.clone(), code.clone()));
                    }
                    continue;
                }
            };
            let here;
            let applied = match ready.get(at) {
                Some(applied) => applied,
                None => {
                    here = apply_and_tell(ledger, &rules, &self.customer, changes, answer.told()).await?;
                    &here
                }
            };
            counts.added += applied.added();
            counts.removed += applied.removed();
            counts.refreshed += u64::from(applied.refreshed);
            counts.refused += applied.refused.len() as u64;
            changed |= !applied.changes.is_empty();
            if !dry_run {
                let point = super::due::point(answer.place);
                for (key, value) in &answer.kv_writes {
                    let key = kv_key(&point, key);
                    match value {
                        Some(value) => ledger.beside.write(KV, key, value.clone()),
                        None => ledger.beside.remove(KV, key),
                    }
                }
            }
        }
        counts.changed += u64::from(changed);
        Ok(())
    }
}
