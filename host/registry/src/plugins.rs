use std::sync::Arc;

use jackfield_sandbox::{InvalidComponent, Manifest, Plugin, Sandbox};
use jackfield_store::{Scan, Tx};
use jackfield_types::{Digest, OpContext, PluginId, Timestamp, Version, limits};

use crate::{PLUGINS, PluginRecord, PluginSignature, Registry, RegistryError, schema};

impl Registry {
    /// Takes a component in: checks it, compiles it, stores it. The same bytes again answer the same record, to which a
    /// signature of another key is added; other bytes under a known version are refused. Uploads of one tenant take turns. Without a signature it is refused
    /// unless the tenant allows that.
    pub async fn upload(
        &self,
        ctx: &OpContext,
        wasm: Vec<u8>,
        signature: Option<PluginSignature>,
        now: Timestamp,
    ) -> Result<PluginRecord, RegistryError> {
        self.upload_within(ctx, wasm, signature, None, now).await
    }

    /// [`Registry::upload`] for a tenant whose large objects may have so many bytes together. Since uploads take turns,
    /// each sees those before it.
    pub async fn upload_within(
        &self,
        ctx: &OpContext,
        wasm: Vec<u8>,
        signature: Option<PluginSignature>,
        storage: Option<u64>,
        now: Timestamp,
    ) -> Result<PluginRecord, RegistryError> {
        let upload = self.take_in(ctx, wasm, signature, storage, now);
        self.inner.uploads.in_turn(&ctx.tenant, upload).await
    }

