//! Writing what was added up: every ten seconds and at the end, each batch exactly once.

use std::sync::{Arc, Weak};
use std::time::Duration;

use jackfield_store::{Error as StoreError, Scan, Store, Tx};
use jackfield_types::{OpContext, Timestamp, limits};
use tokio::time::MissedTickBehavior;

use super::rollup::{Series, Tally, hour_key, start_of};
use super::{DAY_MS, HOUR_MS, Meter, QUOTAS, Quota, USAGE, USAGE_WRITTEN, UsedFor};
use crate::admission::Admission;
use crate::platform::Shared;
use crate::{StartError, clock, directory};

/// How often receipts are written, and so how much a kill may lose.
const EVERY: Duration = Duration::from_secs(10);
/// Rows of one batch; far below the store's 1,000 operations and 1 MiB.
const BATCH: usize = 400;
/// The key of the only row of [`USAGE_WRITTEN`].
const LAST: &[u8] = b"last";
/// Old rows are looked for once in so many rounds: an hour.
const PRUNE_EVERY: u64 = 360;
/// Storage is looked at once in so many rounds: a minute.
const STORAGE_EVERY: u64 = 6;

/// Rows that go into the store together.
pub(super) struct Batch {
    id: uuid::Uuid,
    rows: Vec<(Series, Tally)>,
}

impl Meter {
    /// A tenant's meter with its quota, and with what was used today before this start.
    pub(crate) async fn load(store: &Store, ctx: &OpContext, now: Timestamp) -> Result<Self, StartError> {
        let row = store
            .get(&directory::platform(), QUOTAS, ctx.tenant.as_str().as_bytes())
            .await?;
        let quota = match row {
            Some(row) => serde_json::from_slice(&row.value).map_err(|error| StartError::Record {
                what: format!("the quota of tenant {}", ctx.tenant),
                error,
            })?,
            None => Quota::default(),
        };
        let meter = Self::new(ctx.tenant.clone(), quota);
        let today = start_of(now, DAY_MS);
        let mut cursor = None;
        loop {
            let scan = Scan::range(hour_key(today), hour_key(today + DAY_MS));
            let page = store.scan(ctx, USAGE, scan.after(cursor)).await?;
            let live = |key: &[u8]| Series::parse(key).is_none_or(|series| series.used_for == UsedFor::Live);
            for row in page.rows.iter().filter(|row| live(&row.key)) {
                meter.begin_with(tally(&row.value).fuel, now);
            }
            cursor = page.next;
            if cursor.is_none() {
                return Ok(meter);
            }
        }
    }

    /// Sets the quota; it holds from the next decision on, and so does its weight.
    pub(crate) async fn change_quota(
        &self,
        store: &Store,
        admission: &Admission,
        quota: Quota,
    ) -> Result<(), StoreError> {
        // One at a time, so that what holds is what is stored.
        let _writing = self.writing.lock().await;
        let row = serde_json::to_vec(&quota).unwrap_or_default();
        let tx = Tx::new().put(QUOTAS, self.tenant().as_str(), row);
        store.commit(&directory::platform(), tx).await?;
        self.set_quota(quota);
        admission.set_weight(self.tenant(), quota.weight());
        Ok(())
    }

    /// Writes everything that was added up so far. What could not be written is kept for the next time.
    pub(crate) async fn flush(&self, store: &Store) -> Result<(), StoreError> {
        let ctx = OpContext::system(self.tenant().clone(), "metering");
        let mut under_way = self.writing.lock().await;
        loop {
            if under_way.is_none() {
                let rows = self.take_pending(BATCH);
                if rows.is_empty() {
                    return Ok(());
                }
                *under_way = Some(Batch {
                    id: uuid::Uuid::now_v7(),
                    rows,
                });
            }
            if let Some(batch) = &*under_way {
                match write(store, &ctx, batch).await {
                    // Its own first sending has just arrived: the next look sees it.
                    Err(StoreError::Conflict { .. }) => continue,
                    other => other?,
                }
            }
            *under_way = None;
        }
    }
}

/// Adds a batch to what is stored, unless it was before. One that was sent before and is still on its way to the disk
/// makes this one conflict.
async fn write(store: &Store, ctx: &OpContext, batch: &Batch) -> Result<(), StoreError> {
    let last = store.get(ctx, USAGE_WRITTEN, LAST).await?;
    let tx = match last {
        Some(last) if last.value == batch.id.as_bytes() => return Ok(()),
        Some(last) => Tx::new().check(USAGE_WRITTEN, LAST, last.version),
        None => Tx::new().check_absent(USAGE_WRITTEN, LAST),
    };
    let mut tx = tx.put(USAGE_WRITTEN, LAST, *batch.id.as_bytes());
    for (series, more) in &batch.rows {
        let key = series.key();
        let stored = store.get(ctx, USAGE, &key).await?;
        let mut sum = stored.map_or_else(Tally::default, |row| tally(&row.value));
        sum.add(more);
        tx = tx.put(USAGE, key, serde_json::to_vec(&sum).unwrap_or_default());
    }
    store.commit(ctx, tx).await.map(drop)
}

/// A stored row. One that can't be read counts as nothing, with a log line: it must not stop the billing of the rest.
pub(super) fn tally(row: &[u8]) -> Tally {
    serde_json::from_slice(row).unwrap_or_else(|error| {
        tracing::error!(%error, "a stored usage row can't be read and counts as nothing");
        Tally::default()
    })
}

