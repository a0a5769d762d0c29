//! Runs that begin by themselves.

use jackfield_store::{Space, Tx};
use jackfield_types::{OpContext, TagRunId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::clock;
use crate::customers::{CustomerError, json};
use crate::history::decode;
use crate::tenant::Tenant;

const SCHEDULE: Space = Space::new("tag-schedule");
const KEY: &str = "schedule";
const HOUR_MS: u64 = 60 * 60 * 1_000;
/// Runs of the schedule that are kept, so that it never ends at the limit of all runs.
const KEPT: usize = 20;
/// What their ids begin with.
const PREFIX: &str = "scheduled-";

/// When runs begin by themselves; one that is due while another goes on waits for its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TagSchedule {
    /// Hours from one to the next, 1 to 8,760; `None`: none begins by itself.
    pub every_hours: Option<u32>,
    /// When the next one begins.
    pub next_at: Option<Timestamp>,
}

impl Tenant {
    /// When runs begin by themselves.
    ///
    /// # Errors
    /// When the store refuses.
    pub async fn tag_schedule(&self, ctx: &OpContext) -> Result<TagSchedule, CustomerError> {
        match self.store().get(ctx, SCHEDULE, KEY.as_bytes()).await? {
            Some(row) => Ok(decode(&row.value)?),
            None => Ok(TagSchedule::default()),
        }
    }

    /// Says when runs begin by themselves.
    ///
    /// # Errors
    /// When a field is wrong, or the store refuses.
    pub async fn put_tag_schedule(
        &self,
        ctx: &OpContext,
        schedule: TagSchedule,
    ) -> Result<TagSchedule, CustomerError> {
        let schedule = match schedule.every_hours {
            None => TagSchedule::default(),
            Some(hours) if (1..=8_760).contains(&hours) => TagSchedule {
                next_at: Some(
                    schedule
                        .next_at
                        .unwrap_or(clock::now() + u64::from(hours) * HOUR_MS),
                ),
                ..schedule
            },
            Some(_) => return Err(CustomerError::invalid("every_hours", "expected 1 to 8760 hours")),
        };
        let tx = Tx::new().put(SCHEDULE, KEY, json(&schedule)?);
        self.store().commit(ctx, tx).await?;
        Ok(schedule)
    }

    /// Begins the run that is due, if one is; whether one was begun.
    ///
    /// # Errors
    /// When the store refuses, or the run can't be begun; it is tried again at the next look.
    pub async fn begin_due_tag_run(&self, now: Timestamp) -> Result<bool, CustomerError> {
        let ctx = OpContext::system(self.id().clone(), "tags");
        let schedule = self.tag_schedule(&ctx).await?;
        let (Some(hours), Some(due)) = (schedule.every_hours, schedule.next_at) else {
            return Ok(false);
        };
        if due > now || !self.has_taggers() {
            return Ok(false);
        }
        let id = TagRunId::new(&format!("{PREFIX}{}", due.0));
        let id = id.map_err(|error| CustomerError::invalid("next_at", error.to_string()))?;
        match self.begin_tag_run(&ctx, id.clone(), false).await {
            Ok(_) => {}
            // Begun before a stop in between; or another one goes on, then this one waits.
            Err(CustomerError::Conflict(_)) if self.tag_run(&ctx, &id).await.is_ok() => {}
            Err(CustomerError::Conflict(_)) => return Ok(false),
            Err(error) => return Err(error),
        }
        let step = u64::from(hours) * HOUR_MS;
        let next = due + ((now.0 - due.0) / step + 1) * step;
        let schedule = TagSchedule {
            next_at: Some(next),
            ..schedule
        };
        self.put_tag_schedule(&ctx, schedule).await?;
        let runs = self.tag_runs(&ctx).await?;
        let old: Vec<_> = runs
            .into_iter()
            .filter(|run| run.id.as_str().starts_with(PREFIX))
            .collect();
        for run in old.iter().take(old.len().saturating_sub(KEPT)) {
            if run.ended_at.is_some() {
                self.remove_tag_run(&ctx, &run.id).await?;
            }
        }
        Ok(true)
    }
}
