//! Ceilings of plugin decisions that the operator lowered for a tenant, by kind. What is in force for a decision is the
//! lowest of the kind's, the manifest's and these.
//!
//! Errors: `Invalid` is the asker's to mend and changed nothing; `Store` means that it is unknown whether it is stored,
//! and that it does not hold before the next start.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use jackfield_sandbox::{Ceilings, RequestedLimits};
use jackfield_store::{Error as StoreError, Space, Store, Tx};
use jackfield_types::{PluginKind, TenantId};
use tokio::sync::Mutex;

use crate::tenant::Tenant;
use crate::{StartError, directory};

/// By tenant, in the platform's part of the store: they are the operator's.
const CEILINGS: Space = Space::new("tenant-ceilings");

/// Lowered ceilings by kind; a kind, or a field, that is not there has the ceiling of its kind.
pub type LoweredCeilings = BTreeMap<PluginKind, RequestedLimits>;

/// Why ceilings were not set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CeilingsError {
    /// A ceiling is none, or above that which components with a run time of their own have.
    #[error("{field} of {kind}: {found}: expected 1 to {most}, the highest ceiling of the kind")]
    Invalid {
        /// Of which kind.
        kind: PluginKind,
        /// `fuel`, `wall_ms` or `memory_bytes`.
        field: &'static str,
        /// What was asked for.
        found: u64,
        /// The highest ceiling of the kind.
        most: u64,
    },
    /// The store refuses.
    #[error("{0}")]
    Store(#[from] StoreError),
}

/// What holds for one tenant.
pub(crate) struct Lowered {
    now: ArcSwap<LoweredCeilings>,
    /// One change at a time, so that what holds is what is stored.
    changing: Mutex<()>,
}

impl Lowered {
    pub(crate) async fn load(store: &Store, tenant: &TenantId) -> Result<Self, StartError> {
        let row = store
            .get(&directory::platform(), CEILINGS, tenant.as_str().as_bytes())
            .await?;
        let lowered = row.map_or_else(
            || Ok(LoweredCeilings::new()),
            |row| serde_json::from_slice(&row.value),
        );
        let lowered = lowered.map_err(|error| StartError::Record {
            what: format!("the ceilings of tenant {tenant}"),
            error,
        })?;
        Ok(Self {
            now: ArcSwap::from_pointee(lowered),
            changing: Mutex::default(),
        })
    }

    /// For [`Env::budget`](jackfield_sandbox::Env::budget); `None`: those of the kind.
    pub(crate) fn of(&self, kind: PluginKind) -> Option<Ceilings> {
        let lowered = self.now.load();
        // What is not lowered is left to the plugin: components with a run time have more than their kind.
        lowered.get(&kind).map(|limits| Ceilings::NONE.limited(limits))
    }
}

fn check(kind: PluginKind, limits: &RequestedLimits) -> Result<(), CeilingsError> {
    // Those of components with a run time; for the others, what is above their own lowers nothing.
    let most = Ceilings::of(kind).with_run_time();
    for (field, wanted, most) in [
        ("fuel", limits.fuel, most.fuel),
        ("wall_ms", limits.wall_ms, most.wall_ms),
        ("memory_bytes", limits.memory_bytes, most.memory_bytes as u64),
    ] {
        if let Some(found) = wanted.filter(|wanted| !(1..=most).contains(wanted)) {
            return Err(CeilingsError::Invalid {
                kind,
                field,
                found,
                most,
            });
        }
    }
    Ok(())
}

impl Tenant {
    /// The ceilings that were lowered for the tenant.
    pub fn lowered_ceilings(&self) -> LoweredCeilings {
        (**self.inner.ceilings.now.load()).clone()
    }

    /// Sets the lowered ceilings, all of them; durable when it returns, and holds from the next decision on.
    ///
    /// # Errors
    /// When one is 0 or above the highest of its kind, and when the store refuses.
    pub async fn lower_ceilings(&self, lowered: LoweredCeilings) -> Result<(), CeilingsError> {
        for (kind, limits) in &lowered {
            check(*kind, limits)?;
        }
        let _one_at_a_time = self.inner.ceilings.changing.lock().await;
        let row = serde_json::to_vec(&lowered).unwrap_or_default();
        let tx = Tx::new().put(CEILINGS, self.id().as_str(), row);
        self.inner.shared.store.commit(&directory::platform(), tx).await?;
        self.inner.ceilings.now.store(Arc::new(lowered));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lowered_holds_for_components_with_and_without_a_run_time() {
        let kind = PluginKind::RoutingStrategy;
        let (plain, heavy) = (Ceilings::of(kind), Ceilings::of(kind).with_run_time());
        let in_force = |limits: RequestedLimits| {
            let lowered = Lowered {
                now: ArcSwap::from_pointee([(kind, limits)].into()),
                changing: Mutex::default(),
            };
            assert_eq!(lowered.of(PluginKind::VoiceFlow), None);
            let budget = lowered.of(kind);
            (plain.lowered(budget), heavy.lowered(budget))
        };
        let fuel = |fuel| RequestedLimits {
            fuel: Some(fuel),
            ..RequestedLimits::default()
        };
        let with = |ceilings, fuel| Ceilings { fuel, ..ceilings };
        // Between the two: it lowers the one, and leaves time and memory of both as they were.
        assert_eq!(in_force(fuel(30_000_000)), (plain, with(heavy, 30_000_000)));
        assert_eq!(in_force(fuel(5_000)), (with(plain, 5_000), with(heavy, 5_000)));
        assert_eq!(check(kind, &fuel(heavy.fuel)), Ok(()));
        let refused = check(kind, &fuel(heavy.fuel + 1)).unwrap_err().to_string();
        assert!(refused.contains("expected 1 to 100000000"), "{refused}");
    }
}
