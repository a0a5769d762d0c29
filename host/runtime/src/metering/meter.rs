//! One tenant's meter: what decisions ask before and tell after. No store is read for it.

use std::collections::{BTreeMap, btree_map::Entry};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jackfield_contact::decision::Failure;
use jackfield_registry::BindingRecord;
use jackfield_sandbox::Decision;
use jackfield_types::{TenantId, Timestamp, limits};

use super::flush::Batch;
use super::quota::{FuelOfDay, Level, Quota, QuotaExceeded, QuotaState, Rate};
use super::rollup::{Series, Tally};

/// A tenant that stays near its rate is warned about as often as this.
const WARN_AGAIN_MS: u64 = 60 * 1_000;

/// One tenant's meter.
pub(crate) struct Meter {
    tenant: TenantId,
    state: Mutex<State>,
    /// The batch under way; also makes writing one at a time.
    pub(super) writing: tokio::sync::Mutex<Option<Batch>>,
}

#[derive(Default)]
struct State {
    quota: Quota,
    rate: Rate,
    fuel: FuelOfDay,
    pending: BTreeMap<Series, Tally>,
    rate_warned_at: Timestamp,
    fuel_level: Level,
    storage_level: Level,
}

impl Meter {
    pub(crate) fn new(tenant: TenantId, quota: Quota) -> Self {
        let state = State {
            quota,
            ..State::default()
        };
        Self {
            tenant,
            state: Mutex::new(state),
            writing: tokio::sync::Mutex::default(),
        }
    }

    pub(super) fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn quota(&self) -> Quota {
        self.state().quota
    }

    pub(super) fn set_quota(&self, quota: Quota) {
        self.state().quota = quota;
    }

    /// What was used today before this start.
    pub(super) fn begin_with(&self, fuel: u64, now: Timestamp) {
        self.state().fuel.add(fuel, now);
    }

    /// Whether one more decision may run. A refusal is counted, and is a failure with code `quota`, so that the fail
    /// policy of the kind holds.
    pub(crate) fn admit(&self, record: &BindingRecord, now: Timestamp) -> Result<(), Failure> {
        let mut state = self.state();
        let refused = state.refusal(&self.tenant, now);
        if refused.is_ok() {
            return Ok(());
        }
        state.add(&self.tenant, Series::new(now, record), &Tally::refusal());
        drop(state);
        refused.map_err(|error| Failure {
            code: "quota".into(),
            message: error.to_string().into(),
        })
    }

    /// The receipt of a decision that ran.
    pub(crate) fn record(&self, record: &BindingRecord, decision: &Decision, now: Timestamp) {
        let tally = Tally::of(&decision.receipt, decision.result.as_ref().err());
        let mut state = self.state();
        state.fuel.add(decision.receipt.fuel, now);
        state.add(&self.tenant, Series::new(now, record), &tally);
    }

    /// Receipts of decisions that had no effect: in shadow, or of a replay.
    pub(crate) fn record_trial(&self, series: Series, tally: &Tally) {
        self.state().add(&self.tenant, series, tally);
    }

    /// Takes what is to be written, at most so many rows.
    pub(super) fn take_pending(&self, most: usize) -> Vec<(Series, Tally)> {
        let mut state = self.state();
        let mut taken = Vec::new();
        while taken.len() < most
            && let Some(pair) = state.pending.pop_first()
        {
            taken.push(pair);
        }
        taken
    }

    /// How the quotas stand.
    pub(super) fn standing(&self, storage: u64, now: Timestamp) -> [QuotaState; 3] {
        let mut state = self.state();
        let quota = state.quota;
        let decisions = quota
            .decisions_per_second
            .map_or(0, |limit| state.rate.used(limit, now));
        [
            QuotaState::new(
                "decisions-per-second",
                decisions,
                quota.decisions_per_second.map(u64::from),
            ),
            QuotaState::new("fuel-per-day", state.fuel.used(now), quota.fuel_per_day),
            QuotaState::new("storage-bytes", storage, quota.storage_bytes),
        ]
    }

    /// Warns once when storage comes near its quota.
    pub(super) fn saw_storage(&self, used: u64) {
        let mut state = self.state();
        let limit = state.quota.storage_bytes;
        let level = Level::of(used, limit);
        if level > state.storage_level {
            warn(&self.tenant, "storage-bytes", used, limit);
        }
        state.storage_level = level;
    }
}

impl State {
    fn refusal(&mut self, tenant: &TenantId, now: Timestamp) -> Result<(), QuotaExceeded> {
        if let Some(limit) = self.quota.fuel_per_day {
            let used = self.fuel.used(now);
            let level = Level::of(used, Some(limit));
            if level > self.fuel_level {
                warn(tenant, "fuel-per-day", used, Some(limit));
            }
            self.fuel_level = level;
            if level == Level::Exceeded {
                return Err(QuotaExceeded {
                    quota: "fuel-per-day",
                    used,
                    limit,
                    remedy: "it begins anew at 00:00 UTC, or the operator raises it",
                });
            }
        }
        if let Some(limit) = self.quota.decisions_per_second {
            let fits = self.rate.take(limit, now);
            let used = self.rate.used(limit, now);
            let near = Level::of(used, Some(limit.into())) != Level::Ok;
            if near && now.since(self.rate_warned_at) >= WARN_AGAIN_MS {
                self.rate_warned_at = now;
                warn(tenant, "decisions-per-second", used, Some(limit.into()));
            }
            if !fits {
                return Err(QuotaExceeded {
                    quota: "decisions-per-second",
                    used,
                    limit: limit.into(),
                    remedy: "ask again in a second, or the operator raises it",
                });
            }
        }
        Ok(())
    }

