use std::sync::Arc;

use jackfield_types::{AgentId, Channel, CustomerId, InteractionId, QueueId, Timestamp};
use serde::{Deserialize, Serialize};

/// A customer as plugins may see one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// The id within the tenant.
    pub id: CustomerId,
    /// The name, when one is known.
    pub name: Option<Arc<str>>,
    /// The preferred language (BCP 47), when one is known.
    pub language: Option<Arc<str>>,
    /// When the customer was first seen.
    pub first_seen_at: Timestamp,
    /// Attributes of the profile.
    pub attributes: Vec<(Arc<str>, Arc<str>)>,
    /// Tags, expired ones included.
    pub tags: Vec<Tag>,
}

/// A label on a customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    /// The name, at most 64 bytes.
    pub name: Arc<str>,
    /// 0 to 100 per cent.
    pub confidence: u8,
    /// Why, for people.
    pub reason: Arc<str>,
    /// When it stops holding; `None`: until it is taken away.
    pub expires_at: Option<Timestamp>,
}

/// A finished interaction, as plugins may see one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastInteraction {
    /// Its id.
    pub id: InteractionId,
    /// Its channel.
    pub channel: Channel,
    /// When it began.
    pub started_at: Timestamp,
    /// Its length in milliseconds.
    pub length_ms: u64,
    /// The queue that it last waited in.
    pub queue: Option<QueueId>,
    /// The agent who last handled it.
    pub agent: Option<AgentId>,
    /// How long agents talked with the customer, in milliseconds.
    pub talked_ms: u64,
    /// Whether the customer gave up before an agent answered.
    pub abandoned: bool,
    /// The value that came of it, in the currency's minor unit; 0 when none.
    pub value: u64,
}

/// An answered survey question of some interaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SurveyRecord {
    /// The interaction.
    pub interaction: InteractionId,
    /// When it was answered.
    pub at: Timestamp,
    /// The question and the answer.
    pub answer: super::SurveyAnswer,
}

/// An evaluation of some interaction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EvaluationRecord {
    /// The interaction.
    pub interaction: InteractionId,
    /// When it was evaluated.
    pub at: Timestamp,
    /// Whom it was about.
    pub agent: Option<AgentId>,
    /// The weighted score, 0 to 100; `None` when no item applied.
    pub score: Option<f64>,
    /// Emotions by phase.
    pub emotions: Vec<PhaseEmotion>,
}

/// The customer's emotion in one phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhaseEmotion {
    /// The phase.
    pub phase: Phase,
    /// The emotion.
    pub emotion: Emotion,
}

/// The phases of a service conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Greeting and the first impression.
    Open,
    /// Who is calling, and about what.
    Identify,
    /// Asking until the matter is clear.
    Understand,
    /// Solving it.
    Help,
    /// Summing up and farewell.
    Close,
}

/// An ordinal from 1 (very bad) to 5 (very good): only the order counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Emotion(u8);

impl TryFrom<u8> for Emotion {
    type Error = &'static str;
    fn try_from(value: u8) -> Result<Self, Self::Error> {
        if (1..=5).contains(&value) {
            Ok(Self(value))
        } else {
            Err("an emotion is an ordinal from 1 to 5")
        }
    }
}

impl From<Emotion> for u8 {
    fn from(emotion: Emotion) -> Self {
        emotion.0
    }
}
