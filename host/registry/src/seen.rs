//! What was seen of a rollout's stage, and how it outlives the process.
//!
//! Each slice of a window is a row that is written over when its place comes round again, so a rollout has 60 of them at
//! most, and one that tells how long the stage was watched. Rows of an earlier stage carry its number and are left out.

use std::sync::PoisonError;

use jackfield_store::{Scan, Space, Tx};
use jackfield_types::{ExtensionPoint, OpContext, TenantId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::rollout::{Observed, SLICES, Slice, Verdict, Window, estimate};
use crate::{Candidate, Registry, RegistryError, RolloutRecord};

const SEEN: Space = Space::new("rollout-windows");
/// How often the time that a stage was watched is written, when nothing was seen: a kill forgets at most that of it.
const TIME_KEPT_EVERY_MS: u64 = 10_000;

/// Both sides of a rollout, in one stage.
pub struct Seen {
    /// The candidate's.
    pub candidate: Window,
    /// The active version's.
    pub control: Window,
    /// Whether something was seen that is not kept yet.
    pub changed: bool,
    /// How long the stage was watched before this process, in milliseconds. While no process runs nobody watches.
    watched_before_ms: u64,
    /// Since when this process watches it.
    since: Timestamp,
    /// When the time was last kept.
    time_kept_at: Timestamp,
}

/// Row by slot of a side.
#[derive(Serialize, Deserialize)]
struct SliceRow {
    number: u64,
    slice: Slice,
}

#[derive(Serialize, Deserialize)]
struct TimeRow {
    number: u64,
    watched_ms: u64,
}

impl Seen {
    /// Nothing yet, of a stage that is watched from now on.
    pub fn new(window_ms: u64, now: Timestamp) -> Self {
        Self {
            candidate: Window::new(window_ms),
            control: Window::new(window_ms),
            changed: true,
            watched_before_ms: 0,
            since: now,
            time_kept_at: Timestamp(0),
        }
    }

    /// How long the stage has been watched, in milliseconds; the time in which no process ran is not in it.
    pub fn watched_ms(&self, now: Timestamp) -> u64 {
        self.watched_before_ms + now.since(self.since)
    }

    /// Now as the windows count it: time in which somebody watched, so that what was seen before a restart is as old
    /// after it.
    pub fn moment(&self, now: Timestamp) -> Timestamp {
        Timestamp(self.watched_ms(now))
    }

    fn sides(&mut self) -> [(&'static str, &mut Window); 2] {
        [("candidate", &mut self.candidate), ("control", &mut self.control)]
    }
}

/// What had been seen, in short, as the evidence of a move.
pub fn evidence(candidate: &Observed, control: &Observed, verdict: &Verdict) -> Value {
    let side = |seen: &Observed| {
        json!({
            "decisions": seen.decisions, "traps": seen.traps, "errors": seen.errors, "fallbacks": seen.fallbacks,
            "fuel_p99": seen.fuel_p99(), "identical": seen.identical, "cosmetic": seen.cosmetic,
            "material": seen.material, "forbidden": seen.forbidden, "unreplayable": seen.unreplayable,
            "answered": seen.answered, "answered_in_time": seen.answered_in_time, "abandoned": seen.abandoned,
            "service_level": seen.service_level(),
        })
    };
    json!({ "candidate": side(candidate), "control": side(control), "verdict": verdict })
}

impl Candidate {
    /// [`evidence`] of this stage, with how long it was watched.
    pub fn evidence(&self, now: Timestamp) -> (Value, Verdict) {
        let (seen, control, verdict) = self.judged(now);
        let mut evidence = evidence(&seen, &control, &verdict);
        let watched_ms = self.watched_ms(now);
        evidence["watched_ms"] = watched_ms.into();
        evidence["window_ms"] = self.gates.window_ms.into();
        evidence["max_stage_ms"] = self.gates.max_stage_ms.into();
        evidence["estimate"] = json!(estimate(self.stage, &self.gates, &seen, &control, watched_ms));
        (evidence, verdict)
    }

    /// How long its stage has been watched, in milliseconds.
    pub fn watched_ms(&self, now: Timestamp) -> u64 {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .watched_ms(now)
    }
}

impl Registry {
    /// Every rollout that is under way.
    pub fn candidates(&self) -> Vec<(TenantId, std::sync::Arc<Candidate>)> {
        let under_way = self.under_way();
        under_way
            .iter()
            .map(|((tenant, _), candidate)| (tenant.clone(), candidate.clone()))
            .collect()
    }

    /// Writes what was seen since the last time, so that the next process goes on from there.
    pub async fn keep_seen(
        &self,
        ctx: &OpContext,
        candidate: &Candidate,
        now: Timestamp,
    ) -> Result<(), RegistryError> {
        let (point, number) = (&candidate.bound.record.point, candidate.number);
        let mut tx = Tx::new();
        let mut kept = [0; 2];
        {
            let mut seen = candidate.seen.lock().unwrap_or_else(PoisonError::into_inner);
            if !seen.changed && now.since(seen.time_kept_at) < TIME_KEPT_EVERY_MS {
                return Ok(());
            }
            for ((side, window), kept) in seen.sides().into_iter().zip(&mut kept) {
                for slice in window.changed() {
                    *kept = slice.number;
                    let key = slice_key(point, side, slice.number % SLICES);
                    tx = tx.put(SEEN, key, serde_json::to_vec(&SliceRow { number, slice })?);
                }
            }
            let watched_ms = seen.watched_ms(now);
            tx = tx.put(
                SEEN,
                time_key(point),
                serde_json::to_vec(&TimeRow { number, watched_ms })?,
            );
            seen.changed = false;
            seen.time_kept_at = now;
        }
        let written = self.inner.store.commit(ctx, tx).await;
        let mut seen = candidate.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = written {
            seen.changed = true;
            return Err(error.into());
        }
        for ((_, window), kept) in seen.sides().into_iter().zip(kept) {
            window.kept(kept);
        }
        Ok(())
    }

    /// What an earlier process saw of a stage.
    pub(crate) async fn kept_seen(
        &self,
        ctx: &OpContext,
        rollout: &RolloutRecord,
        now: Timestamp,
    ) -> Result<Seen, RegistryError> {
        let mut seen = Seen::new(rollout.gates.window_ms, now);
        let store = &self.inner.store;
        for (side, window) in seen.sides() {
            let scan = Scan::prefix(format!("{} {side} ", rollout.point));
            let mut slices = Vec::new();
            for row in store.scan(ctx, SEEN, scan).await?.rows {
                let row: SliceRow = serde_json::from_slice(&row.value)?;
                if row.number == rollout.number {
                    slices.push(row.slice);
                }
            }
            *window = Window::of_slices(rollout.gates.window_ms, slices);
        }
        if let Some(row) = store.get(ctx, SEEN, time_key(&rollout.point).as_bytes()).await? {
            let row: TimeRow = serde_json::from_slice(&row.value)?;
            if row.number == rollout.number {
                seen.watched_before_ms = row.watched_ms;
            }
        }
        Ok(seen)
    }
}

fn slice_key(point: &ExtensionPoint, side: &str, slot: u64) -> String {
    format!("{point} {side} {slot:02}")
}

fn time_key(point: &ExtensionPoint) -> String {
    format!("{point} time")
}

/// Removes all that was kept of a point's rollout; for when it is over.
pub(crate) fn forget(tx: Tx, point: &ExtensionPoint) -> Tx {
    let slots =
        (0..SLICES).flat_map(|slot| ["candidate", "control"].map(|side| slice_key(point, side, slot)));
    slots
        .chain([time_key(point)])
        .fold(tx, |tx, key| tx.delete(SEEN, key))
}