/// Removes rows that are too old for any report, a page at a time.
async fn prune(store: &Store, ctx: &OpContext, now: Timestamp) -> Result<(), StoreError> {
    let oldest = Timestamp(now.0.saturating_sub(limits::MAX_USAGE_AGE_MS));
    let scan = Scan::range(hour_key(Timestamp(0)), hour_key(start_of(oldest, HOUR_MS)));
    loop {
        let page = store.scan(ctx, USAGE, scan.clone().limit(BATCH)).await?;
        if page.rows.is_empty() {
            return Ok(());
        }
        let tx = page
            .rows
            .into_iter()
            .fold(Tx::new(), |tx, row| tx.delete(USAGE, row.key));
        store.commit(ctx, tx).await?;
    }
}

/// Writes every tenant's receipts until the platform is gone.
pub(crate) fn keep_flushing(shared: Weak<Shared>) {
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for round in 0_u64.. {
            ticks.tick().await;
            let Some(shared) = shared.upgrade() else { return };
            for meter in shared.directory.tenants.meters() {
                if let Err(error) = keep(&shared, &meter, round).await {
                    tracing::warn!(tenant = %meter.tenant(), %error, "receipts are written later");
                }
            }
        }
    });
}

async fn keep(shared: &Arc<Shared>, meter: &Meter, round: u64) -> Result<(), StoreError> {
    meter.flush(&shared.store).await?;
    let ctx = OpContext::system(meter.tenant().clone(), "metering");
    if round % STORAGE_EVERY == 1 && meter.quota().storage_bytes.is_some() {
        meter.saw_storage(shared.store.blobs().used(&ctx).await?);
    }
    if round % PRUNE_EVERY == 1 {
        prune(&shared.store, &ctx, clock::now()).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use jackfield_types::{PluginId, TenantId};

    use super::*;

    fn ctx() -> OpContext {
        OpContext::system(TenantId::new("acme").unwrap(), "test")
    }

    fn rows(hours: std::ops::Range<u64>) -> Vec<(Series, Tally)> {
        let fuel = Tally {
            fuel: 5,
            ..Tally::default()
        };
        let series = |hour| Series {
            hour: Timestamp(hour * HOUR_MS),
            used_for: UsedFor::Live,
            point: "queue:support".parse().unwrap(),
            plugin: PluginId::new("p").unwrap(),
            version: "1.0.0".into(),
        };
        hours.map(|hour| (series(hour), fuel.clone())).collect()
    }

    async fn stored(store: &Store) -> Vec<u64> {
        let page = store.scan(&ctx(), USAGE, Scan::all()).await.unwrap();
        page.rows.iter().map(|row| tally(&row.value).fuel).collect()
    }

    #[tokio::test]
    async fn a_batch_that_is_sent_again_is_added_once() {
        let store = Store::memory().unwrap();
        let batch = |rows| Batch {
            id: uuid::Uuid::now_v7(),
            rows,
        };
        let first = batch(rows(1..3));
        for _ in 0..3 {
            write(&store, &ctx(), &first).await.unwrap();
        }
        assert_eq!(stored(&store).await, [5, 5]);
        write(&store, &ctx(), &batch(rows(2..4))).await.unwrap();
        assert_eq!(stored(&store).await, [5, 10, 5]);
    }

    #[tokio::test]
    async fn a_batch_whose_sender_gave_up_is_added_once() {
        let store = Store::memory().unwrap();
        let meter = Meter::new(ctx().tenant, Quota::default());
        *meter.writing.lock().await = Some(Batch {
            id: uuid::Uuid::now_v7(),
            rows: rows(1..2),
        });
        for _ in 0..20 {
            // Given up at the first wait, as when a client hangs up.
            tokio::select! {
                biased;
                _ = meter.flush(&store) => {}
                () = tokio::task::yield_now() => {}
            }
        }
        meter.flush(&store).await.unwrap();
        assert_eq!(stored(&store).await, [5]);
    }

    #[tokio::test]
    async fn a_start_knows_the_fuel_of_the_day_and_the_quota() {
        let store = Store::memory().unwrap();
        let day = 20_000 * 24;
        let batch = Batch {
            id: uuid::Uuid::now_v7(),
            rows: rows(day - 1..day + 2),
        };
        write(&store, &ctx(), &batch).await.unwrap();
        let now = Timestamp((day + 1) * HOUR_MS + 5);
        let mut trials = rows(day..day + 1);
        trials[0].0.used_for = UsedFor::Replay;
        let batch = Batch {
            id: uuid::Uuid::now_v7(),
            rows: trials,
        };
        write(&store, &ctx(), &batch).await.unwrap();
        let meter = Meter::load(&store, &ctx(), now).await.unwrap();
        assert_eq!(meter.standing(0, now)[1].used, 10, "not that of yesterday");
        let quota = Quota {
            fuel_per_day: Some(11),
            ..Quota::default()
        };
        let admission = Admission::new(1);
        meter.change_quota(&store, &admission, quota).await.unwrap();
        assert_eq!(meter.quota(), quota);
        assert_eq!(Meter::load(&store, &ctx(), now).await.unwrap().quota(), quota);
    }

    #[tokio::test]
    async fn what_is_too_old_goes() {
        let store = Store::memory().unwrap();
        let age = limits::MAX_USAGE_AGE_MS / HOUR_MS;
        for from in [1, 401] {
            let batch = Batch {
                id: uuid::Uuid::now_v7(),
                rows: rows(from..from + 400),
            };
            write(&store, &ctx(), &batch).await.unwrap();
        }
        prune(&store, &ctx(), Timestamp((age + 700) * HOUR_MS))
            .await
            .unwrap();
        assert_eq!(stored(&store).await.len(), 101, "hours 700 to 800 are left");
    }
}
