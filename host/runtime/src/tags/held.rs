//! A tag that a customer has, and where it comes from.

use std::sync::Arc;

use jackfield_contact::decision::{Provenance, Tag};
use jackfield_types::{DecisionId, PluginId, Timestamp, Version};
use serde::{Deserialize, Serialize};

/// A tag of a customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldTag {
    /// The name, at most 64 bytes.
    pub name: Arc<str>,
    /// 0 to 100 per cent.
    pub confidence: u8,
    /// Why, for people.
    pub reason: Arc<str>,
    /// When it stops holding; `None`: when it is taken away.
    pub expires_at: Option<Timestamp>,
    /// When it was set; `None`: before this was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set_at: Option<Timestamp>,
    /// When it was last confirmed, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refreshed_at: Option<Timestamp>,
    /// Who set it, or confirmed it last.
    #[serde(default)]
    pub source: TagSource,
}

/// Who gave a tag.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TagSource {
    /// A plugin, before it was kept which.
    #[default]
    Unrecorded,
    /// A person, by hand.
    Person(Arc<str>),
    /// A plugin.
    Plugin {
        /// Which.
        plugin: PluginId,
        /// Its version.
        version: Version,
        /// The record of the decision, when one was kept.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        decision: Option<DecisionId>,
    },
}

impl TagSource {
    /// Who it is, for people: the plugin with its version, or the person.
    pub fn name(&self) -> Arc<str> {
        match self {
            Self::Unrecorded => "plugin".into(),
            Self::Person(who) => who.clone(),
            Self::Plugin { plugin, version, .. } => format!("{plugin}@{version}").into(),
        }
    }

    /// The record of the decision, when one was kept.
    pub const fn decision(&self) -> Option<DecisionId> {
        match self {
            Self::Plugin { decision, .. } => *decision,
            _ => None,
        }
    }
}

impl From<&Provenance> for TagSource {
    fn from(by: &Provenance) -> Self {
        Self::Plugin {
            plugin: by.plugin.clone(),
            version: by.version.clone(),
            decision: by.decision,
        }
    }
}

impl HeldTag {
    /// Whether somebody set it by hand, so that no plugin changes it.
    pub const fn is_manual(&self) -> bool {
        matches!(self.source, TagSource::Person(_))
    }

    /// Whether it holds at a moment.
    pub fn holds(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|at| at > now)
    }

    /// What plugins see of it.
    pub fn tag(&self) -> Tag {
        Tag {
            name: self.name.clone(),
            confidence: self.confidence,
            reason: self.reason.clone(),
            expires_at: self.expires_at,
        }
    }
}

/// Of before it was kept who gave it.
impl From<Tag> for HeldTag {
    fn from(tag: Tag) -> Self {
        Self {
            name: tag.name,
            confidence: tag.confidence,
            reason: tag.reason,
            expires_at: tag.expires_at,
            set_at: None,
            refreshed_at: None,
            source: TagSource::Unrecorded,
        }
    }
}

/// When the first of them ends.
pub(crate) fn earliest_end(tags: &[HeldTag]) -> Option<Timestamp> {
    tags.iter().filter_map(|tag| tag.expires_at).min()
}

/// What two customers who are one have together: of a name, what was set by hand goes before the rest, and the first's before
/// the second's.
pub(crate) fn with(first: &mut Vec<HeldTag>, second: Vec<HeldTag>) {
    for tag in second {
        match first.iter_mut().find(|known| known.name == tag.name) {
            None => first.push(tag),
            Some(known) if tag.is_manual() && !known.is_manual() => *known = tag,
            Some(_) => {}
        }
    }
}
