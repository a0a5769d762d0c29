//! Old records go.

use std::sync::Weak;
use std::time::Duration;

use jackfield_store::{Error as StoreError, Scan, Store, Tx};
use jackfield_types::{DecisionId, OpContext, TenantId, Timestamp, limits};

use super::segment::{DECISIONS, POINTS, Place};
use crate::platform::Shared;
use crate::rounds::go_round;
use crate::tenant::Tenant;
use crate::{attempts, clock};

/// Pause after which the oldest records of all tenants are looked at again.
const EVERY: Duration = Duration::from_secs(600);
/// Rows of one transaction; each has another beside it.
const MAX_ROWS: usize = 300;

/// Removes old records of all tenants, one after the other, until the platform is gone.
pub(crate) fn keep_swept(shared: Weak<Shared>) {
    go_round(shared, EVERY, |tenant: Tenant| async move {
        let before = |age: u64| Timestamp(clock::now().0.saturating_sub(age));
        let (store, id) = (tenant.store(), tenant.id());
        if let Err(error) = sweep(store, id, before(limits::DECISION_RECORDS_KEPT_MS)).await {
            tracing::warn!(tenant = %id, %error, "old decision records are removed later");
        }
        if let Err(error) = attempts::sweep(store, id, before(limits::MAX_ATTEMPT_AGE_MS)).await {
            tracing::warn!(tenant = %id, %error, "old outbound attempts are removed later");
        }
    });
}

/// Removes what was recorded before a moment.
async fn sweep(store: &Store, tenant: &TenantId, before: Timestamp) -> Result<(), StoreError> {
    let ctx = OpContext::system(tenant.clone(), "recorder");
    let (oldest, newest) = (DecisionId::lowest_at(Timestamp(0)), DecisionId::lowest_at(before));
    loop {
        let old = Scan::range(oldest.as_bytes().as_slice(), newest.as_bytes().as_slice());
        let page = store.scan(&ctx, POINTS, old.limit(MAX_ROWS)).await?;
        if page.rows.is_empty() {
            return Ok(());
        }
        let tx = page.rows.into_iter().fold(Tx::new(), |tx, row| {
            let tx = match Place::read(&row) {
                Some(place) => tx.delete(DECISIONS, place.key),
                None => tx,
            };
            tx.delete(POINTS, row.key)
        });
        store.commit(&ctx, tx).await?;
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{record, tenant};
    use super::super::{Recorder, decisions_of};
    use super::*;

    #[tokio::test]
    async fn what_is_too_old_goes_and_the_rest_stays() {
        let store = Store::memory().unwrap();
        let recorder = Recorder::start(store.clone(), Default::default());
        for at in [1_000, 5_000, 9_000] {
            assert!(recorder.keep(&tenant(), record("queue:a", at).into()));
        }
        recorder.flush().await;
        sweep(&store, &tenant(), Timestamp(6_000)).await.unwrap();
        let ctx = OpContext::system(tenant(), "test");
        let left = decisions_of(&store, &ctx, &"queue:a".parse().unwrap(), 0, 10_000, 9).await;
        let left: Vec<_> = left.unwrap().iter().map(|record| record.at.0).collect();
        assert_eq!(left, [9_000]);
        let places = store.scan(&ctx, POINTS, Scan::all()).await.unwrap();
        assert_eq!(places.rows.len(), 1);
    }
}
