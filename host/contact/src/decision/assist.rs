use std::sync::Arc;

use jackfield_types::{AgentId, Channel, InteractionId, QueueId};
use serde::{Deserialize, Serialize};

use super::Message;

/// A conversation in which an agent is assisted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssistQuestion {
    /// The interaction.
    pub interaction: InteractionId,
    /// Its channel.
    pub channel: Channel,
    /// Who is assisted.
    pub agent: AgentId,
    /// The queue that the conversation came from.
    pub queue: Option<QueueId>,
    /// Its language (BCP 47).
    pub language: Arc<str>,
    /// Why the question is asked.
    pub trigger: AssistTrigger,
    /// The last messages, oldest first; at most 50.
    pub messages: Vec<Message>,
    /// What the customer has typed and not sent yet.
    pub typing: Option<Arc<str>>,
    /// What flows and agents have set.
    pub attributes: Vec<(Arc<str>, Arc<str>)>,
}

/// Why an assist question is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AssistTrigger {
    /// The agent has just taken the conversation.
    Connected,
    /// The customer wrote or said something.
    CustomerMessage,
    /// The customer is writing.
    CustomerTyping,
    /// The agent asked.
    Requested,
}

/// One suggestion to an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suggestion {
    /// What is suggested.
    pub advice: Advice,
    /// What the agent sees first.
    pub title: Arc<str>,
    /// 0 to 100 per cent.
    pub confidence: u8,
    /// Why, for people.
    pub reason: Arc<str>,
    /// The number of the message that gave rise to it; one of the question's.
    pub about: Option<u32>,
}

/// What is suggested.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Advice {
    /// A reply that the agent may send.
    Reply(Arc<str>),
    /// An entry of the knowledge base, by its id as the plugin gave it; may name none.
    Knowledge(Arc<str>),
    /// A step that the agent may take.
    Next {
        /// A stable code.
        code: Arc<str>,
        /// With what; may be empty.
        argument: Arc<str>,
    },
    /// A word to the agent.
    Hint(Arc<str>),
}
