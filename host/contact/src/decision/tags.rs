use std::sync::Arc;

use jackfield_types::{Channel, InteractionId, Timestamp};
use serde::{Deserialize, Serialize};

use super::Tag;

/// The finished interaction after which a customer is tagged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TagQuestion {
    /// The interaction.
    pub interaction: InteractionId,
    /// Its channel.
    pub channel: Channel,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// Whether the customer gave up before an agent answered.
    pub abandoned: bool,
    /// Milliseconds waited in queues.
    pub waited_ms: u64,
    /// Milliseconds talked with agents.
    pub talked_ms: u64,
    /// What flows and agents have set.
    pub attributes: Vec<(Arc<str>, Arc<str>)>,
    /// The weighted score, 0 to 100, when there is one.
    pub score: Option<f64>,
}

/// One change of a customer's tags.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TagChange {
    /// Add or replace.
    Add(Tag),
    /// Keep, with new confidence, reason and expiry; nothing when it is not there.
    Refresh(Tag),
    /// Take away.
    Expire(Arc<str>),
}
