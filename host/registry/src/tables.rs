//! What is bound, in memory. Looking up is two atomic loads and never waits; a change copies the points of one tenant,
//! and a tenant's first change the list of its shard, so that neither costs more because there are many tenants.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::Arc;

use arc_swap::ArcSwap;
use jackfield_types::{ExtensionPoint, TenantId};

use crate::Bound;

/// Lists of tenants: with 100,000 of them each has about 100.
const SHARDS: usize = 1_024;

type Points = BTreeMap<ExtensionPoint, Arc<Bound>>;
type Shard = BTreeMap<TenantId, Arc<ArcSwap<Points>>>;

pub(crate) struct Tables(Box<[ArcSwap<Shard>]>);

impl Default for Tables {
    fn default() -> Self {
        Self((0..SHARDS).map(|_| ArcSwap::default()).collect())
    }
}

impl Tables {
    pub(crate) fn get(&self, tenant: &TenantId, point: &ExtensionPoint) -> Option<Arc<Bound>> {
        self.shard(tenant).load().get(tenant)?.load().get(point).cloned()
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
        let shard = self.shard(tenant);
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

    fn shard(&self, tenant: &TenantId) -> &ArcSwap<Shard> {
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(tenant);
        &self.0[(hash % SHARDS as u64) as usize]
    }
}
