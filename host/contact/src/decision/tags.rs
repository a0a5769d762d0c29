use std::sync::Arc;

use jackfield_types::{Channel, InteractionId, Timestamp};
use serde::{Deserialize, Serialize};

use super::Tag;
use crate::interaction::Interaction;

/// The finished interaction after which a customer is tagged, or something else that gave rise to the question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TagQuestion {
    /// The interaction; `None`: something else, which the attribute `occasion` names.
    pub interaction: Option<InteractionId>,
    /// Its channel; of something else the one that the customer prefers, or else voice.
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

impl TagQuestion {
    /// The question after an interaction.
    pub fn after(it: &Interaction) -> Self {
        Self {
            interaction: Some(it.id),
            channel: it.channel,
            started_at: it.started_at,
            ended_at: it.ending.as_ref().map_or(it.started_at, |ending| ending.at),
            abandoned: it.abandoned(),
            waited_ms: it.waited_ms,
            talked_ms: it.talked_ms,
            attributes: it.attributes.clone(),
            score: it.score,
        }
    }

    /// The question about something that is no interaction; `facts` say more of it.
    pub fn about(occasion: &str, channel: Channel, at: Timestamp, facts: Vec<(Arc<str>, Arc<str>)>) -> Self {
        let mut attributes = vec![("occasion".into(), occasion.into())];
        attributes.extend(facts);
        Self {
            interaction: None,
            channel,
            started_at: at,
            ended_at: at,
            abandoned: false,
            waited_ms: 0,
            talked_ms: 0,
            attributes,
            score: None,
        }
    }
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
