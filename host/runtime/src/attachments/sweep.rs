//! What goes again: attachments that were never sent, and those of customers who are erased.

use std::sync::Weak;
use std::time::Duration;

use jackfield_store::{Error as StoreError, Scan, Tx};
use jackfield_types::{AttachmentId, OpContext, Timestamp, limits};

use super::{ATTACHMENTS, Row, UNSENT, link};
use crate::clock;
use crate::platform::Shared;
use crate::rounds::go_round;
use crate::tenant::Tenant;

/// Pause after which the uploads of all tenants are looked through again.
const EVERY: Duration = Duration::from_secs(600);
/// For so long an attachment is still there after it could be sent for the last time: longer than any request takes.
const GRACE_MS: u64 = 60 * 60 * 1_000;

/// Looks through the uploads of all tenants until the platform is gone.
pub(crate) fn keep_unsent_swept(shared: Weak<Shared>) {
    go_round(shared, EVERY, |tenant: Tenant| async move {
        if let Err(error) = tenant.sweep_unsent(clock::now()).await {
            tracing::warn!(tenant = %tenant.id(), %error, "attachments that were never sent are removed later");
        }
    });
}

impl Tenant {
    /// Removes attachments that no message has carried within [`limits::MAX_UNSENT_ATTACHMENT_MS`], an hour after that; how
    /// many.
    ///
    /// # Errors
    /// When the store refuses; the rest is removed the next time.
    pub async fn sweep_unsent(&self, now: Timestamp) -> Result<u64, StoreError> {
        let ctx = OpContext::system(self.id().clone(), "attachments");
        let kept = limits::MAX_UNSENT_ATTACHMENT_MS + GRACE_MS;
        let to = AttachmentId::lowest_at(Timestamp(now.0.saturating_sub(kept))).to_string();
        let mut removed = 0;
        loop {
            let page = self
                .store()
                .scan(&ctx, UNSENT, Scan::range("", to.clone()).limit(100))
                .await?;
            if page.rows.is_empty() {
                return Ok(removed);
            }
            for unsent in page.rows {
                let id = String::from_utf8_lossy(&unsent.key).into_owned();
                let interaction = String::from_utf8_lossy(&unsent.value).into_owned();
                let key = format!("{interaction} {id}");
                if let Some(found) = self.store().get(&ctx, ATTACHMENTS, key.as_bytes()).await? {
                    let row: Row = self.opener(&ctx).open(&found.value).await?;
                    self.forget_attachment(&ctx, &interaction, &row).await?;
                    removed += 1;
                } else {
                    self.store().commit(&ctx, Tx::new().delete(UNSENT, id)).await?;
                }
            }
        }
    }

    /// Removes all attachments of an interaction; how many.
    pub(crate) async fn forget_attachments(
        &self,
        ctx: &OpContext,
        interaction: &str,
    ) -> Result<u64, StoreError> {
        let mut removed = 0;
        loop {
            let scan = Scan::prefix(format!("{interaction} ")).limit(100);
            let page = self.store().scan(ctx, ATTACHMENTS, scan).await?;
            if page.rows.is_empty() {
                return Ok(removed);
            }
            for found in page.rows {
                let row: Row = self.opener(ctx).open(&found.value).await?;
                self.forget_attachment(ctx, interaction, &row).await?;
                removed += 1;
            }
        }
    }

    /// Its bytes first: a row without them is found again, bytes without a row would not be.
    pub(super) async fn forget_attachment(
        &self,
        ctx: &OpContext,
        interaction: &str,
        row: &Row,
    ) -> Result<(), StoreError> {
        self.store().blobs().delete(ctx, row.blob).await?;
        let tx = Tx::new()
            .delete(ATTACHMENTS, format!("{interaction} {}", row.id))
            .delete(UNSENT, row.id.to_string());
        let tx = link::forget(&self.inner.customers.keys, row.id, tx);
        self.store().commit(ctx, tx).await?;
        Ok(())
    }
}
