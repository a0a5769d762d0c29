//! What a tenant lets its plugins have. Effective is what the manifest asks for ∩ what the tenant grants ∩ what the
//! platform allows at most; the sandbox takes care of the first.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use jackfield_store::{Space, Tx};
use jackfield_types::{Grants, OpContext, PluginId, TenantId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::record::check_why;
use crate::{Registry, RegistryError};

const POLICY: Space = Space::new("plugin-policy");
const POLICY_KEY: &str = "policy";
const GRANTS: Space = Space::new("plugin-grants");

/// What a tenant decides about all its plugins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PluginPolicy {
    /// What a plugin gets for which nothing is listed.
    pub grants: GrantPolicy,
    /// What becomes of versions that no trusted key has signed.
    pub unsigned: UnsignedPolicy,
}

/// What a plugin gets for which nothing is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GrantPolicy {
    /// What its manifest asks for.
    Requested,
    /// Nothing.
    Listed,
}

/// What becomes of versions that no trusted key has signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnsignedPolicy {
    /// They can be uploaded and bound.
    Allowed,
    /// They can't be uploaded, nor bound anew.
    Refused,
}

impl PluginPolicy {
    /// What a tenant begins with that is made through the HTTP interface: signed versions only.
    pub const STRICT: Self = Self {
        grants: GrantPolicy::Requested,
        unsigned: UnsignedPolicy::Refused,
    };
    /// What holds where nothing was decided: tenants from before there were signatures, and the demo tenant.
    pub const OPEN: Self = Self {
        grants: GrantPolicy::Requested,
        unsigned: UnsignedPolicy::Allowed,
    };
}

/// What a tenant lists for one plugin, as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantRecord {
    /// The plugin, in all its versions.
    pub plugin: PluginId,
    /// What it may have of what it asks for.
    pub capabilities: Grants,
    /// When it was granted.
    pub granted_at: Timestamp,
    /// Who granted it.
    pub granted_by: String,
    /// Why, at most 1,000 bytes.
    pub why: Option<String>,
}

/// What tenant and platform grant to a plugin now. Changes at once for every binding of the plugin; cheap to clone.
#[derive(Debug, Clone)]
pub struct Granted(Arc<AtomicU32>);

impl Granted {
    /// What it is at this moment.
    pub fn now(&self) -> Grants {
        Grants::from_bits(self.0.load(Ordering::Relaxed))
    }
}

/// What is granted to whom, for every plugin that is loaded somewhere.
#[derive(Default)]
pub(crate) struct GrantTable(Mutex<BTreeMap<(TenantId, PluginId), Granted>>);

impl GrantTable {
    fn cell(&self, tenant: &TenantId, plugin: &PluginId) -> Granted {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let nothing = || Granted(Arc::new(AtomicU32::new(Grants::NONE.bits())));
        let key = (tenant.clone(), plugin.clone());
        table.entry(key).or_insert_with(nothing).clone()
    }

    /// The plugins of a tenant that are loaded; forgets those that are not any more.
    fn plugins(&self, tenant: &TenantId) -> Vec<PluginId> {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        table.retain(|_, granted| Arc::strong_count(&granted.0) > 1);
        let of_tenant = table.keys().filter(|(owner, _)| owner == tenant);
        of_tenant.map(|(_, plugin)| plugin.clone()).collect()
    }
}

impl Registry {
    /// What the tenant decides about all its plugins.
    pub async fn policy(&self, ctx: &OpContext) -> Result<PluginPolicy, RegistryError> {
        let row = self.inner.store.get(ctx, POLICY, POLICY_KEY.as_bytes()).await?;
        row.map_or(Ok(PluginPolicy::OPEN), |row| {
            Ok(serde_json::from_slice(&row.value)?)
        })
    }

    /// Decides about all plugins of the tenant; what is granted changes at once.
    pub async fn set_policy(&self, ctx: &OpContext, policy: PluginPolicy) -> Result<(), RegistryError> {
        let _one_at_a_time = self.inner.bound.changing(&ctx.tenant).await;
        let tx = Tx::new().put(POLICY, POLICY_KEY, serde_json::to_vec(&policy)?);
        self.inner.store.commit(ctx, tx).await?;
        for plugin in self.inner.granted.plugins(&ctx.tenant) {
            self.granted(ctx, &plugin).await?;
        }
        Ok(())
    }

    /// What the tenant lists for a plugin; `None`: nothing, so that the policy holds.
    pub async fn listed_grant(
        &self,
        ctx: &OpContext,
        plugin: &PluginId,
    ) -> Result<Option<GrantRecord>, RegistryError> {
        let row = self
            .inner
            .store
            .get(ctx, GRANTS, plugin.as_str().as_bytes())
            .await?;
        row.map(|row| Ok(serde_json::from_slice(&row.value)?)).transpose()
    }

    /// Lists what a plugin may have, in all its versions and instead of what the policy says; holds at once.
    pub async fn grant(
        &self,
        ctx: &OpContext,
        plugin: &PluginId,
        capabilities: Grants,
        why: Option<String>,
        now: Timestamp,
    ) -> Result<GrantRecord, RegistryError> {
        check_why(why.as_deref())?;
        self.plugin(ctx, plugin, None).await?;
        let record = GrantRecord {
            plugin: plugin.clone(),
            capabilities,
            granted_at: now,
            granted_by: ctx.actor.to_string(),
            why,
        };
        let row = serde_json::to_vec(&record)?;
        self.change_grant(ctx, plugin, Tx::new().put(GRANTS, plugin.as_str(), row))
            .await?;
        Ok(record)
    }

    /// Takes the list of a plugin away, so that the policy holds again, at once.
    pub async fn unlist_grant(&self, ctx: &OpContext, plugin: &PluginId) -> Result<(), RegistryError> {
        if self.listed_grant(ctx, plugin).await?.is_none() {
            return Err(RegistryError::UnknownGrant(plugin.clone()));
        }
        self.change_grant(ctx, plugin, Tx::new().delete(GRANTS, plugin.as_str()))
            .await
    }

    async fn change_grant(&self, ctx: &OpContext, plugin: &PluginId, tx: Tx) -> Result<(), RegistryError> {
        let _one_at_a_time = self.inner.bound.changing(&ctx.tenant).await;
        self.inner.store.commit(ctx, tx).await?;
        self.granted(ctx, plugin).await?;
        Ok(())
    }

    /// What the platform allows any plugin at most.
    pub fn ceiling(&self) -> Grants {
        self.inner.ceiling
    }

    /// What tenant and platform grant to a plugin; it has of it what its manifest asks for.
    pub async fn tenant_grants(&self, ctx: &OpContext, plugin: &PluginId) -> Result<Grants, RegistryError> {
        let tenant = match self.listed_grant(ctx, plugin).await? {
            Some(listed) => listed.capabilities,
            None => match self.policy(ctx).await?.grants {
                GrantPolicy::Requested => Grants::ALL,
                GrantPolicy::Listed => Grants::NONE,
            },
        };
        Ok(tenant.and(self.inner.ceiling))
    }

    /// Brings what is granted to a plugin up to date, and answers it.
    pub(crate) async fn granted(&self, ctx: &OpContext, plugin: &PluginId) -> Result<Granted, RegistryError> {
        let granted = self.inner.granted.cell(&ctx.tenant, plugin);
        let grants = self.tenant_grants(ctx, plugin).await?;
        granted.0.store(grants.bits(), Ordering::Relaxed);
        Ok(granted)
    }
}
