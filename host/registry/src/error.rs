//! What can go wrong in the registry.
//!
//! Policy: every refusal names the thing and what would have been accepted, has a stable code for machines, and
//! changes nothing. Trouble of the store or the disk is `Unavailable` and may be tried again.

use std::borrow::Cow;

use jackfield_sandbox::{InvalidComponent, LoadError};
use jackfield_types::{ExtensionPoint, KeyName, PluginId, PluginKind, Version, limits};

use crate::PublicKey;

/// What can go wrong in the registry.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// No such plugin, or no such version of it.
    #[error("there is no plugin {plugin}{}; upload it first", version.as_ref().map(|v| format!(" {v}")).unwrap_or_default())]
    UnknownPlugin {
        /// Which.
        plugin: PluginId,
        /// Which version, when one was named.
        version: Option<Version>,
    },
    /// Nothing is bound there.
    #[error("nothing is bound at {0}")]
    UnknownBinding(ExtensionPoint),
    /// What the point belongs to was removed or changed while this was being done.
    #[error(
        "what {0} belongs to was removed or changed meanwhile; nothing was bound, look at it and try again"
    )]
    Changed(ExtensionPoint),
    /// The version exists with other bytes.
    #[error("plugin {plugin} {version} was uploaded before with other bytes; raise the version")]
    VersionExists {
        /// Which.
        plugin: PluginId,
        /// Which version.
        version: Version,
    },
    /// The plugin is of another kind than the point.
    #[error("{point} takes a {expected} plugin, and {plugin} is a {found}")]
    WrongKind {
        /// Where.
        point: ExtensionPoint,
        /// What fits.
        expected: PluginKind,
        /// Which plugin.
        plugin: PluginId,
        /// What it is.
        found: PluginKind,
    },
    /// The bytes are no plugin that this host runs.
    #[error(transparent)]
    InvalidComponent(#[from] InvalidComponent),
    /// The configuration is no JSON object, or too large.
    #[error("config: {0}")]
    InvalidConfig(String),
    /// A field of a rollout is wrong.
    #[error("{field}: {problem}")]
    InvalidRollout {
        /// Which.
        field: &'static str,
        /// What was expected.
        problem: String,
    },
    /// No rollout is under way.
    #[error("no rollout is under way at {0}; start one first")]
    NoRollout(ExtensionPoint),
    /// The configuration is not what the plugin's schema allows.
    #[error("config: {problem}")]
    WrongConfig {
        /// The wrong field as a JSON pointer into the configuration.
        pointer: String,
        /// The wrong fields, each with what was found and expected.
        problem: String,
    },
    /// A reason is too long.
    #[error("why: {found} bytes: expected at most {most}", most = limits::MAX_WHY_BYTES)]
    LongWhy {
        /// Its bytes.
        found: usize,
    },
    /// A share is no share.
    #[error("record_percent: {found}: expected 0 to 100")]
    BadPercent {
        /// What was asked for.
        found: u8,
    },
    /// The version was withdrawn.
    #[error(
        "plugin {plugin} {version} was yanked{}: choose another version, or take that back with unyank",
        why.as_ref().map(|why| format!(" ({why})")).unwrap_or_default()
    )]
    Yanked {
        /// Which.
        plugin: PluginId,
        /// Which version.
        version: Version,
        /// Why it was.
        why: Option<String>,
    },
    /// Nobody signed the version.
    #[error(
        "plugin {plugin} {version} is not signed, and this tenant refuses unsigned plugins: sign it, or have an \
         administrator allow unsigned ones"
    )]
    Unsigned {
        /// Which.
        plugin: PluginId,
        /// Which version.
        version: Version,
    },
    /// It is signed by somebody whom the tenant doesn't trust.
    #[error(
        "signed with {0}, which is none of the keys that this tenant trusts: an administrator can add it (jackfield plugin trust add)"
    )]
    UntrustedKey(Box<PublicKey>),
    /// The signature is not that of what was uploaded.
    #[error("the signature is not one of this component; the text to be signed is:\n{0}")]
    BadSignature(String),
    /// The tenant trusts another key under this name.
    #[error("another key is trusted under the name {0}: remove it first, or choose another name")]
    KeyExists(KeyName),
    /// No such trusted key.
    #[error("no key is trusted under the name {0}")]
    UnknownKey(KeyName),
    /// Nothing is listed for the plugin.
    #[error("nothing is listed for plugin {0}: the tenant's policy holds")]
    UnknownGrant(PluginId),
    /// A limit of the tenant is reached.
    #[error("a tenant can have {most} {what} at most; remove one first")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many.
        most: usize,
    },
    /// The tenant's plugins, recordings and attachments have no room for it.
    #[error(
        "the quota storage-bytes of this tenant has no room: {used} of {limit}; the operator raises it; plugins and \
         recordings count"
    )]
    StorageFull {
        /// Bytes that are used.
        used: u64,
        /// Bytes that it may use.
        limit: u64,
    },
    /// The plugin could not be compiled or loaded.
    #[error(transparent)]
    Load(LoadError),
    /// Too much is going on; nothing was done, try again in a moment.
    #[error("{0}")]
    Overloaded(String),
    /// The store or the disk refuses; try again.
    #[error("{0}")]
    Unavailable(String),
}

