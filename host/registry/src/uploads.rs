//! Whose upload is next: one at a time of each tenant, so that a tenant with many leaves a compiler to the others.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use jackfield_types::{TenantId, limits};
use tokio::sync::Semaphore;

use crate::RegistryError;

#[derive(Default)]
pub(crate) struct Uploads {
    tenants: Mutex<BTreeMap<TenantId, Arc<Turn>>>,
}

struct Turn {
    one: Semaphore,
    /// Who has or waits for it.
    there: AtomicUsize,
}

/// A tenant's turn to upload; over when dropped.
pub(crate) struct Uploading<'a> {
    uploads: &'a Uploads,
    tenant: TenantId,
    turn: Arc<Turn>,
}

impl Uploads {
    /// Waits for the uploads of the tenant that came before, then runs `upload`.
    pub(crate) async fn in_turn<T>(
        &self,
        tenant: &TenantId,
        upload: impl Future<Output = Result<T, RegistryError>>,
    ) -> Result<T, RegistryError> {
        let uploading = self.enter(tenant)?;
        // The semaphore is never closed.
        let _one = uploading.turn.one.acquire().await;
        upload.await
    }

    fn enter(&self, tenant: &TenantId) -> Result<Uploading<'_>, RegistryError> {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = tenants.entry(tenant.clone()).or_insert_with(|| {
            Arc::new(Turn {
                one: Semaphore::new(1),
                there: AtomicUsize::new(0),
            })
        });
        if turn.there.load(Ordering::Relaxed) > limits::MAX_WAITING_UPLOADS {
            let most = limits::MAX_WAITING_UPLOADS;
            return Err(RegistryError::Overloaded(format!(
                "{most} uploads of this tenant wait already: try again when they are through"
            )));
        }
        turn.there.fetch_add(1, Ordering::Relaxed);
        Ok(Uploading {
            uploads: self,
            tenant: tenant.clone(),
            turn: turn.clone(),
        })
    }
}

impl Drop for Uploading<'_> {
    fn drop(&mut self) {
        // Under the lock, as entering is, so that nobody enters a turn that is thrown away.
        let mut tenants = self
            .uploads
            .tenants
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if self.turn.there.fetch_sub(1, Ordering::Relaxed) == 1 {
            tenants.remove(&self.tenant);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_of_a_tenant_at_a_time_a_few_wait_and_one_more_is_told_so() {
        let uploads = Uploads::default();
        let (one, two) = (TenantId::new("one").unwrap(), TenantId::new("two").unwrap());
        let mut entered = Vec::new();
        for _ in 0..=limits::MAX_WAITING_UPLOADS {
            entered.push(uploads.enter(&one).unwrap_or_else(|error| panic!("{error}")));
        }
        let refused = uploads.in_turn(&one, async { Ok(()) }).await;
        assert_eq!(refused.unwrap_err().code(), "overloaded");
        uploads.in_turn(&two, async { Ok(()) }).await.unwrap();
        entered.clear();
        uploads.in_turn(&one, async { Ok(()) }).await.unwrap();
        assert!(uploads.tenants.lock().unwrap().is_empty());
    }
}
