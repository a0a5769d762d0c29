use std::sync::Arc;

use jackfield_sandbox::{DecidedBy, ENGINE, Plugin};
use jackfield_store::{Check, Scan, Tx};
use jackfield_types::{Digest, ExtensionPoint, OpContext, PluginId, TenantId, Timestamp, Version, limits};
use tokio::sync::MutexGuard;

use crate::record::{check_percent, check_why};
use crate::schema;
use crate::{
    BINDING_HISTORY, BINDINGS, BindRequest, BindingRecord, Bound, PluginRecord, Registry, RegistryError,
};

impl Registry {
    /// Loads a tenant's bindings; at the start. A binding whose component can't be loaded any more is left out with a
    /// log line, and its kind's fail policy holds.
    pub async fn load_tenant(&self, ctx: &OpContext, now: Timestamp) -> Result<(), RegistryError> {
        for record in self.bindings(ctx).await? {
            let point = record.point.clone();
            let previous = match self.last_before(ctx, &record).await? {
                Some(before) => self.ready(ctx, before, None).await.ok(),
                None => None,
            };
            match self.ready(ctx, record, previous).await {
                Ok(bound) => {
                    self.put_in(ctx, bound);
                    self.resume_rollout(ctx, &point, now).await;
                }
                Err(error) => {
                    self.left_out().insert((ctx.tenant.clone(), point.clone()));
                    tracing::error!(tenant = %ctx.tenant, %point, %error, "binding left out: its plugin can't be loaded");
                }
            }
        }
        Ok(())
    }

    /// Plugs a version with a configuration into a point; seen by the next decision there. A rollout that is under way
    /// there ends with it: [`Registry::ended_by`].
    pub async fn bind(
        &self,
        ctx: &OpContext,
        request: BindRequest,
        now: Timestamp,
    ) -> Result<BindingRecord, RegistryError> {
        self.bind_if(ctx, request, now, Vec::new()).await
    }

    /// The same, if these rows are as they are said to be when it becomes durable.
    ///
    /// # Errors
    /// [`RegistryError::Changed`] when they are not.
    pub async fn bind_if(
        &self,
        ctx: &OpContext,
        request: BindRequest,
        now: Timestamp,
        checks: Vec<Check>,
    ) -> Result<BindingRecord, RegistryError> {
        check_why(request.why.as_deref())?;
        check_percent(request.record_percent)?;
        let point = request.point;
        let plugin = self
            .fitting(
                ctx,
                &point,
                &request.plugin,
                request.version.as_ref(),
                &request.config,
            )
            .await?;
        let _one_at_a_time = self.inner.bound.changing(&ctx.tenant).await;
        let request = BindRequest { point, ..request };
        let mut also = self
            .ended_rollout(
                ctx,
                &request.point,
                "another binding came in the place of what it ran beside",
                now,
            )
            .await?;
        also.checks.extend(checks);
        self.swap(ctx, plugin, request, now, also).await
    }

