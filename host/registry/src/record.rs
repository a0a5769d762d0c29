use std::sync::Arc;

use jackfield_sandbox::Plugin;
use jackfield_types::{Digest, ExtensionPoint, PluginId, PluginKind, Timestamp, Version};
use serde::{Deserialize, Serialize};

/// One version of a plugin, as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginRecord {
    /// The plugin.
    pub id: PluginId,
    /// Its version; never overwritten.
    pub version: Version,
    /// Its kind.
    pub kind: PluginKind,
    /// The component.
    pub digest: Digest,
    /// Bytes of the component.
    pub size: u64,
    /// One line for people.
    pub description: Option<String>,
    /// An SPDX expression.
    pub licence: Option<String>,
    /// When it was uploaded.
    pub uploaded_at: Timestamp,
    /// Who uploaded it.
    pub uploaded_by: String,
}

/// A binding, as stored; also one entry of a point's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BindingRecord {
    /// Where.
    pub point: ExtensionPoint,
    /// The plugin.
    pub plugin: PluginId,
    /// Its version.
    pub version: Version,
    /// Its kind.
    pub kind: PluginKind,
    /// The component.
    pub digest: Digest,
    /// The configuration that the plugin reads.
    pub config: serde_json::Value,
    /// Counts up from 1 with each change at this point.
    pub revision: u64,
    /// When it was bound.
    pub bound_at: Timestamp,
    /// Who bound it.
    pub bound_by: String,
}

/// A wish to bind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BindRequest {
    /// Where.
    pub point: ExtensionPoint,
    /// The plugin.
    pub plugin: PluginId,
    /// The version; `None`: the newest.
    pub version: Option<Version>,
    /// The configuration, a JSON object of at most 64 KiB.
    pub config: serde_json::Value,
}

/// What is plugged in at a point, ready to decide.
pub struct Bound {
    /// The binding.
    pub record: BindingRecord,
    /// The configuration as the plugin gets it.
    pub config: Arc<str>,
    /// The loaded plugin.
    pub plugin: Arc<Plugin>,
    /// What was bound here before: the last good version, asked when this one fails.
    pub previous: Option<Arc<Bound>>,
}
