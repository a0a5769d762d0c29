//! The written conversation at hand, for chat flows.

pub use crate::bindings::host::cx::chat::{
    chats::{ChatInfo, QueueStatus},
    conversation::{
        AgentLeft, Attachment, ChatAction, ChatEvent, Choice, Enqueue, Outgoing, QueueExit, QueueProgress,
        Received, SurveyAnswer, SurveyQuestion, Timer, Unanswered,
    },
    types::{Author, Message},
};
use crate::{Attribute, Error, imports::chats};

/// The conversation that the decision is about.
///
/// # Errors
/// `not-granted`.
pub fn current() -> Result<ChatInfo, Error> {
    chats::current()
}

/// How a queue stands.
///
/// # Errors
/// `unknown-queue`, `not-granted`.
pub fn queue(id: &str) -> Result<QueueStatus, Error> {
    chats::queue(id)
}

impl ChatAction {
    /// Sends a text.
    pub fn say(text: impl Into<String>) -> Self {
        Self::offer(text, [])
    }

    /// Sends a text with choices: what comes back, and what the customer sees; at most 10.
    pub fn offer<'a>(text: impl Into<String>, choices: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        Self::Send(Outgoing {
            text: text.into(),
            choices: choices
                .into_iter()
                .map(|(id, label)| Choice {
                    id: id.to_owned(),
                    label: label.to_owned(),
                })
                .collect(),
        })
    }

    /// Sets an attribute of the interaction.
    pub fn set(key: &str, value: impl Into<String>) -> Self {
        Self::Set(Attribute {
            key: key.to_owned(),
            value: value.into(),
        })
    }
}
