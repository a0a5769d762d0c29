//! What goes over a chat window's socket: one JSON object a frame.

use jackfield_contact::chat::Side;
use jackfield_types::AttachmentId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::handler::message::MessageView;

/// From the window.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum FromWindow {
    /// The first frame: who it is, and the number of the last message that it has.
    Hello {
        token: String,
        #[serde(default)]
        after: u32,
    },
    /// A message. It is acknowledged when it is durable; the same `client_id` again counts once.
    Send {
        client_id: String,
        #[serde(default)]
        text: String,
        #[serde(default)]
        choice: Option<String>,
        #[serde(default)]
        attachments: Vec<AttachmentId>,
    },
    /// The customer has read so far.
    Read { up_to: u32 },
    /// The customer is writing: this, where the window shows it.
    Typing {
        #[serde(default)]
        text: Option<String>,
    },
    /// The customer closes the conversation.
    End {},
}

/// To the window.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub(crate) enum ToWindow<'a> {
    /// It is connected; what it lacks follows.
    Ready {
        conversation: String,
        standing: Standing,
        /// The number of the last message that the agent has read.
        agent_read: u32,
        /// Whether the agent sees what the customer is writing, so that `typing` has a text.
        typing_preview: bool,
    },
    Message(MessageView),
    /// The message with this id is durable, and has this number.
    Ack {
        client_id: &'a str,
        number: u32,
    },
    Standing(Standing),
    /// The other side has read so far.
    Read {
        up_to: u32,
    },
    /// The other side is writing.
    Typing {
        ms: u64,
    },
    /// Something was not done; `client_id` says which message, when it was one.
    Error {
        code: &'a str,
        message: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        client_id: Option<&'a str>,
    },
}

/// How a conversation stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Standing {
    /// Who has it.
    #[serde(rename = "standing")]
    pub name: StandingName,
    /// What the agent is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
}

/// Who has a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StandingName {
    /// The flow.
    Bot,
    /// Nobody yet: it waits for an agent.
    Waiting,
    /// An agent.
    Agent,
    /// It is over.
    Ended,
}

/// Whose reading and writing the customer is told of.
pub(crate) const OTHER: Side = Side::Agent;
