//! What is old goes, by how personal it is: sensitive attributes first, then the customer.

use std::sync::Weak;
use std::time::Duration;

use jackfield_store::Scan;
use jackfield_types::{CustomerId, OpContext, Timestamp};

use super::row::Record;
use super::work::Work;
use super::{CUSTOMERS, CustomerError};
use crate::clock;
use crate::platform::Shared;
use crate::rounds::go_round;
use crate::tenant::Tenant;

/// Pause after which the customers of all tenants are looked through again.
const EVERY: Duration = Duration::from_secs(3_600);
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// Looks through the customers of all tenants until the platform is gone.
pub(crate) fn keep_retained(shared: Weak<Shared>) {
    go_round(shared, EVERY, |tenant: Tenant| async move {
        if let Err(error) = tenant.retain_customers(clock::now()).await {
            tracing::warn!(tenant = %tenant.id(), %error, "old customers are looked through later");
        }
    });
}

impl Tenant {
    /// Takes away what the tenant does not keep for so long after the last contact; how many customers it concerned. One who
    /// is in touch, or whose erasure has to wait for another, is looked at the next time.
    pub async fn retain_customers(&self, now: Timestamp) -> Result<u64, CustomerError> {
        let settings = self.customer_settings();
        let before =
            |days: Option<u32>| days.map(|days| Timestamp(now.0.saturating_sub(u64::from(days) * DAY_MS)));
        let (sensitive, personal) = (before(settings.sensitive_days), before(settings.personal_days));
        if sensitive.is_none() && personal.is_none() {
            return Ok(0);
        }
        let ctx = OpContext::system(self.id().clone(), "retention");
        let (mut done, mut cursor) = (0, None);
        loop {
            let page = self
                .store()
                .scan(&ctx, CUSTOMERS, Scan::all().after(cursor))
                .await?;
            for row in page.rows {
                let record = Record::decode(&self.inner.customers.keys, &row.value)?;
                if record.head.merged_into.is_some() {
                    continue;
                }
                done += u64::from(self.retain(&ctx, &record.head.id, sensitive, personal).await?);
            }
            cursor = page.next;
            if cursor.is_none() {
                return Ok(done);
            }
        }
    }

    async fn retain(
        &self,
        ctx: &OpContext,
        id: &CustomerId,
        sensitive: Option<Timestamp>,
        personal: Option<Timestamp>,
    ) -> Result<bool, CustomerError> {
        let group = self.group(ctx, id).await?;
        let Some(seen) = group.iter().map(|record| record.head.last_seen_at).max() else {
            return Ok(false);
        };
        if personal.is_some_and(|before| seen < before) {
            return match self.erase_customer(ctx, id).await {
                Ok(_) => Ok(true),
                Err(CustomerError::Conflict(_) | CustomerError::Submit(crate::SubmitError::Overloaded)) => {
                    Ok(false)
                }
                Err(error) => Err(error),
            };
        }
        let state = &self.inner.customers;
        let has_any = group
            .iter()
            .any(|record| record.personal.attributes.keys().any(|key| !state.is_open(key)));
        if !has_any || sensitive.is_none_or(|before| seen >= before) {
            return Ok(false);
        }
        self.order(ctx, Some(id.clone()), Work::ForgetSensitive).await?;
        Ok(true)
    }
}
