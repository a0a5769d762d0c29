use jackfield_contact::decision::Question;
use jackfield_types::{Capability, Channel};

use crate::{
    bindings::cx::{
        chat::messages::{Host, Message},
        types::types::Error,
    },
    capability::checked_limit,
    lower::Lower,
    state::State,
};

impl Host for State {
    fn list(&mut self, after: u32, limit: u32) -> Result<Vec<Message>, Error> {
        self.granted(Capability::Messages)?;
        let limit = checked_limit(limit, 1..=200)?;
        let channel = match &*self.question {
            Question::Chat(question) => question.chat.channel,
            Question::Assist(question) => question.channel,
            Question::Tags(question) => question.channel,
            Question::Scorecard(question) => question.channel,
            _ => Channel::Voice,
        };
        // A call has no written messages, nor has what is no interaction.
        if channel == Channel::Voice || self.question.interaction().is_none() {
            return Ok(Vec::new());
        }
        let mut messages = self.told(self.env.reads.messages(after, limit))?;
        messages.truncate(limit);
        let mut lower = Lower::reply();
        let messages = lower.messages(&messages);
        lower.replied(messages)
    }
}
