use std::{fmt, sync::Arc};

use jackfield_contact::decision::{Author, Failure, Message, Phase, Tag};
use jackfield_types::{Channel, Timestamp};

use crate::{
    ReadError,
    bindings::cx::{chat::types as chat, types::types as wit},
    ceilings::MAX_HOST_CALL_BYTES,
    fault::failure,
};

/// Turns domain values into WIT values and counts their bytes on the way; stops copying when there are too many.
pub(crate) struct Lower {
    limit: usize,
    used: usize,
}

impl Lower {
    /// For a question.
    pub(crate) const fn question(limit: usize) -> Self {
        Self { limit, used: 0 }
    }

    /// For the answer of a host call.
    pub(crate) const fn reply() -> Self {
        Self {
            limit: MAX_HOST_CALL_BYTES,
            used: 0,
        }
    }

    /// Counts `bytes`; false when they are too many.
    pub(crate) fn takes(&mut self, bytes: usize) -> bool {
        self.used = self.used.saturating_add(bytes);
        self.used <= self.limit
    }

    pub(crate) fn text(&mut self, text: &str) -> String {
        if self.takes(text.len()) {
            text.to_owned()
        } else {
            String::new()
        }
    }

    pub(crate) fn shown(&mut self, value: impl fmt::Display) -> String {
        let text = value.to_string();
        self.takes(text.len());
        text
    }

    /// A list; its entries count by their size, beside their texts.
    pub(crate) fn list<T, U>(&mut self, from: &[T], mut entry: impl FnMut(&mut Self, &T) -> U) -> Vec<U> {
        if self.takes(size_of::<U>().saturating_mul(from.len())) {
            from.iter().map(|item| entry(self, item)).collect()
        } else {
            Vec::new()
        }
    }

    pub(crate) fn attributes(&mut self, from: &[(Arc<str>, Arc<str>)]) -> Vec<wit::Attribute> {
        self.list(from, |lower, (key, value)| wit::Attribute {
            key: lower.text(key),
            value: lower.text(value),
        })
    }

    /// The tags that hold at `now`.
    pub(crate) fn tags(&mut self, from: &[Tag], now: Timestamp) -> Vec<wit::Tag> {
        let mut tags = self.list(from, |lower, tag| {
            tag.expires_at.is_none_or(|end| end > now).then(|| wit::Tag {
                name: lower.text(&tag.name),
                confidence: tag.confidence,
                reason: lower.text(&tag.reason),
                expires_at: tag.expires_at.map(|at| at.0),
            })
        });
        tags.drain(..).flatten().collect()
    }

    pub(crate) fn message(&mut self, from: &Message) -> chat::Message {
        let (author, agent) = match &from.author {
            Author::Customer => (chat::Author::Customer, None),
            Author::Agent(agent) => (chat::Author::Agent, Some(self.text(agent.as_str()))),
            Author::Bot => (chat::Author::Bot, None),
            Author::System => (chat::Author::System, None),
        };
        chat::Message {
            number: from.number,
            at: from.at.0,
            author,
            agent,
            text: self.text(&from.text),
        }
    }

    pub(crate) fn messages(&mut self, from: &[Message]) -> Vec<chat::Message> {
        self.list(from, Self::message)
    }

    /// The finished question, unless it is too large.
    pub(crate) fn asked<T>(self, question: T) -> Result<T, Failure> {
        if self.used <= self.limit {
            Ok(question)
        } else {
            let (used, limit) = (self.used, self.limit);
            Err(failure(
                "oversize",
                format_args!("the question has at least {used} bytes: expected at most {limit}"),
            ))
        }
    }

    /// The finished answer of a host call, unless it is too large.
    pub(crate) fn replied<T>(self, reply: T) -> Result<T, wit::Error> {
        if self.used <= self.limit {
            Ok(reply)
        } else {
            Err(refuse(
                "too-large",
                format!("there is more than {} bytes of it: ask for less", self.limit),
            ))
        }
    }
}

/// A host call that is refused.
pub(crate) fn refuse(code: &str, message: String) -> wit::Error {
    wit::Error {
        code: code.to_owned(),
        message,
        retryable: false,
    }
}

impl From<ReadError> for wit::Error {
    fn from(error: ReadError) -> Self {
        Self {
            code: error.code.to_string(),
            message: error.message.to_string(),
            retryable: error.retryable,
        }
    }
}

impl From<Channel> for wit::Channel {
    fn from(channel: Channel) -> Self {
        match channel {
            Channel::Voice => Self::Voice,
            Channel::Chat => Self::Chat,
            Channel::Sms => Self::Sms,
            Channel::Email => Self::Email,
            Channel::Social => Self::Social,
        }
    }
}

impl From<wit::Channel> for Channel {
    fn from(channel: wit::Channel) -> Self {
        match channel {
            wit::Channel::Voice => Self::Voice,
            wit::Channel::Chat => Self::Chat,
            wit::Channel::Sms => Self::Sms,
            wit::Channel::Email => Self::Email,
            wit::Channel::Social => Self::Social,
        }
    }
}

impl From<Phase> for wit::Phase {
    fn from(phase: Phase) -> Self {
        match phase {
            Phase::Open => Self::Open,
            Phase::Identify => Self::Identify,
            Phase::Understand => Self::Understand,
            Phase::Help => Self::Help,
            Phase::Close => Self::Close,
        }
    }
}

impl From<wit::Phase> for Phase {
    fn from(phase: wit::Phase) -> Self {
        match phase {
            wit::Phase::Open => Self::Open,
            wit::Phase::Identify => Self::Identify,
            wit::Phase::Understand => Self::Understand,
            wit::Phase::Help => Self::Help,
            wit::Phase::Close => Self::Close,
        }
    }
}
