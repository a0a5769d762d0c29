//! What a tenant may use, and how near it is. Time is an argument.

use std::num::NonZeroU8;

use jackfield_types::Timestamp;
use serde::{Deserialize, Serialize};

use super::{DAY_MS, rollup::start_of};

/// What a tenant may use at most; `None`: as much as the deployment gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Quota {
    /// Plugin decisions per second; as many may come at once after a quiet second.
    pub decisions_per_second: Option<u32>,
    /// Fuel of plugin decisions per UTC day. What runs when it is reached is not stopped.
    pub fuel_per_day: Option<u64>,
    /// Bytes of plugins, recordings and attachments. When it is reached uploads are refused; recordings are still kept, since a
    /// conversation can't be had again.
    pub storage_bytes: Option<u64>,
    /// How many turns to decide it has for each one of a tenant of weight 1, when both wait; `None`: 1.
    pub weight: Option<NonZeroU8>,
}

impl Quota {
    /// The weight, which is 1 unless another is set.
    pub(crate) fn weight(&self) -> NonZeroU8 {
        self.weight.unwrap_or(NonZeroU8::MIN)
    }
}

/// How near a quota is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Below 80 %.
    #[default]
    Ok,
    /// 80 % or more.
    Warning,
    /// All of it: more is refused.
    Exceeded,
}

impl Level {
    /// The name used in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Exceeded => "exceeded",
        }
    }

    /// The level of so much used out of so much.
    pub(crate) fn of(used: u64, limit: Option<u64>) -> Self {
        let Some(limit) = limit else { return Self::Ok };
        if used >= limit {
            Self::Exceeded
        } else if u128::from(used) * 100 >= u128::from(limit) * 80 {
            Self::Warning
        } else {
            Self::Ok
        }
    }
}

/// One quota as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaState {
    /// `decisions-per-second`, `fuel-per-day` or `storage-bytes`.
    pub quota: &'static str,
    /// How much; `None`: unlimited.
    pub limit: Option<u64>,
    /// How much of it is used: decisions of the last second, fuel of the present UTC day, bytes now.
    pub used: u64,
    /// How near it is.
    pub level: Level,
}

impl QuotaState {
    pub(crate) fn new(quota: &'static str, used: u64, limit: Option<u64>) -> Self {
        Self {
            quota,
            limit,
            used,
            level: Level::of(used, limit),
        }
    }
}

/// A quota is used up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the quota {quota} of this tenant is used up: {used} of {limit}; {remedy}")]
pub struct QuotaExceeded {
    /// `decisions-per-second`, `fuel-per-day` or `storage-bytes`.
    pub quota: &'static str,
    /// How much is used.
    pub used: u64,
    /// How much it is.
    pub limit: u64,
    /// What to do.
    pub remedy: &'static str,
}

/// A bucket of decisions that fills with time: a second's worth at most.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Rate {
    /// Thousandths of a decision that are used.
    used: u64,
    at: Timestamp,
}

impl Rate {
    /// Decisions of the last second that are not made good by time yet, rounded up.
    pub(crate) fn used(&mut self, limit: u32, now: Timestamp) -> u64 {
        self.refill(limit, now);
        self.used.div_ceil(1_000)
    }

    /// Takes one decision; false when there is none.
    pub(crate) fn take(&mut self, limit: u32, now: Timestamp) -> bool {
        self.refill(limit, now);
        let fits = self.used + 1_000 <= u64::from(limit) * 1_000;
        if fits {
            self.used += 1_000;
        }
        fits
    }

    fn refill(&mut self, limit: u32, now: Timestamp) {
        // A clock that was set back gives nothing and takes nothing.
        let gained = now.since(self.at).saturating_mul(u64::from(limit));
        self.used = self.used.saturating_sub(gained);
        self.at = now;
    }
}

/// The fuel of the present UTC day.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct FuelOfDay {
    day: Timestamp,
    fuel: u64,
}

impl FuelOfDay {
    pub(crate) fn add(&mut self, fuel: u64, now: Timestamp) {
        self.fuel = self.used(now).saturating_add(fuel);
    }

    pub(crate) fn used(&mut self, now: Timestamp) -> u64 {
        let day = start_of(now, DAY_MS);
        if day != self.day {
            *self = Self { day, fuel: 0 };
        }
        self.fuel
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: Timestamp = Timestamp(1_800_000_000_000);

    #[test]
    fn levels_begin_at_eighty_and_at_a_hundred_per_cent() {
        for (used, level) in [
            (0, Level::Ok),
            (79, Level::Ok),
            (80, Level::Warning),
            (99, Level::Warning),
            (100, Level::Exceeded),
            (u64::MAX, Level::Exceeded),
        ] {
            assert_eq!(Level::of(used, Some(100)), level, "{used}");
            assert_eq!(Level::of(used, None), Level::Ok);
        }
        assert_eq!(Level::of(0, Some(0)), Level::Exceeded);
        assert_eq!(Level::of(u64::MAX - 1, Some(u64::MAX)), Level::Warning);
    }

    #[test]
    fn decisions_come_back_with_time_and_never_more_than_a_seconds_worth() {
        let mut rate = Rate::default();
        let take = |rate: &mut Rate, at| (0..100).filter(|_| rate.take(10, at)).count();
        assert_eq!(take(&mut rate, T), 10);
        assert_eq!(rate.used(10, T), 10);
        assert_eq!(
            take(&mut rate, T + 99),
            0,
            "a tenth of a second less a millisecond is no decision"
        );
        assert_eq!(take(&mut rate, T + 100), 1);
        assert_eq!(take(&mut rate, T + 600), 5);
        assert_eq!(take(&mut rate, T + 3_600_000), 10);
        assert_eq!(take(&mut rate, T), 0, "the clock was set back");
        assert!(!Rate::default().take(0, T));
    }

    #[test]
    fn the_fuel_of_a_day_ends_with_the_day() {
        let mut day = FuelOfDay::default();
        let midnight = start_of(T, DAY_MS) + DAY_MS;
        day.add(5, Timestamp(midnight.0 - 1));
        day.add(5, Timestamp(midnight.0 - 1));
        assert_eq!(day.used(Timestamp(midnight.0 - 1)), 10);
        assert_eq!(day.used(midnight), 0);
        day.add(3, midnight + 1);
        assert_eq!(day.used(midnight + 2), 3);
    }
}
