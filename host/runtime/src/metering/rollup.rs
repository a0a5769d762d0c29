//! The arithmetic of receipts: which bucket, what sum.

use std::collections::BTreeMap;

use jackfield_contact::decision::Failure;
use jackfield_registry::BindingRecord;
use jackfield_sandbox::Receipt;
use jackfield_types::{ExtensionPoint, PluginId, Timestamp, Version};
use serde::{Deserialize, Serialize};

use super::HOUR_MS;

/// Bytes of a version in a row's key; versions alike in so many bytes share a row.
const MAX_VERSION_BYTES: usize = 200;

/// What decisions were made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum UsedFor {
    /// They decided.
    #[default]
    Live,
    /// A candidate was asked beside the active version, without effect.
    Shadow,
    /// Recorded decisions were replayed on a candidate, without effect.
    Replay,
}

impl UsedFor {
    /// The name used in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Shadow => "shadow",
            Self::Replay => "replay",
        }
    }

    /// In a key before the point, which never begins like it; nothing for what decided, as in rows of long ago.
    const fn mark(self) -> &'static str {
        match self {
            Self::Live => "",
            Self::Shadow => "~shadow ",
            Self::Replay => "~replay ",
        }
    }
}

/// What is added up together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Series {
    /// When the hour began.
    pub(crate) hour: Timestamp,
    pub(crate) used_for: UsedFor,
    pub(crate) point: ExtensionPoint,
    pub(crate) plugin: PluginId,
    pub(crate) version: String,
}

/// The sum of receipts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Tally {
    /// Decisions that ran, failed ones included.
    pub(crate) decisions: u64,
    /// Of those, how many brought no valid answer.
    pub(crate) failed: u64,
    /// Decisions that a quota refused; they did not run.
    pub(crate) refused: u64,
    pub(crate) fuel: u64,
    /// KiB·µs.
    pub(crate) memory_time: u64,
    pub(crate) wall_us: u64,
    /// Failures by code.
    pub(crate) failures: BTreeMap<String, u64>,
}

/// When the bucket of a moment began.
pub(crate) const fn start_of(at: Timestamp, bucket_ms: u64) -> Timestamp {
    Timestamp(at.0 - at.0 % bucket_ms)
}

impl Series {
    pub(crate) fn new(at: Timestamp, record: &BindingRecord) -> Self {
        let BindingRecord {
            point,
            plugin,
            version,
            ..
        } = record;
        Self::of(at, UsedFor::Live, point, plugin, version)
    }

    pub(crate) fn of(
        at: Timestamp,
        used_for: UsedFor,
        point: &ExtensionPoint,
        plugin: &PluginId,
        version: &Version,
    ) -> Self {
        let mut version = version.to_string();
        // A version is ASCII.
        version.truncate(MAX_VERSION_BYTES);
        Self {
            hour: start_of(at, HOUR_MS),
            used_for,
            point: point.clone(),
            plugin: plugin.clone(),
            version,
        }
    }

    /// The key of its row: the hour first, so that a time is a range.
    pub(crate) fn key(&self) -> Vec<u8> {
        let Self {
            hour,
            used_for,
            point,
            plugin,
            version,
        } = self;
        let (hour, mark) = (hour_key(*hour), used_for.mark());
        format!("{hour} {mark}{point} {plugin} {version}").into_bytes()
    }

    pub(crate) fn parse(key: &[u8]) -> Option<Self> {
        let (hour, rest) = std::str::from_utf8(key).ok()?.split_once(' ')?;
        let hour: u64 = hour.parse().ok()?;
        let (used_for, rest) = [UsedFor::Shadow, UsedFor::Replay]
            .into_iter()
            .find_map(|used_for| Some((used_for, rest.strip_prefix(used_for.mark())?)))
            .unwrap_or((UsedFor::Live, rest));
        let mut parts = rest.splitn(3, ' ');
        Some(Self {
            hour: Timestamp(hour.checked_mul(HOUR_MS)?),
            used_for,
            point: parts.next()?.parse().ok()?,
            plugin: PluginId::new(parts.next()?).ok()?,
            version: parts.next()?.to_owned(),
        })
    }
}

/// Where the rows of an hour begin. A part of an hour counts as the next one.
pub(crate) fn hour_key(at: Timestamp) -> String {
    format!("{:010}", at.0.div_ceil(HOUR_MS))
}

