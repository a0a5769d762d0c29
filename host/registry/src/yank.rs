//! Withdrawing versions: a yanked version can't be bound anew; where it is bound it goes on.

use jackfield_store::Tx;
use jackfield_types::{OpContext, PluginId, Timestamp, Version};

use crate::plugins::key;
use crate::record::check_why;
use crate::{PLUGINS, PluginRecord, Registry, RegistryError, Yank};

impl Registry {
    /// Withdraws a version, with the reason that whoever wants to bind it is told. Again changes nothing.
    pub async fn yank(
        &self,
        ctx: &OpContext,
        plugin: &PluginId,
        version: &Version,
        why: Option<String>,
        now: Timestamp,
    ) -> Result<PluginRecord, RegistryError> {
        check_why(why.as_deref())?;
        let yank = Yank {
            at: now,
            by: ctx.actor.to_string(),
            why,
        };
        self.change_yank(ctx, plugin, version, |known| known.or(Some(yank)))
            .await
    }

    /// Takes a withdrawal back. Again changes nothing.
    pub async fn unyank(
        &self,
        ctx: &OpContext,
        plugin: &PluginId,
        version: &Version,
    ) -> Result<PluginRecord, RegistryError> {
        self.change_yank(ctx, plugin, version, |_| None).await
    }

    async fn change_yank(
        &self,
        ctx: &OpContext,
        plugin: &PluginId,
        version: &Version,
        change: impl FnOnce(Option<Yank>) -> Option<Yank>,
    ) -> Result<PluginRecord, RegistryError> {
        // Not while something is being bound.
        let _one_at_a_time = self.inner.bound.changing(&ctx.tenant).await;
        let mut record = self.plugin(ctx, plugin, Some(version)).await?;
        record.yanked = change(record.yanked.take());
        let tx = Tx::new().put(PLUGINS, key(plugin, version), serde_json::to_vec(&record)?);
        self.inner.store.commit(ctx, tx).await?;
        Ok(record)
    }
}
