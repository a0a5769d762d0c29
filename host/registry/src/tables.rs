//! What is bound, in memory. Looking up is two atomic loads and never waits; a change copies the points of one tenant,
//! and a tenant's first change the list of its shard, so that neither costs more because there are many tenants.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::Arc;

use arc_swap::ArcSwap;
use jackfield_types::{ExtensionPoint, TenantId};
use tokio::sync::{Mutex, MutexGuard};

use crate::Bound;

/// Lists of tenants: with 100,000 of them each has about 100.
const SHARDS: usize = 1_024;

type Points = BTreeMap<ExtensionPoint, Arc<Bound>>;
type Shard = BTreeMap<TenantId, Arc<ArcSwap<Points>>>;

#[derive(Default)]
struct Slot {
    tenants: ArcSwap<Shard>,
    changing: Mutex<()>,
}

pub(crate) struct Tables(Box<[Slot]>);

impl Default for Tables {
    fn default() -> Self {
        Self((0..SHARDS).map(|_| Slot::default()).collect())
    }
}

impl Tables {
    pub(crate) fn get(&self, tenant: &TenantId, point: &ExtensionPoint) -> Option<Arc<Bound>> {
        let tenants = self.slot(tenant).tenants.load();
        tenants.get(tenant)?.load().get(point).cloned()
    }

    /// Held by whoever changes something of a tenant, so that table and store agree. A tenant waits for itself, and
    /// hardly ever for another.
    pub(crate) async fn changing(&self, tenant: &TenantId) -> MutexGuard<'_, ()> {
        self.slot(tenant).changing.lock().await
    }

    pub(crate) fn put(&self, tenant: &TenantId, bound: &Arc<Bound>) {
        self.change(tenant, |points| {
            points.insert(bound.record.point.clone(), bound.clone());
        });
    }

    pub(crate) fn remove(&self, tenant: &TenantId, point: &ExtensionPoint) {
        self.change(tenant, |points| {
            points.remove(point);
        });
    }

    fn change(&self, tenant: &TenantId, change: impl Fn(&mut Points)) {
        self.of(tenant).rcu(|points| {
            let mut points = Points::clone(points);
            change(&mut points);
            points
        });
    }

    /// A tenant's table, which stays for good once it is there.
    fn of(&self, tenant: &TenantId) -> Arc<ArcSwap<Points>> {
        let shard = &self.slot(tenant).tenants;
        loop {
            if let Some(points) = shard.load().get(tenant) {
                return points.clone();
            }
            shard.rcu(|known| {
                let mut known = Shard::clone(known);
                known.entry(tenant.clone()).or_default();
                known
            });
        }
    }

    fn slot(&self, tenant: &TenantId) -> &Slot {
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(tenant);
        &self.0[(hash % SHARDS as u64) as usize]
    }
}
