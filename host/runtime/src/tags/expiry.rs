//! Tags end. From that moment no reader sees one; the sweep that comes by then takes it away and tells timeline and journal,
//! with the moment at which it ended.

use std::sync::{Arc, Weak};
use std::time::Duration;

use jackfield_contact::decision::TagChange;
use jackfield_contact::event::CustomerChange;
use jackfield_store::Scan;
use jackfield_types::{CustomerId, OpContext, Timestamp};

use super::work::TagWork;
use crate::clock;
use crate::customers::{CUSTOMERS, CustomerError, Happened, Ledger, TimelineEntry, tags_end_at};
use crate::platform::Shared;
use crate::rounds::go_round;
use crate::tenant::Tenant;

/// Pause after which the tags of all tenants are looked through again.
const EVERY: Duration = Duration::from_secs(15 * 60);
/// Who takes away what has ended.
const BY: &str = "expiry";

/// Looks through the tags of all tenants, and begins runs that are due, until the platform is gone.
pub(crate) fn keep_expired(shared: Weak<Shared>) {
    go_round(shared, EVERY, |tenant: Tenant| async move {
        if let Err(error) = tenant.expire_tags(clock::now()).await {
            tracing::warn!(tenant = %tenant.id(), %error, "tags that have ended are taken away later");
        }
        if let Err(error) = tenant.begin_due_tag_run(clock::now()).await {
            tracing::warn!(tenant = %tenant.id(), %error, "the run of tags that is due begins later");
        }
    });
}

/// In the loop: takes away what no longer holds of a customer and of all that count for it.
pub(super) async fn expire(
    ledger: &mut Ledger<'_>,
    now: Timestamp,
    root: &CustomerId,
) -> Result<(), CustomerError> {
    let mut ended: Vec<(Timestamp, Arc<str>)> = Vec::new();
    for id in ledger.group(root).await? {
        let Some(record) = ledger.record(&id).await? else {
            continue;
        };
        if record.personal.tags.iter().all(|tag| tag.holds(now)) {
            continue;
        }
        let Some(record) = ledger.change(&id).await? else {
            continue;
        };
        record.personal.tags.retain(|tag| match tag.expires_at {
            Some(at) if at <= now => {
                ended.push((at, tag.name.clone()));
                false
            }
            _ => true,
        });
    }
    if ended.is_empty() {
        return Ok(());
    }
    let by: Arc<str> = BY.into();
    let changed = ended.len() as u32;
    ended.sort();
    for (n, (at, name)) in ended.into_iter().enumerate() {
        let what = Happened::Tags {
            interaction: None,
            changes: vec![TagChange::Expire(name)],
            by: by.clone(),
            refused: Vec::new(),
            decision: None,
            occasion: Some(BY.into()),
        };
        ledger.tell(root, &format!("tag-end {n}"), &TimelineEntry { at, what })?;
    }
    let change = CustomerChange::Tagged {
        occasion: BY.into(),
        changed,
    };
    ledger.journal(root, change, &by);
    Ok(())
}

impl Tenant {
    /// Takes away the tags that have ended; of how many customers.
    ///
    /// # Errors
    /// When the store or the loop refuses; what is left is taken away the next time.
    pub async fn expire_tags(&self, now: Timestamp) -> Result<u64, CustomerError> {
        let ctx = OpContext::system(self.id().clone(), BY);
        let (mut done, mut cursor) = (0, None);
        loop {
            let scan = Scan::all().after(cursor);
            let page = self.store().scan(&ctx, CUSTOMERS, scan).await?;
            for row in page.rows {
                if tags_end_at(&row.value).is_none_or(|at| at > now) {
                    continue;
                }
                let id = std::str::from_utf8(&row.key)
                    .ok()
                    .and_then(|id| CustomerId::new(id).ok());
                let Some(id) = id else { continue };
                match self.tags_done(&ctx, id, TagWork::Expire).await {
                    Ok(_) => done += 1,
                    // Erased meanwhile.
                    Err(CustomerError::Unknown { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
            cursor = page.next;
            if cursor.is_none() {
                return Ok(done);
            }
        }
    }
}