impl Tally {
    /// The receipt of one decision that ran.
    pub(crate) fn of(receipt: &Receipt, failure: Option<&Failure>) -> Self {
        let kib = receipt.peak_memory_bytes.div_ceil(1024);
        Self {
            decisions: 1,
            failed: u64::from(failure.is_some()),
            refused: 0,
            fuel: receipt.fuel,
            memory_time: kib.saturating_mul(receipt.wall_us),
            wall_us: receipt.wall_us,
            failures: failure
                .map(|failure| (failure.code.to_string(), 1))
                .into_iter()
                .collect(),
        }
    }

    /// One decision that a quota refused.
    pub(crate) fn refusal() -> Self {
        Self {
            refused: 1,
            ..Self::default()
        }
    }

    pub(crate) fn add(&mut self, other: &Self) {
        let Self {
            decisions,
            failed,
            refused,
            fuel,
            memory_time,
            wall_us,
            failures,
        } = other;
        for (sum, more) in [
            (&mut self.decisions, decisions),
            (&mut self.failed, failed),
            (&mut self.refused, refused),
            (&mut self.fuel, fuel),
            (&mut self.memory_time, memory_time),
            (&mut self.wall_us, wall_us),
        ] {
            *sum = sum.saturating_add(*more);
        }
        for (code, more) in failures {
            let sum = self.failures.entry(code.clone()).or_default();
            *sum = sum.saturating_add(*more);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(hour: u64, point: &str) -> Series {
        Series {
            hour: Timestamp(hour * HOUR_MS),
            used_for: UsedFor::Live,
            point: point.parse().unwrap(),
            plugin: PluginId::new("skills-routing").unwrap(),
            version: "1.2.3-rc.1+build 5".to_owned(),
        }
    }

    #[test]
    fn an_hour_begins_with_its_first_millisecond() {
        let hour = |ms| start_of(Timestamp(ms), HOUR_MS).0;
        assert_eq!(hour(0), 0);
        assert_eq!(hour(HOUR_MS - 1), 0);
        assert_eq!(hour(HOUR_MS), HOUR_MS);
        assert_eq!(hour(2 * HOUR_MS + 1), 2 * HOUR_MS);
        assert_eq!(hour_key(Timestamp(HOUR_MS)), "0000000001");
        assert_eq!(hour_key(Timestamp(HOUR_MS + 1)), "0000000002");
    }

    #[test]
    fn keys_are_read_back_and_in_order_of_time() {
        let (early, late) = (
            series(999_999, "queue:support"),
            series(1_000_000, "number:+442079460100"),
        );
        for series in [&early, &late] {
            for used_for in [UsedFor::Live, UsedFor::Shadow, UsedFor::Replay] {
                let series = Series {
                    used_for,
                    ..series.clone()
                };
                assert_eq!(Series::parse(&series.key()), Some(series));
            }
        }
        assert_eq!(
            early.key(),
            b"0000999999 queue:support skills-routing 1.2.3-rc.1+build 5",
            "rows of what decided have no mark"
        );
        assert!(early.key() < late.key());
        for broken in [
            &b""[..],
            b"x",
            b"0000000001 queue:support",
            b"1 nowhere p 1",
            b"\xff",
        ] {
            assert_eq!(Series::parse(broken), None);
        }
    }

    #[test]
    fn receipts_are_added_up() {
        let receipt = Receipt {
            fuel: 1_000,
            peak_memory_bytes: 128 * 1024,
            wall_us: 20,
        };
        let trap = Failure {
            code: "trap".into(),
            message: "x".into(),
        };
        let mut sum = Tally::of(&receipt, None);
        sum.add(&Tally::of(&receipt, Some(&trap)));
        sum.add(&Tally::refusal());
        let expected = Tally {
            decisions: 2,
            failed: 1,
            refused: 1,
            fuel: 2_000,
            memory_time: 2 * 128 * 20,
            wall_us: 40,
            failures: [("trap".to_owned(), 1)].into(),
        };
        assert_eq!(sum, expected);
        sum.fuel = u64::MAX;
        sum.add(&expected);
        assert_eq!(sum.fuel, u64::MAX, "never wraps");
        let row = serde_json::to_vec(&expected).unwrap();
        assert_eq!(serde_json::from_slice::<Tally>(&row).unwrap(), expected);
        assert_eq!(serde_json::from_str::<Tally>("{}").unwrap(), Tally::default());
    }
}
