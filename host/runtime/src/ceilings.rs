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
    /// A ceiling is none, or above that of the kind.
    #[error("{field} of {kind}: {found}: expected 1 to {most}, the ceiling of the kind")]
    Invalid {
        /// Of which kind.
        kind: PluginKind,
        /// `fuel`, `wall_ms` or `memory_bytes`.
        field: &'static str,
        /// What was asked for.
        found: u64,
        /// The ceiling of the kind.
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
        lowered
            .get(&kind)
            .map(|limits| Ceilings::of(kind).limited(limits))
    }
}

fn check(kind: PluginKind, limits: &RequestedLimits) -> Result<(), CeilingsError> {
    let most = Ceilings::of(kind);
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
    /// When one is 0 or above that of its kind, and when the store refuses.
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