    /// Until it is dropped, nothing is bound or taken out in the tenant.
    pub async fn unchanging(&self, tenant: &TenantId) -> MutexGuard<'_, ()> {
        self.inner.bound.changing(tenant).await
    }

    /// Binds what fits, for whoever is changing the tenant; `also` becomes durable together with it.
    pub(crate) async fn swap(
        &self,
        ctx: &OpContext,
        plugin: PluginRecord,
        request: BindRequest,
        now: Timestamp,
        also: Tx,
    ) -> Result<BindingRecord, RegistryError> {
        let point = request.point;
        let before = self.bound(&ctx.tenant, &point);
        let revision = self.next_revision(ctx, &point).await?;
        let record = BindingRecord {
            point,
            plugin: plugin.id,
            version: plugin.version,
            kind: plugin.kind,
            digest: plugin.digest,
            config: request.config,
            revision,
            bound_at: now,
            bound_by: ctx.actor.to_string(),
            why: request.why,
            record_percent: request
                .record_percent
                .or(before.as_ref().map(|bound| bound.record.record_percent))
                .unwrap_or(100),
            removed: false,
        };
        let previous = before.map(|bound| {
            // N−1 is kept, N−2 is let go.
            Arc::new(Bound {
                record: bound.record.clone(),
                by: bound.by.clone(),
                plugin: bound.plugin.clone(),
                granted: bound.granted.clone(),
                previous: None,
                candidate: None,
            })
        });
        let bound = self.ready(ctx, record.clone(), previous).await?;
        let (key, row) = (record.point.to_string(), serde_json::to_vec(&record)?);
        let tx = also.put(BINDINGS, key.clone(), row.clone()).put(
            BINDING_HISTORY,
            history_key(&key, record.revision),
            row,
        );
        self.inner
            .store
            .commit(ctx, tx)
            .await
            .map_err(|error| match error {
                jackfield_store::Error::Conflict { .. } => RegistryError::Changed(record.point.clone()),
                error => error.into(),
            })?;
        self.put_in(ctx, bound);
        Ok(record)
    }

    /// The version, when it may be bound at the point with this configuration.
    pub(crate) async fn fitting(
        &self,
        ctx: &OpContext,
        point: &ExtensionPoint,
        plugin: &PluginId,
        version: Option<&Version>,
        config: &serde_json::Value,
    ) -> Result<PluginRecord, RegistryError> {
        if !config.is_object() {
            return Err(RegistryError::InvalidConfig("expected a JSON object".into()));
        }
        let (bytes, most) = (config.to_string().len(), limits::MAX_CONFIG_BYTES);
        if bytes > most {
            let problem = format!("{bytes} bytes: expected at most {most}");
            return Err(RegistryError::InvalidConfig(problem));
        }
        let plugin = self.plugin(ctx, plugin, version).await?;
        if plugin.kind != point.kind() {
            return Err(RegistryError::WrongKind {
                point: point.clone(),
                expected: point.kind(),
                plugin: plugin.id,
                found: plugin.kind,
            });
        }
        self.check_may_bind(ctx, &plugin).await?;
        check_config(self.loaded(ctx, plugin.digest).await?, config.clone()).await?;
        Ok(plugin)
    }

    /// Takes a binding away, and answers its entry in the history. The fail policy of the kind holds from then on. A
    /// rollout that is under way there ends with it: [`Registry::ended_by`].
    pub async fn unbind(
        &self,
        ctx: &OpContext,
        point: &ExtensionPoint,
        why: Option<String>,
        now: Timestamp,
    ) -> Result<BindingRecord, RegistryError> {
        check_why(why.as_deref())?;
        let _one_at_a_time = self.inner.bound.changing(&ctx.tenant).await;
        let key = point.to_string();
        let row = self.inner.store.get(ctx, BINDINGS, key.as_bytes()).await?;
        let row = row.ok_or_else(|| RegistryError::UnknownBinding(point.clone()))?;
        let record = BindingRecord {
            revision: self.next_revision(ctx, point).await?,
            bound_at: now,
            bound_by: ctx.actor.to_string(),
            why,
            removed: true,
            ..serde_json::from_slice(&row.value)?
        };
        let history = history_key(&key, record.revision);
        let tx = self
            .ended_rollout(ctx, point, "the binding that it ran beside was removed", now)
            .await?
            .delete(BINDINGS, key)
            .put(BINDING_HISTORY, history, serde_json::to_vec(&record)?);
        self.inner.store.commit(ctx, tx).await?;
        self.inner.bound.remove(&ctx.tenant, point);
        let place = (ctx.tenant.clone(), point.clone());
        self.under_way().remove(&place);
        self.left_out().remove(&place);
        Ok(record)
    }

    /// From the history, since a point that was unbound meanwhile goes on counting.
    async fn next_revision(&self, ctx: &OpContext, point: &ExtensionPoint) -> Result<u64, RegistryError> {
        let history = self.binding_history(ctx, point).await?;
        Ok(history.first().map_or(1, |last| last.revision + 1))
    }

    /// The bindings of a tenant, by point.
    pub async fn bindings(&self, ctx: &OpContext) -> Result<Vec<BindingRecord>, RegistryError> {
        let mut records = Vec::new();
        let mut cursor = None;
        loop {
            let page = self
                .inner
                .store
                .scan(ctx, BINDINGS, Scan::all().after(cursor))
                .await?;
            for row in &page.rows {
                records.push(serde_json::from_slice(&row.value)?);
            }
            cursor = page.next;
            if cursor.is_none() {
                return Ok(records);
            }
        }
    }

    /// Everything that was ever bound at a point and taken away from it, newest first, at most 1,000.
    pub async fn binding_history(
        &self,
        ctx: &OpContext,
        point: &ExtensionPoint,
    ) -> Result<Vec<BindingRecord>, RegistryError> {
        let prefix = format!("{point} ");
        let page = self
            .inner
            .store
            .scan(ctx, BINDING_HISTORY, Scan::prefix(prefix).reverse())
            .await?;
        page.rows
            .iter()
            .map(|row| Ok(serde_json::from_slice(&row.value)?))
            .collect()
    }

    /// A version that was bound at a point once, with the configuration that it had last there: for what it began and has
    /// not ended. `None` when it never was.
    pub async fn was_bound(
        &self,
        ctx: &OpContext,
        point: &ExtensionPoint,
        digest: Digest,
    ) -> Result<Option<Arc<Bound>>, RegistryError> {
        let history = self.binding_history(ctx, point).await?;
        let found = history.into_iter().find(|entry| entry.digest == digest);
        match found {
            Some(entry) => Ok(Some(self.ready(ctx, entry, None).await?)),
            None => Ok(None),
        }
    }

    async fn last_before(
        &self,
        ctx: &OpContext,
        record: &BindingRecord,
    ) -> Result<Option<BindingRecord>, RegistryError> {
        let history = self.binding_history(ctx, &record.point).await?;
        let before = history.into_iter().find(|entry| entry.revision < record.revision);
        // After an empty point there is no version to fall back to.
        Ok(before.filter(|before| !before.removed))
    }

    pub(crate) async fn ready(
        &self,
        ctx: &OpContext,
        record: BindingRecord,
        previous: Option<Arc<Bound>>,
    ) -> Result<Arc<Bound>, RegistryError> {
        let plugin = self.loaded(ctx, record.digest).await?;
        let granted = self.granted(ctx, &record.plugin).await?;
        let by = DecidedBy {
            point: record.point.clone(),
            revision: record.revision,
            plugin: record.plugin.clone(),
            version: record.version.clone(),
            digest: record.digest,
            config: record.config.to_string().into(),
            engine: ENGINE.into(),
            projection: plugin.projection().clone(),
        };
        Ok(Arc::new(Bound {
            record,
            by: by.into(),
            plugin,
            granted,
            previous,
            candidate: None,
        }))
    }

    pub(crate) fn put_in(&self, ctx: &OpContext, bound: Arc<Bound>) {
        self.inner.bound.put(&ctx.tenant, &bound);
        let place = (ctx.tenant.clone(), bound.record.point.clone());
        self.left_out().remove(&place);
        match &bound.candidate {
            Some(candidate) => self.under_way().insert(place, candidate.clone()),
            None => self.under_way().remove(&place),
        };
    }
}

/// Against the schema of the plugin; on a blocking thread, since both may be large.
async fn check_config(plugin: Arc<Plugin>, config: serde_json::Value) -> Result<(), RegistryError> {
    let checked = tokio::task::spawn_blocking(move || match &plugin.manifest().config_schema {
        Some(schema) => schema::check_config(schema, &config),
        None => Ok(()),
    });
    checked
        .await
        .map_err(|error| RegistryError::Unavailable(format!("checking the configuration: {error}")))?
}

fn history_key(point: &str, revision: u64) -> String {
    format!("{point} {revision:020}")
}
