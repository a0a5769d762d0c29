//! Places for requests, tenant by tenant: whoever floods finds none, and nobody else notices.
//!
//! A place is taken once the key is known and before anything of the body is read, and given back with the head of the
//! answer. Uploads are held in memory while they come in, so there are fewer places for them. The last eighth of all
//! places is for tenants that have hardly any, so that many who flood together leave some to the others.
//! What needs no key (health, metrics, documentation) needs no place; connections are limited.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jackfield_types::TenantId;
use jackfield_types::limits::{
    GUARANTEED_HTTP_REQUESTS, GUARANTEED_HTTP_UPLOADS, MAX_HTTP_REQUESTS, MAX_HTTP_UPLOADS,
    MAX_TENANT_HTTP_REQUESTS, MAX_TENANT_HTTP_UPLOADS,
};

use crate::error::Problem;

/// The places of a process. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Places(Arc<Mutex<Taken>>);

#[derive(Default)]
struct Taken {
    /// Only tenants that have some.
    by_tenant: BTreeMap<TenantId, Had>,
    requests: usize,
    uploads: usize,
}

#[derive(Default, Clone, Copy)]
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
        let had = taken.by_tenant.get(tenant).copied().unwrap_or_default();
        REQUESTS.fit(had.requests, taken.requests)?;
        if upload {
            UPLOADS.fit(had.uploads, taken.uploads)?;
        }
        taken.requests += 1;
        taken.uploads += usize::from(upload);
        let had = taken.by_tenant.entry(tenant.clone()).or_default();
        had.requests += 1;
        had.uploads += usize::from(upload);
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

/// How places of one sort are shared.
struct Share {
    what: &'static str,
    of_tenant: usize,
    of_all: usize,
    /// What every tenant may have while any place is left.
    guaranteed: usize,
}

const REQUESTS: Share = Share {
    what: "requests",
    of_tenant: MAX_TENANT_HTTP_REQUESTS,
    of_all: MAX_HTTP_REQUESTS,
    guaranteed: GUARANTEED_HTTP_REQUESTS,
};

const UPLOADS: Share = Share {
    what: "uploads",
    of_tenant: MAX_TENANT_HTTP_UPLOADS,
    of_all: MAX_HTTP_UPLOADS,
    guaranteed: GUARANTEED_HTTP_UPLOADS,
};

impl Share {
    /// Whether a tenant that has so many may have one more, when so many are taken in all.
    fn fit(&self, had: usize, taken: usize) -> Result<(), Problem> {
        let Self {
            what,
            of_tenant,
            of_all,
            guaranteed,
        } = self;
        if had >= *of_tenant {
            return Err(Problem::overloaded(format!(
                "{of_tenant} {what} of this tenant are under way; nothing was done, try again in a second"
            )));
        }
        if taken >= *of_all {
            return Err(Problem::unavailable(format!(
                "too many {what} are under way; nothing was done"
            )));
        }
        if taken >= of_all - of_all / 8 && had >= *guaranteed {
            return Err(Problem::overloaded(format!(
                "{taken} {what} of all tenants are under way, and the last places are for those that have fewer than \
                 {guaranteed}; nothing was done, try again in a second"
            )));
        }
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.requests -= 1;
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

        let uploads: Vec<_> = (0..MAX_HTTP_UPLOADS)
            .map(|n| places.take(&tenant(n), true).unwrap())
            .collect();
        let status = |n, upload| {
            places
                .take(&tenant(n), upload)
                .err()
                .map(|problem| problem.status)
        };
        assert_eq!((status(0, true), status(99, true)), (Some(503), Some(503)));
        assert_eq!((status(0, false), status(99, false)), (None, None));
        drop(uploads);
        let taken = places.taken();
        assert!(taken.by_tenant.is_empty() && taken.uploads == 0 && taken.requests == 0);
    }

    #[test]
    fn many_who_flood_leave_places_to_those_who_do_not() {
        for (share, upload) in [(REQUESTS, false), (UPLOADS, true)] {
            let places = Places::default();
            let mut held = Vec::new();
            for n in 0..share.of_all {
                held.extend(places.take(&tenant(n / share.of_tenant), upload));
            }
            let status = |n| {
                places
                    .take(&tenant(n), upload)
                    .err()
                    .map(|problem| problem.status)
            };
            assert_eq!(status(0), Some(429));
            for n in 0..share.of_all / 8 / share.guaranteed - 2 {
                for _ in 0..share.guaranteed {
                    held.push(places.take(&tenant(100 + n), upload).unwrap());
                }
                assert_eq!(status(100 + n), Some(429), "it has what is guaranteed");
            }
            // Whoever flooded has to wait until there are enough for all again.
            held.drain(..share.guaranteed);
            assert_eq!(status(1), Some(429));
        }
    }
}
