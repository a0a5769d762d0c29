//! The call at hand, for voice flows.

pub use crate::bindings::host::cx::call::{
    calls::{CallInfo, QueueStatus},
    types::{
        AgentLeft, CallAction, CallEvent, Enqueue, Gather, Prompt, QueueExit, QueueProgress, Speech,
        SurveyAnswer, SurveyQuestion, Timer,
    },
};
use crate::{Attribute, Error, imports::calls};

/// The call that the decision is about.
///
/// # Errors
/// `not-granted`.
pub fn current() -> Result<CallInfo, Error> {
    calls::current()
}

/// How a queue stands.
///
/// # Errors
/// `unknown-queue`, `not-granted`.
pub fn queue(id: &str) -> Result<QueueStatus, Error> {
    calls::queue(id)
}

impl Prompt {
    /// Text spoken in a language, for example `zh-CN` or `en`.
    pub fn say(language: &str, text: impl Into<String>) -> Self {
        Self::Say(Speech {
            text: text.into(),
            language: language.to_owned(),
        })
    }
}

impl CallAction {
    /// Sets an attribute of the interaction.
    pub fn set(key: &str, value: impl Into<String>) -> Self {
        Self::Set(Attribute {
            key: key.to_owned(),
            value: value.into(),
        })
    }
}