    async fn take_in(
        &self,
        ctx: &OpContext,
        wasm: Vec<u8>,
        signature: Option<PluginSignature>,
        storage: Option<u64>,
        now: Timestamp,
    ) -> Result<PluginRecord, RegistryError> {
        let wasm: Arc<[u8]> = wasm.into();
        let bytes = wasm.clone();
        // Only the manifest: what costs more is checked where the component is compiled.
        let read = tokio::task::spawn_blocking(move || (Digest::of(&bytes), Sandbox::manifest(&bytes)))
            .await
            .map_err(|error| RegistryError::Unavailable(error.to_string()))?;
        let (digest, manifest) = (read.0, read.1?);
        let key = key(&manifest.id, &manifest.version);
        if let Some(known) = self.inner.store.get(ctx, PLUGINS, &key).await? {
            let known: PluginRecord = serde_json::from_slice(&known.value)?;
            if known.digest == digest {
                return match signature {
                    Some(signature) => self.sign_again(ctx, &manifest, digest, &signature).await,
                    None => Ok(known),
                };
            }
            return Err(RegistryError::VersionExists {
                plugin: known.id,
                version: known.version,
            });
        }
        let signed_by = self
            .check_signature(ctx, &manifest, digest, signature.as_ref())
            .await?;
        if self.plugins(ctx).await?.len() >= limits::MAX_PLUGIN_VERSIONS {
            return Err(RegistryError::TooMany {
                what: "plugin versions",
                most: limits::MAX_PLUGIN_VERSIONS,
            });
        }
        let size = wasm.len() as u64;
        if let Some(schema) = manifest.config_schema.clone() {
            let checked = tokio::task::spawn_blocking(move || schema::check_schema(&schema)).await;
            checked
                .map_err(|error| RegistryError::Unavailable(error.to_string()))?
                .map_err(|why| InvalidComponent::Manifest(format!("config-schema: {why:.1000}")))?;
        }
        if let Some(limit) = storage {
            self.check_room(ctx, digest, size, limit).await?;
        }
        // Checked and compiled now, so that binding finds it in the cache.
        drop(self.load(digest, wasm.clone()).await?);
        self.inner.store.blobs().put_stream(ctx, &wasm[..]).await?;
        let record = PluginRecord {
            id: manifest.id,
            version: manifest.version,
            kind: manifest.kind,
            digest,
            size,
            description: manifest.description,
            licence: manifest.provenance.licence,
            uploaded_at: now,
            uploaded_by: ctx.actor.to_string(),
            capabilities: manifest.capabilities,
            projection: manifest.projection,
            limits: manifest.limits,
            signed_by,
            also_signed_by: Vec::new(),
            yanked: None,
        };
        let tx = Tx::new()
            .check_absent(PLUGINS, key.clone())
            .put(PLUGINS, key, serde_json::to_vec(&record)?);
        match self.inner.store.commit(ctx, tx).await {
            Ok(_) => Ok(record),
            // Somebody else was faster with the same version.
            Err(jackfield_store::Error::Conflict { .. }) => {
                let known = self.plugin(ctx, &record.id, Some(&record.version)).await?;
                if known.digest == digest {
                    return Ok(known);
                }
                Err(RegistryError::VersionExists {
                    plugin: record.id,
                    version: record.version,
                })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Adds a signature to a version that is there already: of a new key, or anew of a known one.
    async fn sign_again(
        &self,
        ctx: &OpContext,
        manifest: &Manifest,
        digest: Digest,
        signature: &PluginSignature,
    ) -> Result<PluginRecord, RegistryError> {
        let signed = self
            .check_signature(ctx, manifest, digest, Some(signature))
            .await?;
        // Not while it is being yanked or bound.
        let _one_at_a_time = self.inner.bound.changing(&ctx.tenant).await;
        let mut record = self.plugin(ctx, &manifest.id, Some(&manifest.version)).await?;
        let Some(signed) = signed.filter(|signed| record.signatures().all(|known| known.key != signed.key))
        else {
            return Ok(record);
        };
        if record.signatures().count() >= limits::MAX_SIGNATURES {
            return Err(RegistryError::TooMany {
                what: "signatures of a version",
                most: limits::MAX_SIGNATURES,
            });
        }
        match record.signed_by {
            None => record.signed_by = Some(signed),
            Some(_) => record.also_signed_by.push(signed),
        }
        let key = key(&record.id, &record.version);
        let tx = Tx::new().put(PLUGINS, key, serde_json::to_vec(&record)?);
        self.inner.store.commit(ctx, tx).await?;
        Ok(record)
    }

    /// Bytes that are stored already cost nothing.
    async fn check_room(
        &self,
        ctx: &OpContext,
        digest: Digest,
        size: u64,
        limit: u64,
    ) -> Result<(), RegistryError> {
        let blobs = self.inner.store.blobs();
        let used = blobs.used(ctx).await?;
        if used.saturating_add(size) <= limit || blobs.len(ctx, digest).await?.is_some() {
            return Ok(());
        }
        Err(RegistryError::StorageFull { used, limit })
    }

    /// All plugin versions of a tenant, by id and version.
    pub async fn plugins(&self, ctx: &OpContext) -> Result<Vec<PluginRecord>, RegistryError> {
        let mut records: Vec<PluginRecord> = Vec::new();
        let mut cursor = None;
        loop {
            let page = self
                .inner
                .store
                .scan(ctx, PLUGINS, Scan::all().after(cursor))
                .await?;
            for row in &page.rows {
                records.push(serde_json::from_slice(&row.value)?);
            }
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        records.sort_by(|a, b| (&a.id, &a.version).cmp(&(&b.id, &b.version)));
        Ok(records)
    }

    /// One version of a plugin, loaded and ready to decide; the newest when none is named.
    pub async fn version(
        &self,
        ctx: &OpContext,
        plugin: &PluginId,
        version: Option<&Version>,
    ) -> Result<(PluginRecord, Arc<Plugin>), RegistryError> {
        let record = self.plugin(ctx, plugin, version).await?;
        let plugin = self.loaded(ctx, record.digest).await?;
        Ok((record, plugin))
    }

    /// One version of a plugin. When none is named: the newest that is not yanked, releases before pre-releases.
    pub async fn plugin(
        &self,
        ctx: &OpContext,
        plugin: &PluginId,
        version: Option<&Version>,
    ) -> Result<PluginRecord, RegistryError> {
        let unknown = || RegistryError::UnknownPlugin {
            plugin: plugin.clone(),
            version: version.cloned(),
        };
        match version {
            Some(version) => {
                let row = self.inner.store.get(ctx, PLUGINS, &key(plugin, version)).await?;
                Ok(serde_json::from_slice(&row.ok_or_else(unknown)?.value)?)
            }
            None => {
                let mut versions = self.plugins(ctx).await?;
                versions.retain(|record| record.id == *plugin);
                // All yanked: the refusal to bind says why.
                let newest = versions.into_iter().max_by_key(|record| {
                    (
                        record.yanked.is_none(),
                        record.version.pre.is_empty(),
                        record.version.clone(),
                    )
                });
                newest.ok_or_else(unknown)
            }
        }
    }
}

pub(crate) fn key(plugin: &PluginId, version: &Version) -> Vec<u8> {
    format!("{plugin}@{version}").into_bytes()
}
