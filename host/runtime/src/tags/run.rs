//! Whole-base runs: the tag generators are asked about every customer, in batches.
//!
//! How far a run is stands in its own row, which is written in the same commit as each batch's customers: after a stop,
//! however hard, it goes on with the first customer that was not done. A dry run asks as well, and only counts.

use std::sync::Arc;

use jackfield_store::{Scan, Space, Tx};
use jackfield_types::{CustomerId, OpContext, TagRunId, Timestamp, limits};
use serde::{Deserialize, Serialize};

use super::drive;
use super::run_work::RunStep;
use crate::clock;
use crate::customers::{CustomerError, Done, Work, json};
use crate::history::{Listing, decode};
use crate::tenant::Tenant;

pub(crate) const RUNS: Space = Space::new("tag-runs");
/// Key `{run} {number}`.
pub(crate) const RECEIPTS: Space = Space::new("tag-run-receipts");

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TagRunState {
    /// Goes on, after a restart too.
    Running,
    /// Waits to be resumed: somebody paused it, or the generators could not be asked.
    Paused,
    /// Somebody ended it before it was through.
    Stopped,
    /// Is through.
    Done,
}

impl TagRunState {
    /// The name used in JSON and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Stopped => "stopped",
            Self::Done => "done",
        }
    }
}

/// What came of a run so far, or of one batch of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TagCounts {
    /// Customers that were looked at; those that were merged into others count with them.
    pub customers: u64,
    /// Decisions that were made.
    pub decisions: u64,
    /// Customers of whom something was changed, or would be.
    pub changed: u64,
    /// Tags that are new or say something else.
    pub added: u64,
    /// Tags that went.
    pub removed: u64,
    /// Tags that were confirmed.
    pub refreshed: u64,
    /// Changes that were left out.
    pub refused: u64,
    /// Decisions that failed; the customer keeps its tags.
    pub failed: u64,
    /// Fuel that the decisions used.
    pub fuel: u64,
    /// Microseconds that the decisions took together.
    pub wall_us: u64,
}

impl TagCounts {
    pub(crate) fn add(&mut self, more: &Self) {
        self.customers += more.customers;
        self.decisions += more.decisions;
        self.changed += more.changed;
        self.added += more.added;
        self.removed += more.removed;
        self.refreshed += more.refreshed;
        self.refused += more.refused;
        self.failed += more.failed;
        self.fuel += more.fuel;
        self.wall_us += more.wall_us;
    }
}

/// A run, and how far it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagRun {
    /// Its id.
    pub id: TagRunId,
    /// Only to say what would come of it.
    pub dry_run: bool,
    /// Who began it.
    pub by: Arc<str>,
    /// Where it stands.
    pub state: TagRunState,
    /// Why it is paused, when nobody paused it.
    #[serde(default)]
    pub problem: Option<Arc<str>>,
    /// When it was begun.
    pub started_at: Timestamp,
    /// When it last moved.
    pub moved_at: Timestamp,
    /// When it ended.
    #[serde(default)]
    pub ended_at: Option<Timestamp>,
    /// The last customer that is done.
    #[serde(default)]
    pub after: Option<CustomerId>,
    /// Batches that were committed; each has a receipt.
    pub batches: u64,
    /// What came of it so far.
    #[serde(default)]
    pub counts: TagCounts,
}

/// What one committed batch of a run was and cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagReceipt {
    /// Its number within the run, from 1.
    pub number: u64,
    /// When it was committed.
    pub at: Timestamp,
    /// The first customer in it.
    pub first: CustomerId,
    /// The last customer in it.
    pub last: CustomerId,
    /// What came of it.
    pub counts: TagCounts,
    /// Of decisions that failed, the first ten: of whom, and the failure's code.
    pub failures: Vec<(CustomerId, Arc<str>)>,
}

impl Tenant {
    /// Begins a run.
    ///
    /// # Errors
    /// [`CustomerError::Conflict`] when there is one of that id, another one goes on, or no tag generator is bound.
    pub async fn begin_tag_run(
        &self,
        ctx: &OpContext,
        id: TagRunId,
        dry_run: bool,
    ) -> Result<TagRun, CustomerError> {
        if !self.has_taggers() {
            return Err(no_tagger());
        }
        let now = clock::now();
        let run = TagRun {
            id,
            dry_run,
            by: ctx.actor.to_string().into(),
            state: TagRunState::Running,
            problem: None,
            started_at: now,
            moved_at: now,
            ended_at: None,
            after: None,
            batches: 0,
            counts: TagCounts::default(),
        };
        let run = self.run_step(ctx, RunStep::Begin(run)).await?;
        drive::spawn(self, run.clone());
        Ok(run)
    }

