//! What is due of cases, done when its moment comes: one task a tenant, which sleeps until then and is woken by changes.

use std::time::Duration;

use jackfield_store::Scan;
use jackfield_types::{CaseId, OpContext, Timestamp};

use super::CASE_DUE;
use super::work::CaseWork;
use crate::clock;
use crate::customers::CustomerError;
use crate::tenant::Tenant;

/// It looks again after so long in any case, since the wall clock may be set, and a sleep does not notice.
const LONGEST_SLEEP: Duration = Duration::from_secs(600);
/// After a refusal of the store or a full inbox.
const PAUSE: Duration = Duration::from_secs(1);

/// After what is due of one case can't be done.
const AGAIN_MS: u64 = 60_000;

/// Does what is due of a tenant's cases, until the tenant's loop is gone.
pub(crate) fn keep_due(tenant: Tenant) {
    tokio::spawn(async move {
        let ctx = OpContext::system(tenant.id().clone(), "cases");
        loop {
            let sleep = match tenant.cases_due(&ctx, clock::now()).await {
                Ok(None) => LONGEST_SLEEP,
                Ok(Some(next)) => Duration::from_millis(next.since(clock::now())).min(LONGEST_SLEEP),
                Err(error) => {
                    tracing::warn!(tenant = %tenant.id(), %error, "what is due of cases is done later");
                    PAUSE
                }
            };
            tokio::select! {
                () = tenant.inner.inbox.closed() => return,
                () = tenant.inner.cases.changed.notified() => {}
                () = tokio::time::sleep(sleep) => {}
            }
        }
    });
}

impl Tenant {
    /// Does what is due of cases by now; when the next thing is. A case of which it can't be done delays no other.
    async fn cases_due(&self, ctx: &OpContext, now: Timestamp) -> Result<Option<Timestamp>, CustomerError> {
        let (mut cursor, mut again) = (None, None);
        loop {
            let scan = Scan::all().after(cursor).limit(100);
            let page = self.store().scan(ctx, CASE_DUE, scan).await?;
            for row in &page.rows {
                let Some((at, case)) = due_of(&row.key) else {
                    continue;
                };
                if at > now {
                    return Ok(Some(again.map_or(at, |again: Timestamp| again.min(at))));
                }
                match self.case_order(ctx, CaseWork::Due(case, at)).await {
                    Err(CustomerError::Conflict(why)) => {
                        tracing::warn!(tenant = %self.id(), %case, why, "what is due of a case is tried again later");
                        again = Some(now + AGAIN_MS);
                    }
                    done => drop(done?),
                }
            }
            cursor = page.next;
            if cursor.is_none() {
                return Ok(again);
            }
        }
    }
}

/// When something is due, and of which case.
fn due_of(key: &[u8]) -> Option<(Timestamp, CaseId)> {
    let (at, case) = std::str::from_utf8(key).ok()?.split_once(' ')?;
    Some((Timestamp(at.parse().ok()?), case.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::super::case::due_key;
    use super::*;

    #[test]
    fn rows_sort_by_time_and_say_what_they_are_about() {
        let case: CaseId = "019b76da-0000-7000-8000-000000000000".parse().unwrap();
        let (early, late) = (due_key(Timestamp(9), case), due_key(Timestamp(10), case));
        assert!(early < late);
        assert_eq!(due_of(early.as_bytes()), Some((Timestamp(9), case)));
        assert_eq!(due_of(b"nonsense"), None);
    }
}
