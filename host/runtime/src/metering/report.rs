//! What an operator bills from, and what a tenant may see of itself.

use std::collections::BTreeMap;

use jackfield_store::{Error as StoreError, Scan};
use jackfield_types::{Digest, ExtensionPoint, OpContext, PluginId, TenantId, Timestamp, limits};

use super::flush::tally;
use super::rollup::{Series, Tally, hour_key, start_of};
use super::{DAY_MS, HOUR_MS, Quota, QuotaExceeded, QuotaState, USAGE, UsedFor};
use crate::clock;
use crate::tenant::Tenant;

/// KiB·µs of a MiB·ms.
const MEMORY_UNIT: u64 = 1024 * 1_000;

/// How finely a report is divided in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UsageStep {
    /// Not at all: one row for the whole time.
    #[default]
    Total,
    /// By UTC day.
    Day,
    /// By hour.
    Hour,
}

/// Which usage. Both ends are rounded up to full hours, so ranges that join have neither gap nor double.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsageQuery {
    /// From here on.
    pub from: Timestamp,
    /// Up to here, not included; later than `from`.
    pub to: Timestamp,
    /// How it is divided.
    pub step: UsageStep,
}

/// What one plugin version used at one extension point in one step of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageRow {
    /// When the step begins: an hour, a UTC day, or the beginning of what was asked for.
    pub from: Timestamp,
    /// What the decisions were made for.
    pub used_for: UsedFor,
    /// Where it was bound.
    pub point: ExtensionPoint,
    /// The plugin.
    pub plugin: PluginId,
    /// Its version.
    pub version: String,
    /// Decisions that ran, failed ones included.
    pub decisions: u64,
    /// Of those, how many brought no valid answer.
    pub failed: u64,
    /// Decisions that a quota refused; they did not run and are not to be billed.
    pub refused: u64,
    /// Fuel.
    pub fuel: u64,
    /// Memory·time in MiB·ms, rounded.
    pub memory_mib_ms: u64,
    /// Wall time in µs.
    pub wall_us: u64,
    /// Failures by code.
    pub failures: BTreeMap<String, u64>,
}

/// A report that can't be made.
#[derive(Debug, thiserror::Error)]
pub enum UsageError {
    /// The range is none, or too long.
    #[error("{field}: {problem}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// What was expected.
        problem: String,
    },
    /// The store refuses; try again.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl UsageQuery {
    fn check(&self) -> Result<(), UsageError> {
        let invalid = |field, problem| Err(UsageError::Invalid { field, problem });
        if self.to <= self.from {
            return invalid("to", format!("{} is not after from, {}", self.to, self.from));
        }
        let most = limits::MAX_USAGE_RANGE_MS;
        if self.to.since(self.from) > most {
            return invalid(
                "from",
                format!("expected at most {} days before to", most / DAY_MS),
            );
        }
        Ok(())
    }

    /// The step that an hour belongs to.
    fn step_of(&self, hour: Timestamp) -> Timestamp {
        match self.step {
            UsageStep::Total => self.from,
            UsageStep::Day => start_of(hour, DAY_MS),
            UsageStep::Hour => hour,
        }
    }
}

impl UsageRow {
    fn new(series: Series, tally: Tally) -> Self {
        Self {
            from: series.hour,
            used_for: series.used_for,
            point: series.point,
            plugin: series.plugin,
            version: series.version,
            decisions: tally.decisions,
            failed: tally.failed,
            refused: tally.refused,
            fuel: tally.fuel,
            memory_mib_ms: tally.memory_time.saturating_add(MEMORY_UNIT / 2) / MEMORY_UNIT,
            wall_us: tally.wall_us,
            failures: tally.failures,
        }
    }
}

