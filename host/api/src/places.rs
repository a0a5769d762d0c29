//! Places for requests, tenant by tenant: whoever floods finds none, and nobody else notices.
//!
//! A place is taken once the key is known and before anything of the body is read, and given back with the head of the
//! answer. Uploads are held in memory while they come in, so there are fewer places for them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jackfield_types::TenantId;
use jackfield_types::limits::{MAX_HTTP_UPLOADS, MAX_TENANT_HTTP_REQUESTS, MAX_TENANT_HTTP_UPLOADS};

use crate::error::Problem;

/// The places of a process. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Places(Arc<Mutex<Taken>>);

#[derive(Default)]
struct Taken {
    /// Only tenants that have some.
    by_tenant: BTreeMap<TenantId, Had>,
    uploads: usize,
}

#[derive(Default)]
struct Had {
    requests: usize,
    uploads: usize,
}

/// A place; free again when it is dropped.
pub(crate) struct Place {
    places: Places,
    tenant: TenantId,
    upload: bool,
}

impl Places {
    /// A place for a request of a tenant.
    pub(crate) fn take(&self, tenant: &TenantId, upload: bool) -> Result<Place, Problem> {
        let mut taken = self.taken();
        let all_uploads = taken.uploads;
        let had = taken.by_tenant.entry(tenant.clone()).or_default();
        if had.requests >= MAX_TENANT_HTTP_REQUESTS {
            return Err(Problem::overloaded(format!(
                "{MAX_TENANT_HTTP_REQUESTS} requests of this tenant are under way; nothing was done, try again in a second"
            )));
        }
        if upload && had.uploads >= MAX_TENANT_HTTP_UPLOADS {
            return Err(Problem::overloaded(format!(
                "{MAX_TENANT_HTTP_UPLOADS} uploads of this tenant are under way; nothing was done, try again in a second"
            )));
        }
        if upload && all_uploads >= MAX_HTTP_UPLOADS {
            // An entry without any place would stay.
            if had.requests == 0 {
                taken.by_tenant.remove(tenant);
            }
            return Err(Problem::unavailable(
                "too many uploads are under way; nothing was done",
            ));
        }
        had.requests += 1;
        had.uploads += usize::from(upload);
        taken.uploads += usize::from(upload);
        Ok(Place {
            places: self.clone(),
            tenant: tenant.clone(),
            upload,
        })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.uploads -= usize::from(self.upload);
        let Some(had) = taken.by_tenant.get_mut(&self.tenant) else {
            return;
        };
        had.requests -= 1;
        had.uploads -= usize::from(self.upload);
        if had.requests == 0 {
            taken.by_tenant.remove(&self.tenant);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(n: usize) -> TenantId {
        TenantId::new(&format!("t{n}")).unwrap()
    }

    #[test]
    fn places_come_back_and_nothing_stays_behind() {
        let places = Places::default();
        let held: Vec<_> = (0..MAX_TENANT_HTTP_REQUESTS)
            .map(|_| places.take(&tenant(0), false).unwrap())
            .collect();
        assert!(places.take(&tenant(0), false).is_err());
        assert!(places.take(&tenant(1), true).is_ok());
        drop(held);
        assert!(places.taken().by_tenant.is_empty());

        let of_each = MAX_TENANT_HTTP_UPLOADS;
        let mut uploads = Vec::new();
        for n in 0..MAX_HTTP_UPLOADS {
            uploads.push(places.take(&tenant(n / of_each), true).unwrap());
        }
        let status = |n, upload| {
            places
                .take(&tenant(n), upload)
                .err()
                .map(|problem| problem.status)
        };
        assert_eq!(status(0, true), Some(429));
        assert_eq!(status(99, true), Some(503));
        assert_eq!((status(0, false), status(99, false)), (None, None));
        drop(uploads);
        let taken = places.taken();
        assert!(taken.by_tenant.is_empty() && taken.uploads == 0);
    }
}
