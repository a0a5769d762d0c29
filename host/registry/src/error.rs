//! What can go wrong in the registry.
//!
//! Policy: every refusal names the thing and what would have been accepted, has a stable code for machines, and
//! changes nothing. Trouble of the store or the disk is `Unavailable` and may be tried again.

use jackfield_sandbox::{InvalidComponent, LoadError};
use jackfield_types::{ExtensionPoint, PluginId, PluginKind, Version};

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
    /// A limit of the tenant is reached.
    #[error("a tenant can have {most} {what} at most; remove one first")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many.
        most: usize,
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
            Self::VersionExists { .. } => "version-exists",
            Self::WrongKind { .. } => "wrong-kind",
            Self::Load(LoadError::Limit(_)) => "compile-limit",
            Self::InvalidComponent(_) | Self::Load(_) => "invalid-component",
            Self::Overloaded(_) => "overloaded",
            Self::InvalidConfig(_) => "invalid-config",
            Self::InvalidRollout { .. } => "invalid-value",
            Self::NoRollout(_) => "unknown-rollout",
            Self::TooMany { .. } => "too-many",
            Self::Unavailable(_) => "unavailable",
        }
    }

    /// The field of the request that was wrong.
    pub fn field(&self) -> Option<&'static str> {
        match self {
            Self::UnknownPlugin { version: None, .. } | Self::WrongKind { .. } => Some("plugin"),
            Self::UnknownPlugin { .. } | Self::VersionExists { .. } => Some("version"),
            Self::InvalidConfig(_) => Some("config"),
            Self::InvalidRollout { field, .. } => Some(field),
            _ => None,
        }
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
