//! Places for requests, tenant by tenant: whoever floods finds none, and nobody else notices.
//!
//! A place is taken once the key is known and before anything of the body is read, and given back with the head of the
//! answer. Uploads are held in memory while they come in, so there are fewer places for them. The last eighth of all
//! places is for tenants that have hardly any, so that many who flood together leave some to the others.
//!
//! Visitors of chat windows have places of their own, by the tenant whose window it is, as have providers and customers who
//! follow a link. One address has few of them, so that somebody who sends half a request many times takes nobody else's.
//! What needs neither (health, metrics, documentation) needs no place; connections are limited.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Body;
use axum::extract::{Extension, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use jackfield_types::TenantId;
use jackfield_types::limits::{
    GUARANTEED_HTTP_REQUESTS, GUARANTEED_HTTP_UPLOADS, GUARANTEED_HTTP_VISITS, MAX_ADDRESS_HTTP_VISITS,
    MAX_BODY_BYTES, MAX_HTTP_REQUESTS, MAX_HTTP_UPLOADS, MAX_HTTP_VISITS, MAX_TENANT_HTTP_REQUESTS,
    MAX_TENANT_HTTP_UPLOADS, MAX_TENANT_HTTP_VISITS,
};

use crate::App;
use crate::chat::flood::address_of;
use crate::error::Problem;
use crate::handler::visit::Peer;
use crate::idempotency::read_body;

/// The places of a process. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Places(Arc<Mutex<Taken>>);

#[derive(Default)]
struct Taken {
    /// Only tenants that have some.
    by_tenant: BTreeMap<TenantId, Had>,
    /// Visits, of addresses that have some.
    by_address: BTreeMap<IpAddr, usize>,
    all: Had,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
struct Had {
    requests: usize,
    uploads: usize,
    visits: usize,
}

/// What a place is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Request,
    Upload,
    /// From an address.
    Visit(IpAddr),
}

impl Had {
    fn change(&mut self, place: Use, change: impl Fn(&mut usize)) {
        match place {
            Use::Request => change(&mut self.requests),
            // An upload is a request, too.
            Use::Upload => {
                change(&mut self.requests);
                change(&mut self.uploads);
            }
            Use::Visit(_) => change(&mut self.visits),
        }
    }
}

/// A place; free again when it is dropped.
pub(crate) struct Place {
    places: Places,
    tenant: TenantId,
    place: Use,
}

impl Places {
    /// A place for a request of a tenant.
    pub(crate) fn take(&self, tenant: &TenantId, upload: bool) -> Result<Place, Problem> {
        self.take_for(tenant, if upload { Use::Upload } else { Use::Request })
    }

    fn take_for(&self, tenant: &TenantId, place: Use) -> Result<Place, Problem> {
        let mut taken = self.taken();
        let (all, had) = (
            taken.all,
            taken.by_tenant.get(tenant).copied().unwrap_or_default(),
        );
        if let Use::Visit(address) = place {
            let had_there = taken.by_address.get(&address).copied().unwrap_or_default();
            if had_there >= MAX_ADDRESS_HTTP_VISITS {
                return Err(Problem::overloaded(format!(
                    "{MAX_ADDRESS_HTTP_VISITS} requests from this address are under way; nothing was done, try again in a \
                     second"
                )));
            }
            VISITS.fit(had.visits, all.visits)?;
        } else {
            REQUESTS.fit(had.requests, all.requests)?;
        }
        if place == Use::Upload {
            UPLOADS.fit(had.uploads, all.uploads)?;
        }
        if let Use::Visit(address) = place {
            *taken.by_address.entry(address).or_default() += 1;
        }
        let had = taken.by_tenant.entry(tenant.clone()).or_default();
        had.change(place, |places| *places += 1);
        taken.all.change(place, |places| *places += 1);
        Ok(Place {
            places: self.clone(),
            tenant: tenant.clone(),
            place,
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

const VISITS: Share = Share {
    what: "requests of visitors",
    of_tenant: MAX_TENANT_HTTP_VISITS,
    of_all: MAX_HTTP_VISITS,
    guaranteed: GUARANTEED_HTTP_VISITS,
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
        taken.all.change(self.place, |places| *places -= 1);
        if let Use::Visit(address) = self.place
            && let Some(places) = taken.by_address.get_mut(&address)
        {
            *places -= 1;
            if *places == 0 {
                taken.by_address.remove(&address);
            }
        }
        let Some(had) = taken.by_tenant.get_mut(&self.tenant) else {
            return;
        };
        had.change(self.place, |places| *places -= 1);
        if *had == Had::default() {
            taken.by_tenant.remove(&self.tenant);
        }
    }
}

/// Around the routes `/chat/TENANT/…`, `/channels/TENANT/…` and those of links: a place of the tenant's visitors, and the body in
/// time, unless the handler takes it piece by piece.
pub(crate) async fn visit(
    State((app, streamed)): State<(App, bool)>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let mut path = request.uri().path().split('/').skip(1);
    let (sort, named) = (path.next().unwrap_or_default(), path.next().unwrap_or_default());
    let known = TenantId::new(named)
        .ok()
        .filter(|tenant| app.platform.tenant(tenant).is_some());
    let tenant = known.ok_or_else(|| {
        let (what, thing) = match sort {
            "chat" => ("chat entry", path.next()),
            "channels" => ("channel", path.next()),
            // The rest is a secret.
            _ => ("link", None),
        };
        Problem::not_found(what, format!("{named:.64}/{:.64}", thing.unwrap_or("…")))
    })?;
    let peer = request.extensions().get::<Peer>().copied().map(Extension);
    let _place = app.places.take_for(&tenant, Use::Visit(address_of(peer)))?;
    if streamed {
        return Ok(next.run(request).await);
    }
    let (parts, body) = request.into_parts();
    let body = read_body(MAX_BODY_BYTES, &parts, body).await?;
    Ok(next.run(Request::from_parts(parts, Body::from(body))).await)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(n: usize) -> TenantId {
        TenantId::new(&format!("t{n}")).unwrap()
    }

    fn address(n: usize) -> IpAddr {
        IpAddr::V4((n as u32).into())
    }

    #[test]
    fn an_address_has_few_places_at_whomever() {
        let places = Places::default();
        let visit = |n, from| places.take_for(&tenant(n), Use::Visit(address(from)));
        let held: Vec<_> = (0..MAX_ADDRESS_HTTP_VISITS)
            .map(|n| visit(n % 3, 1).unwrap())
            .collect();
        let told = visit(7, 1).err().unwrap();
        assert_eq!(told.status, 429);
        assert!(told.detail.contains("from this address"), "{told:?}");
        assert!(visit(0, 2).is_ok());
        drop(held);
        assert!(visit(7, 1).is_ok());
        let taken = places.taken();
        assert!(taken.by_address.is_empty() && taken.by_tenant.is_empty());
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
        assert!(taken.by_tenant.is_empty() && taken.all == Had::default());
    }

    #[test]
    fn many_who_flood_leave_places_to_those_who_do_not() {
        // Every visitor from another address.
        type Sort = (Share, fn(usize) -> Use);
        let sorts: [Sort; 3] = [
            (REQUESTS, |_| Use::Request),
            (UPLOADS, |_| Use::Upload),
            (VISITS, |n| Use::Visit(address(n))),
        ];
        for (share, place) in sorts {
            let places = Places::default();
            let mut held = Vec::new();
            for n in 0..share.of_all {
                held.extend(places.take_for(&tenant(n / share.of_tenant), place(n)));
            }
            let status = |n| {
                places
                    .take_for(&tenant(n), place(usize::MAX))
                    .err()
                    .map(|problem| problem.status)
            };
            assert_eq!(status(0), Some(429));
            for n in 0..share.of_all / 8 / share.guaranteed - 2 {
                for _ in 0..share.guaranteed {
                    let here = place(share.of_all + held.len());
                    held.push(places.take_for(&tenant(100 + n), here).unwrap());
                }
                assert_eq!(status(100 + n), Some(429), "it has what is guaranteed");
            }
            // Whoever flooded has to wait until there are enough for all again.
            held.drain(..share.guaranteed);
            assert_eq!(status(1), Some(429));
        }
    }
}