impl RegistryError {
    /// A stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownPlugin { .. } => "unknown-plugin",
            Self::UnknownBinding(_) => "unknown-binding",
            Self::Changed(_) => "changed",
            Self::VersionExists { .. } => "version-exists",
            Self::WrongKind { .. } => "wrong-kind",
            Self::Load(LoadError::Limit(_)) => "compile-limit",
            Self::InvalidComponent(_) | Self::Load(_) => "invalid-component",
            Self::Overloaded(_) => "overloaded",
            Self::InvalidRollout { .. } | Self::LongWhy { .. } | Self::BadPercent { .. } => "invalid-value",
            Self::NoRollout(_) => "unknown-rollout",
            Self::InvalidConfig(_) | Self::WrongConfig { .. } => "invalid-config",
            Self::Yanked { .. } => "yanked",
            Self::Unsigned { .. } => "unsigned",
            Self::UntrustedKey(_) => "untrusted-key",
            Self::BadSignature(_) => "bad-signature",
            Self::KeyExists(_) => "exists",
            Self::UnknownKey(_) => "unknown-trusted-key",
            Self::UnknownGrant(_) => "unknown-grant",
            Self::TooMany { .. } => "too-many",
            Self::StorageFull { .. } => "quota",
            Self::Unavailable(_) => "unavailable",
        }
    }

    /// The field of the request that was wrong; within the configuration a JSON pointer.
    pub fn field(&self) -> Option<Cow<'static, str>> {
        Some(match self {
            Self::UnknownPlugin { version: None, .. } | Self::WrongKind { .. } => "plugin".into(),
            Self::UnknownPlugin { .. } | Self::VersionExists { .. } | Self::Yanked { .. } => "version".into(),
            Self::InvalidConfig(_) => "config".into(),
            Self::WrongConfig { pointer, .. } => format!("/config{pointer}").into(),
            Self::InvalidRollout { field, .. } => (*field).into(),
            Self::LongWhy { .. } => "why".into(),
            Self::BadPercent { .. } => "record_percent".into(),
            _ => return None,
        })
    }
}

impl From<LoadError> for RegistryError {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Invalid(error) => Self::InvalidComponent(error),
            LoadError::Busy => Self::Overloaded(error.to_string()),
            LoadError::Compiler(_) => Self::Unavailable(error.to_string()),
            other => Self::Load(other),
        }
    }
}

impl From<jackfield_store::Error> for RegistryError {
    fn from(error: jackfield_store::Error) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<serde_json::Error> for RegistryError {
    fn from(error: serde_json::Error) -> Self {
        Self::Unavailable(format!("a stored record can't be read: {error}"))
    }
}
