//! How many windows are connected: whoever opens many finds no place, and nobody else notices.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jackfield_types::TenantId;
use jackfield_types::limits::{MAX_ADDRESS_SOCKETS, MAX_CHAT_SOCKETS, MAX_TENANT_SOCKETS};

use crate::error::Problem;

/// The sockets of a process. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Sockets(Arc<Mutex<Open>>);

#[derive(Default)]
struct Open {
    all: usize,
    /// Only those that have some.
    by_address: BTreeMap<IpAddr, usize>,
    by_tenant: BTreeMap<TenantId, usize>,
}

/// A place for a socket; free again when it is dropped.
pub(crate) struct Place {
    sockets: Sockets,
    address: IpAddr,
    tenant: TenantId,
}

impl Sockets {
    /// A place for a socket from an address to a tenant.
    ///
    /// # Errors
    /// 429 when the address, or the tenant, has as many as it may have; 503 when there is none for anybody.
    pub(crate) fn take(&self, address: IpAddr, tenant: &TenantId) -> Result<Place, Problem> {
        let mut open = self.open();
        if open.all >= MAX_CHAT_SOCKETS {
            return Err(Problem::unavailable("all places for chat windows are taken"));
        }
        let from = open.by_address.get(&address).copied().unwrap_or_default();
        let to = open.by_tenant.get(tenant).copied().unwrap_or_default();
        if from >= MAX_ADDRESS_SOCKETS || to >= MAX_TENANT_SOCKETS {
            return Err(Problem::overloaded(
                "too many chat windows are connected from here, or to this tenant; use plain requests, or wait",
            ));
        }
        open.all += 1;
        open.by_address.insert(address, from + 1);
        open.by_tenant.insert(tenant.clone(), to + 1);
        Ok(Place {
            sockets: self.clone(),
            address,
            tenant: tenant.clone(),
        })
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.sockets.open();
        open.all -= 1;
        one_less(&mut open.by_address, &self.address);
        one_less(&mut open.by_tenant, &self.tenant);
    }
}

fn one_less<K: Ord>(counts: &mut BTreeMap<K, usize>, of: &K) {
    if let Some(count) = counts.get_mut(of) {
        *count -= 1;
        if *count == 0 {
            counts.remove(of);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_many_gets_no_more_and_the_others_do() {
        let sockets = Sockets::default();
        let address = |n: u32| IpAddr::from(n.to_be_bytes());
        let tenant = |name: &str| TenantId::new(name).unwrap();
        let mut held: Vec<_> = (0..MAX_ADDRESS_SOCKETS)
            .map(|_| sockets.take(address(1), &tenant("one")).unwrap())
            .collect();
        let refused = sockets.take(address(1), &tenant("two"));
        assert_eq!(refused.err().unwrap().status().as_u16(), 429);
        for n in held.len()..MAX_TENANT_SOCKETS {
            let from = address(2 + (n / MAX_ADDRESS_SOCKETS) as u32);
            held.push(sockets.take(from, &tenant("one")).unwrap());
        }
        assert!(sockets.take(address(1_000), &tenant("one")).is_err());
        sockets.take(address(1_000), &tenant("two")).unwrap();
        held.clear();
        let open = sockets.open();
        assert_eq!((open.all, open.by_address.len(), open.by_tenant.len()), (0, 0, 0));
    }
}
