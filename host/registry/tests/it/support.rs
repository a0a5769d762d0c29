//! A registry with its sandbox, over a disk that outlives it.

use std::time::Duration;

use jackfield_registry::{BindRequest, BindingRecord, Registry, RegistryError};
use jackfield_sandbox::{Sandbox, SandboxOptions};
use jackfield_store::{FaultyDisk, Store};
use jackfield_types::{ExtensionPoint, Grants, OpContext, TenantId, Timestamp, Version};
use serde_json::json;
use tempfile::TempDir;

/// Longest wait for anything that must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
pub(crate) const NOW: Timestamp = Timestamp(1_800_000_000_000);

pub(crate) struct Site {
    pub(crate) registry: Registry,
    pub(crate) store: Store,
    pub(crate) ctx: OpContext,
    cache: TempDir,
}

pub(crate) fn of(tenant: &str) -> OpContext {
    OpContext::system(TenantId::new(tenant).unwrap(), "test")
}

pub(crate) fn point() -> ExtensionPoint {
    "tenant:outbound-rule".parse().unwrap()
}

pub(crate) fn version(text: &str) -> Version {
    text.parse().unwrap()
}

impl Site {
    /// What a process has after its start.
    pub(crate) async fn start(disk: &FaultyDisk) -> Self {
        let site = Self::new(disk, tempfile::tempdir().unwrap());
        site.registry.load_tenant(&site.ctx, NOW).await.unwrap();
        site
    }

    pub(crate) fn new(disk: &FaultyDisk, cache: TempDir) -> Self {
        let store = disk.open().unwrap();
        let options = SandboxOptions::new(cache.path().to_owned(), [1; 32]);
        let registry = Registry::new(store.clone(), Sandbox::new(options).unwrap(), Grants::ALL);
        Self {
            registry,
            store,
            ctx: of("acme"),
            cache,
        }
    }

    /// The process dies, and another one starts over what is on the disk.
    pub(crate) async fn restart(self, disk: &FaultyDisk) -> Self {
        self.restart_at(disk, NOW).await
    }

    pub(crate) async fn restart_at(self, disk: &FaultyDisk, now: Timestamp) -> Self {
        let Self {
            registry,
            store,
            cache,
            ..
        } = self;
        drop((registry, store));
        let site = Self::new(disk, cache);
        site.registry.load_tenant(&site.ctx, now).await.unwrap();
        site
    }

    pub(crate) async fn upload(&self, wasm: Vec<u8>) {
        self.registry.upload(&self.ctx, wasm, None, NOW).await.unwrap();
    }

    pub(crate) async fn bind(&self, plugin: &str, version: &str) -> Result<BindingRecord, RegistryError> {
        bind(&self.registry, &self.ctx, plugin, version).await
    }

    /// The version that decides.
    pub(crate) fn bound(&self) -> Option<String> {
        let bound = self.registry.bound(&self.ctx.tenant, &point())?;
        Some(bound.record.version.to_string())
    }

    /// Revisions, versions and reasons in the history, newest first.
    pub(crate) async fn history(&self) -> Vec<(u64, String, Option<String>)> {
        let history = self.registry.binding_history(&self.ctx, &point()).await.unwrap();
        let told = |entry: BindingRecord| (entry.revision, entry.version.to_string(), entry.why);
        history.into_iter().map(told).collect()
    }
}

pub(crate) async fn bind(
    registry: &Registry,
    ctx: &OpContext,
    plugin: &str,
    number: &str,
) -> Result<BindingRecord, RegistryError> {
    let request = BindRequest {
        point: point(),
        plugin: plugin.parse().unwrap(),
        version: Some(version(number)),
        config: json!({}),
        why: None,
        record_percent: None,
    };
    registry.bind(ctx, request, NOW).await
}

/// Asserts that nothing comes of it yet.
pub(crate) async fn pending<T: std::fmt::Debug>(future: impl Future<Output = T> + Unpin) {
    tokio::select! {
        biased;
        early = future => panic!("too early: {early:?}"),
        () = tokio::task::yield_now() => {}
    }
}
