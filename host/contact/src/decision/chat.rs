use std::sync::Arc;

use jackfield_types::{AgentId, AttachmentId, Channel, ChatEntryId, Digest, InteractionId, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Enqueue, QueueExit, QueueProgress};

/// One step of a chat flow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatQuestion {
    /// What the flow returned with its last answer; empty at `Started`.
    #[serde(with = "serde_bytes")]
    pub state: Vec<u8>,
    /// What happened.
    pub event: ChatEvent,
    /// The conversation at hand.
    pub chat: ChatInfo,
}

/// A written conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatInfo {
    /// The interaction.
    pub interaction: InteractionId,
    /// Its channel.
    pub channel: Channel,
    /// The entry through which the customer came.
    pub entry: ChatEntryId,
    /// The customer's address on the channel.
    pub address: Arc<str>,
    /// When the conversation began.
    pub started_at: Timestamp,
    /// The entry's language (BCP 47).
    pub language: Arc<str>,
    /// What has been set so far.
    pub attributes: Vec<(Arc<str>, Arc<str>)>,
}

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Counts up from 1 within the interaction.
    pub number: u32,
    /// When it was accepted.
    pub at: Timestamp,
    /// Who wrote it.
    pub author: Author,
    /// At most 8,192 bytes.
    pub text: Arc<str>,
}

/// Who wrote a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Author {
    /// The customer.
    Customer,
    /// An agent.
    Agent(AgentId),
    /// A plugin.
    Bot,
    /// The platform.
    System,
}

/// Something that came with a message; its contents stay with the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceivedAttachment {
    /// The name that the customer's program gave it.
    pub name: Arc<str>,
    /// The media type.
    pub media_type: Arc<str>,
    /// Bytes; `None` when the channel doesn't say.
    pub size: Option<u64>,
    /// Under which the host keeps the contents; `None` when it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<AttachmentId>,
    /// SHA-256 of the contents; `None` when the host has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// Where the contents lie with the provider that told of it; plugins are not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Arc<str>>,
    /// Why the host does not keep the contents: a stable code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Arc<str>>,
    /// When the customer first opened it by its link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened_at: Option<Timestamp>,
}

impl ReceivedAttachment {
    /// Something of which the host has no contents.
    pub fn named(name: Arc<str>, media_type: Arc<str>) -> Self {
        Self {
            name,
            media_type,
            size: None,
            id: None,
            digest: None,
            source: None,
            refused: None,
            opened_at: None,
        }
    }
}

/// What happened in a conversation, as a flow sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChatEvent {
    /// The conversation has begun and belongs to this flow now.
    Started,
    /// The customer wrote.
    Received {
        /// The message.
        message: Message,
        /// What came with it; at most 16.
        attachments: Vec<ReceivedAttachment>,
    },
    /// The customer picked a choice; with its id.
    Chosen(Arc<str>),
    /// Nothing came within the time of `AwaitReply`, or a survey question ended with no answer.
    NoReply,
    /// The customer waits.
    QueueProgress(QueueProgress),
    /// The queue gave the customer back.
    QueueLeft(QueueExit),
    /// An agent has the conversation now.
    Answered(AgentId),
    /// The agent lets the customer wait for an answer.
    Unanswered {
        /// Who.
        agent: AgentId,
        /// How long the oldest unanswered message has waited, in milliseconds.
        waited_ms: u64,
    },
    /// The agent has closed the conversation; the customer is still there.
    AgentLeft {
        /// Who.
        agent: AgentId,
        /// How long the agent had the conversation, in milliseconds.
        handled_ms: u64,
    },
    /// The customer answered a survey question.
    SurveyAnswered {
        /// The question's id.
        question: Arc<str>,
        /// The number.
        value: u8,
    },
    /// A timer of the flow has run out.
    Timer(Arc<str>),
    /// The conversation is over.
    Ended,
    /// Another version of the flow wrote the state, with this state schema: to be taken over. The actions of the
    /// answer are not carried out.
    Migrated(u32),
}

/// What a chat flow wants to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChatAction {
    /// Send a message to the customer.
    Send(ChatMessage),
    /// Show that an answer is being written, and go on after so many milliseconds.
    Typing(u64),
    /// Wait so many milliseconds for the customer.
    AwaitReply(u64),
    /// Put the customer into a queue.
    Enqueue {
        /// Which, what for, how urgent.
        enqueue: Enqueue,
        /// What the agent should know beforehand.
        summary: Option<Arc<str>>,
    },
    /// Set an attribute of the interaction.
    Set(Arc<str>, Arc<str>),
    /// Ask one survey question.
    AskSurvey(ChatSurveyQuestion),
    /// Set a named timer that runs out after so many milliseconds.
    SetTimer(Arc<str>, u64),
    /// Close the conversation.
    End,
}

impl ChatAction {
    /// Whether the action waits for something, and so must be the last of an answer.
    pub const fn waits(&self) -> bool {
        matches!(
            self,
            Self::AwaitReply(_) | Self::Enqueue { .. } | Self::AskSurvey(_) | Self::End
        )
    }
}

/// A message to the customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatMessage {
    /// The text, 1 to 8,192 bytes.
    pub text: Arc<str>,
    /// Choices, at most 10; ids differ.
    pub choices: Vec<Choice>,
}

/// A choice offered with a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// Given back when it is picked.
    pub id: Arc<str>,
    /// What the customer sees.
    pub label: Arc<str>,
}

/// One question of the survey, answered by a number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatSurveyQuestion {
    /// The question's id.
    pub id: Arc<str>,
    /// The text.
    pub text: Arc<str>,
    /// The lowest number that is an answer.
    pub lowest: u8,
    /// The highest number that is an answer, at most 10.
    pub highest: u8,
}

/// A chat flow's answer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ChatAnswer {
    /// Given back with the next event; at most 16 KiB.
    #[serde(with = "serde_bytes")]
    pub state: Vec<u8>,
    /// What to do, in order; at most 32, one that waits only at the end.
    pub actions: Vec<ChatAction>,
}