impl Tenant {
    /// What the tenant's plugins used, by step, use, point, plugin and version, up to the last decision.
    ///
    /// # Errors
    /// When the range is empty or above 92 days, holds more than 200,000 hourly rows, or the store refuses.
    pub async fn usage(&self, query: &UsageQuery) -> Result<Vec<UsageRow>, UsageError> {
        query.check()?;
        let store = &self.inner.shared.store;
        self.inner.meter.flush(store).await?;
        let ctx = OpContext::system(self.id().clone(), "metering");
        let mut sums: BTreeMap<Series, Tally> = BTreeMap::new();
        let (mut cursor, mut read) = (None, 0);
        loop {
            let scan = Scan::range(hour_key(query.from), hour_key(query.to));
            let page = store.scan(&ctx, USAGE, scan.after(cursor)).await?;
            read += page.rows.len();
            if read > limits::MAX_USAGE_ROWS {
                return Err(UsageError::Invalid {
                    field: "from",
                    problem: "there is too much in this range: ask for a shorter one".to_owned(),
                });
            }
            for row in &page.rows {
                let Some(mut series) = Series::parse(&row.key) else {
                    tracing::error!(tenant = %ctx.tenant, "a stored usage row has a key that can't be read");
                    continue;
                };
                series.hour = query.step_of(series.hour);
                sums.entry(series).or_default().add(&tally(&row.value));
            }
            cursor = page.next;
            if cursor.is_none() {
                return Ok(sums
                    .into_iter()
                    .map(|(series, tally)| UsageRow::new(series, tally))
                    .collect());
            }
        }
    }

    /// What the tenant may use.
    pub fn quota(&self) -> Quota {
        self.inner.meter.quota()
    }

    /// Sets what the tenant may use; durable when it returns, and holds from the next decision on.
    ///
    /// # Errors
    /// When the store refuses.
    pub async fn set_quota(&self, quota: Quota) -> Result<(), StoreError> {
        let shared = &self.inner.shared;
        let changed = self
            .inner
            .meter
            .change_quota(&shared.store, &shared.admission, quota);
        changed.await
    }

    /// How the quotas stand: decisions per second, fuel per day, storage.
    ///
    /// # Errors
    /// When the store refuses.
    pub async fn quota_states(&self) -> Result<[QuotaState; 3], StoreError> {
        let ctx = OpContext::system(self.id().clone(), "metering");
        let storage = self.inner.shared.store.blobs().used(&ctx).await?;
        Ok(self.inner.meter.standing(storage, clock::now()))
    }

    /// Whether these bytes may be stored. Bytes that are stored already cost nothing. Uploads that are under way at
    /// the same time do not see each other here, but in their turns (`Registry::upload_within`).
    ///
    /// # Errors
    /// When the storage quota has no room for them, or the store refuses.
    pub async fn check_storage(&self, bytes: &[u8]) -> Result<Result<(), QuotaExceeded>, StoreError> {
        let ctx = OpContext::system(self.id().clone(), "metering");
        let room = self.check_room(bytes.len() as u64).await?;
        let blobs = self.inner.shared.store.blobs();
        if room.is_err() && blobs.len(&ctx, Digest::of(bytes)).await?.is_some() {
            return Ok(Ok(()));
        }
        Ok(room)
    }

    /// The same of so many bytes that are not stored yet.
    pub(crate) async fn check_room(&self, bytes: u64) -> Result<Result<(), QuotaExceeded>, StoreError> {
        let Some(limit) = self.quota().storage_bytes else {
            return Ok(Ok(()));
        };
        let ctx = OpContext::system(self.id().clone(), "metering");
        let used = self.inner.shared.store.blobs().used(&ctx).await?;
        let wanted = used.saturating_add(bytes);
        self.inner.meter.saw_storage(wanted.min(limit));
        if wanted <= limit {
            return Ok(Ok(()));
        }
        Ok(Err(QuotaExceeded {
            quota: "storage-bytes",
            used,
            limit,
            remedy: "the operator raises it; plugins, recordings and attachments count",
        }))
    }
}

impl UsageQuery {
    /// The present hour and the 30 days before its end.
    pub fn last_30_days() -> Self {
        let to = start_of(clock::now(), HOUR_MS) + HOUR_MS;
        Self {
            from: Timestamp(to.0.saturating_sub(30 * DAY_MS)),
            to,
            step: UsageStep::default(),
        }
    }
}

impl UsageRow {
    /// Where the row stands in a report of many tenants: tenant, time, use, point, plugin, version.
    pub fn place(&self, tenant: &TenantId) -> String {
        let Self {
            from,
            used_for,
            point,
            plugin,
            version,
            ..
        } = self;
        let used_for = used_for.as_str();
        format!("{tenant} {:015} {used_for} {point} {plugin} {version}", from.0)
    }
}