    /// All runs, by id.
    ///
    /// # Errors
    /// When the store refuses.
    pub async fn tag_runs(&self, ctx: &OpContext) -> Result<Vec<TagRun>, CustomerError> {
        let scan = Scan::all().limit(limits::MAX_TAG_RUNS);
        let page = self.store().scan(ctx, RUNS, scan).await?;
        let runs = page.rows.iter().map(|row| decode(&row.value));
        Ok(runs.collect::<Result<_, _>>()?)
    }

    /// One run, and how far it is.
    ///
    /// # Errors
    /// [`CustomerError::Unknown`] when there is none.
    pub async fn tag_run(&self, ctx: &OpContext, id: &TagRunId) -> Result<TagRun, CustomerError> {
        let row = self.store().get(ctx, RUNS, id.as_str().as_bytes()).await?;
        let row = row.ok_or_else(|| CustomerError::unknown("run", id))?;
        Ok(decode(&row.value)?)
    }

    /// Pauses, resumes or stops a run: `state` is where it is to stand. A paused run stays so over a restart.
    ///
    /// # Errors
    /// [`CustomerError::Conflict`] when it has ended, or another one goes on.
    pub async fn move_tag_run(
        &self,
        ctx: &OpContext,
        id: &TagRunId,
        state: TagRunState,
    ) -> Result<TagRun, CustomerError> {
        self.tag_run(ctx, id).await?;
        if state == TagRunState::Running && !self.has_taggers() {
            return Err(no_tagger());
        }
        let step = RunStep::Move {
            id: id.clone(),
            state,
            problem: None,
        };
        let run = self.run_step(ctx, step).await?;
        if state == TagRunState::Running {
            drive::spawn(self, run.clone());
        }
        Ok(run)
    }

    /// The receipts of a run's batches, oldest first.
    ///
    /// # Errors
    /// [`CustomerError::Unknown`] when there is no such run.
    pub async fn tag_run_receipts(
        &self,
        ctx: &OpContext,
        id: &TagRunId,
        cursor: Option<String>,
        limit: usize,
    ) -> Result<Listing<TagReceipt>, CustomerError> {
        self.tag_run(ctx, id).await?;
        let prefix = format!("{id} ");
        let after = cursor.map(|cursor| format!("{prefix}{cursor}").into_bytes());
        let scan = Scan::prefix(prefix.clone()).after(after).limit(limit);
        let page = self.store().scan(ctx, RECEIPTS, scan).await?;
        let items = page.rows.iter().map(|row| decode(&row.value));
        Ok(Listing {
            items: items.collect::<Result<_, _>>()?,
            next: page
                .next
                .map(|key| String::from_utf8_lossy(&key[prefix.len()..]).into_owned()),
        })
    }

    /// Forgets a run that has ended, with its receipts.
    ///
    /// # Errors
    /// [`CustomerError::Conflict`] while it goes on or is paused.
    pub async fn remove_tag_run(&self, ctx: &OpContext, id: &TagRunId) -> Result<(), CustomerError> {
        let run = self.tag_run(ctx, id).await?;
        if matches!(run.state, TagRunState::Running | TagRunState::Paused) {
            return Err(CustomerError::Conflict(format!(
                "run {id} has not ended: stop it first"
            )));
        }
        self.remove_rows(ctx, RECEIPTS, &format!("{id} ")).await?;
        self.store()
            .commit(ctx, Tx::new().delete(RUNS, id.as_str()))
            .await?;
        Ok(())
    }

    pub(crate) async fn run_step(&self, ctx: &OpContext, step: RunStep) -> Result<TagRun, CustomerError> {
        match self.order(ctx, None, Work::TagRun(Box::new(step))).await? {
            Done::TagRun(run) => Ok(*run),
            _ => Err(CustomerError::unknown("run", "")),
        }
    }

    /// Goes on with runs that a stop of the process has interrupted.
    pub(crate) async fn resume_tag_runs(&self) -> Result<(), CustomerError> {
        let ctx = OpContext::system(self.id().clone(), "tags");
        for run in self.tag_runs(&ctx).await? {
            if run.state == TagRunState::Running {
                drive::spawn(self, run);
            }
        }
        Ok(())
    }
}

fn no_tagger() -> CustomerError {
    CustomerError::Conflict("no tag generator is bound: bind one at tenant:tag-generator first".into())
}

/// The row of a run.
pub(super) fn put(ledger: &mut crate::customers::Ledger<'_>, run: &TagRun) -> Result<(), CustomerError> {
    ledger
        .beside
        .puts
        .push((RUNS, run.id.as_str().into(), json(run)?));
    Ok(())
}
