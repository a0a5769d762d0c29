//! Plugin artifacts and bindings of a tenant (floor 3).
//!
//! Versions of a plugin are immutable: the component lies in the blob store under its digest, a row names it.
//! A binding plugs one version with a configuration into an extension point. Looking a binding up is two
//! atomic loads, so a swap never makes a decision wait, and a decision under way keeps what it began with.

#![forbid(unsafe_code)]

mod bindings;
mod error;
mod grants;
mod plugins;
mod record;
pub mod rollout;
mod rollouts;
mod schema;
mod seen;
mod tables;
mod trust;
mod uploads;
mod yank;

pub use error::RegistryError;
pub use grants::{GrantPolicy, GrantRecord, Granted, PluginPolicy, UnsignedPolicy};
pub use record::{
    BindRequest, BindingRecord, Bound, Candidate, Move, PluginRecord, RolloutRecord, RolloutRequest, Yank,
};
pub use rollouts::Started;
pub use schema::{check_config, check_schema};
pub use seen::{Seen, evidence};
pub use trust::{InvalidKey, PluginSignature, PublicKey, PublisherKey, SignedBy, TrustedKey, signed_text};

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use jackfield_sandbox::{Plugin, Sandbox};
use jackfield_store::{Space, Store};
use jackfield_types::{Digest, ExtensionPoint, Grants, OpContext, TenantId, limits};

const PLUGINS: Space = Space::new("plugins");
const BINDINGS: Space = Space::new("bindings");
const BINDING_HISTORY: Space = Space::new("binding-history");

type UnderWay = BTreeMap<(TenantId, ExtensionPoint), Arc<Candidate>>;

/// The plugins and bindings of all tenants. Cheap to clone.
#[derive(Clone)]
pub struct Registry {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    sandbox: Sandbox,
    /// One loaded plugin per digest, shared by all tenants that bind it; gone with its last binding.
    loaded: Mutex<BTreeMap<Digest, Weak<Plugin>>>,
    bound: tables::Tables,
    /// Rollouts that are under way.
    under_way: Mutex<UnderWay>,
    /// What is bound in the store and could not be loaded at the start.
    left_out: Mutex<BTreeSet<(TenantId, ExtensionPoint)>>,
    uploads: uploads::Uploads,
    granted: grants::GrantTable,
    ceiling: Grants,
}

impl Registry {
    /// A registry over a store, in which no plugin has more than `ceiling`. Bindings are not loaded before
    /// [`Registry::load_tenant`].
    pub fn new(store: Store, sandbox: Sandbox, ceiling: Grants) -> Self {
        let inner = Inner {
            store,
            sandbox,
            loaded: Mutex::default(),
            bound: tables::Tables::default(),
            under_way: Mutex::default(),
            left_out: Mutex::default(),
            uploads: uploads::Uploads::default(),
            granted: grants::GrantTable::default(),
            ceiling,
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// What is bound at a point. Two atomic loads, whatever the number of tenants.
    pub fn bound(&self, tenant: &TenantId, point: &ExtensionPoint) -> Option<Arc<Bound>> {
        self.inner.bound.get(tenant, point)
    }

    /// Whether something is bound at a point, even when it could not be loaded at the start: then [`Registry::bound`] has
    /// nothing, and whoever fails closed must not take that for an empty point.
    pub fn is_taken(&self, tenant: &TenantId, point: &ExtensionPoint) -> bool {
        self.bound(tenant, point).is_some() || self.left_out().contains(&(tenant.clone(), point.clone()))
    }

    fn under_way(&self) -> MutexGuard<'_, UnderWay> {
        self.inner
            .under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn left_out(&self) -> MutexGuard<'_, BTreeSet<(TenantId, ExtensionPoint)>> {
        self.inner.left_out.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The plugin of a digest out of the tenant's blobs.
    async fn loaded(&self, ctx: &OpContext, digest: Digest) -> Result<Arc<Plugin>, RegistryError> {
        if let Some(plugin) = self.known(&digest) {
            return Ok(plugin);
        }
        let most = limits::MAX_COMPONENT_BYTES as u64;
        let wasm = self.inner.store.blobs().get(ctx, digest, most).await?;
        let wasm =
            wasm.ok_or_else(|| RegistryError::Unavailable(format!("component {digest} is missing")))?;
        self.load(digest, wasm.into()).await
    }

    /// What is loaded already, for whichever tenant: the same bytes are the same plugin.
    fn known(&self, digest: &Digest) -> Option<Arc<Plugin>> {
        let loaded = self.inner.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        loaded.get(digest).and_then(Weak::upgrade)
    }

    /// Takes what is loaded or cached, or checks and compiles it; on a blocking thread.
    async fn load(&self, digest: Digest, wasm: Arc<[u8]>) -> Result<Arc<Plugin>, RegistryError> {
        if let Some(plugin) = self.known(&digest) {
            return Ok(plugin);
        }
        let sandbox = self.inner.sandbox.clone();
        let plugin = tokio::task::spawn_blocking(move || sandbox.load(&wasm))
            .await
            .map_err(|error| RegistryError::Unavailable(format!("compiling {digest}: {error}")))??;
        let plugin = Arc::new(plugin);
        let mut loaded = self.inner.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        loaded.retain(|_, plugin| plugin.strong_count() > 0);
        loaded.insert(digest, Arc::downgrade(&plugin));
        Ok(plugin)
    }
}