    fn add(&mut self, tenant: &TenantId, series: Series, tally: &Tally) {
        let room = self.pending.len() < limits::MAX_PENDING_USAGE;
        match self.pending.entry(series) {
            Entry::Occupied(mut sum) => sum.get_mut().add(tally),
            Entry::Vacant(place) if room => {
                place.insert(tally.clone());
            }
            Entry::Vacant(place) => {
                let Series { point, plugin, .. } = place.key();
                tracing::error!(%tenant, %point, %plugin, "a receipt is lost: too many wait for the store");
            }
        }
    }
}

fn warn(tenant: &TenantId, quota: &str, used: u64, limit: Option<u64>) {
    let limit = limit.unwrap_or_default();
    tracing::warn!(%tenant, quota, used, limit, "a quota is nearly or wholly used up");
}

#[cfg(test)]
mod tests {
    use jackfield_sandbox::Receipt;
    use jackfield_types::{Digest, PluginId, Version};

    use super::super::UsedFor;
    use super::*;

    const T: Timestamp = Timestamp(1_800_000_000_000);

    fn meter(quota: Quota) -> Meter {
        Meter::new(TenantId::new("acme").unwrap(), quota)
    }

    fn binding() -> BindingRecord {
        BindingRecord {
            point: "queue:support".parse().unwrap(),
            plugin: PluginId::new("p").unwrap(),
            version: Version::new(1, 0, 0),
            kind: jackfield_types::PluginKind::RoutingStrategy,
            digest: Digest::of(b"p"),
            config: serde_json::json!({}),
            revision: 1,
            bound_at: T,
            bound_by: "user:a".into(),
            why: None,
            record_percent: 100,
            removed: false,
        }
    }

    fn decision(fuel: u64) -> Decision {
        Decision {
            result: Err(Failure {
                code: "trap".into(),
                message: "x".into(),
            }),
            receipt: Receipt {
                fuel,
                peak_memory_bytes: 1024,
                wall_us: 10,
            },
            log: vec![],
            kv_writes: vec![],
        }
    }

    #[test]
    fn without_a_quota_everything_is_admitted_and_all_is_counted() {
        let meter = meter(Quota::default());
        for _ in 0..1_000 {
            meter.admit(&binding(), T).unwrap();
            meter.record(&binding(), &decision(7), T);
        }
        let pending = meter.take_pending(10);
        assert_eq!(pending.len(), 1);
        assert_eq!((pending[0].1.decisions, pending[0].1.fuel), (1_000, 7_000));
        assert!(meter.take_pending(10).is_empty());
    }

    #[test]
    fn trials_are_counted_apart_and_towards_no_quota() {
        let meter = meter(Quota {
            decisions_per_second: Some(1),
            fuel_per_day: Some(100),
            ..Quota::default()
        });
        let BindingRecord {
            point,
            plugin,
            version,
            ..
        } = binding();
        for used_for in [UsedFor::Shadow, UsedFor::Replay] {
            let trial = decision(1_000);
            let tally = Tally::of(&trial.receipt, trial.result.as_ref().err());
            meter.record_trial(Series::of(T, used_for, &point, &plugin, &version), &tally);
        }
        meter.admit(&binding(), T).unwrap();
        meter.record(&binding(), &decision(7), T);
        assert_eq!(meter.standing(0, T)[1].used, 7);
        let pending = meter.take_pending(10);
        let told: Vec<_> = pending
            .iter()
            .map(|(series, sum)| (series.used_for, sum.fuel))
            .collect();
        assert_eq!(
            told,
            [
                (UsedFor::Live, 7),
                (UsedFor::Shadow, 1_000),
                (UsedFor::Replay, 1_000)
            ]
        );
    }

    #[test]
    fn a_day_s_fuel_is_refused_at_its_end_and_comes_back_at_midnight() {
        let meter = meter(Quota {
            fuel_per_day: Some(100),
            ..Quota::default()
        });
        meter.admit(&binding(), T).unwrap();
        meter.record(&binding(), &decision(90), T);
        assert_eq!(meter.standing(0, T)[1].level, Level::Warning);
        meter.admit(&binding(), T).unwrap();
        meter.record(&binding(), &decision(90), T);
        let failure = meter.admit(&binding(), T).unwrap_err();
        assert_eq!(&*failure.code, "quota");
        assert!(failure.message.contains("fuel-per-day") && failure.message.contains("180 of 100"));
        assert_eq!(meter.standing(0, T)[1].level, Level::Exceeded);
        assert_eq!(meter.take_pending(10)[0].1.refused, 1);
        meter.admit(&binding(), T + super::super::DAY_MS).unwrap();
    }

    #[test]
    fn too_many_decisions_in_a_second_are_refused_and_a_new_quota_holds_at_once() {
        let meter = meter(Quota {
            decisions_per_second: Some(2),
            ..Quota::default()
        });
        let admitted = |at| (0..5).filter(|_| meter.admit(&binding(), at).is_ok()).count();
        assert_eq!(admitted(T), 2);
        assert_eq!(admitted(T + 500), 1);
        meter.set_quota(Quota::default());
        assert_eq!(admitted(T + 500), 5);
    }

    #[test]
    fn receipts_that_find_no_room_are_dropped_and_known_series_go_on() {
        let meter = meter(Quota::default());
        for n in 0..=limits::MAX_PENDING_USAGE as u64 {
            let hour = T + n * super::super::HOUR_MS;
            meter.record(&binding(), &decision(1), hour);
        }
        meter.record(&binding(), &decision(1), T);
        let rows = meter.take_pending(usize::MAX);
        assert_eq!(rows.len(), limits::MAX_PENDING_USAGE);
        assert_eq!(rows[0].1.decisions, 2);
    }
}
